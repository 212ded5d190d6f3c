/* metadata: owner, mode, attributes, times, in the order in which none spoils another: a change of
 * owner clears set-id bits and capabilities, an ACL carries the group bits of the mode, and every
 * change but the last touches the times. */
#include "target.h"
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#define SET_ID_BITS 06000u

/* A name that this machine knows outweighs the number: on a new machine numbers may differ. */
static uid_t owner_of(const struct entry *entry)
{
    struct passwd record;
    struct passwd *found = NULL;
    char text[4096];
    if (entry->user != NULL && getpwnam_r(entry->user, &record, text, sizeof text, &found) == 0 &&
        found != NULL) {
        return found->pw_uid;
    }
    return entry->uid;
}

static gid_t group_of(const struct entry *entry)
{
    struct group record;
    struct group *found = NULL;
    char text[16384];
    if (entry->group != NULL && getgrnam_r(entry->group, &record, text, sizeof text, &found) == 0 &&
        found != NULL) {
        return found->gr_gid;
    }
    return entry->gid;
}

static mode_t mode_of(const struct entry *entry, bool owners)
{
    return owners ? entry->mode : entry->mode & ~SET_ID_BITS;
}

static void times_of(struct timespec times[2], const struct entry *entry)
{
    times[0] = (struct timespec){entry->modified.seconds, entry->modified.nanoseconds};
    times[1] = times[0];
}

/* A file system that has no such attributes, or a user who may not set them, keeps the content. */
static bool can_be_missed(int reason)
{
    return reason == ENOTSUP || reason == EPERM || reason == EINVAL;
}

static enum status missed(const struct entry *entry, const char *attribute, int reason,
                          struct error *error)
{
    enum status status = can_be_missed(reason) ? STATUS_UNSUPPORTED : STATUS_FAILED;
    return error_set(error, status, reason, _("%s: the attribute %s cannot be set"), entry->path,
                     attribute);
}

enum status metadata_apply(int fd, const struct entry *entry, bool owners, struct error *error)
{
    enum status attributes = STATUS_OK;
    struct timespec times[2];
    times_of(times, entry);
    if (owners && fchown(fd, owner_of(entry), group_of(entry)) != 0) {
        return error_set_errno(error, errno, _("the owner of %s cannot be set"), entry->path);
    }
    if (fchmod(fd, mode_of(entry, owners)) != 0) {
        return error_set_errno(error, errno, _("the mode of %s cannot be set"), entry->path);
    }
    for (size_t i = 0; i < entry->attribute_count; i++) {
        const struct entry_attribute *attribute = &entry->attributes[i];
        if (fsetxattr(fd, attribute->name, attribute->value, attribute->size, 0) != 0) {
            attributes = missed(entry, attribute->name, errno, error);
        }
    }
    if (futimens(fd, times) != 0) {
        return error_set_errno(error, errno, _("the times of %s cannot be set"), entry->path);
    }
    return attributes;
}

static enum status set_attributes_at(int parent, const char *name, const struct entry *entry,
                                     struct error *error)
{
    enum status status = STATUS_OK;
    CLEANUP(memory_free) char *path = NULL;
    if (asprintf(&path, "/proc/self/fd/%d/%s", parent, name) < 0) {
        path = NULL;
        return error_set_memory(error);
    }
    for (size_t i = 0; i < entry->attribute_count; i++) {
        const struct entry_attribute *attribute = &entry->attributes[i];
        if (lsetxattr(path, attribute->name, attribute->value, attribute->size, 0) != 0) {
            status = missed(entry, attribute->name, errno, error);
        }
    }
    return status;
}

enum status metadata_apply_at(int parent, const char *name, const struct entry *entry, bool owners,
                              struct error *error)
{
    struct timespec times[2];
    times_of(times, entry);
    if (owners &&
        fchownat(parent, name, owner_of(entry), group_of(entry), AT_SYMLINK_NOFOLLOW) != 0) {
        return error_set_errno(error, errno, _("the owner of %s cannot be set"), entry->path);
    }
    bool has_mode = entry->type != ENTRY_SYMLINK;
    if (has_mode && fchmodat(parent, name, mode_of(entry, owners), 0) != 0) {
        return error_set_errno(error, errno, _("the mode of %s cannot be set"), entry->path);
    }
    enum status attributes = set_attributes_at(parent, name, entry, error);
    if (utimensat(parent, name, times, AT_SYMLINK_NOFOLLOW) != 0) {
        return error_set_errno(error, errno, _("the times of %s cannot be set"), entry->path);
    }
    return attributes;
}
