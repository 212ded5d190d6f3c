/* sql: SQLite's answers as statuses, and nothing bound longer than it lives. */
#include "sql.h"
#include <errno.h>
#include <string.h>
#include <sys/statvfs.h>

/* SQLite tries another way to open its journal before it gives up, and then tells of that one. */
static bool lacks_inodes(const char *file)
{
    struct statvfs disk;
    return statvfs(file, &disk) == 0 && disk.f_files > 0 && disk.f_favail == 0;
}

enum status sql_error(sqlite3 *database, struct error *error)
{
    int code = sqlite3_errcode(database);
    const char *file = sqlite3_db_filename(database, "main");
    if (file == NULL || file[0] == '\0') {
        file = _("temporary database");
    } else if (code == SQLITE_CANTOPEN && lacks_inodes(file)) {
        return error_set_errno(error, ENOSPC, "%s: %s", file, sqlite3_errmsg(database));
    }
    enum status status = STATUS_FAILED;
    if (code == SQLITE_CORRUPT || code == SQLITE_NOTADB) {
        status = STATUS_CORRUPT;
    } else if (code == SQLITE_FULL) {
        status = STATUS_NO_SPACE;
    } else if (code == SQLITE_NOMEM) {
        return error_set_memory(error);
    } else if (code == SQLITE_BUSY) {
        status = STATUS_LOCKED;
    }
    return error_set(error, status, 0, "%s: %s", file, sqlite3_errmsg(database));
}

enum status sql_run(sqlite3 *database, const char *text, struct error *error)
{
    if (sqlite3_exec(database, text, NULL, NULL, NULL) != SQLITE_OK) {
        return sql_error(database, error);
    }
    return STATUS_OK;
}

enum status sql_prepare(sqlite3_stmt **statement, sqlite3 *database, const char *text,
                        struct error *error)
{
    if (sqlite3_prepare_v3(database, text, -1, SQLITE_PREPARE_PERSISTENT, statement, NULL) !=
        SQLITE_OK) {
        return sql_error(database, error);
    }
    return STATUS_OK;
}

void sql_finalize(sqlite3_stmt **statement)
{
    (void)sqlite3_finalize(*statement);
    *statement = NULL;
}

void sql_reset(sqlite3_stmt **statement)
{
    if (*statement != NULL) {
        (void)sqlite3_reset(*statement);
        (void)sqlite3_clear_bindings(*statement);
    }
}

/* With SQLITE_STATIC nothing is copied, so the only failure left is a wrong position. */
void sql_bind(sqlite3_stmt *statement, int position, const void *data, size_t size)
{
    (void)sqlite3_bind_blob64(statement, position, data, size, SQLITE_STATIC);
}

void sql_bind_number(sqlite3_stmt *statement, int position, int64_t value)
{
    (void)sqlite3_bind_int64(statement, position, value);
}

enum status sql_step(sqlite3_stmt *statement, bool *row, struct error *error)
{
    int code = sqlite3_step(statement);
    *row = code == SQLITE_ROW;
    if (code != SQLITE_ROW && code != SQLITE_DONE) {
        return sql_error(sqlite3_db_handle(statement), error);
    }
    return STATUS_OK;
}

enum status sql_once(sqlite3_stmt *statement, struct error *error)
{
    bool row;
    enum status status = sql_step(statement, &row, error);
    sql_reset(&statement);
    return status;
}

enum status sql_blob(void *target, size_t size, sqlite3_stmt *statement, int column,
                     struct error *error)
{
    const void *data = sqlite3_column_blob(statement, column);
    int length = sqlite3_column_bytes(statement, column);
    if (data == NULL || length < 0 || (size_t)length != size) {
        return error_set(error, STATUS_CORRUPT, 0, _("A row of the local state is damaged"));
    }
    memcpy(target, data, size);
    return STATUS_OK;
}
