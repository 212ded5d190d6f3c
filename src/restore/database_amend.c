/* database_amend: who asked to be erased is, between the proof and the publication. */
#include "hidden.h"
#include <stdio.h>
#include <stdlib.h>

/* Whether the server takes the id as a value of this type. The name of the type comes from the
 * server, quoted. */
static enum status try_value(bool *possible, struct hidden_database *database, Oid type,
                             const char *id, struct error *error)
{
    CLEANUP(memory_free) char *name = NULL;
    char sql[128];
    snprintf(sql, sizeof sql, "SELECT pg_catalog.format_type(%u, NULL)", type);
    enum status status = postgres_text(&name, &database->inside, sql, error);
    if (status != STATUS_OK) {
        return status;
    }
    CLEANUP(buffer_free) struct buffer cast = {0};
    const char *const values[] = {id, NULL};
    status = buffer_append_text(&cast, "SELECT CAST(%L AS ", error);
    status = status ? status : buffer_append_text(&cast, name, error);
    status = status ? status : buffer_append(&cast, ")", sizeof ")", error);
    status =
        status ? status : hidden_run(&database->inside, (const char *)cast.data, values, error);
    *possible = status != STATUS_USAGE;
    return status;
}

/* Whether the id can be what it is compared with: "A7" is no number, so no row is that person's. */
static enum status try_id(bool *possible, struct hidden_database *database,
                          const struct postgres_parameters *parameters, const char *id,
                          struct error *error)
{
    CLEANUP(postgres_clear) PGresult *types = NULL;
    *possible = true;
    enum status status = postgres_prepare(&database->inside, (const char *)parameters->text.data,
                                          (int)parameters->count, &types, error);
    for (int i = 0; status == STATUS_OK && i < PQnparams(types); i++) {
        status = try_value(possible, database, PQparamtype(types, i), id, error);
    }
    return status;
}

static enum status back_to_savepoint(struct hidden_database *database, struct error *error)
{
    return postgres_script(&database->inside, "ROLLBACK TO SAVEPOINT kura_rule", error);
}

/* The server finds a type for each place where the id stands, and refuses the statement if the id
 * is no value of it. One such person (a letter too many, or an id of another database in the same
 * domain) must not keep everybody's database back. */
static enum status run(struct hidden_database *database,
                       const struct postgres_parameters *parameters, const char *id, uint64_t *rows,
                       struct error *error)
{
    bool possible = true;
    struct error tried = {0};
    CLEANUP(memory_free) const char **values = calloc(parameters->count + 1, sizeof *values);
    if (values == NULL) {
        return error_set_memory(error);
    }
    for (size_t i = 0; i < parameters->count; i++) {
        values[i] = id;
    }
    enum status status = postgres_script(&database->inside, "SAVEPOINT kura_rule", error);
    if (status == STATUS_OK) {
        status = postgres_change(rows, &database->inside, (const char *)parameters->text.data,
                                 (int)parameters->count, values, error);
    }
    if (status == STATUS_USAGE && back_to_savepoint(database, &tried) == STATUS_OK &&
        try_id(&possible, database, parameters, id, &tried) == STATUS_USAGE && !possible &&
        back_to_savepoint(database, &tried) == STATUS_OK) {
        error_clear(error);
        status = STATUS_OK;
    }
    return status == STATUS_OK
               ? postgres_script(&database->inside, "RELEASE SAVEPOINT kura_rule", error)
               : status;
}

enum status hidden_database_run(struct hidden_database *database, const char *sql, const char *id,
                                uint64_t *rows, struct error *error)
{
    CLEANUP(postgres_parameters_free) struct postgres_parameters parameters;
    *rows = 0;
    enum status status = postgres_rule_read(&parameters, sql, error);
    return status == STATUS_OK ? run(database, &parameters, id, rows, error) : status;
}

/* The SQL is written for the names that the database's users know. */
enum status database_amend(struct hidden_database *database, struct error *error)
{
    enum status status = postgres_script(&database->inside, "RESET search_path", error);
    if (status == STATUS_OK) {
        status = erase_postgres(database->options->amendment, database, error);
    }
    return status == STATUS_OK ? postgres_script(&database->inside, "SET search_path = ''", error)
                               : status;
}
