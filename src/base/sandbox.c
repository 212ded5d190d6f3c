/* sandbox: from here on the process writes only where it is meant to, and starts nothing. Landlock
 * holds for the calling thread and all that it starts, for good; reading stays as it was. */
#include "kura/base.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The second version is the first that lets a file move from one folder into another. */
#define VERSION_LEAST 2
#define VERSION_TRUNCATE 3

/* What older headers than the kernel do not name. */
#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
#define LANDLOCK_ACCESS_FS_TRUNCATE (1ULL << 14)
#endif
#ifndef LANDLOCK_ACCESS_FS_REFER
#define LANDLOCK_ACCESS_FS_REFER (1ULL << 13)
#endif

#define ON_FILES (LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_TRUNCATE)
#define IN_FOLDERS                                                                                 \
    (LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE |                              \
     LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |    \
     LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_BLOCK | \
     LANDLOCK_ACCESS_FS_MAKE_SYM | LANDLOCK_ACCESS_FS_REFER)

static enum status find_version(long *version, struct error *error)
{
    *version =
        syscall(SYS_landlock_create_ruleset, NULL, (size_t)0, LANDLOCK_CREATE_RULESET_VERSION);
    if (*version >= VERSION_LEAST) {
        return STATUS_OK;
    }
    /* ENOSYS: not in this kernel; EOPNOTSUPP: turned off when it started; EPERM: a container. */
    return error_set(error, STATUS_UNSUPPORTED, *version < 0 ? errno : 0, "%s",
                     _("this system has no Landlock, or too old a one: the process is not confined "
                       "to the folders that it writes to"));
}

static enum status allow(int ruleset, const char *path, uint64_t handled, struct error *error)
{
    struct stat facts;
    CLEANUP(file_close) int fd = open(path, O_PATH | O_CLOEXEC);
    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR || errno == EACCES)) {
        return STATUS_OK;
    }
    if (fd < 0 || fstat(fd, &facts) != 0) {
        return error_set_errno(error, errno, _("%s cannot be opened"), path);
    }
    struct landlock_path_beneath_attr rule = {
        .allowed_access = handled & (S_ISDIR(facts.st_mode) ? ON_FILES | IN_FOLDERS : ON_FILES),
        .parent_fd = fd,
    };
    if (syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) != 0) {
        return error_set_errno(error, errno, _("the process cannot be confined to %s"), path);
    }
    return STATUS_OK;
}

enum status sandbox_enter(const struct sandbox_options *options, struct error *error)
{
    long version;
    enum status status = find_version(&version, error);
    if (status != STATUS_OK) {
        return status;
    }
    struct landlock_ruleset_attr attributes = {.handled_access_fs = ON_FILES | IN_FOLDERS |
                                                                    LANDLOCK_ACCESS_FS_EXECUTE};
    if (version < VERSION_TRUNCATE) {
        attributes.handled_access_fs &= ~LANDLOCK_ACCESS_FS_TRUNCATE;
    }
    if (options->execute) {
        attributes.handled_access_fs &= ~(uint64_t)LANDLOCK_ACCESS_FS_EXECUTE;
    }
    CLEANUP(file_close)
    int ruleset = (int)syscall(SYS_landlock_create_ruleset, &attributes,
                               sizeof attributes.handled_access_fs, 0);
    if (ruleset < 0) {
        return error_set_errno(error, errno, "%s", _("the process cannot be confined"));
    }
    for (const char *const *path = options->writable; *path != NULL && status == STATUS_OK;
         path++) {
        status = allow(ruleset, *path, attributes.handled_access_fs, error);
    }
    if (status == STATUS_OK && (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
                                syscall(SYS_landlock_restrict_self, ruleset, 0) != 0)) {
        status = error_set_errno(error, errno, "%s", _("the process cannot be confined"));
    }
    return status;
}
