/* postgres_persons: the SQL that says who is a person, in the transaction that is dumped. */
#include "postgres.h"

struct counting {
    const struct source_sink *sink;
    const struct config_person *kind;
};

static enum status take_person(void *context, PGresult *row, struct error *error)
{
    const struct counting *counting = context;
    if (PQnfields(row) != 1) {
        return error_set(error, STATUS_USAGE, 0, _("the SQL cannot be used: %s"),
                         _("it must have one column, which identifies a person"));
    }
    if (PQntuples(row) == 0) {
        return STATUS_OK;
    }
    struct query_value value;
    unsigned char *bytes = NULL;
    enum status status = postgres_value(&value, &bytes, row, 0, error);
    if (status == STATUS_OK) {
        const struct source_sink *sink = counting->sink;
        status = sink->person(sink->context, counting->kind, value.data, value.size, error);
    }
    PQfreemem(bytes);
    return status;
}

enum status postgres_persons(struct postgres *postgres, const struct config_source *source,
                             struct error *error)
{
    if (source->person_count == 0) {
        return STATUS_OK;
    }
    /* Written for the names that the role knows. */
    enum status status = postgres_run(postgres, "RESET search_path", NULL, NULL, error);
    for (size_t i = 0; i < source->person_count && status == STATUS_OK; i++) {
        struct counting counting = {postgres->sink, &source->persons[i]};
        status = postgres_run(postgres, source->persons[i].sql, take_person, &counting, error);
        if (status != STATUS_OK) {
            error_add_context(error, _("counting persons (%s)"), source->persons[i].domain);
        }
    }
    return status;
}
