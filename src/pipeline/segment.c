/* segment: memory for content, in pieces that are used again and again. */
#include "segment.h"
#include <stdlib.h>

static void release(struct segment_pool *pool, struct segment *segment)
{
    pool->allocated -= segment->size;
    free(segment);
}

void segment_pool_clear(struct segment_pool *pool)
{
    while (pool->unused != NULL) {
        struct segment *segment = pool->unused;
        pool->unused = segment->next;
        release(pool, segment);
    }
}

void segment_pool_grow(struct segment_pool *pool, size_t size)
{
    if (size > pool->segment_size) {
        segment_pool_clear(pool);
        pool->segment_size = size;
    }
}

bool segment_pool_has(const struct segment_pool *pool)
{
    return pool->unused != NULL || pool->allocated + pool->segment_size <= pool->memory;
}

enum status segment_take(struct segment **segment, struct segment_pool *pool, struct error *error)
{
    struct segment *taken = pool->unused;
    if (taken != NULL) {
        pool->unused = taken->next;
    } else {
        taken = malloc(sizeof *taken + pool->segment_size);
        if (taken == NULL) {
            return error_set_memory(error);
        }
        taken->size = pool->segment_size;
        pool->allocated += taken->size;
    }
    taken->next = NULL;
    taken->chunks = 0;
    *segment = taken;
    return STATUS_OK;
}

void segment_give_back(struct segment_pool *pool, struct segment *segment)
{
    if (segment->size < pool->segment_size || pool->allocated > pool->memory) {
        release(pool, segment);
        return;
    }
    segment->next = pool->unused;
    pool->unused = segment;
}
