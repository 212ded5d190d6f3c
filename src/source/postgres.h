/* postgres: what the parts of the PostgreSQL source share.
 *
 *     source_postgres.c      a night: counts and dump of one state
 *     postgres_connect.c     the connection string; connecting; how a session is set up
 *     postgres_run.c         statements, row by row, without ever waiting deaf
 *     postgres_error.c       what the server says, and what to do about it
 *     postgres_tables.c      which tables there are; holding them; how many rows they have
 *     postgres_persons.c     who is counted as a person
 *     postgres_dump.c        pg_dump and pg_dumpall
 *     postgres_query.c       questions of the carry gate
 *     postgres_parameters.c  ":name" in their SQL
 */
#ifndef SOURCE_POSTGRES_H
#define SOURCE_POSTGRES_H

#include "command_process.h"
#include "kura/source.h"
#include <libpq-fe.h>

#define POSTGRES_DUMP_NAME "database.pgdump"
#define POSTGRES_GLOBALS_NAME "globals.sql"
#define POSTGRES_SERVER_LEAST 130000

/* A session; {0} before it is opened. */
struct postgres {
    char *words;                    /* the connection string, for libpq and for pg_dump */
    const struct source_sink *sink; /* asked whether to go on; NULL: nobody */
    double deadline;                /* of clock_monotonic; 0: none */
    PGconn *connection;
};

/* ---- connecting */

/* Checks what the configuration says and makes it complete: a dead line is noticed by everyone who
 * uses it. What libpq does not understand, or a password in it (it would be seen among the
 * arguments of pg_dump): STATUS_USAGE. *words belongs to the caller. */
MUST_USE enum status postgres_words(char **words, const struct config_source *source,
                                    struct error *error);
/* Opens a session in which times are ISO, text is UTF-8 and names are those of the system alone.
 * `lock_seconds`, `statement_seconds`: how long the server may wait or work, 0: for ever. */
MUST_USE enum status postgres_open(struct postgres *postgres, const struct config_source *source,
                                   unsigned lock_seconds, unsigned statement_seconds,
                                   struct error *error);
/* Cancels what is still running. For CLEANUP. */
void postgres_close(struct postgres *postgres);

/* ---- statements */

/* Waits until the socket can be read (POLLIN) or written, and asks the sink meanwhile. A deadline
 * that passed is STATUS_FAILED. */
MUST_USE enum status postgres_wait(struct postgres *postgres, short events, struct error *error);

/* One row, or for the last time none: then `rows` tells the columns only. */
typedef enum status (*postgres_visit)(void *context, PGresult *rows, struct error *error);

/* Runs one statement; `visit` NULL: its rows do not matter. */
MUST_USE enum status postgres_run(struct postgres *postgres, const char *sql, postgres_visit visit,
                                  void *context, struct error *error);
/* The statement that was prepared without a name, with its parameters' values. */
MUST_USE enum status postgres_run_prepared(struct postgres *postgres, int count,
                                           const char *const *values, postgres_visit visit,
                                           void *context, struct error *error);
/* Prepares it; *columns is the description of its answer, to be freed with PQclear. */
MUST_USE enum status postgres_prepare(struct postgres *postgres, const char *sql, int count,
                                      PGresult **columns, struct error *error);
/* The first column of the only row, as text. *text belongs to the caller. */
MUST_USE enum status postgres_text(char **text, struct postgres *postgres, const char *sql,
                                   struct error *error);
void postgres_clear(PGresult **result); /* PQclear, for CLEANUP */

/* A value of the current row as it is handed out; `bytes` is to be freed with PQfreemem. */
MUST_USE enum status postgres_value(struct query_value *value, unsigned char **bytes,
                                    const PGresult *row, int column, struct error *error);

/* ---- errors */

/* Fills the error from what the server said; result NULL: from the connection. */
enum status postgres_error(struct error *error, PGconn *connection, const PGresult *result);
/* The SQLSTATE begins with `class`. */
bool postgres_error_is(const PGresult *result, const char *class);

/* ---- tables */

struct postgres_table {
    char *oid;
    char *name;   /* qualified, quoted where it must be */
    bool counted; /* has rows of its own: is not a partitioned table's name only */
};
struct postgres_tables {
    struct postgres_table *items;
    size_t count;
};
void postgres_tables_free(struct postgres_tables *tables);

/* Begins the transaction in which everything is read, with a lock on each of the tables that are in
 * its state; *snapshot is the name under which others can read that state. */
MUST_USE enum status postgres_begin(struct postgres_tables *tables, char **snapshot,
                                    struct postgres *postgres, struct error *error);
MUST_USE enum status postgres_count(struct postgres *postgres, const struct postgres_tables *tables,
                                    struct error *error);
/* The transaction is the one that was begun: nobody ended it, nor the connection. */
MUST_USE enum status postgres_still_there(struct postgres *postgres, struct error *error);

/* ---- persons, programs, questions */

MUST_USE enum status postgres_persons(struct postgres *postgres, const struct config_source *source,
                                      struct error *error);

/* pg_dump is there and not older than the server. */
MUST_USE enum status postgres_dump_check(struct postgres *postgres,
                                         const struct config_postgres *config, struct error *error);
MUST_USE enum status postgres_dump_start(struct command_process *process,
                                         const struct postgres *postgres,
                                         const struct config_postgres *config, const char *snapshot,
                                         struct error *error);
/* Delivers what it writes, up to its good end, but for sink->end. */
MUST_USE enum status postgres_dump_send(struct source_outcome *outcome,
                                        struct command_process *process,
                                        const struct postgres *postgres,
                                        const struct config_postgres *config, struct error *error);
/* Roles and tablespaces, as a file of their own. */
MUST_USE enum status postgres_globals_send(struct postgres *postgres,
                                           const struct config_postgres *config,
                                           struct error *error);

MUST_USE enum status postgres_query_run(const struct config_source *source,
                                        const struct query *query, const struct query_sink *sink,
                                        struct error *error);

#endif
