/* target_publish: from the hidden folder into place. Nothing that is there is lost by it, unless
 * the user said so. */
#include "target_private.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static enum status clear_one(int parent, const char *name, const struct target *target,
                             struct error *error)
{
    struct stat there;
    if (fstatat(parent, name, &there, AT_SYMLINK_NOFOLLOW) != 0) {
        return errno == ENOENT ? STATUS_OK
                               : error_set_errno(error, errno, _("%s cannot be examined"), name);
    }
    if (!target->replace) {
        error_set(error, STATUS_EXISTS, 0,
                  _("%s is there, and SQLite would take it for a part of the restored database"),
                  name);
        return error_set_hint(
            error, "%s", _("Move it away, or use --overwrite, and run the same command again."));
    }
    return unlinkat(parent, name, 0) == 0
               ? STATUS_OK
               : error_set_errno(error, errno, _("%s cannot be removed"), name);
}

enum status target_clear_journals(struct target *target, const char *source, const char *path,
                                  struct error *error)
{
    static const char *const endings[] = {"-journal", "-wal", "-shm"};
    CLEANUP(memory_free) char *full = NULL;
    char *name;
    int parent;
    pthread_mutex_lock(&target->lock);
    enum status status = target_find_place(&parent, &name, &full, target, source, path, error);
    for (size_t i = 0; status == STATUS_OK && i < LENGTH(endings); i++) {
        CLEANUP(memory_free) char *beside = NULL;
        if (asprintf(&beside, "%s%s", name, endings[i]) < 0) {
            beside = NULL;
            status = error_set_memory(error);
        } else {
            status = clear_one(parent, beside, target, error);
        }
    }
    pthread_mutex_unlock(&target->lock);
    return status;
}

/* Programs that serve a file system (NTFS, a telephone) often know only the plain rename. A hard
 * link does not replace either; where there is none, it is looked first. */
static int rename_to_free(int folder, const char *staged, int parent, const char *name)
{
    struct stat there;
    int result = renameat2(folder, staged, parent, name, RENAME_NOREPLACE);
    if (result == 0 || (errno != EINVAL && errno != ENOSYS)) {
        return result;
    }
    if (linkat(folder, staged, parent, name, 0) == 0) {
        return unlinkat(folder, staged, 0);
    }
    if (errno == EEXIST || fstatat(parent, name, &there, AT_SYMLINK_NOFOLLOW) == 0) {
        errno = EEXIST;
        return -1;
    }
    return renameat(folder, staged, parent, name);
}

static bool same_bytes(int a, int b)
{
    unsigned char left[16 * 1024], right[sizeof left];
    struct error ignored;
    size_t got = sizeof left;
    for (uint64_t at = 0; got > 0; at += got) {
        size_t other = 0;
        if (file_read_at(a, left, sizeof left, at, &got, "", &ignored) != STATUS_OK ||
            file_read_at(b, right, sizeof right, at, &other, "", &ignored) != STATUS_OK ||
            got != other || memcmp(left, right, got) != 0) {
            return false;
        }
    }
    return true;
}

/* What looks finished, and may not be since the machine went down. Somebody may work with it by
 * now, so a sound one stays; one that was changed since is not taken for it. */
static int settle_doubt(const struct target *target, const char *staged, int parent,
                        const char *name, const struct entry *entry)
{
    struct stat ours;
    struct stat there;
    if (fstatat(target->staging, staged, &ours, AT_SYMLINK_NOFOLLOW) != 0 ||
        fstatat(parent, name, &there, AT_SYMLINK_NOFOLLOW) != 0) {
        return -1;
    }
    struct entry made = *entry;
    made.type = S_ISREG(ours.st_mode) ? ENTRY_FILE : entry->type;
    made.size = (uint64_t)ours.st_size; /* of a database that was erased from, another */
    if (!target_is_finished(&there, &made)) {
        errno = EEXIST;
        return -1;
    }
    if (entry->type == ENTRY_FILE) {
        CLEANUP(file_close)
        int a = openat(target->staging, staged, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        CLEANUP(file_close) int b = openat(parent, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        if (a >= 0 && b >= 0 && same_bytes(a, b)) {
            return unlinkat(target->staging, staged, 0);
        }
    }
    return renameat(target->staging, staged, parent, name);
}

static int put_in_place(const struct target *target, const char *staged, int parent,
                        const char *name, const struct entry *entry)
{
    if (target->replace) {
        return renameat(target->staging, staged, parent, name);
    }
    int result = rename_to_free(target->staging, staged, parent, name);
    return result != 0 && errno == EEXIST && target->rebooted
               ? settle_doubt(target, staged, parent, name, entry)
               : result;
}

enum status target_publish(struct target *target, const char *staged, const char *source,
                           const struct entry *entry, struct error *error)
{
    CLEANUP(memory_free) char *full = NULL;
    char *name;
    int parent;
    pthread_mutex_lock(&target->lock);
    enum status status =
        target_find_place(&parent, &name, &full, target, source, entry->path, error);
    if (status == STATUS_OK) {
        if (put_in_place(target, staged, parent, name, entry) != 0) {
            status = error_set_errno(error, errno, _("%s cannot be put in its place"), entry->path);
        }
    }
    pthread_mutex_unlock(&target->lock);
    return status;
}
