/* plan: see the header. */
#include "plan.h"
#include "record.h"
#include <sodium.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

enum query { ADD_ENTRY, GET_ENTRY, ADD_WISH, NEXT_WISH, EACH_FOLDER, EACH_LINK, QUERIES };

static const char *const query_text[QUERIES] = {
    [ADD_ENTRY] = "INSERT INTO entry(kind, source, file, record) VALUES(?1, ?2, ?3, ?4)",
    [GET_ENTRY] = "SELECT number, source, record FROM entry WHERE number = ?1",
    [ADD_WISH] = "INSERT INTO wish(pack, start, sealed, number, position, source, key, size, bytes,"
                 " skip) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    [NEXT_WISH] = "SELECT pack, start, sealed, number, position, source, key, size, bytes, skip "
                  "FROM wish ORDER BY pack, start",
    [EACH_FOLDER] = "SELECT number, source, record FROM entry WHERE kind = ?1 ORDER BY number DESC",
    [EACH_LINK] = "SELECT link.number, link.source, link.record, first.record FROM entry AS link "
                  "LEFT JOIN entry AS first ON first.kind = ?2 AND first.source = link.source AND "
                  "first.file = link.file WHERE link.kind = ?1 ORDER BY link.number",
};

/* Sorting once, when all are there, is much cheaper than keeping them sorted. */
static const char FILES_BY_PATH[] =
    "CREATE INDEX IF NOT EXISTS file_by_path ON entry(kind, source, file)";

#define FILE_NAME_SIZE 16 /* a hash of the path of a file */

struct plan {
    pthread_mutex_t lock;
    sqlite3 *database;
    sqlite3_stmt *queries[QUERIES];
    unsigned char *mask_key; /* secret memory */
    bool held;               /* a wish of the next pack was read already */
    bool exhausted;
    struct plan_wish next;
    bool links; /* there is at least one */
};

static enum status failed(struct plan *plan, struct error *error)
{
    int code = sqlite3_errcode(plan->database);
    enum status status = code == SQLITE_FULL ? STATUS_NO_SPACE : STATUS_FAILED;
    error_set(error, status, 0, _("the temporary database of the restore failed: %s"),
              sqlite3_errmsg(plan->database));
    return code == SQLITE_FULL
               ? error_set_hint(error, "%s", _("Make room where the restored files go."))
               : status;
}

/* SQLite has one folder for temporary files in a process, and takes only a path. */
static void spill_beneath(int folder)
{
    sqlite3_free(sqlite3_temp_directory);
    sqlite3_temp_directory = folder < 0 ? NULL : sqlite3_mprintf("/proc/self/fd/%d", folder);
}

enum status plan_new(struct plan **plan, int folder, struct error *error)
{
    struct plan *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return error_set_memory(error);
    }
    pthread_mutex_init(&made->lock, NULL);
    made->mask_key = secret_new(CHUNK_KEY_SIZE);
    randombytes_buf(made->mask_key, CHUNK_KEY_SIZE);
    spill_beneath(folder);
    static const char schema[] =
        "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA cache_size=-4096;"
        "CREATE TABLE entry(number INTEGER PRIMARY KEY, kind INT, source INT, file BLOB,"
        " record BLOB);"
        "CREATE TABLE wish(pack BLOB, start INT, sealed INT, number INT, position INT, source INT,"
        " key BLOB, size INT, bytes INT, skip INT);"
        "BEGIN;";
    bool good = sqlite3_open_v2("", &made->database,
                                SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
                                NULL) == SQLITE_OK &&
                sqlite3_exec(made->database, schema, NULL, NULL, NULL) == SQLITE_OK;
    for (size_t i = 0; good && i < QUERIES; i++) {
        good = sqlite3_prepare_v3(made->database, query_text[i], -1, SQLITE_PREPARE_PERSISTENT,
                                  &made->queries[i], NULL) == SQLITE_OK;
    }
    if (!good) {
        enum status status = failed(made, error);
        plan_free(made);
        return status;
    }
    *plan = made;
    return STATUS_OK;
}

void plan_free(struct plan *plan)
{
    if (plan == NULL) {
        return;
    }
    for (size_t i = 0; i < QUERIES; i++) {
        sqlite3_finalize(plan->queries[i]);
    }
    sqlite3_close(plan->database);
    spill_beneath(-1);
    pthread_mutex_destroy(&plan->lock);
    secret_free(plan->mask_key);
    free(plan);
}

/* Chunk keys may spill to a temporary file: there they are masked, by a key of this process, with
 * what no two wishes share. */
static void mask_key(unsigned char masked[CHUNK_KEY_SIZE], const struct plan *plan,
                     const struct plan_wish *wish)
{
    uint64_t place[2] = {wish->number, wish->offset};
    unsigned char mask[CHUNK_KEY_SIZE];
    crypto_generichash(mask, sizeof mask, (const unsigned char *)place, sizeof place,
                       plan->mask_key, CHUNK_KEY_SIZE);
    for (size_t i = 0; i < sizeof mask; i++) {
        masked[i] = wish->reference.key[i] ^ mask[i];
    }
}

static enum status run(struct plan *plan, sqlite3_stmt *query, struct error *error)
{
    int code = sqlite3_step(query);
    enum status status = code == SQLITE_DONE ? STATUS_OK : failed(plan, error);
    sqlite3_reset(query);
    return status;
}

/* A file under its own path, a link under that of the file that it names. */
static void bind_file(sqlite3_stmt *query, int column, unsigned char name[FILE_NAME_SIZE],
                      enum plan_kind kind, const struct entry *entry)
{
    if (kind == PLAN_FOLDER) {
        sqlite3_bind_null(query, column);
        return;
    }
    const char *path = kind == PLAN_LINK ? entry->link : entry->path;
    crypto_generichash(name, FILE_NAME_SIZE, (const unsigned char *)path, strlen(path), NULL, 0);
    sqlite3_bind_blob(query, column, name, FILE_NAME_SIZE, SQLITE_STATIC);
}

enum status plan_add_entry(uint64_t *number, struct plan *plan, enum plan_kind kind, size_t source,
                           const struct entry *entry, struct error *error)
{
    CLEANUP(buffer_free) struct buffer record = {0};
    unsigned char name[FILE_NAME_SIZE];
    enum status status = record_encode(&record, entry, error);
    if (status != STATUS_OK) {
        return status;
    }
    pthread_mutex_lock(&plan->lock);
    sqlite3_stmt *query = plan->queries[ADD_ENTRY];
    sqlite3_bind_int(query, 1, (int)kind);
    sqlite3_bind_int64(query, 2, (sqlite3_int64)source);
    bind_file(query, 3, name, kind, entry);
    sqlite3_bind_blob64(query, 4, record.data, record.size, SQLITE_STATIC);
    status = run(plan, query, error);
    *number = (uint64_t)sqlite3_last_insert_rowid(plan->database);
    plan->links = plan->links || kind == PLAN_LINK;
    pthread_mutex_unlock(&plan->lock);
    return status;
}

static enum status take_record(struct entry *entry, sqlite3_stmt *query, int column,
                               struct error *error)
{
    return record_decode(entry, sqlite3_column_blob(query, column),
                         (size_t)sqlite3_column_bytes(query, column), error);
}

static enum status take_entry(size_t *source, struct entry *entry, sqlite3_stmt *query,
                              struct error *error)
{
    *source = (size_t)sqlite3_column_int64(query, 1);
    return take_record(entry, query, 2, error);
}

enum status plan_get_entry(size_t *source, struct entry *entry, struct plan *plan, uint64_t number,
                           struct error *error)
{
    pthread_mutex_lock(&plan->lock);
    sqlite3_stmt *query = plan->queries[GET_ENTRY];
    sqlite3_bind_int64(query, 1, (sqlite3_int64)number);
    enum status status = sqlite3_step(query) == SQLITE_ROW ? take_entry(source, entry, query, error)
                                                           : failed(plan, error);
    sqlite3_reset(query);
    pthread_mutex_unlock(&plan->lock);
    return status;
}

enum status plan_add_wish(struct plan *plan, const struct plan_wish *wish, struct error *error)
{
    unsigned char key[CHUNK_KEY_SIZE];
    mask_key(key, plan, wish);
    pthread_mutex_lock(&plan->lock);
    sqlite3_stmt *query = plan->queries[ADD_WISH];
    sqlite3_bind_blob(query, 1, wish->location.pack, OBJECT_ID_SIZE, SQLITE_STATIC);
    sqlite3_bind_int64(query, 2, wish->location.offset);
    sqlite3_bind_int64(query, 3, wish->location.size);
    sqlite3_bind_int64(query, 4, (sqlite3_int64)wish->number);
    sqlite3_bind_int64(query, 5, (sqlite3_int64)wish->offset);
    sqlite3_bind_int64(query, 6, (sqlite3_int64)wish->source);
    sqlite3_bind_blob(query, 7, key, CHUNK_KEY_SIZE, SQLITE_STATIC);
    sqlite3_bind_int64(query, 8, wish->reference.size);
    sqlite3_bind_int64(query, 9, wish->bytes);
    sqlite3_bind_int64(query, 10, wish->skip);
    enum status status = run(plan, query, error);
    pthread_mutex_unlock(&plan->lock);
    return status;
}

static void take_wish(struct plan_wish *wish, const struct plan *plan, sqlite3_stmt *query)
{
    memcpy(wish->location.pack, sqlite3_column_blob(query, 0), OBJECT_ID_SIZE);
    wish->location.offset = (uint32_t)sqlite3_column_int64(query, 1);
    wish->location.size = (uint32_t)sqlite3_column_int64(query, 2);
    wish->number = (uint64_t)sqlite3_column_int64(query, 3);
    wish->offset = (uint64_t)sqlite3_column_int64(query, 4);
    wish->source = (size_t)sqlite3_column_int64(query, 5);
    memcpy(wish->reference.key, sqlite3_column_blob(query, 6), CHUNK_KEY_SIZE);
    mask_key(wish->reference.key, plan, wish);
    wish->reference.size = (uint32_t)sqlite3_column_int64(query, 7);
    wish->bytes = (uint32_t)sqlite3_column_int64(query, 8);
    wish->skip = (uint32_t)sqlite3_column_int64(query, 9);
}

static enum status step_wish(bool *found, struct plan *plan, struct error *error)
{
    if (plan->held) {
        *found = true;
        return STATUS_OK;
    }
    if (plan->exhausted) {
        *found = false;
        return STATUS_OK;
    }
    sqlite3_stmt *query = plan->queries[NEXT_WISH];
    int code = sqlite3_step(query);
    *found = code == SQLITE_ROW;
    plan->exhausted = !*found;
    if (*found) {
        take_wish(&plan->next, plan, query);
        plan->held = true;
    }
    return code == SQLITE_ROW || code == SQLITE_DONE ? STATUS_OK : failed(plan, error);
}

enum status plan_next_wishes(struct plan_wish *wishes, size_t limit, size_t *count,
                             struct plan *plan, struct error *error)
{
    *count = 0;
    pthread_mutex_lock(&plan->lock);
    enum status status = STATUS_OK;
    while (status == STATUS_OK && *count < limit) {
        bool found = false;
        status = step_wish(&found, plan, error);
        bool same_pack = *count == 0 || memcmp(plan->next.location.pack, wishes[0].location.pack,
                                               OBJECT_ID_SIZE) == 0;
        if (!found || !same_pack) {
            break;
        }
        wishes[(*count)++] = plan->next;
        plan->held = false;
    }
    pthread_mutex_unlock(&plan->lock);
    return status;
}

enum status plan_each_folder(struct plan *plan, plan_visit_folder visit, void *context,
                             struct error *error)
{
    sqlite3_stmt *query = plan->queries[EACH_FOLDER];
    sqlite3_bind_int(query, 1, PLAN_FOLDER);
    int code = SQLITE_DONE;
    enum status status = STATUS_OK;
    while (status == STATUS_OK && (code = sqlite3_step(query)) == SQLITE_ROW) {
        CLEANUP(entry_free) struct entry entry = {0};
        size_t source;
        status = take_entry(&source, &entry, query, error);
        status = status ? status : visit(context, source, &entry, error);
    }
    if (status == STATUS_OK && code != SQLITE_DONE) {
        status = failed(plan, error);
    }
    sqlite3_reset(query);
    return status;
}

static enum status visit_link(sqlite3_stmt *query, plan_visit_link visit, void *context,
                              struct error *error)
{
    CLEANUP(entry_free) struct entry link = {0};
    CLEANUP(entry_free) struct entry first = {0};
    size_t source;
    bool planned = sqlite3_column_type(query, 3) != SQLITE_NULL;
    enum status status = take_entry(&source, &link, query, error);
    if (status == STATUS_OK && planned) {
        status = take_record(&first, query, 3, error);
    }
    return status ? status : visit(context, source, &link, planned ? &first : NULL, error);
}

enum status plan_each_link(struct plan *plan, plan_visit_link visit, void *context,
                           struct error *error)
{
    if (!plan->links) {
        return STATUS_OK;
    }
    if (sqlite3_exec(plan->database, FILES_BY_PATH, NULL, NULL, NULL) != SQLITE_OK) {
        return failed(plan, error);
    }
    sqlite3_stmt *query = plan->queries[EACH_LINK];
    sqlite3_bind_int(query, 1, PLAN_LINK);
    sqlite3_bind_int(query, 2, PLAN_FILE);
    int code = SQLITE_DONE;
    enum status status = STATUS_OK;
    while (status == STATUS_OK && (code = sqlite3_step(query)) == SQLITE_ROW) {
        status = visit_link(query, visit, context, error);
    }
    if (status == STATUS_OK && code != SQLITE_DONE) {
        status = failed(plan, error);
    }
    sqlite3_reset(query);
    return status;
}
