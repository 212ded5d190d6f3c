/* sqlite_persons: see the header. */
#include "sqlite_persons.h"
#include "sqlite_reading.h"

static void statement_finalize(sqlite3_stmt **statement)
{
    sqlite3_finalize(*statement);
}

static enum status send_rows(const struct sqlite_database *database, sqlite3_stmt *statement,
                             const struct config_person *person, const struct source_sink *sink,
                             struct error *error)
{
    int code = sqlite3_step(statement);
    for (; code == SQLITE_ROW; code = sqlite3_step(statement)) {
        struct query_value value;
        enum status status = sqlite_reading_value(&value, statement, 0, error);
        if (status == STATUS_OK) {
            bool present = value.type != QUERY_NULL;
            status = sink->person(sink->context, person, present ? value.data : NULL,
                                  present ? value.size : 0, error);
        }
        if (status != STATUS_OK) {
            return status;
        }
    }
    if ((code & 0xff) == SQLITE_INTERRUPT) {
        error_set(error, STATUS_FAILED, 0, _("the SQL takes longer than %d s"),
                  SQLITE_PERSONS_SECONDS);
        return error_set_hint(error, "%s",
                              _("Counting persons must be quick: the database is held in one "
                                "state meanwhile. An index may help."));
    }
    if ((code & 0xff) == SQLITE_ERROR) { /* such as a function that found its argument wrong */
        return sqlite_reading_fail(database->db, NULL, error);
    }
    return code == SQLITE_DONE ? STATUS_OK
                               : sqlite_error(error, database->db, code, database->path);
}

static enum status send_kind(const struct sqlite_database *database,
                             const struct config_person *person, const struct source_sink *sink,
                             struct error *error)
{
    CLEANUP(statement_finalize) sqlite3_stmt *statement = NULL;
    enum status status = sqlite_reading_prepare(&statement, database->db, person->sql, error);
    if (status == STATUS_OK && sqlite3_bind_parameter_count(statement) > 0) {
        status =
            sqlite_reading_fail(database->db, _("it has a parameter that is not described"), error);
    }
    if (status == STATUS_OK && sqlite3_column_count(statement) != 1) {
        status = sqlite_reading_fail(database->db, _("it must give exactly one column"), error);
    }
    if (status != STATUS_OK) {
        return status;
    }
    double deadline = clock_monotonic() + SQLITE_PERSONS_SECONDS;
    sqlite_reading_limit(database->db, &deadline);
    status = send_rows(database, statement, person, sink, error);
    sqlite_reading_limit(database->db, NULL);
    return status;
}

enum status sqlite_persons_send(const struct sqlite_database *database,
                                const struct config_person *persons, size_t count,
                                const struct source_sink *sink, struct error *error)
{
    enum status status = STATUS_OK;
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        status = send_kind(database, &persons[i], sink, error);
        if (status != STATUS_OK) {
            error_add_context(error, _("counting persons of domain \"%s\""), persons[i].domain);
        }
    }
    sqlite_reading_release(database->db);
    return status;
}
