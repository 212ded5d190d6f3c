/* erase_postgres: the rules of the register, applied to a hidden PostgreSQL database before it is
 * published. The server runs a rule as whoever restores, so only statements that change rows are
 * handed to it: not COPY, which could start a program there, nor DO, SET or CREATE. */
#include "restore_private.h"
#include <string.h>
#include <strings.h>

static bool changes_rows(const char *sql)
{
    static const char *const words[] = {"DELETE", "UPDATE", "INSERT", "WITH"};
    sql += strspn(sql, " \t\r\n");
    for (size_t i = 0; i < LENGTH(words); i++) {
        size_t size = strlen(words[i]);
        if (strncasecmp(sql, words[i], size) == 0 && strchr(" \t\r\n", sql[size]) != NULL &&
            sql[size] != '\0') {
            return true;
        }
    }
    return false;
}

static enum status run_rule(struct restore_erased *erased, struct hidden_database *database,
                            const char *sql, const char *id, struct error *error)
{
    uint64_t rows = 0;
    if (!changes_rows(sql)) {
        return error_set(error, STATUS_FAILED, 0, "%s",
                         _("a rule is not a DELETE, UPDATE or INSERT"));
    }
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

enum status restore_amend(void *context, struct hidden_database *database, struct error *error)
{
    struct restore_amendment *amendment = context;
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
