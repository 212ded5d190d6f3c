/* state_query: every question that the local state is asked, and the ends of its transactions. */
#include "state_private.h"
#include <string.h>

static const char *const TEXTS[QUERY_COUNT] = {
    [QUERY_BEGIN] = "BEGIN IMMEDIATE",
    [QUERY_COMMIT] = "COMMIT",
    [QUERY_ROLLBACK] = "ROLLBACK",
    [QUERY_FIND] = "SELECT hash, key, size, pack, offset, sealed, proof FROM chunk WHERE hash=?1",
    [QUERY_FIND_KEY] = "SELECT hash, key, size, pack, offset, sealed, proof FROM chunk"
                       " WHERE key=?1 LIMIT 1",
    [QUERY_DRAW] = "SELECT hash, key, size, pack, offset, sealed, proof FROM chunk"
                   " WHERE hash>=?1 AND uses>0 ORDER BY hash LIMIT 1",
    [QUERY_ADD_CHUNK] = "INSERT INTO chunk(hash, key, size, pack, offset, sealed, uses, proof)"
                        " VALUES(?1, ?2, ?3, ?4, ?5, ?6, 0, ?7)",
    [QUERY_REMOVE_UNUSED] = "DELETE FROM chunk WHERE hash=?1 AND uses=0",
    [QUERY_ADD_PACK] = "INSERT INTO pack(id, size, stored, directory, hashes)"
                       " VALUES(?1, ?2, ?3, ?4, ?5)",
    [QUERY_PACK_STORED] = "UPDATE pack SET stored=1 WHERE no=?1",
    [QUERY_GET_PACK] = "SELECT no, id, size, stored FROM pack WHERE no=?1",
    [QUERY_NEXT_PACK] = "SELECT no, id, size, stored FROM pack WHERE no>?1 ORDER BY no LIMIT 1",
    [QUERY_NEXT_WAITING] = "SELECT no, id, size, stored FROM pack WHERE stored=0 AND no>?1"
                           " ORDER BY no LIMIT 1",
    [QUERY_NEXT_UNSEEN] = "SELECT no, id, size, stored FROM pack WHERE stored=1 AND no>?1"
                          " AND no NOT IN (SELECT no FROM temp.seen) ORDER BY no LIMIT 1",
    [QUERY_ANY_STORED] = "SELECT 1 FROM pack WHERE stored=1 LIMIT 1",
    [QUERY_SEE_PACK] = "INSERT OR IGNORE INTO temp.seen(no)"
                       " SELECT no FROM pack WHERE id=?1 AND size=?2",
    [QUERY_PACK_USED] = "SELECT 1 FROM chunk WHERE pack=?1 AND uses>0 LIMIT 1",
    [QUERY_REMOVE_CHUNKS] = "DELETE FROM chunk WHERE pack=?1",
    [QUERY_REMOVE_PACK] = "DELETE FROM pack WHERE no=?1",
    [QUERY_PACK_HASHES] = "SELECT hashes FROM pack WHERE no=?1",
    [QUERY_NEXT_FRESH] = "SELECT no, hashes FROM pack WHERE hashes IS NOT NULL AND no>?1"
                         " ORDER BY no LIMIT 1",
    [QUERY_NEXT_UNINDEXED] = "SELECT no, directory FROM pack WHERE directory IS NOT NULL"
                             " AND stored=1 AND no>?1 ORDER BY no LIMIT 1",
    [QUERY_ADD_INDEX] = "INSERT INTO index_object(id, published) VALUES(?1, 0)",
    [QUERY_PACKS_INDEXED] = "UPDATE pack SET directory=NULL, index_no=?1"
                            " WHERE directory IS NOT NULL AND stored=1 AND no>?2 AND no<=?3",
    [QUERY_INDEXES] = "SELECT id FROM index_object WHERE published<=?1 ORDER BY no",
    [QUERY_UNINDEX] = "UPDATE pack SET index_no=NULL WHERE index_no="
                      " (SELECT no FROM index_object WHERE id=?1)",
    [QUERY_REMOVE_INDEX] = "DELETE FROM index_object WHERE id=?1",
    [QUERY_NEXT_UNNAMED] = "SELECT no, id, size, stored FROM pack WHERE stored=1 AND no>?1"
                           " AND index_no IS NULL AND directory IS NULL ORDER BY no LIMIT 1",
    [QUERY_SET_DIRECTORY] = "UPDATE pack SET directory=?2 WHERE no=?1",
    [QUERY_USE] = "INSERT INTO delta(hash, change) VALUES(?1, ?2)"
                  " ON CONFLICT(hash) DO UPDATE SET change=change+excluded.change",
    [QUERY_ADDED] = "SELECT c.key FROM delta d CROSS JOIN chunk c ON c.hash=d.hash"
                    " WHERE c.uses=0 AND d.change>0",
    [QUERY_REMOVED] = "SELECT c.key FROM delta d CROSS JOIN chunk c ON c.hash=d.hash"
                      " WHERE c.uses>0 AND c.uses+d.change=0",
    [QUERY_ALL] = "SELECT c.key FROM chunk c LEFT JOIN delta d ON d.hash=c.hash"
                  " WHERE c.uses+ifnull(d.change,0)>0",
    [QUERY_IMPLAUSIBLE] = "SELECT 1 FROM delta d LEFT JOIN chunk c ON c.hash=d.hash"
                          " WHERE d.change<>0 AND (c.hash IS NULL OR c.uses+d.change<0) LIMIT 1",
    [QUERY_GET_META] = "SELECT value FROM meta WHERE name=?1",
    [QUERY_SET_META] = "INSERT OR REPLACE INTO meta(name, value) VALUES(?1, ?2)",
    [QUERY_NEXT_COPY] = "SELECT name, value FROM meta WHERE name>?1 AND name GLOB 'copy *'"
                        " ORDER BY name LIMIT 1",
};

enum status state_note(struct state *state, enum status status)
{
    if (status == STATUS_CORRUPT) {
        state->damaged = true;
    }
    return status;
}

enum status state_query(sqlite3_stmt **statement, struct state *state, enum state_query query,
                        struct error *error)
{
    *statement = NULL;
    if (state->statements[query] == NULL) {
        enum status status =
            sql_prepare(&state->statements[query], state->database, TEXTS[query], error);
        if (status != STATUS_OK) {
            return state_note(state, status);
        }
    }
    *statement = state->statements[query];
    return STATUS_OK;
}

enum status state_run(struct state *state, enum state_query query, struct error *error)
{
    sqlite3_stmt *statement;
    enum status status = state_query(&statement, state, query, error);
    return status ? status : state_note(state, sql_once(statement, error));
}

enum status state_finish(struct state *state, enum status status, struct error *error)
{
    if (status == STATUS_OK) {
        status = state_run(state, QUERY_COMMIT, error);
    }
    if (status != STATUS_OK && sqlite3_get_autocommit(state->database) == 0) {
        struct error ignored;
        (void)!state_run(state, QUERY_ROLLBACK, &ignored);
    }
    return status;
}

enum status state_get_meta(struct state *state, const char *name, struct buffer *value,
                           struct error *error)
{
    CLEANUP(sql_reset) sqlite3_stmt *statement;
    buffer_clear(value);
    enum status status = state_query(&statement, state, QUERY_GET_META, error);
    if (status != STATUS_OK) {
        return status;
    }
    (void)sqlite3_bind_text(statement, 1, name, -1, SQLITE_STATIC);
    bool row;
    status = state_note(state, sql_step(statement, &row, error));
    if (status != STATUS_OK || !row) {
        return status;
    }
    const void *data = sqlite3_column_blob(statement, 0);
    return buffer_append(value, data, (size_t)sqlite3_column_bytes(statement, 0), error);
}

enum status state_set_meta(struct state *state, const char *name, const void *value, size_t size,
                           struct error *error)
{
    sqlite3_stmt *statement;
    enum status status = state_query(&statement, state, QUERY_SET_META, error);
    if (status != STATUS_OK) {
        return status;
    }
    (void)sqlite3_bind_text(statement, 1, name, -1, SQLITE_STATIC);
    sql_bind(statement, 2, size == 0 ? "" : value, size);
    return state_note(state, sql_once(statement, error));
}
