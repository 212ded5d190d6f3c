/* database_amend: who asked to be erased is, between the proof and the publication. */
#include "hidden.h"
#include "restore_private.h"
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

static enum status back_to_savepoint(struct hidden_database *database, struct error *error)
{
    return postgres_script(&database->inside, "ROLLBACK TO SAVEPOINT kura_rule", error);
}

/* Where the id cannot be what it is compared with it becomes NULL: "A7" is no number, so no row is
 * that person's by that column. *left: the places where it can. */
static enum status leave_out(const char **values, size_t *left, struct hidden_database *database,
                             const struct postgres_parameters *parameters, struct error *error)
{
    CLEANUP(postgres_clear) PGresult *types = NULL;
    *left = parameters->count;
    enum status status = postgres_prepare(&database->inside, (const char *)parameters->text.data,
                                          (int)parameters->count, &types, error);
    for (int i = 0; status == STATUS_OK && i < PQnparams(types); i++) {
        bool possible = true;
        status = try_value(&possible, database, PQparamtype(types, i), values[i], error);
        if (!possible) {
            values[i] = NULL;
            --*left;
            error_clear(error);
            status = back_to_savepoint(database, error);
        }
    }
    return status;
}

static enum status change(uint64_t *rows, struct hidden_database *database,
                          const struct postgres_parameters *parameters, const char *const *values,
                          struct error *error)
{
    return postgres_change(rows, &database->inside, (const char *)parameters->text.data,
                           (int)parameters->count, values, error);
}

/* The server finds a type for each place where the id stands, and refuses the statement if the id
 * is no value of it. One such person (a letter too many, or an id of another database in the same
 * domain) must not keep everybody's database back. */
static enum status run(struct hidden_database *database,
                       const struct postgres_parameters *parameters, const char *id, uint64_t *rows,
                       struct error *error)
{
    size_t left = parameters->count;
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
        status = change(rows, database, parameters, values, error);
    }
    if (status == STATUS_USAGE && back_to_savepoint(database, &tried) == STATUS_OK &&
        leave_out(values, &left, database, parameters, &tried) == STATUS_OK &&
        left < parameters->count) {
        error_clear(error);
        status = left == 0 ? STATUS_OK : change(rows, database, parameters, values, error);
    }
    return status == STATUS_OK
               ? postgres_script(&database->inside, "RELEASE SAVEPOINT kura_rule", error)
               : status;
}

/* What the transaction made is what was restored; all else that it has locked was there. The server
 * has locked what it read of a prepared statement. */
#define NAMESAKES                                                                                  \
    "SELECT c.oid::pg_catalog.regclass, r.oid::pg_catalog.regclass FROM pg_catalog.pg_class c"     \
    " JOIN pg_catalog.pg_locks l ON l.relation = c.oid JOIN pg_catalog.pg_class r"                 \
    " ON r.relname = c.relname AND r.xmin = pg_catalog.pg_current_xact_id()::pg_catalog.xid"       \
    " WHERE l.pid = pg_catalog.pg_backend_pid() AND c.xmin <> r.xmin AND r.relkind IN ('r', 'p')"  \
    " AND c.relkind IN ('r', 'p', 'v', 'm', 'f') ORDER BY 1 LIMIT 1"

/* A table alone may be in another schema than the one in which this database finds its name: the
 * rule would erase there, and the person would come back with the table. */
static enum status check_namesakes(struct hidden_database *database, struct error *error)
{
    CLEANUP(postgres_clear) PGresult *namesakes = NULL;
    enum status status = postgres_ask(&namesakes, &database->inside, NAMESAKES, error);
    if (status != STATUS_OK || PQntuples(namesakes) == 0) {
        return status;
    }
    return error_set(error, STATUS_USAGE, 0,
                     _("the rule means the table %s, which is in the database already, and not %s, "
                       "which is restored; restore without --table, into a database of its own"),
                     PQgetvalue(namesakes, 0, 0), PQgetvalue(namesakes, 0, 1));
}

static enum status prepare(struct hidden_database *database,
                           const struct postgres_parameters *parameters, struct error *error)
{
    bool alone = database->options->tables != NULL;
    enum status status = alone || database->foreign
                             ? postgres_rule_prepare(&database->inside, parameters, error)
                             : STATUS_OK;
    return status == STATUS_OK && alone ? check_namesakes(database, error) : status;
}

enum status hidden_database_run(struct hidden_database *database, const char *sql, const char *id,
                                uint64_t *rows, struct error *error)
{
    CLEANUP(postgres_parameters_free) struct postgres_parameters parameters;
    *rows = 0;
    enum status status = postgres_rule_read(&parameters, sql, error);
    if (status == STATUS_OK) {
        status = prepare(database, &parameters, error);
    }
    return status == STATUS_OK ? run(database, &parameters, id, rows, error) : status;
}

bool database_erases(const struct hidden_database *database)
{
    const struct restore_amendment *amendment = database->options->amendment;
    return register_erases_rows(amendment->erasures, amendment->source);
}

static enum status look_for_foreign(struct hidden_database *database, struct error *error)
{
    uint64_t count = 0;
    enum status status =
        hidden_number(&count, &database->inside,
                      "SELECT count(*) FROM pg_catalog.pg_class WHERE relkind = 'f'", NULL, error);
    database->foreign = count > 0;
    return status;
}

/* The rules are for the rows of this database. A foreign table has those of another, which lives;
 * servers of before 2024 do not know the setting, which stops functions and triggers, too. */
#define FOREIGN_TABLES(value)                                                                      \
    "SELECT pg_catalog.set_config(name, '" value "', true) FROM pg_catalog.pg_settings"            \
    " WHERE name = 'restrict_nonsystem_relation_kind'"

/* A database may be set so that neither triggers nor foreign keys act: what hangs on the erased
 * would stay. Only a superuser may change it. */
static enum status let_triggers_act(struct hidden_database *database, struct error *error)
{
    enum status status = postgres_script(
        &database->inside,
        "SELECT pg_catalog.set_config(name, 'origin', true) FROM pg_catalog.pg_settings"
        " WHERE name = 'session_replication_role' AND setting <> 'origin'",
        error);
    if (status != STATUS_DENIED) {
        return status;
    }
    error->status = STATUS_FAILED;
    error_add_context(error, "%s",
                      _("the rules do not fit this database, in which session_replication_role "
                        "keeps triggers and foreign keys from acting"));
    return restore_hint_as_it_was(database->options->source, error);
}

/* The SQL is written for the names that the database's users know, and in UTF-8; the archive of a
 * table may have set another encoding. */
enum status database_amend(struct hidden_database *database, struct error *error)
{
    const char *encoding = pg_encoding_to_char(PQclientEncoding(database->inside.connection));
    const char *const before[] = {encoding, NULL};
    enum status status = postgres_script(
        &database->inside,
        "RESET search_path; SET client_encoding = 'UTF8'; " FOREIGN_TABLES("foreign-table"), error);
    if (status == STATUS_OK) {
        status = let_triggers_act(database, error);
    }
    if (status == STATUS_OK) {
        status = look_for_foreign(database, error);
    }
    if (status == STATUS_OK) {
        status = erase_postgres(database->options->amendment, database, error);
    }
    if (status == STATUS_OK) {
        status =
            postgres_script(&database->inside, "SET search_path = ''; " FOREIGN_TABLES(""), error);
    }
    return status == STATUS_OK
               ? hidden_run(&database->inside, "SET client_encoding = %L", before, error)
               : status;
}
