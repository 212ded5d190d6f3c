/* person: pseudonyms of natural persons, see keys.h. */
#include "kura/keys.h"
#include <sodium.h>
#include <string.h>

void person_pseudonym(unsigned char pseudonym[PERSON_SIZE],
                      const unsigned char secret[REPOSITORY_SECRET_SIZE], const char *domain,
                      const void *value, size_t size)
{
    unsigned char *key = secret_new(SUBKEY_SIZE);
    crypto_generichash_state hash;
    key_derive(key, secret, REPOSITORY_SECRET_SIZE, "kura/1 persons");
    crypto_generichash_init(&hash, key, SUBKEY_SIZE, PERSON_SIZE);
    crypto_generichash_update(&hash, (const unsigned char *)domain, strlen(domain) + 1);
    crypto_generichash_update(&hash, value, size);
    crypto_generichash_final(&hash, pseudonym, PERSON_SIZE);
    sodium_memzero(&hash, sizeof hash);
    secret_free(key);
}
