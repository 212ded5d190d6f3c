/* sqlite_sample: pieces of the raw file, spread over all of it, for a dictionary. They need not
 * belong to one state: they only teach what the content looks like. */
#include "kura/source.h"
#include "sqlite_identity.h"
#include "sqlite_open.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#define SAMPLE_SIZE ((size_t)16 * 1024)
#define SAMPLE_LIMIT 512u

static enum status open_raw(int *fd, const struct sqlite_database *database, struct error *error)
{
    CLEANUP(sqlite_identity_restore) struct sqlite_identity identity = {0};
    enum status status = sqlite_identity_assume(&identity, &database->facts, database->path, error);
    if (status != STATUS_OK) {
        return status;
    }
    /* Not blocking: a fifo put in the file's place would hold us for ever. */
    *fd = open(database->path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (*fd < 0) {
        return error_set_errno(error, errno, _("%s cannot be opened"), database->path);
    }
    return STATUS_OK;
}

enum status sqlite_sample(const struct sqlite_database *database, const struct source_sink *sink,
                          struct error *error)
{
    uint64_t pieces = (uint64_t)database->facts.st_size / SAMPLE_SIZE;
    size_t count = pieces < SAMPLE_LIMIT ? (size_t)pieces : SAMPLE_LIMIT;
    if (sink->sample == NULL || count == 0) {
        return STATUS_OK;
    }
    CLEANUP(file_close) int fd = -1;
    enum status status = open_raw(&fd, database, error);
    if (status != STATUS_OK) {
        return status;
    }
    CLEANUP(memory_free) unsigned char *samples = malloc(count * SAMPLE_SIZE);
    if (samples == NULL) {
        return error_set_memory(error);
    }
    for (size_t i = 0; i < count; i++) {
        size_t got = 0;
        status = file_read_at(fd, samples + i * SAMPLE_SIZE, SAMPLE_SIZE,
                              i * pieces / count * SAMPLE_SIZE, &got, database->path, error);
        if (status != STATUS_OK) {
            return status;
        }
        if (got < SAMPLE_SIZE) { /* it became shorter meanwhile */
            count = i;
        }
    }
    file_close(&fd);
    return count == 0 ? STATUS_OK : sink->sample(sink->context, samples, SAMPLE_SIZE, count, error);
}
