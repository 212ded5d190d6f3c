/* tree_walk: goes through all folders beneath the root, depth first, names ascending, which is the
 * order of entry_path_compare.
 *
 * However deep the tree, only the root and the innermost folders are held open. A folder whose turn
 * comes again is opened anew by ".." of the one beneath it; it must be the same folder. If somebody
 * moved things about, it is looked for from the root by names, and given up with a warning if it is
 * not there: a moved folder cannot lead the walk out of the tree.
 */
#include "exclude.h"
#include "tree.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { OPEN_FOLDERS = 32, REPLACED_TRIES = 5, NAME_SIZE = 256 };

struct level {
    int fd;     /* -1: closed for the time being */
    bool state; /* kura's own */
    uint64_t device;
    uint64_t inode;
    size_t path_size;
    struct tree_list list;
    size_t next;
};

struct walk {
    struct tree *tree;
    struct level *levels;
    size_t depth;
    size_t capacity;
};

void tree_warn(struct tree *tree, int os_error, const char *message)
{
    struct error problem;
    if (os_error == 0) {
        error_set(&problem, STATUS_FAILED, 0, "%s", message);
    } else {
        error_set_errno(&problem, os_error, "%s", message);
    }
    tree->sink->warn(tree->sink->context, tree->path, &problem);
}

void tree_note(const struct tree *tree, const char *message)
{
    if (tree->sink->note != NULL) {
        tree->sink->note(tree->sink->context, tree->path, message);
    }
}

static void set_path_size(struct tree *tree, size_t size)
{
    tree->path[size] = '\0';
    tree->path_size = size;
}

/* False, with the path as it was, if the path would be too long. */
static bool append_name(struct tree *tree, const char *name)
{
    size_t slash = tree->path_size > 0;
    size_t size = strlen(name);
    if (tree->path_size + slash + size > ENTRY_PATH_MAX) {
        return false;
    }
    if (slash != 0) {
        tree->path[tree->path_size] = '/';
    }
    memcpy(tree->path + tree->path_size + slash, name, size + 1);
    tree->path_size += slash + size;
    return true;
}

static void free_level(struct level *level)
{
    file_close(&level->fd);
    tree_list_free(&level->list);
}

static void free_walk(struct walk *walk)
{
    for (size_t i = 0; i < walk->depth; i++) {
        free_level(&walk->levels[i]);
    }
    free(walk->levels);
}

/* The root is the source as a whole: half of it must not pass for a good night. */
static enum status list_folder(struct walk *walk, struct level *level, struct error *error)
{
    int os_error;
    size_t strange;
    if (tree_list_read(&level->list, level->fd, &os_error, &strange, error) != STATUS_OK) {
        return error->status;
    }
    if (os_error != 0 && walk->depth == 1) {
        return error_set_errno(error, os_error,
                               _("the folder that is to be backed up could not be listed whole"));
    }
    if (os_error != 0) {
        tree_warn(walk->tree, os_error,
                  _("the folder could not be listed whole; part of it is not in the backup"));
    }
    if (strange > 0) {
        tree_warn(walk->tree, 0,
                  _("the folder holds a name that cannot be kept; it is not in the backup"));
    }
    return STATUS_OK;
}

/* Takes fd, which is the folder of the current path. */
static enum status enter(struct walk *walk, int fd, struct error *error)
{
    CLEANUP(file_close) int owned = fd;
    struct stat facts;
    if (fstat(fd, &facts) != 0) {
        return error_set_errno(error, errno, _("an open folder could not be looked at"));
    }
    if (walk->depth == walk->capacity) {
        size_t capacity = walk->capacity == 0 ? 32 : 2 * walk->capacity;
        struct level *levels = realloc(walk->levels, capacity * sizeof *levels);
        if (levels == NULL) {
            return error_set_memory(error);
        }
        walk->levels = levels;
        walk->capacity = capacity;
    }
    struct level *level = &walk->levels[walk->depth++];
    *level = (struct level){.fd = tree_take(&owned),
                            .device = facts.st_dev,
                            .inode = facts.st_ino,
                            .path_size = walk->tree->path_size};
    if (walk->depth > OPEN_FOLDERS + 1) { /* level 0, the root, stays */
        struct level *outer = &walk->levels[walk->depth - 1 - OPEN_FOLDERS];
        file_close(&outer->fd);
        outer->fd = -1;
    }
    level->state = tree_own_is(&walk->tree->own.state, facts.st_dev, facts.st_ino);
    if (level->state) {
        tree_note(walk->tree, _("the state of kura itself; what each night makes anew in it is not "
                                "in the backup"));
    }
    return list_folder(walk, level, error);
}

static bool open_if_same(struct level *level, int from, const char *name)
{
    CLEANUP(file_close)
    int fd = openat(from, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    struct stat facts;
    if (fd < 0 || fstat(fd, &facts) != 0 || facts.st_dev != level->device ||
        facts.st_ino != level->inode) {
        return false;
    }
    level->fd = tree_take(&fd);
    return true;
}

/* The way from the root, each folder being the one it was. */
static bool open_from_root(struct walk *walk, size_t index)
{
    const char *path = walk->tree->path;
    for (size_t i = 1; i <= index; i++) {
        struct level *outer = &walk->levels[i - 1];
        struct level *level = &walk->levels[i];
        size_t start = outer->path_size + (outer->path_size > 0);
        char name[NAME_SIZE] = {0};
        memcpy(name, path + start, level->path_size - start);
        if (level->fd < 0 && !open_if_same(level, outer->fd, name)) {
            return false;
        }
        if (i > 1) {
            file_close(&outer->fd);
            outer->fd = -1;
        }
    }
    return true;
}

/* Makes sure that the folder around is open again, if there is more to do in it. */
static void reopen(struct walk *walk, struct level *outer, int inner)
{
    if (outer->fd >= 0 || (inner >= 0 && open_if_same(outer, inner, "..")) ||
        outer->next == outer->list.count || open_from_root(walk, walk->depth - 1)) {
        return;
    }
    set_path_size(walk->tree, outer->path_size);
    tree_warn(walk->tree, 0,
              _("the folder was moved while it was read; part of it is not in the backup"));
    outer->next = outer->list.count;
}

static void leave(struct walk *walk)
{
    struct level inner = walk->levels[--walk->depth];
    if (walk->depth > 0) {
        reopen(walk, &walk->levels[walk->depth - 1], inner.fd);
    }
    free_level(&inner);
}

static enum status visit(struct walk *walk, int folder, const char *name, struct error *error)
{
    struct tree *tree = walk->tree;
    for (int tries = 0; tries < REPLACED_TRIES; tries++) {
        enum tree_next next;
        int opened = -1;
        if (tree_visit(tree, folder, name, &next, &opened, error) != STATUS_OK) {
            return error->status;
        }
        if (next == TREE_DESCEND) {
            return enter(walk, opened, error);
        }
        if (next == TREE_DONE) {
            return STATUS_OK;
        }
    }
    tree_warn(tree, 0,
              _("it was replaced by another one again and again, and is not in the backup"));
    return STATUS_OK;
}

static enum status step(struct walk *walk, struct level *level, struct error *error)
{
    struct tree *tree = walk->tree;
    const char *name = level->list.names[level->next++];
    set_path_size(tree, level->path_size);
    if (!append_name(tree, name)) {
        tree_warn(tree, 0,
                  _("the path of something in this folder is too long; it is not in the backup"));
        return STATUS_OK;
    }
    if (exclude_matches(tree->exclude, tree->path, false) ||
        (level->state && tree->own.remade(name))) {
        return STATUS_OK;
    }
    return visit(walk, level->fd, name, error);
}

enum status tree_walk(struct tree *tree, int root, struct error *error)
{
    CLEANUP(free_walk) struct walk walk = {.tree = tree};
    set_path_size(tree, 0);
    enum status status = enter(&walk, root, error);
    while (status == STATUS_OK && walk.depth > 0) {
        struct level *level = &walk.levels[walk.depth - 1];
        if (level->next < level->list.count) {
            status = step(&walk, level, error);
        } else {
            leave(&walk);
        }
    }
    return status;
}
