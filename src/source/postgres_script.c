/* postgres_script: several statements in one text, as pg_restore writes them, and rows for a COPY.
 */
#include "postgres.h"
#include <poll.h>
#include <stdlib.h>

#define COPY_PIECE ((size_t)1024 * 1024)

static enum status take(PGresult **kept, struct postgres *postgres, struct error *error)
{
    enum status outcome = STATUS_OK;
    for (;;) {
        CLEANUP(postgres_clear) PGresult *result = NULL;
        enum status status = postgres_next(&result, postgres, error);
        if (status != STATUS_OK || result == NULL) {
            return status == STATUS_OK ? outcome : status;
        }
        switch (PQresultStatus(result)) {
        case PGRES_COPY_IN:
            return outcome;
        case PGRES_TUPLES_OK:
        case PGRES_COMMAND_OK:
        case PGRES_EMPTY_QUERY:
            break;
        default:
            outcome = postgres_error(error, postgres->connection, result);
        }
        if (kept != NULL) {
            PQclear(*kept);
            *kept = result;
            result = NULL;
        }
    }
}

static enum status send(struct postgres *postgres, int sent, struct error *error)
{
    return sent == 0 || PQsetnonblocking(postgres->connection, 1) != 0
               ? postgres_error(error, postgres->connection, NULL)
               : STATUS_OK;
}

enum status postgres_ask(PGresult **rows, struct postgres *postgres, const char *sql,
                         struct error *error)
{
    *rows = NULL;
    int sent = PQsendQueryParams(postgres->connection, sql, 0, NULL, NULL, NULL, NULL, 0);
    enum status status = send(postgres, sent, error);
    return status == STATUS_OK ? take(rows, postgres, error) : status;
}

enum status postgres_change(uint64_t *rows, struct postgres *postgres, const char *sql, int count,
                            const char *const *values, struct error *error)
{
    CLEANUP(postgres_clear) PGresult *result = NULL;
    int sent = PQsendQueryParams(postgres->connection, sql, count, NULL, values, NULL, NULL, 0);
    enum status status = send(postgres, sent, error);
    if (status == STATUS_OK) {
        status = take(&result, postgres, error);
    }
    if (status == STATUS_OK) {
        *rows = strtoull(PQcmdTuples(result), NULL, 10);
    }
    return status;
}

enum status postgres_script(struct postgres *postgres, const char *sql, struct error *error)
{
    enum status status = send(postgres, PQsendQuery(postgres->connection, sql), error);
    return status == STATUS_OK ? take(NULL, postgres, error) : status;
}

/* 0: the line takes no more just now. */
static enum status wait_for_room(struct postgres *postgres, struct error *error)
{
    enum status status = postgres_wait(postgres, POLLIN | POLLOUT, error);
    if (status == STATUS_OK && PQconsumeInput(postgres->connection) == 0) {
        status = postgres_error(error, postgres->connection, NULL);
    }
    return status == STATUS_OK && PQflush(postgres->connection) < 0
               ? postgres_error(error, postgres->connection, NULL)
               : status;
}

enum status postgres_copy(struct postgres *postgres, const char *rows, size_t size,
                          struct error *error)
{
    while (size > 0) {
        size_t part = size < COPY_PIECE ? size : COPY_PIECE;
        int sent = PQputCopyData(postgres->connection, rows, (int)part);
        enum status status = STATUS_OK;
        if (sent < 0) {
            return postgres_error(error, postgres->connection, NULL);
        }
        /* libpq would keep what the server does not take yet: memory is that of a piece. */
        while (status == STATUS_OK && (sent == 0 || PQflush(postgres->connection) > 0)) {
            status = wait_for_room(postgres, error);
            if (sent == 0) {
                break;
            }
        }
        if (status != STATUS_OK) {
            return status;
        }
        rows += sent == 0 ? 0 : part;
        size -= sent == 0 ? 0 : part;
    }
    return STATUS_OK;
}

enum status postgres_copy_end(struct postgres *postgres, struct error *error)
{
    int sent = 0;
    enum status status = STATUS_OK;
    while (status == STATUS_OK && (sent = PQputCopyEnd(postgres->connection, NULL)) == 0) {
        status = wait_for_room(postgres, error);
    }
    if (status == STATUS_OK && sent < 0) {
        status = postgres_error(error, postgres->connection, NULL);
    }
    return status == STATUS_OK ? take(NULL, postgres, error) : status;
}
