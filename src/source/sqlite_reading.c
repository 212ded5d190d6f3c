/* sqlite_reading: see the header. The SQL comes from the configuration or a signed policy and is
 * held to reading all the same: the connection is query_only, and an authorizer refuses whatever is
 * not reading this database. */
#include "sqlite_reading.h"
#include <string.h>

#define STEPS_BETWEEN_LOOKS 1000

/* ATTACH would reach other files, PRAGMA other settings; functions that do harm are not built in.
 */
static int authorize(void *context, int action, const char *a, const char *b, const char *c,
                     const char *d)
{
    (void)context, (void)a, (void)c, (void)d;
    switch (action) {
    case SQLITE_SELECT:
    case SQLITE_READ:
    case SQLITE_RECURSIVE:
        return SQLITE_OK;
    case SQLITE_FUNCTION:
        return b != NULL && strcmp(b, "load_extension") == 0 ? SQLITE_DENY : SQLITE_OK;
    default:
        return SQLITE_DENY;
    }
}

enum status sqlite_reading_fail(sqlite3 *db, const char *words, struct error *error)
{
    return error_set(error, STATUS_USAGE, 0, _("the SQL cannot be used: %s"),
                     words == NULL ? sqlite3_errmsg(db) : words);
}

enum status sqlite_reading_prepare(sqlite3_stmt **statement, sqlite3 *db, const char *sql,
                                   struct error *error)
{
    const char *rest = NULL;
    sqlite3_set_authorizer(db, authorize, NULL);
    sqlite3_limit(db, SQLITE_LIMIT_LENGTH, (int)QUERY_VALUE_LIMIT);
    sqlite3_limit(db, SQLITE_LIMIT_COLUMN, QUERY_COLUMNS_LIMIT);
    sqlite3_limit(db, SQLITE_LIMIT_ATTACHED, 0);
    if (sqlite3_prepare_v2(db, sql, -1, statement, &rest) != SQLITE_OK) {
        return sqlite_reading_fail(db, NULL, error);
    }
    if (*statement == NULL || !sqlite3_stmt_readonly(*statement) ||
        sqlite3_column_count(*statement) == 0) {
        return sqlite_reading_fail(db, _("it is not a statement that reads"), error);
    }
    return rest[strspn(rest, " \t\r\n;")] == '\0'
               ? STATUS_OK
               : sqlite_reading_fail(db, _("it has more than one statement"), error);
}

void sqlite_reading_release(sqlite3 *db)
{
    sqlite3_set_authorizer(db, NULL, NULL);
}

enum status sqlite_reading_value(struct query_value *value, sqlite3_stmt *statement, int column,
                                 struct error *error)
{
    static const enum query_type types[] = {[SQLITE_INTEGER] = QUERY_NUMBER,
                                            [SQLITE_FLOAT] = QUERY_NUMBER,
                                            [SQLITE_TEXT] = QUERY_TEXT,
                                            [SQLITE_BLOB] = QUERY_BINARY,
                                            [SQLITE_NULL] = QUERY_NULL};
    value->type = types[sqlite3_column_type(statement, column)];
    value->data = value->type == QUERY_BINARY
                      ? sqlite3_column_blob(statement, column)
                      : (const char *)sqlite3_column_text(statement, column);
    value->size = (size_t)sqlite3_column_bytes(statement, column);
    return value->type != QUERY_NULL && value->data == NULL && value->size > 0
               ? error_set_memory(error)
               : STATUS_OK;
}

static int look_at_clock(void *deadline)
{
    return clock_monotonic() > *(const double *)deadline;
}

void sqlite_reading_limit(sqlite3 *db, double *deadline)
{
    sqlite3_progress_handler(db, deadline == NULL ? 0 : STEPS_BETWEEN_LOOKS, look_at_clock,
                             deadline);
}
