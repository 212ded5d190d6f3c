/* database_count: the rows of a restored database, counted as the source counts them, and held against
 * what the backup said. */
#include "hidden.h"
#include <stdlib.h>
#include <string.h>

/* Every table of a user's own; of a partitioned one the partitions. */
#define TABLES                                                                                     \
    "SELECT pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname) FROM "   \
    "pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE "        \
    "c.relkind = 'r' AND c.relpersistence <> 't' AND n.nspname NOT IN ('pg_catalog', "             \
    "'information_schema') ORDER BY 1"

static void forget(struct database_summary *summary)
{
    for (size_t i = 0; i < summary->table_count; i++) {
        free(summary->tables[i].name);
    }
    free(summary->tables);
    summary->tables = NULL;
    summary->table_count = 0;
    summary->rows = 0;
}

void database_summary_free(struct database_summary *summary)
{
    forget(summary);
    free(summary->database);
    free(summary->kept_as);
    *summary = (struct database_summary){0};
}

static enum status count_table(struct statement_table *table, struct session *session,
                               const char *name, struct error *error)
{
    CLEANUP(buffer_free) struct buffer sql = {0};
    table->name = strdup(name);
    enum status status = table->name == NULL ? error_set_memory(error) : STATUS_OK;
    if (status == STATUS_OK) {
        status = buffer_append_text(&sql, "SELECT pg_catalog.count(*) FROM ONLY ", error);
    }
    if (status == STATUS_OK) {
        status = buffer_append(&sql, name, strlen(name) + 1, error);
    }
    return status == STATUS_OK
               ? session_number(&table->rows, session, (const char *)sql.data, NULL, error)
               : status;
}

enum status database_count(struct hidden_database *database, struct error *error)
{
    CLEANUP(result_clear) PGresult *names = NULL;
    struct database_summary *summary = database->summary;
    forget(summary);
    enum status status = session_ask(&names, &database->inside, TABLES, NULL, error);
    if (status == STATUS_OK) {
        summary->tables = calloc((size_t)PQntuples(names) + 1, sizeof *summary->tables);
        status = summary->tables == NULL ? error_set_memory(error) : STATUS_OK;
    }
    for (int i = 0; status == STATUS_OK && i < PQntuples(names); i++) {
        struct statement_table *table = &summary->tables[summary->table_count++];
        status = count_table(table, &database->inside, PQgetvalue(names, i, 0), error);
        summary->rows += table->rows;
    }
    return status;
}

static const struct statement_table *find(const struct statement_table *tables, size_t count,
                                          const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(tables[i].name, name) == 0) {
            return &tables[i];
        }
    }
    return NULL;
}

static enum status refuse(const char *name, uint64_t rows, uint64_t counted, struct error *error)
{
    error_set(error, STATUS_CORRUPT, 0,
              _("table %s has %llu rows where the backup counted %llu"), name,
              (unsigned long long)rows, (unsigned long long)counted);
    return error_set_hint(error, "%s",
                          _("Nothing was published; what was there before is untouched. kura check "
                            "--read-data tells whether the storage is damaged; kura restore --target "
                            "gives the archive as it is."));
}

enum status database_compare(const struct hidden_database *database, struct error *error)
{
    const struct database_summary *summary = database->summary;
    const struct statement_source *words = &database->source->words;
    if (words->table_count == 0) {
        return STATUS_OK; /* of a command: nobody counted */
    }
    for (size_t i = 0; i < words->table_count; i++) {
        const struct statement_table *said = &words->tables[i];
        const struct statement_table *is = find(summary->tables, summary->table_count, said->name);
        if (is == NULL || is->rows != said->rows) {
            return refuse(said->name, is == NULL ? 0 : is->rows, said->rows, error);
        }
    }
    for (size_t i = 0; i < summary->table_count; i++) {
        const struct statement_table *is = &summary->tables[i];
        if (is->rows > 0 && find(words->tables, words->table_count, is->name) == NULL) {
            return refuse(is->name, is->rows, 0, error);
        }
    }
    return STATUS_OK;
}
