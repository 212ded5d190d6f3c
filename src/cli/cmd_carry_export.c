/* kura carry export: what was approved goes onto the medium. */
#include "cli_carry.h"
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct exporting {
    struct cli *cli;
    struct cli_wizard wizard;
    struct buffer approvals[2];
    struct minisign_secret key;
    int folder;
    struct carry_exported exported;
};

static void exporting_end(struct exporting *exporting)
{
    for (size_t i = 0; i < LENGTH(exporting->approvals); i++) {
        buffer_free(&exporting->approvals[i]);
    }
    cli_wizard_free(&exporting->wizard);
    minisign_secret_free(&exporting->key);
    file_close(&exporting->folder);
    buffer_free(&exporting->exported.sealed_passphrase);
}

/* A passphrase that travels with the container protects nothing, sealed or not: who finds the
 * medium must find only one half. */
static enum status check_passphrase_out(const struct exporting *exporting, struct error *error)
{
    const char *path = exporting->cli->arguments.passphrase_out;
    struct place medium, there;
    struct stat output;
    if (path == NULL && (fstat(STDOUT_FILENO, &output) != 0 || !S_ISREG(output.st_mode))) {
        return STATUS_OK; /* a terminal, a pipe */
    }
    enum status status = path == NULL ? STATUS_OK : cli_check_free(path, error);
    if (status == STATUS_OK) {
        status = place_judge(&medium, exporting->folder, NULL, error);
    }
    if (status == STATUS_OK) {
        status = path == NULL ? place_judge(&there, STDOUT_FILENO, NULL, error)
                              : place_judge_path(&there, path, NULL, error);
    }
    if (status != STATUS_OK) {
        return status;
    }
    if (there.device == medium.device || there.class == PLACE_REMOVABLE) {
        error_set(error, STATUS_REFUSED, 0, _("[passphrase-place] %s is on a removable medium"),
                  path == NULL ? _("standard output") : path);
        return error_set_hint(error, "%s",
                              _("The passphrase goes another way than the medium. Name a file on "
                                "a fixed disk."));
    }
    return STATUS_OK;
}

static enum status prepare(struct exporting *exporting, struct error *error)
{
    struct cli *cli = exporting->cli;
    const struct cli_words *words = &cli->arguments.words;
    enum status status =
        cli_wizard_option(&exporting->wizard, cli, OPTION_TO, &cli->arguments.to, NULL, error);
    if (status == STATUS_OK) {
        status = cli_wizard_option(&exporting->wizard, cli, OPTION_KEY, &cli->arguments.key, NULL,
                                   error);
    }
    for (size_t i = 0; i < words->count && status == STATUS_OK; i++) {
        status = cli_token_read(&exporting->approvals[i], words->items[i], error);
    }
    if (status == STATUS_OK) {
        status = cli_folder_open(&exporting->folder, cli->arguments.to, error);
    }
    if (status == STATUS_OK) {
        status = check_passphrase_out(exporting, error);
    }
    return status == STATUS_OK ? cli_signing_key(&exporting->key, cli, error) : status;
}

static enum status print_json(const struct exporting *exporting, struct error *error)
{
    const struct carry_exported *exported = &exporting->exported;
    json_t *object = json_object();
    json_object_set_new(object, "carry", json_string(exported->carry));
    json_object_set_new(object, "file", json_string(exported->file));
    cli_json_set_count(object, "persons", exported->persons);
    cli_json_set_moment(object, "due", exported->due);
    if (exported->sealed_passphrase.size > 0) {
        json_object_set_new(object, "sealed_passphrase",
                            json_stringn((const char *)exported->sealed_passphrase.data,
                                         exported->sealed_passphrase.size));
    }
    return cli_json_print(object, error);
}

static enum status tell_passphrase(const struct exporting *exporting, struct error *error)
{
    const struct buffer *sealed = &exporting->exported.sealed_passphrase;
    const char *path = exporting->cli->arguments.passphrase_out;
    if (sealed->size == 0) {
        return STATUS_OK;
    }
    cli_say(exporting->cli, "%s",
            _("The zip's passphrase, sealed to its readers, goes to them another way than the "
              "medium; kura open or age opens it."));
    if (path != NULL) {
        return file_write(path, sealed->data, sealed->size, 0600, FILE_KEEP_EXISTING, error);
    }
    if (!exporting->cli->arguments.json) {
        fwrite(sealed->data, 1, sealed->size, stdout);
    }
    return cli_check_output(error);
}

static enum status tell(const struct exporting *exporting, struct error *error)
{
    const struct cli *cli = exporting->cli;
    const struct carry_exported *exported = &exporting->exported;
    char due[MOMENT_TEXT_SIZE];
    cli_say(cli, _("Carry %s is out: %s, %llu persons. Bring the medium back by %s."),
            exported->carry, exported->file, (unsigned long long)exported->persons,
            moment_format_local(due, exported->due));
    enum status status = tell_passphrase(exporting, error);
    return status == STATUS_OK && cli->arguments.json ? print_json(exporting, error) : status;
}

static enum status run(struct cli *cli, struct error *error)
{
    CLEANUP(cli_gate_close) struct cli_gate gate = {0};
    CLEANUP(exporting_end) struct exporting exporting = {.cli = cli, .folder = -1};
    enum status status = prepare(&exporting, error);
    if (status == STATUS_OK) {
        status = cli_gate_open(&gate, cli, error);
    }
    const struct carry_export_options options = {.approvals = exporting.approvals,
                                                 .approval_count = cli->arguments.words.count,
                                                 .folder = exporting.folder,
                                                 .key = &exporting.key};
    if (status == STATUS_OK) {
        status = carry_client_export(&exporting.exported, gate.client, &options, error);
    }
    return status == STATUS_OK ? tell(&exporting, error) : status;
}

const struct cli_command cmd_carry_export = {
    .name = "carry export",
    .operands = N_("TOKEN [SECOND_TOKEN]"),
    .summary = N_("Write an approved carry onto its medium, once."),
    .details =
        N_("Every check is made again. From the first byte on the token is spent and the persons\n"
           "count as out, whatever happens to the medium."),
    .least = 1,
    .most = 2,
    .options = {OPTION_TO, OPTION_KEY, OPTION_PASSPHRASE_FILE, OPTION_PASSPHRASE_FD,
                OPTION_PASSPHRASE_OUT, OPTION_SSH_KEY_PASSPHRASE_FILE, OPTION_RETRY, OPTION_JSON,
                OPTION_END},
    .run = run,
};
