/* check: whether everything is there and undamaged that the good statements promise. Nothing is
 * trusted that does not verify; each damaged object is named once; the rest goes on. */
#include "check.h"
#include "kura/register.h"
#include <string.h>

void check_tell(struct check *check, enum object_kind kind, const unsigned char id[OBJECT_ID_SIZE],
                const struct error *problem)
{
    char name[OBJECT_NAME_SIZE];
    object_name(name, kind, id);
    problems_add(&check->report->problems, name, problem);
}

void check_progress(struct check *check, uint64_t bytes)
{
    check->done += bytes;
    if (check->options->progress != NULL) {
        check->options->progress(check->options->context, check->done, check->total);
    }
}

static enum status count_sets(struct check *check, struct error *error)
{
    struct check_report *report = check->report;
    enum status status = check_number(&report->packs, check, "SELECT count(*) FROM pack", error);
    if (status == STATUS_OK) {
        status = check_number(&report->bytes, check, "SELECT sum(size) FROM pack", error);
    }
    if (status == STATUS_OK) {
        status = check_number(&report->chunks, check,
                              "SELECT count(*) FROM (SELECT DISTINCT id FROM chunk)", error);
    }
    return status;
}

static enum status check_register(struct check *check, struct error *error)
{
    CLEANUP(erasure_register_free) struct erasure_register entries = {0};
    enum status status = register_read(&entries, check->repo, &check->list, error);
    return status == STATUS_OK ? problems_copy(&check->report->problems, &entries.problems, error)
                               : status;
}

static enum status run_parts(struct check *check, struct error *error)
{
    enum status status = repo_list(&check->list, check->repo, error);
    if (status == STATUS_OK) {
        check->report->snapshots = check->list.count;
        status = problems_copy(&check->report->problems, &check->list.problems, error);
    }
    if (status == STATUS_OK && check->options->state != NULL) {
        status = snapshot_list_expect(&check->report->problems, &check->list, check->repo,
                                      check->options->state, error);
    }
    if (status == STATUS_OK) {
        status = check_keys(check, error);
    }
    if (status == STATUS_OK) {
        status = check_register(check, error);
    }
    if (status == STATUS_OK) {
        status = check_sets_open(check, error);
    }
    if (status == STATUS_OK) {
        status = check_structure(check, error);
    }
    if (status == STATUS_OK) {
        status = check_snapshots(check, error);
    }
    if (status == STATUS_OK) {
        status = check_pack_listing(check, error);
    }
    if (status == STATUS_OK) {
        status = count_sets(check, error);
    }
    /* The chunks first: packs that are asked for whole are read with them, once. */
    if (status == STATUS_OK && check->options->open_chunks) {
        status = check_chunks(check, error);
    }
    if (status == STATUS_OK && check->options->read_percent > 0) {
        status = check_data(check, error);
    }
    return status == STATUS_OK ? check_tell_contradictions(check, error) : status;
}

enum status repo_check(struct check_report *report, struct repo *repo,
                       const struct check_options *options, struct error *error)
{
    *report = (struct check_report){0};
    size_t identities = 0;
    (void)repo_identities(repo, &identities);
    if (options->open_chunks && identities == 0) {
        return error_set(error, STATUS_DENIED, 0, "%s",
                         _("chunks can be opened only with an identity"));
    }
    struct check check = {.repo = repo, .options = options, .report = report};
    pthread_mutex_init(&check.lock, NULL);
    enum status status = run_parts(&check, error);
    check_sets_close(&check);
    snapshot_list_free(&check.list);
    pthread_mutex_destroy(&check.lock);
    problems_sort(&report->problems);
    if (status != STATUS_OK) {
        check_report_free(report);
    }
    return status;
}

void check_report_free(struct check_report *report)
{
    problems_free(&report->problems);
    *report = (struct check_report){0};
}
