/* target_make: what has no content: folders, symbolic links, special files, hard links. */
#include "target_private.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* 0, or -1 and errno. */
static int make_folder(int parent, const char *name)
{
    if (mkdirat(parent, name, 0700) == 0) {
        return 0;
    }
    CLEANUP(file_close)
    int there = errno == EEXIST ? target_open_beneath(parent, name, O_PATH | O_DIRECTORY) : -1;
    return there < 0 ? -1 : 0;
}

enum status target_make_folder(struct target *target, const char *source, const char *path,
                               struct error *error)
{
    CLEANUP(memory_free) char *full = NULL;
    char *name;
    int parent;
    pthread_mutex_lock(&target->lock);
    enum status status = target_find_place(&parent, &name, &full, target, source, path, error);
    if (status == STATUS_OK && make_folder(parent, name) != 0) {
        status = error_set_errno(error, errno, _("the folder %s cannot be made"),
                                 *path == '\0' ? source : path);
    }
    pthread_mutex_unlock(&target->lock);
    return status != STATUS_OK && error->os_error == EXDEV
               ? error_set_hint(error, "%s",
                                _("Another disk is mounted within the target. A restore stays on "
                                  "the one that was judged: name a folder on that disk with "
                                  "--target, or unmount it."))
               : status;
}

static enum status open_folder(int *fd, struct target *target, const char *source,
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
        *fd = target_open_beneath(parent, name, O_RDONLY | O_DIRECTORY);
        if (*fd < 0) {
            status =
                error_set_errno(error, errno, _("the folder %s cannot be opened"), entry->path);
        }
    }
    pthread_mutex_unlock(&target->lock);
    return status;
}

enum status target_finish_folder(struct target *target, const char *source,
                                 const struct entry *entry, struct error *error)
{
    CLEANUP(file_close) int fd = -1;
    enum status status = open_folder(&fd, target, source, entry, error);
    return status == STATUS_OK ? metadata_apply(fd, entry, target->owners, error) : status;
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

enum status target_make_special(struct target *target, const char *source,
                                const struct entry *entry, struct error *error)
{
    static const char staged[] = "special";
    if (make_special(target->staging, staged, entry) != 0) {
        return error_set_errno(error, errno, _("%s cannot be made"), entry->path);
    }
    enum status metadata = metadata_apply_at(target->staging, staged, entry, target->owners, error);
    struct error problem;
    enum status status = target_publish(target, staged, source, entry, &problem);
    if (status != STATUS_OK) {
        *error = problem;
        unlinkat(target->staging, staged, 0);
        return status;
    }
    return metadata;
}

/* What lies at the place of the first name is linked under a name in the staging folder. */
static enum status stage_link(struct target *target, const char *staged, const char *source,
                              const struct entry *entry, const struct entry *first,
                              struct error *error)
{
    CLEANUP(memory_free) char *full = NULL;
    char *name;
    int parent;
    struct stat there;
    bool restored = first != NULL && strcmp(first->path, entry->link) == 0;
    if (restored) {
        enum status status =
            target_find_place(&parent, &name, &full, target, source, first->path, error);
        if (status != STATUS_OK) {
            return status;
        }
        restored = fstatat(parent, name, &there, AT_SYMLINK_NOFOLLOW) == 0 &&
                   target_is_finished(&there, first);
    }
    if (!restored) {
        return error_set(error, STATUS_NOT_FOUND, 0,
                         _("%s was not restored: the file that it is linked to, %s, was not"),
                         entry->path, entry->link);
    }
    return linkat(parent, name, target->staging, staged, 0) == 0
               ? STATUS_OK
               : error_set_errno(error, errno, _("%s cannot be linked to %s"), entry->path,
                                 entry->link);
}

enum status target_make_link(struct target *target, const char *source, const struct entry *entry,
                             const struct entry *first, struct error *error)
{
    static const char staged[] = "link";
    pthread_mutex_lock(&target->lock);
    enum status status = stage_link(target, staged, source, entry, first, error);
    pthread_mutex_unlock(&target->lock);
    if (status == STATUS_OK) {
        status = target_publish(target, staged, source, entry, error);
        /* Renaming one name of a file over another of it does nothing: then it is there. */
        unlinkat(target->staging, staged, 0);
    }
    return status;
}
