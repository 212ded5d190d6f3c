/* check_sets: the temporary database of a check. */
#include "check.h"
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

/* A pack is as the first index says that names it; `claim` has what others say, if it is something
 * else. seen: 0 not in a listing, 1 with a wrong size only, 2 with the right one, 3 read whole.
 * lied: an index was found to have lied about it. needed: position of the oldest snapshot that
 * added the chunk. */
static const char SCHEMA[] =
    "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -8192;"
    "CREATE TABLE pack (number INTEGER PRIMARY KEY, id BLOB UNIQUE NOT NULL, size INTEGER NOT NULL,"
    " digest BLOB NOT NULL, origin BLOB NOT NULL, seen INTEGER NOT NULL DEFAULT 0,"
    " told INTEGER NOT NULL DEFAULT 0, lied INTEGER NOT NULL DEFAULT 0);"
    "CREATE TABLE claim (pack INTEGER NOT NULL, origin BLOB NOT NULL, size INTEGER NOT NULL,"
    " digest BLOB NOT NULL, PRIMARY KEY (pack, origin)) WITHOUT ROWID;"
    "CREATE TABLE liar (origin BLOB PRIMARY KEY) WITHOUT ROWID;"
    "CREATE TABLE chunk (id BLOB NOT NULL, pack INTEGER NOT NULL, needed INTEGER,"
    " PRIMARY KEY (id, pack)) WITHOUT ROWID;"
    "BEGIN;";

enum status check_sets_open(struct check *check, struct error *error)
{
    if (sqlite3_open_v2("", &check->sets, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL) !=
        SQLITE_OK) {
        return error_set(error, STATUS_FAILED, 0, _("a temporary database cannot be made: %s"),
                         sqlite3_errmsg(check->sets));
    }
    const struct {
        sqlite3_stmt **statement;
        const char *text;
    } statements[] = {
        {&check->add_pack, "INSERT INTO pack (id, size, digest, origin) VALUES (?, ?, ?, ?)"},
        {&check->find_pack, "SELECT number, digest FROM pack WHERE id = ?"},
        {&check->add_chunk, "INSERT OR IGNORE INTO chunk (id, pack) VALUES (?, ?)"},
        {&check->need_chunk, "UPDATE chunk SET needed = min(ifnull(needed, ?2), ?2) WHERE id = ?1"},
        {&check->see_pack,
         "UPDATE pack SET seen = max(seen, 1 + (size = ?2 OR EXISTS"
         " (SELECT 1 FROM claim WHERE claim.pack = pack.number AND claim.size = ?2)))"
         " WHERE id = ?1"},
        {&check->claim_pack, "UPDATE pack SET seen = 3 WHERE id = ? AND seen = 2 RETURNING 1"},
    };
    enum status status = sql_run(check->sets, SCHEMA, error);
    for (size_t i = 0; status == STATUS_OK && i < LENGTH(statements); i++) {
        status = sql_prepare(statements[i].statement, check->sets, statements[i].text, error);
    }
    return status;
}

void check_sets_close(struct check *check)
{
    sql_finalize(&check->add_pack);
    sql_finalize(&check->find_pack);
    sql_finalize(&check->add_chunk);
    sql_finalize(&check->need_chunk);
    sql_finalize(&check->see_pack);
    sql_finalize(&check->claim_pack);
    (void)sqlite3_close(check->sets);
    check->sets = NULL;
}

static int compare_offsets(const void *a, const void *b)
{
    const struct index_chunk *left = a;
    const struct index_chunk *right = b;
    return (left->offset > right->offset) - (left->offset < right->offset);
}

void check_directory_digest(unsigned char digest[OBJECT_ID_SIZE], const struct index_pack *pack)
{
    qsort(pack->chunks, pack->count, sizeof *pack->chunks, compare_offsets);
    crypto_generichash_state state;
    crypto_generichash_init(&state, NULL, 0, OBJECT_ID_SIZE);
    crypto_generichash_update(&state, (const unsigned char *)&pack->size, sizeof pack->size);
    for (uint32_t i = 0; i < pack->count; i++) {
        const struct index_chunk *chunk = &pack->chunks[i];
        crypto_generichash_update(&state, chunk->id, CHUNK_ID_SIZE);
        crypto_generichash_update(&state, (const unsigned char *)&chunk->offset,
                                  sizeof chunk->offset);
        crypto_generichash_update(&state, (const unsigned char *)&chunk->size, sizeof chunk->size);
    }
    crypto_generichash_final(&state, digest, OBJECT_ID_SIZE);
}

static enum status add_first(int64_t *number, struct check *check,
                             const unsigned char origin[OBJECT_ID_SIZE],
                             const struct index_pack *pack,
                             const unsigned char digest[OBJECT_ID_SIZE], struct error *error)
{
    sql_bind(check->add_pack, 1, pack->id, OBJECT_ID_SIZE);
    sql_bind_number(check->add_pack, 2, (int64_t)pack->size);
    sql_bind(check->add_pack, 3, digest, OBJECT_ID_SIZE);
    sql_bind(check->add_pack, 4, origin, OBJECT_ID_SIZE);
    enum status status = sql_once(check->add_pack, error);
    *number = sqlite3_last_insert_rowid(check->sets);
    return status;
}

enum status check_add_pack(struct check *check, const unsigned char origin[OBJECT_ID_SIZE],
                           const struct index_pack *pack, struct error *error)
{
    unsigned char digest[OBJECT_ID_SIZE];
    unsigned char first[OBJECT_ID_SIZE];
    check_directory_digest(digest, pack);
    CLEANUP(sql_reset) sqlite3_stmt *find = check->find_pack;
    sql_bind(find, 1, pack->id, OBJECT_ID_SIZE);
    bool known = false;
    enum status status = sql_step(find, &known, error);
    int64_t number = known ? sqlite3_column_int64(find, 0) : 0;
    if (status == STATUS_OK && known) {
        status = sql_blob(first, sizeof first, find, 1, error);
    }
    if (status == STATUS_OK && known && memcmp(first, digest, sizeof first) == 0) {
        return STATUS_OK;
    }
    if (status == STATUS_OK) {
        status = known ? check_contradiction(check, number, origin, pack->size, digest, error)
                       : add_first(&number, check, origin, pack, digest, error);
    }
    for (uint32_t i = 0; status == STATUS_OK && i < pack->count; i++) {
        sql_bind(check->add_chunk, 1, pack->chunks[i].id, CHUNK_ID_SIZE);
        sql_bind_number(check->add_chunk, 2, number);
        status = sql_once(check->add_chunk, error);
    }
    return status;
}

enum status check_has_pack(struct check *check, const unsigned char id[OBJECT_ID_SIZE], bool *known,
                           struct error *error)
{
    CLEANUP(sql_reset) sqlite3_stmt *find = check->find_pack;
    sql_bind(find, 1, id, OBJECT_ID_SIZE);
    return sql_step(find, known, error);
}

enum status check_need_chunk(struct check *check, const unsigned char id[CHUNK_ID_SIZE],
                             size_t snapshot, bool *located, struct error *error)
{
    sql_bind(check->need_chunk, 1, id, CHUNK_ID_SIZE);
    sql_bind_number(check->need_chunk, 2, (int64_t)snapshot);
    enum status status = sql_once(check->need_chunk, error);
    *located = sqlite3_changes(check->sets) > 0;
    return status;
}

enum status check_see_pack(struct check *check, const unsigned char id[OBJECT_ID_SIZE],
                           uint64_t size, bool *known, struct error *error)
{
    sql_bind(check->see_pack, 1, id, OBJECT_ID_SIZE);
    sql_bind_number(check->see_pack, 2, size > INT64_MAX ? -1 : (int64_t)size);
    enum status status = sql_once(check->see_pack, error);
    *known = sqlite3_changes(check->sets) > 0;
    return status;
}

enum status check_claim_pack(struct check *check, const unsigned char id[OBJECT_ID_SIZE], bool *due,
                             struct error *error)
{
    CLEANUP(sql_reset) sqlite3_stmt *claim = check->claim_pack;
    sql_bind(claim, 1, id, OBJECT_ID_SIZE);
    return sql_step(claim, due, error);
}

/* Marks the pack as told; *number is 0 if it was before, or no index names it. */
static enum status mark_told(struct check *check, const unsigned char id[OBJECT_ID_SIZE],
                             int64_t *number, struct error *error)
{
    *number = 0;
    CLEANUP(sql_finalize) sqlite3_stmt *mark = NULL;
    enum status status =
        sql_prepare(&mark, check->sets,
                    "UPDATE pack SET told = 1 WHERE id = ? AND told = 0 RETURNING number", error);
    if (status != STATUS_OK) {
        return status;
    }
    sql_bind(mark, 1, id, OBJECT_ID_SIZE);
    bool row = true;
    status = sql_step(mark, &row, error);
    if (status == STATUS_OK && row) {
        *number = sqlite3_column_int64(mark, 0);
        status = sql_step(mark, &row, error);
    }
    return status;
}

/* The oldest snapshot that added a chunk of this pack; -1: none. The index is made only when
 * something is damaged. */
static enum status find_affected(struct check *check, int64_t number, int64_t *position,
                                 struct error *error)
{
    *position = -1;
    CLEANUP(sql_finalize) sqlite3_stmt *find = NULL;
    enum status status = sql_run(
        check->sets, "CREATE INDEX IF NOT EXISTS chunk_pack ON chunk (pack, needed)", error);
    if (status == STATUS_OK) {
        status =
            sql_prepare(&find, check->sets, "SELECT min(needed) FROM chunk WHERE pack = ?", error);
    }
    if (status != STATUS_OK) {
        return status;
    }
    sql_bind_number(find, 1, number);
    bool row = false;
    status = sql_step(find, &row, error);
    if (status == STATUS_OK && row && sqlite3_column_type(find, 0) != SQLITE_NULL) {
        *position = sqlite3_column_int64(find, 0);
    }
    return status;
}

enum status check_tell_pack(struct check *check, const unsigned char id[OBJECT_ID_SIZE],
                            const struct error *damage, struct error *error)
{
    int64_t number = 0;
    int64_t position = -1;
    enum status status = mark_told(check, id, &number, error);
    if (status == STATUS_OK && number != 0) {
        status = find_affected(check, number, &position, error);
    }
    if (status != STATUS_OK || number == 0) {
        return status;
    }
    struct error told = *damage;
    if (position < 0) {
        error_set(&told, damage->status, 0, _("%s; no snapshot needs it"), damage->message);
    } else {
        const struct statement *snapshot = &check->list.items[position];
        char text[OBJECT_ID_TEXT_SIZE];
        char time[MOMENT_TEXT_SIZE];
        error_set(&told, damage->status, 0,
                  _("%s; the first snapshot that needs it is %.8s of %s, and later ones may, too"),
                  damage->message, hex_encode(text, snapshot->id, OBJECT_ID_SIZE),
                  moment_format_local(time, snapshot->time));
    }
    check_tell(check, OBJECT_PACK, id, &told);
    return STATUS_OK;
}

enum status check_number(uint64_t *number, struct check *check, const char *query,
                         struct error *error)
{
    *number = 0;
    CLEANUP(sql_finalize) sqlite3_stmt *statement = NULL;
    bool row = false;
    enum status status = sql_prepare(&statement, check->sets, query, error);
    if (status == STATUS_OK) {
        status = sql_step(statement, &row, error);
    }
    if (status == STATUS_OK && row) {
        *number = (uint64_t)sqlite3_column_int64(statement, 0);
    }
    return status;
}
