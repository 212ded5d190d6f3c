/* state_pack: which packs there are, where they are, and how they and their chunks are forgotten.
 */
#include "state_private.h"
#include <stdlib.h>
#include <string.h>

enum status state_pack_stored(struct state *state, int64_t no, struct error *error)
{
    sqlite3_stmt *statement;
    enum status status = state_query(&statement, state, QUERY_PACK_STORED, error);
    if (status != STATUS_OK) {
        return status;
    }
    sql_bind_number(statement, 1, no);
    return state_note(state, sql_once(statement, error));
}

static enum status read_pack(struct state *state, enum state_query query, int64_t no,
                             struct state_pack *pack, bool *found, struct error *error)
{
    CLEANUP(sql_reset) sqlite3_stmt *statement;
    enum status status = state_query(&statement, state, query, error);
    if (status != STATUS_OK) {
        return status;
    }
    sql_bind_number(statement, 1, no);
    status = state_note(state, sql_step(statement, found, error));
    if (status != STATUS_OK || !*found) {
        return status;
    }
    pack->no = sqlite3_column_int64(statement, 0);
    pack->size = (uint64_t)sqlite3_column_int64(statement, 2);
    pack->stored = sqlite3_column_int(statement, 3) != 0;
    return state_note(state, sql_blob(pack->id, OBJECT_ID_SIZE, statement, 1, error));
}

enum status state_get_pack(struct state *state, int64_t no, struct state_pack *pack,
                           struct error *error)
{
    bool found;
    enum status status = read_pack(state, QUERY_GET_PACK, no, pack, &found, error);
    if (status == STATUS_OK && !found) {
        error_set(error, STATUS_CORRUPT, 0, _("%s is damaged"), state->path);
        return state_note(state, STATUS_CORRUPT);
    }
    return status;
}

static enum status each_of(struct state *state, enum state_query query, state_pack_visit visit,
                           void *context, struct error *error)
{
    struct state_pack pack = {.no = 0};
    bool found = true;
    enum status status = STATUS_OK;
    while (status == STATUS_OK && found) {
        status = read_pack(state, query, pack.no, &pack, &found, error);
        if (status == STATUS_OK && found) {
            status = visit(context, &pack, error);
        }
    }
    return status;
}

enum status state_each_pack(struct state *state, bool only_waiting, state_pack_visit visit,
                            void *context, struct error *error)
{
    return each_of(state, only_waiting ? QUERY_NEXT_WAITING : QUERY_NEXT_PACK, visit, context,
                   error);
}

static enum status run_with(struct state *state, enum state_query query, int64_t no,
                            struct error *error)
{
    sqlite3_stmt *statement;
    enum status status = state_query(&statement, state, query, error);
    if (status != STATUS_OK) {
        return status;
    }
    sql_bind_number(statement, 1, no);
    return state_note(state, sql_once(statement, error));
}

static enum status is_used(struct state *state, int64_t no, bool *used, struct error *error)
{
    CLEANUP(sql_reset) sqlite3_stmt *statement;
    enum status status = state_query(&statement, state, QUERY_PACK_USED, error);
    if (status != STATUS_OK) {
        return status;
    }
    sql_bind_number(statement, 1, no);
    return state_note(state, sql_step(statement, used, error));
}

static enum status drop_within(struct state *state, int64_t no, struct error *error)
{
    bool used = false;
    enum status status = is_used(state, no, &used, error);
    if (status == STATUS_OK && used) {
        status = state_forget_base_within(state, error);
    }
    status = status ? status : run_with(state, QUERY_REMOVE_CHUNKS, no, error);
    return status ? status : run_with(state, QUERY_REMOVE_PACK, no, error);
}

enum status state_drop_pack(struct state *state, int64_t no, struct error *error)
{
    enum status status = state_run(state, QUERY_BEGIN, error);
    if (status != STATUS_OK) {
        return status;
    }
    return state_finish(state, drop_within(state, no, error), error);
}

/* ------------------------------------------------------------------ packs that are not there */

enum status state_has_stored_packs(struct state *state, bool *any, struct error *error)
{
    CLEANUP(sql_reset) sqlite3_stmt *statement;
    enum status status = state_query(&statement, state, QUERY_ANY_STORED, error);
    return status ? status : state_note(state, sql_step(statement, any, error));
}

enum status state_see_pack(struct state *state, const unsigned char id[OBJECT_ID_SIZE],
                           uint64_t size, struct error *error)
{
    sqlite3_stmt *statement;
    enum status status = state_query(&statement, state, QUERY_SEE_PACK, error);
    if (status != STATUS_OK) {
        return status;
    }
    sql_bind(statement, 1, id, OBJECT_ID_SIZE);
    sql_bind_number(statement, 2, (int64_t)size);
    return state_note(state, sql_once(statement, error));
}

static enum status drop_unseen_within(struct state *state, struct error *error)
{
    static const char drop[] =
        "DELETE FROM pack WHERE stored=1 AND no NOT IN (SELECT no FROM temp.seen);"
        "DELETE FROM chunk WHERE pack NOT IN (SELECT no FROM pack)";
    enum status status = state_forget_base_within(state, error);
    return status ? status : state_note(state, sql_run(state->database, drop, error));
}

enum status state_drop_unseen(struct state *state, state_pack_visit visit, void *context,
                              struct error *error)
{
    enum status status = each_of(state, QUERY_NEXT_UNSEEN, visit, context, error);
    status = status ? status : state_run(state, QUERY_BEGIN, error);
    if (status != STATUS_OK) {
        return status;
    }
    status = state_finish(state, drop_unseen_within(state, error), error);
    return status ? status
                  : state_note(state, sql_run(state->database, "DELETE FROM temp.seen", error));
}

/* ------------------------------------------------------------------ packs that waited */

static enum status read_hashes(struct state *state, int64_t no, struct buffer *hashes,
                               struct error *error)
{
    CLEANUP(sql_reset) sqlite3_stmt *statement;
    enum status status = state_query(&statement, state, QUERY_PACK_HASHES, error);
    if (status != STATUS_OK) {
        return status;
    }
    sql_bind_number(statement, 1, no);
    bool found = false;
    status = state_note(state, sql_step(statement, &found, error));
    if (status != STATUS_OK || !found) {
        return status;
    }
    const void *data = sqlite3_column_blob(statement, 0);
    return buffer_append(hashes, data, (size_t)sqlite3_column_bytes(statement, 0), error);
}

static enum status remove_unused(struct state *state, const struct buffer *hashes,
                                 struct error *error)
{
    sqlite3_stmt *statement;
    enum status status = state_query(&statement, state, QUERY_REMOVE_UNUSED, error);
    for (size_t at = 0; status == STATUS_OK && at + CHUNK_HASH_SIZE <= hashes->size;
         at += CHUNK_HASH_SIZE) {
        sql_bind(statement, 1, hashes->data + at, CHUNK_HASH_SIZE);
        status = state_note(state, sql_once(statement, error));
    }
    return status;
}

enum status state_drop_waiting(struct state *state, int64_t no, struct error *error)
{
    CLEANUP(buffer_free) struct buffer hashes = {0};
    enum status status = read_hashes(state, no, &hashes, error);
    status = status ? status : state_run(state, QUERY_BEGIN, error);
    if (status != STATUS_OK) {
        return status;
    }
    status = remove_unused(state, &hashes, error);
    status = status ? status : run_with(state, QUERY_REMOVE_PACK, no, error);
    return state_finish(state, status, error);
}

/* ------------------------------------------------------------------ index objects */

enum status state_unindexed(struct state *state, int64_t after, size_t limit,
                            struct buffer *directories, uint32_t *count, int64_t *last,
                            struct error *error)
{
    *count = 0;
    *last = 0;
    for (;;) {
        CLEANUP(sql_reset) sqlite3_stmt *statement;
        enum status status = state_query(&statement, state, QUERY_NEXT_UNINDEXED, error);
        if (status != STATUS_OK) {
            return status;
        }
        sql_bind_number(statement, 1, *last > 0 ? *last : after);
        bool row;
        status = state_note(state, sql_step(statement, &row, error));
        if (status != STATUS_OK || !row) {
            return status;
        }
        size_t size = (size_t)sqlite3_column_bytes(statement, 1);
        if (*count > 0 && directories->size + size > limit) {
            return STATUS_OK;
        }
        status = buffer_append(directories, sqlite3_column_blob(statement, 1), size, error);
        if (status != STATUS_OK) {
            return status;
        }
        *last = sqlite3_column_int64(statement, 0);
        (*count)++;
    }
}

enum status state_indexed(struct state *state, const unsigned char id[OBJECT_ID_SIZE],
                          int64_t after, int64_t last, struct error *error)
{
    sqlite3_stmt *statement;
    enum status status = state_run(state, QUERY_BEGIN, error);
    if (status != STATUS_OK) {
        return status;
    }
    status = state_query(&statement, state, QUERY_ADD_INDEX, error);
    if (status == STATUS_OK) {
        sql_bind(statement, 1, id, OBJECT_ID_SIZE);
        status = state_note(state, sql_once(statement, error));
    }
    int64_t no = sqlite3_last_insert_rowid(state->database);
    status = status ? status : state_query(&statement, state, QUERY_PACKS_INDEXED, error);
    if (status == STATUS_OK) {
        sql_bind_number(statement, 1, no);
        sql_bind_number(statement, 2, after);
        sql_bind_number(statement, 3, last);
        status = state_note(state, sql_once(statement, error));
    }
    return state_finish(state, status, error);
}

enum status state_indexes(struct state *state, bool unpublished,
                          unsigned char (**ids)[OBJECT_ID_SIZE], size_t *count, struct error *error)
{
    CLEANUP(sql_reset) sqlite3_stmt *statement;
    CLEANUP(buffer_free) struct buffer found = {0};
    enum status status = state_query(&statement, state, QUERY_INDEXES, error);
    if (status != STATUS_OK) {
        return status;
    }
    sql_bind_number(statement, 1, unpublished ? 0 : 1);
    bool row = true;
    while (status == STATUS_OK && row) {
        unsigned char id[OBJECT_ID_SIZE];
        status = state_note(state, sql_step(statement, &row, error));
        if (status == STATUS_OK && row) {
            status = state_note(state, sql_blob(id, sizeof id, statement, 0, error));
            status = status ? status : buffer_append(&found, id, sizeof id, error);
        }
    }
    if (status == STATUS_OK) {
        *count = found.size / OBJECT_ID_SIZE;
        *ids = (unsigned char(*)[OBJECT_ID_SIZE])found.data;
        found.data = NULL;
    }
    return status;
}

static enum status lose_index_within(struct state *state, const unsigned char *id,
                                     struct error *error)
{
    static const enum state_query steps[] = {QUERY_UNINDEX, QUERY_REMOVE_INDEX};
    enum status status = STATUS_OK;
    for (size_t i = 0; status == STATUS_OK && i < LENGTH(steps); i++) {
        sqlite3_stmt *statement;
        status = state_query(&statement, state, steps[i], error);
        if (status == STATUS_OK) {
            sql_bind(statement, 1, id, OBJECT_ID_SIZE);
            status = state_note(state, sql_once(statement, error));
        }
    }
    return status;
}

enum status state_lose_index(struct state *state, const unsigned char id[OBJECT_ID_SIZE],
                             struct error *error)
{
    enum status status = state_run(state, QUERY_BEGIN, error);
    if (status != STATUS_OK) {
        return status;
    }
    return state_finish(state, lose_index_within(state, id, error), error);
}

enum status state_each_unnamed_pack(struct state *state, state_pack_visit visit, void *context,
                                    struct error *error)
{
    return each_of(state, QUERY_NEXT_UNNAMED, visit, context, error);
}

enum status state_set_directory(struct state *state, int64_t no, const struct index_pack *pack,
                                struct error *error)
{
    CLEANUP(buffer_free) struct buffer directory = {0};
    sqlite3_stmt *statement;
    enum status status = index_pack_encode(&directory, pack, error);
    status = status ? status : state_query(&statement, state, QUERY_SET_DIRECTORY, error);
    if (status != STATUS_OK) {
        return status;
    }
    sql_bind_number(statement, 1, no);
    sql_bind(statement, 2, directory.data, directory.size);
    return state_note(state, sql_once(statement, error));
}
