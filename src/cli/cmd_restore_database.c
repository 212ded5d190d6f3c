/* kura restore --database: a PostgreSQL source goes back into a server. */
#include "cli_audit.h"
#include "cmd_restore.h"
#include "kura/restore.h"
#include <string.h>

struct telling {
    struct cli *cli;
    struct cli_progress *progress;
};

static void on_progress(void *context, const struct restore_progress *now)
{
    const struct telling *telling = context;
    const struct cli_progress_values values = {.bytes = now->bytes_done,
                                               .bytes_total = now->bytes_total};
    cli_progress_show(telling->progress, &values);
}

static void on_warn(void *context, const char *source, const char *path,
                    const struct error *problem)
{
    const struct telling *telling = context;
    cli_progress_clear(telling->progress);
    if (problem->status == STATUS_OK) { /* only told */
        cli_say(telling->cli, "%s", problem->message);
        return;
    }
    cli_report_entry(source, path, problem);
    cli_note(telling->cli, problem->status == STATUS_CORRUPT ? EXIT_INTEGRITY : EXIT_WARNINGS);
}

/* The one that is named, or the only one that is a PostgreSQL database. */
static enum status choose_source(const char **name, const struct cli_view *view,
                                 const struct cli_words *named, struct error *error)
{
    size_t found = 0;
    if (named->count == 1) {
        *name = named->items[0];
        return STATUS_OK;
    }
    for (size_t i = 0; named->count == 0 && i < snapshot_source_count(view->snapshot); i++) {
        const struct statement_source *words = &snapshot_source(view->snapshot, i)->words;
        if (strcmp(words->kind, "postgres") == 0) {
            *name = words->name;
            found++;
        }
    }
    if (found == 1) {
        return STATUS_OK;
    }
    error_set(error, STATUS_USAGE, 0, "%s",
              _("it is not clear which source goes into the database"));
    return error_set_hint(error, "%s",
                          _("Name one with --source NAME; kura snapshots shows them."));
}

static enum status print_json(struct cli *cli, const struct cli_view *view,
                              const struct database_summary *summary,
                              const struct cli_register *obeyed,
                              const struct restore_erased *erased, bool fresh, struct error *error)
{
    json_t *object = cli_json_statement(view->statement);
    json_t *rows = json_object();
    for (size_t i = 0; i < summary->table_count; i++) {
        cli_json_set_count(rows, summary->tables[i].name, summary->tables[i].rows);
    }
    cli_json_set_bytes(object, "database", summary->database);
    if (summary->kept_as != NULL) {
        cli_json_set_bytes(object, "kept_as", summary->kept_as);
    }
    json_object_set_new(object, "restored_rows", rows);
    cli_json_set_count(object, "removed_rows", summary->removed);
    if (summary->persons >= 0) {
        json_object_set_new(object, "restored_persons", json_integer(summary->persons));
    }
    json_object_set_new(object, "counts_match", json_boolean(summary->proved));
    json_object_set_new(object, "head_proved", json_boolean(fresh));
    json_object_set_new(object, "seconds", json_real(summary->seconds));
    cli_register_tell(obeyed, cli, erased, object);
    return cli_json_print(object, error);
}

static void print_text(const struct cli_view *view, const struct database_summary *summary)
{
    char id[OBJECT_ID_TEXT_SIZE];
    char bytes[CLI_SIZE_TEXT];
    char time[CLI_SIZE_TEXT];
    printf(_("Snapshot %s: database %s is restored: %llu rows in %llu tables, %s, in %s.\n"),
           cli_format_id(id, view->statement->id), summary->database,
           (unsigned long long)summary->rows, (unsigned long long)summary->table_count,
           cli_format_bytes(bytes, summary->bytes), cli_format_duration(time, summary->seconds));
    if (summary->persons >= 0) {
        printf(_("Persons: %lld\n"), (long long)summary->persons);
    }
    if (summary->proved) {
        printf("%s\n", _("The rows of every table are as the backup counted them."));
    } else {
        printf("%s\n", _("The backup has no counts of this source to compare with."));
    }
    if (summary->removed > 0) {
        printf(_("After that %llu rows were removed.\n"), (unsigned long long)summary->removed);
    }
    if (summary->kept_as != NULL) {
        printf(_("What was there before is kept as the database %s; drop it when it is not needed "
                 "any more.\n"),
               summary->kept_as);
    }
}

static enum status restore(struct database_summary *summary, struct cli_road *road,
                           struct cli_view *view, struct restore_amendment *amendment,
                           struct error *error)
{
    struct cli *cli = road->cli;
    const struct cli_arguments *arguments = &cli->arguments;
    cli_record_begin(cli);
    struct telling telling = {.cli = cli, .progress = cli_progress_new(arguments)};
    const struct database_options options = {
        .connection = arguments->database,
        .source = amendment->source,
        .tables = arguments->tables.count == 0 ? NULL : arguments->tables.items,
        .replace = arguments->overwrite,
        .no_owner = arguments->no_owner,
        .events = {&telling, telling.progress == NULL ? NULL : on_progress, on_warn},
        .cancelled = cli_catch_signals(),
        .amendment = amendment,
    };
    enum status status = restore_into_database(summary, view->snapshot, &options, error);
    cli_progress_free(telling.progress);
    return status;
}

enum status cmd_restore_into_database(struct cli_road *road, struct cli_view *view,
                                      const struct cli_register *obeyed, bool fresh,
                                      struct error *error)
{
    struct cli *cli = road->cli;
    CLEANUP(database_summary_free) struct database_summary summary = {0};
    CLEANUP(memory_free) char *database = NULL;
    struct restore_amendment amendment = {.erasures = cli_register_entries(obeyed)};
    enum status status = choose_source(&amendment.source, view, &cli->arguments.sources, error);
    if (status == STATUS_OK) {
        status = restore_database_name(&database, cli->arguments.database, error);
    }
    if (status != STATUS_OK) {
        return status;
    }
    cli_road_record_database(road, database);
    status = restore(&summary, road, view, &amendment, error);
    cli_json_set_count(cli->facts, "rows", summary.rows);
    cli_json_set_count(cli->facts, "bytes", summary.bytes);
    if (status == STATUS_FAILED) {
        cli_register_tell_hosts(obeyed, view->statement, amendment.source);
    }
    if (status != STATUS_OK) {
        return status;
    }
    cli_register_check_command(obeyed, cli, snapshot_find_source(view->snapshot, amendment.source));
    if (summary.kept_as != NULL) {
        cli_json_set_bytes(cli->facts, "kept_as", summary.kept_as);
    }
    if (cli->arguments.json) {
        return print_json(cli, view, &summary, obeyed, &amendment.erased, fresh, error);
    }
    if (!cli->arguments.quiet) {
        print_text(view, &summary);
    }
    cli_register_tell(obeyed, cli, &amendment.erased, NULL);
    return STATUS_OK;
}
