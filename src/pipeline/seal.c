/* seal: authenticated encryption of one piece of data, XChaCha20-Poly1305
 * (draft-irtf-cfrg-xchacha).
 *
 *   nonce 24 (random) | ciphertext | tag 16
 *
 * 24 random bytes never repeat in practice, so no counter must survive a crash.
 *
 * The draft derives a key from the first 16 bytes of the nonce, and uses it with the other 8 for
 * ChaCha20-Poly1305 of RFC 8439. The first is done by libsodium, the second by OpenSSL, which is
 * half as fast again. */
#include "seal.h"
#include <limits.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <sodium.h>
#include <string.h>

#define NONCE_SIZE crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define TAG_SIZE crypto_aead_xchacha20poly1305_ietf_ABYTES
_Static_assert(SEAL_OVERHEAD == NONCE_SIZE + TAG_SIZE, "the overhead is a nonce and a tag");
_Static_assert(CHUNK_KEY_SIZE == crypto_aead_xchacha20poly1305_ietf_KEYBYTES, "one key");
_Static_assert(CHUNK_KEY_SIZE == crypto_core_hchacha20_KEYBYTES, "one key");

static EVP_CIPHER *cipher; /* for the life of the process */

static void fetch(void)
{
    cipher = EVP_CIPHER_fetch(NULL, "ChaCha20-Poly1305", NULL);
}

static void context_free(EVP_CIPHER_CTX **context)
{
    EVP_CIPHER_CTX_free(*context); /* wipes it */
}

/* A context for the key and nonce, NULL if there is none. */
static EVP_CIPHER_CTX *start(const unsigned char *key, const unsigned char *nonce, int encrypt)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, fetch);
    EVP_CIPHER_CTX *context = cipher == NULL ? NULL : EVP_CIPHER_CTX_new();
    unsigned char derived[CHUNK_KEY_SIZE];
    unsigned char rest[crypto_aead_chacha20poly1305_ietf_NPUBBYTES] = {0};
    crypto_core_hchacha20(derived, nonce, key, NULL);
    memcpy(rest + 4, nonce + crypto_core_hchacha20_INPUTBYTES, 8);
    if (context != NULL && EVP_CipherInit_ex2(context, cipher, derived, rest, encrypt, NULL) != 1) {
        context_free(&context);
        context = NULL;
    }
    sodium_memzero(derived, sizeof derived);
    return context;
}

static bool run(EVP_CIPHER_CTX *context, unsigned char *target, const void *data, size_t size)
{
    int done = 0;
    return size == 0 ||
           (EVP_CipherUpdate(context, target, &done, data, (int)size) == 1 && (size_t)done == size);
}

static bool encrypt_parts(unsigned char *sealed, const unsigned char *key,
                          const struct seal_part parts[2], const struct seal_part *about)
{
    CLEANUP(context_free) EVP_CIPHER_CTX *context = start(key, sealed, 1);
    unsigned char *target = sealed + NONCE_SIZE;
    int none = 0;
    return context != NULL && run(context, NULL, about->data, about->size) &&
           run(context, target, parts[0].data, parts[0].size) &&
           run(context, target + parts[0].size, parts[1].data, parts[1].size) &&
           EVP_CipherFinal_ex(context, NULL, &none) == 1 &&
           EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, TAG_SIZE,
                               target + parts[0].size + parts[1].size) == 1;
}

enum status seal_parts(struct buffer *out, const unsigned char key[CHUNK_KEY_SIZE],
                       const struct seal_part parts[2], struct seal_part about, struct error *error)
{
    if (parts[0].size > INT_MAX / 2 || parts[1].size > INT_MAX / 2 || about.size > INT_MAX) {
        return error_set_memory(error);
    }
    size_t size = parts[0].size + parts[1].size + SEAL_OVERHEAD;
    enum status status = buffer_reserve(out, size, error);
    if (status != STATUS_OK) {
        return status;
    }
    randombytes_buf(out->data + out->size, NONCE_SIZE);
    if (!encrypt_parts(out->data + out->size, key, parts, &about)) {
        return error_set_memory(error);
    }
    out->size += size;
    return STATUS_OK;
}

enum status seal(struct buffer *out, const unsigned char key[CHUNK_KEY_SIZE], const void *data,
                 size_t size, const void *context, size_t context_size, struct error *error)
{
    const struct seal_part parts[2] = {{.data = data, .size = size}, {.data = NULL, .size = 0}};
    return seal_parts(out, key, parts, (struct seal_part){context, context_size}, error);
}

/* What is not what was sealed does not come out: the tag is compared behind the last byte. */
static bool decrypt(unsigned char *target, const unsigned char *key, const unsigned char *sealed,
                    size_t size, const struct seal_part *about)
{
    CLEANUP(context_free) EVP_CIPHER_CTX *context = start(key, sealed, 0);
    unsigned char tag[TAG_SIZE];
    memcpy(tag, sealed + NONCE_SIZE + size, TAG_SIZE);
    int none = 0;
    return context != NULL &&
           EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, TAG_SIZE, tag) == 1 &&
           run(context, NULL, about->data, about->size) &&
           run(context, target, sealed + NONCE_SIZE, size) &&
           EVP_CipherFinal_ex(context, NULL, &none) == 1;
}

enum status seal_open(void *target, const unsigned char key[CHUNK_KEY_SIZE], const void *sealed,
                      size_t size, const void *context, size_t context_size, struct error *error)
{
    const struct seal_part about = {.data = context, .size = context_size};
    bool fits = size >= SEAL_OVERHEAD && size <= INT_MAX && context_size <= INT_MAX;
    size_t plain_size = fits ? size - SEAL_OVERHEAD : 0;
    /* The context stops a piece that was sealed for another place from being put here. */
    if (fits && decrypt(target, key, sealed, plain_size, &about)) {
        return STATUS_OK;
    }
    sodium_memzero(target, plain_size);
    return error_set(error, STATUS_CORRUPT, 0, "%s",
                     _("a sealed piece of data is damaged, or not the one that belongs here"));
}
