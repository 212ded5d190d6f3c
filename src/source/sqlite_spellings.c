/* sqlite_spellings: an id may be spelt otherwise than it stands in the database: with zeros in
 * front where numbers are, in capitals where the collation knows none. */
#include "sqlite_open.h"
#include "sqlite_persons.h"
#include "sqlite_query.h"
#include "sqlite_reading.h"
#include <string.h>

#define BUSY_MS 10000

static void statement_finalize(sqlite3_stmt **statement)
{
    sqlite3_finalize(*statement);
}

static enum status find(const struct sqlite_database *database, const struct config_person *person,
                        const char *id, source_spelling visit, void *context, struct error *error)
{
    CLEANUP(statement_finalize) sqlite3_stmt *statement = NULL;
    CLEANUP(buffer_free) struct buffer sql = {0};
    int code = SQLITE_DONE;
    enum status status = source_spelling_sql(&sql, person, "?1", error);
    if (status == STATUS_OK) {
        status = sqlite_reading_prepare(&statement, database->db, (const char *)sql.data, error);
    }
    if (status == STATUS_OK &&
        sqlite3_bind_text(statement, 1, id, -1, SQLITE_STATIC) != SQLITE_OK) {
        return error_set_memory(error);
    }
    while (status == STATUS_OK && (code = sqlite3_step(statement)) == SQLITE_ROW) {
        struct query_value value;
        status = sqlite_reading_value(&value, statement, 0, error);
        status = status ? status : visit(context, value.data, value.size, error);
    }
    return status == STATUS_OK && code != SQLITE_DONE
               ? sqlite_error(error, database->db, code, database->path)
               : status;
}

enum status sqlite_spellings(const struct config_source *source, const char *domain, const char *id,
                             source_spelling visit, void *context, struct error *error)
{
    CLEANUP(sqlite_database_close) struct sqlite_database database = {0};
    double deadline = clock_monotonic() + SQLITE_PERSONS_SECONDS;
    enum status status = sqlite_database_look(&database, source->path, error);
    if (status == STATUS_OK) {
        status = sqlite_database_open(&database, BUSY_MS, error);
    }
    if (status != STATUS_OK) {
        return status;
    }
    sqlite_reading_limit(database.db, &deadline);
    for (size_t i = 0; status == STATUS_OK && i < source->person_count; i++) {
        if (strcmp(source->persons[i].domain, domain) == 0) {
            status = find(&database, &source->persons[i], id, visit, context, error);
        }
    }
    sqlite_reading_limit(database.db, NULL);
    sqlite_reading_release(database.db);
    return status;
}
