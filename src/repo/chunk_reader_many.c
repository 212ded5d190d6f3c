/* chunk_reader_many: all chunks of one pack that are wanted, in as few requests as their places
 * allow. */
#include "chunk_reader.h"
#include <stdlib.h>
#include <string.h>

#define GAP_LIMIT ((size_t)256 * 1024)
#define MERGED_LIMIT                                                                               \
    ((size_t)8 * 1024 * 1024) /* bytes of one request, unless one chunk is longer */

struct many {
    struct chunk_reader *reader;
    chunk_visit visit;
    void *context;
};

static int compare_places(const void *a, const void *b)
{
    const struct location *left = &(*(const struct chunk_wish *const *)a)->location;
    const struct location *right = &(*(const struct chunk_wish *const *)b)->location;
    return left->offset < right->offset ? -1 : left->offset > right->offset;
}

/* The other way: alone, from any pack that has it. `reason`: why it was not at its place. */
static enum status visit_alone(struct many *many, const struct chunk_wish *wish,
                               const struct error *reason, struct error *error)
{
    struct error damage = {0};
    enum status status = chunk_reader_get(many->reader, wish->source, &wish->reference,
                                          many->reader->content.data, &damage);
    if (status != STATUS_OK && !problem_is_local(status, &damage)) {
        *error = damage;
        return status;
    }
    bool good = status == STATUS_OK;
    many->reader->unpacked = good ? *wish : many->reader->unpacked;
    return many->visit(many->context, wish, good ? many->reader->content.data : NULL,
                       good ? reason : &damage, error);
}

/* Parts of one chunk are wished one after another. */
static bool is_unpacked(const struct chunk_reader *reader, const struct chunk_wish *wish)
{
    const struct chunk_wish *last = &reader->unpacked;
    return last->reference.size == wish->reference.size &&
           last->location.offset == wish->location.offset &&
           memcmp(last->location.pack, wish->location.pack, OBJECT_ID_SIZE) == 0 &&
           memcmp(last->reference.key, wish->reference.key, CHUNK_KEY_SIZE) == 0;
}

/* `unfetched`: why the range could not be had; status OK: it is there. */
static enum status visit_one(struct many *many, const struct chunk_wish *wish,
                             const struct error *unfetched, struct error *error)
{
    struct chunk_reader *reader = many->reader;
    const struct location *place = &wish->location;
    if (is_unpacked(reader, wish)) {
        return many->visit(many->context, wish, reader->content.data, NULL, error);
    }
    reader->unpacked.reference.size = 0;
    buffer_clear(&reader->content);
    enum status status = buffer_reserve(&reader->content, wish->reference.size, error);
    if (status != STATUS_OK) {
        return status;
    }
    if (unfetched->status != STATUS_OK) {
        return visit_alone(many, wish, unfetched, error);
    }
    status = chunk_reader_unpack(reader, wish->source, &wish->reference,
                                 reader->range.bytes.data + (place->offset - reader->range.start),
                                 place->size, reader->content.data, error);
    if (status == STATUS_OK) {
        reader->unpacked = *wish;
        return many->visit(many->context, wish, reader->content.data, NULL, error);
    }
    if (!problem_is_local(status, error)) {
        return status;
    }
    const struct error reason = *error;
    error_clear(error);
    return visit_alone(many, wish, &reason, error);
}

/* How many of the sorted wishes go into one request. */
static size_t merge(const struct chunk_wish *const *sorted, size_t count, uint64_t *end)
{
    uint64_t start = sorted[0]->location.offset;
    *end = start + sorted[0]->location.size;
    size_t taken = 1;
    while (taken < count) {
        const struct location *next = &sorted[taken]->location;
        uint64_t next_end = (uint64_t)next->offset + next->size;
        if (next->offset > *end + GAP_LIMIT || next_end > start + MERGED_LIMIT) {
            break;
        }
        *end = next_end > *end ? next_end : *end;
        taken++;
    }
    return taken;
}

/* What the reader holds from before is not fetched again. */
static enum status hold_range(struct chunk_reader *reader, const struct location *first,
                              uint64_t end, struct error *error)
{
    if (range_covers(&reader->range, first->pack, first->offset, end - first->offset)) {
        return STATUS_OK;
    }
    struct repo *repo = reader->snapshot->repo;
    struct store *store = NULL;
    enum status status = repo_take_store(&store, repo, error);
    status = status ? status
                    : range_fetch(&reader->range, store, first->pack, first->offset,
                                  end - first->offset, RANGE_ALIGNMENT, error);
    repo_give_store(repo, store);
    return status;
}

static enum status visit_range(struct many *many, const struct chunk_wish *const *sorted,
                               size_t count, uint64_t end, struct error *error)
{
    enum status status = hold_range(many->reader, &sorted[0]->location, end, error);
    if (status != STATUS_OK && !problem_is_local(status, error)) {
        return status;
    }
    struct error unfetched = {0};
    if (status != STATUS_OK) {
        unfetched = *error;
    }
    error_clear(error);
    status = STATUS_OK;
    for (size_t i = 0; status == STATUS_OK && i < count; i++) {
        status = visit_one(many, sorted[i], &unfetched, error);
    }
    return status;
}

enum status chunk_reader_get_many(struct chunk_reader *reader, const struct chunk_wish *wishes,
                                  size_t count, chunk_visit visit, void *context,
                                  struct error *error)
{
    if (count == 0) {
        return STATUS_OK;
    }
    struct many many = {reader, visit, context};
    const struct chunk_wish **sorted = calloc(count, sizeof(struct chunk_wish *));
    CLEANUP(memory_free) const struct chunk_wish **owned = sorted;
    if (sorted == NULL) {
        return error_set_memory(error);
    }
    for (size_t i = 0; i < count; i++) {
        sorted[i] = &wishes[i];
    }
    qsort(sorted, count, sizeof(struct chunk_wish *), compare_places);
    enum status status = STATUS_OK;
    for (size_t at = 0; status == STATUS_OK && at < count;) {
        uint64_t end;
        size_t taken = merge(owned + at, count - at, &end);
        status = visit_range(&many, owned + at, taken, end, error);
        at += taken;
    }
    return status;
}
