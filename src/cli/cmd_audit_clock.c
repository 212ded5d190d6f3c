/* kura audit clock: the way out after the clock was far ahead once. */
#include "cli_carry.h"
#include <stdlib.h>
#include <string.h>

static enum status say(json_t **newest, struct cli_gate *gate, struct moment now,
                       struct error *error)
{
    CLEANUP(minisign_secret_free) struct minisign_secret key = {0};
    json_auto_t *offers = NULL;
    const struct cli_arguments *arguments = &gate->cli->arguments;
    enum status status = cli_signing_key(&key, gate->cli, error);
    if (status == STATUS_OK) {
        status = carry_client_offers(&offers, gate->client, &key.public_key, error);
    }
    if (status != STATUS_OK) {
        return status;
    }
    const struct carry_clock clock = {.now = now,
                                      .key = &key,
                                      .person = cli_carry_text(offers, "person"),
                                      .note = arguments->note};
    return carry_client_clock(newest, gate->client, &clock, error);
}

static enum status run(struct cli *cli, struct error *error)
{
    CLEANUP(cli_gate_close) struct cli_gate gate = {0};
    json_auto_t *facts = NULL;
    const char *text = cli->arguments.words.items[0];
    struct moment now;
    char newest[MOMENT_TEXT_SIZE];
    enum status status = cli_need_option(cli, OPTION_KEY, error);
    if (status == STATUS_OK && !moment_parse(&now, text)) {
        status = error_set(error, STATUS_USAGE, 0,
                           _("\"%s\" is not a time such as \"2026-11-22 14:05\""), text);
    }
    if (status == STATUS_OK) {
        status = cli_gate_open(&gate, cli, error);
    }
    if (status == STATUS_OK) {
        status = say(&facts, &gate, now, error);
    }
    if (status != STATUS_OK) {
        return status;
    }
    if (cli->arguments.json) {
        return cli_json_print(json_incref(facts), error);
    }
    cli_say(cli, _("Recorded: the clock is right. The audit log's time %s counts no more."),
            cli_carry_time(newest, facts, "newest"));
    return STATUS_OK;
}

const struct cli_command cmd_audit_clock = {
    .name = "audit clock",
    .operands = N_("TIME"),
    .summary = N_("Say what time it is, after the clock was far ahead and carries are refused."),
    .details =
        N_("A record with a time that is still to come looks as if the clock had been set back.\n"
           "The data manager or a deputy reads TIME from another clock, such as \"2026-11-22\n"
           "14:05\", and signs with --key; this machine's clock must agree."),
    .least = 1,
    .most = 1,
    .options = {OPTION_NOTE, OPTION_KEY, OPTION_PASSPHRASE_FILE, OPTION_PASSPHRASE_FD, OPTION_JSON,
                OPTION_END},
    .run = run,
};
