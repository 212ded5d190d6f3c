/* sign: Ed25519 signatures, each in its own domain, and keys derived for one use each. The signing
 * key in its expanded form exists only while it signs.
 */
#include "sign_bytes.h"
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

static enum status complete(struct signing_key *key, unsigned char **seed, struct error *error)
{
    CLEANUP(secret_free_pointer) unsigned char *expanded = secret_new(crypto_sign_SECRETKEYBYTES);
    *key = (struct signing_key){0};
    if (crypto_sign_seed_keypair(key->public_key, expanded, *seed) != 0) {
        return error_set(error, STATUS_FAILED, 0, "%s", _("the signing key cannot be made"));
    }
    key->seed = *seed;
    *seed = NULL;
    return STATUS_OK;
}

enum status signing_key_generate(struct signing_key *key, struct error *error)
{
    CLEANUP(secret_free_pointer) unsigned char *seed = secret_new(SIGN_SEED_SIZE);
    randombytes_buf(seed, SIGN_SEED_SIZE);
    return complete(key, &seed, error);
}

enum status signing_key_from_seed(struct signing_key *key, const unsigned char *seed,
                                  struct error *error)
{
    CLEANUP(secret_free_pointer) unsigned char *copy = secret_new(SIGN_SEED_SIZE);
    memcpy(copy, seed, SIGN_SEED_SIZE);
    return complete(key, &copy, error);
}

void signing_key_free(struct signing_key *key)
{
    secret_free(key->seed);
    *key = (struct signing_key){0};
}

/* domain, zero byte, data; NULL without memory. */
static unsigned char *compose(size_t *composed_size, const char *domain, const void *data,
                              size_t size)
{
    size_t domain_size = strlen(domain) + 1;
    unsigned char *composed = size > SIZE_MAX - domain_size ? NULL : malloc(domain_size + size);
    if (composed == NULL) {
        return NULL;
    }
    memcpy(composed, domain, domain_size);
    if (size > 0) {
        memcpy(composed + domain_size, data, size);
    }
    *composed_size = domain_size + size;
    return composed;
}

enum status sign_bytes(unsigned char signature[SIGN_SIZE], const struct signing_key *key,
                       const void *data, size_t size, struct error *error)
{
    CLEANUP(secret_free_pointer) unsigned char *expanded = secret_new(crypto_sign_SECRETKEYBYTES);
    unsigned char public_key[SIGN_PUBLIC_SIZE];
    if (crypto_sign_seed_keypair(public_key, expanded, key->seed) != 0 ||
        crypto_sign_detached(signature, NULL, data, size, expanded) != 0) {
        return error_set(error, STATUS_FAILED, 0, "%s", _("nothing can be signed with this key"));
    }
    return STATUS_OK;
}

enum status sign(unsigned char signature[SIGN_SIZE], const struct signing_key *key,
                 const char *domain, const void *data, size_t size, struct error *error)
{
    size_t composed_size = 0;
    CLEANUP(memory_free) unsigned char *composed = compose(&composed_size, domain, data, size);
    if (composed == NULL) {
        return error_set_memory(error);
    }
    return sign_bytes(signature, key, composed, composed_size, error);
}

bool sign_verify(const unsigned char signature[SIGN_SIZE],
                 const unsigned char public_key[SIGN_PUBLIC_SIZE], const char *domain,
                 const void *data, size_t size)
{
    size_t composed_size = 0;
    CLEANUP(memory_free) unsigned char *composed = compose(&composed_size, domain, data, size);
    return composed != NULL &&
           crypto_sign_verify_detached(signature, composed, composed_size, public_key) == 0;
}

void key_derive(unsigned char subkey[SUBKEY_SIZE], const void *secret, size_t secret_size,
                const char *label)
{
    /* Shorter or longer than BLAKE2b's keys: a mistake of the program, never of its input. */
    if (secret_size < crypto_generichash_KEYBYTES_MIN ||
        secret_size > crypto_generichash_KEYBYTES_MAX ||
        crypto_generichash(subkey, SUBKEY_SIZE, (const unsigned char *)label, strlen(label), secret,
                           secret_size) != 0) {
        sodium_misuse();
    }
}
