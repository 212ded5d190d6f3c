/* postgres_rule: SQL of somebody else's that changes rows: the rules by which a person is erased.
 */
#include "postgres.h"
#include <string.h>
#include <strings.h>

enum { CHECK_SECONDS = 10 };

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

static enum status check_names(const struct postgres_parameters *parameters, struct error *error)
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

enum status postgres_rule_read(struct postgres_parameters *parameters, const char *sql,
                               struct error *error)
{
    *parameters = (struct postgres_parameters){0};
    if (!changes_rows(sql)) {
        return error_set(error, STATUS_USAGE, 0, "%s",
                         _("a rule is not a DELETE, UPDATE or INSERT"));
    }
    enum status status = postgres_parameters_read(parameters, sql, error);
    return status == STATUS_OK ? check_names(parameters, error) : status;
}

/* ------------------------------------------------------------------ foreign tables */

/* The server has locked what it read of the statement, and views in it are resolved by then. */
#define FOREIGN                                                                                    \
    "WITH RECURSIVE t (oid) AS (SELECT l.relation FROM pg_catalog.pg_locks l"                      \
    " WHERE l.pid = pg_catalog.pg_backend_pid() AND l.relation IS NOT NULL UNION"                  \
    " SELECT i.inhrelid FROM pg_catalog.pg_inherits i JOIN t ON i.inhparent = t.oid)"              \
    " SELECT c.oid::pg_catalog.regclass FROM pg_catalog.pg_class c JOIN t ON t.oid = c.oid"        \
    " WHERE c.relkind = 'f' ORDER BY c.oid LIMIT 1"

enum status postgres_rule_prepare(struct postgres *postgres,
                                  const struct postgres_parameters *parameters, struct error *error)
{
    CLEANUP(postgres_clear) PGresult *description = NULL;
    CLEANUP(postgres_clear) PGresult *foreign = NULL;
    enum status status = postgres_prepare(postgres, (const char *)parameters->text.data,
                                          (int)parameters->count, &description, error);
    if (status == STATUS_OK) {
        status = postgres_ask(&foreign, postgres, FOREIGN, error);
    }
    if (status != STATUS_OK || PQntuples(foreign) == 0) {
        return status;
    }
    return error_set(error, STATUS_UNSUPPORTED, 0,
                     _("%s is a foreign table: its rows are in another database, which no restore "
                       "touches"),
                     PQgetvalue(foreign, 0, 0));
}

/* ------------------------------------------------------------------ trying */

/* The server reads the statement, looks for its tables and columns, and runs nothing: it takes no
 * right to change rows. */
static enum status check(struct postgres *postgres, const char *sql, struct error *error)
{
    CLEANUP(postgres_parameters_free) struct postgres_parameters parameters;
    enum status status = postgres_rule_read(&parameters, sql, error);
    if (status == STATUS_OK) {
        status = postgres_run(postgres, "BEGIN READ ONLY", NULL, NULL, error);
    }
    if (status == STATUS_OK) {
        status = postgres_rule_prepare(postgres, &parameters, error);
    }
    if (status == STATUS_OK) {
        status = postgres_run(postgres, "ROLLBACK", NULL, NULL, error);
    }
    if (status == STATUS_NOT_FOUND || status == STATUS_UNSUPPORTED) { /* of a table */
        status = error->status = STATUS_USAGE;
    }
    return status == STATUS_OK ? status : error_add_context(error, "%s", sql);
}

enum status postgres_check_changes(const struct config_source *source, const char *const *sql,
                                   struct error *error)
{
    CLEANUP(postgres_close) struct postgres postgres = {0};
    enum status status = postgres_open(&postgres, source, CHECK_SECONDS, CHECK_SECONDS, error);
    if (status == STATUS_OK) { /* written for the names that the role knows */
        status = postgres_run(&postgres, "RESET search_path", NULL, NULL, error);
    }
    for (size_t i = 0; status == STATUS_OK && sql[i] != NULL; i++) {
        status = check(&postgres, sql[i], error);
    }
    return status;
}
