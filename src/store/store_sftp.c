/* store_sftp: a folder on an SSH server as a store. Each member of the driver is one attempt, which
 * sftp_run repeats from its beginning when the line broke. */
#include "store_sftp.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum status attempt_nothing(struct store_sftp *store, void *request, struct error *error)
{
    (void)store;
    (void)request;
    (void)error;
    return STATUS_OK;
}

static void sftp_close(void *self)
{
    struct store_sftp *store = self;
    if (store != NULL) {
        sftp_disconnect(store);
        sftp_config_free(store->config);
        free(store->host_key);
        free(store);
    }
}

static enum status sftp_open(void **self, const struct store_options *options, struct error *error)
{
    struct store_sftp *store = calloc(1, sizeof *store);
    if (store == NULL) {
        return error_set_memory(error);
    }
    enum status status = sftp_config_new(&store->config, options, error);
    if (status == STATUS_OK) {
        status = sftp_run(store, attempt_nothing, NULL, error);
    }
    if (status != STATUS_OK) {
        sftp_close(store);
        return status;
    }
    *self = store;
    return STATUS_OK;
}

/* ---- folders */

static int look_folder(struct store_sftp *store, const char *path)
{
    LIBSSH2_SFTP_ATTRIBUTES attributes = {0};
    int answer = sftp_call_look(&attributes, store->session, path);
    if (answer == LIBSSH2_FX_OK && !LIBSSH2_SFTP_S_ISDIR(attributes.permissions) &&
        !LIBSSH2_SFTP_S_ISLNK(attributes.permissions)) {
        return LIBSSH2_FX_FAILURE;
    }
    return answer;
}

/* Makes a folder, and before it, where one is missing, those that it lies in. */
static int make_path(struct store_sftp *store, char *path)
{
    int answer = sftp_call_make_folder(store->session, path);
    if (answer == LIBSSH2_FX_OK || answer == SFTP_BROKEN) {
        return answer;
    }
    if (answer == LIBSSH2_FX_NO_SUCH_FILE) {
        char *slash = strrchr(path, '/');
        if (slash == NULL || slash == path) {
            return answer;
        }
        *slash = '\0';
        answer = make_path(store, path);
        *slash = '/';
        return answer == LIBSSH2_FX_OK ? sftp_call_make_folder(store->session, path) : answer;
    }
    int seen = look_folder(store, path);
    return seen == LIBSSH2_FX_NO_SUCH_FILE ? answer : seen;
}

static enum status attempt_make_folder(struct store_sftp *store, void *request, struct error *error)
{
    char path[SFTP_PATH_LIMIT];
    int answer = make_path(store, sftp_path(path, store, request));
    if (answer == LIBSSH2_FX_OK) {
        return STATUS_OK;
    }
    enum status status =
        sftp_fail(store, error, answer, _("the folder %s cannot be made"), (const char *)request);
    if (status == STATUS_FAILED) {
        return error_set_hint(error, "%s",
                              _("Perhaps something else is in its place. Whoever runs the storage "
                                "can move it away."));
    }
    if (status == STATUS_DENIED) {
        return error_set_hint(error, "%s",
                              _("On write-once storage the folders are made beforehand, by the "
                                "server's operator."));
    }
    return status;
}

static enum status sftp_make_folder(void *self, const char *name, struct error *error)
{
    char copy[STORE_NAME_LIMIT + 1];
    snprintf(copy, sizeof copy, "%s", name);
    return sftp_run(self, attempt_make_folder, copy, error);
}

/* ---- reading */

/* Its size; CORRUPT: something else than a file is in its place. */
static enum status look_at_file(uint64_t *size, struct store_sftp *store, const char *name,
                                struct error *error)
{
    char path[SFTP_PATH_LIMIT];
    LIBSSH2_SFTP_ATTRIBUTES attributes = {0};
    int answer = sftp_call_look(&attributes, store->session, sftp_path(path, store, name));
    if (answer != LIBSSH2_FX_OK) {
        return sftp_fail(store, error, answer, _("%s cannot be looked at"), name);
    }
    if ((attributes.flags & LIBSSH2_SFTP_ATTR_SIZE) == 0 ||
        ((attributes.flags & LIBSSH2_SFTP_ATTR_PERMISSIONS) != 0 &&
         !LIBSSH2_SFTP_S_ISREG(attributes.permissions))) {
        return error_set(error, STATUS_CORRUPT, 0, _("%s is not a file"), name);
    }
    *size = attributes.filesize;
    return STATUS_OK;
}

struct get_request {
    const char *name;
    uint64_t offset;
    void *target;
    size_t size;
    size_t *got;
    bool again; /* an attempt was made before */
};

/* A pipe in the object's place holds up the server that opens it. To look first takes a round trip,
 * so it is done only after the line broke. */
static enum status open_for_reading(struct store_sftp *store, struct get_request *get,
                                    struct error *error)
{
    sftp_stop_reading(store);
    uint64_t size;
    if (get->again) {
        enum status status = look_at_file(&size, store, get->name, error);
        if (status != STATUS_OK) {
            return status;
        }
    }
    get->again = true;
    char path[SFTP_PATH_LIMIT];
    int answer = sftp_call_open(&store->reading, store->session, sftp_path(path, store, get->name),
                                LIBSSH2_FXF_READ);
    if (answer != LIBSSH2_FX_OK) {
        return sftp_fail(store, error, answer, _("%s cannot be opened"), get->name);
    }
    snprintf(store->reading_name, sizeof store->reading_name, "%s", get->name);
    return STATUS_OK;
}

static enum status attempt_get(struct store_sftp *store, void *request, struct error *error)
{
    struct get_request *get = request;
    if (strcmp(store->reading_name, get->name) != 0) {
        enum status status = open_for_reading(store, get, error);
        if (status != STATUS_OK) {
            return status;
        }
    }
    if (libssh2_sftp_tell64(store->reading) != get->offset) {
        libssh2_sftp_seek64(store->reading, get->offset);
    }
    int answer = sftp_call_read(get->got, store->session, store->reading, get->target, get->size);
    if (answer != LIBSSH2_FX_OK) {
        enum status status = sftp_fail(store, error, answer, _("%s cannot be read"), get->name);
        sftp_stop_reading(store);
        return status;
    }
    if (*get->got < get->size) {
        /* libssh2 remembers the end; a handle of its own sees what is there the next time. */
        sftp_stop_reading(store);
    }
    return STATUS_OK;
}

static enum status sftp_get(void *self, const char *name, uint64_t offset, void *target,
                            size_t size, size_t *got, struct error *error)
{
    struct get_request request = {
        .name = name, .offset = offset, .target = target, .size = size, .got = got};
    enum status status = sftp_run(self, attempt_get, &request, error);
    if (status != STATUS_OK) {
        *got = 0;
    }
    return status;
}

struct size_request {
    const char *name;
    uint64_t *size;
};

static enum status attempt_size(struct store_sftp *store, void *request, struct error *error)
{
    const struct size_request *wanted = request;
    return look_at_file(wanted->size, store, wanted->name, error);
}

static enum status sftp_size(void *self, const char *name, uint64_t *size, struct error *error)
{
    *size = 0;
    struct size_request request = {.name = name, .size = size};
    return sftp_run(self, attempt_size, &request, error);
}

static double sftp_round_trip(const void *self)
{
    const struct store_sftp *store = self;
    return store->round_trip;
}

static const char *sftp_host_key(const void *self)
{
    const struct store_sftp *store = self;
    return store->host_key;
}

const struct store_driver store_sftp_driver = {
    .scheme = "sftp",
    .open = sftp_open,
    .close = sftp_close,
    .make_folder = sftp_make_folder,
    .put = store_sftp_put,
    .get = sftp_get,
    .size = sftp_size,
    .list = store_sftp_list,
    .round_trip = sftp_round_trip,
    .host_key = sftp_host_key,
};
