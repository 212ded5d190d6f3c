/* sqlite_query: one reading statement over a live SQLite database, in one transaction, bounded in
 * rows and time. The SQL comes from a signed policy and is held to reading all the same: the
 * connection is query_only, and an authorizer refuses whatever is not reading this database. */
#include "sqlite_query.h"
#include "sqlite_open.h"
#include <stdlib.h>
#include <string.h>

#define BUSY_MS 10000
#define STEPS_BETWEEN_LOOKS 1000

struct run {
    struct sqlite_database database;
    sqlite3_stmt *statement;
    const struct query *query;
    const struct query_sink *sink;
    double deadline; /* of clock_monotonic */
};

static void run_close(struct run *run)
{
    sqlite3_finalize(run->statement);
    sqlite_database_close(&run->database);
}

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

static int look_at_clock(void *context)
{
    const struct run *run = context;
    return clock_monotonic() > run->deadline;
}

static enum status fail_sql(struct run *run, const char *words, struct error *error)
{
    return error_set(error, STATUS_USAGE, 0, _("the SQL cannot be used: %s"),
                     words == NULL ? sqlite3_errmsg(run->database.db) : words);
}

static enum status prepare(struct run *run, struct error *error)
{
    const char *rest = NULL;
    sqlite3 *db = run->database.db;
    sqlite3_set_authorizer(db, authorize, NULL);
    sqlite3_limit(db, SQLITE_LIMIT_LENGTH, (int)QUERY_VALUE_LIMIT);
    sqlite3_limit(db, SQLITE_LIMIT_COLUMN, QUERY_COLUMNS_LIMIT);
    sqlite3_limit(db, SQLITE_LIMIT_ATTACHED, 0);
    if (sqlite3_prepare_v2(db, run->query->sql, -1, &run->statement, &rest) != SQLITE_OK) {
        return fail_sql(run, NULL, error);
    }
    if (run->statement == NULL || !sqlite3_stmt_readonly(run->statement) ||
        sqlite3_column_count(run->statement) == 0) {
        return fail_sql(run, _("it is not a statement that reads"), error);
    }
    return rest[strspn(rest, " \t\r\n;")] == '\0'
               ? STATUS_OK
               : fail_sql(run, _("it has more than one statement"), error);
}

static const struct query_parameter *find_parameter(const struct query *query, const char *name)
{
    for (size_t i = 0; i < query->parameter_count && name != NULL; i++) {
        if (name[0] != '\0' && strcmp(query->parameters[i].name, name + 1) == 0) {
            return &query->parameters[i];
        }
    }
    return NULL;
}

static enum status bind(struct run *run, struct error *error)
{
    for (int i = 1; i <= sqlite3_bind_parameter_count(run->statement); i++) {
        const struct query_parameter *parameter =
            find_parameter(run->query, sqlite3_bind_parameter_name(run->statement, i));
        if (parameter == NULL) {
            return fail_sql(run, _("it has a parameter that is not described"), error);
        }
        int code = parameter->integer
                       ? sqlite3_bind_int64(run->statement, i, strtoll(parameter->value, NULL, 10))
                       : sqlite3_bind_text(run->statement, i, parameter->value, -1, SQLITE_STATIC);
        if (code != SQLITE_OK) {
            return fail_sql(run, NULL, error);
        }
    }
    return STATUS_OK;
}

static enum status send_columns(struct run *run, struct error *error)
{
    const char *names[QUERY_COLUMNS_LIMIT];
    int count = sqlite3_column_count(run->statement);
    for (int i = 0; i < count; i++) {
        names[i] = sqlite3_column_name(run->statement, i);
        if (names[i] == NULL) {
            return error_set_memory(error);
        }
    }
    return run->sink->columns(run->sink->context, names, (size_t)count, error);
}

static enum status send_row(struct run *run, struct error *error)
{
    static const enum query_type types[] = {[SQLITE_INTEGER] = QUERY_NUMBER,
                                            [SQLITE_FLOAT] = QUERY_NUMBER,
                                            [SQLITE_TEXT] = QUERY_TEXT,
                                            [SQLITE_BLOB] = QUERY_BINARY,
                                            [SQLITE_NULL] = QUERY_NULL};
    struct query_value values[QUERY_COLUMNS_LIMIT];
    int count = sqlite3_column_count(run->statement);
    for (int i = 0; i < count; i++) {
        values[i].type = types[sqlite3_column_type(run->statement, i)];
        values[i].data = values[i].type == QUERY_BINARY
                             ? sqlite3_column_blob(run->statement, i)
                             : (const char *)sqlite3_column_text(run->statement, i);
        values[i].size = (size_t)sqlite3_column_bytes(run->statement, i);
        if (values[i].type != QUERY_NULL && values[i].data == NULL && values[i].size > 0) {
            return error_set_memory(error);
        }
    }
    return run->sink->row(run->sink->context, values, (size_t)count, error);
}

static enum status fetch(struct run *run, struct error *error)
{
    uint64_t rows = 0;
    int code = sqlite3_step(run->statement);
    for (; code == SQLITE_ROW; code = sqlite3_step(run->statement)) {
        if (++rows > run->query->max_rows) {
            error_set(error, STATUS_REFUSED, 0, _("[rows] the answer has more than %llu rows"),
                      (unsigned long long)run->query->max_rows);
            return error_set_hint(error, "%s", _("Ask for fewer with other parameters."));
        }
        enum status status = send_row(run, error);
        if (status != STATUS_OK) {
            return status;
        }
    }
    if ((code & 0xff) == SQLITE_INTERRUPT) {
        return error_set(error, STATUS_REFUSED, 0, _("[timeout] the answer takes longer than %u s"),
                         run->query->timeout);
    }
    return code == SQLITE_DONE ? STATUS_OK
                               : sqlite_error(error, run->database.db, code, run->database.path);
}

enum status sqlite_query_run(const struct config_source *source, const struct query *query,
                             const struct query_sink *sink, struct error *error)
{
    CLEANUP(run_close) struct run run = {.query = query, .sink = sink};
    enum status status = sqlite_database_look(&run.database, source->path, error);
    if (status == STATUS_OK) {
        status = sqlite_database_open(&run.database, BUSY_MS, error);
    }
    if (status == STATUS_OK) {
        status = prepare(&run, error);
    }
    if (status == STATUS_OK) {
        status = bind(&run, error);
    }
    if (status != STATUS_OK) {
        return status;
    }
    run.deadline = clock_monotonic() + query->timeout;
    sqlite3_progress_handler(run.database.db, STEPS_BETWEEN_LOOKS, look_at_clock, &run);
    status = send_columns(&run, error);
    return status == STATUS_OK ? fetch(&run, error) : status;
}
