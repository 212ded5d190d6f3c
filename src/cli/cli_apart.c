/* cli_apart: what is restored keeps apart from the local repository that it comes from. Folders are
 * compared by device and inode, for a path has many spellings. */
#include "cli_road.h"
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool same(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* Whether the path is the folder or leads into it. What cannot be looked at is in nothing. */
static bool is_within(const char *path, const struct stat *folder)
{
    struct stat facts = {0};
    struct stat below;
    int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    bool found = false;
    bool top = false;
    for (bool first = true; fd >= 0 && !found && !top; first = false) {
        below = facts;
        if (fstat(fd, &facts) != 0) {
            break;
        }
        found = same(&facts, folder);
        top = !first && same(&facts, &below);
        int parent = openat(fd, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
        file_close(&fd);
        fd = parent;
    }
    file_close(&fd);
    return found;
}

char *cli_nearest_existing(const char *path)
{
    struct stat facts;
    char *nearest = strdup(path);
    while (nearest != NULL && stat(nearest, &facts) != 0) {
        char *slash = strrchr(nearest, '/');
        if (slash == NULL || slash == nearest) {
            free(nearest);
            return strdup(slash == NULL ? "." : "/");
        }
        *slash = '\0';
    }
    return nearest;
}

enum status cli_check_apart(const struct cli_access *access, const char *target,
                            struct error *error)
{
    const char *repository = cli_road_store_folder(access->access.store.url);
    struct stat facts;
    if (repository == NULL || stat(repository, &facts) != 0) {
        return STATUS_OK;
    }
    CLEANUP(memory_free) char *nearest = cli_nearest_existing(target);
    if (nearest == NULL) {
        return error_set_memory(error);
    }
    if (is_within(nearest, &facts)) {
        error_set(error, STATUS_USAGE, 0, _("the target %s lies within the repository %s"), target,
                  repository);
    } else if (stat(target, &facts) == 0 && is_within(repository, &facts)) {
        error_set(error, STATUS_USAGE, 0, _("the repository %s lies within the target %s"),
                  repository, target);
    } else {
        return STATUS_OK;
    }
    return error_set_hint(error, "%s",
                          _("What is restored must not mix with the backups. Name a new folder "
                            "beside the repository."));
}
