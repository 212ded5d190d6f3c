/* pack_format: a pack in memory, from sealed chunks and back to its directory.
 *
 *   chunks, in random order | directory, sealed | u32 offset of the directory | "kura/1 pack\n"
 *
 * The random order and the padded size keep from the storage how long the chunks are, from which
 * published attacks read content. */
#include "repo_private.h"
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

static const char MAGIC[] = "kura/1 pack\n";
#define MAGIC_SIZE (sizeof MAGIC - 1)
#define TRAILER_SIZE (4 + MAGIC_SIZE)
#define CHUNK_RECORD (CHUNK_ID_SIZE + 8)
/* Most directories are no longer, with the zeros in them. */
#define DIRECTORY_GUESS ((uint64_t)64 * 1024)
/* With the padding of the longest pack. A pack that somebody planted must not take more memory. */
#define DIRECTORY_LIMIT ((uint64_t)4 * 1024 * 1024)

/* ---- building ---- */

/* Fisher and Yates' shuffle. */
static uint32_t *random_order(uint32_t count)
{
    uint32_t *order = calloc((size_t)count + 1, sizeof *order);
    for (uint32_t i = 0; order != NULL && i < count; i++) {
        uint32_t other = randombytes_uniform(i + 1);
        order[i] = order[other];
        order[other] = i;
    }
    return order;
}

/* Appends the chunks in the order and brings pack->chunks into it. */
static enum status append_chunks(struct buffer *bytes, struct index_pack *pack,
                                 const unsigned char *const *sealed, const uint32_t *order,
                                 struct error *error)
{
    struct index_chunk *ordered = calloc((size_t)pack->count + 1, sizeof *ordered);
    if (ordered == NULL) {
        return error_set_memory(error);
    }
    enum status status = STATUS_OK;
    for (uint32_t i = 0; status == STATUS_OK && i < pack->count; i++) {
        ordered[i] = pack->chunks[order[i]];
        ordered[i].offset = (uint32_t)bytes->size;
        status = buffer_append(bytes, sealed[order[i]], ordered[i].size, error);
    }
    memcpy(pack->chunks, ordered, pack->count * sizeof *ordered);
    free(ordered);
    return status;
}

static enum status append_shuffled(struct buffer *bytes, struct index_pack *pack,
                                   const unsigned char *const *sealed, struct error *error)
{
    uint32_t *order = random_order(pack->count);
    if (order == NULL) {
        return error_set_memory(error);
    }
    enum status status = append_chunks(bytes, pack, sealed, order, error);
    free(order);
    return status;
}

static enum status append_directory(struct buffer *bytes, const struct index_pack *pack,
                                    const struct repo *repo, size_t size, struct error *error)
{
    CLEANUP(buffer_free) struct buffer plain = {0};
    enum status status = buffer_reserve(&plain, size, error);
    if (status == STATUS_OK) {
        status = buffer_append_u32(&plain, pack->count, error);
    }
    for (uint32_t i = 0; status == STATUS_OK && i < pack->count; i++) {
        status = buffer_append(&plain, pack->chunks[i].id, CHUNK_ID_SIZE, error);
        if (status == STATUS_OK) {
            status = buffer_append_u32(&plain, pack->chunks[i].offset, error);
        }
        if (status == STATUS_OK) {
            status = buffer_append_u32(&plain, pack->chunks[i].size, error);
        }
    }
    if (status != STATUS_OK) {
        return status;
    }
    memset(plain.data + plain.size, 0, size - plain.size);
    unsigned char context[SEAL_CONTEXT_LIMIT];
    size_t context_size = seal_context(context, repo, OBJECT_PACK);
    CLEANUP(secret_free_pointer) unsigned char *key = seal_key(repo, OBJECT_PACK);
    return seal(bytes, key, plain.data, size, context, context_size, error);
}

uint64_t pack_size_before_padding(uint64_t chunk_bytes, uint32_t count)
{
    return chunk_bytes + SEAL_OVERHEAD + 4 + (uint64_t)count * CHUNK_RECORD + TRAILER_SIZE;
}

enum status pack_build(struct buffer *bytes, struct index_pack *pack, const struct repo *repo,
                       const unsigned char *const *sealed, struct error *error)
{
    uint64_t chunk_bytes = 0;
    for (uint32_t i = 0; i < pack->count; i++) {
        chunk_bytes += pack->chunks[i].size;
    }
    uint64_t total = padme(pack_size_before_padding(chunk_bytes, pack->count));
    if (pack->count == 0 || total > PACK_LIMIT) {
        return error_set(error, STATUS_FAILED, 0, "%s", _("a pack would be empty or too long"));
    }
    buffer_clear(bytes);
    enum status status = buffer_reserve(bytes, (size_t)total, error);
    if (status == STATUS_OK) {
        status = append_shuffled(bytes, pack, sealed, error);
    }
    if (status == STATUS_OK) {
        size_t plain_size = (size_t)(total - chunk_bytes) - SEAL_OVERHEAD - TRAILER_SIZE;
        status = append_directory(bytes, pack, repo, plain_size, error);
    }
    if (status == STATUS_OK) {
        status = buffer_append_u32(bytes, (uint32_t)chunk_bytes, error);
    }
    if (status == STATUS_OK) {
        status = buffer_append(bytes, MAGIC, MAGIC_SIZE, error);
    }
    if (status != STATUS_OK) {
        return status;
    }
    pack->size = bytes->size;
    object_hash(pack->id, bytes->data, bytes->size);
    return STATUS_OK;
}

/* ---- reading ---- */

static enum status damaged(struct error *error)
{
    return error_set(error, STATUS_CORRUPT, 0, "%s",
                     _("the directory of a pack is damaged, or not of this repository"));
}

/* Where in the pack its directory begins; false if the trailer, its last bytes, is not that of a
 * pack. */
static bool read_trailer(uint64_t *start, const unsigned char *trailer, uint64_t pack_size)
{
    struct cursor cursor = {trailer, TRAILER_SIZE};
    uint32_t offset = 0;
    if (!cursor_u32(&cursor, &offset) || memcmp(cursor.at, MAGIC, MAGIC_SIZE) != 0 ||
        (uint64_t)offset + SEAL_OVERHEAD + 4 + TRAILER_SIZE > pack_size) {
        return false;
    }
    *start = offset;
    return true;
}

static bool has_pack_size(uint64_t size)
{
    return size <= PACK_LIMIT && size >= SEAL_OVERHEAD + 4 + TRAILER_SIZE;
}

/* The chunks lie one after another without gap or overlap, from 0 to the directory. */
static bool read_chunks(struct index_pack *pack, struct cursor *plain, size_t directory)
{
    uint64_t expected = 0;
    for (uint32_t i = 0; i < pack->count; i++) {
        struct index_chunk *chunk = &pack->chunks[i];
        if (!cursor_copy(plain, chunk->id, CHUNK_ID_SIZE) || !cursor_u32(plain, &chunk->offset) ||
            !cursor_u32(plain, &chunk->size) || chunk->offset != expected ||
            chunk->size < SEALED_CHUNK_MINIMUM || chunk->size > SEALED_CHUNK_MAXIMUM) {
            return false;
        }
        expected += chunk->size;
    }
    return expected == directory;
}

static enum status decode_directory(struct index_pack *pack, const struct buffer *plain,
                                    uint64_t start, struct error *error)
{
    struct cursor cursor = {plain->data, plain->size};
    uint32_t count = 0;
    if (!cursor_u32(&cursor, &count) || count == 0 || count > cursor.left / CHUNK_RECORD) {
        return damaged(error);
    }
    pack->chunks = calloc(count, sizeof *pack->chunks);
    if (pack->chunks == NULL) {
        return error_set_memory(error);
    }
    pack->count = count;
    if (!read_chunks(pack, &cursor, (size_t)start)) {
        free(pack->chunks);
        pack->chunks = NULL;
        pack->count = 0;
        return damaged(error);
    }
    return STATUS_OK;
}

/* `sealed`: from `start` in the pack to its trailer. */
static enum status open_directory(struct index_pack *pack, const struct repo *repo,
                                  struct cursor sealed, uint64_t start, struct error *error)
{
    CLEANUP(buffer_free) struct buffer plain = {0};
    enum status status = buffer_reserve(&plain, sealed.left, error);
    if (status != STATUS_OK) {
        return status;
    }
    plain.size = sealed.left - SEAL_OVERHEAD;
    unsigned char context[SEAL_CONTEXT_LIMIT];
    size_t context_size = seal_context(context, repo, OBJECT_PACK);
    CLEANUP(secret_free_pointer) unsigned char *key = seal_key(repo, OBJECT_PACK);
    if (seal_open(plain.data, key, sealed.at, sealed.left, context, context_size, error) !=
        STATUS_OK) {
        return damaged(error);
    }
    return decode_directory(pack, &plain, start, error);
}

enum status pack_directory(struct index_pack *pack, const struct repo *repo,
                           const struct buffer *bytes, struct error *error)
{
    pack->chunks = NULL;
    pack->count = 0;
    pack->size = bytes->size;
    uint64_t start;
    if (!has_pack_size(bytes->size) ||
        !read_trailer(&start, bytes->data + bytes->size - TRAILER_SIZE, bytes->size)) {
        return damaged(error);
    }
    struct cursor sealed = {bytes->data + start, bytes->size - TRAILER_SIZE - (size_t)start};
    return open_directory(pack, repo, sealed, start, error);
}

/* ---- fetching ---- */

/* The pack's bytes from `start` to its end. */
static enum status fetch_end(struct buffer *bytes, const struct index_pack *pack, uint64_t start,
                             struct store *store, struct error *error)
{
    size_t size = (size_t)(pack->size - start);
    size_t got = 0;
    buffer_clear(bytes);
    enum status status = buffer_reserve(bytes, size, error);
    status = status ? status
                    : object_get_range(store, OBJECT_PACK, pack->id, start, bytes->data, size, &got,
                                       error);
    bytes->size = status == STATUS_OK ? got : 0;
    return status == STATUS_OK && got < size ? damaged(error) : status;
}

enum status pack_fetch_directory(struct index_pack *pack, const struct repo *repo,
                                 struct store *store, struct error *error)
{
    CLEANUP(buffer_free) struct buffer bytes = {0};
    pack->chunks = NULL;
    pack->count = 0;
    if (!has_pack_size(pack->size)) {
        return damaged(error);
    }
    uint64_t at = pack->size > DIRECTORY_GUESS ? pack->size - DIRECTORY_GUESS : 0;
    uint64_t start = 0;
    enum status status = fetch_end(&bytes, pack, at, store, error);
    if (status == STATUS_OK &&
        !read_trailer(&start, bytes.data + bytes.size - TRAILER_SIZE, pack->size)) {
        status = damaged(error);
    }
    if (status == STATUS_OK && pack->size - start > DIRECTORY_LIMIT) {
        status = damaged(error);
    }
    if (status == STATUS_OK && start < at) {
        at = start;
        status = fetch_end(&bytes, pack, at, store, error);
    }
    if (status != STATUS_OK) {
        return status;
    }
    struct cursor sealed = {bytes.data + (start - at),
                            bytes.size - TRAILER_SIZE - (size_t)(start - at)};
    return open_directory(pack, repo, sealed, start, error);
}
