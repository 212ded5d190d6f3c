/* postgres: what the parts of the PostgreSQL source share.
 *
 *     source_postgres.c      a night: counts and dump of one state
 *     postgres_connect.c     the connection string; connecting; how a session is set up
 *     postgres_cancel.c      asking the server to stop
 *     postgres_format.c      names and texts in SQL
 *     postgres_run.c         statements, row by row, without ever waiting deaf
 *     postgres_script.c      several statements at once, and rows for a COPY
 *     postgres_error.c       what the server says, and what to do about it
 *     postgres_tables.c      which tables there are; holding them; how many rows they have
 *     postgres_extensions.c  rows that pg_dump leaves to an extension
 *     postgres_persons.c     who is counted as a person
 *     postgres_dump.c        pg_dump and pg_dumpall
 *     postgres_archive.c     whether all of an archive is there
 *     postgres_query.c       questions of the carry gate
 *     postgres_parameters.c  ":name" in their SQL
 *     postgres_rule.c        SQL that changes the rows of a copy
 *     postgres_spellings.c   how an id stands in the database
 */
#ifndef SOURCE_POSTGRES_H
#define SOURCE_POSTGRES_H

#include "kura/command.h"
#include "kura/postgres.h"

#define POSTGRES_GLOBALS_NAME "globals.sql"
#define POSTGRES_SERVER_LEAST 130000
#define POSTGRES_FIRST_OID "16384" /* what is below came with the server */

/* ---- connecting */

/* Checks what the configuration says and makes it complete. */
MUST_USE enum status postgres_words(char **words, const struct config_source *source,
                                    struct error *error);
/* The same, and connects. `lock_seconds`, `statement_seconds`: as postgres_connect has them. */
MUST_USE enum status postgres_open(struct postgres *postgres, const struct config_source *source,
                                   unsigned lock_seconds, unsigned statement_seconds,
                                   struct error *error);

/* Asks the server to end what it does for the connection, and waits two seconds at most until it
 * has read that. */
void postgres_cancel(PGconn *connection);

/* The next result of what was sent, NULL when there is no more. */
MUST_USE enum status postgres_next(PGresult **result, struct postgres *postgres,
                                   struct error *error);
/* A value of the current row as it is handed out; `bytes` is to be freed with PQfreemem. */
MUST_USE enum status postgres_value(struct query_value *value, unsigned char **bytes,
                                    const PGresult *row, int column, struct error *error);

/* ---- tables */

/* Begins the transaction in which everything is read, with a lock on each of the tables that are in
 * its state; *snapshot is the name under which others can read that state. */
MUST_USE enum status postgres_begin(struct postgres_tables *tables, char **snapshot,
                                    struct postgres *postgres, struct error *error);
MUST_USE enum status postgres_count(struct postgres *postgres, const struct postgres_tables *tables,
                                    struct error *error);
/* Tells the sink of tables that belong to extensions and have rows that are in no dump: a warning
 * if somebody put the table into the extension later. */
MUST_USE enum status postgres_tell_left_out(struct postgres *postgres, struct error *error);
/* The transaction is the one that was begun: nobody ended it, nor the connection. */
MUST_USE enum status postgres_still_there(struct postgres *postgres, struct error *error);

/* ---- the archive */

/* What is known of an archive that passes by; {0} before its first byte. */
struct postgres_archive {
    const char *fields; /* what comes next; NULL: the head */
    unsigned char part[16];
    size_t part_size;
    uint64_t skipped; /* bytes of a text or of data that still come */
    int minor;        /* its format is 1.MINOR */
    unsigned char int_size, offset_size;
    int64_t entries; /* that still come */
    uint64_t announced, blocks;
    bool large_objects; /* the block is of them */
    bool broken;        /* it is no such archive */
    bool unknown;       /* of a newer format: nobody knows what belongs to it */
};
void postgres_archive_feed(struct postgres_archive *archive, const unsigned char *data,
                           size_t size);
/* Everything that it announced has passed; of an unknown format: it begins as an archive does. */
bool postgres_archive_is_complete(const struct postgres_archive *archive);

/* ---- programs, questions */

/* pg_dump is there and not older than the server. */
MUST_USE enum status postgres_dump_check(struct postgres *postgres,
                                         const struct config_postgres *config, struct error *error);
MUST_USE enum status postgres_dump_start(struct command_process *process,
                                         const struct postgres *postgres,
                                         const struct config_postgres *config, const char *snapshot,
                                         struct error *error);
/* Waits until it writes, and so has its locks, or has ended. *stuck: it waits for somebody who
 * waits for us, and would until one of the time-outs. */
MUST_USE enum status postgres_dump_locks(bool *stuck, const struct command_process *process,
                                         struct postgres *postgres, struct error *error);
/* Delivers what it writes, up to its good end, but for sink->end. If that is not all of an archive:
 * STATUS_FAILED. */
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
/* postgres_rule.c: source_check_changes */
MUST_USE enum status postgres_check_changes(const struct config_source *source,
                                            const char *const *sql, struct error *error);
MUST_USE enum status postgres_spellings(const struct config_source *source, const char *domain,
                                        const char *id, source_spelling visit, void *context,
                                        struct error *error);

#endif
