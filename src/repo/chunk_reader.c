/* chunk_reader: one thread's way from a reference to content. Whatever the storage hands out, what
 * comes out of here was authenticated and has the length that the reference says. */
#include "chunk_reader.h"
#include "sealed.h"
#include <stdlib.h>
#include <string.h>

#define WINDOW_LIMIT ((size_t)8 * 1024 * 1024) /* a whole pack, as they are made here */

enum status chunk_reader_new(struct chunk_reader **reader, struct snapshot *snapshot,
                             struct error *error)
{
    struct chunk_reader *made = calloc(1, sizeof *made);
    *reader = NULL;
    if (made == NULL) {
        return error_set_memory(error);
    }
    made->snapshot = snapshot;
    enum status status = decompressor_new(&made->decompressor, error);
    if (status != STATUS_OK) {
        chunk_reader_free(made);
        return status;
    }
    *reader = made;
    return STATUS_OK;
}

void chunk_reader_free(struct chunk_reader *reader)
{
    if (reader == NULL) {
        return;
    }
    decompressor_free(reader->decompressor);
    range_cache_free(&reader->cache);
    buffer_wipe(&reader->plain);
    buffer_wipe(&reader->content);
    for (size_t i = 0; i < LENT_CHUNKS; i++) {
        buffer_wipe(&reader->lent[i].content);
    }
    buffer_free(&reader->range.bytes);
    free(reader);
}

enum status chunk_reader_unpack(struct chunk_reader *reader, const struct catalogue_source *source,
                                const struct chunk_reference *reference, const void *sealed,
                                size_t size, void *target, struct error *error)
{
    enum status status =
        sealed_open(&reader->plain, reader->snapshot->repo, reference, sealed, size, error);
    if (status != STATUS_OK) {
        return status;
    }
    const struct dictionary *dictionary = NULL;
    uint32_t id = compressed_dictionary_id(reader->plain.data, reader->plain.size);
    if (id != 0) {
        status = snapshot_dictionary(&dictionary, reader->snapshot, source, id, error);
    }
    return status ? status
                  : decompressor_run(reader->decompressor, target, reference->size,
                                     reader->plain.data, reader->plain.size, dictionary, error);
}

/* ------------------------------------------------------------------ pieces of packs */

/* Reading in order comes back to the same pack again and again, for its chunks lie in random order:
 * then a larger piece of it is fetched, and then all. */
static uint64_t choose_window(struct chunk_reader *reader, const unsigned char *pack)
{
    if (memcmp(reader->missed_pack, pack, OBJECT_ID_SIZE) != 0) {
        memcpy(reader->missed_pack, pack, OBJECT_ID_SIZE);
        reader->window = RANGE_ALIGNMENT;
    } else {
        reader->window = reader->window == RANGE_ALIGNMENT ? 4 * RANGE_ALIGNMENT : WINDOW_LIMIT;
    }
    return reader->window;
}

static enum status fetch(struct chunk_reader *reader, const struct location *location,
                         const unsigned char **sealed, struct error *error)
{
    *sealed = range_cache_find(&reader->cache, location->pack, location->offset, location->size);
    if (*sealed != NULL) {
        return STATUS_OK;
    }
    struct repo *repo = reader->snapshot->repo;
    struct range range = {.start = 0};
    struct store *store = NULL;
    enum status status = repo_take_store(&store, repo, error);
    if (status == STATUS_OK) {
        status = range_fetch(&range, store, location->pack, location->offset, location->size,
                             choose_window(reader, location->pack), error);
    }
    repo_give_store(repo, store);
    if (status != STATUS_OK) {
        buffer_free(&range.bytes);
        return status;
    }
    range_cache_put(&reader->cache, &range);
    *sealed = range_cache_find(&reader->cache, location->pack, location->offset, location->size);
    return STATUS_OK;
}

static bool known_bad(const struct chunk_reader *reader, const unsigned char *pack)
{
    for (unsigned i = 0; i < reader->bad_count && i < BAD_PACKS; i++) {
        if (memcmp(reader->bad[i], pack, OBJECT_ID_SIZE) == 0) {
            return true;
        }
    }
    return false;
}

/* The piece did not verify. There may be another object of this name's id that does, where somebody
 * or a broken upload left garbage under the first name: the whole pack, by its hash, tells. */
static enum status fetch_verified(struct chunk_reader *reader, const struct location *location,
                                  const unsigned char **sealed, struct error *error)
{
    struct repo *repo = reader->snapshot->repo;
    struct range range = {.start = 0};
    struct store *store = NULL;
    memcpy(range.pack, location->pack, OBJECT_ID_SIZE);
    enum status status = repo_take_store(&store, repo, error);
    status =
        status ? status : object_get(&range.bytes, repo, store, OBJECT_PACK, location->pack, error);
    repo_give_store(repo, store);
    if (status == STATUS_OK &&
        !range_covers(&range, location->pack, location->offset, location->size)) {
        status = error_set(error, STATUS_CORRUPT, 0, _("An index names a chunk beyond its pack"));
    }
    if (problem_is_local(status, error)) {
        memcpy(reader->bad[reader->bad_count++ % BAD_PACKS], location->pack, OBJECT_ID_SIZE);
    }
    if (status != STATUS_OK) {
        buffer_free(&range.bytes);
        return status;
    }
    range_cache_free(&reader->cache);
    range_cache_put(&reader->cache, &range);
    *sealed = range_cache_find(&reader->cache, location->pack, location->offset, location->size);
    return STATUS_OK;
}

/* ------------------------------------------------------------------ one chunk */

static enum status get_at(struct chunk_reader *reader, const struct catalogue_source *source,
                          const struct chunk_reference *reference, const struct location *location,
                          void *target, struct error *error)
{
    const unsigned char *sealed;
    enum status status = fetch(reader, location, &sealed, error);
    status = status ? status
                    : chunk_reader_unpack(reader, source, reference, sealed, location->size, target,
                                          error);
    if (status == STATUS_CORRUPT && !known_bad(reader, location->pack)) {
        struct error first = *error;
        status = fetch_verified(reader, location, &sealed, error);
        if (problem_is_local(status, error)) {
            *error = first;
            status = first.status;
        } else if (status == STATUS_OK) {
            status = chunk_reader_unpack(reader, source, reference, sealed, location->size, target,
                                         error);
        }
    }
    if (status != STATUS_OK) {
        char name[OBJECT_NAME_SIZE];
        object_name(name, OBJECT_PACK, location->pack);
        return error_add_context(error, "%s", name);
    }
    return STATUS_OK;
}

/* Tries some places of a chunk. Damage at all of them: the first one's is the answer, and *damage
 * keeps it from then on. */
static enum status get_at_any(struct chunk_reader *reader, const struct catalogue_source *source,
                              const struct chunk_reference *reference, const struct place *places,
                              size_t count, void *target, struct error *damage, struct error *error)
{
    for (size_t i = 0; i < count; i++) {
        enum status status = get_at(reader, source, reference, &places[i].location, target, error);
        if (!problem_is_local(status, error)) {
            return status;
        }
        *damage = damage->status == STATUS_OK ? *error : *damage;
        if (count > 1) {
            status = snapshot_doubt(reader->snapshot, &places[i], error);
            if (status != STATUS_OK) {
                return status;
            }
        }
    }
    *error = *damage;
    return damage->status;
}

/* All places after `last`. */
static enum status get_after(struct chunk_reader *reader, const struct catalogue_source *source,
                             const struct chunk_reference *reference, struct place last,
                             void *target, struct error *damage, struct error *error)
{
    struct place places[PLACES_AT_ONCE];
    size_t count = 0;
    enum status status;
    do {
        status = snapshot_places(places, &count, reader->snapshot, reference, &last, error);
        last = count > 0 ? places[count - 1] : last;
        if (status == STATUS_OK && count == 0) {
            *error = *damage;
            return damage->status;
        }
        if (status == STATUS_OK) {
            status = get_at_any(reader, source, reference, places, count, target, damage, error);
        }
    } while (problem_is_local(status, error) && count == PLACES_AT_ONCE);
    return status;
}

enum status chunk_reader_get(struct chunk_reader *reader, const struct catalogue_source *source,
                             const struct chunk_reference *reference, void *target,
                             struct error *error)
{
    struct place places[PLACES_AT_ONCE];
    struct place last = {.pack = 0};
    struct error damage = {0};
    size_t count = 0;
    enum status status = snapshot_places(places, &count, reader->snapshot, reference, NULL, error);
    if (status != STATUS_OK) {
        return status;
    }
    status = get_at_any(reader, source, reference, places, count, target, &damage, error);
    if (problem_is_local(status, error) && count == PLACES_AT_ONCE) {
        status = get_after(reader, source, reference, last, target, &damage, error);
    }
    if (problem_is_local(status, error)) {
        status = snapshot_search_packs(reader->snapshot, &last, error);
        status =
            status ? status : get_after(reader, source, reference, last, target, &damage, error);
    }
    return status;
}

static struct lent_chunk *find_lent(struct chunk_reader *reader,
                                    const struct chunk_reference *reference)
{
    for (size_t i = 0; i < LENT_CHUNKS; i++) {
        struct lent_chunk *lent = &reader->lent[i];
        if (lent->content.size == reference->size &&
            memcmp(lent->key, reference->key, CHUNK_KEY_SIZE) == 0) {
            return lent;
        }
    }
    return NULL;
}

/* A place for `size` more bytes; what was not wanted for the longest time makes way. */
static struct lent_chunk *make_room(struct chunk_reader *reader, size_t size)
{
    for (;;) {
        struct lent_chunk *empty = NULL, *oldest = NULL;
        for (size_t i = 0; i < LENT_CHUNKS; i++) {
            struct lent_chunk *lent = &reader->lent[i];
            if (lent->content.size == 0) {
                empty = lent;
            } else if (oldest == NULL || lent->turn < oldest->turn) {
                oldest = lent;
            }
        }
        if (oldest == NULL || (empty != NULL && reader->lent_bytes + size <= LENT_BYTES)) {
            return empty;
        }
        reader->lent_bytes -= oldest->content.size;
        buffer_wipe(&oldest->content);
    }
}

static enum status lend(struct lent_chunk **lent, struct chunk_reader *reader,
                        const struct catalogue_source *source,
                        const struct chunk_reference *reference, struct error *error)
{
    struct lent_chunk *fresh = make_room(reader, reference->size);
    enum status status = buffer_reserve(&fresh->content, reference->size, error);
    status =
        status ? status : chunk_reader_get(reader, source, reference, fresh->content.data, error);
    if (status == STATUS_OK) {
        fresh->content.size = reference->size;
        reader->lent_bytes += reference->size;
        memcpy(fresh->key, reference->key, CHUNK_KEY_SIZE);
        *lent = fresh;
    }
    return status;
}

enum status chunk_reader_borrow(const unsigned char **content, struct chunk_reader *reader,
                                const struct catalogue_source *source,
                                const struct chunk_reference *reference, struct error *error)
{
    struct lent_chunk *lent = find_lent(reader, reference);
    enum status status = lent != NULL ? STATUS_OK : lend(&lent, reader, source, reference, error);
    if (status == STATUS_OK) {
        lent->turn = ++reader->turn;
        *content = lent->content.data;
    }
    return status;
}
