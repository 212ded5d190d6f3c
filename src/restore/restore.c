/* restore: the way back on one page. Walk the snapshot and make folders and small files; fetch the
 * chunks pack by pack into the files; then links, then the folders' own times and modes. */
#include "kura/restore.h"
#include "restore_private.h"
#include <string.h>

enum status restore_check_cancelled(const struct restore *restore, struct error *error)
{
    const volatile sig_atomic_t *cancelled = restore->options->cancelled;
    if (cancelled != NULL && *cancelled != 0) {
        error_set(error, STATUS_CANCELLED, 0, "%s", _("stopped on request"));
        return error_set_hint(error, "%s", _("run the same command again and it goes on"));
    }
    return STATUS_OK;
}

void restore_warn(struct restore *restore, const char *source, const char *path,
                  const struct error *problem)
{
    const struct restore_events *events = &restore->options->events;
    pthread_mutex_lock(&restore->lock);
    if (events->warn != NULL) {
        events->warn(events->context, source, path, problem);
    }
    pthread_mutex_unlock(&restore->lock);
}

void restore_fail(struct restore *restore, const char *source, const char *path,
                  const struct error *problem)
{
    pthread_mutex_lock(&restore->lock);
    restore->summary->failed++;
    pthread_mutex_unlock(&restore->lock);
    restore_warn(restore, source, path, problem);
}

void restore_settle(struct restore *restore, const char *source, const char *path,
                    enum status status, const struct error *problem)
{
    if (status == STATUS_OK || status == STATUS_UNSUPPORTED) {
        atomic_fetch_add(&restore->files_done, 1);
    }
    if (status == STATUS_UNSUPPORTED) {
        restore_warn(restore, source, path, problem);
    } else if (status != STATUS_OK) {
        restore_fail(restore, source, path, problem);
    }
}

static void tell_progress(void *context)
{
    struct restore *restore = context;
    struct restore_progress progress = {
        .files_done = restore->files_done,
        .files_total = restore->files_total,
        .bytes_done = restore->bytes_done,
        .bytes_total = restore->bytes_total,
    };
    restore->options->events.progress(restore->options->events.context, &progress);
}

static enum status make_link(void *context, size_t source, const struct entry *link,
                             const struct entry *first, struct error *error)
{
    struct restore *restore = context;
    struct error problem = {0};
    const char *name = snapshot_source(restore->snapshot, source)->words.name;
    enum status status = restore_check_cancelled(restore, error);
    if (status == STATUS_OK) {
        restore_settle(restore, name, link->path,
                       target_make_link(restore->target, name, link, first, &problem), &problem);
    }
    return status;
}

static enum status finish_folder(void *context, size_t source, const struct entry *folder,
                                 struct error *error)
{
    (void)error;
    struct restore *restore = context;
    struct error problem = {0};
    const char *name = snapshot_source(restore->snapshot, source)->words.name;
    enum status status = target_finish_folder(restore->target, name, folder, &problem);
    restore_settle(restore, name, folder->path, status, &problem);
    return STATUS_OK;
}

static enum status check_sources(const struct restore *restore, struct error *error)
{
    const char *const *names = restore->options->selection.sources;
    for (size_t i = 0; names != NULL && names[i] != NULL; i++) {
        if (snapshot_find_source(restore->snapshot, names[i]) == NULL) {
            return error_set(error, STATUS_USAGE, 0, _("this snapshot has no source named %s"),
                             names[i]);
        }
    }
    return STATUS_OK;
}

static enum status walk_sources(struct restore *restore, struct error *error)
{
    enum status status = check_sources(restore, error);
    size_t count = snapshot_source_count(restore->snapshot);
    for (size_t i = 0; status == STATUS_OK && i < count; i++) {
        const char *name = snapshot_source(restore->snapshot, i)->words.name;
        if (selection_has_source(&restore->options->selection, name)) {
            status = restore_walk_source(restore, i, error);
        }
    }
    return status;
}

static enum status run(struct restore *restore, struct error *error)
{
    struct ticker *ticker = NULL;
    enum status status = STATUS_OK;
    if (restore->options->events.progress != NULL) {
        status = ticker_start(&ticker, tell_progress, restore, error);
    }
    if (status == STATUS_OK) {
        status = walk_sources(restore, error);
    }
    if (status == STATUS_OK) {
        status = restore_fetch(restore, error);
    }
    if (status == STATUS_OK) {
        status = plan_each_link(restore->plan, make_link, restore, error);
    }
    if (status == STATUS_OK) {
        status = plan_each_folder(restore->plan, finish_folder, restore, error);
    }
    if (status == STATUS_OK) {
        /* Some file systems keep what was removed as long as it is open: the folder would not be
         * empty. */
        plan_free(restore->plan);
        restore->plan = NULL;
        status = target_finish(restore->target, error);
    }
    ticker_stop(ticker);
    return status;
}

enum status restore_run(struct restore_summary *summary, struct snapshot *snapshot,
                        const struct statement *statement, const struct restore_options *options,
                        struct error *error)
{
    double begin = clock_monotonic();
    unsigned char rules[RULES_DIGEST_SIZE];
    unsigned char scope[OBJECT_ID_SIZE];
    restore_rules_digest(rules, options->erasures);
    *summary = (struct restore_summary){.counts_match = true, .recount_match = true};
    struct restore restore = {.options = options,
                              .snapshot = snapshot,
                              .lock = PTHREAD_MUTEX_INITIALIZER,
                              .summary = summary};
    struct target_options target = {
        .path = options->target,
        .snapshot = statement->id,
        .replace = options->existing == RESTORE_REPLACE,
        .owners = options->owners,
        .rules = rules,
        .scope = selection_digest(scope, &options->selection) ? scope : NULL,
        .judge = options->judge,
        .judge_context = options->judge_context,
    };
    enum status status = target_open(&restore.target, &target, error);
    if (status == STATUS_OK) {
        status = plan_new(&restore.plan, target_staging(restore.target), error);
    }
    if (status == STATUS_OK) {
        status = run(&restore, error);
    }
    summary->files = restore.files_done;
    summary->bytes = restore.bytes_done;
    summary->seconds = clock_monotonic() - begin;
    plan_free(restore.plan);
    target_free(restore.target);
    buffer_free(&restore.left);
    return status;
}
