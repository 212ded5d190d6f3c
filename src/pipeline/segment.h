/* segment: the memory that content is read into, chunks still in flight and the one being read. All
 * of it belongs to the owner's thread; workers only read the bytes. */
#ifndef KURA_PIPELINE_SEGMENT_H
#define KURA_PIPELINE_SEGMENT_H

#include "kura/base.h"

struct segment {
    struct segment *next; /* in the pool */
    size_t size;          /* of data */
    size_t chunks;        /* in flight, that lie here */
    uint64_t last_job;    /* of them the one that went in last */
    unsigned char data[];
};

/* Segments of one size. What lies unused stays for the next. */
struct segment_pool {
    struct segment *unused;
    size_t segment_size;
    size_t memory;    /* bytes of segments at most, if one is in use at all */
    size_t allocated; /* bytes of segments, used and unused */
};

/* From now on segments have at least this size. */
void segment_pool_grow(struct segment_pool *pool, size_t size);
/* May one more be taken within the memory? */
bool segment_pool_has(const struct segment_pool *pool);
MUST_USE enum status segment_take(struct segment **segment, struct segment_pool *pool,
                                  struct error *error);
void segment_give_back(struct segment_pool *pool, struct segment *segment);
void segment_pool_clear(struct segment_pool *pool);

#endif
