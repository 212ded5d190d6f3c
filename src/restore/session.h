/* session: one connection to a PostgreSQL server. Every wait looks twice a second whether the user
 * wants to stop, and every failure says what it means here and what to do about it. */
#ifndef RESTORE_SESSION_H
#define RESTORE_SESSION_H

#include "kura/base.h"
#include <libpq-fe.h>
#include <signal.h>

#define DATABASE_NAME_LIMIT 63 /* bytes: PostgreSQL's NAMEDATALEN without the NUL */

struct session {
    PGconn *connection; /* NULL: none */
    const volatile sig_atomic_t *cancelled;
};

/* A connection string, or a database's name alone, may not hold a password: it would stand in the
 * list of processes, and pg_restore gets it as well. */
MUST_USE enum status session_check_connection(const char *connection, struct error *error);
/* The same connection to another database, as a connection string for a program. */
MUST_USE enum status session_connection_to(char **text, const char *connection,
                                           const char *database, struct error *error);
/* The database that the connection leads to, with what a service file and the environment say. */
MUST_USE enum status session_database_name(char **name, const char *connection,
                                           struct error *error);

/* Connects; to `database`, or with NULL where the connection leads. */
MUST_USE enum status session_open(struct session *session, const char *connection,
                                  const char *database, struct error *error);
void session_close(struct session *session); /* for CLEANUP; an open transaction is rolled back */

void result_clear(PGresult **result); /* for CLEANUP */

/* Runs one statement with parameters $1 … as texts, NULL-terminated. *result: its rows; result NULL:
 * nobody wants them. */
MUST_USE enum status session_ask(PGresult **result, struct session *session, const char *sql,
                                 const char *const *values, struct error *error);
/* One or more statements without parameters and rows. */
MUST_USE enum status session_run(struct session *session, const char *sql, struct error *error);
/* The same with %I for a name (quoted as SQL wants it) and %L for a text; NULL-terminated values in
 * the order of the marks. */
MUST_USE enum status session_run_with(struct session *session, const char *sql,
                                      const char *const *values, struct error *error);
/* The first column of the first row as a number. */
MUST_USE enum status session_number(uint64_t *number, struct session *session, const char *sql,
                                    const char *const *values, struct error *error);

/* Sends rows to a COPY FROM STDIN that the session is in, and ends it. */
MUST_USE enum status session_copy(struct session *session, const char *data, size_t size,
                                  struct error *error);
MUST_USE enum status session_copy_end(struct session *session, struct error *error);

#endif
