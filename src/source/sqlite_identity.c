/* sqlite_identity: who may open a database, and that what SQLite makes beside it belongs to its
 * owner from the first instant.
 *
 * SQLite makes -wal, -shm and -journal beside a database. Made by another user, they lock out the
 * program that works with the database. SQLite running as root gives them to the owner, but only
 * after making them: a kill in between leaves a file of root's. So root works with the file system
 * identity of the owner, which Linux keeps per thread; the other threads of the program stay root.
 * It is also the end of tricks with links in the owner's folder: nothing can be written there that
 * the owner could not write.
 */
#include "sqlite_identity.h"
#include "owner.h"
#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/fsuid.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Of one user; Linux allows more, nobody has them. */
#define GROUPS_LIMIT 256

#ifdef SYS_setgroups32
#define SETGROUPS SYS_setgroups32
#else
#define SETGROUPS SYS_setgroups
#endif

/* The C library's setgroups is for all threads; the kernel's for the calling one. */
static bool set_groups(int count, const gid_t *groups)
{
    return syscall(SETGROUPS, count, groups) == 0;
}

static bool keep_groups(struct sqlite_identity *identity)
{
    int count = getgroups(0, NULL);
    if (count < 0) {
        return false;
    }
    identity->groups = calloc((size_t)count + 1, sizeof *identity->groups);
    if (identity->groups == NULL) {
        return false;
    }
    identity->group_count = getgroups(count, identity->groups);
    return identity->group_count >= 0;
}

/* The owner's groups may open the way to the folder. A system that forbids changing groups (a user
 * namespace) is no reason to fail: then those of the thread stay. */
static bool take_groups(uid_t uid, gid_t gid)
{
    CLEANUP(owner_names_free) struct owner_names names = {0};
    const char *name = owner_user(&names, uid);
    gid_t groups[GROUPS_LIMIT] = {gid};
    int count = GROUPS_LIMIT;
    if (name == NULL) {
        count = 1;
    } else if (getgrouplist(name, gid, groups, &count) < 0) {
        count = GROUPS_LIMIT; /* it has more: these are the first */
    }
    return set_groups(count, groups);
}

/* A database may lie beneath folders that only root can pass, such as a container's volume. With
 * this capability the thread can, and still writes nothing that the owner could not write. */
static void keep_search_permission(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
    if (syscall(SYS_capget, &header, data) != 0) {
        return;
    }
    uint32_t search = (uint32_t)1 << CAP_DAC_READ_SEARCH;
    if ((data[0].permitted & search) != 0) {
        data[0].effective |= search;
        (void)syscall(SYS_capset, &header, data);
    }
}

static enum status refuse(const struct stat *facts, const char *path, struct error *error)
{
    CLEANUP(owner_names_free) struct owner_names names = {0};
    char number[16];
    snprintf(number, sizeof number, "%u", facts->st_uid);
    const char *name = owner_user(&names, facts->st_uid);
    name = name == NULL ? number : name;
    error_set(error, STATUS_DENIED, 0, _("%s belongs to user %s; no other user may back it up"),
              path, name);
    return error_set_hint(
        error,
        _("Run this as user %s or as root. SQLite makes files beside the database; made by another "
          "user, they would lock out the program that works with it."),
        name);
}

enum status sqlite_identity_assume(struct sqlite_identity *identity, const struct stat *facts,
                                   const char *path, struct error *error)
{
    if (geteuid() == facts->st_uid) {
        return STATUS_OK;
    }
    if (geteuid() != 0) {
        return refuse(facts, path, error);
    }
    if (!keep_groups(identity)) {
        sqlite_identity_restore(identity);
        return error_set_memory(error);
    }
    identity->assumed = true;
    identity->grouped = take_groups(facts->st_uid, facts->st_gid);
    setfsgid(facts->st_gid);
    setfsuid(facts->st_uid);
    /* Neither call reports failure; asked for an impossible user, it tells the present one. */
    if ((uid_t)setfsuid((uid_t)-1) != facts->st_uid ||
        (gid_t)setfsgid((gid_t)-1) != facts->st_gid) {
        sqlite_identity_restore(identity);
        return error_set(error, STATUS_DENIED, 0,
                         _("the system does not let root open %s in its owner's name"), path);
    }
    keep_search_permission();
    return STATUS_OK;
}

void sqlite_identity_restore(struct sqlite_identity *identity)
{
    if (identity->assumed) {
        setfsuid(geteuid());
        setfsgid(getegid());
    }
    if (identity->grouped) {
        (void)set_groups(identity->group_count, identity->groups);
    }
    free(identity->groups);
    *identity = (struct sqlite_identity){0};
}
