/* hidden: a restore into a database, and the hidden database that everything is loaded into until
 * it is proved. Its name says whose it is:
 *
 *     <the target's name, cut to fit> ".kura-" <4 random bytes, hex> <4 bytes of check, hex>
 *
 * check = BLAKE2b-256(target's whole name, NUL, random bytes), the first 4 bytes. Nobody gives a
 * database such a name by accident, so one that an interrupted restore left can be told from all
 * others; and as long as a restore into a target runs, it holds an advisory lock on the server that
 * no second one gets. */
#ifndef RESTORE_HIDDEN_H
#define RESTORE_HIDDEN_H

#include "kura/restore.h"
#include "kura/postgres.h"

#define DATABASE_NAME_SIZE (POSTGRES_NAME_LIMIT + 1)

/* What is there under the target's name. */
struct occupant {
    bool exists;
    bool empty; /* no tables, views, sequences, functions, types or large objects but those of
                   extensions */
    char *oid;
    char *owner;
    char *tablespace; /* or NULL: that of a new database */
    char *connection_limit;
    char *comment; /* or NULL */
};

/* The lines of the archive's list, as --use-list takes them. */
struct database_parts {
    struct buffer loaded;
    struct buffer later; /* event triggers */
    size_t never;        /* subscriptions, and what is about them */
};

struct hidden_database {
    const struct database_options *options;
    struct snapshot *snapshot;
    const struct catalogue_source *source;
    struct database_summary *summary;
    struct entry entry; /* the archive */
    struct content content;
    char *target;
    char name[DATABASE_NAME_SIZE];
    struct buffer script; /* what the archive says of its database as a whole */
    bool script_cut;      /* its encoding, locale and owner alone */
    struct occupant old;
    struct postgres server; /* in a database that is nobody's: "postgres" or "template1" */
    struct postgres inside; /* in the hidden database; with tables alone, in the target */
    bool made;              /* there is a hidden database */
    bool foreign;           /* it has foreign tables; known when the rules are run */
    struct database_parts parts;
    struct persons before; /* who was in it before the rules; empty if that was not counted */
};

/* ---- hidden_sql.c: sessions and short statements ---- */

/* Connects where the options lead; with `name` not NULL to that database. */
MUST_USE enum status hidden_connect(struct postgres *session,
                                    const struct hidden_database *database, const char *name,
                                    struct error *error);
/* A statement with %I for a name and %L for a text (postgres_format). */
MUST_USE enum status hidden_run(struct postgres *session, const char *pattern,
                                const char *const *values, struct error *error);
MUST_USE enum status hidden_ask(PGresult **rows, struct postgres *session, const char *pattern,
                                const char *const *values, struct error *error);
/* The first column of the only row, as a number; without a row 0. */
MUST_USE enum status hidden_number(uint64_t *number, struct postgres *session, const char *pattern,
                                   const char *const *values, struct error *error);

/* The bytes of a text in another encoding, as the server knows it; terminated, to be freed. What
 * cannot be written in it is STATUS_USAGE. */
MUST_USE enum status hidden_encode(char **encoded, struct postgres *session, const char *text,
                                   const char *encoding, struct error *error);

/* ---- hidden_server.c: before anything is written ---- */

/* Connects, holds the lock of this target, removes what interrupted restores left, and looks at
 * what is there. */
MUST_USE enum status hidden_open_server(struct hidden_database *database, struct error *error);
MUST_USE enum status hidden_reopen_server(struct hidden_database *database, struct error *error);
/* That the lock is still held, as far as the line tells. */
MUST_USE enum status hidden_check_lock(struct hidden_database *database, struct error *error);
/* The target must be absent, empty, or may be replaced; and nobody may be connected to it. */
MUST_USE enum status hidden_check_target(struct hidden_database *database, struct error *error);
/* That a target which was empty still is, if it may not be replaced. */
MUST_USE enum status hidden_check_empty(struct hidden_database *database, struct error *error);
/* What the database that the session is in has of a user's own. */
MUST_USE enum status hidden_count_objects(uint64_t *count, struct postgres *session,
                                          struct error *error);
void occupant_free(struct occupant *old);

/* ---- hidden_name.c ---- */
void hidden_name_make(char name[DATABASE_NAME_SIZE], const char *target);
bool hidden_name_is_of(const char *name, const char *target);
/* "<target>.before-20261127T235959Z", from number 2 on with "-2" behind */
void hidden_name_before(char name[DATABASE_NAME_SIZE], const char *target, unsigned number);
/* A number for the advisory lock of this target, as a text. */
void hidden_name_lock(char number[24], const char *target);

/* ---- hidden_words.c: what the archive says ---- */

/* Appends the encoding and the locale that the script of pg_restore --create names to the words of
 * a CREATE DATABASE. */
MUST_USE enum status hidden_take_options(struct buffer *options, const char *script,
                                         struct error *error);
/* Whether the name that the script gives the database has more than one line: pg_restore cannot
 * write how to connect to it, and ends before it says all that it knows of it. */
bool hidden_own_name_has_lines(const char *script);
/* The next statement of the script that is about the database as a whole. {.script} to begin with.
 */
struct hidden_words {
    const char *script; /* what is left of it */
    const char *own;    /* the database's name, as the script quotes it */
    size_t own_size;
    const char *statement; /* without the ';' */
    size_t size;
    const char *name; /* where the name stands in it */
};
MUST_USE bool hidden_next_words(struct hidden_words *words, bool no_owner);
enum hidden_part {
    HIDDEN_SETTINGS,   /* SET: said of the hidden database */
    HIDDEN_PROPERTIES, /* privileges, limit, comment: said of the target, in a transaction */
    HIDDEN_OWNER,      /* the same, and last */
};
MUST_USE enum hidden_part hidden_part_of(const struct hidden_words *words);
/* Of a setting: its name as SQL quotes it, if it is short enough; says it of the hidden database,
 * or takes it back. */
#define SETTING_NAME_SIZE 256
MUST_USE bool hidden_setting_name(char name[SETTING_NAME_SIZE], const struct hidden_words *words);
MUST_USE enum status hidden_say_setting(struct hidden_database *database,
                                        const struct hidden_words *words, struct error *error);
/* The same in the session that is in the database. */
MUST_USE enum status hidden_set_here(struct hidden_database *database,
                                     const struct hidden_words *words, struct error *error);
MUST_USE enum status hidden_unsay_setting(struct hidden_database *database,
                                          const struct hidden_words *words, struct error *error);
/* Says anew what the script says of the old database, but for settings. *open becomes true if it
 * could not be said that a privilege is not everybody's; may be NULL. */
MUST_USE enum status hidden_say_anew(struct hidden_database *database, enum hidden_part part,
                                     bool *open, struct error *error);

/* ---- hidden.c: its life ---- */

/* What the archive says of its database as a whole, into database->script. */
MUST_USE enum status hidden_read_script(struct hidden_database *database, struct error *error);

/* Nobody may connect to it but its owner, who restores, and superusers. */
MUST_USE enum status hidden_create(struct hidden_database *database, struct error *error);
/* Removes it, whatever the state of the connections and of the user's patience; what remains is
 * told as a warning. */
void hidden_drop(struct hidden_database *database);

/* ---- hidden_properties.c: those of what it replaces, or those that the archive names ---- */

/* In the transaction in which it got the target's name. */
MUST_USE enum status hidden_give_properties(struct hidden_database *database, struct error *error);

/* A script with a GRANT or REVOKE: what the server would only remark on is an error. */
MUST_USE enum status hidden_run_strictly(struct postgres *session, const char *sql,
                                         struct error *error);
/* A property that cannot be given is told and keeps nobody from his data; only a lost line and the
 * user's wish to stop end the restore. */
MUST_USE enum status hidden_settle(const struct hidden_database *database, enum status status,
                                   struct error *problem, const char *what, struct error *error);
/* One step of a transaction, which goes on without it if it fails. */
MUST_USE enum status hidden_begin_step(struct hidden_database *database, struct error *error);
MUST_USE enum status hidden_end_step(struct hidden_database *database, enum status status,
                                     struct error *problem, const char *what, struct error *error);
void hidden_warn(const struct hidden_database *database, struct error *problem);

/* ---- hidden_settings.c ---- */

/* Before the load: the settings that the rows may need, and those with which the archive is read as
 * it was written. What cannot be said is left out. */
MUST_USE enum status hidden_settle_for_load(struct hidden_database *database, struct error *error);
/* After it, in place of those: the database's own. What a setting is may change what is counted and
 * erased: before that. One that cannot be given, or with which nobody gets in, is left out, and
 * told if that is wanted. */
MUST_USE enum status hidden_give_settings(struct hidden_database *database, bool told,
                                          struct error *error);
/* Of a session in which tables are loaded: its lc_monetary is that of the archive, if that names
 * one. */
MUST_USE enum status hidden_settle_currency(struct hidden_database *database, struct error *error);

/* ---- hidden_publish.c ---- */

/* Gives it, in one transaction, its name, and its properties, by which others may connect. */
MUST_USE enum status hidden_publish(struct hidden_database *database, struct error *error);

/* ---- archive.c: pg_restore, fed with the archive ---- */
/* With a list of entries: a descriptor that pg_restore gets as its own number 3; else -1. */
typedef enum status (*archive_output)(void *context, const char *data, size_t size,
                                      struct error *error);
/* Runs pg_restore with these words until it ends. It may end before it has read everything. Its
 * output goes to `output`; NULL: it should have none. */
MUST_USE enum status archive_run(struct hidden_database *database, const char *const *words,
                                 int list, archive_output output, void *context,
                                 struct error *error);
/* The same, into memory; more than 64 MiB is refused. The text is terminated, also what there is of
 * it after a failure (only without memory it may have no data). */
MUST_USE enum status archive_read(struct buffer *text, struct hidden_database *database,
                                  const char *const *words, int list, struct error *error);

/* ---- database_count.c ---- */

/* Counts the rows of every table into the summary, anew. */
MUST_USE enum status database_count(struct hidden_database *database, struct error *error);
/* The same tables once more. */
MUST_USE enum status database_count_again(struct hidden_database *database, struct error *error);
/* Holds them against what the backup counted: all tables, or with `tables` these. */
MUST_USE enum status database_compare(const struct hidden_database *database, struct error *error);

/* ---- database_money.c ---- */

/* That amounts of money are what they were, asked in the session that loaded the tables, in their
 * archive's encoding; STATUS_FAILED: they would be others. */
MUST_USE enum status database_check_money(struct hidden_database *database, struct error *error);
/* The same of a whole database, as long as it has the settings of the load. */
MUST_USE enum status database_check_loaded_money(struct hidden_database *database,
                                                 struct error *error);
/* The session speaks in the encoding that a script of pg_restore is written in, if it says. */
MUST_USE enum status database_take_encoding(struct hidden_database *database, const char *script,
                                            struct error *error);

/* ---- database_persons.c ---- */

/* Counts the persons into the summary, if the backup did. as_counted, before any rule: whether they
 * are those of then is told. When no rule is to come, or all ran: whether somebody who asked to be
 * erased is among them. That they cannot be counted is told, too; and where either makes the rules
 * doubtful, it is an error. */
MUST_USE enum status database_persons(struct hidden_database *database, bool as_counted,
                                      struct error *error);

/* Of a database that tables went into, which may lack what the definition of persons names. Who is
 * in it before the rules, in the transaction that the session is in. */
MUST_USE enum status database_look_before(struct hidden_database *database, struct error *error);
/* When all is done: whether somebody who asked to be erased is in it, or somebody else is gone; and
 * what could not be counted. Without a register: nothing. */
void database_tell_left(struct hidden_database *database);

/* ---- database_amend.c ---- */

/* Whether there are rules for the source. */
bool database_erases(const struct hidden_database *database);
/* Applies the rules to what was loaded, in the transaction that the session is in. */
MUST_USE enum status database_amend(struct hidden_database *database, struct error *error);
/* One statement of SQL, in which every :id stands for the value, as a text. *rows: how many it
 * changed. */
MUST_USE enum status hidden_database_run(struct hidden_database *database, const char *sql,
                                         const char *id, uint64_t *rows, struct error *error);
/* erase_postgres.c: all rules for the source. */
MUST_USE enum status erase_postgres(struct restore_amendment *amendment,
                                    struct hidden_database *database, struct error *error);
/* database_views.c: computes every materialized view anew that has rows. */
MUST_USE enum status database_refresh_views(struct hidden_database *database, struct error *error);

/* ---- database_parts.c ---- */

MUST_USE enum status database_parts_read(struct database_parts *parts,
                                         struct hidden_database *database, struct error *error);
void database_parts_free(struct database_parts *parts);
/* Whether not everything is loaded at once. */
bool database_parts_differ(const struct database_parts *parts);
/* That something is left out. */
void database_parts_tell(const struct hidden_database *database);
/* Lines for --use-list into a file without a name, which pg_restore gets as its descriptor 3; they
 * are names only. */
MUST_USE enum status database_list_write(int *fd, const struct buffer *lines, struct error *error);

/* ---- database_choose.c ---- */

/* *list is a file that says which entries of the archive options->tables mean; *left as
 * dump_entries_choose has it. STATUS_NOT_FOUND: there is no such table; STATUS_USAGE: several. */
MUST_USE enum status database_choose(int *list, size_t *left, struct hidden_database *database,
                                     struct error *error);

/* ---- database_tables.c ---- */

/* Some tables of the archive into a database that has none of these names. */
MUST_USE enum status database_restore_tables(struct hidden_database *database, struct error *error);

#endif
