/* index: which pack holds which chunk, encoded as FORMAT.md draws it. A decoded index is wholly
 * plausible (sizes, bounds, counts) before anybody is told of its first pack. */
#include "repo_private.h"
#include <stdlib.h>
#include <string.h>

#define CHUNK_RECORD (CHUNK_ID_SIZE + 8)

enum status index_pack_encode(struct buffer *content, const struct index_pack *pack,
                              struct error *error)
{
    size_t size = OBJECT_ID_SIZE + 12 + (size_t)pack->count * CHUNK_RECORD;
    enum status status = buffer_reserve(content, size, error);
    if (status == STATUS_OK) {
        status = buffer_append(content, pack->id, OBJECT_ID_SIZE, error);
    }
    if (status == STATUS_OK) {
        status = buffer_append_u64(content, pack->size, error);
    }
    if (status == STATUS_OK) {
        status = buffer_append_u32(content, pack->count, error);
    }
    for (uint32_t i = 0; status == STATUS_OK && i < pack->count; i++) {
        const struct index_chunk *chunk = &pack->chunks[i];
        status = buffer_append(content, chunk->id, CHUNK_ID_SIZE, error);
        if (status == STATUS_OK) {
            status = buffer_append_u32(content, chunk->offset, error);
        }
        if (status == STATUS_OK) {
            status = buffer_append_u32(content, chunk->size, error);
        }
    }
    return status;
}

static bool chunk_read(struct index_chunk *chunk, struct cursor *cursor)
{
    return cursor_copy(cursor, chunk->id, CHUNK_ID_SIZE) && cursor_u32(cursor, &chunk->offset) &&
           cursor_u32(cursor, &chunk->size);
}

static bool pack_read_head(struct index_pack *pack, struct cursor *cursor)
{
    return cursor_copy(cursor, pack->id, OBJECT_ID_SIZE) && cursor_u64(cursor, &pack->size) &&
           cursor_u32(cursor, &pack->count) && pack->size <= PACK_LIMIT && pack->count > 0 &&
           pack->count <= cursor->left / CHUNK_RECORD;
}

/* Sizes that lie would make a reader fetch or allocate what does not exist. */
static bool is_plausible(const struct cursor *whole, uint32_t *most)
{
    struct cursor cursor = *whole;
    uint32_t packs = 0;
    *most = 0;
    if (!cursor_u32(&cursor, &packs)) {
        return false;
    }
    for (uint32_t i = 0; i < packs; i++) {
        struct index_pack pack = {0};
        if (!pack_read_head(&pack, &cursor)) {
            return false;
        }
        *most = pack.count > *most ? pack.count : *most;
        for (uint32_t j = 0; j < pack.count; j++) {
            struct index_chunk chunk;
            if (!chunk_read(&chunk, &cursor) || chunk.size < SEALED_CHUNK_MINIMUM ||
                chunk.size > SEALED_CHUNK_MAXIMUM ||
                (uint64_t)chunk.offset + chunk.size > pack.size) {
                return false;
            }
        }
    }
    return cursor.left == 0;
}

static enum status visit_packs(struct cursor cursor, struct index_chunk *chunks, index_visit visit,
                               void *context, struct error *error)
{
    uint32_t packs = 0;
    bool whole = cursor_u32(&cursor, &packs);
    for (uint32_t i = 0; whole && i < packs; i++) {
        struct index_pack pack = {0};
        whole = pack_read_head(&pack, &cursor);
        for (uint32_t j = 0; whole && j < pack.count; j++) {
            whole = chunk_read(&chunks[j], &cursor);
        }
        pack.chunks = chunks;
        enum status status = visit(context, &pack, error);
        if (status != STATUS_OK) {
            return status;
        }
    }
    return STATUS_OK;
}

enum status index_decode(const struct buffer *content, index_visit visit, void *context,
                         struct error *error)
{
    struct cursor cursor = {content->data, content->size};
    uint32_t most = 0;
    if (!is_plausible(&cursor, &most)) {
        return error_set(error, STATUS_CORRUPT, 0, "%s",
                         _("an index is not put together as it should be"));
    }
    struct index_chunk *chunks = calloc((size_t)most + 1, sizeof *chunks);
    if (chunks == NULL) {
        return error_set_memory(error);
    }
    enum status status = visit_packs(cursor, chunks, visit, context, error);
    free(chunks);
    return status;
}

/* ---- all of them ---- */

struct reading {
    struct repo *repo;
    const struct index_reading *wanted;
    pthread_mutex_t lock; /* of problems and the visits */
};

static enum status read_one(void *context, struct store *store, size_t number, struct error *error)
{
    struct reading *reading = context;
    const struct index_reading *wanted = reading->wanted;
    const unsigned char *id = wanted->ids->ids[number];
    CLEANUP(buffer_free) struct buffer bytes = {0};
    CLEANUP(buffer_free) struct buffer content = {0};
    enum status status = object_get(&bytes, reading->repo, store, OBJECT_INDEX, id, error);
    if (status == STATUS_CORRUPT && wanted->only_whole) {
        error_clear(error);
        return STATUS_OK;
    }
    if (status == STATUS_OK) {
        status = object_unseal(&content, reading->repo, OBJECT_INDEX, &bytes, error);
    }
    buffer_free(&bytes);
    bool damaged = problem_is_local(status, error);
    if (status != STATUS_OK && !damaged) {
        return status;
    }
    pthread_mutex_lock(&reading->lock);
    if (!damaged) {
        status = wanted->visit(wanted->context, id, &content, error);
        damaged = status == STATUS_CORRUPT;
    }
    if (damaged) {
        char name[OBJECT_NAME_SIZE];
        object_name(name, OBJECT_INDEX, id);
        if (wanted->problems != NULL) {
            problems_add(wanted->problems, name, error);
        }
        error_clear(error);
        status = STATUS_OK;
    }
    pthread_mutex_unlock(&reading->lock);
    return status;
}

enum status index_read_each(struct repo *repo, const struct index_reading *wanted,
                            struct error *error)
{
    struct reading reading = {repo, wanted, PTHREAD_MUTEX_INITIALIZER};
    enum status status = repo_parallel(repo, wanted->ids->count, read_one, &reading, error);
    pthread_mutex_destroy(&reading.lock);
    return status;
}

struct decoding {
    index_visit visit;
    void *context;
    uint32_t origin;
};

static enum status visit_with_origin(void *context, const struct index_pack *pack,
                                     struct error *error)
{
    const struct decoding *decoding = context;
    struct index_pack told = *pack;
    told.origin = decoding->origin;
    return decoding->visit(decoding->context, &told, error);
}

static enum status decode_content(void *context, const unsigned char id[OBJECT_ID_SIZE],
                                  const struct buffer *content, struct error *error)
{
    (void)id;
    struct decoding *decoding = context;
    decoding->origin++;
    return index_decode(content, visit_with_origin, decoding, error);
}

enum status index_read_all(struct repo *repo, struct problems *problems, index_visit visit,
                           void *context, struct error *error)
{
    CLEANUP(id_list_free) struct id_list ids = {0};
    enum status status = object_list_ids(&ids, repo, problems, OBJECT_INDEX, error);
    if (status != STATUS_OK) {
        return status;
    }
    struct decoding decoding = {visit, context, 0};
    struct index_reading wanted = {
        .ids = &ids, .problems = problems, .visit = decode_content, .context = &decoding};
    return index_read_each(repo, &wanted, error);
}
