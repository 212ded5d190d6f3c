/* sqlite_query: one reading statement over a live SQLite database, in one transaction, bounded in
 * rows and time. */
#include "sqlite_query.h"
#include "sqlite_open.h"
#include "sqlite_reading.h"
#include <stdlib.h>
#include <string.h>

#define BUSY_MS 10000

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
            return sqlite_reading_fail(run->database.db,
                                       _("it has a parameter that is not described"), error);
        }
        int code = parameter->integer
                       ? sqlite3_bind_int64(run->statement, i, strtoll(parameter->value, NULL, 10))
                       : sqlite3_bind_text(run->statement, i, parameter->value, -1, SQLITE_STATIC);
        if (code != SQLITE_OK) {
            return sqlite_reading_fail(run->database.db, NULL, error);
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
    struct query_value values[QUERY_COLUMNS_LIMIT];
    int count = sqlite3_column_count(run->statement);
    for (int i = 0; i < count; i++) {
        enum status status = sqlite_reading_value(&values[i], run->statement, i, error);
        if (status != STATUS_OK) {
            return status;
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
        status = sqlite_reading_prepare(&run.statement, run.database.db, query->sql, error);
    }
    if (status == STATUS_OK) {
        status = bind(&run, error);
    }
    if (status != STATUS_OK) {
        return status;
    }
    run.deadline = clock_monotonic() + query->timeout;
    sqlite_reading_limit(run.database.db, &run.deadline);
    status = send_columns(&run, error);
    return status == STATUS_OK ? fetch(&run, error) : status;
}
