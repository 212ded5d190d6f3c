/* database_count: the rows of a restored database, counted as the source counts them, and held
 * against what the backup said. */
#include "hidden.h"
#include <stdlib.h>
#include <string.h>

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

static enum status add_table(struct database_summary *summary, struct postgres *session,
                             const struct postgres_table *table, struct error *error)
{
    struct statement_table *counted = &summary->tables[summary->table_count];
    *counted = (struct statement_table){.name = strdup(table->name)};
    if (counted->name == NULL) {
        return error_set_memory(error);
    }
    summary->table_count++;
    enum status status = postgres_count_table(&counted->rows, session, table, error);
    summary->rows += counted->rows;
    return status;
}

/* Other versions of an extension, and those of older backups, name other tables for a dump. */
static bool is_counted(const struct hidden_database *database, const struct postgres_table *table)
{
    const struct statement_source *words = &database->source->words;
    return table->counted && (table->condition == NULL ||
                              find(words->tables, words->table_count, table->name) != NULL);
}

enum status database_count(struct hidden_database *database, struct error *error)
{
    CLEANUP(postgres_tables_free) struct postgres_tables tables = {0};
    struct database_summary *summary = database->summary;
    forget(summary);
    enum status status = postgres_tables_read(&tables, &database->inside, error);
    if (status != STATUS_OK) {
        return status;
    }
    summary->tables = calloc(tables.count + 1, sizeof *summary->tables);
    if (summary->tables == NULL) {
        return error_set_memory(error);
    }
    for (size_t i = 0; status == STATUS_OK && i < tables.count; i++) {
        if (is_counted(database, &tables.items[i])) {
            status = add_table(summary, &database->inside, &tables.items[i], error);
        }
    }
    return status;
}

enum status database_count_again(struct hidden_database *database, struct error *error)
{
    struct database_summary *summary = database->summary;
    enum status status = STATUS_OK;
    summary->rows = 0;
    for (size_t i = 0; status == STATUS_OK && i < summary->table_count; i++) {
        struct statement_table *table = &summary->tables[i];
        status = postgres_count_rows(&table->rows, &database->inside, table->name, error);
        summary->rows += table->rows;
    }
    return status;
}

static enum status refuse(const char *name, uint64_t rows, uint64_t counted, struct error *error)
{
    error_set(error, STATUS_CORRUPT, 0, _("table %s has %llu rows where the backup counted %llu"),
              name, (unsigned long long)rows, (unsigned long long)counted);
    return error_set_hint(
        error, "%s",
        _("Nothing was published; what was there before is untouched. kura check "
          "--read-data tells whether the storage is damaged; kura restore --target "
          "gives the archive as it is."));
}

enum status database_compare(const struct hidden_database *database, struct error *error)
{
    const struct database_summary *summary = database->summary;
    const struct statement_source *words = &database->source->words;
    bool all = database->options->tables == NULL;
    if (words->table_count == 0) {
        return STATUS_OK; /* of a command: nobody counted */
    }
    for (size_t i = 0; all && i < words->table_count; i++) {
        if (find(summary->tables, summary->table_count, words->tables[i].name) == NULL) {
            return refuse(words->tables[i].name, 0, words->tables[i].rows, error);
        }
    }
    for (size_t i = 0; i < summary->table_count; i++) {
        const struct statement_table *is = &summary->tables[i];
        const struct statement_table *said = find(words->tables, words->table_count, is->name);
        if (said == NULL || said->rows != is->rows) {
            return refuse(is->name, is->rows, said == NULL ? 0 : said->rows, error);
        }
    }
    return STATUS_OK;
}
