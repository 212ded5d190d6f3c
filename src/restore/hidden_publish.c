/* hidden_publish: the hidden database takes over what the one that it replaces was given (owner,
 * privileges, settings, limit, comment), and then its name: both renamings in one transaction, so
 * that at every moment there is the old database or the new one, whole. */
#include "hidden.h"
#include <stdio.h>
#include <string.h>

/* The privileges on the database itself. One that was never granted anything has none written
 * down. */
#define PRIVILEGES                                                                                 \
    "SELECT CASE a.grantee WHEN 0 THEN '' ELSE pg_catalog.pg_get_userbyid(a.grantee) END, "        \
    "a.privilege_type, a.is_grantable FROM pg_catalog.pg_database d, "                             \
    "pg_catalog.aclexplode(d.datacl) a WHERE d.oid = %L"
#define HAS_PRIVILEGES                                                                             \
    "SELECT count(*) FROM pg_catalog.pg_database WHERE oid = %L AND datacl IS NOT NULL"

/* ALTER DATABASE … SET and ALTER ROLE … IN DATABASE … SET: role, name, value. */
#define SETTINGS                                                                                   \
    "SELECT CASE s.setrole WHEN 0 THEN '' ELSE pg_catalog.pg_get_userbyid(s.setrole) END, "        \
    "pg_catalog.split_part(c.word, '=', 1), pg_catalog.substr(c.word, "                            \
    "pg_catalog.strpos(c.word, '=') + 1) FROM pg_catalog.pg_db_role_setting s, "                   \
    "pg_catalog.unnest(s.setconfig) c(word) WHERE s.setdatabase = %L"

enum { RENAME_TRIES = 6 }; /* the server waits five seconds for the others at each */

/* ------------------------------------------------------------------ what it is given */

static enum status grant(struct hidden_database *database, const PGresult *rows, int row,
                         struct error *error)
{
    char sql[160];
    const char *role = PQgetvalue(rows, row, 0);
    const char *privilege = PQgetvalue(rows, row, 1);
    bool grantable = PQgetvalue(rows, row, 2)[0] == 't';
    bool everybody = role[0] == '\0';
    if (strspn(privilege, "ABCDEFGHIJKLMNOPQRSTUVWXYZ ") != strlen(privilege)) {
        return error_set(error, STATUS_UNSUPPORTED, 0, "%s", privilege);
    }
    snprintf(sql, sizeof sql, "GRANT %s ON DATABASE %%I TO %s%s", privilege,
             everybody ? "PUBLIC" : "%I", grantable ? " WITH GRANT OPTION" : "");
    const char *const values[] = {database->name, everybody ? NULL : role, NULL};
    return hidden_run(&database->server, sql, values, error);
}

static enum status take_privileges(struct hidden_database *database, struct error *error)
{
    CLEANUP(postgres_clear) PGresult *rows = NULL;
    const char *const oid[] = {database->old.oid, NULL};
    const char *const owned[] = {database->name, database->old.owner, database->name, NULL};
    uint64_t has = 0;
    enum status status = hidden_number(&has, &database->server, HAS_PRIVILEGES, oid, error);
    if (status != STATUS_OK || has == 0) {
        return status;
    }
    status = hidden_ask(&rows, &database->server, PRIVILEGES, oid, error);
    if (status == STATUS_OK) {
        status = hidden_run(&database->server,
                            "REVOKE ALL ON DATABASE %I FROM %I; REVOKE ALL ON DATABASE %I "
                            "FROM PUBLIC",
                            owned, error);
    }
    for (int i = 0; status == STATUS_OK && i < PQntuples(rows); i++) {
        status = grant(database, rows, i, error);
    }
    return status;
}

/* The value goes through the session, so that the server itself writes it down as it wants it. */
static enum status take_setting(struct hidden_database *database, const PGresult *rows, int row,
                                struct error *error)
{
    const char *role = PQgetvalue(rows, row, 0);
    const char *name = PQgetvalue(rows, row, 1);
    const char *const set[] = {name, PQgetvalue(rows, row, 2), NULL};
    const char *const of_database[] = {database->name, name, NULL};
    const char *const of_role[] = {role, database->name, name, NULL};
    enum status status = postgres_script(&database->server, "BEGIN", error);
    if (status == STATUS_OK) {
        status =
            hidden_run(&database->server, "SELECT pg_catalog.set_config(%L, %L, true)", set, error);
    }
    if (status == STATUS_OK) {
        status =
            role[0] == '\0'
                ? hidden_run(&database->server, "ALTER DATABASE %I SET %I FROM CURRENT",
                             of_database, error)
                : hidden_run(&database->server, "ALTER ROLE %I IN DATABASE %I SET %I FROM CURRENT",
                             of_role, error);
    }
    if (status == STATUS_OK) {
        return postgres_script(&database->server, "COMMIT", error);
    }
    struct error ignored = {0};
    (void)!postgres_script(&database->server, "ROLLBACK", &ignored);
    return error_add_context(error, "%s", name);
}

static void warn(const struct hidden_database *database, struct error *problem)
{
    const struct restore_events *events = &database->options->events;
    if (events->warn != NULL) {
        events->warn(events->context, database->options->source, NULL, problem);
    }
}

/* What cannot be taken over is told, and keeps nobody from his data. */
enum status hidden_settle(const struct hidden_database *database, enum status status,
                          struct error *problem, const char *what, struct error *error)
{
    if (postgres_is_lost(&database->server) || status == STATUS_CANCELLED) {
        *error = *problem;
        return status;
    }
    if (status != STATUS_OK) {
        error_add_context(problem, _("the database's %s could not be taken over"), what);
        warn(database, problem);
    }
    return STATUS_OK;
}

static enum status take_settings(struct hidden_database *database, struct error *error)
{
    CLEANUP(postgres_clear) PGresult *rows = NULL;
    const char *const oid[] = {database->old.oid, NULL};
    enum status status = hidden_ask(&rows, &database->server, SETTINGS, oid, error);
    for (int i = 0; status == STATUS_OK && i < PQntuples(rows); i++) {
        struct error problem = {0};
        status = hidden_settle(database, take_setting(database, rows, i, &problem), &problem,
                               _("settings"), error);
    }
    return status;
}

static enum status take_over(struct hidden_database *database, struct error *error)
{
    const struct occupant *old = &database->old;
    struct error problem = {0};
    const char *const owner[] = {database->name, old->owner, NULL};
    const char *const name[] = {database->name, NULL};
    const char *const comment[] = {database->name, old->comment, NULL};
    char limit[64];
    enum status status =
        hidden_run(&database->server, "ALTER DATABASE %I OWNER TO %I", owner, &problem);
    status = hidden_settle(database, status, &problem, _("owner"), error);
    if (status == STATUS_OK) {
        status = hidden_settle(database, take_privileges(database, &problem), &problem,
                               _("privileges"), error);
    }
    if (status == STATUS_OK && strspn(old->connection_limit, "-0123456789") < 12) {
        snprintf(limit, sizeof limit, "ALTER DATABASE %%I CONNECTION LIMIT %s",
                 old->connection_limit);
        status = hidden_run(&database->server, limit, name, &problem);
        status = hidden_settle(database, status, &problem, _("connection limit"), error);
    }
    if (status == STATUS_OK && old->comment != NULL) {
        status = hidden_run(&database->server, "COMMENT ON DATABASE %I IS %L", comment, error);
    }
    return status == STATUS_OK ? take_settings(database, error) : status;
}

/* From here on it no longer says that it is unfinished; its name still does. */
enum status hidden_give_properties(struct hidden_database *database, struct error *error)
{
    const char *const name[] = {database->name, NULL};
    enum status status =
        hidden_run(&database->server, "COMMENT ON DATABASE %I IS NULL", name, error);
    if (status != STATUS_OK) {
        return status;
    }
    return database->old.exists ? take_over(database, error) : hidden_say_anew(database, error);
}

/* ------------------------------------------------------------------ its name */

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
        error_set_hint(error, "%s",
                       _("Somebody is connected to the database that is to be replaced. Stop the "
                         "programs that use it, and run it again."));
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

enum status hidden_publish(struct hidden_database *database, struct error *error)
{
    char before[DATABASE_NAME_SIZE];
    hidden_name_before(before, database->target);
    postgres_close(&database->inside); /* nobody may be in it */
    enum status status = rename_both(database, before, error);
    if (status != STATUS_OK) {
        return error_add_context(error, "%s", _("the restored database could not be published"));
    }
    database->made = false; /* it is nobody's leftover any more */
    bool removed = false;
    struct error problem = {0};
    if (database->old.exists && database->old.empty &&
        remove_empty(database, before, &removed, &problem) != STATUS_OK) {
        warn(database, &problem);
    }
    if (database->old.exists && !removed) {
        database->summary->kept_as = strdup(before);
        return database->summary->kept_as == NULL ? error_set_memory(error) : STATUS_OK;
    }
    return STATUS_OK;
}
