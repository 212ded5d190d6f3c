/* kura backup: the night, told to people or programs. */
#include "cli_audit.h"
#include "cli_road.h"
#include "kura/backup.h"
#include <stdlib.h>
#include <string.h>

#define CLOCK_TOLERANCE 600 /* seconds: two hosts that back up to one storage */

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

static void on_note(void *context, const char *source, const char *path, const char *message)
{
    struct telling *telling = context;
    struct error told;
    error_set(&told, STATUS_OK, 0, "%s%s%s: %s", source, path[0] == '\0' ? "" : "/", path, message);
    cli_progress_clear(telling->progress);
    cli_say(telling->cli, "%s", told.message);
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
        {"erased_present", summary->erased_present},
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
    printf(ngettext("%llu file (%llu unchanged), %s; new: %s; sent: %s; time: %s\n",
                    "%llu files (%llu unchanged), %s; new: %s; sent: %s; time: %s\n",
                    (unsigned long)summary->files),
           (unsigned long long)summary->files, (unsigned long long)summary->files_unchanged,
           cli_format_bytes(bytes, summary->bytes), cli_format_bytes(fresh, summary->bytes_new),
           cli_format_bytes(stored, summary->statement.stored),
           cli_format_duration(time, summary->seconds));
    cli_print_persons(&summary->statement);
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

/* Snapshots are ordered by number, so a wrong clock loses none; but --before, the date that the
 * next one is due and whoever reads the list go by the time. Told once: the next snapshot builds on
 * one with the new time. */
static void look_at_clock(struct cli *cli, const struct snapshot_list *list,
                          const struct statement *statement)
{
    struct moment now = moment_now();
    for (size_t i = 0; i < list->count; i++) {
        const struct statement *before = &list->items[i];
        bool built_on = false;
        for (size_t j = 0; j < statement->parent_count; j++) {
            built_on |= memcmp(before->id, statement->parents[j], OBJECT_ID_SIZE) == 0;
        }
        if (!built_on || before->time.seconds <= now.seconds + CLOCK_TOLERANCE) {
            continue;
        }
        char then[MOMENT_TEXT_SIZE];
        char text[MOMENT_TEXT_SIZE];
        struct error error = {0};
        error_set(&error, STATUS_FAILED, 0,
                  _("the snapshot before this one is of %s, but the clock of this machine says %s"),
                  moment_format_local(then, before->time), moment_format_local(text, now));
        error_set_hint(&error, "%s",
                       _("Set the clock right. Nothing is lost: snapshots are ordered by number, "
                         "not by time."));
        cli_report_warning(&error);
        cli_note(cli, EXIT_WARNINGS);
        return;
    }
}

/* The chain is looked at each night: what was dropped from the store must not wait for the day when
 * it is needed. The backup itself is done already. */
static void look_at_chain(char head_code[HEAD_CODE_SIZE], struct cli *cli,
                          struct cli_access *access, const struct statement *statement)
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
    cli_anchors_watch(cli, &list);
    look_at_clock(cli, &list, statement);
}

/* Erasing from the shop's own data is the shop's work: kura writes to no live database. */
static void tell_erased(struct cli *cli, const struct backup_summary *summary)
{
    struct error told = {0};
    if (summary->erased_present == 0) {
        return;
    }
    error_set(&told, STATUS_FAILED, 0,
              ngettext("%llu person who asked to be erased is still in a database",
                       "%llu persons who asked to be erased are still in a database",
                       summary->erased_present),
              (unsigned long long)summary->erased_present);
    error_set_hint(&told, "%s",
                   _("Erase them with the shop's own program. Rows that are only made anonymous "
                     "must not count as persons: see persons in kura.yaml(5)."));
    cli_report_warning(&told);
    cli_note(cli, EXIT_WARNINGS);
}

static void name_own_folders(struct config *config, const char *url)
{
    for (size_t i = 0; i < config->source_count; i++) {
        config->sources[i].own = (struct config_own){.repository = cli_road_store_folder(url),
                                                     .state = config->state,
                                                     .remade = repo_state_remade};
    }
}

static enum status back_up(struct backup_summary *summary, struct cli_road *store,
                           struct cli_access *access, struct error *error)
{
    struct cli *cli = store->cli;
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
    cli_persons_choose(store, &access->config);
    name_own_folders(&access->config, access->access.store.url);
    struct telling telling = {.cli = cli, .progress = cli_progress_new(&cli->arguments)};
    const struct audit_head head = cli_log_head(cli);
    const struct backup_options options = {
        .audit_size = head.size,
        .audit_root = head.root,
        .config = &access->config,
        .host = &access->host,
        .recipients = recipients,
        .recipient_count = recipient_count,
        .sources = cli->arguments.words.count == 0 ? NULL : cli->arguments.words.items,
        .events = {&telling, telling.progress == NULL ? NULL : on_progress, on_warn, on_note,
                   on_waiting},
        .cancelled = cli_catch_signals(),
        .judge = cli_road_check_persons,
        .judge_context = store,
    };
    status = backup_run(summary, access->repo, &options, error);
    cli_progress_free(telling.progress);
    return status;
}

/* The state with the spool, and a store on this machine: before anything is written there, and once
 * more when all is. In between every folder of the store is asked about by its descriptor. */
static enum status check_roads(struct cli_road *state, struct cli_road *store,
                               const struct cli_access *access, struct error *error)
{
    const char *folder = cli_road_store_folder(access->access.store.url);
    enum status status = cli_road_check_path(state, access->config.state, error);
    if (status != STATUS_OK) {
        return error_add_context(error, "%s", access->config.state);
    }
    status = folder == NULL ? STATUS_OK : cli_road_check_path(store, folder, error);
    return status == STATUS_OK ? status : error_add_context(error, "%s", folder);
}

static json_t *source_facts(const struct statement *statement)
{
    static const char *const words[] = {
        [SOURCE_COMPLETE] = "complete", [SOURCE_WARNINGS] = "warnings", [SOURCE_FAILED] = "failed"};
    json_t *array = json_array();
    for (size_t i = 0; i < statement->source_count; i++) {
        const struct statement_source *source = &statement->sources[i];
        json_t *facts = json_object();
        cli_json_set_bytes(facts, "name", source->name);
        json_object_set_new(facts, "status", json_string(words[source->status]));
        cli_json_set_count(facts, "entries", source->entries);
        cli_json_set_count(facts, "bytes", source->bytes);
        json_array_append_new(array, facts);
    }
    return array;
}

static void set_facts(struct cli *cli, const struct backup_summary *summary, enum status status)
{
    cli_json_set_count(cli->facts, "problems", summary->problems.count + summary->problems.dropped);
    if (status != STATUS_OK) {
        return;
    }
    cli_json_set_id(cli->facts, "snapshot", summary->statement.id, OBJECT_ID_SIZE);
    json_object_set_new(cli->facts, "sources", source_facts(&summary->statement));
    cli_json_set_count(cli->facts, "bytes", summary->bytes);
    cli_json_set_count(cli->facts, "stored", summary->statement.stored);
    if (summary->statement.persons >= 0) {
        cli_json_set_count(cli->facts, "persons", (uint64_t)summary->statement.persons);
    }
    cli_json_set_count(cli->facts, "warnings", summary->warnings);
    cli_json_set_count(cli->facts, "erased_present", summary->erased_present);
    /* What of this log is off-site now: known without asking the storage. */
    cli_json_set_count(cli->facts, "log_size", summary->statement.audit_size);
    if (summary->statement.audit_size > 0) {
        cli_json_set_id(cli->facts, "log_root", summary->statement.audit_root,
                        sizeof summary->statement.audit_root);
    }
}

static enum status run(struct cli *cli, struct error *error)
{
    CLEANUP(cli_road_end) struct cli_road state;
    CLEANUP(cli_road_end) struct cli_road store; /* longer than the access, which asks it */
    CLEANUP(cli_access_free)
    struct cli_access access = {.work = CLI_WORK_BACKUP, .road = &store};
    CLEANUP(backup_summary_free) struct backup_summary summary = {0};
    cli_road_begin(&state, cli, ROAD_STAGING);
    cli_road_begin(&store, cli, ROAD_STORE);
    access.log_folder = cli_record_folder(cli);
    cli_json_set_words(cli->facts, "asked", &cli->arguments.words);
    enum status status = cli_access_open(&access, &cli->arguments, CLI_NEED_HOST, error);
    if (status == STATUS_OK) {
        status = check_roads(&state, &store, &access, error);
    }
    if (status == STATUS_OK) {
        status = back_up(&summary, &store, &access, error);
        cli_report_problems(cli, &access, &summary.problems);
    }
    if (status == STATUS_OK) {
        status = check_roads(&state, &store, &access, error);
    }
    set_facts(cli, &summary, status);
    if (status != STATUS_OK) {
        return status;
    }
    if (summary.warnings > 0 || summary.failed_sources > 0) {
        cli_note(cli, EXIT_WARNINGS);
    }
    tell_erased(cli, &summary);
    char head_code[HEAD_CODE_SIZE];
    look_at_chain(head_code, cli, &access, &summary.statement);
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
    .event = "backup",
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
