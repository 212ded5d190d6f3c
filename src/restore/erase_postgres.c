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
            restore_hint_as_it_was(amendment->source, error);
            /* The words of whoever restores are not at fault. */
            status = status == STATUS_USAGE ? STATUS_FAILED : status;
            error->status = status;
        }
    }
    amendment->erased.databases = status == STATUS_OK ? 1 : 0;
    return status;
}
