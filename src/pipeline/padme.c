/* padme: hides sizes. With E = floor(log2 size), only the upper floor(log2 E) + 1 bits below the
 * leading one may differ from zero; the size is rounded up to such a number. */
#include "kura/pipeline.h"

static unsigned log2_floor(uint64_t value)
{
    return 63 - (unsigned)__builtin_clzll(value);
}

uint64_t padme(uint64_t size)
{
    if (size < 2) {
        return size;
    }
    unsigned exponent = log2_floor(size);
    unsigned kept = exponent == 0 ? 0 : log2_floor(exponent) + 1;
    uint64_t mask = ((uint64_t)1 << (exponent - kept)) - 1;
    if (size > UINT64_MAX - mask) {
        return size; /* no padded size can be written in 64 bits */
    }
    return (size + mask) & ~mask;
}
