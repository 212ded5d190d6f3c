/* target: see the header. */
#include "target.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define MARKER "snapshot"
#define OPEN_FILES 32

struct open_file {
    uint64_t number; /* 0: free */
    unsigned users;
    uint64_t used; /* when, for choosing whom to close */
    int fd;
};

struct target {
    int root;
    int staging;
    bool replace;
    bool owners;
    bool resumed; /* an interrupted run of the same snapshot left its marker */
    pthread_mutex_t lock;
    struct open_file files[OPEN_FILES];
    uint64_t clock;
    /* The folder that was used last: files come in the order of folders. */
    char *folder;
    int folder_fd;
};

static int open_beneath(int folder, const char *path, int flags)
{
    struct open_how how = {.flags = (uint64_t)flags | O_CLOEXEC,
                           .resolve =
                               RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS};
    return (int)syscall(SYS_openat2, folder, path, &how, sizeof how);
}

/* ------------------------------------------------------------------ opening */

/* What an interrupted run left half made is of no use: it is made again. */
static enum status clear_staging(struct target *target, bool marker, struct error *error)
{
    int fd = openat(target->staging, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *listing = fd < 0 ? NULL : fdopendir(fd);
    if (listing == NULL) {
        int reason = errno;
        file_close(&fd);
        return error_set_errno(error, reason, _("%s cannot be read"), TARGET_STAGING);
    }
    struct dirent *file;
    while ((file = readdir(listing)) != NULL) {
        if (file->d_name[0] != '.' && (marker || strcmp(file->d_name, MARKER) != 0)) {
            unlinkat(target->staging, file->d_name, 0);
        }
    }
    closedir(listing);
    return STATUS_OK;
}

static enum status read_marker(struct target *target, const char *id, struct error *error)
{
    char text[OBJECT_ID_TEXT_SIZE] = "";
    CLEANUP(file_close) int fd = openat(target->staging, MARKER, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    size_t got = 0;
    if (fd >= 0) {
        enum status status = file_read_at(fd, text, sizeof text - 1, 0, &got, MARKER, error);
        if (status != STATUS_OK) {
            return status;
        }
    }
    target->resumed = strcmp(text, id) == 0;
    return clear_staging(target, !target->resumed, error);
}

static enum status write_marker(struct target *target, const char *id, struct error *error)
{
    CLEANUP(file_close)
    int fd = openat(target->staging, MARKER, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
                    0600);
    if (fd < 0) {
        return error_set_errno(error, errno, _("%s cannot be made"), TARGET_STAGING "/" MARKER);
    }
    enum status status = file_write_all(fd, id, strlen(id), MARKER, error);
    if (status == STATUS_OK && fsync(fd) != 0) {
        status = error_set_errno(error, errno, _("%s cannot be written"), MARKER);
    }
    return status;
}

static enum status open_folders(struct target *target, const struct target_options *options,
                                struct error *error)
{
    enum status status = file_make_folders(options->path, 0700, error);
    if (status != STATUS_OK) {
        return status;
    }
    target->root = open(options->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (target->root < 0) {
        return error_set_errno(error, errno, _("%s cannot be opened"), options->path);
    }
    if (mkdirat(target->root, TARGET_STAGING, 0700) != 0 && errno != EEXIST) {
        return error_set_errno(error, errno, _("%s cannot be written to"), options->path);
    }
    target->staging = open_beneath(target->root, TARGET_STAGING, O_RDONLY | O_DIRECTORY);
    if (target->staging < 0) {
        return error_set_errno(error, errno, _("%s/%s cannot be opened"), options->path,
                               TARGET_STAGING);
    }
    return STATUS_OK;
}

enum status target_open(struct target **target, const struct target_options *options,
                        struct error *error)
{
    struct target *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return error_set_memory(error);
    }
    made->root = made->staging = made->folder_fd = -1;
    made->replace = options->replace;
    made->owners = options->owners;
    pthread_mutex_init(&made->lock, NULL);
    char id[OBJECT_ID_TEXT_SIZE];
    hex_encode(id, options->snapshot, OBJECT_ID_SIZE);
    enum status status = open_folders(made, options, error);
    if (status == STATUS_OK) {
        status = read_marker(made, id, error);
    }
    if (status == STATUS_OK && !made->resumed) {
        status = write_marker(made, id, error);
    }
    if (status != STATUS_OK) {
        target_free(made);
        return status;
    }
    *target = made;
    return STATUS_OK;
}

void target_free(struct target *target)
{
    if (target == NULL) {
        return;
    }
    for (size_t i = 0; i < OPEN_FILES; i++) {
        if (target->files[i].number != 0) {
            file_close(&target->files[i].fd);
        }
    }
    file_close(&target->folder_fd);
    file_close(&target->staging);
    file_close(&target->root);
    free(target->folder);
    pthread_mutex_destroy(&target->lock);
    free(target);
}

enum status target_finish(struct target *target, struct error *error)
{
    enum status status = clear_staging(target, true, error);
    if (status != STATUS_OK) {
        return status;
    }
    if (unlinkat(target->root, TARGET_STAGING, AT_REMOVEDIR) != 0) {
        return error_set_errno(error, errno, _("%s cannot be removed"), TARGET_STAGING);
    }
    if (syncfs(target->root) != 0) {
        return error_set_errno(error, errno, "%s",
                               _("the restored files cannot be written to stable storage"));
    }
    return STATUS_OK;
}

/* ------------------------------------------------------------------ places */

/* "source/path", or "source" for the source's own folder. */
static enum status full_path(char **full, const char *source, const char *path, struct error *error)
{
    if (asprintf(full, "%s%s%s", source, *path == '\0' ? "" : "/", path) < 0) {
        *full = NULL;
        return error_set_memory(error);
    }
    return STATUS_OK;
}

/* Opens the folder step by step, making what is missing: a selection may leave out the entries of
 * the folders above. Steps, so that paths longer than PATH_MAX work, too. */
static int open_making(int root, char *path)
{
    int folder = root;
    for (char *at = path; *at != '\0';) {
        char *slash = strchrnul(at, '/');
        char byte = *slash;
        *slash = '\0';
        int next = open_beneath(folder, at, O_RDONLY | O_DIRECTORY);
        if (next < 0 && errno == ENOENT && (mkdirat(folder, at, 0700) == 0 || errno == EEXIST)) {
            next = open_beneath(folder, at, O_RDONLY | O_DIRECTORY);
        }
        int reason = errno;
        *slash = byte;
        if (folder != root) {
            close(folder);
        }
        if (next < 0) {
            errno = reason;
            return -1;
        }
        folder = next;
        at = byte == '/' ? slash + 1 : slash;
    }
    return folder;
}

/* The folder of the entry, borrowed until the next call, and the entry's name in it. Caller holds
 * the lock. */
static enum status find_place(int *parent, char **name, char **full, struct target *target,
                              const char *source, const char *path, struct error *error)
{
    enum status status = full_path(full, source, path, error);
    if (status != STATUS_OK) {
        return status;
    }
    char *slash = strrchr(*full, '/');
    if (slash == NULL) {
        *parent = target->root;
        *name = *full;
        return STATUS_OK;
    }
    *slash = '\0';
    *name = slash + 1;
    if (target->folder == NULL || strcmp(target->folder, *full) != 0) {
        file_close(&target->folder_fd);
        free(target->folder);
        target->folder = strdup(*full);
        target->folder_fd = target->folder == NULL ? -1 : open_making(target->root, *full);
        if (target->folder_fd < 0) {
            int reason = errno;
            free(target->folder);
            target->folder = NULL;
            return error_set_errno(error, reason, _("the folder of %s cannot be opened"), path);
        }
    }
    *parent = target->folder_fd;
    return STATUS_OK;
}

/* The size of what an entry must be to count as finished: only files are compared. */
static bool is_finished(const struct stat *there, const struct entry *entry)
{
    bool same_time = there->st_mtim.tv_sec == entry->modified.seconds &&
                     (uint32_t)there->st_mtim.tv_nsec == entry->modified.nanoseconds;
    switch (entry->type) {
    case ENTRY_FILE:
        return S_ISREG(there->st_mode) && (uint64_t)there->st_size == entry->size && same_time;
    case ENTRY_HARD_LINK:
        return S_ISREG(there->st_mode) && there->st_nlink > 1;
    case ENTRY_SYMLINK:
        return S_ISLNK(there->st_mode) && same_time;
    default:
        return !S_ISREG(there->st_mode) && !S_ISDIR(there->st_mode) && same_time;
    }
}

enum status target_look(enum target_place *place, struct target *target, const char *source,
                        const struct entry *entry, struct error *error)
{
    CLEANUP(memory_free) char *full = NULL;
    char *name;
    int parent;
    struct stat there;
    pthread_mutex_lock(&target->lock);
    enum status status = find_place(&parent, &name, &full, target, source, entry->path, error);
    int result = status == STATUS_OK ? fstatat(parent, name, &there, AT_SYMLINK_NOFOLLOW) : -1;
    int reason = errno;
    pthread_mutex_unlock(&target->lock);
    if (status != STATUS_OK) {
        return status;
    }
    if (result != 0 && reason != ENOENT) {
        return error_set_errno(error, reason, _("%s cannot be examined"), entry->path);
    }
    *place = result != 0                                     ? PLACE_FREE
             : target->resumed && is_finished(&there, entry) ? PLACE_FINISHED
             : target->replace && !S_ISDIR(there.st_mode)    ? PLACE_FREE
                                                             : PLACE_TAKEN;
    return STATUS_OK;
}

/* ------------------------------------------------------------------ folders, specials, links */

enum status target_make_folder(struct target *target, const char *source, const char *path,
                               struct error *error)
{
    CLEANUP(memory_free) char *full = NULL;
    enum status status = full_path(&full, source, path, error);
    if (status != STATUS_OK) {
        return status;
    }
    pthread_mutex_lock(&target->lock);
    CLEANUP(file_close) int fd = open_making(target->root, full);
    int reason = errno;
    pthread_mutex_unlock(&target->lock);
    return fd < 0 ? error_set_errno(error, reason, _("the folder %s cannot be made"), path)
                  : STATUS_OK;
}

enum status target_finish_folder(struct target *target, const char *source,
                                 const struct entry *entry, struct error *error)
{
    CLEANUP(memory_free) char *full = NULL;
    enum status status = full_path(&full, source, entry->path, error);
    if (status != STATUS_OK) {
        return status;
    }
    CLEANUP(file_close) int fd = open_making(target->root, full);
    if (fd < 0) {
        return error_set_errno(error, errno, _("the folder %s cannot be opened"), entry->path);
    }
    return metadata_apply(fd, entry, target->owners, error);
}

static int make_special(int staging, const char *name, const struct entry *entry)
{
    static const mode_t types[] = {
        [ENTRY_FIFO] = S_IFIFO,
        [ENTRY_SOCKET] = S_IFSOCK,
        [ENTRY_CHARACTER_DEVICE] = S_IFCHR,
        [ENTRY_BLOCK_DEVICE] = S_IFBLK,
    };
    if (entry->type == ENTRY_SYMLINK) {
        return symlinkat(entry->link, staging, name);
    }
    return mknodat(staging, name, types[entry->type] | 0600, (dev_t)entry->device_number);
}

/* Publishes what was made in the staging folder. Without `replace` nothing that is there goes. */
static enum status publish(struct target *target, const char *staged, const char *source,
                           const struct entry *entry, struct error *error)
{
    CLEANUP(memory_free) char *full = NULL;
    char *name;
    int parent;
    pthread_mutex_lock(&target->lock);
    enum status status = find_place(&parent, &name, &full, target, source, entry->path, error);
    if (status == STATUS_OK) {
        unsigned flags = target->replace ? 0 : RENAME_NOREPLACE;
        int result = renameat2(target->staging, staged, parent, name, flags);
        if (result != 0) {
            status = error_set_errno(error, errno, _("%s cannot be put in its place"), entry->path);
        }
    }
    pthread_mutex_unlock(&target->lock);
    return status;
}

enum status target_make_special(struct target *target, const char *source,
                                const struct entry *entry, struct error *error)
{
    static const char staged[] = "special";
    if (make_special(target->staging, staged, entry) != 0) {
        return error_set_errno(error, errno, _("%s cannot be made"), entry->path);
    }
    enum status metadata = metadata_apply_at(target->staging, staged, entry, target->owners, error);
    enum status status =
        metadata == STATUS_OK || metadata == STATUS_UNSUPPORTED ? STATUS_OK : metadata;
    if (status == STATUS_OK) {
        struct error problem;
        status = publish(target, staged, source, entry, &problem);
        if (status != STATUS_OK) {
            *error = problem;
        }
    }
    if (status != STATUS_OK) {
        unlinkat(target->staging, staged, 0);
        return status;
    }
    return metadata;
}

enum status target_make_link(struct target *target, const char *source, const struct entry *entry,
                             struct error *error)
{
    static const char staged[] = "link";
    CLEANUP(memory_free) char *full = NULL;
    char *name;
    int parent;
    pthread_mutex_lock(&target->lock);
    enum status status = find_place(&parent, &name, &full, target, source, entry->link, error);
    if (status == STATUS_OK && linkat(parent, name, target->staging, staged, 0) != 0) {
        status =
            error_set_errno(error, errno, _("%s cannot be linked to %s"), entry->path, entry->link);
    }
    pthread_mutex_unlock(&target->lock);
    if (status == STATUS_OK) {
        status = publish(target, staged, source, entry, error);
        if (status != STATUS_OK) {
            unlinkat(target->staging, staged, 0);
        }
    }
    return status;
}

/* ------------------------------------------------------------------ files in the making */

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
    if (metadata != STATUS_OK && metadata != STATUS_UNSUPPORTED) {
        return metadata;
    }
    struct error problem;
    enum status status = publish(target, name, source, entry, &problem);
    if (status != STATUS_OK) {
        *error = problem;
        return status;
    }
    return metadata;
}

void target_drop_file(struct target *target, uint64_t number)
{
    char name[32];
    staged_name(name, number);
    close_number(target, number);
    unlinkat(target->staging, name, 0);
}
