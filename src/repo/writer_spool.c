/* writer_spool: packs that wait for the line, sealed as they will be sent, as files named by their
 * ids. They are not synced: what a power failure leaves of one is found by its hash. */
#include "writer_private.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LAST_LOOK ((size_t)64 * 1024) /* file_read asks for this much at a time */

static enum status spool_path(char **path, const struct writer *writer,
                              const unsigned char id[OBJECT_ID_SIZE], struct error *error)
{
    char name[OBJECT_ID_TEXT_SIZE];
    return path_join(path, writer->spool, hex_encode(name, id, OBJECT_ID_SIZE), error);
}

enum status spool_write(const struct writer *writer, const struct pack_job *job,
                        struct error *error)
{
    CLEANUP(memory_free) char *path = NULL;
    enum status status = spool_path(&path, writer, job->pack.id, error);
    if (status != STATUS_OK) {
        return status;
    }
    CLEANUP(file_close) int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        return error_set_errno(error, errno, _("cannot write %s"), path);
    }
    status = file_write_all(fd, job->bytes.data, job->bytes.size, path, error);
    if (status != STATUS_OK) {
        (void)unlink(path);
    }
    return status;
}

enum status spool_read(const struct writer *writer, struct pack_job *job, struct error *error)
{
    CLEANUP(memory_free) char *path = NULL;
    enum status status = spool_path(&path, writer, job->pack.id, error);
    /* With room for the whole and a last look behind it, reading does not make it grow. */
    size_t room = job->pack.size < PACK_LIMIT ? (size_t)job->pack.size : PACK_LIMIT;
    status = status ? status : buffer_reserve(&job->bytes, room + LAST_LOOK, error);
    status = status ? status : file_read(&job->bytes, path, PACK_LIMIT, error);
    if (status != STATUS_OK) {
        return status;
    }
    unsigned char id[OBJECT_ID_SIZE];
    object_hash(id, job->bytes.data, job->bytes.size);
    if (job->bytes.size != job->pack.size || memcmp(id, job->pack.id, OBJECT_ID_SIZE) != 0) {
        buffer_free(&job->bytes);
        error_set(error, STATUS_CORRUPT, 0, _("%s is damaged"), path);
        return error_set_hint(error, "%s", _("Run the backup again."));
    }
    return STATUS_OK;
}

void spool_remove(const struct writer *writer, const unsigned char id[OBJECT_ID_SIZE])
{
    struct error ignored;
    CLEANUP(memory_free) char *path = NULL;
    if (spool_path(&path, writer, id, &ignored) == STATUS_OK) {
        (void)unlink(path);
    }
}

/* ------------------------------------------------------------------ after an interruption */

static enum status queue_again(void *context, const struct state_pack *pack, struct error *error)
{
    struct writer *writer = context;
    struct pack_job *job = calloc(1, sizeof *job);
    if (job == NULL) {
        return error_set_memory(error);
    }
    job->no = pack->no;
    job->spooled = true;
    job->pack.size = pack->size;
    memcpy(job->pack.id, pack->id, OBJECT_ID_SIZE);
    enum status status = spool_read(writer, job, error);
    if (status != STATUS_OK) {
        pack_job_free(job);
        if (status != STATUS_CORRUPT && status != STATUS_NOT_FOUND) {
            return status;
        }
        error_clear(error);
        return state_drop_waiting(writer->state, pack->no, error);
    }
    buffer_free(&job->bytes);
    job->next = writer->queue;
    writer->queue = job;
    writer->spooled += pack->size;
    writer->waiting += pack->size;
    return STATUS_OK;
}

static bool is_queued(const struct writer *writer, const char *name)
{
    unsigned char id[OBJECT_ID_SIZE];
    if (!hex_decode(id, sizeof id, name, strlen(name))) {
        return false;
    }
    for (const struct pack_job *job = writer->queue; job != NULL; job = job->next) {
        if (memcmp(job->pack.id, id, sizeof id) == 0) {
            return true;
        }
    }
    return false;
}

static enum status remove_others(const struct writer *writer, struct error *error)
{
    DIR *folder = opendir(writer->spool);
    if (folder == NULL) {
        return error_set_errno(error, errno, _("cannot read %s"), writer->spool);
    }
    for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        if (entry->d_name[0] != '.' && !is_queued(writer, entry->d_name)) {
            (void)unlinkat(dirfd(folder), entry->d_name, 0);
        }
    }
    closedir(folder);
    return STATUS_OK;
}

enum status spool_recover(struct writer *writer, struct error *error)
{
    enum status status = state_each_pack(writer->state, true, queue_again, writer, error);
    return status ? status : remove_others(writer, error);
}
