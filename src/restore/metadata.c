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

/* Notes what could not be set, and lets the rest go on: a file whose owner or attribute cannot be
 * set here is still worth having. */
static void note(enum status *status, struct error *error, const struct entry *entry,
                 const char *what)
{
    *status =
        error_set(error, STATUS_UNSUPPORTED, errno, _("%s: %s cannot be set"), entry->path, what);
}

static bool is_acl(const char *name)
{
    return strncmp(name, "system.posix_acl_", strlen("system.posix_acl_")) == 0;
}

static bool has_attribute(const struct entry *entry, const char *name)
{
    for (size_t i = 0; i < entry->attribute_count; i++) {
        if (strcmp(entry->attributes[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

/* The folder that it is restored into may give what is made in it an ACL, and so access that nobody
 * had. `path`: for what cannot be opened, instead of fd. */
static void drop_inherited_acls(int fd, const char *path, const struct entry *entry,
                                enum status *status, struct error *error)
{
    static const char *const names[] = {"system.posix_acl_access", "system.posix_acl_default"};
    size_t count = entry->type == ENTRY_FOLDER ? 2 : 1;
    for (size_t i = 0; i < count; i++) {
        if (!has_attribute(entry, names[i]) &&
            (path == NULL ? fremovexattr(fd, names[i]) : lremovexattr(path, names[i])) != 0 &&
            errno != ENODATA && errno != EOPNOTSUPP) {
            note(status, error, entry, names[i]);
        }
    }
}

/* Attributes but ACLs come before the mode, which can take the right to write them away; ACLs after
 * it, since they hold the group bits. */
static void set_attributes(int fd, const struct entry *entry, bool acls, enum status *status,
                           struct error *error)
{
    for (size_t i = 0; i < entry->attribute_count; i++) {
        const struct entry_attribute *attribute = &entry->attributes[i];
        if (is_acl(attribute->name) == acls &&
            fsetxattr(fd, attribute->name, attribute->value, attribute->size, 0) != 0) {
            note(status, error, entry, attribute->name);
        }
    }
}

enum status metadata_apply(int fd, const struct entry *entry, bool owners, struct error *error)
{
    enum status status = STATUS_OK;
    struct timespec times[2];
    times_of(times, entry);
    if (owners && fchown(fd, owner_of(entry), group_of(entry)) != 0) {
        note(&status, error, entry, _("the owner"));
    }
    set_attributes(fd, entry, false, &status, error);
    drop_inherited_acls(fd, NULL, entry, &status, error);
    if (fchmod(fd, mode_of(entry, owners)) != 0) {
        note(&status, error, entry, _("the mode"));
    }
    set_attributes(fd, entry, true, &status, error);
    if (futimens(fd, times) != 0) {
        note(&status, error, entry, _("the time"));
    }
    return status;
}

static void set_attributes_at(const char *path, const struct entry *entry, enum status *status,
                              struct error *error)
{
    for (size_t i = 0; i < entry->attribute_count; i++) {
        const struct entry_attribute *attribute = &entry->attributes[i];
        if (lsetxattr(path, attribute->name, attribute->value, attribute->size, 0) != 0) {
            note(status, error, entry, attribute->name);
        }
    }
}

enum status metadata_apply_at(int parent, const char *name, const struct entry *entry, bool owners,
                              struct error *error)
{
    CLEANUP(memory_free) char *path = NULL;
    if (asprintf(&path, "/proc/self/fd/%d/%s", parent, name) < 0) {
        path = NULL;
        return error_set_memory(error);
    }
    enum status status = STATUS_OK;
    struct timespec times[2];
    times_of(times, entry);
    if (owners &&
        fchownat(parent, name, owner_of(entry), group_of(entry), AT_SYMLINK_NOFOLLOW) != 0) {
        note(&status, error, entry, _("the owner"));
    }
    bool has_mode = entry->type != ENTRY_SYMLINK;
    if (has_mode) {
        drop_inherited_acls(-1, path, entry, &status, error);
    }
    if (has_mode && fchmodat(parent, name, mode_of(entry, owners), 0) != 0) {
        note(&status, error, entry, _("the mode"));
    }
    set_attributes_at(path, entry, &status, error);
    if (utimensat(parent, name, times, AT_SYMLINK_NOFOLLOW) != 0) {
        note(&status, error, entry, _("the time"));
    }
    return status;
}
