/* tree_links: remembers under which path a file with several names was delivered: a hash table with
 * linear probing, at most half full. */
#include "tree.h"
#include <stdlib.h>
#include <string.h>

struct tree_link {
    uint64_t device;
    uint64_t inode;
    struct timespec changed;
    char *path; /* NULL: a free slot */
};

enum { FIRST_CAPACITY = 256 };

/* The slot with this file, or the free one where it belongs. `capacity` is a power of two. */
static struct tree_link *find_slot(struct tree_link *slots, size_t capacity, uint64_t device,
                                   uint64_t inode)
{
    uint64_t hash = (inode ^ device << 32) * UINT64_C(0x9e3779b97f4a7c15);
    size_t at = (size_t)(hash >> 32) & (capacity - 1);
    while (slots[at].path != NULL && (slots[at].inode != inode || slots[at].device != device)) {
        at = (at + 1) & (capacity - 1);
    }
    return &slots[at];
}

static enum status grow(struct tree_links *links, struct error *error)
{
    size_t capacity = links->capacity == 0 ? FIRST_CAPACITY : 2 * links->capacity;
    struct tree_link *slots = calloc(capacity, sizeof *slots);
    if (slots == NULL) {
        return error_set_memory(error);
    }
    for (size_t i = 0; i < links->capacity; i++) {
        struct tree_link *link = &links->slots[i];
        if (link->path != NULL) {
            *find_slot(slots, capacity, link->device, link->inode) = *link;
        }
    }
    free(links->slots);
    links->slots = slots;
    links->capacity = capacity;
    return STATUS_OK;
}

char *tree_links_find(const struct tree_links *links, const struct stat *facts)
{
    if (links->count == 0) {
        return NULL;
    }
    const struct tree_link *link =
        find_slot(links->slots, links->capacity, facts->st_dev, facts->st_ino);
    bool same = link->path != NULL && link->changed.tv_sec == facts->st_ctim.tv_sec &&
                link->changed.tv_nsec == facts->st_ctim.tv_nsec;
    return same ? link->path : NULL;
}

enum status tree_links_add(struct tree_links *links, const struct stat *facts, const char *path,
                           struct error *error)
{
    if (links->count >= links->capacity / 2 && grow(links, error) != STATUS_OK) {
        return error->status;
    }
    char *copy = strdup(path);
    if (copy == NULL) {
        return error_set_memory(error);
    }
    struct tree_link *link = find_slot(links->slots, links->capacity, facts->st_dev, facts->st_ino);
    links->count += link->path == NULL;
    free(link->path); /* of the file in an earlier state */
    *link = (struct tree_link){facts->st_dev, facts->st_ino, facts->st_ctim, copy};
    return STATUS_OK;
}

void tree_links_free(struct tree_links *links)
{
    for (size_t i = 0; i < links->capacity; i++) {
        free(links->slots[i].path);
    }
    free(links->slots);
    *links = (struct tree_links){0};
}
