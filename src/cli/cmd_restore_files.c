/* kura restore --target: files, folders and databases that are files go back into a folder. */
#include "cli_audit.h"
#include "cmd_restore.h"
#include <string.h>
#include <unistd.h>

struct telling {
    struct cli *cli;
    struct cli_progress *progress;
    const struct statement *statement;
};

static void on_progress(void *context, const struct restore_progress *now)
{
    struct telling *telling = context;
    struct cli_progress_values values = {
        .files = now->files_done, .bytes = now->bytes_done, .bytes_total = now->bytes_total};
    cli_progress_show(telling->progress, &values);
}

/* A source that failed in its night is no damage of today. */
static bool failed_then(const struct statement *statement, const char *name)
{
    for (size_t i = 0; i < statement->source_count; i++) {
        if (strcmp(statement->sources[i].name, name) == 0) {
            return statement->sources[i].status == SOURCE_FAILED;
        }
    }
    return false;
}

static void on_warn(void *context, const char *source, const char *path,
                    const struct error *problem)
{
    struct telling *telling = context;
    cli_progress_clear(telling->progress);
    cli_report_entry(source, path, problem);
    bool damage = problem->status == STATUS_CORRUPT || problem->status == STATUS_UNAUTHENTIC ||
                  problem->status == STATUS_NOT_FOUND;
    damage = damage && !failed_then(telling->statement, source);
    cli_note(telling->cli, damage ? EXIT_INTEGRITY : EXIT_WARNINGS);
}

static enum status check_sources(const struct snapshot *snapshot, const struct cli_words *names,
                                 struct error *error)
{
    enum status status = STATUS_OK;
    for (size_t i = 0; i < names->count && status == STATUS_OK; i++) {
        const struct catalogue_source *source;
        status = cli_find_source(&source, snapshot, names->items[i], error);
    }
    return status;
}

/* Of the sources that are restored at most so many, nobody of the whole snapshot twice. */
static enum status check_persons(struct cli_road *road, const struct cli_view *view,
                                 struct error *error)
{
    const struct selection selection = {.sources = road->cli->arguments.sources.items};
    int64_t persons = 0;
    bool uncounted = false;
    for (size_t i = 0; i < snapshot_source_count(view->snapshot); i++) {
        const struct statement_source *source = &snapshot_source(view->snapshot, i)->words;
        if (selection_has_source(&selection, source->name)) {
            persons += source->persons > 0 ? source->persons : 0;
            uncounted |= statement_source_is_uncounted(source);
        }
    }
    int64_t all = view->statement->persons;
    return cli_road_check_persons(road, all >= 0 && all < persons ? all : persons, uncounted,
                                  error);
}

/* A SQLite database is counted again when it has come back; others are given as they are. */
static void check_sources_without_rules(struct cli_view *view, const struct cli_register *obeyed,
                                        struct cli *cli)
{
    const struct selection selection = {.sources = cli->arguments.sources.items};
    for (size_t i = 0; i < snapshot_source_count(view->snapshot); i++) {
        const struct catalogue_source *source = snapshot_source(view->snapshot, i);
        if (strcmp(source->words.kind, "sqlite") != 0 &&
            selection_has_source(&selection, source->words.name)) {
            cli_register_check_source(obeyed, cli, view->snapshot, source);
        }
    }
}

static enum status restore(struct restore_summary *summary, struct cli_road *road,
                           struct cli_view *view, const struct cli_register *obeyed,
                           struct error *error)
{
    struct cli *cli = road->cli;
    const struct cli_arguments *arguments = &cli->arguments;
    enum status status = check_sources(view->snapshot, &arguments->sources, error);
    status = status ? status : cli_check_apart(&view->access, arguments->target, error);
    if (status == STATUS_OK) {
        status = cli_road_check_path(road, arguments->target, error);
    }
    if (status == STATUS_OK) {
        status = check_persons(road, view, error);
    }
    if (status == STATUS_OK) {
        status = file_make_folders(arguments->target, 0700, error);
    }
    if (status != STATUS_OK) {
        return status;
    }
    check_sources_without_rules(view, obeyed, cli);
    cli_record_begin(cli);
    cli_sandbox_enter(&view->access, arguments); /* now that the target is there: to it alone */
    struct telling telling = {
        .cli = cli, .progress = cli_progress_new(arguments), .statement = view->statement};
    const struct restore_options options = {
        .target = arguments->target,
        .selection = {arguments->sources.items, arguments->includes.items},
        .existing = arguments->overwrite ? RESTORE_REPLACE : RESTORE_KEEP,
        .owners = geteuid() == 0,
        .erasures = cli_register_entries(obeyed),
        .events = {&telling, telling.progress == NULL ? NULL : on_progress, on_warn},
        .cancelled = cli_catch_signals(),
        .judge = cli_road_check,
        .judge_context = road,
    };
    status = restore_run(summary, view->snapshot, view->statement, &options, error);
    cli_progress_free(telling.progress);
    return status;
}

/* Everything that was asked for is there, and it was whole sources. */
static bool is_whole(const struct cli *cli, const struct cli_view *view,
                     const struct restore_summary *summary)
{
    const struct selection selection = {.sources = cli->arguments.sources.items};
    for (size_t i = 0; i < snapshot_source_count(view->snapshot); i++) {
        const struct statement_source *source = &snapshot_source(view->snapshot, i)->words;
        if (source->status == SOURCE_FAILED && selection_has_source(&selection, source->name)) {
            return false;
        }
    }
    return summary->counts_match && summary->failed == 0 && cli->arguments.includes.count == 0;
}

static enum status print_json(struct cli *cli, const struct cli_view *view,
                              const struct restore_summary *summary,
                              const struct cli_register *obeyed, bool fresh, struct error *error)
{
    json_t *object = cli_json_statement(view->statement);
    json_object_set_new(object, "files", json_integer((json_int_t)summary->files));
    json_object_set_new(object, "restored_bytes", json_integer((json_int_t)summary->bytes));
    json_object_set_new(object, "resumed", json_integer((json_int_t)summary->resumed));
    json_object_set_new(object, "failed", json_integer((json_int_t)summary->failed));
    json_object_set_new(object, "counts_match", json_boolean(is_whole(cli, view, summary)));
    json_object_set_new(object, "recounted", json_integer((json_int_t)summary->recounted));
    json_object_set_new(object, "recount_failed",
                        json_integer((json_int_t)summary->recount_failed));
    json_object_set_new(object, "recount_match", json_boolean(summary->recount_match));
    json_object_set_new(object, "head_proved", json_boolean(fresh));
    json_object_set_new(object, "seconds", json_real(summary->seconds));
    cli_register_tell(obeyed, cli, &summary->erased, object);
    return cli_json_print(object, error);
}

static void print_text(const struct cli *cli, const struct cli_view *view,
                       const struct restore_summary *summary)
{
    char id[OBJECT_ID_TEXT_SIZE];
    char bytes[CLI_SIZE_TEXT];
    char time[CLI_SIZE_TEXT];
    printf(ngettext("Snapshot %s: %llu file restored, %s, in %s.\n",
                    "Snapshot %s: %llu files restored, %s, in %s.\n",
                    (unsigned long)summary->files),
           cli_format_id(id, view->statement->id), (unsigned long long)summary->files,
           cli_format_bytes(bytes, summary->bytes), cli_format_duration(time, summary->seconds));
    if (summary->resumed > 0) {
        printf(_("An earlier restore had finished %llu of them.\n"),
               (unsigned long long)summary->resumed);
    }
    if (summary->failed > 0) {
        printf(_("Not restored, or not wholly: %llu\n"), (unsigned long long)summary->failed);
    }
    if (is_whole(cli, view, summary)) {
        printf("%s\n", _("Entries, bytes and digests are as the backup said."));
    } else if (!summary->counts_match && cli->arguments.includes.count == 0) {
        printf("%s\n", _("Entries, bytes or digests are NOT as the backup said."));
    }
    if (!summary->recount_match) {
        printf("%s\n", _("Rows or persons are NOT as the backup said."));
    } else if (is_whole(cli, view, summary) && summary->recounted > 0 &&
               summary->recount_failed == 0) {
        printf("%s\n", view->statement->persons < 0
                           ? _("Rows are as the backup said; persons were not counted then.")
                           : _("Rows and persons are as the backup said."));
    }
}

static void tell_hosts(const struct cli *cli, const struct cli_view *view,
                       const struct cli_register *obeyed)
{
    const struct selection selection = {.sources = cli->arguments.sources.items};
    for (size_t i = 0; i < view->statement->source_count; i++) {
        const char *name = view->statement->sources[i].name;
        if (selection_has_source(&selection, name)) {
            cli_register_tell_hosts(obeyed, view->statement, name);
        }
    }
}

static enum status fail_refused(const struct restore_erased *erased, struct error *error)
{
    error_set(error, STATUS_FAILED, 0,
              ngettext("%llu database was not restored: erasing from it failed",
                       "%llu databases were not restored: erasing from them failed",
                       erased->refused),
              (unsigned long long)erased->refused);
    return error_set_hint(error, "%s", _("The messages above say why; all else is restored."));
}

/* What the restore came to, in words and exit code. */
static enum status tell(struct cli *cli, const struct cli_view *view,
                        const struct restore_summary *summary, const struct cli_register *obeyed,
                        bool fresh, struct error *error)
{
    enum status status = STATUS_OK;
    bool all = cli->arguments.includes.count == 0;
    if (!all && summary->files == 0 && summary->failed == 0 && summary->erased.files == 0) {
        error_set(error, STATUS_NOT_FOUND, 0, "%s", _("nothing in the snapshot matches --include"));
        return error_set_hint(error, "%s", _("kura find and kura ls show what there is."));
    }
    if (summary->failed > 0) {
        cli_note(cli, EXIT_WARNINGS);
    }
    if (!summary->counts_match && summary->failed == 0 && all) {
        cli_note(cli, EXIT_INTEGRITY);
    }
    if (!summary->recount_match) {
        cli_note(cli, EXIT_INTEGRITY);
    }
    if (cli->arguments.json) {
        status = print_json(cli, view, summary, obeyed, fresh, error);
    } else {
        if (!cli->arguments.quiet) {
            print_text(cli, view, summary);
        }
        cli_register_tell(obeyed, cli, &summary->erased, NULL);
    }
    if (status != STATUS_OK || summary->erased.refused == 0) {
        return status;
    }
    tell_hosts(cli, view, obeyed);
    return fail_refused(&summary->erased, error);
}

enum status cmd_restore_into_folder(struct cli_road *road, struct cli_view *view,
                                    const struct cli_register *obeyed, bool fresh,
                                    struct error *error)
{
    struct cli *cli = road->cli;
    struct restore_summary summary = {0};
    cli_json_set_bytes(cli->facts, "target", cli->arguments.target);
    enum status status = restore(&summary, road, view, obeyed, error);
    cli_json_set_count(cli->facts, "files", summary.files);
    cli_json_set_count(cli->facts, "bytes", summary.bytes);
    cli_json_set_count(cli->facts, "failed", summary.failed);
    json_object_set_new(cli->facts, "recount_match", json_boolean(summary.recount_match));
    return status == STATUS_OK ? tell(cli, view, &summary, obeyed, fresh, error) : status;
}
