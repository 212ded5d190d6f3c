/* hidden_settings: ALTER DATABASE … SET and ALTER ROLE … IN DATABASE … SET. Rows may be such that
 * only under their database's settings they can be loaded (a CHECK asks current_setting, an amount
 * of money is in the currency of lc_monetary), and some settings make the server read what pg_dump
 * wrote in another way, or keep everybody out. So they are given twice: before the load as far as
 * it needs them, without a word; after it as they are to stay, and what does not is told. */
#include "hidden.h"
#include <string.h>

/* Role, name, value. */
#define SETTINGS                                                                                   \
    "SELECT CASE s.setrole WHEN 0 THEN '' ELSE pg_catalog.pg_get_userbyid(s.setrole) END, "        \
    "pg_catalog.split_part(c.word, '=', 1), pg_catalog.substr(c.word, "                            \
    "pg_catalog.strpos(c.word, '=') + 1) FROM pg_catalog.pg_db_role_setting s, "                   \
    "pg_catalog.unnest(s.setconfig) c(word) WHERE s.setdatabase = %L"

/* As pg_dump writes, the server reads, and as long as it takes; not every version knows every name.
 */
#define FOR_LOAD                                                                                   \
    "SELECT s.name, w.value FROM (VALUES ('array_nulls', 'on'), ('transform_null_equals', 'off')," \
    " ('quote_all_identifiers', 'off'), ('datestyle', 'ISO'), ('intervalstyle', 'postgres'),"      \
    " ('default_transaction_read_only', 'off'), ('default_transaction_deferrable', 'off'),"        \
    " ('default_transaction_isolation', 'read committed'), ('statement_timeout', '0'),"            \
    " ('lock_timeout', '0'), ('idle_in_transaction_session_timeout', '0'),"                        \
    " ('idle_session_timeout', '0'), ('transaction_timeout', '0')) AS w (name, value)"             \
    " JOIN pg_catalog.pg_settings s"                                                               \
    " ON pg_catalog.lower(s.name) OPERATOR(pg_catalog.=) w.name"

/* ------------------------------------------------------------------ one of them */

/* A library that is loaded with each session may not be installed here. */
static enum status try_to_connect(struct hidden_database *database, const char *name,
                                  struct error *error)
{
    CLEANUP(postgres_close) struct postgres look = {0};
    enum status status = hidden_connect(&look, database, database->name, error);
    if (status == STATUS_OK || status == STATUS_CANCELLED) {
        return status;
    }
    if (!postgres_is_lost(&look)) {
        error_clear(error); /* a time limit, or the like: one gets in */
        return STATUS_OK;
    }
    error_add_context(error, _("with the setting %s nobody can connect"), name);
    return error_set_hint(error, "%s",
                          _("Make what the setting names available on this server, and give it by "
                            "hand: ALTER DATABASE … SET … (or ALTER ROLE … IN DATABASE … SET …)."));
}

/* What could not be given. */
static enum status settle(struct hidden_database *database, bool told, enum status status,
                          struct error *problem, struct error *error)
{
    if (status == STATUS_DENIED) {
        error_set_hint(problem, "%s",
                       _("Let a superuser give it: ALTER DATABASE … SET … (or ALTER ROLE … IN "
                         "DATABASE … SET …)."));
    }
    if (told || postgres_is_lost(&database->server) || status == STATUS_CANCELLED) {
        return hidden_settle(database, status, problem, _("settings"), error);
    }
    return STATUS_OK;
}

/* The value goes through the session, so that the server itself writes it down as it wants it. */
static enum status write_setting(struct hidden_database *database, const char *role,
                                 const char *name, const char *value, struct error *error)
{
    const char *const set[] = {name, value, NULL};
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

static enum status take_setting(struct hidden_database *database, const PGresult *rows, int row,
                                struct error *error)
{
    const char *role = PQgetvalue(rows, row, 0);
    const char *name = PQgetvalue(rows, row, 1);
    const char *const of_database[] = {database->name, name, NULL};
    const char *const of_role[] = {role, database->name, name, NULL};
    struct error second = {0};
    enum status status = write_setting(database, role, name, PQgetvalue(rows, row, 2), error);
    if (status != STATUS_OK) {
        return status;
    }
    status = try_to_connect(database, name, error);
    if (status != STATUS_OK) {
        (void)!(
            role[0] == '\0'
                ? hidden_run(&database->server, "ALTER DATABASE %I RESET %I", of_database, &second)
                : hidden_run(&database->server, "ALTER ROLE %I IN DATABASE %I RESET %I", of_role,
                             &second));
    }
    return status;
}

static enum status say_setting(struct hidden_database *database, const struct hidden_words *words,
                               struct error *error)
{
    char name[SETTING_NAME_SIZE] = "";
    struct error second = {0};
    (void)!hidden_setting_name(name, words);
    enum status status = hidden_say_setting(database, words, error);
    if (status != STATUS_OK) {
        return status;
    }
    status = try_to_connect(database, name, error);
    if (status != STATUS_OK) {
        (void)!hidden_unsay_setting(database, words, &second);
    }
    return status;
}

/* ------------------------------------------------------------------ all of them */

/* Who loads is whoever restores, whatever the database's users become in it. */
static bool changes_role(const char *name)
{
    return strcmp(name, "role") == 0 || strcmp(name, "session_authorization") == 0;
}

/* Those of the database that is replaced: all, or what is for the load. */
static enum status take_settings(struct hidden_database *database, bool all, bool told,
                                 struct error *error)
{
    CLEANUP(postgres_clear) PGresult *rows = NULL;
    const char *const oid[] = {database->old.oid, NULL};
    enum status status = hidden_ask(&rows, &database->server, SETTINGS, oid, error);
    for (int i = 0; status == STATUS_OK && i < PQntuples(rows); i++) {
        struct error problem = {0};
        bool of_database = PQgetvalue(rows, i, 0)[0] == '\0';
        if (all || (of_database && !changes_role(PQgetvalue(rows, i, 1)))) {
            status = take_setting(database, rows, i, &problem);
            status = settle(database, told, status, &problem, error);
        }
    }
    return status;
}

static bool is_for_load(const struct hidden_words *words)
{
    char name[SETTING_NAME_SIZE];
    return strncmp(words->statement, "ALTER DATABASE ", 15) == 0 &&
           hidden_setting_name(name, words) && !changes_role(name);
}

/* Those that the archive names. */
static enum status say_settings(struct hidden_database *database, bool all, bool told,
                                struct error *error)
{
    struct hidden_words words = {.script = (const char *)database->script.data};
    enum status status = STATUS_OK;
    while (status == STATUS_OK && hidden_next_words(&words, database->options->no_owner)) {
        struct error problem = {0};
        if (hidden_part_of(&words) == HIDDEN_SETTINGS && (all || is_for_load(&words))) {
            status = say_setting(database, &words, &problem);
            status = settle(database, told, status, &problem, error);
        }
    }
    return status;
}

/* A setting of the role is stronger than one of the database; who became another role may not give
 * its own. */
static enum status set_for_load(struct hidden_database *database, const char *name,
                                const char *value, struct error *error)
{
    const char *const values[] = {database->name, name, value, NULL};
    struct error ignored = {0};
    (void)!hidden_run(&database->server, "ALTER ROLE SESSION_USER IN DATABASE %I SET %I = %L",
                      values, &ignored);
    return hidden_run(&database->server, "ALTER DATABASE %I SET %I = %L", values, error);
}

/* PGOPTIONS, or a role that may not give itself settings, may be stronger. pg_restore would put the
 * text "NULL" in the place of nothing, and nobody be told. What a session began with is what it
 * would go back to. */
static enum status check_nulls(struct hidden_database *database, struct error *error)
{
    CLEANUP(postgres_close) struct postgres look = {0};
    CLEANUP(memory_free) char *nulls = NULL;
    enum status status = hidden_connect(&look, database, database->name, error);
    if (status == STATUS_OK) {
        status = postgres_text(&nulls, &look,
                               "SELECT reset_val FROM pg_catalog.pg_settings WHERE name OPERATOR("
                               "pg_catalog.=) 'array_nulls'",
                               error);
    }
    if (status != STATUS_OK || strcmp(nulls, "on") == 0) {
        return status;
    }
    error_set(error, STATUS_FAILED, 0, "%s",
              _("array_nulls is off for whoever restores: a NULL in an array would become the text "
                "\"NULL\""));
    return error_set_hint(error, "%s",
                          _("Say ALTER ROLE … RESET array_nulls for the role that logs in, and "
                            "take it out of PGOPTIONS."));
}

enum status hidden_settle_for_load(struct hidden_database *database, struct error *error)
{
    CLEANUP(postgres_clear) PGresult *rows = NULL;
    enum status status =
        database->old.exists ? take_settings(database, false, false, error) : STATUS_OK;
    if (status == STATUS_OK) {
        status = say_settings(database, false, false, error);
    }
    if (status == STATUS_OK) {
        status = hidden_ask(&rows, &database->server, FOR_LOAD, NULL, error);
    }
    for (int i = 0; status == STATUS_OK && i < PQntuples(rows); i++) {
        status = set_for_load(database, PQgetvalue(rows, i, 0), PQgetvalue(rows, i, 1), error);
    }
    return status == STATUS_OK ? check_nulls(database, error) : status;
}

enum status hidden_settle_currency(struct hidden_database *database, struct error *error)
{
    struct error ignored = {0}; /* whether amounts are right is asked of them */
    struct hidden_words words = {0};
    enum status status = hidden_read_script(database, error);
    if (status != STATUS_OK) {
        bool stopped = status == STATUS_CANCELLED;
        stopped ? (void)0 : error_clear(error);
        return stopped ? status : STATUS_OK;
    }
    words.script = (const char *)database->script.data;
    while (hidden_next_words(&words, true)) {
        char name[SETTING_NAME_SIZE];
        if (hidden_setting_name(name, &words) && strcmp(name, "lc_monetary") == 0) {
            (void)!hidden_set_here(database, &words, &ignored);
        }
    }
    return STATUS_OK;
}

enum status hidden_give_settings(struct hidden_database *database, bool told, struct error *error)
{
    const char *const name[] = {database->name, NULL};
    struct error ignored = {0};
    (void)!hidden_run(&database->server, "ALTER ROLE SESSION_USER IN DATABASE %I RESET ALL", name,
                      &ignored);
    enum status status = hidden_run(&database->server, "ALTER DATABASE %I RESET ALL", name, error);
    if (status != STATUS_OK) {
        return status;
    }
    return database->old.exists ? take_settings(database, true, told, error)
                                : say_settings(database, true, told, error);
}
