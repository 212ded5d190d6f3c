/* uses: see the header. */
#include "uses.h"
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static enum status open_log(FILE **log, const char *folder, struct error *error)
{
    int fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    *log = fd < 0 ? NULL : fdopen(fd, "w+");
    if (*log == NULL) {
        int reason = errno;
        file_close(&fd);
        return error_set_errno(error, reason, _("no temporary file can be made in %s"), folder);
    }
    return STATUS_OK;
}

enum status uses_open(struct uses *uses, const char *folder, struct error *error)
{
    *uses = (struct uses){0};
    enum status status = open_log(&uses->added, folder, error);
    if (status == STATUS_OK) {
        status = open_log(&uses->dropped, folder, error);
    }
    if (status != STATUS_OK) {
        uses_close(uses);
    }
    return status;
}

static enum status append(FILE *log, const unsigned char hash[CHUNK_HASH_SIZE], struct error *error)
{
    if (fwrite(hash, CHUNK_HASH_SIZE, 1, log) != 1) {
        return error_set_errno(error, errno, "%s",
                               _("a temporary file in the state folder cannot be written"));
    }
    return STATUS_OK;
}

enum status uses_add(struct uses *uses, const unsigned char hash[CHUNK_HASH_SIZE],
                     struct error *error)
{
    return append(uses->added, hash, error);
}

enum status uses_drop(struct uses *uses, const unsigned char hash[CHUNK_HASH_SIZE],
                      struct error *error)
{
    return append(uses->dropped, hash, error);
}

static enum status apply(FILE *log, struct writer *writer, int change, struct error *error)
{
    unsigned char hash[CHUNK_HASH_SIZE];
    rewind(log);
    while (fread(hash, sizeof hash, 1, log) == 1) {
        enum status status = writer_use(writer, hash, change, error);
        if (status != STATUS_OK) {
            return status;
        }
    }
    if (ferror(log)) {
        return error_set_errno(error, errno, "%s",
                               _("a temporary file in the state folder cannot be read"));
    }
    return STATUS_OK;
}

enum status uses_apply(struct uses *uses, struct writer *writer, struct error *error)
{
    enum status status = apply(uses->added, writer, 1, error);
    return status != STATUS_OK ? status : apply(uses->dropped, writer, -1, error);
}

void uses_close(struct uses *uses)
{
    if (uses->added != NULL) {
        fclose(uses->added);
    }
    if (uses->dropped != NULL) {
        fclose(uses->dropped);
    }
    *uses = (struct uses){0};
}
