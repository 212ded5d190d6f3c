/* tree: what the parts of the tree source share.
 *
 *     source_tree.c      opens the folder, delivers the root
 *     tree_walk.c        the order; which folder is open
 *     tree_list.c        the names in one folder
 *     tree_visit.c       one name: what it is, and whether the sink wants it
 *     tree_entry.c       what lstat says, as an entry
 *     tree_attributes.c  extended attributes
 *     tree_content.c     what is in a file
 *     tree_links.c       which files have several names
 *     tree_own.c         what belongs to kura itself
 */
#ifndef KURA_SOURCE_TREE_H
#define KURA_SOURCE_TREE_H

#include "kura/source.h"
#include "owner.h"
#include <sys/stat.h>

/* Hands an owned descriptor over. */
static inline int tree_take(int *fd)
{
    int taken = *fd;
    *fd = -1;
    return taken;
}

/* ---- names of one folder */

struct tree_list {
    char *text;         /* the names, each terminated */
    const char **names; /* into `text`, ascending by unsigned bytes, each once */
    size_t count;
};

/* Reads the names in the folder; without "." and "..". What could be read is in `list` even when
 * *os_error says that the rest could not. Names that an entry cannot have are counted in *strange
 * and left out. */
MUST_USE enum status tree_list_read(struct tree_list *list, int folder, int *os_error,
                                    size_t *strange, struct error *error);
void tree_list_free(struct tree_list *list);

/* ---- files with several names */

struct tree_link;
struct tree_links {
    struct tree_link *slots;
    size_t capacity;
    size_t count;
};

/* The path under which this very file was delivered, or NULL. A file that changed since is not
 * recognised: whether it is the same one with a new state or another one under a number that was
 * given again cannot be told, and content twice does no harm.
 * Borrowed, and not to be changed. */
char *tree_links_find(const struct tree_links *links, const struct stat *facts);
MUST_USE enum status tree_links_add(struct tree_links *links, const struct stat *facts,
                                    const char *path, struct error *error);
void tree_links_free(struct tree_links *links);

/* ---- kura's own folders */

struct tree_identity {
    bool known;
    dev_t device;
    ino_t inode;
};
struct tree_own {
    struct tree_identity repository;
    struct tree_identity state;
    bool (*remade)(const char *name);
};
/* By what they are now, under whatever name a tree shows them. */
void tree_own_find(struct tree_own *own, const struct config_own *config);
bool tree_own_is(const struct tree_identity *identity, dev_t device, ino_t inode);

/* ---- the walk */

struct tree {
    const struct source_sink *sink;
    char *const *exclude;
    bool one_file_system;
    uint64_t device; /* the root's */
    struct tree_own own;
    struct tree_links links;
    struct owner_names owners;
    size_t path_size;
    char path[ENTRY_PATH_MAX + 1]; /* of the entry that is being looked at */
};

/* Tells the sink of a problem with the current path; os_error 0 if there is no more to say. */
void tree_warn(struct tree *tree, int os_error, const char *message);
/* Tells the sink what is to be known of the current path. */
void tree_note(const struct tree *tree, const char *message);

/* Delivers everything beneath the folder `root`, which has been delivered itself. Takes `root`. */
MUST_USE enum status tree_walk(struct tree *tree, int root, struct error *error);

/* ---- one entry */

enum tree_next {
    TREE_DONE,
    TREE_DESCEND,  /* a folder, delivered; *opened is it */
    TREE_REPLACED, /* another one took the name in between: look again */
};

/* Delivers tree->path, which is `name` in `folder`. */
MUST_USE enum status tree_visit(struct tree *tree, int folder, const char *name,
                                enum tree_next *next, int *opened, struct error *error);

/* Delivers a folder that is open, if the sink does not know it. `descriptor_only` as below. */
MUST_USE enum status tree_deliver_folder(struct tree *tree, int fd, bool descriptor_only,
                                         const struct stat *facts, struct error *error);

/* True if it is the same file, folder ... and not another one that took its name. */
bool tree_same(const struct stat *a, const struct stat *b);

/* An entry for the current path with what lstat says. Path borrowed, nothing owned. */
struct entry tree_entry(struct tree *tree, const struct stat *facts);

/* Adds owners' names (borrowed) and extended attributes (owned; tree_attributes_free), and gives it
 * to the sink. With `descriptor_only`, fd was opened with O_PATH. fd -1: no attributes. */
MUST_USE enum status tree_entry_deliver(struct tree *tree, struct entry *entry, int fd,
                                        bool descriptor_only, struct error *error);

MUST_USE enum status tree_attributes_read(struct tree *tree, struct entry *entry, int fd,
                                          bool descriptor_only, struct error *error);
void tree_attributes_free(struct entry *entry);

/* Delivers the content of an open file; `facts` are those of the entry. *good: it is whole, as it
 * was at some moment or with a warning. */
MUST_USE enum status tree_content_deliver(struct tree *tree, int fd, const struct stat *facts,
                                          bool *good, struct error *error);

#endif
