/* erase_postgres: the rules of the register, applied to a hidden PostgreSQL database before it is
 * published. */
#include "erase_trail.h"
#include "hidden.h"
#include "restore_private.h"
#include <stdlib.h>
#include <string.h>

struct run {
    struct restore_amendment *amendment;
    struct hidden_database *database;
    bool triggers;  /* somebody's, or rules of tables: else nothing is written beside */
    char *deferred; /* the statement by which they wait again for the end; NULL: none does */
    struct trail trail;
};

#define TRIGGERS                                                                                   \
    "SELECT (SELECT count(*) FROM pg_catalog.pg_trigger WHERE NOT tgisinternal) + "                \
    "(SELECT count(*) FROM pg_catalog.pg_rewrite WHERE ev_type <> '1')"
/* In this transaction so far. */
#define WRITTEN                                                                                    \
    "SELECT relid::pg_catalog.regclass, relname, n_tup_ins, n_tup_upd, n_tup_del FROM "            \
    "pg_catalog.pg_stat_xact_user_tables WHERE n_tup_ins > 0 OR n_tup_upd > 0 OR n_tup_del > 0"
/* Under which a statement may update it: of its parents, of which it is a part, and of views over
 * these. An empty one: a foreign key updates it, too, for what it refers to is gone. */
#define OTHER_NAMES                                                                                \
    "WITH RECURSIVE t (oid) AS (SELECT %L::pg_catalog.regclass::pg_catalog.oid UNION"              \
    " SELECT n.above FROM t JOIN (SELECT inhrelid AS below, inhparent AS above"                    \
    " FROM pg_catalog.pg_inherits UNION ALL SELECT d.refobjid, r.ev_class"                         \
    " FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_rewrite r ON r.oid = d.objid"                 \
    " WHERE d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass"                              \
    " AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass) n ON n.below = t.oid)"        \
    " SELECT c.relname FROM pg_catalog.pg_class c JOIN t ON t.oid = c.oid UNION ALL"               \
    " SELECT '' FROM pg_catalog.pg_constraint WHERE contype = 'f'"                                 \
    " AND conrelid = %L::pg_catalog.regclass"                                                      \
    " AND (confdeltype IN ('n', 'd') OR confupdtype IN ('c', 'n', 'd'))"
/* What a deferred constraint or its trigger does belongs to the erasure that made it do so. */
#define DEFERRED                                                                                   \
    "SELECT 'SET CONSTRAINTS ' || pg_catalog.string_agg(DISTINCT pg_catalog.format('%I.%I', "      \
    "n.nspname, c.conname), ', ') || ' DEFERRED' FROM pg_catalog.pg_constraint c JOIN "            \
    "pg_catalog.pg_namespace n ON n.oid = c.connamespace WHERE c.condeferred HAVING count(*) > 0"

/* The question how many large objects no column of oids leads to. */
#define LOOSE_OBJECTS                                                                              \
    "SELECT 'SELECT count(*) FROM pg_catalog.pg_largeobject_metadata m WHERE NOT (false' || "      \
    "coalesce(pg_catalog.string_agg(pg_catalog.format(' OR m.oid IN (SELECT "                      \
    "t.%I::pg_catalog.oid FROM %s t WHERE t.%I IS NOT NULL)', a.attname, "                         \
    "c.oid::pg_catalog.regclass, a.attname), ''), '') || ')' FROM pg_catalog.pg_attribute a JOIN " \
    "pg_catalog.pg_class c ON c.oid = a.attrelid JOIN pg_catalog.pg_namespace n ON n.oid = "       \
    "c.relnamespace JOIN pg_catalog.pg_type t ON t.oid = a.atttypid WHERE c.relkind = 'r' AND "    \
    "a.attnum > 0 AND NOT a.attisdropped AND n.nspname NOT IN ('pg_catalog', "                     \
    "'information_schema') AND 'pg_catalog.oid'::pg_catalog.regtype IN (a.atttypid, "              \
    "t.typbasetype)"

static enum status look_at_rows(struct run *run, struct error *error)
{
    CLEANUP(postgres_clear) PGresult *rows = NULL;
    enum status status = postgres_ask(&rows, &run->database->inside, WRITTEN, error);
    for (int i = 0; status == STATUS_OK && i < PQntuples(rows); i++) {
        struct trail_table *table =
            trail_find(&run->trail, PQgetvalue(rows, i, 0), PQgetvalue(rows, i, 1));
        if (table == NULL) {
            return error_set_memory(error);
        }
        table->now = (struct trail_counts){strtoull(PQgetvalue(rows, i, 2), NULL, 10),
                                           strtoull(PQgetvalue(rows, i, 3), NULL, 10),
                                           strtoull(PQgetvalue(rows, i, 4), NULL, 10)};
    }
    return status;
}

static enum status look_for_names(struct trail_table *table, struct run *run, const char *sql,
                                  struct error *error)
{
    CLEANUP(postgres_clear) PGresult *names = NULL;
    const char *const values[] = {table->name, table->name, NULL};
    enum status status = hidden_ask(&names, &run->database->inside, OTHER_NAMES, values, error);
    for (int i = 0; status == STATUS_OK && i < PQntuples(names); i++) {
        const char *name = PQgetvalue(names, i, 0);
        table->expected |= name[0] == '\0' || trail_names(sql, name, false);
    }
    return status;
}

/* sql: the statement that ran. */
static enum status look(struct run *run, const char *sql, const struct erasure *erasure,
                        struct error *error)
{
    enum status status = look_at_rows(run, error);
    for (size_t i = 0; status == STATUS_OK && i < run->trail.count; i++) {
        struct trail_table *table = &run->trail.tables[i];
        if (table->now.updated > table->before.updated && !trail_names(sql, table->bare, false)) {
            status = look_for_names(table, run, sql, error);
        }
    }
    return status == STATUS_OK ? trail_settle(&run->trail, sql, erasure->person, error) : status;
}

/* The server counts rows only if it is told to; that it is not to takes a superuser to change. */
static enum status count_rows(struct run *run, struct error *error)
{
    struct postgres *inside = &run->database->inside;
    struct error problem = {0};
    CLEANUP(memory_free) char *counts = NULL;
    enum status status =
        postgres_text(&counts, inside, "SELECT pg_catalog.current_setting('track_counts')", error);
    if (status != STATUS_OK || strcmp(counts, "on") == 0) {
        return status;
    }
    status = postgres_script(inside, "SAVEPOINT kura_rule", error);
    if (status == STATUS_OK &&
        postgres_script(inside, "SET LOCAL track_counts = on", &problem) != STATUS_OK) {
        error_add_context(&problem, "%s",
                          _("track_counts is off, so what triggers write while the rules run is "
                            "not seen"));
        hidden_warn(run->database, &problem);
        status = postgres_script(inside, "ROLLBACK TO SAVEPOINT kura_rule", error);
    }
    return status == STATUS_OK ? postgres_script(inside, "RELEASE SAVEPOINT kura_rule", error)
                               : status;
}

static enum status read_deferred(struct run *run, struct error *error)
{
    CLEANUP(postgres_clear) PGresult *row = NULL;
    enum status status = postgres_ask(&row, &run->database->inside, DEFERRED, error);
    if (status == STATUS_OK && PQntuples(row) == 1) {
        run->deferred = strdup(PQgetvalue(row, 0, 0));
        status = run->deferred == NULL ? error_set_memory(error) : STATUS_OK;
    }
    return status;
}

/* Rows that came with the archive of a table are not of a trigger. */
static enum status begin(struct run *run, struct error *error)
{
    uint64_t count = 0;
    enum status status = hidden_number(&count, &run->database->inside, TRIGGERS, NULL, error);
    run->triggers = count > 0;
    if (status == STATUS_OK) {
        status = read_deferred(run, error);
    }
    if (status == STATUS_OK && run->triggers) {
        status = count_rows(run, error);
    }
    if (status == STATUS_OK && run->triggers) {
        status = look_at_rows(run, error);
    }
    for (size_t i = 0; i < run->trail.count; i++) {
        run->trail.tables[i].before = run->trail.tables[i].now;
    }
    return status;
}

static enum status run_rule(struct run *run, const char *sql, const struct erasure *erasure,
                            struct error *error)
{
    uint64_t rows = 0;
    enum status status = hidden_database_run(run->database, sql, erasure->value, &rows, error);
    run->amendment->erased.rows += rows;
    return status == STATUS_OK && run->triggers ? look(run, sql, erasure, error) : status;
}

static enum status end_erasure(struct run *run, const struct erasure *erasure, struct error *error)
{
    struct postgres *inside = &run->database->inside;
    enum status status = STATUS_OK;
    if (run->deferred != NULL) {
        status = postgres_script(inside, "SET CONSTRAINTS ALL IMMEDIATE", error);
        if (status == STATUS_OK) {
            status = postgres_script(inside, run->deferred, error);
        }
        if (status == STATUS_OK && run->triggers) {
            status = look(run, "", erasure, error);
        }
    }
    return status;
}

static enum status run_erasure(struct run *run, const struct erasure *erasure, struct error *error)
{
    enum status status = STATUS_OK;
    for (size_t i = 0; status == STATUS_OK && i < erasure->rule_count; i++) {
        const struct erasure_rule *rule = &erasure->rules[i];
        bool meant = strcmp(rule->source, run->amendment->source) == 0;
        for (size_t j = 0; status == STATUS_OK && meant && rule->sql[j] != NULL; j++) {
            status = run_rule(run, rule->sql[j], erasure, error);
        }
    }
    return status == STATUS_OK ? end_erasure(run, erasure, error) : status;
}

/* Not a pattern: names may have a '%'. */
static enum status number_of(uint64_t *number, struct postgres *session, const char *question,
                             struct error *error)
{
    CLEANUP(memory_free) char *text = NULL;
    enum status status = postgres_text(&text, session, question, error);
    *number = status == STATUS_OK ? strtoull(text, NULL, 10) : 0;
    return status;
}

/* A photo that a row names by its number is no part of the row. With a table alone none comes. */
static enum status count_loose_objects(uint64_t *count, struct hidden_database *database,
                                       struct error *error)
{
    CLEANUP(memory_free) char *question = NULL;
    uint64_t all = 0;
    struct postgres *inside = &database->inside;
    *count = 0;
    if (database->options->tables != NULL) {
        return STATUS_OK;
    }
    enum status status = hidden_number(
        &all, inside, "SELECT count(*) FROM pg_catalog.pg_largeobject_metadata", NULL, error);
    if (status != STATUS_OK || all == 0) {
        return status;
    }
    status = postgres_text(&question, inside, LOOSE_OBJECTS, error);
    return status == STATUS_OK ? number_of(count, inside, question, error) : status;
}

static enum status tell_loose_objects(struct hidden_database *database, uint64_t before,
                                      struct error *error)
{
    uint64_t after = 0;
    struct error told = {0};
    enum status status = count_loose_objects(&after, database, error);
    if (status == STATUS_OK && after > before) {
        error_set(&told, STATUS_FAILED, 0,
                  _("large objects to which only erased rows led are still in it: %llu"),
                  (unsigned long long)(after - before));
        error_set_hint(&told, "%s",
                       _("Put lo_unlink into the rule in kura.yaml, as kura.yaml(5) shows, and "
                         "register the person anew; vacuumlo removes those that are there."));
        hidden_warn(database, &told);
    }
    return status;
}

/* A foreign table stays one, whatever is restored. An id that the rule cannot make anything of may
 * be a mistyped one; whether it is only people can tell, for a broken rule looks the same. */
static void hint(const char *source, enum status status, struct error *error)
{
    if (status == STATUS_UNSUPPORTED) {
        error_set_hint(
            error,
            _("Take the rule out of kura.yaml, and register the person anew: kura person "
              "keep ID, then kura person erase ID; the other database wants a source and "
              "rules of its own. Or, with the data manager's key, --as-it-was --reason TEXT "
              "--source %s gives it as it was, to be erased from by hand."),
            source);
    } else if (status == STATUS_USAGE) {
        error_set_hint(
            error,
            _("It is not given back: somebody who asked to be erased would be in it. If the ID is "
              "mistyped and nobody's, kura person keep ID --reason TEXT takes the erasure back. "
              "Else, with the data manager's key, --as-it-was --reason TEXT --source %s gives it "
              "as it was, to be erased from by hand."),
            source);
    } else {
        restore_hint_as_it_was(source, error);
    }
}

enum status erase_postgres(struct restore_amendment *amendment, struct hidden_database *database,
                           struct error *error)
{
    struct run run = {.amendment = amendment, .database = database};
    uint64_t loose = 0;
    enum status status = count_loose_objects(&loose, database, error);
    if (status == STATUS_OK) {
        status = begin(&run, error);
    }
    for (size_t i = 0; status == STATUS_OK && i < amendment->erasures->count; i++) {
        const struct erasure *erasure = &amendment->erasures->items[i];
        status = run_erasure(&run, erasure, error);
        if (status != STATUS_OK) {
            char time[MOMENT_TEXT_SIZE];
            error_add_context(error, _("the erasure registered at %s does not fit this database"),
                              moment_format_local(time, erasure->time));
            hint(amendment->source, status, error);
            /* The words of whoever restores are not at fault. */
            bool unfit = status == STATUS_USAGE || status == STATUS_UNSUPPORTED;
            status = error->status = unfit ? STATUS_FAILED : status;
        }
    }
    if (status == STATUS_OK) {
        status = tell_loose_objects(database, loose, error);
    }
    trail_tell(&run.trail, &amendment->erased);
    trail_free(&run.trail);
    free(run.deferred);
    amendment->erased.databases = status == STATUS_OK ? 1 : 0;
    return status;
}
