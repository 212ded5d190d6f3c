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

static enum status count_kinds(struct counting *counting, struct hidden_database *database,
                               struct config_person *kinds, size_t kind_count, struct error *error)
{
    const struct config_source source = {.name = database->source->words.name,
                                         .kind = SOURCE_POSTGRES,
                                         .persons = kinds,
                                         .person_count = kind_count};
    const struct source_sink sink = {.context = counting, .person = take_person};
    database->inside.sink = &sink;
    enum status status = postgres_persons(&database->inside, &source, error);
    database->inside.sink = NULL;
    return status;
}

static enum status read_kinds(struct config_person **kinds, const struct census *census,
                              struct error *error)
{
    *kinds = calloc(census->kind_count + 1, sizeof **kinds);
    if (*kinds == NULL) {
        return error_set_memory(error);
    }
    for (size_t i = 0; i < census->kind_count; i++) {
        (*kinds)[i] = (struct config_person){census->kinds[i].domain, census->kinds[i].sql};
    }
    return STATUS_OK;
}

static enum status count(struct counting *counting, struct hidden_database *database,
                         struct error *error)
{
    const struct census *census = &database->source->census;
    CLEANUP(memory_free) struct config_person *kinds = NULL;
    enum status status = read_kinds(&kinds, census, error);
    if (status == STATUS_OK) {
        status = count_kinds(counting, database, kinds, census->kind_count, error);
    }
    if (status == STATUS_OK) {
        status = postgres_script(&database->inside, "SET search_path = ''", error);
    }
    persons_settle(&counting->persons);
    return status;
}

/* The rows are proved by then, and their table's counts. What differs here is the definition's
 * answer (it may ask what day it is, or a view), so it is told and keeps nobody from the data. */
static bool differs(struct error *problem, const struct counting *counting,
                    const struct statement_source *words)
{
    unsigned char digest[PERSONS_DIGEST_SIZE];
    uint64_t is = persons_count(&counting->persons);
    persons_digest(digest, &counting->persons);
    if (is != (uint64_t)words->persons) {
        error_set(problem, STATUS_CORRUPT, 0,
                  _("%llu persons are in it where the backup counted %llu"), (unsigned long long)is,
                  (unsigned long long)words->persons);
        return true;
    }
    if (memcmp(digest, words->persons_digest, sizeof digest) != 0) {
        error_set(problem, STATUS_CORRUPT, 0, "%s",
                  _("as many persons are in it as the backup counted, but not the same ones"));
        return true;
    }
    return false;
}

static void warn(const struct hidden_database *database, const struct error *problem)
{
    const struct database_options *options = database->options;
    if (options->events.warn != NULL) {
        options->events.warn(options->events.context, options->source, NULL, problem);
    }
}

static bool has_erasures(const struct hidden_database *database)
{
    const struct erasure_register *erasures = database->options->amendment->erasures;
    return erasures != NULL && erasures->count > 0;
}

/* A rule can run and meet nobody, or there is none for this source. */
static void tell_left(const struct counting *counting, const struct hidden_database *database)
{
    struct error problem = {0};
    const struct restore_amendment *amendment = database->options->amendment;
    if (has_erasures(database) &&
        restore_erased_left(&problem, &counting->persons, amendment->erasures)) {
        warn(database, &problem);
    }
    if (has_erasures(database) && restore_erased_others(&problem, &database->before,
                                                        &counting->persons, amendment->erasures)) {
        warn(database, &problem);
    }
}

/* Each definition for itself, in the transaction that the session is in: the database that tables
 * went into may lack what one of them names. `unable` is why the first of those cannot be counted.
 */
static enum status count_what_can_be(struct counting *counting, struct hidden_database *database,
                                     struct error *unable, struct error *error)
{
    const struct census *census = &database->source->census;
    struct postgres *inside = &database->inside;
    CLEANUP(memory_free) struct config_person *kinds = NULL;
    enum status status = read_kinds(&kinds, census, error);
    for (size_t i = 0; status == STATUS_OK && i < census->kind_count; i++) {
        struct error problem = {0};
        status = postgres_script(inside, "SAVEPOINT kura_persons", error);
        bool able = status == STATUS_OK &&
                    count_kinds(counting, database, &kinds[i], 1, &problem) == STATUS_OK;
        if (status == STATUS_OK && !able && problem.status == STATUS_CANCELLED) {
            *error = problem;
            return error->status;
        }
        if (!able && unable->status == STATUS_OK) {
            *unable = problem;
        }
        if (status == STATUS_OK) {
            status = postgres_script(inside,
                                     able ? "RELEASE SAVEPOINT kura_persons"
                                          : "ROLLBACK TO SAVEPOINT kura_persons",
                                     error);
        }
    }
    persons_settle(&counting->persons);
    return status == STATUS_OK ? postgres_script(inside, "SET search_path = ''", error) : status;
}

static bool may_tell(const struct hidden_database *database)
{
    return has_erasures(database) && database->source->words.persons >= 0;
}

enum status database_look_before(struct hidden_database *database, struct error *error)
{
    struct counting counting = {.secret = repo_secret(snapshot_repo(database->snapshot))};
    struct error unable = {0};
    enum status status = STATUS_OK;
    if (may_tell(database)) {
        status = count_what_can_be(&counting, database, &unable, error);
    }
    database->before = counting.persons;
    return status;
}

/* Others may be in it, too. What cannot be counted now could not before the rules, either. */
void database_tell_left(struct hidden_database *database)
{
    struct counting counting = {.secret = repo_secret(snapshot_repo(database->snapshot))};
    struct error problem = {0};
    struct error unable = {0};
    if (!may_tell(database)) {
        return;
    }
    enum status status = postgres_script(&database->inside, "BEGIN READ ONLY", &problem);
    if (status == STATUS_OK) {
        status = count_what_can_be(&counting, database, &unable, &problem);
    }
    if (status == STATUS_OK) {
        status = postgres_script(&database->inside, "COMMIT", &problem);
    }
    if (status == STATUS_OK) {
        tell_left(&counting, database);
    }
    if (status != STATUS_OK || unable.status != STATUS_OK) {
        struct error *why = status == STATUS_OK ? &unable : &problem;
        error_add_context(why, "%s", _("persons cannot be counted again"));
        warn(database, why);
    }
    persons_free(&counting.persons);
}

enum status database_persons(struct hidden_database *database, bool as_counted, struct error *error)
{
    const struct statement_source *words = &database->source->words;
    struct counting counting = {.secret = repo_secret(snapshot_repo(database->snapshot))};
    struct error problem = {0};
    database->summary->persons = -1;
    if (words->persons < 0) {
        return STATUS_OK;
    }
    enum status status = count(&counting, database, &problem);
    bool differ = status == STATUS_OK && as_counted && differs(&problem, &counting, words);
    if (postgres_is_lost(&database->inside) || status == STATUS_CANCELLED) {
        *error = problem;
    } else if ((status != STATUS_OK || differ) && as_counted && database_erases(database)) {
        /* Where the definition sees others, the rules may, too, and somebody would come back. */
        error_add_context(&problem, "%s",
                          _("whether the rules would erase the right persons "
                            "cannot be told"));
        *error = problem;
        status = restore_hint_as_it_was(database->options->source, error);
    } else if (status != STATUS_OK) {
        error_add_context(&problem, "%s", _("persons cannot be counted again"));
        warn(database, &problem);
        status = STATUS_OK;
    } else {
        database->summary->persons = (int64_t)persons_count(&counting.persons);
        if (differ) {
            warn(database, &problem);
        }
        if (!as_counted || !database_erases(database)) { /* there is no later look */
            tell_left(&counting, database);
        } else {
            database->before = counting.persons;
            counting.persons = (struct persons){0};
        }
    }
    persons_free(&counting.persons);
    return status;
}
