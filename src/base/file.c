/* file: reading with a bound, and writing so that there is always the old file or the new one. */
#include "kura/base.h"
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

void file_close(int *fd)
{
    if (*fd >= 0) {
        close(*fd);
        *fd = -1;
    }
}

void memory_free(void *pointer_to_pointer)
{
    void **pointer = pointer_to_pointer;
    free(*pointer);
    *pointer = NULL;
}

enum status file_read_at(int fd, void *target, size_t size, uint64_t offset, size_t *got,
                         const char *name, struct error *error)
{
    *got = 0;
    while (*got < size) {
        ssize_t count =
            pread(fd, (char *)target + *got, size - *got, (off_t)(offset + (uint64_t)*got));
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count < 0) {
            return error_set_errno(error, errno, _("%s cannot be read"), name);
        }
        if (count == 0) {
            break;
        }
        *got += (size_t)count;
    }
    return STATUS_OK;
}

static enum status open_to_read(int *fd, const char *path, struct error *error)
{
    *fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (*fd < 0) {
        return error_set_errno(error, errno, _("%s cannot be opened"), path);
    }
    return STATUS_OK;
}

static enum status too_long(const char *name, size_t limit, struct error *error)
{
    return error_set(error, STATUS_CORRUPT, 0, _("%s is longer than the %zu bytes allowed"), name,
                     limit);
}

enum status file_read(struct buffer *content, const char *path, size_t limit, struct error *error)
{
    CLEANUP(file_close) int fd = -1;
    enum status status = open_to_read(&fd, path, error);
    while (status == STATUS_OK) {
        status = buffer_reserve(content, 64 * 1024, error);
        if (status != STATUS_OK) {
            break;
        }
        ssize_t count = read(fd, content->data + content->size, 64 * 1024);
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count < 0) {
            return error_set_errno(error, errno, _("%s cannot be read"), path);
        }
        if (count == 0) {
            break;
        }
        content->size += (size_t)count;
        if (content->size > limit) {
            return too_long(path, limit, error);
        }
    }
    return status;
}

enum status file_read_descriptor_secret(struct secret_text *content, int fd, size_t limit,
                                        struct error *error)
{
    enum status status = secret_text_new(content, limit + 1, error);
    while (status == STATUS_OK && content->size <= limit) {
        ssize_t count = read(fd, content->text + content->size, limit + 1 - content->size);
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count < 0) {
            return error_set_errno(error, errno, _("a secret cannot be read from descriptor %d"),
                                   fd);
        }
        if (count == 0) {
            content->text[content->size] = '\0';
            return STATUS_OK;
        }
        content->size += (size_t)count;
    }
    return status == STATUS_OK ? too_long(_("a secret"), limit, error) : status;
}

enum status file_read_secret(struct secret_text *content, const char *path, size_t limit,
                             struct error *error)
{
    CLEANUP(file_close) int fd = -1;
    enum status status = open_to_read(&fd, path, error);
    if (status == STATUS_OK) {
        status = file_read_descriptor_secret(content, fd, limit, error);
    }
    return status;
}

enum status file_write_all(int fd, const void *data, size_t size, const char *name,
                           struct error *error)
{
    size_t done = 0;
    while (done < size) {
        ssize_t count = write(fd, (const char *)data + done, size - done);
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count < 0) {
            return error_set_errno(error, errno, _("%s cannot be written"), name);
        }
        done += (size_t)count;
    }
    return STATUS_OK;
}

static enum status folder_of(char **folder, const char *path, struct error *error)
{
    const char *slash = strrchr(path, '/');
    *folder = slash == NULL   ? strdup(".")
              : slash == path ? strdup("/")
                              : strndup(path, (size_t)(slash - path));
    return *folder == NULL ? error_set_memory(error) : STATUS_OK;
}

enum status file_sync_folder(const char *path, struct error *error)
{
    CLEANUP(file_close) int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) != 0) {
        return error_set_errno(error, errno, _("%s cannot be written to stable storage"), path);
    }
    return STATUS_OK;
}

static enum status write_temporary(const char *temporary, const void *data, size_t size,
                                   mode_t mode, struct error *error)
{
    CLEANUP(file_close)
    int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
    if (fd < 0) {
        return error_set_errno(error, errno, _("%s cannot be made"), temporary);
    }
    enum status status = file_write_all(fd, data, size, temporary, error);
    if (status == STATUS_OK && (fchmod(fd, mode) != 0 || fsync(fd) != 0)) {
        status = error_set_errno(error, errno, _("%s cannot be written"), temporary);
    }
    return status;
}

static enum status publish(const char *temporary, const char *path, enum file_replace replace,
                           struct error *error)
{
    unsigned flags = replace == FILE_KEEP_EXISTING ? RENAME_NOREPLACE : 0;
    int result = renameat2(AT_FDCWD, temporary, AT_FDCWD, path, flags);
    if (result != 0 && errno == EINVAL && replace == FILE_KEEP_EXISTING) {
        /* A file system without RENAME_NOREPLACE: a hard link does not replace either. */
        result = link(temporary, path);
        if (result == 0) {
            unlink(temporary);
        }
    }
    if (result != 0) {
        return error_set_errno(error, errno, _("%s cannot be made"), path);
    }
    return STATUS_OK;
}

enum status file_write(const char *path, const void *data, size_t size, mode_t mode,
                       enum file_replace replace, struct error *error)
{
    CLEANUP(memory_free) char *folder = NULL;
    CLEANUP(memory_free) char *temporary = NULL;
    enum status status = folder_of(&folder, path, error);
    if (status != STATUS_OK) {
        return status;
    }
    if (asprintf(&temporary, "%s.%08x.tmp", path, randombytes_random()) < 0) {
        temporary = NULL;
        return error_set_memory(error);
    }
    status = write_temporary(temporary, data, size, mode, error);
    if (status == STATUS_OK) {
        status = publish(temporary, path, replace, error);
    }
    if (status != STATUS_OK) {
        unlink(temporary);
        return status;
    }
    return file_sync_folder(folder, error);
}

enum status file_make_folders(const char *path, mode_t mode, struct error *error)
{
    CLEANUP(memory_free) char *part = strdup(path);
    if (part == NULL) {
        return error_set_memory(error);
    }
    for (char *at = part + 1; *part != '\0'; at++) {
        char byte = *at;
        if (byte != '/' && byte != '\0') {
            continue;
        }
        *at = '\0';
        if (mkdir(part, mode) != 0 && errno != EEXIST) {
            return error_set_errno(error, errno, _("the folder %s cannot be made"), part);
        }
        if (byte == '\0') {
            break;
        }
        *at = byte;
    }
    struct stat information;
    if (stat(path, &information) != 0) {
        return error_set_errno(error, errno, _("the folder %s cannot be used"), path);
    }
    if (!S_ISDIR(information.st_mode)) {
        return error_set_errno(error, ENOTDIR, _("the folder %s cannot be made"), path);
    }
    return STATUS_OK;
}

enum status file_shut_folder(int fd, const char *name, struct error *error)
{
    struct stat information;
    if (fstat(fd, &information) != 0) {
        return error_set_errno(error, errno, _("the folder %s cannot be used"), name);
    }
    mode_t others = information.st_mode & (S_IRWXG | S_IRWXO);
    bool own = information.st_uid == geteuid();
    /* The administrator may have made it; but then it must not be everybody's. */
    if (!own && (information.st_uid != 0 || (information.st_mode & S_IWOTH) != 0)) {
        error_set(error, STATUS_DENIED, 0, _("the folder %s belongs to another user"), name);
        return error_set_hint(error, "%s",
                              _("Its owner could change what is in it. Use a folder of your own, "
                                "or give this one to the user that runs kura with chown."));
    }
    if (own && others != 0 && fchmod(fd, information.st_mode & 07700) != 0) {
        return error_set_errno(error, errno, _("the folder %s cannot be used"), name);
    }
    return STATUS_OK;
}

enum status file_lock(int *fd, const char *path, bool wait, struct error *error)
{
    *fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (*fd < 0) {
        return error_set_errno(error, errno, _("%s cannot be opened"), path);
    }
    int result;
    do {
        result = flock(*fd, LOCK_EX | (wait ? 0 : LOCK_NB));
    } while (result != 0 && errno == EINTR);
    if (result == 0) {
        return STATUS_OK;
    }
    int reason = errno;
    file_close(fd);
    if (reason == EWOULDBLOCK) {
        return error_set(error, STATUS_LOCKED, 0, _("%s is locked by another process"), path);
    }
    return error_set_errno(error, reason, _("%s cannot be locked"), path);
}

enum status path_join(char **path, const char *folder, const char *name, struct error *error)
{
    bool absolute = name[0] == '/';
    size_t length = strlen(folder);
    const char *slash = absolute || (length > 0 && folder[length - 1] == '/') ? "" : "/";
    if (asprintf(path, "%s%s%s", absolute ? "" : folder, slash, name) < 0) {
        *path = NULL;
        return error_set_memory(error);
    }
    return STATUS_OK;
}
