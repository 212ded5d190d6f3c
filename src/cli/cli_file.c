/* cli_file: files that appear whole or not at all, and never over another. */
#include "cli_road.h"
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

static enum status open_temporary(struct cli_file *file, struct error *error)
{
    if (asprintf(&file->temporary, "%s.XXXXXX", file->path) < 0) {
        file->temporary = NULL;
        return error_set_memory(error);
    }
    file->fd = mkostemp(file->temporary, O_CLOEXEC);
    if (file->fd < 0) {
        int reason = errno;
        free(file->temporary);
        file->temporary = NULL;
        return error_set_errno(error, reason, _("cannot write %s"), file->path);
    }
    return STATUS_OK;
}

enum status cli_file_open(struct cli_file *file, const char *path, struct error *error)
{
    *file = (struct cli_file){.path = path, .fd = -1};
    struct stat information;
    if (lstat(path, &information) == 0) {
        return error_set_errno(error, EEXIST, _("cannot write %s"), path);
    }
    return open_temporary(file, error);
}

enum status cli_file_open_on(struct cli_file *file, const char *path, struct cli_road *road,
                             struct error *error)
{
    *file = (struct cli_file){.path = path, .fd = -1};
    enum status status = cli_road_check_path(road, path, error);
    if (status == STATUS_OK) {
        status = cli_file_open(file, path, error);
    }
    if (status == STATUS_OK) {
        status = cli_road_check(road, file->fd, error);
    }
    file->road = road;
    return status;
}

enum status cli_file_publish(struct cli_file *file, struct error *error)
{
    if (fsync(file->fd) != 0) {
        return error_set_errno(error, errno, _("cannot write %s"), file->path);
    }
    enum status status =
        file->road == NULL ? STATUS_OK : cli_road_check(file->road, file->fd, error);
    if (status == STATUS_OK) {
        status = cli_file_rename(file->temporary, file->path, error);
    }
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
