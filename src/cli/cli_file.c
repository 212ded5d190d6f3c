/* cli_file: files that appear whole or not at all, and never over another. */
#include "cli.h"
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum status cli_file_rename(const char *from, const char *to, struct error *error)
{
    int result = renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE);
    if (result != 0 && (errno == EINVAL || errno == ENOSYS)) {
        /* A file system that cannot do it in one step. */
        result = link(from, to);
        if (result == 0) {
            result = unlink(from);
        }
    }
    if (result != 0) {
        return error_set_errno(error, errno, _("cannot write %s"), to);
    }
    CLEANUP(memory_free) char *copy = strdup(to);
    if (copy == NULL) {
        return error_set_memory(error);
    }
    return file_sync_folder(dirname(copy), error);
}

enum status cli_file_open(struct cli_file *file, const char *path, struct error *error)
{
    *file = (struct cli_file){.path = path, .fd = -1};
    struct stat information;
    if (lstat(path, &information) == 0) {
        return error_set_errno(error, EEXIST, _("cannot write %s"), path);
    }
    if (asprintf(&file->temporary, "%s.XXXXXX", path) < 0) {
        file->temporary = NULL;
        return error_set_memory(error);
    }
    file->fd = mkostemp(file->temporary, O_CLOEXEC);
    if (file->fd < 0) {
        int reason = errno;
        free(file->temporary);
        file->temporary = NULL;
        return error_set_errno(error, reason, _("cannot write %s"), path);
    }
    return STATUS_OK;
}

enum status cli_file_publish(struct cli_file *file, struct error *error)
{
    if (fsync(file->fd) != 0) {
        return error_set_errno(error, errno, _("cannot write %s"), file->path);
    }
    enum status status = cli_file_rename(file->temporary, file->path, error);
    if (status == STATUS_OK) {
        free(file->temporary);
        file->temporary = NULL;
    }
    return status;
}

void cli_file_free(struct cli_file *file)
{
    file_close(&file->fd);
    if (file->temporary != NULL) {
        unlink(file->temporary);
        free(file->temporary);
        file->temporary = NULL;
    }
}
