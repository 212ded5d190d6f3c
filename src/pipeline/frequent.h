/* frequent: which strings of the samples occur in many of them, as far as a quick look tells. */
#ifndef KURA_PIPELINE_FREQUENT_H
#define KURA_PIPELINE_FREQUENT_H

#include "kura/base.h"
#include <string.h>

/* `count` pieces of `size` bytes, one after another. */
struct samples {
    const unsigned char *data;
    size_t size;
    size_t count;
};

/* The search looks at every third sample. */
#define FREQUENT_SAMPLE_STEP 3
#define FREQUENT_SHORTEST 10

/* For each position of every FREQUENT_SAMPLE_STEP'th sample, `reach` gets the length of the longest
 * string that begins there and seems to occur in at least `many` samples; 0 if there is none. Now
 * and then it may be wrong. */
MUST_USE enum status frequent_find(uint8_t *reach, const struct samples *samples, unsigned many,
                                   struct error *error);

static inline uint64_t hash_mix(uint64_t hash, const unsigned char *data)
{
    uint64_t value;
    memcpy(&value, data, sizeof value);
    hash = (hash ^ value) * 0x9e3779b97f4a7c15u;
    return hash ^ (hash >> 29);
}

/* Of at least 8 bytes; the upper bits are the best. */
static inline uint64_t hash_bytes(const unsigned char *data, size_t size)
{
    uint64_t hash = size * 0xd6e8feb86659fd93u;
    for (size_t i = 0; i + 8 <= size; i += 8) {
        hash = hash_mix(hash, data + i);
    }
    if (size % 8 != 0) {
        hash = hash_mix(hash, data + size - 8);
    }
    return hash * 0xff51afd7ed558ccdu;
}

#endif
