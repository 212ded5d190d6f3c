/* kura carry return, lost, found: how a carry ends. */
#include "cli_carry.h"
#include <stdlib.h>
#include <string.h>

static enum status print_facts(struct cli *cli, json_t *facts, struct error *error)
{
    if (cli->arguments.json) {
        return cli_json_print(json_incref(facts), error);
    }
    cli_say(cli, _("Carry %s: %s"), cli_carry_text(facts, "carry"),
            cli_carry_state(cli_carry_text(facts, "state")));
    return cli_check_output(error);
}

/* ------------------------------------------------------------------ return */

static enum status check_words(struct cli_wizard *wizard, struct cli *cli, struct error *error)
{
    struct cli_arguments *arguments = &cli->arguments;
    enum status status = cli_wizard_option(wizard, cli, OPTION_KEY, &arguments->key, NULL, error);
    if (status != STATUS_OK) {
        return status;
    }
    if ((arguments->from == NULL) != arguments->destroyed) {
        return error_set(error, STATUS_USAGE, 0, "%s",
                         _("say where the medium is, with --from DIR, or that it was --destroyed"));
    }
    if (arguments->destroyed && arguments->note == NULL) {
        return error_set(error, STATUS_USAGE, 0, "%s",
                         _("say how the medium was destroyed, with --note TEXT"));
    }
    return arguments->out == NULL ? STATUS_OK : cli_check_free(arguments->out, error);
}

static void tell_medium(const struct cli *cli, const json_t *facts)
{
    if (!cli->arguments.destroyed && !json_is_true(json_object_get(facts, "container_found"))) {
        cli_say(cli, "%s",
                _("The container was not on the medium any more: unless an earlier return was cut "
                  "off, find out who removed it, and whether there is a copy."));
    }
    const char *foreign = cli_carry_text(facts, "foreign");
    if (*foreign != '\0') {
        cli_say(cli, _("There are other files on the medium, such as \"%s\". Find out whose."),
                foreign);
    }
    if (!cli->arguments.destroyed && !json_is_true(json_object_get(facts, "label_as_expected"))) {
        cli_say(cli, "%s",
                _("The label on the medium was not the one written last: it may be a copy. Look "
                  "for another one."));
    }
}

static enum status bring_back(json_t **facts, struct cli_gate *gate, int folder,
                              const struct minisign_secret *key, struct error *error)
{
    json_auto_t *offers = NULL;
    const struct cli_arguments *arguments = &gate->cli->arguments;
    enum status status = carry_client_offers(&offers, gate->client, &key->public_key, error);
    if (status != STATUS_OK) {
        return status;
    }
    const struct carry_back back = {.carry = arguments->words.items[0],
                                    .folder = folder,
                                    .confirmer = key,
                                    .person = cli_carry_text(offers, "person"),
                                    .note = arguments->note};
    return carry_client_return(facts, gate->client, &back, error);
}

static enum status run_return(struct cli *cli, struct error *error)
{
    CLEANUP(cli_gate_close) struct cli_gate gate = {0};
    CLEANUP(minisign_secret_free) struct minisign_secret key = {0};
    CLEANUP(file_close) int folder = -1;
    json_auto_t *facts = NULL;
    CLEANUP(cli_wizard_free) struct cli_wizard wizard = {0};
    enum status status = check_words(&wizard, cli, error);
    if (status == STATUS_OK && cli->arguments.from != NULL) {
        status = cli_folder_open(&folder, cli->arguments.from, error);
    }
    if (status == STATUS_OK) {
        status = cli_signing_key(&key, cli, error);
    }
    if (status == STATUS_OK) {
        status = cli_gate_open(&gate, cli, error);
    }
    if (status == STATUS_OK) {
        status = bring_back(&facts, &gate, folder, &key, error);
    }
    if (status == STATUS_OK) {
        tell_medium(cli, facts);
        status = cli_paper_write(cli, cli_carry_text(facts, "certificate"), error);
    }
    return status == STATUS_OK ? print_facts(cli, facts, error) : status;
}

const struct cli_command cmd_carry_return = {
    .name = "carry return",
    .operands = N_("ID"),
    .summary = N_("Bring a medium back: erase the container, and confirm it as another person."),
    .details = N_(
        "--key is the confirmer's, never the bearer's. Writes the erasure certificate to --out,\n"
        "or to standard output. A medium that was destroyed is for the data manager or a\n"
        "deputy to confirm."),
    .least = 1,
    .most = 1,
    .options = {OPTION_FROM, OPTION_DESTROYED, OPTION_NOTE, OPTION_KEY, OPTION_PASSPHRASE_FILE,
                OPTION_PASSPHRASE_FD, OPTION_OUT, OPTION_JSON, OPTION_END},
    .run = run_return,
};

/* ------------------------------------------------------------------ lost, found */

static enum status tell_signed(json_t **facts, struct cli_gate *gate, enum carry_word_kind kind,
                               struct error *error)
{
    const struct cli_arguments *arguments = &gate->cli->arguments;
    CLEANUP(minisign_secret_free) struct minisign_secret key = {0};
    json_auto_t *offers = NULL;
    CLEANUP(buffer_free) struct buffer token = {0};
    CLEANUP(memory_free) char *note = arguments->note == NULL ? NULL : strdup(arguments->note);
    struct carry_word word = {
        .kind = kind, .note = note, .issued = {.seconds = moment_now().seconds}};
    enum status status = cli_signing_key(&key, gate->cli, error);
    if (status == STATUS_OK) {
        status = carry_client_offers(&offers, gate->client, &key.public_key, error);
    }
    if (status == STATUS_OK) {
        snprintf(word.carry, sizeof word.carry, "%s", arguments->words.items[0]);
        snprintf(word.person, sizeof word.person, "%s", cli_carry_text(offers, "person"));
        status = carry_word_sign(&token, &word, &key.signing, error);
    }
    return status == STATUS_OK
               ? carry_client_tell(gate->client, (const char *)token.data, token.size, facts, error)
               : status;
}

/* A word that is not taken, as where the policy cannot be used, must not keep a loss back. */
static enum status tell_anyhow(json_t **facts, struct cli_gate *gate, enum carry_word_kind kind,
                               struct error *error)
{
    const struct cli_arguments *arguments = &gate->cli->arguments;
    struct error untaken = {0};
    if (arguments->key != NULL) {
        enum status taken = tell_signed(facts, gate, kind, &untaken);
        if (taken != STATUS_REFUSED || kind != WORD_LOST) {
            *error = untaken;
            return taken;
        }
    }
    enum status status = carry_client_report(gate->client, kind, arguments->words.items[0],
                                             arguments->note, facts, error);
    if (status == STATUS_OK && arguments->key != NULL) {
        cli_say(gate->cli, _("The signature was not taken (%s); the login says who it was."),
                untaken.message);
    }
    return status;
}

/* Whatever went wrong here, the days until the report to the authority are counted from now. */
static enum status fail_lost(enum status status, struct error *error)
{
    char now[MOMENT_TEXT_SIZE];
    if (status == STATUS_OK) {
        return status;
    }
    if (error->hint[0] == '\0') {
        error_set_hint(error,
                       _("Tell the data manager at once, and write down that it was known at %s: "
                         "the deadlines run from then."),
                       moment_format_local(now, moment_now()));
    }
    return error_add_context(error, "%s", _("the loss is NOT recorded"));
}

static enum status tell(struct cli *cli, enum carry_word_kind kind, struct error *error)
{
    const struct cli_arguments *arguments = &cli->arguments;
    CLEANUP(cli_gate_close) struct cli_gate gate = {0};
    json_auto_t *facts = NULL;
    enum status status = arguments->out == NULL ? STATUS_OK : cli_check_free(arguments->out, error);
    if (status == STATUS_OK) {
        status = cli_gate_open(&gate, cli, error);
    }
    if (status == STATUS_OK) {
        status = tell_anyhow(&facts, &gate, kind, error);
    }
    if (kind == WORD_LOST) {
        status = fail_lost(status, error);
    }
    if (status == STATUS_OK && kind == WORD_LOST) {
        status = cli_paper_write(cli, cli_carry_text(facts, "report"), error);
    }
    return status == STATUS_OK ? print_facts(cli, facts, error) : status;
}

static enum status run_lost(struct cli *cli, struct error *error)
{
    return tell(cli, WORD_LOST, error);
}

static enum status run_found(struct cli *cli, struct error *error)
{
    return tell(cli, WORD_FOUND, error);
}

const struct cli_command cmd_carry_lost = {
    .name = "carry lost",
    .operands = N_("ID"),
    .summary = N_("Say at once that a medium is lost; writes the incident report."),
    .details = N_("Needs no key: the login says who it was. The report goes to --out, or to\n"
                  "standard output."),
    .least = 1,
    .most = 1,
    .options = {OPTION_NOTE, OPTION_KEY, OPTION_PASSPHRASE_FILE, OPTION_PASSPHRASE_FD, OPTION_OUT,
                OPTION_JSON, OPTION_END},
    .run = run_lost,
};

const struct cli_command cmd_carry_found = {
    .name = "carry found",
    .operands = N_("ID"),
    .summary = N_("Say that a lost medium was found; it still counts as out until it is back."),
    .least = 1,
    .most = 1,
    .options = {OPTION_NOTE, OPTION_KEY, OPTION_PASSPHRASE_FILE, OPTION_PASSPHRASE_FD, OPTION_JSON,
                OPTION_END},
    .run = run_found,
};
