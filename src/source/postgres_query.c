/* postgres_query: one reading statement over a live PostgreSQL database, in one transaction,
 * bounded in rows and time. The SQL comes from a signed policy and is held to reading all the same:
 *
 *   - a read-only transaction that has its snapshot cannot be made a writing one any more, not even
 *     by a function; the statement is prepared first, and run only if it has columns: no COMMIT, no
 *     COPY, no DO;
 *   - it is never committed: large objects, which PostgreSQL before 16 lets be written in it, are
 * gone with it;
 *   - functions that reach outside of the database (files of the server, programs, other servers)
 *     are not stopped by that. So a role that could use them may not ask at all.
 */
#include "postgres.h"
#include <stdlib.h>
#include <string.h>

/* Superusers, by SET ROLE too; files and programs of the server; languages that can do anything;
 * other servers by dblink; single functions that somebody granted. */
#define DANGEROUS                                                                                  \
    "SELECT EXISTS (SELECT FROM pg_roles WHERE (rolsuper OR rolname IN ('pg_read_server_files',"   \
    " 'pg_write_server_files', 'pg_execute_server_program')) AND pg_has_role(oid, 'MEMBER'))"      \
    " OR EXISTS (SELECT FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang"                    \
    " WHERE NOT l.lanpltrusted AND l.lanname NOT IN ('internal', 'c')"                             \
    " AND has_function_privilege(p.oid, 'EXECUTE'))"                                               \
    " OR EXISTS (SELECT FROM pg_proc p WHERE (p.proname IN ('lo_import', 'lo_export',"             \
    " 'pg_read_file', 'pg_read_binary_file', 'pg_file_write', 'pg_logdir_ls')"                     \
    " OR p.proname LIKE 'dblink%' OR p.proname LIKE 'pg\\_ls\\_%dir')"                             \
    " AND p.prolang IN (SELECT oid FROM pg_language WHERE lanname IN ('internal', 'c'))"           \
    " AND has_function_privilege(p.oid, 'EXECUTE'))"

struct run {
    struct postgres postgres;
    const struct query *query;
    const struct query_sink *sink;
    struct postgres_parameters parameters;
    uint64_t rows;
};

static void run_close(struct run *run)
{
    postgres_close(&run->postgres);
    postgres_parameters_free(&run->parameters);
}

static enum status fail_sql(const char *words, struct error *error)
{
    return error_set(error, STATUS_USAGE, 0, _("the SQL cannot be used: %s"), words);
}

/* A table that is not there is a fault of the SQL. */
static enum status blame_sql(enum status status, struct error *error)
{
    if (status != STATUS_NOT_FOUND) {
        return status;
    }
    error->status = STATUS_USAGE;
    return error_add_context(error, "%s", _("the SQL cannot be used"));
}

/* ------------------------------------------------------------------ the session */

static enum status check_role(struct run *run, struct error *error)
{
    CLEANUP(memory_free) char *dangerous = NULL;
    enum status status = postgres_text(&dangerous, &run->postgres, DANGEROUS, error);
    if (status != STATUS_OK || dangerous[0] == 'f') {
        return status;
    }
    error_set(error, STATUS_USAGE, 0,
              _("the role \"%s\" may do more than read this database, so data sets are not read "
                "with it"),
              PQuser(run->postgres.connection));
    return error_set_hint(error, "%s",
                          _("Make a role that can only read: CREATE ROLE kura LOGIN; GRANT "
                            "pg_read_all_data TO kura; and connect as this one."));
}

static enum status begin(struct run *run, struct error *error)
{
    struct postgres *postgres = &run->postgres;
    enum status status = postgres_run(postgres, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
                                      NULL, NULL, error);
    if (status == STATUS_OK) {
        status = postgres_run(postgres, "SET LOCAL row_security = off", NULL, NULL, error);
    }
    if (status == STATUS_OK) {
        status = check_role(run, error); /* the first SELECT: from here on it stays read-only */
    }
    return status == STATUS_OK ? postgres_run(postgres, "RESET search_path", NULL, NULL, error)
                               : status;
}

/* ------------------------------------------------------------------ parameters */

static const struct query_parameter *find_parameter(const struct query *query,
                                                    const struct postgres_parameter *wanted)
{
    for (size_t i = 0; i < query->parameter_count; i++) {
        const char *name = query->parameters[i].name;
        if (strlen(name) == wanted->size && memcmp(name, wanted->name, wanted->size) == 0) {
            return &query->parameters[i];
        }
    }
    return NULL;
}

/* None has a type of its own: beside a date it is a date, beside a number a number. */
static enum status fill_parameters(struct run *run, const char **values, struct error *error)
{
    for (size_t i = 0; i < run->parameters.count; i++) {
        const struct query_parameter *parameter =
            find_parameter(run->query, &run->parameters.items[i]);
        if (parameter == NULL) {
            return fail_sql(_("it has a parameter that is not described"), error);
        }
        values[i] = parameter->value;
    }
    return STATUS_OK;
}

/* ------------------------------------------------------------------ rows */

static enum status send_columns(struct run *run, const PGresult *columns, struct error *error)
{
    const char *names[QUERY_COLUMNS_LIMIT];
    int count = PQnfields(columns);
    if (count == 0) {
        return fail_sql(_("it is not a statement that reads"), error);
    }
    if (count > QUERY_COLUMNS_LIMIT) {
        return fail_sql(_("it has too many columns"), error);
    }
    for (int i = 0; i < count; i++) {
        names[i] = PQfname(columns, i);
    }
    return run->sink->columns(run->sink->context, names, (size_t)count, error);
}

static enum status fill_values(struct query_value *values, unsigned char **bytes,
                               const PGresult *row, struct error *error)
{
    enum status status = STATUS_OK;
    for (int i = 0; i < PQnfields(row) && status == STATUS_OK; i++) {
        status = postgres_value(&values[i], &bytes[i], row, i, error);
        if (status == STATUS_OK && values[i].size > QUERY_VALUE_LIMIT) {
            status = fail_sql(_("a value is longer than 16 MiB"), error);
        }
    }
    return status;
}

static enum status send_row(void *context, PGresult *row, struct error *error)
{
    struct run *run = context;
    if (PQntuples(row) == 0) {
        return STATUS_OK;
    }
    if (++run->rows > run->query->max_rows) {
        error_set(error, STATUS_REFUSED, 0, _("[rows] the answer has more than %llu rows"),
                  (unsigned long long)run->query->max_rows);
        return error_set_hint(error, "%s", _("Ask for fewer with other parameters."));
    }
    struct query_value values[QUERY_COLUMNS_LIMIT];
    unsigned char *bytes[QUERY_COLUMNS_LIMIT] = {0};
    enum status status = fill_values(values, bytes, row, error);
    if (status == STATUS_OK) {
        status = run->sink->row(run->sink->context, values, (size_t)PQnfields(row), error);
    }
    for (int i = 0; i < PQnfields(row); i++) {
        PQfreemem(bytes[i]);
    }
    return status;
}

/* ------------------------------------------------------------------ all */

static enum status ask(struct run *run, struct error *error)
{
    CLEANUP(postgres_clear) PGresult *columns = NULL;
    size_t count = run->parameters.count;
    CLEANUP(memory_free) const char **values = calloc(count + 1, sizeof *values);
    if (values == NULL) {
        return error_set_memory(error);
    }
    enum status status = fill_parameters(run, values, error);
    if (status == STATUS_OK) {
        status = postgres_prepare(&run->postgres, (const char *)run->parameters.text.data,
                                  (int)count, &columns, error);
    }
    if (status == STATUS_OK) {
        status = send_columns(run, columns, error);
    }
    if (status == STATUS_OK) {
        status = postgres_run_prepared(&run->postgres, (int)count, values, send_row, run, error);
    }
    return blame_sql(status, error);
}

enum status postgres_query_run(const struct config_source *source, const struct query *query,
                               const struct query_sink *sink, struct error *error)
{
    CLEANUP(run_close) struct run run = {.query = query, .sink = sink};
    double deadline = clock_monotonic() + query->timeout;
    run.postgres.deadline = deadline;
    enum status status = postgres_parameters_read(&run.parameters, query->sql, error);
    if (status == STATUS_OK) {
        status = postgres_open(&run.postgres, source, query->timeout, query->timeout, error);
    }
    if (status == STATUS_OK) {
        status = begin(&run, error);
    }
    if (status == STATUS_OK) {
        status = ask(&run, error);
    }
    if (status != STATUS_OK && status != STATUS_REFUSED && clock_monotonic() > deadline) {
        return error_set(error, STATUS_REFUSED, 0, _("[timeout] the answer takes longer than %u s"),
                         query->timeout);
    }
    return status;
}
