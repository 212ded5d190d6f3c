/* cli_carry: see cli_carry.h. */
#include "cli_carry.h"
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ------------------------------------------------------------------ the gate */

/* The account whose host key it is needs no service between it and the gate. Root does where that
 * is another account, or what root writes into the state would be closed to the service. */
static bool is_service(const struct config *config)
{
    struct stat facts;
    return stat(config->host_key, &facts) == 0 ? facts.st_uid == geteuid() : geteuid() == 0;
}

static enum status load_host(struct cli_gate *gate, struct error *error)
{
    enum status status = host_key_read(&gate->key, gate->config.host_key, error);
    if (status == STATUS_DENIED && gate->config.gate == NULL) {
        error_set_hint(error, "%s",
                       _("Members of staff reach the gate through its service: start kura-gate, "
                         "and name its socket with gate: in the configuration."));
    }
    gate->host = (struct gate_host){
        .config = &gate->config,
        .key = &gate->key,
        .policy_path = gate->config.policy,
        .anchor = cli_gate_anchor,
        .context = gate,
    };
    return status;
}

enum status cli_gate_load(struct cli_gate *gate, struct cli *cli, struct error *error)
{
    gate->cli = cli;
    enum status status = cli_config_read(&gate->config, &cli->arguments, error);
    return status == STATUS_OK ? load_host(gate, error) : status;
}

enum status cli_gate_open(struct cli_gate *gate, struct cli *cli, struct error *error)
{
    gate->cli = cli;
    enum status status = cli_config_read(&gate->config, &cli->arguments, error);
    if (status != STATUS_OK) {
        return status;
    }
    if (gate->config.gate != NULL && !is_service(&gate->config)) {
        return carry_client_open(&gate->client, gate->config.gate, NULL, error);
    }
    status = load_host(gate, error);
    return status == STATUS_OK ? carry_client_open(&gate->client, NULL, &gate->host, error)
                               : status;
}

void cli_gate_close(struct cli_gate *gate)
{
    carry_client_free(gate->client);
    config_free(&gate->config);
    host_key_free(&gate->key);
    *gate = (struct cli_gate){0};
}

/* ------------------------------------------------------------------ words and files */

enum status cli_need_option(const struct cli *cli, enum cli_option option, struct error *error)
{
    if (cli->arguments.given[option]) {
        return STATUS_OK;
    }
    const struct cli_option_definition *definition = &cli_option_definitions[option];
    return error_set(error, STATUS_USAGE, 0, _("--%s %s is missing: %s"), definition->name,
                     _(definition->argument), _(definition->help));
}

enum status cli_signing_key(struct minisign_secret *key, struct cli *cli, struct error *error)
{
    struct passphrase_source passphrase = cli_passphrase(&cli->arguments);
    return minisign_read_secret(key, cli->arguments.key, &passphrase, error);
}

enum status cli_check_free(const char *path, struct error *error)
{
    struct stat facts;
    CLEANUP(memory_free) char *copy = strdup(path);
    if (copy == NULL) {
        return error_set_memory(error);
    }
    if (lstat(path, &facts) == 0) {
        return error_set_errno(error, EEXIST, _("cannot write %s"), path);
    }
    return access(dirname(copy), W_OK | X_OK) == 0
               ? STATUS_OK
               : error_set_errno(error, errno, _("cannot write %s"), path);
}

enum status cli_folder_open(int *fd, const char *path, struct error *error)
{
    *fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return *fd >= 0 ? STATUS_OK : error_set_errno(error, errno, _("cannot open %s"), path);
}

enum cli_token cli_token_kind(const struct buffer *token)
{
    static const struct {
        const char *claim;
        enum cli_token kind;
    } marks[] = {
        {"attestation", CLI_TOKEN_REQUEST}, {"jti", CLI_TOKEN_APPROVAL}, {"word", CLI_TOKEN_WORD}};
    CLEANUP(buffer_free) struct buffer payload = {0};
    json_auto_t *json = NULL;
    struct error ignored = {0};
    if (paseto_peek(&payload, (const char *)token->data, token->size, &ignored) != STATUS_OK) {
        return CLI_TOKEN_OTHER;
    }
    json = json_loadb((const char *)payload.data, payload.size, JSON_REJECT_DUPLICATES, NULL);
    for (size_t i = 0; i < LENGTH(marks); i++) {
        if (json_object_get(json, marks[i].claim) != NULL) {
            return marks[i].kind;
        }
    }
    return CLI_TOKEN_OTHER;
}

enum status cli_token_read(struct buffer *token, const char *path, struct error *error)
{
    enum status status = file_read(token, path, PASETO_SIZE_LIMIT, error);
    while (status == STATUS_OK && token->size > 0 &&
           strchr("\r\n ", token->data[token->size - 1]) != NULL) {
        token->size--;
    }
    return status == STATUS_OK && token->size == 0
               ? error_set(error, STATUS_CORRUPT, 0, _("%s is empty"), path)
               : status;
}

enum status cli_token_write(const char *path, const struct buffer *token, struct error *error)
{
    CLEANUP(buffer_free) struct buffer line = {0};
    enum status status = buffer_append(&line, token->data, token->size, error);
    if (status == STATUS_OK) {
        status = buffer_append_text(&line, "\n", error);
    }
    return status == STATUS_OK
               ? file_write(path, line.data, line.size, 0600, FILE_KEEP_EXISTING, error)
               : status;
}

enum status cli_paper_write(const struct cli *cli, const char *text, struct error *error)
{
    if (cli->arguments.out != NULL) {
        return file_write(cli->arguments.out, text, strlen(text), 0600, FILE_KEEP_EXISTING, error);
    }
    if (!cli->arguments.json) {
        fputs(text, stdout);
    }
    return cli_check_output(error);
}

enum status cli_request_read(struct carry_request *request, struct carry_policy *policy,
                             const struct cli *cli, const struct buffer *token,
                             const struct minisign_public *key, struct error *error)
{
    struct minisign_public root = *key;
    const char *file = cli->arguments.root;
    if (file != NULL && minisign_public_read(&root, file, error) != STATUS_OK) {
        return error->status;
    }
    enum status status =
        carry_request_open(request, policy, (const char *)token->data, token->size, &root, error);
    if (status == STATUS_REFUSED && file == NULL &&
        strstr(error->message, "[policy-changed]") != NULL) {
        error_set_hint(error, "%s",
                       _("If not you but the data manager signs the policies, name that public key "
                         "with --root manager.sign.pub. Otherwise somebody changed the policy."));
    }
    return status;
}

/* ------------------------------------------------------------------ asking */

bool cli_can_ask(const struct cli *cli)
{
    return isatty(STDIN_FILENO) && isatty(STDERR_FILENO) && !cli->arguments.quiet;
}

enum status cli_ask_line(char **answer, const char *question, const char *otherwise,
                         struct error *error)
{
    size_t capacity = 0;
    *answer = NULL;
    if (otherwise != NULL) {
        fprintf(stderr, "%s [%s]: ", question, otherwise);
    } else {
        fprintf(stderr, "%s: ", question);
    }
    ssize_t size = getline(answer, &capacity, stdin);
    if (size < 0) {
        free(*answer);
        *answer = NULL;
        return error_set(error, STATUS_CANCELLED, 0, "%s", _("no answer was given"));
    }
    while (size > 0 && strchr("\r\n\t ", (*answer)[size - 1]) != NULL) {
        (*answer)[--size] = '\0';
    }
    if (size == 0 && otherwise != NULL) {
        free(*answer);
        *answer = strdup(otherwise);
        return *answer == NULL ? error_set_memory(error) : STATUS_OK;
    }
    return STATUS_OK;
}

enum status cli_ask_yes(bool *yes, const char *question, struct error *error)
{
    CLEANUP(memory_free) char *answer = NULL;
    enum status status = cli_ask_line(&answer, question, NULL, error);
    *yes = status == STATUS_OK && answer != NULL &&
           (strcasecmp(answer, "y") == 0 || strcasecmp(answer, "yes") == 0 ||
            strcmp(answer, "はい") == 0);
    return status;
}

/* ------------------------------------------------------------------ what the gate answers */

const char *cli_carry_text(const json_t *json, const char *name)
{
    const char *text = json_string_value(json_object_get(json, name));
    return text == NULL ? "" : text;
}

const char *cli_carry_state(const char *name)
{
    for (int state = CARRY_REQUESTED; state <= CARRY_FOUND; state++) {
        if (strcmp(carry_state_name((enum carry_state)state), name) == 0) {
            return carry_state_word((enum carry_state)state);
        }
    }
    return name;
}

const char *cli_carry_time(char text[MOMENT_TEXT_SIZE], const json_t *json, const char *name)
{
    struct moment moment;
    return moment_parse(&moment, cli_carry_text(json, name)) ? moment_format_local(text, moment)
                                                             : "";
}
