/* hidden_publish: the hidden database gets the name of the one that it replaces, and what that was
 * given, in one transaction: at every moment there is the old database or the new one, whole, and
 * nobody can connect to the new one before. */
#include "hidden.h"
#include <stdio.h>
#include <string.h>

enum { RENAME_TRIES = 6 }; /* the server waits five seconds for the others at each */

static enum status swap(struct hidden_database *database, const char *before, struct error *error)
{
    const char *const aside[] = {database->target, before, NULL};
    const char *const into[] = {database->name, database->target, NULL};
    /* What is said to be done is on the server's disk, whatever its settings are. */
    enum status status =
        postgres_script(&database->server, "BEGIN; SET LOCAL synchronous_commit = on", error);
    if (status == STATUS_OK && database->old.exists) {
        status = hidden_run(&database->server, "ALTER DATABASE %I RENAME TO %I", aside, error);
    }
    if (status == STATUS_OK) {
        status = hidden_run(&database->server, "ALTER DATABASE %I RENAME TO %I", into, error);
    }
    if (status == STATUS_OK) {
        status = hidden_give_properties(database, error);
    }
    if (status == STATUS_OK) {
        return postgres_script(&database->server, "COMMIT", error);
    }
    struct error ignored = {0};
    (void)!postgres_script(&database->server, "ROLLBACK", &ignored);
    return status;
}

/* The line was cut when it was to be committed: only the server knows. */
static bool was_published(struct hidden_database *database, const char *oid)
{
    struct error ignored = {0};
    uint64_t named = 0;
    const char *const values[] = {oid, database->target, NULL};
    return hidden_reopen_server(database, &ignored) == STATUS_OK &&
           hidden_number(&named, &database->server,
                         "SELECT count(*) FROM pg_catalog.pg_database WHERE oid = "
                         "%L AND datname = %L",
                         values, &ignored) == STATUS_OK &&
           named == 1;
}

static enum status rename_both(struct hidden_database *database, const char *before,
                               struct error *error)
{
    CLEANUP(postgres_clear) PGresult *row = NULL;
    const char *const name[] = {database->name, NULL};
    enum status status =
        hidden_ask(&row, &database->server,
                   "SELECT oid FROM pg_catalog.pg_database WHERE datname = %L", name, error);
    if (status == STATUS_OK && PQntuples(row) != 1) {
        status =
            error_set(error, STATUS_FAILED, 0, _("the database %s has vanished"), database->name);
    }
    if (status != STATUS_OK) {
        return status;
    }
    status = STATUS_LOCKED;
    for (int i = 0; i < RENAME_TRIES && status == STATUS_LOCKED; i++) {
        error_clear(error);
        status = swap(database, before, error);
    }
    if (status != STATUS_OK && postgres_is_lost(&database->server) &&
        was_published(database, PQgetvalue(row, 0, 0))) {
        error_clear(error);
        status = STATUS_OK;
    }
    if (status == STATUS_LOCKED) {
        error_set_hint(
            error, "%s",
            database->old.exists
                ? _("Somebody is connected to the database that is to be replaced. Stop the "
                    "programs that use it, and run it again.")
                : _("Somebody stays connected to the database that was just loaded: perhaps a "
                    "pooler (pgbouncer) that keeps sessions. Restore past it, to the server "
                    "itself."));
    }
    return status;
}

/* What was empty before the loading is removed if it still is. */
static enum status remove_empty(struct hidden_database *database, const char *before, bool *removed,
                                struct error *error)
{
    CLEANUP(postgres_close) struct postgres look = {0};
    const char *const values[] = {before, NULL};
    uint64_t objects = 0;
    enum status status = hidden_connect(&look, database, before, error);
    if (status == STATUS_OK) {
        status = hidden_count_objects(&objects, &look, error);
    }
    postgres_close(&look);
    if (status == STATUS_OK && objects == 0) {
        status = hidden_run(&database->server, "DROP DATABASE %I", values, error);
        *removed = status == STATUS_OK;
    }
    return status;
}

/* A name that no database has: the one before may have been replaced within the same second. */
static enum status choose_before(char before[DATABASE_NAME_SIZE], struct hidden_database *database,
                                 struct error *error)
{
    enum status status = STATUS_OK;
    uint64_t taken = 1;
    for (unsigned number = 1; status == STATUS_OK && taken > 0; number++) {
        hidden_name_before(before, database->target, number);
        const char *const values[] = {before, NULL};
        status = hidden_number(&taken, &database->server,
                               "SELECT count(*) FROM pg_catalog.pg_database WHERE datname = %L",
                               values, error);
    }
    return status;
}

enum status hidden_publish(struct hidden_database *database, struct error *error)
{
    char before[DATABASE_NAME_SIZE];
    postgres_close(&database->inside); /* nobody may be in it */
    enum status status = hidden_check_empty(database, error);
    status = status ? status : choose_before(before, database, error);
    status = status ? status : rename_both(database, before, error);
    if (status != STATUS_OK) {
        return error_add_context(error, "%s", _("the restored database could not be published"));
    }
    database->made = false; /* it is nobody's leftover any more */
    bool removed = false;
    struct error problem = {0};
    if (database->old.exists && database->old.empty &&
        remove_empty(database, before, &removed, &problem) != STATUS_OK) {
        hidden_warn(database, &problem);
    }
    if (database->old.exists && !removed) {
        database->summary->kept_as = strdup(before);
        return database->summary->kept_as == NULL ? error_set_memory(error) : STATUS_OK;
    }
    return STATUS_OK;
}
