/* together: sources of one moment, as nearly as they allow.
 *
 *     before -> began -> hold every database -> read the rest -> ended -> after -> read the
 * databases
 *
 * A database that is held gives the state of that moment, however long its reading takes; so
 * `after` need not wait for it. Files and commands cannot be held: they are read while the hooks
 * keep the shop's program from changing them, or else what changes meanwhile is what it is. The
 * databases come first, so that a document which a row names was there before the documents were
 * read.
 *
 * Once `before` was started, `after` runs, whatever went wrong in between and also when the user
 * wants to stop; only for a killed kura nobody can do it. */
#include "hook.h"
#include "journey.h"
#include <stdlib.h>
#include <string.h>

struct member {
    const struct config_source *source;
    struct catalogue_source *catalogue;
    struct preparation preparation;
};

struct group {
    struct journey *journey;
    const struct config_together *together;
    struct member *members;
    size_t count;
    struct moment began, ended;
    bool after_failed;
};

static void group_free(struct group *group)
{
    for (size_t i = 0; i < group->count; i++) {
        source_release(group->members[i].preparation.held);
    }
    free(group->members);
}

static enum status gather(struct group *group, struct catalogue_source *const *catalogues,
                          struct error *error)
{
    const struct config *config = group->journey->options->config;
    char *const *names = group->together->sources;
    group->members = calloc(config->source_count + 1, sizeof *group->members);
    if (group->members == NULL) {
        return error_set_memory(error);
    }
    for (size_t i = 0; names != NULL && names[i] != NULL; i++) {
        const struct config_source *source = config_find_source(config, names[i]);
        struct catalogue_source *catalogue = catalogues[source - config->sources];
        if (catalogue != NULL) {
            group->members[group->count++] = (struct member){source, catalogue, {0}};
        }
    }
    return STATUS_OK;
}

/* ------------------------------------------------------------------ the hooks */

/* Nothing of the group is read: it would not be of the moment that was asked for. */
static void fail_all(struct group *group, const struct error *problem)
{
    for (size_t i = 0; i < group->count; i++) {
        group->members[i].preparation.failure = *problem;
    }
}

static enum status run_before(struct group *group, struct error *error)
{
    struct error problem = {0};
    if (group->together->before == NULL) {
        return STATUS_OK;
    }
    enum status status = hook_run(group->together->before, group->together->timeout,
                                  group->journey->options->cancelled, &problem);
    if (status == STATUS_CANCELLED) {
        *error = problem;
        return status;
    }
    if (status != STATUS_OK) {
        error_add_context(&problem, "%s", _("\"before\" of the sources that are taken together"));
        fail_all(group, &problem);
    }
    return STATUS_OK;
}

/* What was read is of one moment all the same and stays; but the shop's program may still wait. */
static void run_after(struct group *group)
{
    struct error problem = {0};
    if (group->together->after == NULL ||
        hook_run(group->together->after, group->together->timeout, NULL, &problem) == STATUS_OK) {
        return;
    }
    error_add_context(&problem, "%s", _("\"after\" of the sources that are taken together"));
    error_set_hint(&problem, "%s", _("Run it by hand: what \"before\" did is perhaps not undone."));
    group->after_failed = true;
    journey_warn(group->journey, group->members[0].source->name, NULL, &problem);
}

/* ------------------------------------------------------------------ the sources */

static enum status is_wanted_still(void *journey, struct error *error)
{
    return journey_check_cancelled(journey, error);
}

static enum status hold_databases(struct group *group, struct error *error)
{
    const struct source_sink sink = {.context = group->journey, .waiting = is_wanted_still};
    for (size_t i = 0; i < group->count; i++) {
        struct preparation *preparation = &group->members[i].preparation;
        const struct config_source *source = group->members[i].source;
        if (!source_can_be_held(source) || preparation->failure.status != STATUS_OK) {
            continue;
        }
        atomic_store(&group->journey->source, source->name);
        enum status status = source_hold(&preparation->held, source, &sink, &preparation->failure);
        if (status == STATUS_CANCELLED) {
            *error = preparation->failure;
            return status;
        }
    }
    return STATUS_OK;
}

static enum status back_up(struct group *group, bool databases, struct error *error)
{
    enum status status = STATUS_OK;
    for (size_t i = 0; status == STATUS_OK && i < group->count; i++) {
        struct member *member = &group->members[i];
        if (source_can_be_held(member->source) != databases) {
            continue;
        }
        status = backup_source(member->catalogue, group->journey, member->source,
                               &member->preparation, error);
        source_release(member->preparation.held);
        member->preparation.held = NULL;
    }
    return status;
}

static enum status take_moment(struct group *group, struct error *error)
{
    group->began = moment_now();
    group->began.nanoseconds = 0;
    enum status status = hold_databases(group, error);
    if (status == STATUS_OK) {
        status = back_up(group, false, error);
    }
    group->ended = moment_now();
    group->ended.seconds += group->ended.nanoseconds > 0; /* the format has whole seconds */
    group->ended.nanoseconds = 0;
    return status;
}

/* A clock that was set back in between says nothing. */
static void say_so(const struct group *group)
{
    for (size_t i = 0; i < group->count; i++) {
        struct statement_source *words = &group->members[i].catalogue->words;
        words->together =
            words->status != SOURCE_FAILED && moment_compare(group->began, group->ended) <= 0;
        if (group->after_failed && words->status == SOURCE_COMPLETE) {
            words->status = SOURCE_WARNINGS;
        }
        words->together_began = group->began;
        words->together_ended = group->ended;
    }
}

enum status backup_together(struct catalogue_source *const *catalogues, struct journey *journey,
                            struct error *error)
{
    CLEANUP(group_free)
    struct group group = {.journey = journey, .together = &journey->options->config->together};
    enum status status = gather(&group, catalogues, error);
    if (status != STATUS_OK || group.count == 0) {
        return status;
    }
    status = run_before(&group, error);
    if (status == STATUS_OK) {
        status = take_moment(&group, error);
    }
    run_after(&group);
    if (status == STATUS_OK) {
        status = back_up(&group, true, error);
    }
    if (status == STATUS_OK) {
        say_so(&group);
    }
    return status;
}
