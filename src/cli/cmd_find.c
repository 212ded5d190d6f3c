/* kura find: in which snapshots something is. */
#include "cli.h"
#include <fnmatch.h>
#include <string.h>

struct search {
    struct cli_walk walk;
    struct cli_json_array array;
    const struct statement *statement;
    const char *pattern;
    uint64_t found;
};

static bool matches(const char *pattern, const char *path)
{
    const char *slash = strrchr(path, '/');
    return fnmatch(pattern, path, 0) == 0 || (slash != NULL && fnmatch(pattern, slash + 1, 0) == 0);
}

static enum status visit(void *context, const struct entry *entry, const struct content *content,
                         struct error *error)
{
    (void)content;
    struct search *search = context;
    if (!matches(search->pattern, entry->path)) {
        return STATUS_OK;
    }
    search->found++;
    const char *source = search->walk.source->words.name;
    if (search->walk.cli->arguments.json) {
        json_t *object = cli_json_entry(source, entry);
        cli_json_set_id(object, "snapshot", search->statement->id, OBJECT_ID_SIZE);
        cli_json_set_moment(object, "time", search->statement->time);
        return cli_json_add(&search->array, object, error);
    }
    char id[OBJECT_ID_TEXT_SIZE];
    CLEANUP(memory_free) char *path = cli_format_path(source, entry->path);
    if (path == NULL) {
        return error_set_memory(error);
    }
    printf("%s ", cli_format_id(id, search->statement->id));
    cli_print_entry(path, entry);
    return cli_check_output(error);
}

static void on_problem(void *context, const char *near_path, const struct error *error)
{
    struct search *search = context;
    cli_walk_problem(&search->walk, near_path, error);
}

static enum status search_snapshot(struct search *search, struct repo *repo, struct error *error)
{
    struct snapshot *snapshot = NULL;
    enum status status = snapshot_open(&snapshot, repo, search->statement, error);
    for (size_t i = 0; status == STATUS_OK && i < snapshot_source_count(snapshot); i++) {
        search->walk.source = snapshot_source(snapshot, i);
        const struct walk walk = {"", visit, on_problem, search};
        status = snapshot_walk(snapshot, search->walk.source, &walk, error);
    }
    snapshot_free(snapshot);
    return status;
}

/* One damaged snapshot does not hide what the others hold. */
static enum status search_all(struct search *search, struct repo *repo,
                              const struct snapshot_list *list, struct error *error)
{
    enum status status = STATUS_OK;
    for (size_t i = list->count; i-- > 0 && status == STATUS_OK;) {
        search->statement = &list->items[i];
        status = search_snapshot(search, repo, error);
        if (problem_is_local(status, error)) {
            char id[OBJECT_ID_TEXT_SIZE];
            error_add_context(error, _("snapshot %s"), cli_format_id(id, search->statement->id));
            cli_report_warning(error);
            cli_note(search->walk.cli, EXIT_INTEGRITY);
            error_clear(error);
            status = STATUS_OK;
        }
    }
    return status;
}

static enum status run(struct cli *cli, struct error *error)
{
    CLEANUP(cli_access_free) struct cli_access access = {0};
    CLEANUP(snapshot_list_free) struct snapshot_list list = {0};
    struct search search = {.walk = {.cli = cli}, .pattern = cli->arguments.words.items[0]};
    enum status status = cli_access_open(&access, &cli->arguments, CLI_NEED_IDENTITY, error);
    if (status == STATUS_OK) {
        status = cli_list(&list, cli, &access, error);
    }
    if (status == STATUS_OK && cli->arguments.snapshot != NULL) {
        status = cli_find(&search.statement, &list, cli->arguments.snapshot, NULL, error);
        if (status == STATUS_OK) {
            status = search_snapshot(&search, access.repo, error);
        }
    } else if (status == STATUS_OK) {
        status = search_all(&search, access.repo, &list, error);
    }
    if (status == STATUS_OK && cli->arguments.json) {
        status = cli_json_end(&search.array, error);
    }
    if (status == STATUS_OK && search.found == 0) {
        return error_set(error, STATUS_NOT_FOUND, 0, _("nothing is called %s"), search.pattern);
    }
    return status;
}

const struct cli_command cmd_find = {
    .name = "find",
    .operands = N_("PATTERN"),
    .summary = N_("Find files by name in all snapshots, newest first."),
    .details =
        N_("PATTERN may contain * ? [ ] and is compared with the path in the source and with its\n"
           "last component. The exit code is 1 if nothing was found."),
    .least = 1,
    .most = 1,
    .options = {OPTION_SNAPSHOT, OPTION_JSON, OPTION_KIT, OPTION_IDENTITY, OPTION_PASSPHRASE_FILE,
                OPTION_PASSPHRASE_FD, OPTION_STORE, OPTION_SSH_KEY, OPTION_SSH_KEY_PASSPHRASE_FILE,
                OPTION_RETRY, OPTION_KNOWN_HOSTS, OPTION_END},
    .run = run,
};
