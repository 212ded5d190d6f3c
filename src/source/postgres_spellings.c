/* postgres_spellings: an id may be spelt otherwise than the server writes it: in capitals, without
 * the blanks of a char(n), with zeros in front. */
#include "postgres.h"
#include <string.h>

enum { SECONDS = 60 };

struct finding {
    source_spelling visit;
    void *context;
};

static enum status take_row(void *context, PGresult *row, struct error *error)
{
    const struct finding *finding = context;
    struct query_value value;
    unsigned char *bytes = NULL;
    if (PQntuples(row) == 0) {
        return STATUS_OK;
    }
    enum status status = postgres_value(&value, &bytes, row, 0, error);
    if (status == STATUS_OK) {
        status = finding->visit(finding->context, value.data, value.size, error);
    }
    PQfreemem(bytes);
    return status;
}

/* Each in a transaction of its own, which only reads. */
static enum status find(struct finding *finding, struct postgres *postgres,
                        const struct config_person *person, const char *id, struct error *error)
{
    CLEANUP(postgres_clear) PGresult *columns = NULL;
    CLEANUP(buffer_free) struct buffer sql = {0};
    const char *const values[] = {id};
    enum status status = source_spelling_sql(&sql, person, "$1", error);
    if (status == STATUS_OK) {
        status = postgres_run(postgres, "BEGIN READ ONLY", NULL, NULL, error);
    }
    if (status == STATUS_OK) {
        status = postgres_prepare(postgres, (const char *)sql.data, 1, &columns, error);
    }
    if (status != STATUS_OK) {
        return status;
    }
    status = postgres_run_prepared(postgres, 1, values, take_row, finding, error);
    if (status == STATUS_USAGE) { /* no number, no date, no uuid: nobody's */
        error_clear(error);
        status = STATUS_OK;
    }
    return status == STATUS_OK ? postgres_run(postgres, "ROLLBACK", NULL, NULL, error) : status;
}

enum status postgres_spellings(const struct config_source *source, const char *domain,
                               const char *id, source_spelling visit, void *context,
                               struct error *error)
{
    CLEANUP(postgres_close) struct postgres postgres = {0};
    struct finding finding = {visit, context};
    enum status status = postgres_open(&postgres, source, SECONDS, SECONDS, error);
    if (status == STATUS_OK) { /* written for the names that the role knows */
        status = postgres_run(&postgres, "RESET search_path", NULL, NULL, error);
    }
    for (size_t i = 0; status == STATUS_OK && i < source->person_count; i++) {
        if (strcmp(source->persons[i].domain, domain) == 0) {
            status = find(&finding, &postgres, &source->persons[i], id, error);
        }
    }
    return status;
}
