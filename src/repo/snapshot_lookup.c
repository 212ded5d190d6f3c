/* snapshot_lookup: which pack holds which chunk, as a table that SQLite keeps in a temporary file
 * of its own when it outgrows the cache. It holds random ids and places, nothing of any content.
 *
 * Who has stolen a host key can add indexes that name wrong places for every chunk, and as many as
 * the storage takes. So no place is left out however many there are, and an index that has named a
 * wrong one is asked last from then on: each such index costs a restore about one attempt. */
#include "snapshot_private.h"
#include "sql.h"
#include <stdlib.h>
#include <string.h>

struct lookup {
    sqlite3 *database;
    sqlite3_stmt *add_pack;
    sqlite3_stmt *add_chunk;
    sqlite3_stmt *find_pack;
    sqlite3_stmt *likeliest;
    sqlite3_stmt *after;
    sqlite3_stmt *doubt;
    bool searched;        /* lookup_search was done, and found what has numbers above */
    bool searched_all;    /* and looked into the indexed packs, too */
    int64_t last_indexed; /* this pack */
};

/* A name of "" is a database in a file that is removed as soon as it is made. */
static const char SETTINGS[] = "PRAGMA journal_mode=OFF;"
                               "PRAGMA synchronous=OFF;"
                               "PRAGMA locking_mode=EXCLUSIVE;"
                               "PRAGMA cache_size=-4096;"
                               "PRAGMA temp_store=FILE;"
                               "CREATE TABLE pack(no INTEGER PRIMARY KEY, id BLOB NOT NULL,"
                               " origin INTEGER NOT NULL);"
                               "CREATE TABLE doubted(origin INTEGER PRIMARY KEY, times INTEGER);"
                               "CREATE TABLE incoming(id BLOB, pack INTEGER, offset INTEGER,"
                               " size INTEGER);"
                               "CREATE TABLE chunk(id BLOB, pack INTEGER, offset INTEGER,"
                               " size INTEGER, PRIMARY KEY(id, pack, offset)) WITHOUT ROWID;"
                               "BEGIN;";

#define PLACES                                                                                     \
    "SELECT pack.id, chunk.offset, chunk.size, pack.no, pack.origin FROM chunk"                    \
    " CROSS JOIN pack ON pack.no=chunk.pack WHERE chunk.id=?1"

static const char LIKELIEST[] =
    PLACES " ORDER BY ifnull((SELECT times FROM doubted WHERE doubted.origin=pack.origin), 0),"
           " pack.no DESC LIMIT ?2";
static const char AFTER[] = PLACES " AND (chunk.pack, chunk.offset) > (?3, ?4)"
                                   " ORDER BY chunk.pack, chunk.offset LIMIT ?2";
static const char DOUBT[] = "INSERT INTO doubted VALUES(?1, 1)"
                            " ON CONFLICT(origin) DO UPDATE SET times=times+1";

/* Sorting once and appending is many times faster than finding each one's place in a large tree. */
static const char SETTLE[] =
    "INSERT OR IGNORE INTO chunk SELECT id, pack, offset, size FROM incoming"
    " ORDER BY id, pack, offset;"
    "DROP TABLE incoming;"
    "COMMIT;";

static enum status add_chunk(struct lookup *lookup, int64_t pack, const struct index_chunk *chunk,
                             struct error *error)
{
    sql_bind(lookup->add_chunk, 1, chunk->id, CHUNK_ID_SIZE);
    sql_bind_number(lookup->add_chunk, 2, pack);
    sql_bind_number(lookup->add_chunk, 3, chunk->offset);
    sql_bind_number(lookup->add_chunk, 4, chunk->size);
    return sql_once(lookup->add_chunk, error);
}

static enum status add_pack(void *context, const struct index_pack *pack, struct error *error)
{
    struct lookup *lookup = context;
    sql_bind(lookup->add_pack, 1, pack->id, OBJECT_ID_SIZE);
    sql_bind_number(lookup->add_pack, 2, pack->origin);
    enum status status = sql_once(lookup->add_pack, error);
    int64_t number = sqlite3_last_insert_rowid(lookup->database);
    for (uint32_t i = 0; status == STATUS_OK && i < pack->count; i++) {
        status = add_chunk(lookup, number, &pack->chunks[i], error);
    }
    return status;
}

static enum status find_last(struct lookup *lookup, struct error *error)
{
    CLEANUP(sql_finalize) sqlite3_stmt *find = NULL;
    bool row = false;
    enum status status =
        sql_prepare(&find, lookup->database, "SELECT ifnull(max(no), 0) FROM pack", error);
    status = status ? status : sql_step(find, &row, error);
    lookup->last_indexed = status == STATUS_OK && row ? sqlite3_column_int64(find, 0) : 0;
    return status;
}

static enum status fill(struct lookup *lookup, struct repo *repo, struct problems *problems,
                        struct error *error)
{
    enum status status = sql_run(lookup->database, SETTINGS, error);
    status = status ? status
                    : sql_prepare(&lookup->add_pack, lookup->database,
                                  "INSERT INTO pack(id, origin) VALUES(?1, ?2)", error);
    status = status ? status
                    : sql_prepare(&lookup->add_chunk, lookup->database,
                                  "INSERT INTO incoming VALUES(?1, ?2, ?3, ?4)", error);
    status = status ? status : index_read_all(repo, problems, add_pack, lookup, error);
    sql_finalize(&lookup->add_chunk);
    status = status ? status : sql_run(lookup->database, SETTLE, error);
    status = status ? status : find_last(lookup, error);
    status = status ? status : sql_prepare(&lookup->likeliest, lookup->database, LIKELIEST, error);
    status = status ? status : sql_prepare(&lookup->after, lookup->database, AFTER, error);
    return status ? status : sql_prepare(&lookup->doubt, lookup->database, DOUBT, error);
}

enum status lookup_open(struct lookup **lookup, struct repo *repo, struct problems *problems,
                        struct error *error)
{
    struct lookup *opened = calloc(1, sizeof *opened);
    *lookup = NULL;
    if (opened == NULL) {
        return error_set_memory(error);
    }
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    enum status status = STATUS_OK;
    if (sqlite3_open_v2("", &opened->database, flags, NULL) != SQLITE_OK) {
        status =
            opened->database == NULL ? error_set_memory(error) : sql_error(opened->database, error);
    }
    status = status ? status : fill(opened, repo, problems, error);
    if (status != STATUS_OK) {
        lookup_free(opened);
        return status;
    }
    *lookup = opened;
    return STATUS_OK;
}

/* ---- packs that no index names ---- */

/* Of all packs, when an index may lie about one that another index named. */
static enum status is_known(void *context, const unsigned char id[OBJECT_ID_SIZE], bool *known,
                            struct error *error)
{
    const struct lookup *lookup = context;
    CLEANUP(sql_reset) sqlite3_stmt *find = lookup->find_pack;
    sql_bind(find, 1, id, OBJECT_ID_SIZE);
    sql_bind_number(find, 2, lookup->searched ? lookup->last_indexed : 0);
    return sql_step(find, known, error);
}

static enum status search(struct lookup *lookup, struct repo *repo, struct error *error)
{
    const struct pack_search wanted = {is_known, add_pack, lookup};
    sqlite3 *database = lookup->database;
    enum status status =
        sql_run(database, "CREATE INDEX IF NOT EXISTS pack_id ON pack(id); BEGIN", error);
    status = status ? status
                    : sql_prepare(&lookup->find_pack, database,
                                  "SELECT 1 FROM pack WHERE id=?1 AND no>?2", error);
    status = status ? status
                    : sql_prepare(&lookup->add_chunk, database,
                                  "INSERT OR IGNORE INTO chunk VALUES(?1, ?2, ?3, ?4)", error);
    status = status ? status : pack_search(repo, &wanted, error);
    sql_finalize(&lookup->find_pack);
    sql_finalize(&lookup->add_chunk);
    struct error ignored;
    enum status ended = sql_run(database, "COMMIT", status == STATUS_OK ? error : &ignored);
    return status ? status : ended;
}

enum status lookup_search(struct lookup *lookup, struct repo *repo, bool all, struct place *after,
                          struct error *error)
{
    enum status status = STATUS_OK;
    if (!lookup->searched) {
        status = search(lookup, repo, error);
        lookup->searched = status == STATUS_OK;
    }
    if (status == STATUS_OK && all && !lookup->searched_all) {
        status = search(lookup, repo, error);
        lookup->searched_all = status == STATUS_OK;
    }
    if (status != STATUS_OK) {
        return status;
    }
    *after = (struct place){.pack = lookup->last_indexed, .location = {.offset = UINT32_MAX}};
    return STATUS_OK;
}

void lookup_free(struct lookup *lookup)
{
    if (lookup == NULL) {
        return;
    }
    sql_finalize(&lookup->add_pack);
    sql_finalize(&lookup->add_chunk);
    sql_finalize(&lookup->find_pack);
    sql_finalize(&lookup->likeliest);
    sql_finalize(&lookup->after);
    sql_finalize(&lookup->doubt);
    (void)sqlite3_close(lookup->database);
    free(lookup);
}

static enum status read_place(struct place *place, sqlite3_stmt *statement, struct error *error)
{
    place->location.offset = (uint32_t)sqlite3_column_int64(statement, 1);
    place->location.size = (uint32_t)sqlite3_column_int64(statement, 2);
    place->pack = sqlite3_column_int64(statement, 3);
    place->origin = sqlite3_column_int64(statement, 4);
    return sql_blob(place->location.pack, OBJECT_ID_SIZE, statement, 0, error);
}

enum status lookup_find(struct lookup *lookup, const unsigned char id[CHUNK_ID_SIZE],
                        const struct place *after, struct place places[PLACES_AT_ONCE],
                        size_t *count, struct error *error)
{
    CLEANUP(sql_reset)
    sqlite3_stmt *statement = after == NULL ? lookup->likeliest : lookup->after;
    sql_bind(statement, 1, id, CHUNK_ID_SIZE);
    sql_bind_number(statement, 2, PLACES_AT_ONCE);
    if (after != NULL) {
        sql_bind_number(statement, 3, after->pack);
        sql_bind_number(statement, 4, after->location.offset);
    }
    *count = 0;
    bool row = true;
    enum status status = STATUS_OK;
    while (status == STATUS_OK && row && *count < PLACES_AT_ONCE) {
        status = sql_step(statement, &row, error);
        if (status == STATUS_OK && row) {
            status = read_place(&places[*count], statement, error);
            *count += status == STATUS_OK ? 1 : 0;
        }
    }
    return status;
}

enum status lookup_doubt(struct lookup *lookup, const struct place *place, struct error *error)
{
    sql_bind_number(lookup->doubt, 1, place->origin);
    return sql_once(lookup->doubt, error);
}
