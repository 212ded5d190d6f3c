/* kura check: is everything there and undamaged. */
#include "cli_audit.h"

static void on_progress(void *context, uint64_t done, uint64_t total)
{
    struct cli_progress_values values = {
        .bytes = done, .bytes_total = total, .doing = _("checking")};
    cli_progress_show(context, &values);
}

static enum status print_json(const struct check_report *report, bool opened, struct error *error)
{
    json_t *object = json_object();
    json_t *problems = json_array();
    const struct {
        const char *key;
        uint64_t value;
    } numbers[] = {
        {"snapshots", report->snapshots},
        {"packs", report->packs},
        {"bytes", report->bytes},
        {"chunks", report->chunks},
        {"packs_read", report->packs_read},
        {"chunks_opened", report->chunks_opened},
        {"unused_packs", report->unused_packs},
        {"found_packs", report->found_packs},
        {"unfinished", report->unfinished},
        {"unfinished_bytes", report->unfinished_bytes},
    };
    for (size_t i = 0; i < LENGTH(numbers); i++) {
        json_object_set_new(object, numbers[i].key, json_integer((json_int_t)numbers[i].value));
    }
    json_object_set_new(object, "opened", json_boolean(opened));
    for (size_t i = 0; i < report->problems.count; i++) {
        json_t *problem = json_object();
        cli_json_set_bytes(problem, "object", report->problems.items[i].object);
        cli_json_set_bytes(problem, "message", report->problems.items[i].message);
        if (report->problems.items[i].hint[0] != '\0') {
            cli_json_set_bytes(problem, "hint", report->problems.items[i].hint);
        }
        json_array_append_new(problems, problem);
    }
    json_object_set_new(object, "problems", problems);
    json_object_set_new(object, "more_problems",
                        json_integer((json_int_t)report->problems.dropped));
    return cli_json_print(object, error);
}

static void print_unfinished(const struct check_report *report)
{
    char bytes[CLI_SIZE_TEXT];
    printf(_("unfinished files, left by killed runs or being written now: %llu, %s\n"),
           (unsigned long long)report->unfinished,
           cli_format_bytes(bytes, report->unfinished_bytes));
    printf("%s\n",
           _("Nothing needs them. While no kura writes to the repository, files whose names "
             "end in .tmp can be removed from it by hand."));
}

static void print_text(const struct check_report *report, unsigned percent, bool opened)
{
    char bytes[CLI_SIZE_TEXT];
    printf(_("%zu snapshots; %llu packs, %s; %llu chunks\n"), report->snapshots,
           (unsigned long long)report->packs, cli_format_bytes(bytes, report->bytes),
           (unsigned long long)report->chunks);
    if (percent > 0) {
        printf(_("packs read and verified: %llu\n"), (unsigned long long)report->packs_read);
    } else {
        printf("%s\n", _("packs not read (--read-data reads them)"));
    }
    if (opened) {
        printf(_("chunks opened: %llu\n"), (unsigned long long)report->chunks_opened);
    } else {
        printf("%s\n", _("chunks not opened (that needs --identity or --kit)"));
    }
    if (report->unused_packs > 0) {
        printf(_("packs that no index names, as interrupted runs leave them: %llu\n"),
               (unsigned long long)report->unused_packs);
    }
    if (report->found_packs > 0) {
        printf(_("packs that no index names any more, found by their own directories: %llu\n"),
               (unsigned long long)report->found_packs);
    }
    if (report->unfinished > 0) {
        print_unfinished(report);
    }
    if (report->problems.count == 0 && report->problems.dropped == 0) {
        printf("%s\n", _("no problems found"));
    } else {
        printf(_("PROBLEMS FOUND: %llu\n"),
               (unsigned long long)(report->problems.count + report->problems.dropped));
    }
}

static void set_facts(struct cli *cli, const struct check_report *report, bool opened)
{
    cli_json_set_count(cli->facts, "snapshots", report->snapshots);
    cli_json_set_count(cli->facts, "packs", report->packs);
    cli_json_set_count(cli->facts, "packs_read", report->packs_read);
    cli_json_set_count(cli->facts, "problems", report->problems.count + report->problems.dropped);
    json_object_set_new(cli->facts, "opened", json_boolean(opened));
}

static enum status check_arguments(struct cli *cli, struct error *error)
{
    const struct cli_arguments *arguments = &cli->arguments;
    if (!arguments->accept_losses) {
        return STATUS_OK;
    }
    if (arguments->reason == NULL || arguments->reason[0] == '\0') {
        error_set(error, STATUS_USAGE, 0, "%s", _("--accept-losses needs a reason"));
        return error_set_hint(error, "%s",
                              _("Say with --reason what is known of the loss; it is recorded."));
    }
    cli_json_set_bytes(cli->facts, "reason", arguments->reason);
    return STATUS_OK;
}

static enum status settle_losses(struct cli *cli, const struct cli_access *access,
                                 const struct check_report *report, struct error *error)
{
    bool more = cli->arguments.accept_losses;
    if (access->has_config) {
        return cli_losses_settle(cli, access, &report->problems, more, error);
    }
    return more ? error_set(error, STATUS_USAGE, 0, "%s",
                            _("--accept-losses is for a machine that backs up: it needs its "
                              "configuration"))
                : STATUS_OK;
}

static enum status run(struct cli *cli, struct error *error)
{
    CLEANUP(cli_access_free) struct cli_access access = {.work = CLI_WORK_CHECK};
    CLEANUP(check_report_free) struct check_report report = {0};
    const struct cli_arguments *arguments = &cli->arguments;
    access.log_folder = cli_record_folder(cli);
    enum status status = check_arguments(cli, error);
    if (status != STATUS_OK) {
        return status;
    }
    (void)cli_log_head(cli); /* tells if it is damaged */
    status = cli_access_open(&access, &cli->arguments, CLI_NEED_ANY, error);
    if (status != STATUS_OK) {
        return status;
    }
    struct cli_progress *progress = cli_progress_new(arguments);
    /* Opening every chunk reads every pack. */
    bool opened = access.access.identity_count > 0;
    const struct check_options options = {
        .state = access.has_config ? access.config.state : NULL,
        .read_percent = (unsigned)arguments->read_data,
        .open_chunks = opened,
        .progress = progress == NULL ? NULL : on_progress,
        .context = progress,
    };
    status = repo_check(&report, access.repo, &options, error);
    cli_progress_free(progress);
    if (status != STATUS_OK) {
        return status;
    }
    status = settle_losses(cli, &access, &report, error);
    if (status != STATUS_OK) {
        return status;
    }
    cli_report_problems(cli, &access, &report.problems);
    set_facts(cli, &report, opened);
    if (arguments->json) {
        return print_json(&report, opened, error);
    }
    if (!arguments->quiet) {
        print_text(&report, options.read_percent, opened);
    }
    return STATUS_OK;
}

const struct cli_command cmd_check = {
    .name = "check",
    .event = "check",
    .operands = "",
    .summary = N_("Check that all is there, undamaged and by whom it should be."),
    .details = N_(
        "The host key is enough for signatures, chain and structure, and with --read-data for\n"
        "every stored byte. With --identity or --kit every chunk is opened, too. This machine's\n"
        "audit log is checked as well. The exit code is 5 if there is any problem; each is\n"
        "named. What is gone for good is told every night, until it is accepted as lost with\n"
        "--accept-losses and --reason."),
    .options = {OPTION_READ_DATA, OPTION_ACCEPT_LOSSES, OPTION_REASON, OPTION_KIT, OPTION_IDENTITY,
                OPTION_PASSPHRASE_FILE, OPTION_PASSPHRASE_FD, OPTION_STORE, OPTION_SSH_KEY,
                OPTION_SSH_KEY_PASSPHRASE_FILE, OPTION_RETRY, OPTION_KNOWN_HOSTS, OPTION_JSON,
                OPTION_END},
    .run = run,
};
