/* store_sftp_list: lists a folder. What is heard is kept until the folder's end, so that after a
 * lost connection nothing is visited twice; a folder too large for that is visited as it is heard,
 * and a connection lost then ends the listing. */
#include "store_sftp.h"
#include <stdio.h>
#include <string.h>

#define KEPT_LIMIT ((size_t)16 * 1024 * 1024)
/* Longer than any file system's names: a longer one makes libssh2 lose the rest of the packet. */
#define HEARD_NAME_SIZE 4096

struct list_request {
    const char *name;
    store_visit visit;
    void *context;
    struct buffer kept; /* size (8 bytes), length (1 byte), name */
    bool visited;       /* some went out already: this cannot be repeated */
};

static enum status keep(struct list_request *list, const char *name, uint64_t size,
                        struct error *error)
{
    size_t length = strlen(name);
    enum status status = buffer_append_u64(&list->kept, size, error);
    if (status == STATUS_OK) {
        status = buffer_append_u8(&list->kept, (uint8_t)length, error);
    }
    return status == STATUS_OK ? buffer_append(&list->kept, name, length, error) : status;
}

static enum status visit_kept(struct list_request *list, struct error *error)
{
    struct cursor cursor = {.at = list->kept.data, .left = list->kept.size};
    uint64_t size = 0;
    uint8_t length = 0;
    while (cursor_u64(&cursor, &size) && cursor_u8(&cursor, &length)) {
        char component[256] = "";
        if (!cursor_copy(&cursor, component, length)) {
            break;
        }
        char path[STORE_NAME_LIMIT + 258];
        struct store_entry told = {.name = path, .size = size};
        snprintf(path, sizeof path, "%s/%s", list->name, component);
        if (!store_listed_valid(path, &told.unfinished)) {
            continue;
        }
        list->visited = true;
        enum status status = list->visit(list->context, &told, error);
        if (status != STATUS_OK) {
            return status;
        }
    }
    buffer_clear(&list->kept);
    return STATUS_OK;
}

static bool is_object(const char *name, const LIBSSH2_SFTP_ATTRIBUTES *attributes)
{
    bool file = (attributes->flags & LIBSSH2_SFTP_ATTR_PERMISSIONS) == 0 ||
                LIBSSH2_SFTP_S_ISREG(attributes->permissions);
    return file && (attributes->flags & LIBSSH2_SFTP_ATTR_SIZE) != 0 && store_component_valid(name);
}

static enum status hear_all(struct store_sftp *store, LIBSSH2_SFTP_HANDLE *handle,
                            struct list_request *list, struct error *error)
{
    for (size_t heard = 0;; heard++) {
        char name[HEARD_NAME_SIZE];
        LIBSSH2_SFTP_ATTRIBUTES attributes = {0};
        bool end = false;
        int answer = sftp_call_next(&end, store->session, handle, name, sizeof name, &attributes);
        if (answer != LIBSSH2_FX_OK) {
            return sftp_fail(store, error, answer, _("%s cannot be listed"), list->name);
        }
        if (end) {
            return STATUS_OK;
        }
        if (heard >= STORE_LIST_LIMIT) {
            return error_set(error, STATUS_CORRUPT, 0, _("%s has more than %d entries"), list->name,
                             STORE_LIST_LIMIT);
        }
        if (!is_object(name, &attributes)) {
            continue;
        }
        enum status status = keep(list, name, attributes.filesize, error);
        if (status == STATUS_OK && list->kept.size > KEPT_LIMIT) {
            status = visit_kept(list, error);
        }
        if (status != STATUS_OK) {
            return status;
        }
    }
}

static enum status attempt_list(struct store_sftp *store, void *request, struct error *error)
{
    struct list_request *list = request;
    if (list->visited) {
        return error_set(error, STATUS_FAILED, 0,
                         _("the connection was lost in the middle of listing %s"), list->name);
    }
    buffer_clear(&list->kept);
    sftp_stop_reading(store);
    char path[SFTP_PATH_LIMIT];
    LIBSSH2_SFTP_HANDLE *handle = NULL;
    int answer = sftp_call_open_folder(&handle, store->session, sftp_path(path, store, list->name));
    if (answer != LIBSSH2_FX_OK) {
        return sftp_fail(store, error, answer, _("the folder %s cannot be opened"), list->name);
    }
    enum status status = hear_all(store, handle, list, error);
    answer = sftp_call_close(store->session, &handle);
    if (status == STATUS_OK && answer == SFTP_BROKEN) {
        status = sftp_error_broken(store->session, error);
    }
    return status;
}

enum status store_sftp_list(void *self, const char *name, store_visit visit, void *context,
                            struct error *error)
{
    struct list_request request = {.name = name, .visit = visit, .context = context};
    enum status status = sftp_run(self, attempt_list, &request, error);
    if (status == STATUS_OK) {
        status = visit_kept(&request, error);
    }
    buffer_free(&request.kept);
    return status;
}
