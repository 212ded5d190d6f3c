/* range: aligned reading from packs, and the pieces that were read last. */
#include "range.h"
#include <stdlib.h>
#include <string.h>

enum status range_fetch(struct range *range, struct store *store,
                        const unsigned char pack[OBJECT_ID_SIZE], uint64_t offset, uint64_t size,
                        uint64_t window, struct error *error)
{
    char name[OBJECT_NAME_SIZE];
    object_name(name, OBJECT_PACK, pack);
    /* An index that lies must not make us allocate. */
    if (offset > PACK_LIMIT || size > PACK_LIMIT - offset) {
        return error_set(error, STATUS_CORRUPT, 0, _("%s cannot be as long as its index says"),
                         name);
    }
    memcpy(range->pack, pack, OBJECT_ID_SIZE);
    range->start = offset / window * window;
    uint64_t end = (offset + size + window - 1) / window * window;
    size_t length = (size_t)(end - range->start);
    size_t got = 0;
    buffer_clear(&range->bytes);
    enum status status = buffer_reserve(&range->bytes, length, error);
    status = status ? status
                    : object_get_range(store, OBJECT_PACK, pack, range->start, range->bytes.data,
                                       length, &got, error);
    if (status != STATUS_OK) {
        return status;
    }
    range->bytes.size = got;
    if (range->start + got < offset + size) {
        return error_set(error, STATUS_CORRUPT, 0, _("%s is shorter than its index says"), name);
    }
    return STATUS_OK;
}

bool range_covers(const struct range *range, const unsigned char pack[OBJECT_ID_SIZE],
                  uint64_t offset, uint64_t size)
{
    return range->bytes.size > 0 && memcmp(range->pack, pack, OBJECT_ID_SIZE) == 0 &&
           range->start <= offset && offset + size <= range->start + range->bytes.size;
}

const unsigned char *range_cache_find(struct range_cache *cache,
                                      const unsigned char pack[OBJECT_ID_SIZE], uint64_t offset,
                                      uint64_t size)
{
    for (size_t i = 0; i < RANGE_CACHE_SLOTS; i++) {
        struct range *range = &cache->slots[i];
        if (range_covers(range, pack, offset, size)) {
            range->used = ++cache->clock;
            return range->bytes.data + (offset - range->start);
        }
    }
    return NULL;
}

static struct range *oldest(struct range_cache *cache)
{
    struct range *found = &cache->slots[0];
    for (size_t i = 1; i < RANGE_CACHE_SLOTS; i++) {
        if (cache->slots[i].used < found->used) {
            found = &cache->slots[i];
        }
    }
    return found;
}

static struct range *oldest_full(struct range_cache *cache)
{
    struct range *found = NULL;
    for (size_t i = 0; i < RANGE_CACHE_SLOTS; i++) {
        struct range *range = &cache->slots[i];
        if (range->bytes.size > 0 && (found == NULL || range->used < found->used)) {
            found = range;
        }
    }
    return found;
}

static size_t bytes_held(const struct range_cache *cache)
{
    size_t total = 0;
    for (size_t i = 0; i < RANGE_CACHE_SLOTS; i++) {
        total += cache->slots[i].bytes.capacity;
    }
    return total;
}

static void drop(struct range *range)
{
    buffer_free(&range->bytes);
    range->used = 0;
}

/* A window that reaches beyond the pack's end leaves memory that nothing needs. */
static void trim(struct buffer *bytes)
{
    unsigned char *smaller =
        bytes->size > 0 && bytes->size < bytes->capacity ? realloc(bytes->data, bytes->size) : NULL;
    if (smaller != NULL) {
        bytes->data = smaller;
        bytes->capacity = bytes->size;
    }
}

void range_cache_put(struct range_cache *cache, struct range *range)
{
    trim(&range->bytes);
    struct range *full = oldest_full(cache);
    while (full != NULL && bytes_held(cache) + range->bytes.capacity > RANGE_CACHE_LIMIT) {
        drop(full);
        full = oldest_full(cache);
    }
    struct range *slot = oldest(cache);
    drop(slot);
    *slot = *range;
    slot->used = ++cache->clock;
    range->bytes = (struct buffer){0};
}

void range_cache_free(struct range_cache *cache)
{
    for (size_t i = 0; i < RANGE_CACHE_SLOTS; i++) {
        buffer_free(&cache->slots[i].bytes);
    }
}
