/* kura snapshots: what there is, by the host's signed word. The host key is enough. */
#include "cli.h"
#include <string.h>

#define ID_COLUMN 10
#define TIME_COLUMN 27
#define SIZE_COLUMN 10
#define COUNT_COLUMN 9

static bool is_head(const struct snapshot_list *list, size_t number)
{
    for (size_t i = 0; i < list->head_count; i++) {
        if (list->heads[i] == number) {
            return true;
        }
    }
    return false;
}

static enum status print_json(const struct snapshot_list *list, struct error *error)
{
    struct cli_json_array array = {0};
    enum status status = STATUS_OK;
    for (size_t i = 0; i < list->count && status == STATUS_OK; i++) {
        json_t *object = cli_json_statement(&list->items[i]);
        json_object_set_new(object, "head", json_boolean(is_head(list, i)));
        status = cli_json_add(&array, object, error);
    }
    return status == STATUS_OK ? cli_json_end(&array, error) : status;
}

static void print_line(const struct cli *cli, const struct statement *statement)
{
    char id[OBJECT_ID_TEXT_SIZE];
    char time[MOMENT_TEXT_SIZE];
    char bytes[CLI_SIZE_TEXT];
    char count[CLI_SIZE_TEXT];
    enum source_status worst = SOURCE_COMPLETE;
    uint64_t total = 0;
    uint64_t rows = 0;
    for (size_t i = 0; i < statement->source_count; i++) {
        const struct statement_source *source = &statement->sources[i];
        total += source->bytes;
        rows += cli_count_rows(source);
        worst = source->status > worst ? source->status : worst;
    }
    cli_print_column(stdout, cli_format_id(id, statement->id), ID_COLUMN);
    cli_print_column(stdout, moment_format_local(time, statement->time), TIME_COLUMN);
    cli_print_column(stdout, cli_format_bytes(bytes, total), SIZE_COLUMN);
    snprintf(count, sizeof count, "%llu", (unsigned long long)rows);
    cli_print_column(stdout, count, COUNT_COLUMN);
    cli_print_column(stdout, cli_format_persons(count, statement->persons), COUNT_COLUMN);
    for (size_t i = 0; i < statement->source_count; i++) {
        printf("%s%s", i == 0 ? "" : ",", statement->sources[i].name);
    }
    printf("  %s%s\n", cli_status_word(worst),
           statement->standing == STANDING_TRUSTED ? "" : _(" (origin not proved)"));
    if (cli->arguments.verbose) {
        char whole[OBJECT_ID_TEXT_SIZE];
        printf("  %s\n", hex_encode(whole, statement->id, OBJECT_ID_SIZE));
        for (size_t i = 0; i < statement->source_count; i++) {
            cli_print_source(&statement->sources[i]);
        }
    }
}

static void print_text(const struct snapshot_list *list, const struct cli *cli)
{
    if (list->count == 0) {
        printf("%s\n", _("There are no snapshots."));
        return;
    }
    cli_print_column(stdout, _("ID"), ID_COLUMN);
    cli_print_column(stdout, _("TIME"), TIME_COLUMN);
    cli_print_column(stdout, _("SIZE"), SIZE_COLUMN);
    cli_print_column(stdout, _("ROWS"), COUNT_COLUMN);
    cli_print_column(stdout, _("PERSONS"), COUNT_COLUMN);
    printf("%s\n", _("SOURCES"));
    for (size_t i = 0; i < list->count; i++) {
        print_line(cli, &list->items[i]);
    }
    if (cli->arguments.quiet) {
        return;
    }
    char code[HEAD_CODE_SIZE];
    char due[MOMENT_TEXT_SIZE];
    const struct statement *newest = &list->items[list->count - 1];
    snapshot_list_head_code(code, list);
    printf(_("\nHead code: %s\n"), code);
    moment_format_local(due, newest->due);
    if (moment_compare(newest->due, moment_now()) < 0) {
        printf(_("The next backup is overdue since %s.\n"), due);
    } else {
        printf(_("The next backup is due by %s.\n"), due);
    }
}

static enum status run(struct cli *cli, struct error *error)
{
    CLEANUP(cli_access_free) struct cli_access access = {0};
    CLEANUP(snapshot_list_free) struct snapshot_list list = {0};
    CLEANUP(problems_free) struct problems missing = {0};
    enum status status = cli_access_open(&access, &cli->arguments, CLI_NEED_ANY, error);
    if (status == STATUS_OK) {
        status = cli_list(&list, cli, &access, error);
    }
    if (status == STATUS_OK && access.has_config) {
        status = snapshot_list_expect(&missing, &list, access.repo, access.config.state, error);
        cli_report_problems(cli, &access, &missing);
    }
    if (status != STATUS_OK) {
        return status;
    }
    if (cli->arguments.json) {
        return print_json(&list, error);
    }
    print_text(&list, cli);
    return STATUS_OK;
}

const struct cli_command cmd_snapshots = {
    .name = "snapshots",
    .operands = "",
    .summary = N_("List the snapshots, oldest first."),
    .details =
        N_("The host key is enough. Rows and persons are those of all databases; - is: not\n"
           "counted. Snapshots that are missing, damaged or not signed by a trusted host are\n"
           "told, and the exit code is then 5."),
    .options = {OPTION_JSON, OPTION_KIT, OPTION_IDENTITY, OPTION_PASSPHRASE_FILE,
                OPTION_PASSPHRASE_FD, OPTION_STORE, OPTION_SSH_KEY, OPTION_SSH_KEY_PASSPHRASE_FILE,
                OPTION_RETRY, OPTION_KNOWN_HOSTS, OPTION_END},
    .run = run,
};
