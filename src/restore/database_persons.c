/* database_persons: who is in a restored database, by the definition that the catalogue brought
 * along, against who was in it when it was backed up. */
#include "hidden.h"
#include "restore_private.h"
#include <stdlib.h>
#include <string.h>

struct counting {
    struct persons persons;
    const unsigned char *secret;
};

static enum status take_person(void *context, const struct config_person *kind, const void *value,
                               size_t size, struct error *error)
{
    struct counting *counting = context;
    if (value == NULL || size == 0) {
        counting->persons.unlinked++;
        return STATUS_OK;
    }
    return persons_add(&counting->persons, counting->secret, kind->domain, value, size, error);
}

static enum status count(struct counting *counting, struct hidden_database *database,
                         struct error *error)
{
    const struct census *census = &database->source->census;
    CLEANUP(memory_free)
    struct config_person *kinds = calloc(census->kind_count + 1, sizeof *kinds);
    if (kinds == NULL) {
        return error_set_memory(error);
    }
    for (size_t i = 0; i < census->kind_count; i++) {
        kinds[i] = (struct config_person){census->kinds[i].domain, census->kinds[i].sql};
    }
    const struct config_source source = {.name = database->source->words.name,
                                         .kind = SOURCE_POSTGRES,
                                         .persons = kinds,
                                         .person_count = census->kind_count};
    const struct source_sink sink = {.context = counting, .person = take_person};
    database->inside.sink = &sink;
    enum status status = postgres_persons(&database->inside, &source, error);
    database->inside.sink = NULL;
    if (status == STATUS_OK) {
        status = postgres_script(&database->inside, "SET search_path = ''", error);
    }
    persons_settle(&counting->persons);
    return status;
}

static enum status refuse(struct error *error)
{
    return error_set_hint(error, "%s",
                          _("Nothing was published; what was there before is untouched."));
}

static enum status compare(const struct counting *counting, const struct statement_source *words,
                           struct error *error)
{
    unsigned char digest[PERSONS_DIGEST_SIZE];
    uint64_t is = persons_count(&counting->persons);
    persons_digest(digest, &counting->persons);
    if (is != (uint64_t)words->persons) {
        error_set(error, STATUS_CORRUPT, 0,
                  _("%llu persons are in it where the backup counted %llu"), (unsigned long long)is,
                  (unsigned long long)words->persons);
        return refuse(error);
    }
    if (memcmp(digest, words->persons_digest, sizeof digest) != 0) {
        error_set(error, STATUS_CORRUPT, 0, "%s",
                  _("as many persons are in it as the backup counted, but not the same ones"));
        return refuse(error);
    }
    return STATUS_OK;
}

/* A rule can run and meet nobody. */
static void tell_left(const struct counting *counting, const struct hidden_database *database)
{
    struct error problem = {0};
    const struct database_options *options = database->options;
    if (restore_erased_left(&problem, &counting->persons, options->amendment->erasures) &&
        options->events.warn != NULL) {
        options->events.warn(options->events.context, options->source, NULL, &problem);
    }
}

enum status database_persons(struct hidden_database *database, bool as_counted, struct error *error)
{
    const struct statement_source *words = &database->source->words;
    struct counting counting = {.secret = repo_secret(snapshot_repo(database->snapshot))};
    database->summary->persons = -1;
    if (words->persons < 0) {
        return STATUS_OK;
    }
    enum status status = count(&counting, database, error);
    if (status == STATUS_OK && as_counted) {
        status = compare(&counting, words, error);
    }
    if (status == STATUS_OK && !as_counted) {
        tell_left(&counting, database);
    }
    if (status == STATUS_OK) {
        database->summary->persons = (int64_t)persons_count(&counting.persons);
    }
    persons_free(&counting.persons);
    return status;
}
