/* postgres_connect: from the words of the configuration to a session. Service file, password file,
 * environment, sockets and TLS are libpq's affair, here as in psql. */
#include "postgres.h"
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONNECT_SECONDS 60 /* if the connection string says nothing */
#define SETTINGS_SIZE 2048

/* A line that died is found dead after a minute, in whichever direction nothing comes. */
static const struct {
    const char *key, *value;
} defaults[] = {
    {"keepalives_idle", "30"},
    {"keepalives_interval", "10"},
    {"keepalives_count", "3"},
    {"tcp_user_timeout", "60000"},
};

static void options_free(PQconninfoOption **options)
{
    PQconninfoFree(*options);
}

static const char *option_value(const PQconninfoOption *option)
{
    if (option->val != NULL) {
        return option->val;
    }
    for (size_t i = 0; i < LENGTH(defaults); i++) {
        if (strcmp(defaults[i].key, option->keyword) == 0) {
            return defaults[i].value;
        }
    }
    return NULL;
}

static enum status append_option(struct buffer *text, const char *key, const char *value,
                                 struct error *error)
{
    enum status status = buffer_append_text(text, key, error);
    if (status == STATUS_OK) {
        status = buffer_append_text(text, "='", error);
    }
    for (; status == STATUS_OK && *value != '\0'; value++) {
        if (*value == '\'' || *value == '\\') {
            status = buffer_append_u8(text, '\\', error);
        }
        if (status == STATUS_OK) {
            status = buffer_append_u8(text, (uint8_t)*value, error);
        }
    }
    return status == STATUS_OK ? buffer_append_text(text, "' ", error) : status;
}

static enum status fail_malformed(const char *words, struct error *error)
{
    error_set(error, STATUS_USAGE, 0, _("the connection string cannot be used: %s"), words);
    return error_set_hint(error, _("Write a connection string or URI of PostgreSQL, such as "
                                   "\"service=shop\" or \"host=db.example dbname=shop\"."));
}

static enum status fail_words(const char *text, char *words, struct error *error)
{
    if (words == NULL) {
        return error_set_memory(error);
    }
    /* libpq shows what it stumbled over, which may be half of a password. */
    bool secret = strstr(text, "password") != NULL || strchr(text, '@') != NULL;
    words[strcspn(words, "\n")] = '\0';
    enum status status = fail_malformed(secret ? _("it is malformed") : words, error);
    PQfreemem(words);
    return status;
}

static enum status fail_password(struct error *error)
{
    error_set(error, STATUS_USAGE, 0, "%s", _("there is a password in the connection string"));
    return error_set_hint(error, _("Everybody would see it among the arguments of pg_dump. "
                                   "Put it into a password file (~/.pgpass or "
                                   "passfile=FILE) or a service file."));
}

static bool is_secret(const PQconninfoOption *option)
{
    return strcmp(option->keyword, "password") == 0 || strcmp(option->keyword, "sslpassword") == 0;
}

static bool is_name_alone(const char *connection)
{
    return strchr(connection, '=') == NULL && strncmp(connection, "postgresql://", 13) != 0 &&
           strncmp(connection, "postgres://", 11) != 0;
}

/* A URI that libpq does not know as one would be a database's name, which is shown to everybody. */
static bool is_spoilt_uri(const char *connection)
{
    return is_name_alone(connection) && strstr(connection, "://") != NULL;
}

static enum status parse(PQconninfoOption **options, const char *connection, struct error *error)
{
    char *complaint = NULL;
    if (is_spoilt_uri(connection)) {
        return fail_malformed(_("it is malformed"), error);
    }
    *options = PQconninfoParse(is_name_alone(connection) ? "" : connection, &complaint);
    return *options == NULL ? fail_words(connection, complaint, error) : STATUS_OK;
}

enum status postgres_complete(char **words, const char *connection, const char *database,
                              struct error *error)
{
    CLEANUP(options_free) PQconninfoOption *options = NULL;
    CLEANUP(buffer_free) struct buffer text = {0};
    connection += strspn(connection, " \t\r\n"); /* libpq knows no URI behind a blank */
    enum status status = parse(&options, connection, error);
    if (status == STATUS_OK && database == NULL && is_name_alone(connection)) {
        database = connection;
    }
    for (const PQconninfoOption *option = options;
         status == STATUS_OK && option != NULL && option->keyword != NULL; option++) {
        const char *value = option_value(option);
        if (option->val != NULL && is_secret(option)) {
            return fail_password(error);
        }
        if (database != NULL && strcmp(option->keyword, "dbname") == 0) {
            value = database;
        }
        if (value != NULL) {
            status = append_option(&text, option->keyword, value, error);
        }
    }
    if (status == STATUS_OK) {
        status = buffer_append_u8(&text, 0, error);
    }
    if (status == STATUS_OK) {
        *words = (char *)text.data;
        text = (struct buffer){0};
    }
    return status;
}

enum status postgres_words(char **words, const struct config_source *source, struct error *error)
{
    enum status status = postgres_complete(words, source->postgres.connection, NULL, error);
    return status == STATUS_OK ? status
                               : error_add_context(error, _("source \"%s\""), source->name);
}

/* libpq looks for the service before it looks for a server, and says so in the user's language. */
static bool is_of_service(const struct error *error)
{
    return strstr(error->message, "service") != NULL || strstr(error->message, "サービス") != NULL;
}

static enum status hint_service(struct error *error)
{
    return error_set_hint(
        error, "%s",
        _("Services stand in ~/.pg_service.conf of the user who runs this, in the "
          "file that PGSERVICEFILE names, or in pg_service.conf of the folder that "
          "pg_config --sysconfdir tells."));
}

static enum status take_database_name(char **name, PGconn *begun, struct error *error)
{
    const char *found = PQdb(begun);
    if (found == NULL || found[0] == '\0') {
        postgres_error(error, begun, NULL);
        error->status = STATUS_USAGE;
        return is_of_service(error)
                   ? hint_service(error)
                   : error_set_hint(error, "%s", _("Try psql with the same connection string."));
    }
    if (strlen(found) > POSTGRES_NAME_LIMIT) {
        return error_set(error, STATUS_USAGE, 0, _("a database's name has at most %d bytes"),
                         POSTGRES_NAME_LIMIT);
    }
    *name = strdup(found);
    return *name == NULL ? error_set_memory(error) : STATUS_OK;
}

enum status postgres_database_name(char **name, const char *words, struct error *error)
{
    /* Only libpq knows what a service file says, and only a connection that was begun tells. */
    PGconn *begun = PQconnectStart(words);
    enum status status =
        begun == NULL ? error_set_memory(error) : take_database_name(name, begun, error);
    PQfinish(begun);
    return status;
}

/* ------------------------------------------------------------------ connecting */

static double connect_deadline(const struct postgres *postgres)
{
    CLEANUP(options_free) PQconninfoOption *options = PQconninfo(postgres->connection);
    long seconds = 0;
    for (const PQconninfoOption *option = options; option != NULL && option->keyword != NULL;
         option++) {
        if (strcmp(option->keyword, "connect_timeout") == 0 && option->val != NULL) {
            seconds = strtol(option->val, NULL, 10);
        }
    }
    double end = clock_monotonic() + (seconds > 0 ? (double)seconds : CONNECT_SECONDS);
    return postgres->deadline != 0 && postgres->deadline < end ? postgres->deadline : end;
}

static enum status fail_connection(struct postgres *postgres, struct error *error)
{
    bool wanted = PQconnectionNeedsPassword(postgres->connection);
    bool refused = PQconnectionUsedPassword(postgres->connection);
    postgres_error(error, postgres->connection, NULL);
    bool service = PQsocket(postgres->connection) < 0 && is_of_service(error);
    error_add_context(error, _("connecting to PostgreSQL failed"));
    if (service) {
        return hint_service(error);
    }
    if (wanted || refused) {
        error->status = STATUS_DENIED;
        return error_set_hint(
            error, wanted ? _("The server wants a password, and there is none: put it into a "
                              "password file (~/.pgpass or passfile=FILE), readable by its owner "
                              "only.")
                          : _("The password in the password file or service file is not the "
                              "right one for this user."));
    }
    return error_set_hint(error, _("Try psql with the same connection string, as the user who "
                                   "makes the backup."));
}

/* libpq would write what the server remarks to our standard error. */
static void ignore_remark(void *context, const char *words)
{
    (void)context, (void)words;
}

static enum status connect_to_server(struct postgres *postgres, struct error *error)
{
    postgres->connection = PQconnectStart(postgres->words);
    if (postgres->connection == NULL) {
        return error_set_memory(error);
    }
    PQsetNoticeProcessor(postgres->connection, ignore_remark, NULL);
    double deadline = postgres->deadline;
    postgres->deadline = connect_deadline(postgres);
    enum status status = STATUS_OK;
    PostgresPollingStatusType wanted = PQstatus(postgres->connection) == CONNECTION_BAD
                                           ? PGRES_POLLING_FAILED
                                           : PGRES_POLLING_WRITING;
    while (status == STATUS_OK && wanted != PGRES_POLLING_OK) {
        if (wanted == PGRES_POLLING_FAILED) {
            return fail_connection(postgres, error);
        }
        status = postgres_wait(postgres, wanted == PGRES_POLLING_READING ? POLLIN : POLLOUT, error);
        if (status == STATUS_OK) {
            wanted = PQconnectPoll(postgres->connection);
        }
    }
    postgres->deadline = deadline;
    if (status == STATUS_OK && PQsetnonblocking(postgres->connection, 1) != 0) {
        status = fail_connection(postgres, error);
    }
    return status;
}

/* Each statement could come to another session of the server, and what is set for ours would be
 * lost and found by the shop's. A pooler cannot but give a session number of its own. */
static enum status refuse_pooler(struct postgres *postgres, struct error *error)
{
    CLEANUP(memory_free) char *number = NULL;
    enum status status =
        postgres_text(&number, postgres, "SELECT pg_catalog.pg_backend_pid()", error);
    if (status != STATUS_OK || strtol(number, NULL, 10) == PQbackendPID(postgres->connection)) {
        return status;
    }
    error_set(error, STATUS_UNSUPPORTED, 0, "%s",
              _("between here and the PostgreSQL server there is a connection pooler (PgBouncer or "
                "the like)"));
    return error_set_hint(error, "%s",
                          _("What is set for a session can be lost in it, and rows with it. Name "
                            "the host and port of the server itself."));
}

/* A time-out of the role or the database would end the transaction that only waits while pg_dump
 * reads. Not every version knows every name. Row security must fail, not leave out rows. A
 * table has one name and a text one value whatever was set for whoever asks. The system's names
 * come first and alone: nobody can plant a function in their place. */
static enum status settle(struct postgres *postgres, unsigned lock_seconds,
                          unsigned statement_seconds, struct error *error)
{
    char sql[SETTINGS_SIZE];
    snprintf(sql, sizeof sql,
             "SELECT pg_catalog.set_config(s.name, w.value, false)"
             " FROM (VALUES ('client_encoding', 'UTF8'), ('search_path', ''),"
             " ('standard_conforming_strings', 'on'),"
             " ('default_transaction_read_only', 'off'), ('datestyle', 'ISO'),"
             " ('intervalstyle', 'postgres'), ('bytea_output', 'hex'), ('row_security', 'off'),"
             " ('quote_all_identifiers', 'off'), ('array_nulls', 'on'),"
             " ('extra_float_digits', '1'), ('lock_timeout', '%us'), ('statement_timeout', '%us'),"
             " ('idle_in_transaction_session_timeout', '0'), ('idle_session_timeout', '0'),"
             " ('transaction_timeout', '0')) AS w (name, value)"
             " JOIN pg_catalog.pg_settings s"
             " ON pg_catalog.lower(s.name) OPERATOR(pg_catalog.=) w.name",
             lock_seconds, statement_seconds);
    return postgres_run(postgres, sql, NULL, NULL, error);
}

enum status postgres_connect(struct postgres *postgres, unsigned lock_seconds,
                             unsigned statement_seconds, struct error *error)
{
    enum status status = connect_to_server(postgres, error);
    if (status == STATUS_OK && PQserverVersion(postgres->connection) < POSTGRES_SERVER_LEAST) {
        return error_set(error, STATUS_UNSUPPORTED, 0,
                         _("the server is PostgreSQL %d; 13 is the oldest that is known"),
                         PQserverVersion(postgres->connection) / 10000);
    }
    if (status == STATUS_OK) {
        status = refuse_pooler(postgres, error);
    }
    return status == STATUS_OK ? settle(postgres, lock_seconds, statement_seconds, error) : status;
}

enum status postgres_open(struct postgres *postgres, const struct config_source *source,
                          unsigned lock_seconds, unsigned statement_seconds, struct error *error)
{
    enum status status = postgres_words(&postgres->words, source, error);
    return status == STATUS_OK ? postgres_connect(postgres, lock_seconds, statement_seconds, error)
                               : status;
}

bool postgres_is_lost(const struct postgres *postgres)
{
    return PQstatus(postgres->connection) != CONNECTION_OK;
}

void postgres_close(struct postgres *postgres)
{
    if (PQtransactionStatus(postgres->connection) == PQTRANS_ACTIVE) {
        postgres_cancel(postgres->connection);
    }
    PQfinish(postgres->connection);
    free(postgres->words);
    *postgres = (struct postgres){0};
}
