/* postgres_persons: the SQL that says who is a person, in the transaction that is dumped. */
#include "postgres.h"

#define PERSONS_SECONDS 600 /* the longest that one definition may take */

struct counting {
    const struct source_sink *sink;
    const struct config_person *kind;
};

static enum status take_person(void *context, PGresult *row, struct error *error)
{
    const struct counting *counting = context;
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

/* It is run only if it has a column: no COMMIT, which would end the transaction. */
static enum status count_kind(struct counting *counting, struct postgres *postgres,
                              struct error *error)
{
    CLEANUP(postgres_clear) PGresult *columns = NULL;
    enum status status = postgres_prepare(postgres, counting->kind->sql, 0, &columns, error);
    if (status == STATUS_OK && PQnfields(columns) != 1) {
        status = error_set(error, STATUS_USAGE, 0, _("the SQL cannot be used: %s"),
                           _("it must give exactly one column"));
    }
    if (status == STATUS_OK) {
        status = postgres_run_prepared(postgres, 0, NULL, take_person, counting, error);
    }
    return status;
}

static enum status count_in_time(struct counting *counting, struct postgres *postgres,
                                 struct error *error)
{
    double deadline = clock_monotonic() + PERSONS_SECONDS;
    postgres->deadline = deadline;
    enum status status = count_kind(counting, postgres, error);
    postgres->deadline = 0;
    if (status == STATUS_FAILED && clock_monotonic() > deadline) {
        error_set(error, STATUS_FAILED, 0, _("the SQL takes longer than %d s"), PERSONS_SECONDS);
        return error_set_hint(error, "%s",
                              _("Counting persons must be quick: the database is held in one "
                                "state meanwhile. An index may help."));
    }
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
        status = count_in_time(&counting, postgres, error);
        if (status != STATUS_OK) {
            error_add_context(error, _("counting persons of domain \"%s\""),
                              source->persons[i].domain);
        }
    }
    return status;
}
