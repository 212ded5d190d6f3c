/* store_local: a folder of this machine as a store.
 *
 * An object is written beside its name, brought to stable storage, and then renamed without
 * replacing: after any interruption it is there whole or not at all. Nothing inside the store is
 * reached through a symbolic link, so that whoever can write there cannot point us elsewhere.
 */
#include "store_private.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

struct store_local {
    char *root;
    enum status (*judge)(void *context, int fd, struct error *error); /* of store_options */
    void *judge_context;
};

static void local_close(void *self)
{
    struct store_local *local = self;
    if (local != NULL) {
        free(local->root);
        free(local);
    }
}

static enum status local_open(void **self, const struct store_options *options, struct error *error)
{
    const char *prefix = "file://";
    const char *path = options->url;
    if (strncmp(path, prefix, strlen(prefix)) == 0) {
        path += strlen(prefix);
        if (path[0] != '/') {
            return error_set(error, STATUS_USAGE, 0,
                             _("%s names another machine; file:// needs an absolute path"),
                             options->url);
        }
    }
    struct store_local *local = calloc(1, sizeof *local);
    if (local == NULL || (local->root = strdup(path)) == NULL) {
        free(local);
        return error_set_memory(error);
    }
    local->judge = options->judge;
    local->judge_context = options->judge_context;
    *self = local;
    return STATUS_OK;
}

static enum status judge(const struct store_local *local, int folder, struct error *error)
{
    return local->judge == NULL ? STATUS_OK : local->judge(local->judge_context, folder, error);
}

/* Component by component, where the kernel or a sandbox does not give openat2. */
static int open_stepwise(int root, const char *name, int flags, mode_t mode)
{
    CLEANUP(file_close) int folder = -1;
    const char *part = name;
    const char *slash;
    while ((slash = strchr(part, '/')) != NULL) {
        char component[STORE_NAME_LIMIT + 1] = "";
        memcpy(component, part, (size_t)(slash - part));
        int next = openat(folder < 0 ? root : folder, component,
                          O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (next < 0) {
            return -1;
        }
        file_close(&folder);
        folder = next;
        part = slash + 1;
    }
    return openat(folder < 0 ? root : folder, part, flags | O_NOFOLLOW, mode);
}

static int open_beneath(int root, const char *name, int flags, mode_t mode)
{
    struct open_how how = {.flags = (uint64_t)flags,
                           .mode = mode,
                           .resolve =
                               RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS};
    int fd;
    do {
        fd = (int)syscall(SYS_openat2, root, name, &how, sizeof how);
    } while (fd < 0 && (errno == EAGAIN || errno == EINTR));
    if (fd < 0 && (errno == ENOSYS || errno == EPERM)) {
        return open_stepwise(root, name, flags, mode);
    }
    return fd;
}

/* A root that is gone is a disk that is not mounted or a server that does not answer: nothing was
 * looked for in the store. */
static bool is_away(int os_error)
{
    return os_error == ENOENT || os_error == ENOTDIR || os_error == ENODEV || os_error == ENXIO ||
           os_error == ENOTCONN || os_error == ESTALE || os_error == EHOSTDOWN ||
           os_error == EHOSTUNREACH || os_error == ETIMEDOUT;
}

static enum status open_root(int *root, const struct store_local *local, int flags,
                             struct error *error)
{
    *root = open(local->root, flags | O_DIRECTORY | O_CLOEXEC);
    if (*root >= 0) {
        return STATUS_OK;
    }
    if (!is_away(errno)) {
        return error_set_errno(error, errno, _("the folder %s cannot be opened"), local->root);
    }
    error_set(error, STATUS_UNREACHABLE, errno, _("the folder %s cannot be opened"), local->root);
    return error_set_hint(error, "%s", _("Is the disk connected, and the network drive mounted?"));
}

/* Something of another kind in the place of an object or folder is damage of that one: the store is
 * well. */
static enum status fail_below(int os_error, const char *message, const char *name,
                              struct error *error)
{
    switch (os_error) {
    case ELOOP:
    case ENOTDIR:
    case EISDIR:
    case ENXIO: /* a socket */
    case ENODEV:
        error_set(error, STATUS_CORRUPT, os_error, "%s: %s", name, message);
        return error_set_hint(error, "%s",
                              _("Something else is in its place. Whoever runs the storage can move "
                                "it away."));
    default:
        return error_set_errno(error, os_error, "%s: %s", name, message);
    }
}

/* Opens the folder that holds `name`; *last is the name within it. */
static enum status open_parent(int *folder, const char **last, const struct store_local *local,
                               const char *name, struct error *error)
{
    const char *slash = strrchr(name, '/');
    if (slash == NULL) {
        *last = name;
        return open_root(folder, local, O_RDONLY, error);
    }
    char parent[STORE_NAME_LIMIT + 1] = "";
    memcpy(parent, name, (size_t)(slash - name));
    *last = slash + 1;
    CLEANUP(file_close) int root = -1;
    enum status status = open_root(&root, local, O_PATH, error);
    if (status != STATUS_OK) {
        return status;
    }
    *folder = open_beneath(root, parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    return *folder < 0 ? fail_below(errno, _("the folder cannot be opened"), parent, error)
                       : STATUS_OK;
}

static enum status local_make_folder(void *self, const char *name, struct error *error)
{
    struct store_local *local = self;
    enum status status = file_make_folders(local->root, 0700, error);
    CLEANUP(file_close) int folder = -1;
    if (status == STATUS_OK) {
        status = open_root(&folder, local, O_PATH, error);
    }
    if (status == STATUS_OK) {
        status = judge(local, folder, error);
    }
    for (const char *part = name; status == STATUS_OK;) {
        size_t size = strcspn(part, "/");
        char component[STORE_NAME_LIMIT + 1] = "";
        memcpy(component, part, size);
        if (mkdirat(folder, component, 0700) != 0 && errno != EEXIST) {
            return error_set_errno(error, errno, _("the folder %s cannot be made"), name);
        }
        int next = openat(folder, component, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (next < 0) {
            return error_set_errno(error, errno, _("the folder %s cannot be made"), name);
        }
        file_close(&folder);
        folder = next;
        if (part[size] == '\0') {
            break;
        }
        part += size + 1;
    }
    return status;
}

static enum status write_object(int folder, const char *temporary, const void *data, size_t size,
                                struct error *error)
{
    CLEANUP(file_close)
    int fd = openat(folder, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0) {
        return error_set_errno(error, errno, _("%s cannot be made"), temporary);
    }
    enum status status = file_write_all(fd, data, size, temporary, error);
    if (status != STATUS_OK) {
        return status;
    }
    struct stat information;
    if (fsync(fd) != 0 || fstat(fd, &information) != 0) {
        return error_set_errno(error, errno, _("%s cannot be brought to stable storage"),
                               temporary);
    }
    if ((uint64_t)information.st_size != size) {
        return error_set(error, STATUS_FAILED, 0, _("%s was not written whole"), temporary);
    }
    return STATUS_OK;
}

/* Gives the object its name, and never takes the name from another one. */
static enum status publish(int folder, const char *temporary, const char *last, const char *name,
                           struct error *error)
{
    int result = renameat2(folder, temporary, folder, last, RENAME_NOREPLACE);
    if (result != 0 && (errno == EINVAL || errno == ENOSYS)) {
        /* A file system without RENAME_NOREPLACE: a hard link does not replace either. */
        result = linkat(folder, temporary, folder, last, 0);
        if (result == 0) {
            unlinkat(folder, temporary, 0);
        }
    }
    if (result != 0) {
        return error_set_errno(error, errno, _("%s cannot be published"), name);
    }
    return STATUS_OK;
}

static enum status local_put(void *self, const char *name, const void *data, size_t size,
                             struct error *error)
{
    CLEANUP(file_close) int folder = -1;
    const char *last = NULL;
    enum status status = open_parent(&folder, &last, self, name, error);
    /* This folder, and not the root: another disk may be mounted within the store. */
    if (status == STATUS_OK) {
        status = judge(self, folder, error);
    }
    if (status != STATUS_OK) {
        return error_add_context(error, _("%s cannot be stored"), name);
    }
    char temporary[STORE_NAME_LIMIT + 32];
    snprintf(temporary, sizeof temporary, "%s.%08x%s", last, randombytes_random(),
             STORE_TEMPORARY_SUFFIX);
    status = write_object(folder, temporary, data, size, error);
    if (status == STATUS_OK) {
        status = publish(folder, temporary, last, name, error);
    }
    if (status != STATUS_OK) {
        unlinkat(folder, temporary, 0);
        return status;
    }
    if (fsync(folder) != 0) {
        return error_set_errno(error, errno, _("%s cannot be brought to stable storage"), name);
    }
    return STATUS_OK;
}

/* Opens a regular file; anything else (a pipe would block for ever) is refused. */
static enum status open_object(int *fd, struct stat *information, const struct store_local *local,
                               const char *name, struct error *error)
{
    CLEANUP(file_close) int root = -1;
    enum status status = open_root(&root, local, O_PATH, error);
    if (status != STATUS_OK) {
        return status;
    }
    *fd = open_beneath(root, name, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0);
    if (*fd < 0 || fstat(*fd, information) != 0) {
        return fail_below(errno, _("it cannot be opened"), name, error);
    }
    if (!S_ISREG(information->st_mode)) {
        return error_set(error, STATUS_CORRUPT, 0, _("%s is not a file"), name);
    }
    return STATUS_OK;
}

static enum status local_get(void *self, const char *name, uint64_t offset, void *target,
                             size_t size, size_t *got, struct error *error)
{
    CLEANUP(file_close) int fd = -1;
    struct stat information;
    enum status status = open_object(&fd, &information, self, name, error);
    return status == STATUS_OK ? file_read_at(fd, target, size, offset, got, name, error) : status;
}

static enum status local_size(void *self, const char *name, uint64_t *size, struct error *error)
{
    CLEANUP(file_close) int fd = -1;
    struct stat information = {0};
    enum status status = open_object(&fd, &information, self, name, error);
    if (status == STATUS_OK) {
        *size = (uint64_t)information.st_size;
    }
    return status;
}

static void folder_close(DIR **folder)
{
    if (*folder != NULL) {
        closedir(*folder);
    }
}

static enum status list_entries(DIR *folder, const char *name, store_visit visit, void *context,
                                struct error *error)
{
    for (size_t seen = 0;; seen++) {
        errno = 0;
        const struct dirent *entry = readdir(folder);
        if (entry == NULL) {
            return errno == 0 ? STATUS_OK
                              : error_set_errno(error, errno, _("%s cannot be listed"), name);
        }
        if (seen >= STORE_LIST_LIMIT) {
            return error_set(error, STATUS_CORRUPT, 0, _("%s has more than %d entries"), name,
                             STORE_LIST_LIMIT);
        }
        struct stat information;
        if (!store_component_valid(entry->d_name) ||
            fstatat(dirfd(folder), entry->d_name, &information, AT_SYMLINK_NOFOLLOW) != 0 ||
            !S_ISREG(information.st_mode)) {
            continue;
        }
        char path[STORE_NAME_LIMIT + sizeof entry->d_name + 2];
        struct store_entry told = {.name = path, .size = (uint64_t)information.st_size};
        snprintf(path, sizeof path, "%s/%s", name, entry->d_name);
        if (!store_listed_valid(path, &told.unfinished)) {
            continue;
        }
        enum status status = visit(context, &told, error);
        if (status != STATUS_OK) {
            return status;
        }
    }
}

static enum status local_list(void *self, const char *name, store_visit visit, void *context,
                              struct error *error)
{
    CLEANUP(file_close) int root = -1;
    enum status status = open_root(&root, self, O_PATH, error);
    if (status != STATUS_OK) {
        return status;
    }
    int fd = open_beneath(root, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    CLEANUP(folder_close) DIR *folder = fd < 0 ? NULL : fdopendir(fd);
    if (folder == NULL) {
        int reason = errno;
        file_close(&fd);
        return fail_below(reason, _("the folder cannot be opened"), name, error);
    }
    return list_entries(folder, name, visit, context, error);
}

static double local_round_trip(const void *self)
{
    (void)self;
    return 0;
}

static const char *local_host_key(const void *self)
{
    (void)self;
    return NULL;
}

const struct store_driver store_local_driver = {
    .scheme = "file",
    .open = local_open,
    .close = local_close,
    .make_folder = local_make_folder,
    .put = local_put,
    .get = local_get,
    .size = local_size,
    .list = local_list,
    .round_trip = local_round_trip,
    .host_key = local_host_key,
};
