/* range: pieces of packs, aligned so that the storage does not learn where a chunk begins. */
#ifndef REPO_RANGE_H
#define REPO_RANGE_H

#include "object.h"

#define RANGE_ALIGNMENT ((size_t)256 * 1024)

/* A piece of a pack in memory. */
struct range {
    unsigned char pack[OBJECT_ID_SIZE];
    uint64_t start; /* in the pack */
    struct buffer bytes;
    uint64_t used; /* when, for the cache */
};
/* Fetches the bytes [offset, offset + size) of a pack and what belongs to the same blocks of
 * `window` bytes (a multiple of RANGE_ALIGNMENT). A pack that ends before them: STATUS_CORRUPT. */
MUST_USE enum status range_fetch(struct range *range, struct store *store,
                                 const unsigned char pack[OBJECT_ID_SIZE], uint64_t offset,
                                 uint64_t size, uint64_t window, struct error *error);
bool range_covers(const struct range *range, const unsigned char pack[OBJECT_ID_SIZE],
                  uint64_t offset, uint64_t size);

/* The ranges that were used last, together RANGE_CACHE_LIMIT bytes: two whole packs, since one
 * pack's last chunks come after the next one's first. */
#define RANGE_CACHE_LIMIT ((size_t)11 * 1024 * 1024)
#define RANGE_CACHE_SLOTS 16
struct range_cache {
    struct range slots[RANGE_CACHE_SLOTS];
    uint64_t clock;
};
/* Borrowed until the next put; NULL: not there. */
const unsigned char *range_cache_find(struct range_cache *cache,
                                      const unsigned char pack[OBJECT_ID_SIZE], uint64_t offset,
                                      uint64_t size);
/* Takes the range's bytes. */
void range_cache_put(struct range_cache *cache, struct range *range);
void range_cache_free(struct range_cache *cache);

#endif
