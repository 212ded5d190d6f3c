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
    bool triggers; /* somebody's, or rules of tables: else nothing is written beside */
    struct trail trail;
};

#define TRIGGERS                                                                                   \
    "SELECT (SELECT count(*) FROM pg_catalog.pg_trigger WHERE NOT tgisinternal) + "                \
    "(SELECT count(*) FROM pg_catalog.pg_rewrite WHERE ev_type <> '1')"
/* In this transaction so far. */
#define WRITTEN                                                                                    \
    "SELECT relid::pg_catalog.regclass, n_tup_ins, n_tup_del FROM "                                \
    "pg_catalog.pg_stat_xact_user_tables WHERE n_tup_ins > 0 OR n_tup_del > 0"

static enum status look_at_rows(struct run *run, struct error *error)
{
    CLEANUP(postgres_clear) PGresult *rows = NULL;
    enum status status = postgres_ask(&rows, &run->database->inside, WRITTEN, error);
    for (int i = 0; status == STATUS_OK && i < PQntuples(rows); i++) {
        struct trail_table *table = trail_find(&run->trail, PQgetvalue(rows, i, 0));
        if (table == NULL) {
            return error_set_memory(error);
        }
        table->inserted = strtoull(PQgetvalue(rows, i, 1), NULL, 10);
        table->deleted = strtoull(PQgetvalue(rows, i, 2), NULL, 10);
    }
    return status;
}

/* Rows that came with the archive of a table are not of a trigger. */
static enum status begin(struct run *run, struct error *error)
{
    uint64_t count = 0;
    enum status status = hidden_number(&count, &run->database->inside, TRIGGERS, NULL, error);
    run->triggers = count > 0;
    if (status == STATUS_OK && run->triggers) {
        status = look_at_rows(run, error);
    }
    for (size_t i = 0; i < run->trail.count; i++) {
        run->trail.tables[i].inserted_before = run->trail.tables[i].inserted;
        run->trail.tables[i].deleted_before = run->trail.tables[i].deleted;
    }
    return status;
}

static enum status run_rule(struct run *run, const char *sql, const char *id, struct error *error)
{
    uint64_t rows = 0;
    enum status status = hidden_database_run(run->database, sql, id, &rows, error);
    run->amendment->erased.rows += rows;
    if (status == STATUS_OK && run->triggers) {
        status = look_at_rows(run, error);
        trail_settle(&run->trail, sql);
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
            status = run_rule(run, rule->sql[j], erasure->value, error);
        }
    }
    return status;
}

/* A foreign table stays one, whatever is restored. */
static void hint(const char *source, enum status status, struct error *error)
{
    if (status != STATUS_UNSUPPORTED) {
        restore_hint_as_it_was(source, error);
        return;
    }
    error_set_hint(error,
                   _("Take the rule out of kura.yaml, and register the person anew: kura person "
                     "keep ID, then kura person erase ID; the other database wants a source and "
                     "rules of its own. Or, with the data manager's key, --as-it-was --reason TEXT "
                     "--source %s gives it as it was, to be erased from by hand."),
                   source);
}

enum status erase_postgres(struct restore_amendment *amendment, struct hidden_database *database,
                           struct error *error)
{
    struct run run = {.amendment = amendment, .database = database};
    enum status status = begin(&run, error);
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
    trail_tell(&run.trail, &amendment->erased);
    trail_free(&run.trail);
    amendment->erased.databases = status == STATUS_OK ? 1 : 0;
    return status;
}
