/* session: see the header. */
#include "session.h"
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

enum { LOOK_MS = 500 };

/* ------------------------------------------------------------------ connection strings */

static bool is_name_alone(const char *connection)
{
    return strchr(connection, '=') == NULL && strncmp(connection, "postgresql://", 13) != 0 &&
           strncmp(connection, "postgres://", 11) != 0;
}

static void options_free(PQconninfoOption **options)
{
    PQconninfoFree(*options);
}

static enum status parse(PQconninfoOption **options, const char *connection, struct error *error)
{
    char *why = NULL;
    *options = PQconninfoParse(connection, &why);
    if (*options != NULL) {
        return STATUS_OK;
    }
    /* What libpq says may quote a password. */
    PQfreemem(why);
    error_set(error, STATUS_USAGE, 0, "%s", _("--database: this is no connection string of libpq"));
    return error_set_hint(error, "%s",
                          _("Write a database's name, \"service=NAME\", \"host=… dbname=…\" or "
                            "postgresql://…"));
}

static bool is_secret(const char *keyword)
{
    return strcmp(keyword, "password") == 0 || strcmp(keyword, "sslpassword") == 0;
}

enum status session_check_connection(const char *connection, struct error *error)
{
    CLEANUP(options_free) PQconninfoOption *options = NULL;
    if (is_name_alone(connection)) {
        return STATUS_OK;
    }
    enum status status = parse(&options, connection, error);
    for (const PQconninfoOption *option = options; status == STATUS_OK && option->keyword != NULL;
         option++) {
        if (option->val != NULL && is_secret(option->keyword)) {
            error_set(error, STATUS_USAGE, 0, "%s",
                      _("--database: a password does not belong on the command line"));
            status = error_set_hint(error, "%s",
                                    _("Everybody on this machine could read it there. Put it into "
                                      "the password file ~/.pgpass (mode 600), or the file that "
                                      "passfile= names."));
        }
    }
    return status;
}

static enum status append_option(struct buffer *text, const char *keyword, const char *value,
                                 struct error *error)
{
    enum status status = buffer_append_text(text, keyword, error);
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

enum status session_connection_to(char **text, const char *connection, const char *database,
                                  struct error *error)
{
    CLEANUP(options_free) PQconninfoOption *options = NULL;
    CLEANUP(buffer_free) struct buffer out = {0};
    enum status status = STATUS_OK;
    if (!is_name_alone(connection)) {
        status = parse(&options, connection, error);
    }
    for (const PQconninfoOption *option = options;
         status == STATUS_OK && option != NULL && option->keyword != NULL; option++) {
        if (option->val != NULL && strcmp(option->keyword, "dbname") != 0) {
            status = append_option(&out, option->keyword, option->val, error);
        }
    }
    if (status == STATUS_OK) {
        status = append_option(&out, "dbname", database, error);
    }
    if (status == STATUS_OK) {
        status = buffer_append_u8(&out, '\0', error);
    }
    if (status == STATUS_OK) {
        *text = (char *)out.data;
        out.data = NULL;
    }
    return status;
}

/* ------------------------------------------------------------------ connecting */

/* A later word outweighs an earlier one, so the user's connection outweighs the first four, and
 * nothing outweighs the database and the encoding. A server that is gone is noticed in a minute. */
static PGconn *begin_connection(const char *connection, const char *database, bool wait)
{
    const char *const keywords[] = {"connect_timeout",
                                    "tcp_user_timeout",
                                    "keepalives_idle",
                                    "fallback_application_name",
                                    "dbname",
                                    "client_encoding",
                                    database == NULL ? NULL : "dbname",
                                    NULL};
    const char *const values[] = {"30", "60000", "30", "kura", connection, "UTF8", database, NULL};
    return wait ? PQconnectdbParams(keywords, values, 1)
                : PQconnectStartParams(keywords, values, 1);
}

enum status session_database_name(char **name, const char *connection, struct error *error)
{
    /* Only libpq knows what a service file says, and only a connection that was begun tells. */
    PGconn *asked = begin_connection(connection, NULL, false);
    const char *found = asked == NULL ? NULL : PQdb(asked);
    enum status status = STATUS_OK;
    if (found == NULL || found[0] == '\0') {
        error_set(error, STATUS_USAGE, 0, _("--database: %s"),
                  asked == NULL ? _("no memory left") : PQerrorMessage(asked));
        status = error_set_hint(error, "%s", _("Name the database: dbname=NAME"));
    } else if (strlen(found) > DATABASE_NAME_LIMIT) {
        status = error_set(error, STATUS_USAGE, 0,
                           _("--database: a database's name has at most %d bytes"),
                           DATABASE_NAME_LIMIT);
    } else if ((*name = strdup(found)) == NULL) {
        status = error_set_memory(error);
    }
    PQfinish(asked);
    return status;
}

/* libpq ends its messages with a new line, and may give several. */
static void take_words(char *words, size_t size, const char *message)
{
    size_t used = 0;
    for (; *message != '\0' && used + 1 < size; message++) {
        if (*message != '\n') {
            words[used++] = *message;
        } else if (message[1] != '\0') {
            words[used++] = ' ';
        }
    }
    words[used] = '\0';
}

static enum status fail_connecting(PGconn *connection, struct error *error)
{
    char words[1024];
    take_words(words, sizeof words, PQerrorMessage(connection));
    if (PQconnectionNeedsPassword(connection) || PQconnectionUsedPassword(connection)) {
        error_set(error, STATUS_DENIED, 0, _("the database server refused the login: %s"), words);
        return error_set_hint(error, "%s",
                              _("The password comes from the password file ~/.pgpass (mode 600) of "
                                "the user who runs kura, or the file that passfile= names."));
    }
    error_set(error, STATUS_UNREACHABLE, 0, _("no connection to the database: %s"), words);
    return error_set_hint(error, "%s",
                          _("psql with the same connection string shows whether the server runs, "
                            "listens there and lets this user in."));
}

enum status session_open(struct session *session, const char *connection, const char *database,
                         struct error *error)
{
    session->connection = begin_connection(connection, database, true);
    if (session->connection == NULL) {
        return error_set_memory(error);
    }
    if (PQstatus(session->connection) != CONNECTION_OK) {
        fail_connecting(session->connection, error);
        session_close(session);
        return error->status;
    }
    return session_run(session,
                       "SET client_min_messages = warning; SET statement_timeout = 0; "
                       "SET lock_timeout = 0; SET idle_in_transaction_session_timeout = 0; "
                       "SET search_path = ''; SET standard_conforming_strings = on",
                       error);
}

void session_close(struct session *session)
{
    PQfinish(session->connection);
    session->connection = NULL;
}

/* ------------------------------------------------------------------ failures */

static enum status meaning_of(const char *state)
{
    static const struct {
        const char *state; /* its beginning */
        enum status status;
    } meanings[] = {
        {"08", STATUS_UNREACHABLE}, {"57P", STATUS_UNREACHABLE}, {"28", STATUS_DENIED},
        {"42501", STATUS_DENIED},   {"53100", STATUS_NO_SPACE},  {"3D000", STATUS_NOT_FOUND},
        {"42P04", STATUS_EXISTS},   {"55006", STATUS_LOCKED},
    };
    for (size_t i = 0; state != NULL && i < LENGTH(meanings); i++) {
        if (strncmp(state, meanings[i].state, strlen(meanings[i].state)) == 0) {
            return meanings[i].status;
        }
    }
    return STATUS_FAILED;
}

static enum status fail_statement(const struct session *session, const PGresult *result,
                                  struct error *error)
{
    char words[1024];
    const char *state = result == NULL ? NULL : PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *primary =
        result == NULL ? NULL : PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    bool lost = PQstatus(session->connection) != CONNECTION_OK;
    take_words(words, sizeof words,
               primary != NULL ? primary : PQerrorMessage(session->connection));
    return error_set(error, lost ? STATUS_UNREACHABLE : meaning_of(state), 0,
                     _("the database server said: %s"), words);
}

static enum status cancel(const struct session *session, struct error *error)
{
    char ignored[256];
    PGcancel *handle = PQgetCancel(session->connection);
    if (handle != NULL) {
        (void)PQcancel(handle, ignored, sizeof ignored);
        PQfreeCancel(handle);
    }
    return error_set(error, STATUS_CANCELLED, 0, "%s", _("stopped on request"));
}

static bool stop_wanted(const struct session *session)
{
    return session->cancelled != NULL && *session->cancelled != 0;
}

/* ------------------------------------------------------------------ statements */

void result_clear(PGresult **result)
{
    PQclear(*result);
    *result = NULL;
}

static enum status wait_for_result(struct session *session, struct error *error)
{
    while (PQisBusy(session->connection)) {
        struct pollfd waiting = {.fd = PQsocket(session->connection), .events = POLLIN};
        if (stop_wanted(session)) {
            return cancel(session, error);
        }
        if (poll(&waiting, 1, LOOK_MS) < 0 && errno != EINTR) {
            return error_set_errno(error, errno, "%s", _("waiting for the database failed"));
        }
        if (waiting.revents != 0 && !PQconsumeInput(session->connection)) {
            return fail_statement(session, NULL, error);
        }
    }
    return STATUS_OK;
}

static bool is_good(const PGresult *result)
{
    ExecStatusType type = PQresultStatus(result);
    return type == PGRES_COMMAND_OK || type == PGRES_TUPLES_OK || type == PGRES_EMPTY_QUERY ||
           type == PGRES_COPY_IN;
}

/* The last of several results; a COPY is left open for its rows. */
static enum status fetch(PGresult **kept, struct session *session, struct error *error)
{
    enum status status = STATUS_OK;
    for (;;) {
        struct error problem = {0};
        CLEANUP(result_clear) PGresult *result = NULL;
        if (wait_for_result(session, &problem) != STATUS_OK) {
            *error = problem;
            return problem.status;
        }
        result = PQgetResult(session->connection);
        if (result == NULL) {
            return status;
        }
        if (!is_good(result) && status == STATUS_OK) {
            status = fail_statement(session, result, error);
        }
        bool copying = PQresultStatus(result) == PGRES_COPY_IN;
        if (kept != NULL) {
            result_clear(kept);
            *kept = result;
            result = NULL;
        }
        if (copying) {
            return status;
        }
    }
}

enum status session_ask(PGresult **result, struct session *session, const char *sql,
                        const char *const *values, struct error *error)
{
    int count = 0;
    while (values != NULL && values[count] != NULL) {
        count++;
    }
    if (!PQsendQueryParams(session->connection, sql, count, NULL, values, NULL, NULL, 0)) {
        return fail_statement(session, NULL, error);
    }
    return fetch(result, session, error);
}

enum status session_run(struct session *session, const char *sql, struct error *error)
{
    if (!PQsendQuery(session->connection, sql)) {
        return fail_statement(session, NULL, error);
    }
    return fetch(NULL, session, error);
}

static enum status append_quoted(struct buffer *text, const struct session *session, char kind,
                                 const char *value, struct error *error)
{
    size_t size = strlen(value);
    char *quoted = kind == 'I' ? PQescapeIdentifier(session->connection, value, size)
                               : PQescapeLiteral(session->connection, value, size);
    enum status status = quoted == NULL ? fail_statement(session, NULL, error)
                                        : buffer_append_text(text, quoted, error);
    PQfreemem(quoted);
    return status;
}

enum status session_run_with(struct session *session, const char *sql, const char *const *values,
                             struct error *error)
{
    CLEANUP(buffer_free) struct buffer text = {0};
    enum status status = STATUS_OK;
    for (; status == STATUS_OK && *sql != '\0'; sql++) {
        if (sql[0] == '%' && (sql[1] == 'I' || sql[1] == 'L')) {
            status = append_quoted(&text, session, sql[1], *values++, error);
            sql++;
        } else {
            status = buffer_append_u8(&text, (uint8_t)*sql, error);
        }
    }
    if (status == STATUS_OK) {
        status = buffer_append_u8(&text, '\0', error);
    }
    return status == STATUS_OK ? session_run(session, (const char *)text.data, error) : status;
}

enum status session_number(uint64_t *number, struct session *session, const char *sql,
                           const char *const *values, struct error *error)
{
    CLEANUP(result_clear) PGresult *result = NULL;
    enum status status = session_ask(&result, session, sql, values, error);
    if (status == STATUS_OK && PQntuples(result) > 0) {
        *number = strtoull(PQgetvalue(result, 0, 0), NULL, 10);
    }
    return status;
}

/* ------------------------------------------------------------------ COPY */

enum status session_copy(struct session *session, const char *data, size_t size,
                         struct error *error)
{
    if (stop_wanted(session)) {
        return cancel(session, error);
    }
    return PQputCopyData(session->connection, data, (int)size) == 1
               ? STATUS_OK
               : fail_statement(session, NULL, error);
}

enum status session_copy_end(struct session *session, struct error *error)
{
    return PQputCopyEnd(session->connection, NULL) == 1 ? fetch(NULL, session, error)
                                                        : fail_statement(session, NULL, error);
}
