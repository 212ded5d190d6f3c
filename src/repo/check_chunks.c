/* check_chunks: every chunk of every snapshot opened, each once however many snapshots have it.
 *
 * One snapshot after the other is walked; what was not opened for an earlier one is noted, then
 * read pack by pack over all connections. The keys of chunks may get onto a disk with the temporary
 * database, so they are sealed there under a key that only this process has. */
#include "check.h"
#include "chunk_reader.h"
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BATCH_LIMIT 4096
#define SEALED_KEY_SIZE (CHUNK_KEY_SIZE + SEAL_OVERHEAD)

struct opening {
    struct check *check;
    const struct statement *statement;
    struct snapshot *snapshot;
    const struct catalogue_source *source;
    size_t source_number;
    uint64_t unlocated;  /* chunks of the source */
    unsigned char *key;  /* CHUNK_KEY_SIZE, secret memory */
    sqlite3_stmt *known; /* of all below: under the check's lock */
    sqlite3_stmt *add;
    sqlite3_stmt *next;
    bool row; /* `next` stands on one */
};

static void opening_free(struct opening *opening)
{
    sql_finalize(&opening->known);
    sql_finalize(&opening->add);
    sql_finalize(&opening->next);
    secret_free(opening->key);
}

static enum status opening_start(struct opening *opening, struct error *error)
{
    sqlite3 *sets = opening->check->sets;
    opening->key = secret_new(CHUNK_KEY_SIZE);
    randombytes_buf(opening->key, CHUNK_KEY_SIZE);
    enum status status =
        sql_run(sets,
                "CREATE TABLE piece (id BLOB NOT NULL, size INTEGER NOT NULL, key BLOB NOT NULL,"
                " source INTEGER NOT NULL, pack BLOB NOT NULL, offset INTEGER NOT NULL,"
                " sealed INTEGER NOT NULL, opened INTEGER NOT NULL DEFAULT 0,"
                " PRIMARY KEY (id, size)) WITHOUT ROWID;"
                "CREATE INDEX piece_pack ON piece (pack, offset) WHERE opened = 0;",
                error);
    if (status == STATUS_OK) {
        status = sql_prepare(&opening->known, sets, "SELECT 1 FROM piece WHERE id = ? AND size = ?",
                             error);
    }
    if (status == STATUS_OK) {
        status = sql_prepare(&opening->add, sets,
                             "INSERT INTO piece (id, size, key, source, pack, offset, sealed)"
                             " VALUES (?, ?, ?, ?, ?, ?, ?)",
                             error);
    }
    if (status == STATUS_OK) {
        status = sql_prepare(&opening->next, sets,
                             "SELECT id, size, key, source, pack, offset, sealed FROM piece"
                             " WHERE opened = 0 ORDER BY pack, offset",
                             error);
    }
    return status;
}

/* ---- what the snapshot has ---- */

static enum status is_known(bool *known, struct opening *opening,
                            const unsigned char id[CHUNK_ID_SIZE], uint32_t size,
                            struct error *error)
{
    CLEANUP(sql_reset) sqlite3_stmt *query = opening->known;
    sql_bind(query, 1, id, CHUNK_ID_SIZE);
    sql_bind_number(query, 2, size);
    return sql_step(query, known, error);
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
    struct location location;
    status = snapshot_locate(&location, opening->snapshot, reference, error);
    if (status == STATUS_NOT_FOUND) {
        opening->unlocated++;
        error_clear(error);
        return STATUS_OK;
    }
    CLEANUP(buffer_free) struct buffer sealed = {0};
    if (status == STATUS_OK) {
        status = seal(&sealed, opening->key, reference->key, CHUNK_KEY_SIZE, id, sizeof id, error);
    }
    if (status != STATUS_OK) {
        return status;
    }
    CLEANUP(sql_reset) sqlite3_stmt *add = opening->add;
    sql_bind(add, 1, id, sizeof id);
    sql_bind_number(add, 2, reference->size);
    sql_bind(add, 3, sealed.data, sealed.size);
    sql_bind_number(add, 4, (int64_t)opening->source_number);
    sql_bind(add, 5, location.pack, OBJECT_ID_SIZE);
    sql_bind_number(add, 6, location.offset);
    sql_bind_number(add, 7, location.size);
    opening->check->total += location.size;
    return sql_once(add, error);
}

static enum status note_piece(void *context, const struct piece *piece, struct error *error)
{
    return piece->reference == NULL ? STATUS_OK : note_chunk(context, piece->reference, error);
}

static void tell_near(void *context, const char *path, const struct error *problem)
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
    if (status != STATUS_OK && problem_is_local(error)) {
        tell_near(opening, entry->path, error);
        error_clear(error);
        status = STATUS_OK;
    }
    return status;
}

static enum status note_source(struct opening *opening, struct error *error)
{
    const struct catalogue_source *source = opening->source;
    enum status status = STATUS_OK;
    opening->unlocated = 0;
    for (size_t i = 0; status == STATUS_OK && i < source->dictionary_count; i++) {
        status = note_chunk(opening, &source->dictionaries[i].reference, error);
    }
    if (status == STATUS_OK && !source->census.list.inlined && source->words.persons >= 0) {
        status = content_walk(opening->snapshot, &source->census.list, note_piece, opening, error);
    }
    const struct walk walk = {"", note_entry, tell_near, opening};
    if (status == STATUS_OK) {
        status = snapshot_walk(opening->snapshot, source, &walk, error);
    }
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

/* ---- reading ---- */

struct batch {
    struct chunk_wish *wishes;
    size_t count;
};

/* The row that `next` stands on. */
static enum status take_wish(struct chunk_wish *wish, const struct opening *opening,
                             struct error *error)
{
    sqlite3_stmt *row = opening->next;
    unsigned char id[CHUNK_ID_SIZE];
    unsigned char sealed[SEALED_KEY_SIZE];
    enum status status = sql_blob(id, sizeof id, row, 0, error);
    if (status == STATUS_OK) {
        status = sql_blob(sealed, sizeof sealed, row, 2, error);
    }
    if (status == STATUS_OK) {
        status = sql_blob(wish->location.pack, OBJECT_ID_SIZE, row, 4, error);
    }
    if (status == STATUS_OK) {
        status = seal_open(wish->reference.key, opening->key, sealed, sizeof sealed, id, sizeof id,
                           error);
    }
    wish->reference.size = (uint32_t)sqlite3_column_int64(row, 1);
    wish->source = snapshot_source(opening->snapshot, (size_t)sqlite3_column_int64(row, 3));
    wish->location.offset = (uint32_t)sqlite3_column_int64(row, 5);
    wish->location.size = (uint32_t)sqlite3_column_int64(row, 6);
    return status;
}

/* The next wishes, all in one pack; none: the end. */
static enum status next_batch(struct batch *batch, struct opening *opening, struct error *error)
{
    batch->count = 0;
    enum status status = STATUS_OK;
    while (status == STATUS_OK && opening->row && batch->count < BATCH_LIMIT) {
        struct chunk_wish *wish = &batch->wishes[batch->count];
        *wish = (struct chunk_wish){0};
        status = take_wish(wish, opening, error);
        if (status == STATUS_OK && batch->count > 0 &&
            memcmp(wish->location.pack, batch->wishes[0].location.pack, OBJECT_ID_SIZE) != 0) {
            break;
        }
        batch->count += status == STATUS_OK;
        if (status == STATUS_OK) {
            status = sql_step(opening->next, &opening->row, error);
        }
    }
    return status;
}

static enum status note_opened(void *context, const struct chunk_wish *wish,
                               const unsigned char *content, const struct error *damage,
                               struct error *error)
{
    struct opening *opening = context;
    struct check *check = opening->check;
    enum status status = STATUS_OK;
    pthread_mutex_lock(&check->lock);
    if (content == NULL) {
        status = check_tell_pack(check, wish->location.pack, damage, error);
    } else {
        check->report->chunks_opened++;
    }
    check_progress(check, wish->location.size);
    pthread_mutex_unlock(&check->lock);
    return status;
}

/* Where all packs are asked for whole, the reader gets this one so, once, and opens the chunks from
 * it. From a damaged one it fetches what may still be good. */
static enum status hold_pack(struct chunk_reader *reader, struct check *check,
                             const unsigned char pack[OBJECT_ID_SIZE], struct error *error)
{
    if (check->options->read_percent < 100) {
        return STATUS_OK;
    }
    unsigned char digest[OBJECT_ID_SIZE];
    bool due = false;
    pthread_mutex_lock(&check->lock);
    enum status status = check_claim_pack(check, pack, digest, &due, error);
    pthread_mutex_unlock(&check->lock);
    if (status != STATUS_OK || !due) {
        return status;
    }
    struct store *store = NULL;
    buffer_clear(&reader->range.bytes);
    reader->range.start = 0;
    memcpy(reader->range.pack, pack, OBJECT_ID_SIZE);
    status = repo_take_store(&store, check->repo, error);
    if (status == STATUS_OK) {
        status = check_whole_pack(&reader->range.bytes, check, store, pack, digest, error);
    }
    repo_give_store(check->repo, store);
    return status;
}

static enum status read_batch(struct opening *opening, struct chunk_reader *reader,
                              const struct batch *batch, struct error *error)
{
    enum status status = hold_pack(reader, opening->check, batch->wishes[0].location.pack, error);
    if (status != STATUS_OK) {
        return status;
    }
    status =
        chunk_reader_get_many(reader, batch->wishes, batch->count, note_opened, opening, error);
    if (status != STATUS_OK && problem_is_local(error)) {
        const struct error damage = *error;
        pthread_mutex_lock(&opening->check->lock);
        status = check_tell_pack(opening->check, batch->wishes[0].location.pack, &damage, error);
        pthread_mutex_unlock(&opening->check->lock);
    }
    return status;
}

static void chunk_reader_free_pointer(struct chunk_reader **reader)
{
    chunk_reader_free(*reader);
}

/* Goes on until there is no batch left; a failure also stops the others. */
static enum status read_with(struct opening *opening, struct batch *batch, struct error *error)
{
    struct check *check = opening->check;
    CLEANUP(chunk_reader_free_pointer) struct chunk_reader *reader = NULL;
    enum status status = chunk_reader_new(&reader, opening->snapshot, error);
    do {
        pthread_mutex_lock(&check->lock);
        if (status == STATUS_OK) {
            status = next_batch(batch, opening, error);
        }
        opening->row = opening->row && status == STATUS_OK;
        pthread_mutex_unlock(&check->lock);
        if (status == STATUS_OK && batch->count > 0) {
            status = read_batch(opening, reader, batch, error);
        }
    } while (status == STATUS_OK && batch->count > 0);
    if (status != STATUS_OK) {
        pthread_mutex_lock(&check->lock);
        opening->row = false;
        pthread_mutex_unlock(&check->lock);
    }
    return status;
}

static enum status read_batches(void *context, struct error *error)
{
    struct batch batch = {calloc(BATCH_LIMIT, sizeof *batch.wishes), 0};
    if (batch.wishes == NULL) {
        return error_set_memory(error);
    }
    enum status status = read_with(context, &batch, error);
    sodium_memzero(batch.wishes, BATCH_LIMIT * sizeof *batch.wishes);
    free(batch.wishes);
    return status;
}

/* Nothing stays noted after it, for what is noted belongs to this snapshot's sources. */
static enum status open_noted(struct opening *opening, struct error *error)
{
    enum status status = sql_step(opening->next, &opening->row, error);
    if (status == STATUS_OK && opening->row) {
        status = threads_run(repo_connections(opening->check->repo), read_batches, opening, error);
    }
    sql_reset(&opening->next);
    struct error ignored;
    enum status marked =
        sql_run(opening->check->sets, "UPDATE piece SET opened = 1 WHERE opened = 0",
                status == STATUS_OK ? error : &ignored);
    return status == STATUS_OK ? marked : status;
}

static enum status check_snapshot(struct opening *opening, struct error *error)
{
    enum status status = STATUS_OK;
    for (size_t i = 0; status == STATUS_OK && i < snapshot_source_count(opening->snapshot); i++) {
        opening->source_number = i;
        opening->source = snapshot_source(opening->snapshot, i);
        if (!opening->source->root.present) {
            continue;
        }
        status = note_source(opening, error);
        if (status != STATUS_OK && problem_is_local(error)) {
            tell_near(opening, "", error);
            error_clear(error);
            status = STATUS_OK;
        }
    }
    if (status == STATUS_OK) {
        status = open_noted(opening, error);
    }
    return status == STATUS_OK
               ? check_persons(opening->check, opening->snapshot, opening->statement, error)
               : status;
}

enum status check_chunks(struct check *check, struct error *error)
{
    check->done = 0;
    check->total = 0;
    CLEANUP(opening_free) struct opening opening = {.check = check};
    enum status status = opening_start(&opening, error);
    for (size_t i = 0; status == STATUS_OK && i < check->list.count; i++) {
        opening.statement = &check->list.items[i];
        status = snapshot_open(&opening.snapshot, check->repo, opening.statement, error);
        if (status == STATUS_OK) {
            status = check_snapshot(&opening, error);
        }
        snapshot_free(opening.snapshot);
        opening.snapshot = NULL;
        if (status != STATUS_OK && problem_is_local(error)) {
            check_tell(check, OBJECT_SNAPSHOT, opening.statement->snapshot, error);
            error_clear(error);
            status = STATUS_OK;
        }
    }
    return status;
}
