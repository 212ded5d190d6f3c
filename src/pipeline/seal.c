/* seal: authenticated encryption of one piece of data, XChaCha20-Poly1305
 * (draft-irtf-cfrg-xchacha).
 *
 *   nonce 24 (random) | ciphertext | tag 16
 *
 * 24 random bytes never repeat in practice, so no counter must survive a crash. */
#include "kura/pipeline.h"
#include <sodium.h>

#define NONCE_SIZE crypto_aead_xchacha20poly1305_ietf_NPUBBYTES

_Static_assert(SEAL_OVERHEAD == NONCE_SIZE + crypto_aead_xchacha20poly1305_ietf_ABYTES,
               "the overhead is a nonce and a tag");
_Static_assert(CHUNK_KEY_SIZE == crypto_aead_xchacha20poly1305_ietf_KEYBYTES, "one key");

enum status seal(struct buffer *out, const unsigned char key[CHUNK_KEY_SIZE], const void *data,
                 size_t size, const void *context, size_t context_size, struct error *error)
{
    if (size > SIZE_MAX - SEAL_OVERHEAD) {
        return error_set_memory(error);
    }
    enum status status = buffer_reserve(out, size + SEAL_OVERHEAD, error);
    if (status != STATUS_OK) {
        return status;
    }
    unsigned char *nonce = out->data + out->size;
    randombytes_buf(nonce, NONCE_SIZE);
    crypto_aead_xchacha20poly1305_ietf_encrypt(nonce + NONCE_SIZE, NULL, data, size, context,
                                               context_size, NULL, nonce, key);
    out->size += size + SEAL_OVERHEAD;
    return STATUS_OK;
}

enum status seal_open(void *target, const unsigned char key[CHUNK_KEY_SIZE], const void *sealed,
                      size_t size, const void *context, size_t context_size, struct error *error)
{
    const unsigned char *nonce = sealed;
    /* The context stops a piece that was sealed for another place from being put here. */
    if (size < SEAL_OVERHEAD || crypto_aead_xchacha20poly1305_ietf_decrypt(
                                    target, NULL, NULL, nonce + NONCE_SIZE, size - NONCE_SIZE,
                                    context, context_size, nonce, key) != 0) {
        return error_set(error, STATUS_CORRUPT, 0, "%s",
                         _("a sealed piece of data is damaged, or not the one that belongs here"));
    }
    return STATUS_OK;
}
