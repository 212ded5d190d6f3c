/* source_tree: a folder with everything beneath it: files, folders, links, pipes, sockets, devices,
 * with owners, times and attributes. Never follows a symbolic link but in the configured path.
 *
 * One file that cannot be read is a warning; that the folder itself is missing, or may not be
 * listed, is a failure: an empty backup must not pass for a good one.
 */
#include "tree.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

static void free_tree(struct tree **tree)
{
    if (*tree != NULL) {
        tree_links_free(&(*tree)->links);
        owner_names_free(&(*tree)->owners);
        free(*tree);
    }
}

static enum status open_root(int *root, const char *path, struct error *error)
{
    *root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (*root >= 0) {
        return STATUS_OK;
    }
    int os_error = errno;
    error_set_errno(error, os_error, _("the folder %s cannot be backed up"), path);
    if (os_error == ENOENT) {
        error_set_hint(error, _("Check the path in the configuration, and whether the disk that "
                                "holds the folder is mounted."));
    } else if (os_error == ENOTDIR) {
        error_set_hint(error, _("A source of the kind tree is a folder; name the folder that the "
                                "file is in."));
    } else if (os_error == EACCES) {
        error_set_hint(error, _("Run the backup as a user who may read the folder."));
    }
    return error->status;
}

static enum status run(const struct config_source *source, const struct source_sink *sink,
                       struct error *error)
{
    CLEANUP(file_close) int root = -1;
    if (open_root(&root, source->path, error) != STATUS_OK) {
        return error->status;
    }
    struct stat facts;
    if (fstat(root, &facts) != 0) {
        return error_set_errno(error, errno, _("the folder %s cannot be backed up"), source->path);
    }
    CLEANUP(free_tree) struct tree *tree = calloc(1, sizeof *tree);
    if (tree == NULL) {
        return error_set_memory(error);
    }
    tree->sink = sink;
    tree->exclude = source->exclude;
    tree->one_file_system = source->one_file_system;
    tree->device = facts.st_dev;
    tree_own_find(&tree->own, &source->own);
    if (tree_own_is(&tree->own.repository, facts.st_dev, facts.st_ino)) {
        return error_set(error, STATUS_USAGE, 0,
                         _("the folder %s is the repository of kura itself"), source->path);
    }
    if (tree_deliver_folder(tree, root, false, &facts, error) != STATUS_OK) {
        return error->status;
    }
    return tree_walk(tree, tree_take(&root), error);
}

const struct source_driver source_tree = {
    .kind = SOURCE_TREE,
    .run = run,
};
