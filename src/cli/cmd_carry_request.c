/* kura carry request: a member of staff asks for data to be carried. */
#include "cli_carry.h"
#include <string.h>

/* A day means until its end. */
static enum status parse_day(struct moment *moment, const char *text, struct error *error)
{
    char whole[MOMENT_TEXT_SIZE];
    snprintf(whole, sizeof whole, "%.20s%s", text, strlen(text) == 10 ? " 23:59:59" : "");
    if (moment_parse(moment, whole)) {
        return STATUS_OK;
    }
    error_set(error, STATUS_USAGE, 0, _("\"%s\" is not a day"), text);
    return error_set_hint(error, "%s", _("Write it like 2026-12-01."));
}

static enum status print_json(const struct carry_attestation *sworn, const char *file,
                              struct error *error)
{
    json_t *object = json_object();
    json_object_set_new(object, "carry", json_string(sworn->carry));
    cli_json_set_bytes(object, "request", file);
    cli_json_set_count(object, "persons", sworn->persons);
    cli_json_set_count(object, "rows", sworn->rows);
    cli_json_set_count(object, "documents", sworn->documents);
    cli_json_set_count(object, "size", sworn->artefact_size);
    cli_json_set_moment(object, "return_by", sworn->return_by);
    return cli_json_print(object, error);
}

static enum status tell(const struct cli *cli, const struct carry_attestation *sworn,
                        struct error *error)
{
    const char *file = cli->arguments.out;
    if (cli->arguments.json) {
        return print_json(sworn, file, error);
    }
    if (!cli->arguments.quiet) {
        printf(_("Carry %s is asked for: %llu persons in %llu rows, %llu documents.\n"),
               sworn->carry, (unsigned long long)sworn->persons, (unsigned long long)sworn->rows,
               (unsigned long long)sworn->documents);
        printf(
            _("Give %s to the data manager, who approves it with:\n  kura carry approve %s --key "
              "manager.sign --out %s.token\n"),
            file, file, sworn->carry);
    }
    return cli_check_output(error);
}

static enum status ask(struct cli_gate *gate, const struct cli_wizard *wizard, struct error *error)
{
    const struct cli_arguments *arguments = &gate->cli->arguments;
    CLEANUP(minisign_secret_free) struct minisign_secret key = {0};
    CLEANUP(carry_attestation_free) struct carry_attestation sworn = {0};
    CLEANUP(buffer_free) struct buffer token = {0};
    struct carry_ask question = {
        .data_set = arguments->data_set,
        .parameters = wizard->parameters == NULL ? arguments->parameters.items : wizard->parameters,
        .documents = arguments->documents,
        .zip = arguments->zip,
        .purpose = arguments->purpose,
        .destination = arguments->destination,
        .medium = arguments->medium,
        .key = &key,
    };
    enum status status = parse_day(&question.return_by, arguments->return_by, error);
    if (status == STATUS_OK) {
        status = cli_check_free(arguments->out, error);
    }
    if (status == STATUS_OK) {
        status = cli_signing_key(&key, gate->cli, error);
    }
    if (status == STATUS_OK) {
        status = carry_client_request(&token, &sworn, gate->client, &question, error);
    }
    if (status == STATUS_OK) {
        status = cli_token_write(arguments->out, &token, error);
    }
    return status == STATUS_OK ? tell(gate->cli, &sworn, error) : status;
}

static enum status run(struct cli *cli, struct error *error)
{
    CLEANUP(cli_gate_close) struct cli_gate gate = {0};
    CLEANUP(cli_wizard_free) struct cli_wizard wizard = {0};
    enum status status = cli_gate_open(&gate, cli, error);
    if (status == STATUS_OK) {
        status = cli_wizard_run(&wizard, &gate, error);
    }
    return status == STATUS_OK ? ask(&gate, &wizard, error) : status;
}

const struct cli_command cmd_carry_request = {
    .name = "carry request",
    .operands = "",
    .summary = N_("Ask for personal data to be taken out on a medium."),
    .details =
        N_("Counts the persons, seals the data at once, and writes a request that another person\n"
           "approves. What is missing is asked for on a terminal."),
    .options = {OPTION_DATA_SET, OPTION_PARAM, OPTION_DOCUMENTS, OPTION_ZIP, OPTION_PURPOSE,
                OPTION_DESTINATION, OPTION_MEDIUM, OPTION_RETURN_BY, OPTION_KEY,
                OPTION_PASSPHRASE_FILE, OPTION_PASSPHRASE_FD, OPTION_OUT, OPTION_JSON, OPTION_END},
    .run = run,
};
