/* erase_postgres: the rules of the register, applied to a hidden PostgreSQL database before it is
 * published. */
#include "hidden.h"
#include "restore_private.h"
#include <string.h>

static enum status run_rule(struct restore_erased *erased, struct hidden_database *database,
                            const char *sql, const char *id, struct error *error)
{
    uint64_t rows = 0;
    enum status status = hidden_database_run(database, sql, id, &rows, error);
    erased->rows += rows;
    return status;
}

static enum status run_erasure(struct restore_amendment *amendment,
                               struct hidden_database *database, const struct erasure *erasure,
                               struct error *error)
{
    enum status status = STATUS_OK;
    for (size_t i = 0; status == STATUS_OK && i < erasure->rule_count; i++) {
        const struct erasure_rule *rule = &erasure->rules[i];
        bool meant = strcmp(rule->source, amendment->source) == 0;
        for (size_t j = 0; status == STATUS_OK && meant && rule->sql[j] != NULL; j++) {
            status = run_rule(&amendment->erased, database, rule->sql[j], erasure->value, error);
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
    enum status status = STATUS_OK;
    for (size_t i = 0; status == STATUS_OK && i < amendment->erasures->count; i++) {
        const struct erasure *erasure = &amendment->erasures->items[i];
        status = run_erasure(amendment, database, erasure, error);
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
    amendment->erased.databases = status == STATUS_OK ? 1 : 0;
    return status;
}
