/* target_place: from the paths of a snapshot to folders beneath the target, and into them. */
#include "target_private.h"
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static enum status full_path(char **full, const char *source, const char *path, struct error *error)
{
    if (asprintf(full, "%s%s%s", source, *path == '\0' ? "" : "/", path) < 0) {
        *full = NULL;
        return error_set_memory(error);
    }
    return STATUS_OK;
}

/* A handle without the right to read takes the kernel a time that does not grow with the depth;
 * opening for reading makes a sandbox look at every folder above. */
static int open_handle(int folder, const char *path)
{
    return target_open_beneath(folder, path, O_PATH | O_DIRECTORY);
}

static void close_unless(int folder, int borrowed)
{
    if (folder != borrowed) {
        int reason = errno;
        close(folder);
        errno = reason;
    }
}

/* Opens what is there already, as much of the path in one call as the kernel takes. -1 and errno.
 */
static int open_down(int from, const char *path)
{
    char part[PATH_MAX];
    int folder = from;
    while (folder >= 0 && *path != '\0') {
        size_t size = strlen(path);
        if (size >= sizeof part) {
            const char *slash = memrchr(path, '/', sizeof part - 1);
            if (slash == NULL) {
                close_unless(folder, from);
                errno = ENAMETOOLONG;
                return -1;
            }
            size = (size_t)(slash - path);
        }
        memcpy(part, path, size);
        part[size] = '\0';
        path += path[size] == '/' ? size + 1 : size;
        int next = open_handle(folder, part);
        close_unless(folder, from);
        folder = next;
    }
    return folder;
}

/* Opens step by step and makes what is missing. -1 and errno. */
static int make_down(int from, char *path)
{
    int folder = from;
    for (char *at = path; folder >= 0 && *at != '\0';) {
        char *slash = strchrnul(at, '/');
        char byte = *slash;
        *slash = '\0';
        int next = open_handle(folder, at);
        if (next < 0 && errno == ENOENT && (mkdirat(folder, at, 0700) == 0 || errno == EEXIST)) {
            next = open_handle(folder, at);
        }
        *slash = byte;
        close_unless(folder, from);
        folder = next;
        at = byte == '/' ? slash + 1 : slash;
    }
    return folder;
}

/* Opens the folder, making what is missing: a selection may leave out the entries of the folders
 * above. A tree comes in order, so most begin at the folder that was used last: from the target
 * down each time, a deep tree would take the square of its depth. -1 and errno. */
static int open_making(const struct target *target, char *path)
{
    size_t size = target->folder == NULL ? 0 : strlen(target->folder);
    bool beneath = size > 0 && strncmp(path, target->folder, size) == 0 && path[size] == '/';
    int from = beneath ? target->folder_fd : target->root;
    char *rest = beneath ? path + size + 1 : path;
    int folder = open_down(from, rest);
    return folder >= 0 || errno != ENOENT ? folder : make_down(from, rest);
}

/* From now on the folder at `path` is the one that was used last. */
static int use_folder(struct target *target, char *path)
{
    int folder = open_making(target, path);
    char *copy = folder < 0 ? NULL : strdup(path);
    if (copy == NULL) {
        int reason = errno;
        file_close(&folder);
        errno = reason;
        return -1;
    }
    file_close(&target->folder_fd);
    free(target->folder);
    target->folder = copy;
    target->folder_fd = folder;
    return 0;
}

enum status target_find_place(int *parent, char **name, char **full, struct target *target,
                              const char *source, const char *path, struct error *error)
{
    *parent = -1;
    *name = NULL;
    *full = NULL;
    enum status status = full_path(full, source, path, error);
    if (status != STATUS_OK) {
        return status;
    }
    assert(*full != NULL);
    char *slash = strrchr(*full, '/');
    if (slash == NULL) {
        *parent = target->root;
        *name = *full;
        return STATUS_OK;
    }
    *slash = '\0';
    *name = slash + 1;
    bool used_last = target->folder != NULL && strcmp(target->folder, *full) == 0;
    if (!used_last && use_folder(target, *full) != 0) {
        return error_set_errno(error, errno, _("the folder of %s cannot be opened"), path);
    }
    *parent = target->folder_fd;
    return STATUS_OK;
}

bool target_is_finished(const struct stat *there, const struct entry *entry)
{
    bool same_time = there->st_mtim.tv_sec == entry->modified.seconds &&
                     (uint32_t)there->st_mtim.tv_nsec == entry->modified.nanoseconds;
    switch (entry->type) {
    case ENTRY_FILE:
        return S_ISREG(there->st_mode) && (uint64_t)there->st_size == entry->size && same_time;
    case ENTRY_SYMLINK:
        return S_ISLNK(there->st_mode) && same_time;
    default:
        return !S_ISREG(there->st_mode) && !S_ISDIR(there->st_mode) && same_time;
    }
}

/* Looks without following a link. *found false: nothing is there. Caller holds the lock. */
static enum status look_at(struct stat *there, bool *found, struct target *target,
                           const char *source, const char *path, struct error *error)
{
    CLEANUP(memory_free) char *full = NULL;
    char *name;
    int parent;
    enum status status = target_find_place(&parent, &name, &full, target, source, path, error);
    if (status != STATUS_OK) {
        return status;
    }
    *found = fstatat(parent, name, there, AT_SYMLINK_NOFOLLOW) == 0;
    if (!*found && errno != ENOENT) {
        return error_set_errno(error, errno, _("%s cannot be examined"), path);
    }
    return STATUS_OK;
}

/* Moved or linked here since the interrupted run began. What has the right size and time, and was
 * here before, is somebody else's. */
static bool is_of_this_restore(const struct target *target, const struct stat *there)
{
    return there->st_ctim.tv_sec > target->begun.tv_sec ||
           (there->st_ctim.tv_sec == target->begun.tv_sec &&
            there->st_ctim.tv_nsec >= target->begun.tv_nsec);
}

/* A hard link is finished when it is a name of what lies at its first name. One that is not, but
 * looks like it, was parted from it when that was made anew. */
static enum status is_linked(bool *linked, bool *parted, const struct stat *there,
                             struct target *target, const char *source, const struct entry *entry,
                             struct error *error)
{
    struct stat first;
    bool found = false;
    enum status status = look_at(&first, &found, target, source, entry->link, error);
    *linked = found && first.st_dev == there->st_dev && first.st_ino == there->st_ino;
    *parted = found && !*linked && S_ISREG(there->st_mode) && first.st_size == there->st_size &&
              first.st_mtim.tv_sec == there->st_mtim.tv_sec &&
              first.st_mtim.tv_nsec == there->st_mtim.tv_nsec;
    return status;
}

static enum status judge(enum target_place *place, struct target *target, const char *source,
                         const struct entry *entry, struct error *error)
{
    struct stat there;
    bool found = false;
    bool finished = false;
    bool parted = false;
    enum status status = look_at(&there, &found, target, source, entry->path, error);
    *place = PLACE_FREE;
    if (status != STATUS_OK || !found) {
        return status;
    }
    bool ours = target->resumed && is_of_this_restore(target, &there);
    if (ours && entry->type == ENTRY_HARD_LINK) {
        status = is_linked(&finished, &parted, &there, target, source, entry, error);
    } else {
        finished = ours && target_is_finished(&there, entry);
    }
    /* The machine went down since: what was written then may be empty blocks under a good name. It
     * is made anew, and stays until target_publish has the other one to compare. */
    bool doubted = (finished || parted) && target->rebooted;
    bool replaced = target->replace && !S_ISDIR(there.st_mode);
    *place = finished && !doubted ? PLACE_FINISHED : doubted || replaced ? PLACE_FREE : PLACE_TAKEN;
    return status;
}

enum status target_look(enum target_place *place, struct target *target, const char *source,
                        const struct entry *entry, struct error *error)
{
    pthread_mutex_lock(&target->lock);
    enum status status = judge(place, target, source, entry, error);
    pthread_mutex_unlock(&target->lock);
    return status;
}

enum status target_open_entry(int *fd, struct target *target, const char *source,
                              const struct entry *entry, struct error *error)
{
    CLEANUP(memory_free) char *full = NULL;
    char *name;
    int parent;
    *fd = -1;
    pthread_mutex_lock(&target->lock);
    enum status status =
        target_find_place(&parent, &name, &full, target, source, entry->path, error);
    if (status == STATUS_OK) {
        *fd = openat(parent, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        if (*fd < 0) {
            status = error_set_errno(error, errno, _("%s cannot be opened"), entry->path);
        }
    }
    pthread_mutex_unlock(&target->lock);
    return status;
}
