/* node: pieces of long lists and trees. Where they end, and how large they may be. */
#ifndef REPO_NODE_H
#define REPO_NODE_H

#include "kura/repo.h"

#define NODE_MINIMUM ((size_t)16 * 1024)
#define NODE_AVERAGE ((size_t)64 * 1024)
#define NODE_MAXIMUM ((size_t)256 * 1024)
#define NODE_LEVELS 16 /* more than any tree that fits the universe of 64-bit sizes needs */

#define NODE_LEAF 'L'
#define NODE_INNER 'T'
#define NODE_LIST 'R'

#define LIST_INLINE_LIMIT 4096 /* bytes of references that stay with the entry */
#define ENTRY_RECORD_LIMIT                                                                         \
    ((size_t)2 * 1024 * 1024) /* bytes of one entry: a leaf of it fits a chunk */
#define LIST_REFERENCE_SIZE (4 + CHUNK_KEY_SIZE)
/* In the place of the size: a part of a chunk, or of one of those that the list named last. */
#define LIST_PART 0x80000000u
#define LIST_AGAIN 0xc0000000u
#define LIST_NAMES 64u
#define LIST_AGAIN_LIMIT (1u << 24) /* bytes of such a part */
#define LIST_HOLE_SIZE (4 + 8)
#define LIST_NODE_SIZE (CHUNK_KEY_SIZE + 4 + 8) /* of a reference to a node of a list */

/* Does a node that has at least NODE_MINIMUM bytes end after the item with this name? Only the key
 * and the name decide (and by how many bytes the item brings), so that a change moves no border
 * beyond its own node. */
bool node_ends(const unsigned char *node_key, const void *name, size_t name_size, size_t item_size);

/* Stores a whole node and tells of it. */
MUST_USE enum status node_store(struct chunk_result *result, const struct node_output *output,
                                const struct buffer *node, struct error *error);

/* The chunks that a list named last. {0} at its beginning. */
struct list_names {
    struct list_name {
        struct chunk_reference reference;
        uint32_t end; /* of the part that was used last */
    } ring[LIST_NAMES];
    uint32_t count; /* of all that were named */
};
void list_names_add(struct list_names *names, const struct chunk_reference *reference,
                    uint32_t end);
/* The one that was named `back` names ago, 0 is the last; NULL: there are not so many. */
struct list_name *list_names_find(struct list_names *names, uint32_t back);

/* The references of a list at `level`, one after another (names: at level 0 only); *hole says that
 * there is no chunk. Sizes are checked. False at a malformed one. */
struct list_item {
    struct chunk_reference reference; /* the chunk, or the node (level > 0) */
    uint64_t bytes;                   /* of content */
    uint32_t skip;                    /* bytes of the chunk before them */
    bool hole;
};
MUST_USE bool list_item_read(struct list_item *item, struct cursor *cursor, unsigned level,
                             struct list_names *names);

/* One child of an inner node, or the root of a tree. */
struct tree_child {
    struct chunk_reference reference;
    unsigned level;
    uint64_t entries; /* below it */
    bool counted;     /* `entries` is known (not of the root) */
    char *first;      /* path of its first entry, malloc'ed; NULL: not known (the root) */
};
/* False at a malformed one; first is to be freed in any case. */
MUST_USE bool tree_child_read(struct tree_child *child, struct cursor *cursor, unsigned level);

#endif
