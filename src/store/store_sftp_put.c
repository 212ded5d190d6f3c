/* store_sftp_put: publishes an object, so that under its name there is only ever the whole of it.
 *
 *   where the server renames       make name.<random>.tmp → write → fsync → size → rename
 *   on write-once storage          make name, exclusively → write → fsync → size
 *
 * Which of the two is found out once, by renaming a name that does not exist: a server that would
 * rename says that there is no such file, one that never renames says that it is not permitted. On
 * write-once storage a partial object can stay under its name; whoever reads trusts none that does
 * not verify. The size is asked for after the fsync, because a full disk acknowledges bytes that it
 * then does not have. The rename of version 3 of the protocol does not replace.
 */
#include "store_sftp.h"
#include <sodium.h>
#include <stdio.h>
#include <string.h>

struct put_request {
    const char *name;
    const void *data;
    size_t size;
    char path[SFTP_PATH_LIMIT];
    char temporary[SFTP_PATH_LIMIT];
    bool made;    /* an earlier attempt made the temporary file */
    bool renamed; /* an earlier attempt sent the rename, and the answer was lost */
};

static enum status decide(struct store_sftp *store, struct error *error)
{
    if (store->publishing != SFTP_PUBLISH_UNDECIDED) {
        return STATUS_OK;
    }
    char name[48];
    char from[SFTP_PATH_LIMIT];
    char to[SFTP_PATH_LIMIT];
    snprintf(name, sizeof name, "%08x%08x" STORE_TEMPORARY_SUFFIX, randombytes_random(),
             randombytes_random());
    sftp_path(from, store, name);
    snprintf(name, sizeof name, "%08x%08x" STORE_TEMPORARY_SUFFIX, randombytes_random(),
             randombytes_random());
    int answer = sftp_call_rename(store->session, from, sftp_path(to, store, name));
    if (answer == SFTP_BROKEN) {
        return sftp_error_broken(store->session, error);
    }
    bool refused = answer == LIBSSH2_FX_PERMISSION_DENIED || answer == LIBSSH2_FX_OP_UNSUPPORTED;
    store->publishing = refused ? SFTP_PUBLISH_DIRECT : SFTP_PUBLISH_RENAME;
    return STATUS_OK;
}

static enum status already_there(const char *name, struct error *error)
{
    return error_set(error, STATUS_EXISTS, 0, _("%s is there already"), name);
}

/* SSH_FX_FAILURE on making or renaming mostly means that the name is taken. */
static enum status fail_naming(struct store_sftp *store, const struct put_request *put, int answer,
                               struct error *error)
{
    if (answer == LIBSSH2_FX_FAILURE) {
        LIBSSH2_SFTP_ATTRIBUTES attributes = {0};
        int seen = sftp_call_look(&attributes, store->session, put->path);
        if (seen == LIBSSH2_FX_OK) {
            return already_there(put->name, error);
        }
        answer = seen == SFTP_BROKEN ? SFTP_BROKEN : answer;
    }
    if (answer == LIBSSH2_FX_NO_SUCH_FILE) {
        error_set(error, STATUS_NOT_FOUND, 0,
                  _("%s cannot be stored: its folder is not on the server"), put->name);
        return error_set_hint(error, "%s", _("Make the folders first, with kura init."));
    }
    return sftp_fail_writing(store, put->name, put->size, answer, error);
}

static int sync_where_possible(struct store_sftp *store, LIBSSH2_SFTP_HANDLE *handle)
{
    if (store->cannot_sync) {
        return LIBSSH2_FX_OK;
    }
    int answer = sftp_call_sync(store->session, handle);
    if (answer == LIBSSH2_FX_OP_UNSUPPORTED || answer == LIBSSH2_FX_PERMISSION_DENIED) {
        store->cannot_sync = true;
        return LIBSSH2_FX_OK;
    }
    return answer;
}

/* Writes and verifies what `handle` is open on. Does not close it. */
static enum status fill(struct store_sftp *store, LIBSSH2_SFTP_HANDLE *handle,
                        const struct put_request *put, struct error *error)
{
    int answer = sftp_call_write(store->session, handle, put->data, put->size);
    if (answer == LIBSSH2_FX_OK) {
        answer = sync_where_possible(store, handle);
    }
    uint64_t size = 0;
    if (answer == LIBSSH2_FX_OK) {
        answer = sftp_call_size(&size, store->session, handle);
    }
    if (answer != LIBSSH2_FX_OK) {
        return sftp_fail_writing(store, put->name, put->size, answer, error);
    }
    if (size != put->size) {
        sftp_fail_writing(store, put->name, put->size, LIBSSH2_FX_FAILURE, error);
        return error_add_context(error, _("the server acknowledged %zu bytes and kept %llu"),
                                 put->size, (unsigned long long)size);
    }
    return STATUS_OK;
}

static enum status write_new(struct store_sftp *store, const char *path,
                             const struct put_request *put, struct error *error)
{
    LIBSSH2_SFTP_HANDLE *handle = NULL;
    int answer = sftp_call_open(&handle, store->session, path,
                                LIBSSH2_FXF_WRITE | LIBSSH2_FXF_CREAT | LIBSSH2_FXF_EXCL);
    if (answer != LIBSSH2_FX_OK) {
        return fail_naming(store, put, answer, error);
    }
    enum status status = fill(store, handle, put, error);
    answer = sftp_call_close(store->session, &handle);
    if (status == STATUS_OK && answer != LIBSSH2_FX_OK) {
        status = sftp_fail_writing(store, put->name, put->size, answer, error);
    }
    return status;
}

/* After a lost connection: our temporary file is gone and an object of our size has the name. Only
 * our own rename does that. */
static enum status clear_earlier(struct store_sftp *store, struct put_request *put, bool *done,
                                 struct error *error)
{
    *done = false;
    int answer = sftp_call_remove(store->session, put->temporary);
    if (answer == LIBSSH2_FX_NO_SUCH_FILE && put->renamed) {
        LIBSSH2_SFTP_ATTRIBUTES attributes = {0};
        answer = sftp_call_look(&attributes, store->session, put->path);
        *done = answer == LIBSSH2_FX_OK && (attributes.flags & LIBSSH2_SFTP_ATTR_SIZE) != 0 &&
                attributes.filesize == put->size;
    }
    put->made = false;
    put->renamed = false;
    return answer == SFTP_BROKEN ? sftp_error_broken(store->session, error) : STATUS_OK;
}

static enum status put_by_rename(struct store_sftp *store, struct put_request *put,
                                 struct error *error)
{
    if (put->made) {
        bool done = false;
        enum status status = clear_earlier(store, put, &done, error);
        if (status != STATUS_OK || done) {
            return status;
        }
    }
    put->made = true;
    enum status status = write_new(store, put->temporary, put, error);
    if (status == STATUS_OK) {
        put->renamed = true;
        int answer = sftp_call_rename(store->session, put->temporary, put->path);
        if (answer == LIBSSH2_FX_OK) {
            return STATUS_OK;
        }
        status = fail_naming(store, put, answer, error);
    }
    if (store->session->failure == SFTP_SOUND) {
        /* Best effort: what stays is no object's, and kura check tells of it. */
        (void)sftp_call_remove(store->session, put->temporary);
    }
    return status;
}

static enum status attempt_put(struct store_sftp *store, void *request, struct error *error)
{
    struct put_request *put = request;
    sftp_stop_reading(store);
    enum status status = decide(store, error);
    if (status != STATUS_OK) {
        return status;
    }
    return store->publishing == SFTP_PUBLISH_RENAME ? put_by_rename(store, put, error)
                                                    : write_new(store, put->path, put, error);
}

enum status store_sftp_put(void *self, const char *name, const void *data, size_t size,
                           struct error *error)
{
    struct store_sftp *store = self;
    struct put_request request = {.name = name, .data = data, .size = size};
    sftp_path(request.path, store, name);
    snprintf(request.temporary, sizeof request.temporary, "%.*s.%08x" STORE_TEMPORARY_SUFFIX,
             SFTP_PATH_LIMIT - 32, request.path, randombytes_random());
    return sftp_run(store, attempt_put, &request, error);
}
