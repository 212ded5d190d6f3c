/* postgres: a session with a PostgreSQL server, as the source and the restore use it. It belongs to
 * the room of sources; only they and the restore see libpq. */
#ifndef KURA_POSTGRES_H
#define KURA_POSTGRES_H

#include "kura/source.h"
#include <libpq-fe.h>
#include <signal.h>

#define POSTGRES_DUMP_NAME "database.pgdump" /* the entry of a source: what pg_dump -Fc wrote */
#define POSTGRES_NAME_LIMIT 63               /* bytes of a name: NAMEDATALEN without the NUL */

/* A session; {0} before it is opened. */
struct postgres {
    char *words;                            /* the connection string, for libpq and its programs */
    const struct source_sink *sink;         /* asked whether to go on; NULL: nobody */
    const volatile sig_atomic_t *cancelled; /* != 0: stop; may be NULL */
    double deadline;                        /* of clock_monotonic; 0: none */
    double silence; /* seconds in which the server may say nothing; 0: without end */
    PGconn *connection;
};

/* ---- connecting */

/* Makes a connection string of libpq, its URI or a database's name alone complete, so that a dead
 * line is noticed by everyone who uses it; with `database` not NULL it leads to that one. What
 * libpq does not understand, or a password in it (it would be seen among the arguments of pg_dump
 * and pg_restore): STATUS_USAGE. *words belongs to the caller. */
MUST_USE enum status postgres_complete(char **words, const char *connection, const char *database,
                                       struct error *error);
/* The name of the database that complete words lead to, with what a service file and the
 * environment say. *name belongs to the caller. */
MUST_USE enum status postgres_database_name(char **name, const char *words, struct error *error);
/* Opens the session of postgres->words, in which times are ISO, text is UTF-8 and names are those
 * of the system alone. `lock_seconds`, `statement_seconds`: how long the server may wait or work,
 * 0: for ever. A pooler in between is STATUS_UNSUPPORTED. */
MUST_USE enum status postgres_connect(struct postgres *postgres, unsigned lock_seconds,
                                      unsigned statement_seconds, struct error *error);
/* Cancels what is still running, within a few seconds whatever the server does. For CLEANUP. */
void postgres_close(struct postgres *postgres);
/* The line is gone: only the server knows what became of the last statement. */
bool postgres_is_lost(const struct postgres *postgres);

/* ---- statements */

/* Waits until the socket can be read (POLLIN) or written, and asks the sink meanwhile. A deadline
 * that passed, or too long a silence, is STATUS_FAILED. */
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
/* One statement and all of its rows, for short answers. *rows is to be freed with PQclear. */
MUST_USE enum status postgres_ask(PGresult **rows, struct postgres *postgres, const char *sql,
                                  struct error *error);
/* One statement with the values of $1 …; *rows is how many it changed. */
MUST_USE enum status postgres_change(uint64_t *rows, struct postgres *postgres, const char *sql,
                                     int count, const char *const *values, struct error *error);
/* Any number of statements; what they answer does not matter. A COPY FROM STDIN must be the last:
 * then its rows are to follow. */
MUST_USE enum status postgres_script(struct postgres *postgres, const char *sql,
                                     struct error *error);
MUST_USE enum status postgres_copy(struct postgres *postgres, const char *rows, size_t size,
                                   struct error *error);
MUST_USE enum status postgres_copy_end(struct postgres *postgres, struct error *error);
/* SQL in which %I stands for a name and %L for a text, both quoted as the server wants them; the
 * values in their order, NULL-terminated. *sql belongs to the caller. */
MUST_USE enum status postgres_format(char **sql, const struct postgres *postgres,
                                     const char *pattern, const char *const *values,
                                     struct error *error);
void postgres_clear(PGresult **result); /* PQclear, for CLEANUP */

/* ---- errors */

/* Fills the error from what the server said; result NULL: from the connection. */
enum status postgres_error(struct error *error, PGconn *connection, const PGresult *result);

/* ---- tables */

struct postgres_table {
    char *oid;
    char *name;      /* qualified, quoted where it must be */
    bool counted;    /* has rows of its own: is not a partitioned table's name only */
    char *condition; /* "" or "WHERE ...": which rows of an extension's table are dumped; NULL: it
                        is of none */
};
struct postgres_tables {
    struct postgres_table *items;
    size_t count;
};
void postgres_tables_free(struct postgres_tables *tables);

/* The tables that a dump has with their rows, as they are now. */
MUST_USE enum status postgres_tables_read(struct postgres_tables *tables, struct postgres *postgres,
                                          struct error *error);
MUST_USE enum status postgres_count_rows(uint64_t *rows, struct postgres *postgres,
                                         const char *table, struct error *error);
/* Those that a dump has. */
MUST_USE enum status postgres_count_table(uint64_t *rows, struct postgres *postgres,
                                          const struct postgres_table *table, struct error *error);

/* ---- persons */

/* Asks who is a person, by source->persons, in the transaction or session as it is; the rows go to
 * postgres->sink->person. Leaves the names of the role (RESET search_path). */
MUST_USE enum status postgres_persons(struct postgres *postgres, const struct config_source *source,
                                      struct error *error);

/* ---- parameters */

#define POSTGRES_PARAMETERS_LIMIT 1000

struct postgres_parameter {
    const char *name; /* in the SQL that was read, behind the ':'; not terminated */
    size_t size;
    size_t at; /* where its " $n" stands in the new text */
};
struct postgres_parameters {
    struct buffer text;               /* the new SQL, terminated */
    struct postgres_parameter *items; /* items[n - 1] is $n: each place has a number of its own, so
                                       * that the server finds a type for each */
    size_t count;
};

/* What is in quotes, dollar quotes, comments or behind a second ':' is left alone. A "$1" that is
 * there already, or more than POSTGRES_PARAMETERS_LIMIT places: STATUS_USAGE. */
MUST_USE enum status postgres_parameters_read(struct postgres_parameters *parameters,
                                              const char *sql, struct error *error);
void postgres_parameters_free(struct postgres_parameters *parameters);

/* ---- rules */

/* The same, of a statement that changes rows and has no parameter but :id. The server runs it as
 * whoever restores: a COPY, which could start a program there, a DO, SET or CREATE is STATUS_USAGE.
 */
MUST_USE enum status postgres_rule_read(struct postgres_parameters *parameters, const char *sql,
                                        struct error *error);
/* Prepares it in the transaction that the session is in, and looks at the tables that it is about:
 * a foreign table, or one that has such a partition, is STATUS_UNSUPPORTED. Its rows are in another
 * database, which lives. */
MUST_USE enum status postgres_rule_prepare(struct postgres *postgres,
                                           const struct postgres_parameters *parameters,
                                           struct error *error);

#endif
