/* cli_carry: how the commands of the carry gate reach it, and the files that they share. */
#ifndef KURA_CLI_CARRY_H
#define KURA_CLI_CARRY_H

#include "cli.h"
#include "kura/carry.h"

/* ------------------------------------------------------------------ the gate */

/* The host's half with what it needs, and a connection to it. Empty is {0}. */
struct cli_gate {
    struct cli *cli;
    struct config config;
    struct host_key key;
    struct gate_host host;
    struct carry_client *client;
    bool anchor_known; /* asked for once: an export looks twice */
    struct audit_head anchor;
    struct moment anchor_time;
};
/* Reads the configuration and connects: to the service's socket, or, for the account that owns the
 * host key and where there is no service, to the gate in this process. */
MUST_USE enum status cli_gate_open(struct cli_gate *gate, struct cli *cli, struct error *error);
/* Configuration and host key alone, for the service itself. */
MUST_USE enum status cli_gate_load(struct cli_gate *gate, struct cli *cli, struct error *error);
void cli_gate_close(struct cli_gate *gate);

/* The newest off-site head of the log, for struct gate_host; context: struct cli_gate. Of all heads
 * that the storage has of this machine, one that does not fit the log outweighs the newest. */
MUST_USE enum status cli_gate_anchor(void *context, struct audit_head *head, struct moment *time,
                                     struct error *error);

/* ------------------------------------------------------------------ words and files */

/* An option that the command cannot do without: STATUS_USAGE naming it. */
MUST_USE enum status cli_need_option(const struct cli *cli, enum cli_option option,
                                     struct error *error);
/* The signing key of --key, unlocked. */
MUST_USE enum status cli_signing_key(struct minisign_secret *key, struct cli *cli,
                                     struct error *error);
/* A file that is going to be written is not there yet, and its folder is: told before the work. */
MUST_USE enum status cli_check_free(const char *path, struct error *error);
/* The folder of a medium. */
MUST_USE enum status cli_folder_open(int *fd, const char *path, struct error *error);

/* What a signed text says it is, before anything is verified. */
enum cli_token { CLI_TOKEN_OTHER, CLI_TOKEN_REQUEST, CLI_TOKEN_APPROVAL, CLI_TOKEN_WORD };
enum cli_token cli_token_kind(const struct buffer *token);
/* A file with one token, without the newline at its end. */
MUST_USE enum status cli_token_read(struct buffer *token, const char *path, struct error *error);
MUST_USE enum status cli_token_write(const char *path, const struct buffer *token,
                                     struct error *error);
/* A document to --out, or to standard output if there is none. */
MUST_USE enum status cli_paper_write(const struct cli *cli, const char *text, struct error *error);

/* The request of a file, verified with --root or else the key itself as the policy's signer. */
MUST_USE enum status cli_request_read(struct carry_request *request, struct carry_policy *policy,
                                      const struct cli *cli, const struct buffer *token,
                                      const struct minisign_public *key, struct error *error);

/* ------------------------------------------------------------------ asking */

/* Whether somebody sits there who can be asked. */
bool cli_can_ask(const struct cli *cli);
/* One line of an answer, without the newline, malloc'ed; an empty one becomes `otherwise` if that
 * is not NULL. The end of the input is STATUS_CANCELLED. */
MUST_USE enum status cli_ask_line(char **answer, const char *question, const char *otherwise,
                                  struct error *error);
/* Yes or no; anything but yes is no. */
MUST_USE enum status cli_ask_yes(bool *yes, const char *question, struct error *error);

/* What a request needs that the command line did not say: asked for from what the policy offers.
 * Texts are owned. Empty is {0}. */
struct cli_wizard {
    char *answers[16];
    size_t count;
    const char **parameters; /* NULL-terminated */
};
/* One option that the command cannot do without, asked for by its own help; `otherwise` is what an
 * empty answer means, or NULL. Without anybody to ask: STATUS_USAGE naming it. */
MUST_USE enum status cli_wizard_option(struct cli_wizard *wizard, const struct cli *cli,
                                       enum cli_option option, const char **target,
                                       const char *otherwise, struct error *error);
/* Fills the arguments; without anybody to ask, the first missing one is STATUS_USAGE. */
MUST_USE enum status cli_wizard_run(struct cli_wizard *wizard, struct cli_gate *gate,
                                    struct error *error);
void cli_wizard_free(struct cli_wizard *wizard);

/* ------------------------------------------------------------------ what the gate answers */

const char *cli_carry_text(const json_t *json, const char *name); /* "" if it is not there */
/* The state's name of the log in words. */
const char *cli_carry_state(const char *name);
/* A time of the gate's in local time; "" if it is not there. */
const char *cli_carry_time(char text[MOMENT_TEXT_SIZE], const json_t *json, const char *name);

#endif
