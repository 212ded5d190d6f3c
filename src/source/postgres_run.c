/* postgres_run: statements by the extended protocol, so that one text is one statement; their rows
 * one by one, so that memory is that of a row. */
#include "postgres.h"
#include <errno.h>
#include <poll.h>
#include <string.h>

enum { WAIT_MS = 500, BYTEA = 17 };

void postgres_clear(PGresult **result)
{
    PQclear(*result);
}

/* `since`: when it was waited for first. */
static enum status may_go_on(const struct postgres *postgres, double since, struct error *error)
{
    const struct source_sink *sink = postgres->sink;
    const double now = clock_monotonic();
    if (sink != NULL && sink->waiting != NULL && sink->waiting(sink->context, error) != STATUS_OK) {
        return error->status;
    }
    if (postgres->cancelled != NULL && *postgres->cancelled != 0) {
        return error_set(error, STATUS_CANCELLED, 0, "%s", _("stopped on request"));
    }
    if ((postgres->deadline != 0 && now > postgres->deadline) ||
        (postgres->silence != 0 && now - since > postgres->silence)) {
        return error_set(error, STATUS_FAILED, 0, "%s", _("the database did not answer in time"));
    }
    return STATUS_OK;
}

enum status postgres_wait(struct postgres *postgres, short events, struct error *error)
{
    struct pollfd waiting = {.fd = PQsocket(postgres->connection), .events = events};
    const double since = clock_monotonic();
    for (;;) {
        enum status status = may_go_on(postgres, since, error);
        if (status != STATUS_OK) {
            return status;
        }
        if (waiting.fd < 0) {
            return postgres_error(error, postgres->connection, NULL);
        }
        int ready = poll(&waiting, 1, WAIT_MS);
        if (ready > 0) {
            return STATUS_OK;
        }
        if (ready < 0 && errno != EINTR) {
            return error_set_errno(error, errno, _("waiting for PostgreSQL failed"));
        }
    }
}

enum status postgres_next(PGresult **result, struct postgres *postgres, struct error *error)
{
    PGconn *connection = postgres->connection;
    int unsent = PQflush(connection);
    while (unsent > 0 || PQisBusy(connection)) {
        enum status status =
            postgres_wait(postgres, (short)(unsent > 0 ? POLLIN | POLLOUT : POLLIN), error);
        if (status != STATUS_OK) {
            return status;
        }
        if (PQconsumeInput(connection) == 0) {
            return postgres_error(error, connection, NULL);
        }
        unsent = PQflush(connection);
    }
    *result = unsent < 0 ? NULL : PQgetResult(connection);
    return unsent < 0 ? postgres_error(error, connection, NULL) : STATUS_OK;
}

/* Takes all results of what was sent. After a failure of the server's the session can be used on;
 * after one of `visit` it can only be closed. */
static enum status take(struct postgres *postgres, postgres_visit visit, void *context,
                        struct error *error)
{
    enum status outcome = STATUS_OK;
    for (;;) {
        CLEANUP(postgres_clear) PGresult *result = NULL;
        enum status status = postgres_next(&result, postgres, error);
        if (status != STATUS_OK || result == NULL) {
            return status == STATUS_OK ? outcome : status;
        }
        switch (PQresultStatus(result)) {
        case PGRES_SINGLE_TUPLE:
        case PGRES_TUPLES_OK:
            status = visit == NULL ? STATUS_OK : visit(context, result, error);
            if (status != STATUS_OK) {
                return status;
            }
            break;
        case PGRES_COMMAND_OK:
            break;
        case PGRES_COPY_OUT: /* would go on for ever */
        case PGRES_COPY_IN:
        case PGRES_COPY_BOTH:
            return error_set(error, STATUS_USAGE, 0, _("the SQL cannot be used: %s"),
                             _("it is not a statement that reads"));
        default:
            outcome = postgres_error(error, postgres->connection, result);
        }
    }
}

enum status postgres_run(struct postgres *postgres, const char *sql, postgres_visit visit,
                         void *context, struct error *error)
{
    PGconn *connection = postgres->connection;
    if (PQsendQueryParams(connection, sql, 0, NULL, NULL, NULL, NULL, 0) == 0) {
        return postgres_error(error, connection, NULL);
    }
    (void)PQsetSingleRowMode(connection);
    return take(postgres, visit, context, error);
}

enum status postgres_run_prepared(struct postgres *postgres, int count, const char *const *values,
                                  postgres_visit visit, void *context, struct error *error)
{
    PGconn *connection = postgres->connection;
    if (PQsendQueryPrepared(connection, "", count, values, NULL, NULL, 0) == 0) {
        return postgres_error(error, connection, NULL);
    }
    (void)PQsetSingleRowMode(connection);
    return take(postgres, visit, context, error);
}

/* Until the description is there: `columns` is the last result. */
static enum status take_description(PGresult **columns, struct postgres *postgres,
                                    struct error *error)
{
    enum status outcome = STATUS_OK;
    for (;;) {
        PGresult *result = NULL;
        enum status status = postgres_next(&result, postgres, error);
        if (status != STATUS_OK || result == NULL) {
            return status == STATUS_OK ? outcome : status;
        }
        if (PQresultStatus(result) != PGRES_COMMAND_OK && outcome == STATUS_OK) {
            outcome = postgres_error(error, postgres->connection, result);
        }
        PQclear(*columns);
        *columns = result;
    }
}

enum status postgres_prepare(struct postgres *postgres, const char *sql, int count,
                             PGresult **columns, struct error *error)
{
    PGconn *connection = postgres->connection;
    if (PQsendPrepare(connection, "", sql, count, NULL) == 0) {
        return postgres_error(error, connection, NULL);
    }
    enum status status = take_description(columns, postgres, error);
    if (status != STATUS_OK) {
        return status;
    }
    if (PQsendDescribePrepared(connection, "") == 0) {
        return postgres_error(error, connection, NULL);
    }
    return take_description(columns, postgres, error);
}

static enum status copy_text(void *context, PGresult *rows, struct error *error)
{
    char **text = context;
    if (PQntuples(rows) == 0 || *text != NULL) {
        return STATUS_OK;
    }
    *text = strdup(PQgetvalue(rows, 0, 0));
    return *text == NULL ? error_set_memory(error) : STATUS_OK;
}

enum status postgres_text(char **text, struct postgres *postgres, const char *sql,
                          struct error *error)
{
    *text = NULL;
    enum status status = postgres_run(postgres, sql, copy_text, text, error);
    if (status == STATUS_OK && *text == NULL) {
        status = error_set(error, STATUS_FAILED, 0, "PostgreSQL: %s",
                           _("an answer that was not expected"));
    }
    return status;
}

static enum query_type type_of(Oid oid)
{
    static const Oid numbers[] = {20,  21,  23,  26,
                                  700, 701, 1700}; /* int8 int2 int4 oid … numeric */
    for (size_t i = 0; i < LENGTH(numbers); i++) {
        if (oid == numbers[i]) {
            return QUERY_NUMBER;
        }
    }
    return oid == BYTEA ? QUERY_BINARY : QUERY_TEXT;
}

enum status postgres_value(struct query_value *value, unsigned char **bytes, const PGresult *row,
                           int column, struct error *error)
{
    *bytes = NULL;
    *value = (struct query_value){.type = QUERY_NULL};
    if (PQgetisnull(row, 0, column)) {
        return STATUS_OK;
    }
    value->type = type_of(PQftype(row, column));
    value->data = PQgetvalue(row, 0, column);
    value->size = (size_t)PQgetlength(row, 0, column);
    if (value->type == QUERY_BINARY) {
        *bytes = PQunescapeBytea((const unsigned char *)value->data, &value->size);
        value->data = (const char *)*bytes;
        if (*bytes == NULL) {
            return error_set_memory(error);
        }
    }
    return STATUS_OK;
}
