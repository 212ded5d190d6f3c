/* source: what is backed up. A source delivers entries and their content to a sink; it knows
 * nothing of chunks or repositories.
 *
 * One contract for all sources: entries come in the order of entry_path_compare; the root ("")
 * comes first where there is one (tree). For each entry:
 *
 *     known(entry with the facts of lstat)  -> yes: the sink took it over, go on with the next
 *     entry(entry with attributes, too)
 *     for ENTRY_FILE: space/advance/hole ..., end(outcome)
 *
 * After known said no the entry may still be left out (it vanished, or could not be opened), or
 * known be asked once more (another file took its place). What goes wrong with one file is told to
 * warn() and the rest goes on; what makes the source as a whole worthless is returned, and a file
 * that was begun then gets no end(). A status that a sink function returned is passed on at once.
 */
#ifndef KURA_SOURCE_H
#define KURA_SOURCE_H

#include "kura/config.h"
#include "kura/entry.h"

struct source_outcome {
    uint64_t size; /* bytes delivered, holes counted */
    bool failed;   /* the content could not be read to its end; warn() was told why. The sink drops
                    * the entry and what came of it. */
    uint32_t
        rotation; /* so many bytes of the end of the stream belong to the front of the file:
                   * position p of the stream is position (p + rotation) mod size of the file */
};

struct source_sink {
    void *context;
    /* Is this entry (path, type, owner, size, times, inode) as it was last time, so that its
     * content need not be read? Then the sink has taken over what it knew. May be NULL: nothing is
     * known. */
    enum status (*known)(void *context, const struct entry *entry, bool *known,
                         struct error *error);
    /* `entry` is borrowed for the call; size may still change, end() says the truth. */
    enum status (*entry)(void *context, const struct entry *entry, struct error *error);
    /* Where the next bytes of content may be written: at least 1 byte. May be asked again without
     * an advance in between; a source that waits does so at least once a second, so that the sink
     * can say that it is to stop. */
    enum status (*space)(void *context, unsigned char **data, size_t *size, struct error *error);
    enum status (*advance)(void *context, size_t size, struct error *error);
    /* `size` bytes of zeros that are not stored in the file. */
    enum status (*hole)(void *context, uint64_t size, struct error *error);
    /* What follows begins a new chunk: called where a rotated stream passes the end of the file, so
     * that no chunk lies over it. May be NULL. */
    enum status (*cut)(void *context, struct error *error);
    enum status (*end)(void *context, const struct source_outcome *outcome, struct error *error);
    /* Typical pieces of the content to come, for a dictionary; sent before the first entry by
     * sources whose content is many small similar records. May be NULL: not wanted. */
    enum status (*sample)(void *context, const unsigned char *samples, size_t sample_size,
                          size_t count, struct error *error);
    /* Rows of a table in the very state that is delivered. */
    enum status (*rows)(void *context, const char *table, uint64_t rows, struct error *error);
    /* A row of one of source->persons, in the very state that is delivered: the value of its person
     * key, NULL for a row without one. In no certain order, repeated as often as the SQL does. Not
     * called for a source that names no persons. */
    enum status (*person)(void *context, const struct config_person *kind, const void *value,
                          size_t size, struct error *error);
    /* Asked at least once a second by a source that waits and has no use for space: before a file,
     * or at its end. May be NULL. */
    enum status (*waiting)(void *context, struct error *error);
    /* Something is wrong with one entry; path may be NULL. The night goes on. */
    void (*warn)(void *context, const char *path, const struct error *problem);
    /* Something to know of one entry, and all is well. May be NULL. */
    void (*note)(void *context, const char *path, const char *message);
};

/* Delivers the source. The caller decides what a failure means for the others. */
MUST_USE enum status source_run(const struct config_source *source, const struct source_sink *sink,
                                struct error *error);

/* ---- holding a database before it is read ---- */

struct source_held;
bool source_can_be_held(const struct config_source *source);
/* Takes the state that source_deliver will give, whatever others write from now on. Of the sink
 * only `waiting` is asked. `source` must live as long as what is held. */
MUST_USE enum status source_hold(struct source_held **held, const struct config_source *source,
                                 const struct source_sink *sink, struct error *error);
/* As source_run; once. */
MUST_USE enum status source_deliver(struct source_held *held, const struct source_sink *sink,
                                    struct error *error);
void source_release(struct source_held *held); /* NULL is silent */

/* Counts once more what source_run told of rows and persons, in the whole of its content, which
 * lies in an open file that nobody writes to. Of the source only kind and persons count; the sink
 * gets rows, person and warn. A kind whose content cannot be asked so is STATUS_UNSUPPORTED. */
MUST_USE enum status source_recount(const struct config_source *source, int fd,
                                    const struct source_sink *sink, struct error *error);

/* "sqlite", "tree", "command", "postgres" */
const char *source_kind_name(enum source_kind kind);
/* False: there is no kind of this name. */
bool source_kind_find(enum source_kind *kind, const char *name);
bool source_can_recount(enum source_kind kind);

/* ---- asking a database ---- */

#define QUERY_COLUMNS_LIMIT 256
#define QUERY_VALUE_LIMIT ((size_t)16 * 1024 * 1024)

enum query_type { QUERY_NULL, QUERY_NUMBER, QUERY_TEXT, QUERY_BINARY };
struct query_value { /* borrowed for the call */
    enum query_type type;
    const char *data; /* a number as its text; not terminated */
    size_t size;
};
struct query_parameter {
    const char *name; /* ":name" in the SQL */
    const char *value;
    bool integer; /* SQLite: bound as a number, else as a text; PostgreSQL sees by itself */
};
struct query {
    const char *sql; /* one statement that only reads */
    const struct query_parameter *parameters;
    size_t parameter_count;
    uint64_t max_rows;
    unsigned timeout; /* seconds */
};
struct query_sink {
    void *context;
    /* Once, before the first row. */
    enum status (*columns)(void *context, const char *const *names, size_t count,
                           struct error *error);
    enum status (*row)(void *context, const struct query_value *values, size_t count,
                       struct error *error);
};
/* Asks the database that the source is. All rows are of one state. SQL that writes, has more than
 * one statement, names a parameter that is not given or reaches outside the database is
 * STATUS_USAGE; more than max_rows or longer than the timeout is STATUS_REFUSED [rows], [timeout];
 * a source that is no database is STATUS_UNSUPPORTED. */
MUST_USE enum status source_query(const struct config_source *source, const struct query *query,
                                  const struct query_sink *sink, struct error *error);

/* ---- changing the rows of a copy ---- */

struct sqlite3;
struct sqlite3_stmt;
/* Is told what a statement may write: `action` is SQLITE_INSERT, SQLITE_UPDATE or SQLITE_DELETE of
 * rows of the table, `trigger` whose words say so (NULL: the statement's own, or a foreign key). */
struct sqlite_change_watch {
    void (*write)(void *context, int action, const char *table, const char *trigger);
    void *context;
};
/* Prepares the only statement of `sql`, with the text `id` (borrowed) for its only parameter :id.
 * From here on the connection lets nothing but rows of this database be read and changed, until it
 * is released. watch: until then; may be NULL. STATUS_USAGE with what is wrong. */
MUST_USE enum status sqlite_change_prepare(struct sqlite3_stmt **statement, struct sqlite3 *db,
                                           const char *sql, const char *id,
                                           struct sqlite_change_watch *watch, struct error *error);
void sqlite_change_release(struct sqlite3 *db);
/* Whether such statements (NULL-terminated) fit the source as it is now; none is run. STATUS_USAGE:
 * one does not; STATUS_UNSUPPORTED: this kind of source cannot tell. */
MUST_USE enum status source_check_changes(const struct config_source *source,
                                          const char *const *sql, struct error *error);

/* ---- how an id is spelt ---- */

/* A value by which persons of the domain are counted in the source now, and that the database takes
 * for equal to the id: "7" for "007" where numbers are. As often as the SQL gives it. */
typedef enum status (*source_spelling)(void *context, const void *value, size_t size,
                                       struct error *error);
/* An id that can be no value there has none. STATUS_UNSUPPORTED: this kind of source cannot tell.
 */
MUST_USE enum status source_spellings(const struct config_source *source, const char *domain,
                                      const char *id, source_spelling visit, void *context,
                                      struct error *error);
/* The SQL of a definition of persons, narrowed to those whose id is equal to `parameter`. */
MUST_USE enum status source_spelling_sql(struct buffer *sql, const struct config_person *person,
                                         const char *parameter, struct error *error);

/* ---- for drivers ---- */
struct source_driver {
    enum source_kind kind;
    enum status (*run)(const struct config_source *source, const struct source_sink *sink,
                       struct error *error);
    /* NULL: not a database. */
    enum status (*query)(const struct config_source *source, const struct query *query,
                         const struct query_sink *sink, struct error *error);
    /* All three or none. */
    enum status (*hold)(void **state, const struct config_source *source,
                        const struct source_sink *sink, struct error *error);
    enum status (*deliver)(void *state, const struct source_sink *sink, struct error *error);
    void (*release)(void *state);
    /* NULL: STATUS_UNSUPPORTED. */
    enum status (*recount)(const struct config_source *source, int fd,
                           const struct source_sink *sink, struct error *error);
    /* source_check_changes; NULL: STATUS_UNSUPPORTED. */
    enum status (*check_changes)(const struct config_source *source, const char *const *sql,
                                 struct error *error);
    /* source_spellings; NULL: STATUS_UNSUPPORTED. */
    enum status (*spellings)(const struct config_source *source, const char *domain, const char *id,
                             source_spelling visit, void *context, struct error *error);
};
extern const struct source_driver source_sqlite, source_tree, source_command, source_postgres;

#endif
