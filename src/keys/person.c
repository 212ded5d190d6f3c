/* person: pseudonyms of natural persons, see keys.h. */
#include "kura/keys.h"
#include <sodium.h>
#include <string.h>

void person_subkey(unsigned char subkey[SUBKEY_SIZE],
                   const unsigned char secret[REPOSITORY_SECRET_SIZE])
{
    key_derive(subkey, secret, REPOSITORY_SECRET_SIZE, "kura/1 persons");
}

void person_pseudonym_keyed(unsigned char pseudonym[PERSON_SIZE],
                            const unsigned char subkey[SUBKEY_SIZE], const char *domain,
                            const void *value, size_t size)
{
    crypto_generichash_state hash;
    crypto_generichash_init(&hash, subkey, SUBKEY_SIZE, PERSON_SIZE);
    crypto_generichash_update(&hash, (const unsigned char *)domain, strlen(domain) + 1);
    crypto_generichash_update(&hash, value, size);
    crypto_generichash_final(&hash, pseudonym, PERSON_SIZE);
    sodium_memzero(&hash, sizeof hash);
}

void person_pseudonym(unsigned char pseudonym[PERSON_SIZE],
                      const unsigned char secret[REPOSITORY_SECRET_SIZE], const char *domain,
                      const void *value, size_t size)
{
    unsigned char *subkey = secret_new(SUBKEY_SIZE);
    person_subkey(subkey, secret);
    person_pseudonym_keyed(pseudonym, subkey, domain, value, size);
    secret_free(subkey);
}
