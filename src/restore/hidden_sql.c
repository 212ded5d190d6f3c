/* hidden_sql: sessions and short statements of a restore. */
#include "hidden.h"
#include <stdlib.h>
#include <string.h>

static const char *const none[] = {NULL};

enum status hidden_connect(struct postgres *session, const struct hidden_database *database,
                           const char *name, struct error *error)
{
    const struct database_options *options = database->options;
    postgres_close(session);
    session->cancelled = options->cancelled;
    enum status status = postgres_complete(&session->words, options->connection, name, error);
    if (status == STATUS_OK) {
        status = postgres_connect(session, 0, 0, error);
    }
    /* As pg_dump writes rows, and as the backup noted the names of tables. */
    return status == STATUS_OK
               ? postgres_script(session,
                                 "SELECT pg_catalog.set_config('array_nulls', 'on', "
                                 "false), pg_catalog.set_config("
                                 "'quote_all_identifiers', 'off', false)",
                                 error)
               : status;
}

enum status hidden_ask(PGresult **rows, struct postgres *session, const char *pattern,
                       const char *const *values, struct error *error)
{
    CLEANUP(memory_free) char *sql = NULL;
    enum status status =
        postgres_format(&sql, session, pattern, values == NULL ? none : values, error);
    return status == STATUS_OK ? postgres_ask(rows, session, sql, error) : status;
}

enum status hidden_run(struct postgres *session, const char *pattern, const char *const *values,
                       struct error *error)
{
    CLEANUP(memory_free) char *sql = NULL;
    enum status status =
        postgres_format(&sql, session, pattern, values == NULL ? none : values, error);
    return status == STATUS_OK ? postgres_script(session, sql, error) : status;
}

enum status hidden_number(uint64_t *number, struct postgres *session, const char *pattern,
                          const char *const *values, struct error *error)
{
    CLEANUP(postgres_clear) PGresult *rows = NULL;
    enum status status = hidden_ask(&rows, session, pattern, values, error);
    *number =
        status == STATUS_OK && PQntuples(rows) > 0 ? strtoull(PQgetvalue(rows, 0, 0), NULL, 10) : 0;
    return status;
}

enum status hidden_encode(char **encoded, struct postgres *session, const char *text,
                          const char *encoding, struct error *error)
{
    CLEANUP(postgres_clear) PGresult *row = NULL;
    const char *const values[] = {text, encoding, NULL};
    size_t size;
    enum status status =
        hidden_ask(&row, session, "SELECT pg_catalog.convert_to(%L, %L)", values, error);
    if (status != STATUS_OK) {
        return status;
    }
    unsigned char *bytes = PQunescapeBytea((const unsigned char *)PQgetvalue(row, 0, 0), &size);
    *encoded = bytes == NULL ? NULL : strndup((const char *)bytes, size);
    PQfreemem(bytes);
    return *encoded == NULL ? error_set_memory(error) : STATUS_OK;
}
