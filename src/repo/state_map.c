/* state_map: the content map, from keyed content hash to chunk. A row whose proof does not fit is
 * damage, never an answer. */
#include "state_private.h"
#include <sodium.h>
#include <string.h>

#define PROOF_SIZE crypto_shorthash_BYTES

static void prove(unsigned char proof[PROOF_SIZE], const struct state *state,
                  const struct state_chunk *chunk)
{
    unsigned char row[CHUNK_HASH_SIZE + CHUNK_KEY_SIZE + 24];
    uint64_t numbers[3] = {(uint64_t)chunk->reference.size << 32 | chunk->sealed,
                           (uint64_t)chunk->pack, chunk->offset};
    memcpy(row, chunk->hash, CHUNK_HASH_SIZE);
    memcpy(row + CHUNK_HASH_SIZE, chunk->reference.key, CHUNK_KEY_SIZE);
    memcpy(row + CHUNK_HASH_SIZE + CHUNK_KEY_SIZE, numbers, sizeof numbers);
    crypto_shorthash(proof, row, sizeof row, state->proof_key);
}

static enum status read_row(struct state *state, sqlite3_stmt *statement, struct state_chunk *chunk,
                            struct error *error)
{
    unsigned char stored[PROOF_SIZE];
    unsigned char expected[PROOF_SIZE];
    enum status status = sql_blob(chunk->hash, CHUNK_HASH_SIZE, statement, 0, error);
    status = status ? status : sql_blob(chunk->reference.key, CHUNK_KEY_SIZE, statement, 1, error);
    status = status ? status : sql_blob(stored, PROOF_SIZE, statement, 6, error);
    if (status != STATUS_OK) {
        return state_note(state, status);
    }
    chunk->reference.size = (uint32_t)sqlite3_column_int64(statement, 2);
    chunk->pack = sqlite3_column_int64(statement, 3);
    chunk->offset = (uint32_t)sqlite3_column_int64(statement, 4);
    chunk->sealed = (uint32_t)sqlite3_column_int64(statement, 5);
    prove(expected, state, chunk);
    if (memcmp(stored, expected, PROOF_SIZE) != 0) {
        error_set(error, STATUS_CORRUPT, 0, _("%s is damaged"), state->path);
        error_set_hint(error, "%s",
                       _("Run the backup again: it begins a new one and stores everything again."));
        return state_note(state, STATUS_CORRUPT);
    }
    return STATUS_OK;
}

static enum status find_by(struct state *state, enum state_query query, const void *value,
                           size_t size, struct state_chunk *chunk, bool *found, struct error *error)
{
    CLEANUP(sql_reset) sqlite3_stmt *statement;
    enum status status = state_query(&statement, state, query, error);
    if (status != STATUS_OK) {
        return status;
    }
    sql_bind(statement, 1, value, size);
    status = state_note(state, sql_step(statement, found, error));
    return status || !*found ? status : read_row(state, statement, chunk, error);
}

enum status state_find(struct state *state, const unsigned char hash[CHUNK_HASH_SIZE],
                       struct state_chunk *chunk, bool *found, struct error *error)
{
    return find_by(state, QUERY_FIND, hash, CHUNK_HASH_SIZE, chunk, found, error);
}

enum status state_find_reference(struct state *state, const struct chunk_reference *reference,
                                 struct state_chunk *chunk, bool *found, struct error *error)
{
    return find_by(state, QUERY_FIND_KEY, reference->key, CHUNK_KEY_SIZE, chunk, found, error);
}

enum status state_draw(struct state *state, struct state_chunk *chunk, bool *found,
                       struct error *error)
{
    unsigned char from[CHUNK_HASH_SIZE];
    randombytes_buf(from, sizeof from);
    enum status status = find_by(state, QUERY_DRAW, from, sizeof from, chunk, found, error);
    if (status == STATUS_OK && !*found) {
        memset(from, 0, sizeof from);
        status = find_by(state, QUERY_DRAW, from, sizeof from, chunk, found, error);
    }
    return status;
}

/* ------------------------------------------------------------------ adding a pack */

static enum status add_chunk(struct state *state, const struct state_chunk *chunk,
                             struct error *error)
{
    sqlite3_stmt *statement;
    unsigned char proof[PROOF_SIZE];
    enum status status = state_query(&statement, state, QUERY_ADD_CHUNK, error);
    if (status != STATUS_OK) {
        return status;
    }
    prove(proof, state, chunk);
    sql_bind(statement, 1, chunk->hash, CHUNK_HASH_SIZE);
    sql_bind(statement, 2, chunk->reference.key, CHUNK_KEY_SIZE);
    sql_bind_number(statement, 3, chunk->reference.size);
    sql_bind_number(statement, 4, chunk->pack);
    sql_bind_number(statement, 5, chunk->offset);
    sql_bind_number(statement, 6, chunk->sealed);
    sql_bind(statement, 7, proof, PROOF_SIZE);
    return state_note(state, sql_once(statement, error));
}

static enum status add_pack_row(struct state *state, const struct index_pack *pack,
                                const struct buffer *hashes, bool stored, int64_t *no,
                                struct error *error)
{
    CLEANUP(buffer_free) struct buffer directory = {0};
    sqlite3_stmt *statement;
    enum status status = index_pack_encode(&directory, pack, error);
    status = status ? status : state_query(&statement, state, QUERY_ADD_PACK, error);
    if (status != STATUS_OK) {
        return status;
    }
    sql_bind(statement, 1, pack->id, OBJECT_ID_SIZE);
    sql_bind_number(statement, 2, (int64_t)pack->size);
    sql_bind_number(statement, 3, stored);
    sql_bind(statement, 4, directory.data, directory.size);
    sql_bind(statement, 5, hashes->data, hashes->size);
    status = state_note(state, sql_once(statement, error));
    *no = sqlite3_last_insert_rowid(state->database);
    return status;
}

enum status state_add_pack(struct state *state, const struct index_pack *pack,
                           const struct state_chunk *const *chunks, bool stored, int64_t *no,
                           struct error *error)
{
    CLEANUP(buffer_free) struct buffer hashes = {0};
    enum status status = buffer_reserve(&hashes, (size_t)pack->count * CHUNK_HASH_SIZE, error);
    for (uint32_t i = 0; status == STATUS_OK && i < pack->count; i++) {
        status = buffer_append(&hashes, chunks[i]->hash, CHUNK_HASH_SIZE, error);
    }
    status = status ? status : state_run(state, QUERY_BEGIN, error);
    if (status != STATUS_OK) {
        return status;
    }
    status = add_pack_row(state, pack, &hashes, stored, no, error);
    for (uint32_t i = 0; status == STATUS_OK && i < pack->count; i++) {
        struct state_chunk chunk = *chunks[i];
        chunk.pack = *no;
        chunk.offset = pack->chunks[i].offset;
        chunk.sealed = pack->chunks[i].size;
        status = add_chunk(state, &chunk, error);
    }
    return state_finish(state, status, error);
}
