/* path: opens where a write to a path would land, without making or changing anything. */
#include "scan.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LINKS_LIMIT 40 /* as the kernel's */

/* "path/." first: it makes an automount happen, which O_PATH on the name alone does not. */
static int open_place(const char *path)
{
    char folder[PATH_MAX + 2];
    if (snprintf(folder, sizeof folder, "%s/.", path) >= (int)sizeof folder) {
        errno = ENAMETOOLONG;
        return -1;
    }
    int fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 && (errno == ENOTDIR || errno == ENOENT || errno == EACCES)) {
        fd = open(path, O_PATH | O_CLOEXEC);
    }
    return fd;
}

/* A slash at the end would hide that the name is a link. */
static void trim(char *path)
{
    size_t size = strlen(path);
    while (size > 1 && path[size - 1] == '/') {
        path[--size] = '\0';
    }
}

/* The path's parent folder: "a/b" → "a", "a" → ".", "/a" → "/". */
static char *parent_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (slash == NULL) {
        return strdup(".");
    }
    return slash == path ? strdup("/") : strndup(path, (size_t)(slash - path));
}

/* A link that leads to nothing yet: a write makes the file where it leads. */
static enum status follow_link(char **path, bool *followed, struct error *error)
{
    char link[PATH_MAX];
    *followed = false;
    ssize_t size = readlink(*path, link, sizeof link - 1);
    if (size < 0 || size == (ssize_t)sizeof link - 1) {
        return STATUS_OK;
    }
    link[size] = '\0';
    CLEANUP(memory_free) char *parent = parent_of(*path);
    char *target = NULL;
    enum status status =
        parent == NULL ? error_set_memory(error) : path_join(&target, parent, link, error);
    if (status == STATUS_OK && target != NULL) {
        free(*path);
        *path = target;
        *followed = true;
    }
    return status;
}

/* What stands behind ".." of a folder that is not there depends on what will be made first. */
static bool ends_with_dots(const char *path)
{
    const char *base = fact_base(path);
    return strcmp(base, "..") == 0;
}

static enum status go_up(char **path, struct error *error)
{
    char *parent = parent_of(*path);
    if (parent == NULL) {
        return error_set_memory(error);
    }
    if (ends_with_dots(*path) || strcmp(parent, *path) == 0) {
        free(parent);
        return error_set(error, STATUS_NOT_FOUND, 0, _("%s leads through a folder that is missing"),
                         *path);
    }
    free(*path);
    *path = parent;
    return STATUS_OK;
}

enum status path_open(int *fd, const char *path, struct error *error)
{
    CLEANUP(memory_free) char *at = strdup(*path == '\0' ? "." : path);
    unsigned links = 0;
    if (at == NULL) {
        return error_set_memory(error);
    }
    trim(at);
    while ((*fd = open_place(at)) < 0) {
        bool followed = false;
        if (errno != ENOENT || links == LINKS_LIMIT) {
            return error_set_errno(error, errno == ENOENT ? ELOOP : errno, _("cannot open %s"), at);
        }
        enum status status = follow_link(&at, &followed, error);
        if (status == STATUS_OK && !followed) {
            status = go_up(&at, error);
        }
        if (status != STATUS_OK) {
            return status;
        }
        trim(at);
        links += followed;
    }
    return STATUS_OK;
}
