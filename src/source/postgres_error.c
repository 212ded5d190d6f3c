/* postgres_error: the server's words as an error of ours, with what can be done about it. */
#include "postgres.h"
#include <stdio.h>
#include <string.h>

#define WORDS_SIZE 1024

/* By SQLSTATE, or the beginning of one. */
static const struct {
    const char *code;
    enum status status;
    const char *hint;
} known[] = {
    {"3D000", STATUS_NOT_FOUND, N_("psql --list shows the databases that there are.")},
    {"42P04", STATUS_EXISTS, NULL},
    {"42P07", STATUS_EXISTS, NULL},
    {"55006", STATUS_LOCKED,
     N_("Stop the programs that use it; pg_stat_activity tells who they are.")},
    {"42501", STATUS_DENIED,
     N_("The role must be allowed to read everything: GRANT pg_read_all_data TO ROLE (from "
        "PostgreSQL 14 on), or GRANT SELECT on all tables and sequences; and BYPASSRLS where there "
        "is row security.")},
    {"42P01", STATUS_NOT_FOUND, NULL},
    {"42", STATUS_USAGE, NULL},
    {"22", STATUS_USAGE, NULL},
    {"0A", STATUS_USAGE, NULL},
    {"25", STATUS_USAGE, NULL},
    {"2D", STATUS_USAGE, NULL},
    {"55P03", STATUS_LOCKED,
     N_("Another session keeps the table locked (ALTER TABLE, VACUUM FULL, a transaction that was "
        "left open): see pg_stat_activity and pg_locks, or raise \"lock_timeout\".")},
    {"53100", STATUS_NO_SPACE, N_("The disk of the database server is full.")},
    {"53200", STATUS_FAILED,
     N_("If it speaks of locks: raise max_locks_per_transaction on the server; every table needs "
        "one.")},
    {"53", STATUS_FAILED, N_("The database server is short of something; see its log.")},
    {"57014", STATUS_FAILED,
     N_("It reached a time limit (statement_timeout of the role, the database or the server, or of "
        "what kura asked for), or an administrator cancelled it on the server.")},
    {"57P", STATUS_FAILED, N_("The server or an administrator ended the session; see its log.")},
    {"08", STATUS_FAILED, N_("The line to the server, or the server itself, is gone.")},
};

/* Whether the SQLSTATE begins with `class`. */
static bool is_of_class(const PGresult *result, const char *class)
{
    const char *code = result == NULL ? NULL : PQresultErrorField(result, PG_DIAG_SQLSTATE);
    return code != NULL && strncmp(code, class, strlen(class)) == 0;
}

/* libpq writes several lines. */
static void one_line(char target[WORDS_SIZE], const char *words)
{
    size_t used = 0;
    for (; *words != '\0' && used + 1 < WORDS_SIZE; words++) {
        if (*words != '\n' && *words != '\r') {
            target[used++] = *words;
        } else if (used > 0 && target[used - 1] != ' ') {
            target[used++] = ' ';
        }
    }
    while (used > 0 && target[used - 1] == ' ') {
        used--;
    }
    target[used] = '\0';
}

enum status postgres_error(struct error *error, PGconn *connection, const PGresult *result)
{
    char words[WORDS_SIZE];
    const char *primary =
        result == NULL ? NULL : PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    one_line(words, primary != NULL ? primary : PQerrorMessage(connection));
    error_set(error, STATUS_FAILED, 0, "PostgreSQL: %s",
              words[0] == '\0' ? _("an answer that was not expected") : words);
    for (size_t i = 0; i < LENGTH(known); i++) {
        if (is_of_class(result, known[i].code)) {
            error->status = known[i].status;
            if (error->status == STATUS_USAGE) {
                error_add_context(error, "%s", _("the SQL cannot be used"));
            }
            return known[i].hint == NULL ? error->status
                                         : error_set_hint(error, "%s", _(known[i].hint));
        }
    }
    return PQstatus(connection) == CONNECTION_BAD
               ? error_set_hint(error, "%s",
                                _("The line to the server, or the server itself, is gone."))
               : error->status;
}
