/* snapshot_persons: who is in a snapshot. The list of a source is sorted, and no chunk of it ends
 * within a pseudonym (FORMAT.md), so one person is found without fetching all of it. */
#include "snapshot_private.h"
#include <stdlib.h>
#include <string.h>

/* The pieces of one list. */
struct pieces {
    struct chunk_wish *items; /* tag: offset in the list */
    size_t count, capacity;
};

static void pieces_free(struct pieces *pieces)
{
    free(pieces->items);
}

static enum status damaged(const struct catalogue_source *source, struct error *error)
{
    return error_set(error, STATUS_CORRUPT, 0, _("the list of persons of source \"%s\" is damaged"),
                     source->words.name);
}

static enum status note_piece(void *context, const struct piece *piece, struct error *error)
{
    struct pieces *pieces = context;
    if (piece->reference == NULL || piece->size % PERSON_SIZE != 0 ||
        piece->size != piece->reference->size) {
        return error_set(error, STATUS_CORRUPT, 0, "%s", _("A file's list of chunks is damaged"));
    }
    if (pieces->count == pieces->capacity) {
        size_t capacity = pieces->capacity == 0 ? 64 : 2 * pieces->capacity;
        struct chunk_wish *grown = reallocarray(pieces->items, capacity, sizeof *grown);
        if (grown == NULL) {
            return error_set_memory(error);
        }
        pieces->items = grown;
        pieces->capacity = capacity;
    }
    pieces->items[pieces->count++] =
        (struct chunk_wish){.reference = *piece->reference, .tag = piece->offset};
    return STATUS_OK;
}

/* ------------------------------------------------------------------ the whole list */

static enum status take_chunk(void *context, const struct chunk_wish *wish,
                              const unsigned char *content, const struct error *damage,
                              struct error *error)
{
    unsigned char *list = context;
    if (content == NULL) {
        *error = *damage;
        return error->status;
    }
    memcpy(list + wish->tag, content, wish->reference.size);
    return STATUS_OK;
}

static int compare_packs(const void *a, const void *b)
{
    const struct location *left = &((const struct chunk_wish *)a)->location;
    const struct location *right = &((const struct chunk_wish *)b)->location;
    int order = memcmp(left->pack, right->pack, OBJECT_ID_SIZE);
    return order != 0 ? order : (left->offset > right->offset) - (left->offset < right->offset);
}

static enum status locate(struct pieces *pieces, struct snapshot *snapshot, struct error *error)
{
    enum status status = STATUS_OK;
    for (size_t i = 0; status == STATUS_OK && i < pieces->count; i++) {
        struct chunk_wish *wish = &pieces->items[i];
        status = snapshot_locate(&wish->location, snapshot, &wish->reference, error);
    }
    if (pieces->count > 0) {
        qsort(pieces->items, pieces->count, sizeof *pieces->items, compare_packs);
    }
    return status;
}

/* Every pack that has some of the list once. */
static enum status fetch(unsigned char *list, struct pieces *pieces, struct snapshot *snapshot,
                         struct error *error)
{
    struct chunk_reader *reader = NULL;
    enum status status = locate(pieces, snapshot, error);
    status = status ? status : chunk_reader_new(&reader, snapshot, error);
    for (size_t i = 0, end; status == STATUS_OK && i < pieces->count; i = end) {
        const struct chunk_wish *first = &pieces->items[i];
        for (end = i + 1; end < pieces->count; end++) {
            const struct location *next = &pieces->items[end].location;
            if (memcmp(first->location.pack, next->pack, OBJECT_ID_SIZE) != 0) {
                break;
            }
        }
        status = chunk_reader_get_many(reader, first, end - i, take_chunk, list, error);
    }
    chunk_reader_free(reader);
    return status;
}

static enum status read_list(struct buffer *list, struct snapshot *snapshot,
                             const struct content *content, struct error *error)
{
    if (content->inlined) {
        return buffer_append(list, content->data.data, content->data.size, error);
    }
    CLEANUP(pieces_free) struct pieces pieces = {0};
    enum status status = content_walk(snapshot, content, note_piece, &pieces, error);
    status = status ? status : buffer_reserve(list, content->size, error);
    if (status != STATUS_OK) {
        return status;
    }
    list->size = content->size;
    return fetch(list->data, &pieces, snapshot, error);
}

static enum status read_source(struct persons *persons, struct snapshot *snapshot,
                               const struct catalogue_source *source, struct error *error)
{
    CLEANUP(buffer_free) struct buffer list = {0};
    unsigned char digest[PERSONS_DIGEST_SIZE];
    enum status status = read_list(&list, snapshot, &source->census.list, error);
    status = status ? status : persons_append(persons, list.data, list.size / PERSON_SIZE, error);
    if (status != STATUS_OK) {
        return error_add_context(error, _("the list of persons of source \"%s\""),
                                 source->words.name);
    }
    persons->unlinked = source->census.unlinked;
    persons_digest(digest, persons);
    /* The number was compared when the catalogue was read. */
    return persons_settled(persons) &&
                   memcmp(digest, source->words.persons_digest, sizeof digest) == 0
               ? STATUS_OK
               : damaged(source, error);
}

static enum status read_all(struct persons *persons, struct snapshot *snapshot, struct error *error)
{
    enum status status = STATUS_OK;
    bool counted = false;
    for (size_t i = 0; status == STATUS_OK && i < snapshot->catalogue.source_count; i++) {
        const struct catalogue_source *source = &snapshot->catalogue.sources[i];
        CLEANUP(persons_free) struct persons own = {0};
        if (source->words.persons >= 0) {
            counted = true;
            status = read_source(&own, snapshot, source, error);
            status = status ? status : persons_unite(persons, &own, error);
        }
    }
    if (status == STATUS_OK && !counted) {
        return error_set(error, STATUS_NOT_FOUND, 0, "%s",
                         _("persons were not counted in this snapshot"));
    }
    if (status == STATUS_OK && (int64_t)persons_count(persons) != snapshot->catalogue.persons) {
        return error_set(error, STATUS_CORRUPT, 0, "%s",
                         _("the persons of all sources together are not as many as the snapshot "
                           "says"));
    }
    return status;
}

enum status snapshot_persons(struct persons *persons, struct snapshot *snapshot,
                             const struct catalogue_source *source, struct error *error)
{
    *persons = (struct persons){0};
    if (source != NULL && source->words.persons < 0) {
        return error_set(error, STATUS_NOT_FOUND, 0, _("persons were not counted in source \"%s\""),
                         source->words.name);
    }
    enum status status = source == NULL ? read_all(persons, snapshot, error)
                                        : read_source(persons, snapshot, source, error);
    if (status != STATUS_OK) {
        persons_free(persons);
    }
    return status;
}

/* ------------------------------------------------------------------ one person */

static int compare(const void *a, const void *b)
{
    return memcmp(a, b, PERSON_SIZE);
}

/* Where a pseudonym should be among so many bytes: they are spread evenly, being hashes. */
static uint64_t expected_place(const unsigned char pseudonym[PERSON_SIZE], uint64_t size)
{
    uint32_t head = (uint32_t)pseudonym[0] << 24 | (uint32_t)pseudonym[1] << 16 |
                    (uint32_t)pseudonym[2] << 8 | pseudonym[3];
    return (uint64_t)((double)head / 4294967296.0 * (double)size);
}

static size_t find_piece(const struct pieces *pieces, uint64_t place)
{
    size_t low = 0, high = pieces->count;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        *(pieces->items[middle].tag <= place ? &low : &high) = middle;
    }
    return low;
}

/* From the expected place on to the neighbours, until one chunk spans the pseudonym. */
static enum status search(bool *found, struct snapshot *snapshot, const struct pieces *pieces,
                          const unsigned char pseudonym[PERSON_SIZE], uint64_t size,
                          struct error *error)
{
    CLEANUP(buffer_free) struct buffer chunk = {0};
    struct chunk_reader *reader = NULL;
    size_t low = 0, high = pieces->count;
    enum status status = chunk_reader_new(&reader, snapshot, error);
    for (size_t at = find_piece(pieces, expected_place(pseudonym, size));
         status == STATUS_OK && low < high;) {
        const struct chunk_reference *reference = &pieces->items[at].reference;
        buffer_clear(&chunk);
        status = buffer_reserve(&chunk, reference->size, error);
        status = status ? status : chunk_reader_get(reader, NULL, reference, chunk.data, error);
        if (status != STATUS_OK) {
            break;
        }
        if (compare(pseudonym, chunk.data) < 0) {
            high = at--;
        } else if (compare(pseudonym, chunk.data + reference->size - PERSON_SIZE) > 0) {
            low = ++at;
        } else {
            *found = bsearch(pseudonym, chunk.data, reference->size / PERSON_SIZE, PERSON_SIZE,
                             compare) != NULL;
            break;
        }
    }
    chunk_reader_free(reader);
    return status;
}

static enum status find_in_source(bool *found, struct snapshot *snapshot,
                                  const struct content *list,
                                  const unsigned char pseudonym[PERSON_SIZE], struct error *error)
{
    if (list->inlined) {
        *found = list->size > 0 && bsearch(pseudonym, list->data.data, list->size / PERSON_SIZE,
                                           PERSON_SIZE, compare) != NULL;
        return STATUS_OK;
    }
    CLEANUP(pieces_free) struct pieces pieces = {0};
    enum status status = content_walk(snapshot, list, note_piece, &pieces, error);
    return status ? status : search(found, snapshot, &pieces, pseudonym, list->size, error);
}

static bool counts_domain(const struct census *census, const char *domain)
{
    for (size_t i = 0; i < census->kind_count; i++) {
        if (strcmp(census->kinds[i].domain, domain) == 0) {
            return true;
        }
    }
    return false;
}

enum status snapshot_has_person(bool *found, bool *complete, struct snapshot *snapshot,
                                const char *domain, const unsigned char pseudonym[PERSON_SIZE],
                                struct error *error)
{
    enum status status = STATUS_OK;
    bool counted = false, uncounted = false, known = false;
    *found = false;
    for (size_t i = 0; status == STATUS_OK && i < snapshot->catalogue.source_count; i++) {
        const struct catalogue_source *source = &snapshot->catalogue.sources[i];
        uncounted |= statement_source_is_uncounted(&source->words);
        counted |= source->words.persons >= 0;
        known |= counts_domain(&source->census, domain);
        if (source->words.persons >= 0 && !*found) {
            status = find_in_source(found, snapshot, &source->census.list, pseudonym, error);
        }
    }
    /* A kind of person that nobody looked for, or that is misspelt, is not "nobody". */
    *complete = !uncounted && (known || !counted);
    return status;
}
