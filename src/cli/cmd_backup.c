/* kura backup: the night, told to people or programs. */
#include "cli.h"
#include "kura/backup.h"
#include <stdlib.h>
#include <string.h>

struct telling {
    struct cli *cli;
    struct cli_progress *progress;
};

static void on_progress(void *context, const struct backup_progress *now)
{
    struct telling *telling = context;
    struct cli_progress_values values = {
        .files = now->files,
        .bytes = now->bytes,
        .bytes_total = now->bytes_expected,
        .doing = now->source == NULL ? _("sending") : now->source,
    };
    cli_progress_show(telling->progress, &values);
}

static void on_warn(void *context, const char *source, const char *path,
                    const struct error *problem)
{
    struct telling *telling = context;
    cli_progress_clear(telling->progress);
    cli_report_entry(source, path, problem);
    cli_note(telling->cli, EXIT_WARNINGS);
}

static void on_waiting(void *context)
{
    struct telling *telling = context;
    cli_say(telling->cli, "%s", _("Another backup is running; waiting for it."));
}

static enum status check_sources(const struct config *config, const struct cli_words *names,
                                 struct error *error)
{
    if (config->source_count == 0) {
        return error_set(error, STATUS_USAGE, 0, _("%s names no sources"), config->path);
    }
    for (size_t i = 0; i < names->count; i++) {
        if (config_find_source(config, names->items[i]) == NULL) {
            return error_set(error, STATUS_USAGE, 0, _("there is no source %s in %s"),
                             names->items[i], config->path);
        }
    }
    return STATUS_OK;
}

static enum status print_json(const struct backup_summary *summary, const char *head_code,
                              struct error *error)
{
    json_t *object = cli_json_statement(&summary->statement);
    const struct {
        const char *key;
        uint64_t value;
    } numbers[] = {
        {"files", summary->files},
        {"files_unchanged", summary->files_unchanged},
        {"bytes", summary->bytes},
        {"bytes_read", summary->bytes_read},
        {"bytes_new", summary->bytes_new},
        {"warnings", summary->warnings},
        {"failed_sources", summary->failed_sources},
        {"problems", summary->problems.count + summary->problems.dropped},
    };
    for (size_t i = 0; i < LENGTH(numbers); i++) {
        json_object_set_new(object, numbers[i].key, json_integer((json_int_t)numbers[i].value));
    }
    json_object_set_new(object, "seconds", json_real(summary->seconds));
    if (head_code[0] != '\0') {
        json_object_set_new(object, "head_code", json_string(head_code));
    }
    return cli_json_print(object, error);
}

static void print_text(const struct cli *cli, const struct backup_summary *summary,
                       const char *head_code)
{
    char id[OBJECT_ID_TEXT_SIZE];
    char bytes[CLI_SIZE_TEXT];
    char fresh[CLI_SIZE_TEXT];
    char stored[CLI_SIZE_TEXT];
    char time[CLI_SIZE_TEXT];
    printf(_("Snapshot %s is complete.\n"), cli_format_id(id, summary->statement.id));
    printf(_("%llu files (%llu unchanged), %s; new: %s; sent: %s; time: %s\n"),
           (unsigned long long)summary->files, (unsigned long long)summary->files_unchanged,
           cli_format_bytes(bytes, summary->bytes), cli_format_bytes(fresh, summary->bytes_new),
           cli_format_bytes(stored, summary->statement.stored),
           cli_format_duration(time, summary->seconds));
    for (size_t i = 0; i < summary->statement.source_count; i++) {
        const struct statement_source *source = &summary->statement.sources[i];
        if (cli->arguments.verbose) {
            cli_print_source(source);
        }
        if (source->status == SOURCE_FAILED) {
            printf(_("Source %s failed and is not in this snapshot.\n"), source->name);
        }
    }
    if (summary->warnings > 0) {
        printf(_("Warnings: %llu\n"), (unsigned long long)summary->warnings);
    }
    if (head_code[0] != '\0') {
        printf(_("Head code: %s\n"), head_code);
    }
}

/* The chain is looked at each night: what was dropped from the store must not wait for the day when
 * it is needed. The backup itself is done already. */
static void look_at_chain(char head_code[HEAD_CODE_SIZE], struct cli *cli,
                          struct cli_access *access)
{
    CLEANUP(snapshot_list_free) struct snapshot_list list = {0};
    struct error error = {0};
    head_code[0] = '\0';
    if (cli_list(&list, cli, access, &error) != STATUS_OK) {
        error_add_context(&error, "%s", _("the backup is done, but cannot be listed"));
        cli_report_warning(&error);
        cli_note(cli, EXIT_WARNINGS);
        return;
    }
    snapshot_list_head_code(head_code, &list);
}

static enum status back_up(struct backup_summary *summary, struct cli *cli,
                           struct cli_access *access, struct error *error)
{
    CLEANUP(memory_free) struct age_recipient *recipients = NULL;
    size_t recipient_count = 0;
    enum status status = check_sources(&access->config, &cli->arguments.words, error);
    if (status == STATUS_OK) {
        status = cli_recipients_read(&recipients, &recipient_count, &access->config,
                                     &access->host.recovery, error);
    }
    if (status != STATUS_OK) {
        return status;
    }
    struct telling telling = {.cli = cli, .progress = cli_progress_new(&cli->arguments)};
    const struct backup_options options = {
        .config = &access->config,
        .host = &access->host,
        .recipients = recipients,
        .recipient_count = recipient_count,
        .sources = cli->arguments.words.count == 0 ? NULL : cli->arguments.words.items,
        .events = {&telling, telling.progress == NULL ? NULL : on_progress, on_warn, on_waiting},
        .cancelled = cli_catch_signals(),
    };
    status = backup_run(summary, access->repo, &options, error);
    cli_progress_free(telling.progress);
    return status;
}

static enum status run(struct cli *cli, struct error *error)
{
    CLEANUP(cli_access_free) struct cli_access access = {0};
    CLEANUP(backup_summary_free) struct backup_summary summary = {0};
    enum status status = cli_access_open(&access, &cli->arguments, CLI_NEED_HOST, error);
    if (status == STATUS_OK) {
        status = back_up(&summary, cli, &access, error);
        cli_report_problems(cli, &summary.problems);
    }
    if (status != STATUS_OK) {
        return status;
    }
    if (summary.warnings > 0 || summary.failed_sources > 0) {
        cli_note(cli, EXIT_WARNINGS);
    }
    char head_code[HEAD_CODE_SIZE];
    look_at_chain(head_code, cli, &access);
    if (cli->arguments.json) {
        return print_json(&summary, head_code, error);
    }
    if (!cli->arguments.quiet) {
        print_text(cli, &summary, head_code);
    }
    return STATUS_OK;
}

const struct cli_command cmd_backup = {
    .name = "backup",
    .operands = N_("[SOURCE…]"),
    .summary = N_("Back up all sources, or those that are named."),
    .details =
        N_("The host key is enough. A file that cannot be read or a source that fails does not\n"
           "stop the others; the exit code is then 3. It is 5 when something that was stored\n"
           "before is found damaged or gone; this snapshot is then complete all the same.\n"
           "The head code proves, when it is kept\n"
           "elsewhere, that a later restore sees the newest backup."),
    .least = 0,
    .most = SIZE_MAX,
    .options = {OPTION_SSH_KEY_PASSPHRASE_FILE, OPTION_RETRY, OPTION_JSON, OPTION_END},
    .retry = CLI_RETRY_PATIENT,
    .nightly = true,
    .run = run,
};
