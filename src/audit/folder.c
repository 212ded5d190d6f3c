/* folder: the files of the log's folder. A small file is replaced whole or not at all, and one that
 * is no regular file (a pipe, a link to elsewhere) is never opened. */
#include "audit_private.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define SMALL_FILE_LIMIT (AUDIT_LINE_LIMIT + 1 + NOTE_SIZE_LIMIT)
#define LOCK_WAIT_MS 20
#define LOCK_TRIES (60 * 1000 / LOCK_WAIT_MS) /* a minute */

static enum status check_regular(int fd, const char *name, struct error *error)
{
    struct stat information;
    if (fstat(fd, &information) != 0) {
        return error_set_errno(error, errno, _("%s cannot be read"), name);
    }
    if (!S_ISREG(information.st_mode)) {
        return error_set(error, STATUS_DENIED, 0, _("%s is not a regular file"), name);
    }
    return STATUS_OK;
}

static enum status open_file(int *fd, int folder, const char *name, int flags, struct error *error)
{
    *fd = openat(folder, name, flags | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK, 0600);
    if (*fd < 0) {
        return error_set_errno(error, errno, _("%s cannot be opened"), name);
    }
    return check_regular(*fd, name, error);
}

enum status folder_open_log(int *fd, int folder, bool writing, bool make, struct error *error)
{
    int flags = (writing ? O_RDWR : O_RDONLY) | (make ? O_CREAT : 0);
    enum status status = open_file(fd, folder, LOG_FILE, flags, error);
    if (status != STATUS_OK) {
        file_close(fd);
        *fd = -1;
    }
    return status;
}

enum status folder_read(struct buffer *content, int folder, const char *name, struct error *error)
{
    CLEANUP(file_close) int fd = -1;
    size_t got = 0;
    enum status status = open_file(&fd, folder, name, O_RDONLY, error);
    if (status == STATUS_OK) {
        status = buffer_reserve(content, SMALL_FILE_LIMIT + 1, error);
    }
    if (status == STATUS_OK) {
        status = file_read_at(fd, content->data, SMALL_FILE_LIMIT + 1, 0, &got, name, error);
    }
    content->size = got;
    if (status == STATUS_OK && got > SMALL_FILE_LIMIT) {
        return error_set(error, STATUS_CORRUPT, 0, _("%s is longer than the %zu bytes allowed"),
                         name, SMALL_FILE_LIMIT);
    }
    return status;
}

enum status folder_sync(int folder, struct error *error)
{
    if (fsync(folder) != 0) {
        return error_set_errno(error, errno, "%s",
                               _("the folder cannot be written to stable "
                                 "storage"));
    }
    return STATUS_OK;
}

static enum status write_temporary(int folder, const char *name, const struct buffer *content,
                                   struct error *error)
{
    CLEANUP(file_close) int fd = -1;
    enum status status = open_file(&fd, folder, name, O_WRONLY | O_CREAT | O_TRUNC, error);
    if (status == STATUS_OK) {
        status = file_write_all(fd, content->data, content->size, name, error);
    }
    if (status == STATUS_OK && fsync(fd) != 0) {
        status = error_set_errno(error, errno, _("%s cannot be written"), name);
    }
    return status;
}

/* Whoever writes holds the lock, so that the temporary name can be the same one each time, and
 * interrupted runs leave one file and not many. */
enum status folder_write(int folder, const char *name, const struct buffer *content,
                         struct error *error)
{
    char temporary[64];
    snprintf(temporary, sizeof temporary, "%s.tmp", name);
    enum status status = write_temporary(folder, temporary, content, error);
    if (status == STATUS_OK && renameat(folder, temporary, folder, name) != 0) {
        status = error_set_errno(error, errno, _("%s cannot be written"), name);
    }
    if (status != STATUS_OK) {
        unlinkat(folder, temporary, 0);
        return status;
    }
    return folder_sync(folder, error);
}

enum status folder_remove(int folder, const char *name, struct error *error)
{
    if (unlinkat(folder, name, 0) != 0 && errno != ENOENT) {
        return error_set_errno(error, errno, _("%s cannot be removed"), name);
    }
    return STATUS_OK;
}

enum status folder_lock(int *fd, int folder, struct error *error)
{
    enum status status = open_file(fd, folder, LOCK_FILE, O_RDWR | O_CREAT, error);
    for (int i = 0; i < LOCK_TRIES && status == STATUS_OK; i++) {
        if (flock(*fd, LOCK_EX | LOCK_NB) == 0) {
            return STATUS_OK;
        }
        if (errno != EWOULDBLOCK && errno != EINTR) {
            return error_set_errno(error, errno, _("%s cannot be locked"), LOCK_FILE);
        }
        nanosleep(&(struct timespec){0, LOCK_WAIT_MS * 1000000L}, NULL);
    }
    return status == STATUS_OK
               ? error_set(error, STATUS_LOCKED, 0, "%s", _("another process holds it"))
               : status;
}

bool folder_lock_shared(int *fd, int folder)
{
    *fd = openat(folder, LOCK_FILE, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK);
    if (*fd < 0) {
        return errno == ENOENT; /* a copy, in which nobody appends */
    }
    return flock(*fd, LOCK_SH | LOCK_NB) == 0;
}
