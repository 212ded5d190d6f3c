/* sqlite_change: SQL of somebody else's that changes rows: the rules by which a person is erased.
 * An authorizer confines it to the rows of one database. */
#include "kura/source.h"
#include "sqlite_open.h"
#include "sqlite_query.h"
#include <string.h>

#define BUSY_MS 10000

/* Rows of this database, and nothing else: no other file, no setting, no change of the schema. A
 * full-text index asks for data_version when it is written to. */
static int authorize(void *context, int action, const char *a, const char *b, const char *database,
                     const char *trigger)
{
    const struct sqlite_change_watch *watch = context;
    (void)database;
    bool writes = action == SQLITE_INSERT || action == SQLITE_UPDATE || action == SQLITE_DELETE;
    if (writes && watch != NULL && a != NULL) {
        watch->write(watch->context, action, a, trigger);
    }
    switch (action) {
    case SQLITE_SELECT:
    case SQLITE_READ:
    case SQLITE_RECURSIVE:
    case SQLITE_INSERT:
    case SQLITE_UPDATE:
    case SQLITE_DELETE:
        return SQLITE_OK;
    case SQLITE_FUNCTION:
        return b != NULL && strcmp(b, "load_extension") == 0 ? SQLITE_DENY : SQLITE_OK;
    case SQLITE_PRAGMA:
        return a != NULL && strcmp(a, "data_version") == 0 ? SQLITE_OK : SQLITE_DENY;
    default:
        return SQLITE_DENY;
    }
}

static enum status refuse(const char *words, struct error *error)
{
    return error_set(error, STATUS_USAGE, 0, _("a rule cannot be applied: %s"), words);
}

static enum status bind_id(sqlite3_stmt *statement, const char *id, struct error *error)
{
    for (int i = 1; i <= sqlite3_bind_parameter_count(statement); i++) {
        const char *name = sqlite3_bind_parameter_name(statement, i);
        if (name == NULL || strcmp(name, ":id") != 0) {
            return refuse(_("it has another parameter than :id"), error);
        }
        if (sqlite3_bind_text(statement, i, id, -1, SQLITE_STATIC) != SQLITE_OK) {
            return error_set_memory(error);
        }
    }
    return STATUS_OK;
}

enum status sqlite_change_prepare(sqlite3_stmt **statement, sqlite3 *db, const char *sql,
                                  const char *id, struct sqlite_change_watch *watch,
                                  struct error *error)
{
    const char *rest = NULL;
    sqlite3_set_authorizer(db, authorize, watch);
    if (sqlite3_prepare_v2(db, sql, -1, statement, &rest) != SQLITE_OK) {
        return refuse(sqlite3_errmsg(db), error);
    }
    if (*statement == NULL || rest[strspn(rest, " \t\r\n;")] != '\0') {
        return refuse(_("it is not one statement"), error);
    }
    return bind_id(*statement, id, error);
}

void sqlite_change_release(sqlite3 *db)
{
    sqlite3_set_authorizer(db, NULL, NULL);
}

static enum status check_all(const struct sqlite_database *database, const char *const *sql,
                             struct error *error)
{
    enum status status = STATUS_OK;
    for (size_t i = 0; status == STATUS_OK && sql[i] != NULL; i++) {
        sqlite3_stmt *statement = NULL;
        status = sqlite_change_prepare(&statement, database->db, sql[i], "", NULL, error);
        sqlite3_finalize(statement);
        if (status != STATUS_OK) {
            error_add_context(error, "%s", sql[i]);
        }
    }
    sqlite_change_release(database->db);
    return status;
}

/* Preparing a statement needs the schema and changes nothing; the connection is query_only. */
enum status sqlite_check_changes(const struct config_source *source, const char *const *sql,
                                 struct error *error)
{
    CLEANUP(sqlite_database_close) struct sqlite_database database = {0};
    enum status status = sqlite_database_look(&database, source->path, error);
    if (status == STATUS_OK) {
        status = sqlite_database_open(&database, BUSY_MS, error);
    }
    return status == STATUS_OK ? check_all(&database, sql, error) : status;
}
