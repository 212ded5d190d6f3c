/* age_bech32: the text form of age keys: Bech32 (BIP 173) without its limit on length. */
#ifndef KURA_KEYS_AGE_BECH32_H
#define KURA_KEYS_AGE_BECH32_H

#include "kura/base.h"

/* Characters of `size` bytes under a prefix of `prefix_size`, without a terminator. */
#define BECH32_TEXT_SIZE(prefix_size, size) ((prefix_size) + 1 + ((size)*8 + 4) / 5 + 6)

/* The data of `text` and the length of its prefix. False if it is not Bech32, or holds more than
 * `capacity` bytes; then target holds nothing. Comparing the prefix, also its case, is up to the
 * caller. */
MUST_USE bool bech32_decode(unsigned char *target, size_t capacity, size_t *size,
                            size_t *prefix_size, const char *text, size_t text_size);

/* In the case of the prefix. `target` takes BECH32_TEXT_SIZE characters and no terminator. */
void bech32_encode(char *target, const char *prefix, const unsigned char *data, size_t size);

#endif
