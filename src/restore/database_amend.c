/* database_amend: what the caller may change between the proof and the publication. */
#include "hidden.h"
#include <stdlib.h>
#include <string.h>

static enum status check_parameters(const struct postgres_parameters *parameters,
                                    struct error *error)
{
    for (size_t i = 0; i < parameters->count; i++) {
        const struct postgres_parameter *item = &parameters->items[i];
        if (item->size != 2 || memcmp(item->name, "id", 2) != 0) {
            return error_set(error, STATUS_USAGE, 0, _("the SQL cannot be used: %s"),
                             _("it has a parameter that is not described"));
        }
    }
    return STATUS_OK;
}

/* The server finds a type for each place where the id stands. */
static enum status run(struct hidden_database *database,
                       const struct postgres_parameters *parameters, const char *id, uint64_t *rows,
                       struct error *error)
{
    CLEANUP(memory_free) const char **values = calloc(parameters->count + 1, sizeof *values);
    if (values == NULL) {
        return error_set_memory(error);
    }
    for (size_t i = 0; i < parameters->count; i++) {
        values[i] = id;
    }
    return postgres_change(rows, &database->inside, (const char *)parameters->text.data,
                           (int)parameters->count, values, error);
}

enum status hidden_database_run(struct hidden_database *database, const char *sql, const char *id,
                                uint64_t *rows, struct error *error)
{
    struct postgres_parameters parameters;
    *rows = 0;
    enum status status = postgres_parameters_read(&parameters, sql, error);
    if (status != STATUS_OK) {
        return status;
    }
    status = check_parameters(&parameters, error);
    if (status == STATUS_OK) {
        status = run(database, &parameters, id, rows, error);
    }
    postgres_parameters_free(&parameters);
    return status;
}

/* The SQL is written for the names that the database's users know. */
enum status database_amend(struct hidden_database *database, struct error *error)
{
    const struct database_options *options = database->options;
    enum status status = postgres_script(&database->inside, "RESET search_path", error);
    if (status == STATUS_OK) {
        status = options->amend(options->amend_context, database, error);
    }
    return status == STATUS_OK ? postgres_script(&database->inside, "SET search_path = ''", error)
                               : status;
}
