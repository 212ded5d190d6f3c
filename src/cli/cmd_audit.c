/* kura audit verify: is the log whole, and is it still the one that the storage knows. */
#include "cli_audit.h"
#include <string.h>

/* What was found. */
struct finding {
    struct cli_log log; /* log.audit is NULL if there is no log */
    bool compared;
    struct cli_anchors anchors;
};

static void finding_free(struct finding *finding)
{
    cli_log_close(&finding->log);
}

static uint64_t size_of(const struct finding *finding)
{
    return finding->log.audit == NULL ? 0 : audit_head(finding->log.audit).size;
}

/* The heads that this machine's snapshots carried off-site. */
static enum status compare(struct finding *finding, struct snapshot_list *list,
                           struct cli_access *access, struct cli *cli, struct error *error)
{
    enum status status = cli_access_open(access, &cli->arguments, CLI_NEED_HOST, error);
    if (status == STATUS_OK) {
        status = cli_list(list, cli, access, error);
    }
    if (status != STATUS_OK) {
        return status;
    }
    cli_anchors_compare(&finding->anchors, finding->log.audit, list,
                        finding->log.host.signing.public_key);
    finding->compared = true;
    cli_json_set_count(cli->facts, "anchors", finding->anchors.count);
    return STATUS_OK;
}

static enum status print_json(const struct finding *finding, struct error *error)
{
    json_t *object = json_object();
    cli_json_set_count(object, "records", size_of(finding));
    if (finding->log.audit != NULL) {
        struct audit_head head = audit_head(finding->log.audit);
        cli_json_set_id(object, "root", head.root, sizeof head.root);
        cli_json_set_moment(object, "newest", audit_newest(finding->log.audit));
    }
    json_object_set_new(object, "compared", json_boolean(finding->compared));
    cli_json_set_count(object, "anchors", finding->anchors.count);
    cli_json_set_count(object, "anchored", finding->anchors.kept);
    const struct statement *wrong = finding->anchors.wrong;
    if (wrong != NULL) {
        cli_json_set_id(object, "wrong_snapshot", wrong->id, OBJECT_ID_SIZE);
        cli_json_set_count(object, "wrong_size", wrong->audit_size);
    }
    json_object_set_new(object, "whole", json_boolean(wrong == NULL));
    return cli_json_print(object, error);
}

static void print_text(const struct finding *finding)
{
    char time[MOMENT_TEXT_SIZE];
    const struct cli_anchors *anchors = &finding->anchors;
    if (finding->log.audit == NULL) {
        printf("%s\n", _("There is no audit log yet."));
    } else {
        printf(_("The audit log is whole: %llu records, the newest of %s.\n"),
               (unsigned long long)size_of(finding),
               moment_format_local(time, audit_newest(finding->log.audit)));
    }
    if (!finding->compared) {
        printf("%s\n", _("It was not compared with what the storage knows of it."));
    } else if (anchors->wrong != NULL) {
        printf("%s\n", _("It is NOT the log that the storage knows."));
    } else if (anchors->count == 0) {
        printf("%s\n", _("No snapshot of this machine in the storage knows of it yet."));
    } else {
        printf(
            _("It fits what the storage knows of it (snapshots of this machine: %zu); records that "
              "are proved unchanged: %llu.\n"),
            anchors->count, (unsigned long long)anchors->kept);
    }
}

static enum status run(struct cli *cli, struct error *error)
{
    CLEANUP(finding_free) struct finding finding = {0};
    CLEANUP(cli_access_free) struct cli_access access = {0};
    CLEANUP(snapshot_list_free) struct snapshot_list list = {0};
    enum status status = cli_log_open(&finding.log, cli, CLI_LOG_READ, error);
    /* A log that is gone altogether looks like one that never was: the storage knows. */
    if (status == STATUS_NOT_FOUND && finding.log.host.secret != NULL) {
        cli_record_free(cli);
        status = cli->arguments.no_store ? status : STATUS_OK;
    }
    if (status != STATUS_OK) {
        return status;
    }
    cli_json_set_count(cli->facts, "records", size_of(&finding));
    if (!cli->arguments.no_store) {
        status = compare(&finding, &list, &access, cli, error);
    }
    if (status != STATUS_OK && !cli->arguments.json && !cli->arguments.quiet) {
        print_text(&finding);
    }
    if (status != STATUS_OK) {
        return status;
    }
    error_clear(error);
    if (finding.anchors.wrong != NULL) {
        struct error wrong = {0};
        cli_anchors_describe(&wrong, &finding.anchors, finding.log.audit);
        cli_report_error(&wrong);
        cli_record_free(cli); /* nothing is added to a log that somebody has to look into */
        cli_note(cli, EXIT_INTEGRITY);
    }
    if (cli->arguments.json) {
        return print_json(&finding, error);
    }
    if (!cli->arguments.quiet) {
        print_text(&finding);
    }
    return STATUS_OK;
}

const struct cli_command cmd_audit_verify = {
    .name = "audit verify",
    .event = "audit.verify",
    .operands = "",
    .summary = N_("Check that no record of this machine's audit log was changed or removed."),
    .details =
        N_("The log is held against its signed checkpoint, and against what the statements of\n"
           "this machine's snapshots in the storage know of it. --no-store leaves that out. The\n"
           "exit code is 5 if anything does not fit."),
    .options = {OPTION_NO_STORE, OPTION_SSH_KEY_PASSPHRASE_FILE, OPTION_RETRY, OPTION_JSON,
                OPTION_END},
    .run = run,
};
