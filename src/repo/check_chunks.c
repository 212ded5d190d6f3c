/* check_chunks: every chunk of every snapshot opened, each once however many snapshots have it, at
 * every place that an index names for it.
 *
 * One snapshot after the other is walked; what was not opened for an earlier one is noted, then
 * read pack by pack over all connections. The keys of chunks may get onto a disk with the temporary
 * database, so they are sealed there under a key that only this process has. */
#include "check_chunks.h"
#include "chunk_reader.h"
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define BATCH_LIMIT 4096
#define SEALED_KEY_SIZE (CHUNK_KEY_SIZE + SEAL_OVERHEAD)

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
                " again INTEGER NOT NULL, PRIMARY KEY (id, size, pack, offset, sealed))"
                " WITHOUT ROWID;"
                "CREATE INDEX piece_pack ON piece (pack, offset) WHERE opened = 0;",
                error);
    if (status == STATUS_OK) {
        status = sql_prepare(&opening->known, sets, "SELECT 1 FROM piece WHERE id = ? AND size = ?",
                             error);
    }
    if (status == STATUS_OK) {
        status = sql_prepare(&opening->add, sets,
                             "INSERT OR IGNORE INTO piece"
                             " (id, size, key, source, pack, offset, sealed, again)"
                             " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                             error);
    }
    if (status == STATUS_OK) {
        status = sql_prepare(&opening->next, sets,
                             "SELECT id, size, key, source, pack, offset, sealed, again FROM piece"
                             " WHERE opened = 0 ORDER BY pack, offset",
                             error);
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
    wish->tag = (uint64_t)sqlite3_column_int64(row, 7);
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

/* The tag of a wish: it is not the first place of its chunk. */
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
    } else if (damage != NULL) {
        status = check_empty_place(check, wish->location.pack, error);
    }
    check->report->chunks_opened += content != NULL && wish->tag == 0;
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
    bool due = false;
    pthread_mutex_lock(&check->lock);
    enum status status = check_claim_pack(check, pack, &due, error);
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
        status = check_whole_pack(&reader->range.bytes, check, store, pack, error);
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
    if (problem_is_local(status, error)) {
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
        status = check_note_source(opening, error);
        if (problem_is_local(status, error)) {
            check_tell_near(opening, "", error);
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
        if (problem_is_local(status, error)) {
            check_tell(check, OBJECT_SNAPSHOT, opening.statement->snapshot, error);
            error_clear(error);
            status = STATUS_OK;
        }
    }
    return status;
}
