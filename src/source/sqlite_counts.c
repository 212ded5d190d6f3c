/* sqlite_counts: the rows of every table, counted in the transaction that the image is read in. */
#include "sqlite_counts.h"

/* The names are SQLite's internal tables; virtual tables have no root page. */
#define TABLES                                                                                     \
    "SELECT name, rootpage IS 0 FROM sqlite_schema WHERE type = 'table' AND typeof(name) = "       \
    "'text' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name"

static void statement_finalize(sqlite3_stmt **statement)
{
    sqlite3_finalize(*statement);
}

static void text_release(char **text)
{
    sqlite3_free(*text);
}

static int count_rows(uint64_t *rows, sqlite3 *db, const char *table)
{
    CLEANUP(statement_finalize) sqlite3_stmt *statement = NULL;
    CLEANUP(text_release) char *sql = sqlite3_mprintf("SELECT count(*) FROM main.\"%w\"", table);
    if (sql == NULL) {
        return SQLITE_NOMEM;
    }
    int code = sqlite3_prepare_v2(db, sql, -1, &statement, NULL);
    if (code != SQLITE_OK) {
        return code;
    }
    code = sqlite3_step(statement);
    *rows = (uint64_t)sqlite3_column_int64(statement, 0);
    return code;
}

/* Is it only this table that cannot be counted? What a module says of its virtual table says
 * nothing of the database; its rows lie in ordinary tables. */
static bool is_harmless(int code, bool is_virtual)
{
    return (code & 0xff) == SQLITE_ERROR || (is_virtual && (code & 0xff) != SQLITE_NOMEM);
}

static enum status count_table(const struct sqlite_database *database,
                               const struct source_sink *sink, const char *entry,
                               sqlite3_stmt *tables, struct error *error)
{
    const char *table = (const char *)sqlite3_column_text(tables, 0);
    bool is_virtual = sqlite3_column_int(tables, 1) != 0;
    if (table == NULL) {
        return error_set_memory(error);
    }
    uint64_t rows = 0;
    int code = count_rows(&rows, database->db, table);
    if (code == SQLITE_ROW) {
        return sink->rows(sink->context, table, rows, error);
    }
    if (is_harmless(code, is_virtual)) {
        struct error problem;
        error_set(&problem, STATUS_UNSUPPORTED, 0, _("the rows of table %s cannot be counted: %s"),
                  table, sqlite3_errmsg(database->db));
        sink->warn(sink->context, entry, &problem);
        return STATUS_OK;
    }
    sqlite_error(error, database->db, code, database->path);
    return error_add_context(error, _("table %s"), table);
}

enum status sqlite_counts_send(const struct sqlite_database *database,
                               const struct source_sink *sink, const char *entry,
                               struct error *error)
{
    CLEANUP(statement_finalize) sqlite3_stmt *tables = NULL;
    int code = sqlite3_prepare_v2(database->db, TABLES, -1, &tables, NULL);
    if (code == SQLITE_OK) {
        code = sqlite3_step(tables);
    }
    while (code == SQLITE_ROW) {
        enum status status = count_table(database, sink, entry, tables, error);
        if (status != STATUS_OK) {
            return status;
        }
        code = sqlite3_step(tables);
    }
    if (code != SQLITE_DONE) {
        return sqlite_error(error, database->db, code, database->path);
    }
    return STATUS_OK;
}
