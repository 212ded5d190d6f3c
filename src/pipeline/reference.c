/* reference: the names and keys of chunks. An id is a one-way function of the chunk's key and of
 * nothing else, so that whoever sees ids learns nothing of contents, and the catalogue needs to
 * keep the key only. */
#include "kura/pipeline.h"
#include <sodium.h>
#include <string.h>

#define ID_DOMAIN "kura/1 chunk id"
#define KEY_DOMAIN "kura/1 chunk key"
#define CONTEXT_DOMAIN "kura/1 chunk"

_Static_assert(sizeof CONTEXT_DOMAIN - 1 + 16 + CHUNK_ID_SIZE == CHUNK_CONTEXT_SIZE,
               "the context is the domain, the repository and the id");

void chunk_reference_id(unsigned char id[CHUNK_ID_SIZE], const struct chunk_reference *reference)
{
    crypto_generichash(id, CHUNK_ID_SIZE, (const unsigned char *)ID_DOMAIN, sizeof ID_DOMAIN - 1,
                       reference->key, CHUNK_KEY_SIZE);
}

void chunk_key_derive(unsigned char key[CHUNK_KEY_SIZE],
                      const unsigned char backup_secret[CHUNK_KEY_SIZE], uint64_t number)
{
    unsigned char message[sizeof KEY_DOMAIN - 1 + 8];
    memcpy(message, KEY_DOMAIN, sizeof KEY_DOMAIN - 1);
    for (size_t i = 0; i < 8; i++) {
        message[sizeof KEY_DOMAIN - 1 + i] = (unsigned char)(number >> (8 * i));
    }
    crypto_generichash(key, CHUNK_KEY_SIZE, message, sizeof message, backup_secret, CHUNK_KEY_SIZE);
}

void chunk_context(unsigned char context[CHUNK_CONTEXT_SIZE], const unsigned char repository[16],
                   const unsigned char id[CHUNK_ID_SIZE])
{
    memcpy(context, CONTEXT_DOMAIN, sizeof CONTEXT_DOMAIN - 1);
    memcpy(context + sizeof CONTEXT_DOMAIN - 1, repository, 16);
    memcpy(context + sizeof CONTEXT_DOMAIN - 1 + 16, id, CHUNK_ID_SIZE);
}
