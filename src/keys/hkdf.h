/* hkdf: HKDF with SHA-256, RFC 5869. */
#ifndef KURA_KEYS_HKDF_H
#define KURA_KEYS_HKDF_H

#include <stddef.h>

#define HKDF_SIZE_LIMIT 8160 /* 255 * 32: RFC 5869, section 2.3 */

struct hkdf_input {
    const void *key; /* input keying material */
    size_t key_size;
    const void *salt; /* NULL with size 0: the empty salt */
    size_t salt_size;
    const void *info;
    size_t info_size;
};

/* Extract and expand to `size` bytes, at most HKDF_SIZE_LIMIT (more is a programming error and ends
 * the program). What was in between is wiped. */
void hkdf_sha256(unsigned char *target, size_t size, const struct hkdf_input *input);

#endif
