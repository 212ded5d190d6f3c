/* hkdf: HKDF-SHA-256 (RFC 5869) from libsodium's HMAC; leaves no key material on the stack. */
#include "hkdf.h"
#include <sodium.h>
#include <string.h>

#define HASH_SIZE crypto_auth_hmacsha256_BYTES

/* libsodium's pointers are never to be NULL, with no bytes either. */
static const unsigned char no_bytes[1];

static void extract(unsigned char pseudorandom[HASH_SIZE], const struct hkdf_input *input)
{
    crypto_auth_hmacsha256_state state;
    crypto_auth_hmacsha256_init(&state, input->salt_size > 0 ? input->salt : no_bytes,
                                input->salt_size);
    crypto_auth_hmacsha256_update(&state, input->key, input->key_size);
    crypto_auth_hmacsha256_final(&state, pseudorandom);
    sodium_memzero(&state, sizeof(state));
}

void hkdf_sha256(unsigned char *target, size_t size, const struct hkdf_input *input)
{
    if (size > HKDF_SIZE_LIMIT) {
        sodium_misuse();
    }
    unsigned char pseudorandom[HASH_SIZE];
    unsigned char block[HASH_SIZE] = {0};
    size_t block_size = 0; /* T(0) is empty */
    crypto_auth_hmacsha256_state state;
    extract(pseudorandom, input);
    for (unsigned char number = 1; size > 0; number++) {
        crypto_auth_hmacsha256_init(&state, pseudorandom, sizeof(pseudorandom));
        crypto_auth_hmacsha256_update(&state, block, block_size);
        crypto_auth_hmacsha256_update(&state, input->info_size > 0 ? input->info : no_bytes,
                                      input->info_size);
        crypto_auth_hmacsha256_update(&state, &number, 1);
        crypto_auth_hmacsha256_final(&state, block);
        block_size = sizeof(block);
        size_t part = size < sizeof(block) ? size : sizeof(block);
        memcpy(target, block, part);
        target += part;
        size -= part;
    }
    sodium_memzero(&state, sizeof(state));
    sodium_memzero(block, sizeof(block));
    sodium_memzero(pseudorandom, sizeof(pseudorandom));
}
