/* hidden_server: the server is asked everything that can be asked before the first byte is loaded:
 * whether it is new enough, whether databases may be made there, what earlier restores left, what
 * is there under the target's name. */
#include "hidden.h"
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* What a user made, and not an extension. Large objects belong to no schema; an array's type and a
 * table's come with what they are of. */
#define OWN_OF(catalogue, schema)                                                                  \
    "(SELECT count(*) FROM pg_catalog." catalogue " c JOIN pg_catalog.pg_namespace n ON n.oid = "  \
    "c." schema " WHERE n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast') AND "    \
    "n.nspname !~ '^pg_(toast_)?temp_' AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_depend d "      \
    "WHERE d.classid = 'pg_catalog." catalogue "'::pg_catalog.regclass AND d.objid = c.oid AND "   \
    "d.deptype = 'e') AND "
#define OBJECTS                                                                                    \
    "SELECT " OWN_OF(                                                                              \
        "pg_class",                                                                                \
        "relnamespace") "c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S', "                             \
                        "'c')) + " OWN_OF("pg_proc", "pronamespace") "true) + " OWN_OF(            \
                            "pg_type", "typnamespace") "c.typtype IN ('b', 'd', 'e', 'r') AND "    \
                                                       "c.typcategory <> 'A') + "                  \
                                                       "(SELECT count(*) FROM "                    \
                                                       "pg_catalog.pg_largeobject_metadata)"

#define OCCUPANT                                                                                   \
    "SELECT d.oid, pg_catalog.pg_get_userbyid(d.datdba), t.spcname, d.datconnlimit, "              \
    "pg_catalog.shobj_description(d.oid, 'pg_database') FROM pg_catalog.pg_database d LEFT JOIN "  \
    "pg_catalog.pg_tablespace t ON t.oid = d.dattablespace AND t.oid NOT IN (SELECT "              \
    "dattablespace FROM pg_catalog.pg_database WHERE datname = 'template0') WHERE d.datname = %L"

#define CONNECTED                                                                                  \
    "SELECT count(*) FROM pg_catalog.pg_stat_activity WHERE datname = %L AND "                     \
    "coalesce(backend_type, 'client backend') = 'client backend'"

enum { GOODBYE_TRIES = 20, END_TRIES = 50, GOODBYE_MS = 100 };

void occupant_free(struct occupant *old)
{
    free(old->oid);
    free(old->owner);
    free(old->tablespace);
    free(old->connection_limit);
    free(old->comment);
    *old = (struct occupant){0};
}

/* In a database that is nobody's, and not the target: nobody can rename the one that he is in. */
enum status hidden_reopen_server(struct hidden_database *database, struct error *error)
{
    struct error second = {0};
    bool postgres = strcmp(database->target, "postgres") != 0;
    enum status status =
        hidden_connect(&database->server, database, postgres ? "postgres" : "template1", error);
    if (status != STATUS_NOT_FOUND && status != STATUS_FAILED) {
        return status;
    }
    /* Somebody may have removed "postgres"; "template1" is always there. */
    if (hidden_connect(&database->server, database, "template1", &second) == STATUS_OK) {
        error_clear(error);
        status = STATUS_OK;
    }
    return status;
}

static enum status check_server(struct hidden_database *database, struct error *error)
{
    uint64_t may = 0;
    struct postgres *server = &database->server;
    if (database->options->tables != NULL) {
        return STATUS_OK; /* no database is made */
    }
    enum status status =
        hidden_number(&may, server,
                      "SELECT count(*) FROM pg_catalog.pg_roles WHERE rolname = current_user AND "
                      "(rolcreatedb OR rolsuper)",
                      NULL, error);
    if (status != STATUS_OK || may > 0) {
        return status;
    }
    error_set(error, STATUS_DENIED, 0, _("the role %s may not make databases on this server"),
              PQuser(server->connection));
    return error_set_hint(error, "%s",
                          _("The database is loaded under another name first, so that nothing half "
                            "done is ever seen. Let an administrator say ALTER ROLE … CREATEDB, or "
                            "restore into a folder with --target and use pg_restore by hand."));
}

/* A lock counts in the database in which it was taken, and another restore may be in another one
 * than "postgres". */
#define HELD_ELSEWHERE                                                                             \
    "SELECT count(*) FROM pg_catalog.pg_locks WHERE locktype = 'advisory' AND objsubid = 1 AND "   \
    "granted AND pid <> pg_catalog.pg_backend_pid() AND ((classid::pg_catalog.int8 << 32) | "      \
    "objid::pg_catalog.int8) = %L::pg_catalog.int8"

static enum status hold_lock(struct hidden_database *database, struct error *error)
{
    char number[24];
    uint64_t held = 0;
    uint64_t others = 0;
    hidden_name_lock(number, database->target);
    const char *const values[] = {number, NULL};
    enum status status =
        hidden_number(&held, &database->server,
                      "SELECT pg_catalog.pg_try_advisory_lock(%L)::pg_catalog.int4", values, error);
    if (status == STATUS_OK) {
        status = hidden_number(&others, &database->server, HELD_ELSEWHERE, values, error);
    }
    if (status != STATUS_OK || (held == 1 && others == 0)) {
        return status;
    }
    error_set(error, STATUS_LOCKED, 0, _("another restore into the database %s is running"),
              database->target);
    return error_set_hint(error, "%s", _("Wait for it, or end it."));
}

enum status hidden_check_lock(struct hidden_database *database, struct error *error)
{
    PGconn *connection = database->server.connection;
    if (connection == NULL ||
        (PQconsumeInput(connection) == 1 && PQstatus(connection) == CONNECTION_OK)) {
        return STATUS_OK;
    }
    error_set(error, STATUS_FAILED, 0, "%s",
              _("the session that keeps other restores away from this database was ended"));
    return error_set_hint(error, "%s",
                          _("An administrator ended it, or the line to the server is gone. Run it "
                            "again."));
}

/* *others: who is connected to the database, after those who are about to leave. Who may not see
 * what kind of session another is sees a NULL. */
static enum status count_connected(uint64_t *others, struct hidden_database *database,
                                   const char *name, int tries, struct error *error)
{
    const char *const values[] = {name, NULL};
    for (int i = 0;; i++) {
        enum status status = hidden_number(others, &database->server, CONNECTED, values, error);
        if (status != STATUS_OK || *others == 0 || i == tries) {
            return status;
        }
        nanosleep(&(struct timespec){.tv_nsec = GOODBYE_MS * 1000000L}, NULL);
    }
}

/* Its lock may be lost, and it not know yet. */
static enum status check_unused(struct hidden_database *database, const char *name,
                                struct error *error)
{
    uint64_t others = 0;
    enum status status = count_connected(&others, database, name, END_TRIES, error);
    if (status != STATUS_OK || others == 0) {
        return status;
    }
    error_set(
        error, STATUS_LOCKED, 0,
        _("a restore seems to be working in the database %s still: %llu sessions are connected "
          "to it"),
        name, (unsigned long long)others);
    return error_set_hint(
        error, "%s",
        _("Wait for it. If no kura restore runs any more, the server is busy with "
          "what it had asked for: pg_terminate_backend(pid) ends the sessions "
          "that pg_stat_activity shows there."));
}

/* A subscription keeps its database from being removed. Its slot belongs to a server that may be
 * gone, or to a database that lives: it is left alone. */
static enum status drop_subscriptions(struct hidden_database *database, const char *name,
                                      struct error *error)
{
    CLEANUP(postgres_close) struct postgres inside = {0};
    CLEANUP(postgres_clear) PGresult *names = NULL;
    const char *const of[] = {name, NULL};
    enum status status =
        hidden_ask(&names, &database->server,
                   "SELECT s.subname FROM pg_catalog.pg_subscription s JOIN pg_catalog.pg_database "
                   "d ON d.oid = s.subdbid WHERE d.datname = %L",
                   of, error);
    if (status == STATUS_OK && PQntuples(names) > 0) {
        status = hidden_connect(&inside, database, name, error);
    }
    for (int i = 0; status == STATUS_OK && i < PQntuples(names); i++) {
        const char *own = PQgetvalue(names, i, 0);
        const char *const values[] = {own, own, own, NULL};
        status = hidden_run(&inside,
                            "ALTER SUBSCRIPTION %I DISABLE; ALTER SUBSCRIPTION %I SET (slot_name = "
                            "NONE); DROP SUBSCRIPTION %I",
                            values, error);
    }
    return status;
}

static enum status remove_leftover(struct hidden_database *database, const char *name,
                                   struct error *error)
{
    struct error told = {0};
    const struct restore_events *events = &database->options->events;
    const char *const values[] = {name, NULL};
    enum status status = check_unused(database, name, error);
    if (status == STATUS_OK) {
        status = drop_subscriptions(database, name, error);
    }
    if (status == STATUS_OK) {
        status = hidden_run(&database->server, "DROP DATABASE IF EXISTS %I", values, error);
    }
    if (status == STATUS_OK && events->warn != NULL) {
        error_set(&told, STATUS_OK, 0,
                  _("an interrupted restore had left the database %s; it is removed now"), name);
        events->warn(events->context, database->options->source, NULL, &told);
    }
    return status == STATUS_OK ? status
                               : error_add_context(error,
                                                   _("the database %s, which an interrupted "
                                                     "restore left, cannot be removed"),
                                                   name);
}

static enum status remove_leftovers(struct hidden_database *database, struct error *error)
{
    CLEANUP(postgres_clear) PGresult *names = NULL;
    enum status status = hidden_ask(&names, &database->server,
                                    "SELECT datname FROM pg_catalog.pg_database WHERE datname LIKE "
                                    "'%.kura-%' ORDER BY datname",
                                    NULL, error);
    for (int i = 0; status == STATUS_OK && i < PQntuples(names); i++) {
        const char *name = PQgetvalue(names, i, 0);
        if (hidden_name_is_of(name, database->target)) {
            status = remove_leftover(database, name, error);
        }
    }
    return status;
}

enum status hidden_open_server(struct hidden_database *database, struct error *error)
{
    enum status status = hidden_reopen_server(database, error);
    if (status == STATUS_OK) {
        status = check_server(database, error);
    }
    if (status == STATUS_OK) {
        status = hold_lock(database, error);
    }
    return status == STATUS_OK ? remove_leftovers(database, error) : status;
}

/* ------------------------------------------------------------------ the target */

enum status hidden_count_objects(uint64_t *count, struct postgres *session, struct error *error)
{
    return hidden_number(count, session, OBJECTS, NULL, error);
}

static enum status take_text(char **target, const PGresult *row, int column, struct error *error)
{
    if (PQgetisnull(row, 0, column)) {
        return STATUS_OK;
    }
    *target = strdup(PQgetvalue(row, 0, column));
    return *target == NULL ? error_set_memory(error) : STATUS_OK;
}

static enum status read_occupant(struct hidden_database *database, struct error *error)
{
    CLEANUP(postgres_clear) PGresult *row = NULL;
    struct occupant *old = &database->old;
    const char *const values[] = {database->target, NULL};
    enum status status = hidden_ask(&row, &database->server, OCCUPANT, values, error);
    if (status != STATUS_OK || PQntuples(row) == 0) {
        return status;
    }
    char **const texts[] = {&old->oid, &old->owner, &old->tablespace, &old->connection_limit,
                            &old->comment};
    for (int i = 0; status == STATUS_OK && i < (int)LENGTH(texts); i++) {
        status = take_text(texts[i], row, i, error);
    }
    old->exists = status == STATUS_OK;
    return status;
}

static enum status refuse_tables(const struct hidden_database *database, uint64_t objects,
                                 struct error *error)
{
    error_set(error, STATUS_EXISTS, 0,
              _("the database %s is not empty (%llu tables, functions and others)"),
              database->target, (unsigned long long)objects);
    return error_set_hint(error, "%s",
                          _("Name a new database, or an empty one. With --overwrite the old one is "
                            "renamed when the new one is complete."));
}

/* Whoever is connected would be in the way of the new name; better now than after the loading. */
static enum status check_connected(struct hidden_database *database, struct error *error)
{
    uint64_t others = 0;
    enum status status = count_connected(&others, database, database->target, GOODBYE_TRIES, error);
    if (status != STATUS_OK || others == 0) {
        return status;
    }
    error_set(error, STATUS_LOCKED, 0, _("%llu programs are connected to the database %s"),
              (unsigned long long)others, database->target);
    return error_set_hint(error, "%s",
                          _("Stop them, and run it again; SELECT * FROM pg_stat_activity tells who "
                            "they are."));
}

/* Every database that is made later would hold the customers. */
static enum status check_template(struct hidden_database *database, struct error *error)
{
    const char *const values[] = {database->target, NULL};
    uint64_t is = 0;
    enum status status = hidden_number(
        &is, &database->server,
        "SELECT count(*) FROM pg_catalog.pg_database WHERE datname = %L AND datistemplate", values,
        error);
    if (status != STATUS_OK || is == 0) {
        return status;
    }
    error_set(error, STATUS_USAGE, 0,
              _("the database %s is a template: all databases that are made later would hold what "
                "is restored into it"),
              database->target);
    return error_set_hint(error, "%s", _("Name another database; one that is not there is made."));
}

enum status hidden_check_target(struct hidden_database *database, struct error *error)
{
    CLEANUP(postgres_close) struct postgres look = {0};
    uint64_t objects = 0;
    enum status status = read_occupant(database, error);
    if (status != STATUS_OK || !database->old.exists) {
        return status;
    }
    status = check_template(database, error);
    if (status != STATUS_OK) {
        return status;
    }
    status = hidden_connect(&look, database, NULL, error);
    if (status == STATUS_OK) {
        status = hidden_count_objects(&objects, &look, error);
    }
    if (status != STATUS_OK) {
        return status;
    }
    postgres_close(&look);
    database->old.empty = objects == 0;
    return objects > 0 && !database->options->replace ? refuse_tables(database, objects, error)
                                                      : check_connected(database, error);
}

enum status hidden_check_empty(struct hidden_database *database, struct error *error)
{
    CLEANUP(postgres_close) struct postgres look = {0};
    uint64_t objects = 0;
    if (!database->old.exists || !database->old.empty || database->options->replace) {
        return STATUS_OK;
    }
    enum status status = hidden_connect(&look, database, database->target, error);
    if (status == STATUS_OK) {
        status = hidden_count_objects(&objects, &look, error);
    }
    return status == STATUS_OK && objects > 0 ? refuse_tables(database, objects, error) : status;
}
