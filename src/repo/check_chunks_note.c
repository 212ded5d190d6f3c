/* check_chunks_note: what a snapshot has, and where indexes say that it lies, noted for the reading
 * pack by pack. */
#include "check_chunks.h"
#include "snapshot_private.h"

static enum status is_known(bool *known, struct opening *opening,
                            const unsigned char id[CHUNK_ID_SIZE], uint32_t size,
                            struct error *error)
{
    CLEANUP(sql_reset) sqlite3_stmt *query = opening->known;
    sql_bind(query, 1, id, CHUNK_ID_SIZE);
    sql_bind_number(query, 2, size);
    return sql_step(query, known, error);
}

static enum status note_place(struct opening *opening, const struct chunk_reference *reference,
                              const unsigned char id[CHUNK_ID_SIZE], const struct buffer *sealed,
                              const struct location *location, bool again, struct error *error)
{
    CLEANUP(sql_reset) sqlite3_stmt *add = opening->add;
    sql_bind(add, 1, id, CHUNK_ID_SIZE);
    sql_bind_number(add, 2, reference->size);
    sql_bind(add, 3, sealed->data, sealed->size);
    sql_bind_number(add, 4, (int64_t)opening->source_number);
    sql_bind(add, 5, location->pack, OBJECT_ID_SIZE);
    sql_bind_number(add, 6, location->offset);
    sql_bind_number(add, 7, location->size);
    sql_bind_number(add, 8, again);
    enum status status = sql_once(add, error);
    opening->check->total += sqlite3_changes(opening->check->sets) > 0 ? location->size : 0;
    return status;
}

static enum status note_places(struct opening *opening, const struct chunk_reference *reference,
                               const unsigned char id[CHUNK_ID_SIZE], const struct buffer *sealed,
                               struct error *error)
{
    struct place places[PLACES_AT_ONCE];
    struct place last = {.pack = 0};
    size_t count = PLACES_AT_ONCE;
    bool any = false;
    enum status status = STATUS_OK;
    while (status == STATUS_OK && count == PLACES_AT_ONCE) {
        status = snapshot_places(places, &count, opening->snapshot, reference, &last, error);
        for (size_t i = 0; status == STATUS_OK && i < count; i++) {
            status = note_place(opening, reference, id, sealed, &places[i].location, any, error);
            any = true;
            last = places[i];
        }
    }
    opening->unlocated += status == STATUS_OK && !any;
    return status;
}

static enum status note_chunk(struct opening *opening, const struct chunk_reference *reference,
                              struct error *error)
{
    unsigned char id[CHUNK_ID_SIZE];
    chunk_reference_id(id, reference);
    bool known = false;
    enum status status = is_known(&known, opening, id, reference->size, error);
    if (status != STATUS_OK || known) {
        return status;
    }
    CLEANUP(buffer_free) struct buffer sealed = {0};
    status = seal(&sealed, opening->key, reference->key, CHUNK_KEY_SIZE, id, sizeof id, error);
    return status ? status : note_places(opening, reference, id, &sealed, error);
}

static enum status note_node(void *context, const struct chunk_reference *reference,
                             struct error *error)
{
    return note_chunk(context, reference, error);
}

static enum status note_piece(void *context, const struct piece *piece, struct error *error)
{
    return piece->reference == NULL ? STATUS_OK : note_chunk(context, piece->reference, error);
}

void check_tell_near(void *context, const char *path, const struct error *problem)
{
    struct opening *opening = context;
    struct error told = *problem;
    error_add_context(&told, _("source \"%s\", near \"%s\""), opening->source->words.name, path);
    check_tell(opening->check, OBJECT_SNAPSHOT, opening->statement->snapshot, &told);
}

static enum status note_entry(void *context, const struct entry *entry,
                              const struct content *content, struct error *error)
{
    struct opening *opening = context;
    if (content == NULL || content->inlined) {
        return STATUS_OK;
    }
    enum status status = content_walk(opening->snapshot, content, note_piece, opening, error);
    if (problem_is_local(status, error)) {
        check_tell_near(opening, entry->path, error);
        error_clear(error);
        status = STATUS_OK;
    }
    return status;
}

enum status check_note_source(struct opening *opening, struct error *error)
{
    const struct catalogue_source *source = opening->source;
    enum status status = STATUS_OK;
    opening->snapshot->on_node = note_node;
    opening->snapshot->on_node_context = opening;
    opening->unlocated = 0;
    for (size_t i = 0; status == STATUS_OK && i < source->dictionary_count; i++) {
        status = note_chunk(opening, &source->dictionaries[i].reference, error);
    }
    if (status == STATUS_OK && !source->census.list.inlined && source->words.persons >= 0) {
        status = content_walk(opening->snapshot, &source->census.list, note_piece, opening, error);
    }
    const struct walk walk = {"", note_entry, check_tell_near, opening};
    if (status == STATUS_OK) {
        status = snapshot_walk(opening->snapshot, source, &walk, error);
    }
    opening->snapshot->on_node = NULL;
    if (status == STATUS_OK && opening->unlocated > 0) {
        struct error problem;
        error_set(&problem, STATUS_NOT_FOUND, 0,
                  ngettext("source \"%s\": %llu chunk is in no readable index",
                           "source \"%s\": %llu chunks are in no readable index",
                           (unsigned long)opening->unlocated),
                  source->words.name, (unsigned long long)opening->unlocated);
        check_tell(opening->check, OBJECT_SNAPSHOT, opening->statement->snapshot, &problem);
    }
    return status;
}
