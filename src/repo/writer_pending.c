/* writer_pending: chunks between recognition and record. A thousand or two at a time: those of the
 * open pack and of the packs in memory. The hash is keyed, so its first bytes are a fair bucket. */
#include "writer_private.h"
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

enum status pending_open(struct pending *pending, struct error *error)
{
    pending->buckets = calloc(PENDING_BUCKETS, sizeof(struct pending_chunk *));
    return pending->buckets == NULL ? error_set_memory(error) : STATUS_OK;
}

static void chunk_free(struct pending_chunk *chunk)
{
    sodium_memzero(chunk, sizeof *chunk);
    free(chunk);
}

void pending_close(struct pending *pending)
{
    for (size_t i = 0; pending->buckets != NULL && i < PENDING_BUCKETS; i++) {
        while (pending->buckets[i] != NULL) {
            struct pending_chunk *chunk = pending->buckets[i];
            pending->buckets[i] = chunk->next;
            chunk_free(chunk);
        }
    }
    free(pending->buckets);
    pending->buckets = NULL;
}

static struct pending_chunk **bucket_of(const struct pending *pending, const unsigned char *hash)
{
    return &pending->buckets[(hash[0] | (unsigned)hash[1] << 8) % PENDING_BUCKETS];
}

struct pending_chunk *pending_find(const struct pending *pending,
                                   const unsigned char hash[CHUNK_HASH_SIZE])
{
    struct pending_chunk *chunk = *bucket_of(pending, hash);
    while (chunk != NULL && memcmp(chunk->chunk.hash, hash, CHUNK_HASH_SIZE) != 0) {
        chunk = chunk->next;
    }
    return chunk;
}

struct pending_chunk *pending_add(struct pending *pending,
                                  const unsigned char hash[CHUNK_HASH_SIZE])
{
    struct pending_chunk **bucket = bucket_of(pending, hash);
    struct pending_chunk *chunk = calloc(1, sizeof *chunk);
    if (chunk != NULL) {
        memcpy(chunk->chunk.hash, hash, CHUNK_HASH_SIZE);
        chunk->next = *bucket;
        *bucket = chunk;
    }
    return chunk;
}

void pending_remove(struct pending *pending, struct pending_chunk *chunk)
{
    struct pending_chunk **at = bucket_of(pending, chunk->chunk.hash);
    while (*at != chunk) {
        at = &(*at)->next;
    }
    *at = chunk->next;
    chunk_free(chunk);
}
