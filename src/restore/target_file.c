/* target_file: files in the making, filled by several threads at any place, renamed when whole. */
#include "target_private.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void staged_name(char name[32], uint64_t number)
{
    snprintf(name, 32, "%llu", (unsigned long long)number);
}

enum status target_begin_file(struct target *target, uint64_t number, uint64_t size,
                              struct error *error)
{
    char name[32];
    staged_name(name, number);
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
    char name[32];
    staged_name(name, number);
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
    pthread_mutex_lock(&target->lock);
    file->users--;
    pthread_mutex_unlock(&target->lock);
    return status;
}

static void close_number(struct target *target, uint64_t number)
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
    char name[32];
    staged_name(name, number);
    close_number(target, number);
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
    staged_name(name, number);
    *fd = openat(target->staging, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    return *fd < 0 ? error_set_errno(error, errno, "%s", _("a restored file cannot be opened"))
                   : STATUS_OK;
}

void target_drop_file(struct target *target, uint64_t number)
{
    char name[32];
    staged_name(name, number);
    close_number(target, number);
    unlinkat(target->staging, name, 0);
}
