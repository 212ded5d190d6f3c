/* kura diff: what changed from one snapshot to another. */
#include "cli_road.h"
#include "kura/restore.h"

struct comparison {
    struct cli *cli;
    struct cli_json_array array;
    uint64_t counts[DIFFERENCE_METADATA + 1];
};

static enum status visit(void *context, const char *source, enum difference difference,
                         const struct entry *entry, struct error *error)
{
    static const char marks[] = {[DIFFERENCE_ADDED] = '+',
                                 [DIFFERENCE_REMOVED] = '-',
                                 [DIFFERENCE_CONTENT] = 'M',
                                 [DIFFERENCE_METADATA] = 'm'};
    static const char *const words[] = {[DIFFERENCE_ADDED] = "added",
                                        [DIFFERENCE_REMOVED] = "removed",
                                        [DIFFERENCE_CONTENT] = "content",
                                        [DIFFERENCE_METADATA] = "metadata"};
    struct comparison *comparison = context;
    comparison->counts[difference]++;
    if (comparison->cli->arguments.json) {
        json_t *object = cli_json_entry(source, entry);
        json_object_set_new(object, "change", json_string(words[difference]));
        return cli_json_add(&comparison->array, object, error);
    }
    CLEANUP(memory_free) char *path = cli_format_path(source, entry->path);
    if (path == NULL) {
        return error_set_memory(error);
    }
    printf("%c %s%s\n", marks[difference], path, entry->type == ENTRY_FOLDER ? "/" : "");
    return cli_check_output(error);
}

static enum status open_second(struct snapshot **snapshot, struct cli *cli, struct cli_view *first,
                               struct error *error)
{
    const struct statement *statement;
    enum status status =
        cli_find(&statement, &first->list, cli->arguments.words.items[1], NULL, error);
    return status == STATUS_OK ? snapshot_open(snapshot, first->access.repo, statement, error)
                               : status;
}

static void snapshot_free_pointer(struct snapshot **snapshot)
{
    snapshot_free(*snapshot);
}

static enum status run(struct cli *cli, struct error *error)
{
    CLEANUP(cli_view_free) struct cli_view first = {0};
    CLEANUP(snapshot_free_pointer) struct snapshot *second = NULL;
    struct comparison comparison = {.cli = cli};
    enum status status = cli_road_choose_temporary(cli, error);
    if (status == STATUS_OK) {
        status = cli_view_open(&first, cli, cli->arguments.words.items[0], error);
    }
    if (status == STATUS_OK) {
        status = open_second(&second, cli, &first, error);
    }
    if (status == STATUS_OK) {
        status = restore_diff(first.snapshot, second, visit, &comparison, error);
    }
    if (status == STATUS_OK && cli->arguments.json) {
        return cli_json_end(&comparison.array, error);
    }
    if (status == STATUS_OK) {
        cli_say(cli, _("%llu added, %llu removed, %llu with new content, %llu with other metadata"),
                (unsigned long long)comparison.counts[DIFFERENCE_ADDED],
                (unsigned long long)comparison.counts[DIFFERENCE_REMOVED],
                (unsigned long long)comparison.counts[DIFFERENCE_CONTENT],
                (unsigned long long)comparison.counts[DIFFERENCE_METADATA]);
    }
    return status;
}

const struct cli_command cmd_diff = {
    .name = "diff",
    .operands = N_("SNAPSHOT SNAPSHOT"),
    .summary = N_("Show what changed from one snapshot to another."),
    .details = N_(
        "+ added, - removed, M content changed, m only owner, mode, time or attributes changed."),
    .least = 2,
    .most = 2,
    .options = {OPTION_JSON, OPTION_KIT, OPTION_IDENTITY, OPTION_PASSPHRASE_FILE,
                OPTION_PASSPHRASE_FD, OPTION_STORE, OPTION_SSH_KEY, OPTION_SSH_KEY_PASSPHRASE_FILE,
                OPTION_RETRY, OPTION_KNOWN_HOSTS, OPTION_END},
    .run = run,
};
