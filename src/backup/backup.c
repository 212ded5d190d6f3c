/* backup: the night on one page. Take up the state, read every source through the pipeline into
 * packs, publish. What was stored before an interruption serves the next run. */
#include "kura/backup.h"
#include "journey.h"
#include "kura/register.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* For another backup. The first one of a large shop over a slow line takes long; one that hangs
 * must not hold up every later night with it. */
#define WAIT_SECONDS (20 * 60 * 60)
#define EXPECTED_FILE "expected-bytes"

enum status journey_check_cancelled(const struct journey *journey, struct error *error)
{
    const volatile sig_atomic_t *cancelled = journey->options->cancelled;
    if (cancelled != NULL && *cancelled != 0) {
        return error_set(error, STATUS_CANCELLED, 0, "%s",
                         _("stopped on request; what was stored so far serves the next run"));
    }
    return STATUS_OK;
}

static bool is_wanted(const struct backup_options *options, const char *name)
{
    if (options->sources == NULL) {
        return true;
    }
    for (size_t i = 0; options->sources[i] != NULL; i++) {
        if (strcmp(options->sources[i], name) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_together(const struct config *config, const char *name)
{
    char *const *names = config->together.sources;
    for (size_t i = 0; names != NULL && names[i] != NULL; i++) {
        if (strcmp(names[i], name) == 0) {
            return true;
        }
    }
    return false;
}

static enum status check_names(const struct backup_options *options, struct error *error)
{
    for (size_t i = 0; options->sources != NULL && options->sources[i] != NULL; i++) {
        if (config_find_source(options->config, options->sources[i]) == NULL) {
            error_set(error, STATUS_USAGE, 0, _("there is no source named %s"),
                      options->sources[i]);
            return error_set_hint(error, _("the sources are in %s"), options->config->path);
        }
    }
    return STATUS_OK;
}

/* ------------------------------------------------------------------ what the last one had */

/* Only for the progress display: whatever is wrong with it, the answer is "unknown". */
static uint64_t read_expected(const struct writer *writer)
{
    struct error ignored;
    CLEANUP(memory_free) char *path = NULL;
    CLEANUP(buffer_free) struct buffer text = {0};
    if (writer_memory(writer) == NULL ||
        path_join(&path, writer_memory(writer), EXPECTED_FILE, &ignored) != STATUS_OK ||
        file_read(&text, path, 32, &ignored) != STATUS_OK ||
        buffer_append_u8(&text, '\0', &ignored) != STATUS_OK) {
        return 0;
    }
    return strtoull((const char *)text.data, NULL, 10);
}

static enum status write_expected(struct journey *journey, struct error *error)
{
    CLEANUP(memory_free) char *path = NULL;
    char text[32];
    int size = snprintf(text, sizeof text, "%llu", (unsigned long long)journey->bytes);
    enum status status = path_join(&path, writer_new_memory(journey->writer), EXPECTED_FILE, error);
    return status != STATUS_OK
               ? status
               : file_write(path, text, (size_t)size, 0600, FILE_REPLACE_EXISTING, error);
}

/* ------------------------------------------------------------------ beginning and end */

static enum status open_journey(struct journey *journey, struct error *error)
{
    const struct backup_options *options = journey->options;
    const struct config *config = options->config;
    struct writer_options writer = {
        .state = config->state,
        .spool_limit = config->spool_limit,
        .recipients = options->recipients,
        .recipient_count = options->recipient_count,
        .wait_seconds = WAIT_SECONDS,
        .on_wait = options->events.waiting,
        .context = options->events.context,
        .cancelled = options->cancelled,
    };
    enum status status = writer_open(&journey->writer, journey->repo, &writer, error);
    if (status != STATUS_OK) {
        return status;
    }
    struct pipeline_options pipeline = {.level = config->compression};
    writer_pipeline(journey->writer, &pipeline);
    journey->level = config->compression;
    journey->memory_key = secret_new(SUBKEY_SIZE);
    key_derive(journey->memory_key, options->host->secret, REPOSITORY_SECRET_SIZE, "kura/1 memory");
    journey->bytes_expected = read_expected(journey->writer);
    return pipeline_open(&journey->pipeline, &pipeline, error);
}

static void close_journey(struct journey *journey)
{
    pipeline_free(journey->pipeline);
    writer_free(journey->writer);
    secret_free(journey->memory_key);
    persons_free(&journey->persons);
}

static void publication_free(struct publication *publication)
{
    for (size_t i = 0; i < publication->source_count; i++) {
        catalogue_source_free(&publication->sources[i]);
    }
    free(publication->sources);
}

/* ------------------------------------------------------------------ the journey */

static void tell_progress(void *context)
{
    struct journey *journey = context;
    const struct backup_events *events = &journey->options->events;
    struct writer_progress sent;
    writer_get_progress(journey->writer, &sent);
    struct backup_progress progress = {
        .source = atomic_load(&journey->source),
        .files = atomic_load(&journey->files),
        .bytes = atomic_load(&journey->bytes),
        .bytes_expected = journey->bytes_expected,
        .stored = sent.stored,
        .waiting = sent.waiting,
    };
    events->progress(events->context, &progress);
}

/* A place in the snapshot for each source that is wanted, in the order of the configuration;
 * places[i] is NULL for one that is not. */
static void give_places(struct catalogue_source **places, struct publication *publication,
                        const struct journey *journey)
{
    const struct config *config = journey->options->config;
    for (size_t i = 0; i < config->source_count; i++) {
        if (is_wanted(journey->options, config->sources[i].name)) {
            places[i] = &publication->sources[publication->source_count++];
        }
    }
}

static enum status read_sources(struct publication *publication, struct journey *journey,
                                struct error *error)
{
    const struct config *config = journey->options->config;
    CLEANUP(memory_free)
    struct catalogue_source **places = calloc(config->source_count + 1, sizeof(void *));
    publication->sources = calloc(config->source_count, sizeof *publication->sources);
    if (publication->sources == NULL || places == NULL) {
        return error_set_memory(error);
    }
    give_places(places, publication, journey);
    enum status status = backup_together(places, journey, error);
    for (size_t i = 0; status == STATUS_OK && i < config->source_count; i++) {
        const struct config_source *source = &config->sources[i];
        if (places[i] == NULL) {
            status = memory_carry_over(journey, source->name, error);
        } else if (!is_together(config, source->name)) {
            status = backup_source(places[i], journey, source, NULL, error);
        }
    }
    return status;
}

static size_t count_failed(const struct publication *publication)
{
    size_t failed = 0;
    for (size_t i = 0; i < publication->source_count; i++) {
        failed += publication->sources[i].words.status == SOURCE_FAILED;
    }
    return failed;
}

static enum status judge_persons(const struct journey *journey,
                                 const struct publication *publication, struct error *error)
{
    const struct backup_options *options = journey->options;
    bool uncounted = false;
    for (size_t i = 0; i < publication->source_count; i++) {
        uncounted |= statement_source_is_uncounted(&publication->sources[i].words);
    }
    return options->judge == NULL
               ? STATUS_OK
               : options->judge(options->judge_context, publication->persons, uncounted, error);
}

static void warn_of_tables(struct journey *journey, struct statement_source *words, size_t tables)
{
    struct error problem = {0};
    if (words->status == SOURCE_COMPLETE) {
        words->status = SOURCE_WARNINGS;
    }
    error_set(&problem, STATUS_UNSUPPORTED, 0,
              _("its %zu tables have more names than a snapshot can swear to; the numbers of their "
                "rows are left out"),
              tables);
    error_set_hint(&problem, "%s",
                   _("All its data is backed up. A restore proves each byte of it, but cannot hold "
                     "the rows against their numbers."));
    journey_warn(journey, words->name, NULL, &problem);
}

/* One database with a great many tables must not cost the night of all the others. */
static enum status fit_tables(struct journey *journey, struct publication *publication,
                              struct error *error)
{
    size_t room = STATEMENT_TABLES_LIMIT;
    enum status status = STATUS_OK;
    for (size_t i = 0; status == STATUS_OK && i < publication->source_count; i++) {
        struct statement_source *words = &publication->sources[i].words;
        const size_t tables = words->table_count;
        bool fits = true;
        status = statement_source_fit(&fits, &room, words, error);
        if (!fits) {
            warn_of_tables(journey, words, tables);
        }
    }
    return status;
}

static enum status publish(struct backup_summary *summary, struct journey *journey,
                           struct publication *publication, struct error *error)
{
    atomic_store(&journey->source, NULL);
    summary->failed_sources = count_failed(publication);
    if (summary->failed_sources == publication->source_count) {
        return error_set(error, STATUS_FAILED, 0, "%s",
                         _("every source failed; nothing was published"));
    }
    publication->due = publication->time;
    publication->due.seconds += (int64_t)journey->options->config->due_hours * 3600;
    publication->persons =
        journey->persons_counted ? (int64_t)persons_count(&journey->persons) : -1;
    publication->audit_size = journey->options->audit_size;
    if (publication->audit_size > 0) {
        memcpy(publication->audit_root, journey->options->audit_root,
               sizeof publication->audit_root);
    }
    enum status status = judge_persons(journey, publication, error);
    if (status == STATUS_OK) {
        status = fit_tables(journey, publication, error);
    }
    if (status == STATUS_OK) {
        status = memory_forget_absent(journey, error);
    }
    if (status == STATUS_OK) {
        status = write_expected(journey, error);
    }
    if (status == STATUS_OK) {
        status = journey_check_cancelled(journey, error);
    }
    return status != STATUS_OK
               ? status
               : writer_publish(&summary->statement, journey->writer, publication, error);
}

/* Whoever is registered twice counts once. */
static uint64_t count_erased_present(const struct journey *journey)
{
    const struct erasure_register *erased = writer_register(journey->writer);
    uint64_t present = 0;
    for (size_t i = 0; i < erased->count; i++) {
        const unsigned char *person = erased->items[i].person;
        bool again = false;
        for (size_t j = 0; j < i && !again; j++) {
            again = memcmp(erased->items[j].person, person, PERSON_SIZE) == 0;
        }
        present += !again && persons_has(&journey->persons, person);
    }
    return present;
}

static void sum_up(struct backup_summary *summary, struct journey *journey)
{
    summary->erased_present = count_erased_present(journey);
    struct writer_progress sent;
    writer_get_progress(journey->writer, &sent);
    summary->files = journey->files;
    summary->files_unchanged = journey->files_unchanged;
    summary->bytes = journey->bytes;
    summary->bytes_read = journey->bytes_read;
    summary->bytes_new = journey->bytes_new;
    summary->stored = sent.stored;
    summary->warnings = journey->warnings;
}

/* One way from the sources to a snapshot. *again: what it began with proved wrong and is forgotten;
 * what was stored so far is not. */
static enum status travel(struct backup_summary *summary, bool *again, struct repo *repo,
                          const struct backup_options *options, struct error *error)
{
    struct journey journey = {.options = options, .repo = repo, .time = moment_now()};
    struct publication publication = {.time = journey.time};
    struct ticker *ticker = NULL;
    enum status status = open_journey(&journey, error);
    if (status == STATUS_OK && options->events.progress != NULL) {
        status = ticker_start(&ticker, tell_progress, &journey, error);
    }
    if (status == STATUS_OK) {
        status = read_sources(&publication, &journey, error);
    }
    if (status == STATUS_OK) {
        status = publish(summary, &journey, &publication, error);
    }
    ticker_stop(ticker);
    if (status == STATUS_OK) {
        sum_up(summary, &journey);
    }
    *again = status != STATUS_OK && journey.writer != NULL && writer_distrusted(journey.writer);
    if (journey.writer != NULL) {
        struct error second = {0};
        enum status copied =
            problems_copy(&summary->problems, writer_problems(journey.writer), &second);
        if (status == STATUS_OK && copied != STATUS_OK) {
            *error = second;
            status = copied;
        }
    }
    publication_free(&publication);
    close_journey(&journey);
    return status;
}

enum status backup_run(struct backup_summary *summary, struct repo *repo,
                       const struct backup_options *options, struct error *error)
{
    double begin = clock_monotonic();
    *summary = (struct backup_summary){0};
    bool again = false;
    enum status status = check_names(options, error);
    if (status == STATUS_OK) {
        status = travel(summary, &again, repo, options, error);
    }
    if (again) {
        error_clear(error);
        status = travel(summary, &again, repo, options, error);
    }
    summary->seconds = clock_monotonic() - begin;
    return status;
}

void backup_summary_free(struct backup_summary *summary)
{
    statement_free(&summary->statement);
    problems_free(&summary->problems);
    *summary = (struct backup_summary){0};
}
