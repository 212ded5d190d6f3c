/* target_file: files in the making, filled by several threads at any place, renamed when whole. */
#include "target_private.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

void target_staged_name(char name[TARGET_NAME_SIZE], uint64_t number)
{
    snprintf(name, TARGET_NAME_SIZE, "%llu", (unsigned long long)number);
}

enum status target_begin_file(struct target *target, uint64_t number, uint64_t size,
                              struct error *error)
{
    char name[TARGET_NAME_SIZE];
    target_staged_name(name, number);
    CLEANUP(file_close)
    int fd =
        openat(target->staging, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0 || ftruncate(fd, (off_t)size) != 0) {
        return error_set_errno(error, errno, "%s", _("a restored file cannot be made"));
    }
    return STATUS_OK;
}

/* Takes an open file, or opens it in the place of the one that was idle for longest. */
static struct open_file *take_open(struct target *target, uint64_t number, struct error *error)
{
    struct open_file *choice = NULL;
    for (size_t i = 0; i < OPEN_FILES; i++) {
        struct open_file *file = &target->files[i];
        if (file->number == number) {
            file->users++;
            file->used = ++target->clock;
            return file;
        }
        if (file->users == 0 && (choice == NULL || file->used < choice->used)) {
            choice = file;
        }
    }
    char name[TARGET_NAME_SIZE];
    target_staged_name(name, number);
    int fd = choice == NULL ? -1 : openat(target->staging, name, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) {
        error_set_errno(error, errno, "%s", _("a restored file cannot be opened"));
        return NULL;
    }
    if (choice->number != 0) {
        close(choice->fd);
    }
    *choice = (struct open_file){number, 1, ++target->clock, fd};
    return choice;
}

static enum status write_at(int fd, uint64_t offset, const void *data, size_t size,
                            struct error *error)
{
    size_t done = 0;
    while (done < size) {
        ssize_t count = pwrite(fd, (const char *)data + done, size - done, (off_t)(offset + done));
        if (count < 0 && errno != EINTR) {
            return error_set_errno(error, errno, "%s", _("a restored file cannot be written"));
        }
        done += count < 0 ? 0 : (size_t)count;
    }
    return STATUS_OK;
}

enum status target_write_file(struct target *target, uint64_t number, uint64_t offset,
                              const void *data, size_t size, struct error *error)
{
    pthread_mutex_lock(&target->lock);
    struct open_file *file = take_open(target, number, error);
    pthread_mutex_unlock(&target->lock);
    if (file == NULL) {
        return error->status;
    }
    enum status status = write_at(file->fd, offset, data, size, error);
    atomic_fetch_add(&target->unflushed, size);
    pthread_mutex_lock(&target->lock);
    file->users--;
    pthread_mutex_unlock(&target->lock);
    return status;
}

void target_close_file(struct target *target, uint64_t number)
{
    pthread_mutex_lock(&target->lock);
    for (size_t i = 0; i < OPEN_FILES; i++) {
        if (target->files[i].number == number) {
            file_close(&target->files[i].fd);
            target->files[i] = (struct open_file){0};
        }
    }
    pthread_mutex_unlock(&target->lock);
}

enum status target_finish_file(struct target *target, uint64_t number, const char *source,
                               const struct entry *entry, struct error *error)
{
    char name[TARGET_NAME_SIZE];
    target_staged_name(name, number);
    target_close_file(target, number);
    CLEANUP(file_close) int fd = openat(target->staging, name, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) {
        return error_set_errno(error, errno, "%s", _("a restored file cannot be opened"));
    }
    enum status metadata = metadata_apply(fd, entry, target->owners, error);
    struct error problem;
    enum status status = target_publish(target, name, source, entry, &problem);
    if (status != STATUS_OK) {
        *error = problem;
        return status;
    }
    return metadata;
}

enum status target_open_file(int *fd, struct target *target, uint64_t number, struct error *error)
{
    char name[32];
    target_staged_name(name, number);
    *fd = openat(target->staging, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    return *fd < 0 ? error_set_errno(error, errno, "%s", _("a restored file cannot be opened"))
                   : STATUS_OK;
}

void target_drop_file(struct target *target, uint64_t number)
{
    char name[TARGET_NAME_SIZE];
    target_staged_name(name, number);
    target_close_file(target, number);
    unlinkat(target->staging, name, 0);
}

/* ------------------------------------------------------------------ notes */

static void note_name(char name[TARGET_NAME_SIZE], size_t source)
{
    snprintf(name, TARGET_NAME_SIZE, TARGET_NOTE "%zu", source);
}

enum status target_note_size(struct target *target, size_t source, uint64_t size,
                             struct error *error)
{
    char name[TARGET_NAME_SIZE];
    note_name(name, source);
    CLEANUP(file_close)
    int fd =
        openat(target->staging, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        return error_set_errno(error, errno, "%s", _("a restored file cannot be made"));
    }
    enum status status = file_write_all(fd, &size, sizeof size, name, error);
    return status == STATUS_OK && fsync(fd) != 0
               ? error_set_errno(error, errno, "%s", _("a restored file cannot be written"))
               : status;
}

void target_noted_size(uint64_t *size, const struct target *target, size_t source)
{
    char name[TARGET_NAME_SIZE];
    uint64_t noted;
    note_name(name, source);
    CLEANUP(file_close) int fd = openat(target->staging, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd >= 0 && read(fd, &noted, sizeof noted) == (ssize_t)sizeof noted) {
        *size = noted;
    }
}
