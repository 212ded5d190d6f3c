/* kura carry deny, revoke: a word against a carry, signed on any machine. Whoever is at the host
 * gives it to the gate at once; a file with such a word can be given to the host later. */
#include "cli_carry.h"
#include <stdlib.h>
#include <string.h>

/* ------------------------------------------------------------------ saying it */

static enum status name_person(struct carry_word *word, const struct policy *policy,
                               const struct minisign_public *key, struct error *error)
{
    const struct policy_person *owner = carry_key_owner(policy, key);
    if (owner == NULL) {
        return error_set(error, STATUS_REFUSED, 0, "[token-key] %s",
                         _("the policy names nobody with this key"));
    }
    snprintf(word->person, sizeof word->person, "%s", owner->id);
    return STATUS_OK;
}

static enum status about_request(struct carry_word *word, const struct cli *cli,
                                 const struct buffer *token, const struct minisign_public *key,
                                 struct error *error)
{
    CLEANUP(carry_request_free) struct carry_request request = {0};
    CLEANUP(carry_policy_free) struct carry_policy policy = {0};
    enum status status = cli_request_read(&request, &policy, cli, token, key, error);
    if (status == STATUS_OK) {
        memcpy(word->carry, request.attestation.carry, sizeof word->carry);
        status = name_person(word, &policy.policy, key, error);
    }
    return status;
}

/* An approval has no policy with it: only who signed it can revoke by it, as its claims say; the
 * host verifies. */
static enum status about_approval(struct carry_word *word, const struct buffer *token,
                                  const struct minisign_public *key, struct error *error)
{
    CLEANUP(buffer_free) struct buffer payload = {0};
    json_auto_t *json = NULL;
    char signer[PASERK_ID_SIZE], own[PASERK_ID_SIZE];
    const char *text = (const char *)token->data;
    enum status status = paseto_key_id(signer, text, token->size, error);
    if (status == STATUS_OK) {
        status = paseto_peek(&payload, text, token->size, error);
    }
    if (status != STATUS_OK) {
        return status;
    }
    paserk_id(own, key->key);
    if (strcmp(own, signer) != 0) {
        error_set(error, STATUS_USAGE, 0, "%s", _("the approval was signed with another key"));
        return error_set_hint(error, "%s", _("Name the request instead, to revoke all of it."));
    }
    json = json_loadb((const char *)payload.data, payload.size, JSON_REJECT_DUPLICATES, NULL);
    snprintf(word->carry, sizeof word->carry, "%s", cli_carry_text(json, "carry"));
    snprintf(word->person, sizeof word->person, "%s", cli_carry_text(json, "iss"));
    snprintf(word->approval, sizeof word->approval, "%s", cli_carry_text(json, "jti"));
    return STATUS_OK;
}

/* The carry's own number, at the host: the gate says who has the key. */
static enum status about_id(struct carry_word *word, struct cli *cli, const char *id,
                            const struct minisign_public *key, struct error *error)
{
    CLEANUP(cli_gate_close) struct cli_gate gate = {0};
    json_auto_t *offers = NULL;
    enum status status = cli_gate_open(&gate, cli, error);
    if (status == STATUS_OK) {
        status = carry_client_offers(&offers, gate.client, key, error);
    }
    snprintf(word->carry, sizeof word->carry, "%s", id);
    snprintf(word->person, sizeof word->person, "%s", cli_carry_text(offers, "person"));
    return status;
}

static enum status sign_word(struct buffer *signed_word, enum carry_word_kind kind, struct cli *cli,
                             const struct buffer *token, struct error *error)
{
    CLEANUP(minisign_secret_free) struct minisign_secret key = {0};
    const char *note = cli->arguments.note;
    struct carry_word word = {.kind = kind, .issued = {.seconds = moment_now().seconds}};
    CLEANUP(memory_free) char *copy = note == NULL ? NULL : strdup(note);
    word.note = copy;
    enum status status = cli_need_option(cli, OPTION_KEY, error);
    if (status == STATUS_OK) {
        status = cli_signing_key(&key, cli, error);
    }
    if (status == STATUS_OK) {
        const struct minisign_public *own = &key.public_key;
        const enum cli_token what = cli_token_kind(token);
        status = token->size == 0 ? about_id(&word, cli, cli->arguments.words.items[0], own, error)
                 : what == CLI_TOKEN_REQUEST ? about_request(&word, cli, token, own, error)
                 : what == CLI_TOKEN_APPROVAL && kind == WORD_REVOKE
                     ? about_approval(&word, token, own, error)
                     : error_set(error, STATUS_USAGE, 0, _("%s is not a request for a carry"),
                                 cli->arguments.words.items[0]);
    }
    return status == STATUS_OK ? carry_word_sign(signed_word, &word, &key.signing, error) : status;
}

/* ------------------------------------------------------------------ giving it to the host */

static enum status give(struct cli *cli, const struct buffer *word, struct error *error)
{
    CLEANUP(cli_gate_close) struct cli_gate gate = {0};
    json_auto_t *facts = NULL;
    enum status status = cli_gate_open(&gate, cli, error);
    if (status == STATUS_OK) {
        status =
            carry_client_tell(gate.client, (const char *)word->data, word->size, &facts, error);
    }
    if (status != STATUS_OK) {
        return status;
    }
    if (cli->arguments.json) {
        return cli_json_print(json_incref(facts), error);
    }
    if (!cli->arguments.quiet) {
        printf(_("Carry %s: %s\n"), cli_carry_text(facts, "carry"),
               cli_carry_state(cli_carry_text(facts, "state")));
    }
    return cli_check_output(error);
}

static bool is_carry_id(const char *text)
{
    return strlen(text) == CARRY_ID_SIZE - 1 && text[0] == 'C' && text[1] == '-' &&
           strchr(text, '/') == NULL;
}

/* With --out the word goes into a file; with a configuration, to the gate; or both. */
static enum status hand_on(struct cli *cli, const struct buffer *word, struct error *error)
{
    const struct cli_arguments *arguments = &cli->arguments;
    enum status status = STATUS_OK;
    if (arguments->out != NULL) {
        status = cli_token_write(arguments->out, word, error);
        if (status == STATUS_OK && arguments->config == NULL) {
            cli_say(cli, _("Give %s to the host: kura carry deny or revoke with this file."),
                    arguments->out);
        }
    }
    return status == STATUS_OK && (arguments->out == NULL || arguments->config != NULL)
               ? give(cli, word, error)
               : status;
}

static enum status run(struct cli *cli, enum carry_word_kind kind, struct error *error)
{
    CLEANUP(buffer_free) struct buffer token = {0};
    CLEANUP(buffer_free) struct buffer word = {0};
    const char *operand = cli->arguments.words.items[0];
    enum status status = is_carry_id(operand) ? STATUS_OK : cli_token_read(&token, operand, error);
    if (status == STATUS_OK && cli_token_kind(&token) == CLI_TOKEN_WORD) {
        return give(cli, &token, error);
    }
    if (status == STATUS_OK && cli->arguments.out != NULL) {
        status = cli_check_free(cli->arguments.out, error);
    }
    if (status == STATUS_OK) {
        status = sign_word(&word, kind, cli, &token, error);
    }
    return status == STATUS_OK ? hand_on(cli, &word, error) : status;
}

static enum status run_deny(struct cli *cli, struct error *error)
{
    return run(cli, WORD_DENY, error);
}

static enum status run_revoke(struct cli *cli, struct error *error)
{
    return run(cli, WORD_REVOKE, error);
}

#define WORD_OPTIONS                                                                               \
    {                                                                                              \
        OPTION_KEY, OPTION_ROOT, OPTION_NOTE, OPTION_OUT, OPTION_PASSPHRASE_FILE,                  \
            OPTION_PASSPHRASE_FD, OPTION_JSON, OPTION_END                                          \
    }

const struct cli_command cmd_carry_deny = {
    .name = "carry deny",
    .operands = N_("REQUEST|ID|WORD"),
    .summary = N_("Deny a request for a carry."),
    .details = N_("At the host the gate is told at once. On another machine --out writes a signed\n"
                  "word, which the host takes in place of the request."),
    .least = 1,
    .most = 1,
    .options = WORD_OPTIONS,
    .run = run_deny,
};

const struct cli_command cmd_carry_revoke = {
    .name = "carry revoke",
    .operands = N_("TOKEN|REQUEST|ID|WORD"),
    .summary = N_("Take an approval back before it is used."),
    .details = N_("At the host the gate is told at once. On another machine --out writes a signed\n"
                  "word, which the host takes in place of the token."),
    .least = 1,
    .most = 1,
    .options = WORD_OPTIONS,
    .run = run_revoke,
};
