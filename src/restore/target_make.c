/* target_make: what has no content: folders, symbolic links, special files, hard links. */
#include "target_private.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum status target_make_folder(struct target *target, const char *source, const char *path,
                               struct error *error)
{
    CLEANUP(memory_free) char *full = NULL;
    enum status status = target_full_path(&full, source, path, error);
    if (status != STATUS_OK) {
        return status;
    }
    pthread_mutex_lock(&target->lock);
    CLEANUP(file_close) int fd = target_open_making(target->root, full);
    int reason = errno;
    pthread_mutex_unlock(&target->lock);
    if (fd >= 0) {
        return STATUS_OK;
    }
    error_set_errno(error, reason, _("the folder %s cannot be made"), full);
    return reason == EXDEV
               ? error_set_hint(error, "%s",
                                _("Another disk is mounted within the target. A restore stays on "
                                  "the one that was judged: name a folder on that disk with "
                                  "--target, or unmount it."))
               : error->status;
}

enum status target_finish_folder(struct target *target, const char *source,
                                 const struct entry *entry, struct error *error)
{
    CLEANUP(memory_free) char *full = NULL;
    enum status status = target_full_path(&full, source, entry->path, error);
    if (status != STATUS_OK) {
        return status;
    }
    CLEANUP(file_close) int fd = target_open_making(target->root, full);
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

static enum status stage_link(struct target *target, const char *staged, const char *source,
                              const struct entry *entry, const struct entry *first,
                              struct error *error)
{
    CLEANUP(memory_free) char *full = NULL;
    char *name;
    int parent;
    struct stat there;
    enum status status =
        target_find_place(&parent, &name, &full, target, source, first->path, error);
    if (status != STATUS_OK) {
        return status;
    }
    bool restored = fstatat(parent, name, &there, AT_SYMLINK_NOFOLLOW) == 0 &&
                    target_is_finished(&there, first);
    if (!restored) {
        return error_set(error, STATUS_NOT_FOUND, 0,
                         _("%s was not restored: the file that it is linked to, %s, was not"),
                         entry->path, first->path);
    }
    if (linkat(parent, name, target->staging, staged, 0) != 0) {
        return error_set_errno(error, errno, _("%s cannot be linked to %s"), entry->path,
                               first->path);
    }
    return STATUS_OK;
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
