/* hidden_properties: what the database was given that the hidden one replaces, or what the archive
 * says of its own: owner, privileges, limit and comment with the name, for they say who may
 * connect. */
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

/* ------------------------------------------------------------------ telling */

void hidden_warn(const struct hidden_database *database, struct error *problem)
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
        hidden_warn(database, problem);
    }
    return STATUS_OK;
}

enum status hidden_begin_step(struct hidden_database *database, struct error *error)
{
    return postgres_script(&database->server, "SAVEPOINT kura_step", error);
}

enum status hidden_end_step(struct hidden_database *database, enum status status,
                            struct error *problem, const char *what, struct error *error)
{
    const char *end =
        status == STATUS_OK ? "RELEASE SAVEPOINT kura_step" : "ROLLBACK TO SAVEPOINT kura_step";
    status = hidden_settle(database, status, problem, what, error);
    return status == STATUS_OK ? postgres_script(&database->server, end, error) : status;
}

/* ------------------------------------------------------------------ privileges and owner */

/* Who may not give or take a privilege is only told so, with a warning: 01006, 01007. */
static void look_at_remark(void *context, const PGresult *remark)
{
    const char *code = PQresultErrorField(remark, PG_DIAG_SQLSTATE);
    const char *words = PQresultErrorField(remark, PG_DIAG_MESSAGE_PRIMARY);
    struct error *refused = context;
    if (code != NULL && (strcmp(code, "01006") == 0 || strcmp(code, "01007") == 0)) {
        error_set(refused, STATUS_DENIED, 0, "PostgreSQL: %s", words == NULL ? code : words);
    }
}

enum status hidden_run_strictly(struct postgres *session, const char *sql, struct error *error)
{
    struct error refused = {0};
    PQnoticeReceiver before = PQsetNoticeReceiver(session->connection, look_at_remark, &refused);
    enum status status = postgres_script(session, sql, error);
    PQsetNoticeReceiver(session->connection, before, NULL);
    if (status == STATUS_OK && refused.status != STATUS_OK) {
        *error = refused;
    }
    return status == STATUS_OK ? refused.status : status;
}

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
    const char *const values[] = {database->target, everybody ? NULL : role, NULL};
    CLEANUP(memory_free) char *words = NULL;
    enum status status = postgres_format(&words, &database->server, sql, values, error);
    return status == STATUS_OK ? hidden_run_strictly(&database->server, words, error) : status;
}

/* What CREATE DATABASE gives everybody. */
static enum status open_to_all(struct hidden_database *database, struct error *error)
{
    const char *const name[] = {database->target, NULL};
    return hidden_run(&database->server, "GRANT CONNECT, TEMPORARY ON DATABASE %I TO PUBLIC", name,
                      error);
}

static enum status take_privileges(struct hidden_database *database, struct error *error)
{
    CLEANUP(postgres_clear) PGresult *rows = NULL;
    const char *const oid[] = {database->old.oid, NULL};
    const char *const name[] = {database->target, NULL};
    uint64_t has = 0;
    enum status status = hidden_number(&has, &database->server, HAS_PRIVILEGES, oid, error);
    if (status != STATUS_OK || has == 0) {
        return status == STATUS_OK ? open_to_all(database, error) : status;
    }
    status = hidden_ask(&rows, &database->server, PRIVILEGES, oid, error);
    if (status == STATUS_OK) {
        status = hidden_run(&database->server, "REVOKE ALL ON DATABASE %I FROM CURRENT_USER", name,
                            error);
    }
    for (int i = 0; status == STATUS_OK && i < PQntuples(rows); i++) {
        status = grant(database, rows, i, error);
    }
    return status;
}

/* What is still the owner's by then goes over with it. */
static enum status take_owner(struct hidden_database *database, struct error *error)
{
    const char *const owner[] = {database->target, database->old.owner, NULL};
    return hidden_run(&database->server, "ALTER DATABASE %I OWNER TO %I", owner, error);
}

static enum status take_limit(struct hidden_database *database, struct error *error)
{
    char sql[64];
    const char *const name[] = {database->target, NULL};
    const char *limit = database->old.connection_limit;
    if (limit[strspn(limit, "-0123456789")] != '\0') {
        return error_set(error, STATUS_UNSUPPORTED, 0, "%s", limit);
    }
    snprintf(sql, sizeof sql, "ALTER DATABASE %%I CONNECTION LIMIT %.12s", limit);
    return hidden_run(&database->server, sql, name, error);
}

static enum status take_comment(struct hidden_database *database, struct error *error)
{
    const char *const comment[] = {database->target, database->old.comment, NULL};
    return database->old.comment == NULL
               ? STATUS_OK
               : hidden_run(&database->server, "COMMENT ON DATABASE %I IS %L", comment, error);
}

static enum status give(struct hidden_database *database,
                        enum status (*take)(struct hidden_database *, struct error *),
                        const char *what, struct error *error)
{
    struct error problem = {0};
    enum status status = hidden_begin_step(database, error);
    return status == STATUS_OK
               ? hidden_end_step(database, take(database, &problem), &problem, what, error)
               : status;
}

static enum status keep_own(struct hidden_database *database, struct error *error)
{
    const char *const name[] = {database->target, NULL};
    return hidden_run(&database->server, "GRANT ALL ON DATABASE %I TO CURRENT_USER", name, error);
}

/* The owner comes last: a role that does not inherit may do nothing more behind it. The privileges
 * are exactly those of before, but for whoever could not give it away. */
static enum status take_over(struct hidden_database *database, struct error *error)
{
    struct error problem = {0};
    enum status status = give(database, take_privileges, _("privileges"), error);
    status = status ? status : give(database, take_limit, _("connection limit"), error);
    status = status ? status : give(database, take_comment, _("comment"), error);
    status = status ? status : hidden_begin_step(database, error);
    if (status != STATUS_OK) {
        return status;
    }
    enum status taken = take_owner(database, &problem);
    status = hidden_end_step(database, taken, &problem, _("owner"), error);
    return status == STATUS_OK && taken != STATUS_OK ? keep_own(database, error) : status;
}

/* What an archive says begins with what a new database has; if not all of it that shuts others out
 * is known and can be said, nobody is let in. */
static enum status say_properties(struct hidden_database *database, struct error *error)
{
    bool open = database->script_cut;
    const char *const name[] = {database->target, NULL};
    enum status status = open_to_all(database, error);
    status = status ? status : hidden_say_anew(database, HIDDEN_PROPERTIES, &open, error);
    if (status == STATUS_OK && open) {
        status =
            hidden_run(&database->server, "REVOKE ALL ON DATABASE %I FROM PUBLIC", name, error);
    }
    return status ? status : hidden_say_anew(database, HIDDEN_OWNER, NULL, error);
}

enum status hidden_give_properties(struct hidden_database *database, struct error *error)
{
    const char *const name[] = {database->target, database->target, database->target, NULL};
    enum status status = hidden_run(&database->server,
                                    "COMMENT ON DATABASE %I IS NULL;"
                                    "REVOKE ALL ON DATABASE %I FROM SESSION_USER;"
                                    "GRANT ALL ON DATABASE %I TO CURRENT_USER",
                                    name, error);
    if (status != STATUS_OK) {
        return status;
    }
    return database->old.exists ? take_over(database, error) : say_properties(database, error);
}
