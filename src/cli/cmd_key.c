/* kura key: identities and signing keys of people. */
#include "cli.h"
#include "kura/signed.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ------------------------------------------------------------------ key new */

static bool is_role(const char *role)
{
    static const char *const roles[] = {"manager", "deputy", "staff"};
    for (size_t i = 0; role != NULL && i < LENGTH(roles); i++) {
        if (strcmp(role, roles[i]) == 0) {
            return true;
        }
    }
    return false;
}

static enum status check_free(const char *path, struct error *error)
{
    if (access(path, F_OK) != 0) {
        return STATUS_OK;
    }
    error_set(error, STATUS_EXISTS, 0, _("the file %s is there already"), path);
    return error_set_hint(error, "%s", _("A key is never overwritten. Name another file."));
}

/* Before a passphrase is made or asked for. */
static enum status check_words(const struct cli_arguments *arguments, struct error *error)
{
    if (!is_role(arguments->role)) {
        return error_set(error, STATUS_USAGE, 0, "%s",
                         _("say whose key it is: --role manager, --role deputy or --role staff"));
    }
    if (arguments->out == NULL) {
        return error_set(error, STATUS_USAGE, 0, "%s", _("kura key new needs --out FILE"));
    }
    return check_free(arguments->out, error);
}

static enum status new_passphrase(struct cli_new_passphrase *passphrase,
                                  const struct cli_arguments *arguments, struct error *error)
{
    enum status status = cli_new_passphrase_get(passphrase, arguments, arguments->out, error);
    return status == STATUS_OK
               ? cli_new_passphrase_tell(passphrase, arguments, arguments->out, error)
               : status;
}

static enum status write_public(const char *path, const char *role,
                                const struct age_recipient *recipient, struct error *error)
{
    char text[AGE_RECIPIENT_TEXT_SIZE];
    char created[MOMENT_TEXT_SIZE];
    char content[256];
    age_recipient_format(text, recipient);
    moment_format(created, moment_now());
    int size =
        snprintf(content, sizeof content, "# kura %s key, made %s\n%s\n", role, created, text);
    return file_write(path, content, (size_t)size, 0644, FILE_KEEP_EXISTING, error);
}

static enum status make_identity(char text[AGE_RECIPIENT_TEXT_SIZE], const char *public_path,
                                 const struct cli_arguments *arguments, struct error *error)
{
    CLEANUP(age_identity_free) struct age_identity identity = {0};
    CLEANUP(cli_new_passphrase_free) struct cli_new_passphrase passphrase = {0};
    enum status status = age_identity_generate(&identity, error);
    if (status == STATUS_OK) {
        status = new_passphrase(&passphrase, arguments, error);
    }
    /* The public part comes first: alone it is harmless, and without it the key would be made
     * again.
     */
    if (status == STATUS_OK) {
        status = write_public(public_path, arguments->role, &identity.recipient, error);
    }
    if (status != STATUS_OK) {
        return status;
    }
    age_recipient_format(text, &identity.recipient);
    status = age_identity_write(arguments->out, &identity, &passphrase.text, passphrase.work_factor,
                                FILE_KEEP_EXISTING, error);
    if (status != STATUS_OK) {
        unlink(public_path);
    }
    return status;
}

static enum status make_signing_key(char text[MINISIGN_PUBLIC_TEXT_SIZE],
                                    const struct cli_arguments *arguments, struct error *error)
{
    CLEANUP(minisign_secret_free) struct minisign_secret secret = {0};
    CLEANUP(cli_new_passphrase_free) struct cli_new_passphrase passphrase = {0};
    enum status status = minisign_generate(&secret, error);
    if (status == STATUS_OK) {
        status = new_passphrase(&passphrase, arguments, error);
    }
    if (status != STATUS_OK) {
        return status;
    }
    minisign_public_format(text, &secret.public_key);
    return minisign_write_pair(arguments->out, &secret, &passphrase.text, passphrase.work_factor,
                               error);
}

static enum status tell_new(const struct cli_arguments *arguments, const char *public_path,
                            const char *text, struct error *error)
{
    if (arguments->json) {
        json_t *object = json_object();
        cli_json_set_bytes(object, "role", arguments->role);
        cli_json_set_bytes(object, arguments->sign ? "signing_key" : "identity", arguments->out);
        cli_json_set_bytes(object, arguments->sign ? "public_key_file" : "recipient_file",
                           public_path);
        cli_json_set_bytes(object, arguments->sign ? "public_key" : "recipient", text);
        return cli_json_print(object, error);
    }
    if (!arguments->quiet) {
        printf(_("Key: %s\nPublic part: %s\n%s\n"), arguments->out, public_path, text);
    }
    return STATUS_OK;
}

static enum status run_new(struct cli *cli, struct error *error)
{
    const struct cli_arguments *arguments = &cli->arguments;
    CLEANUP(memory_free) char *public_path = NULL;
    char recipient[AGE_RECIPIENT_TEXT_SIZE];
    char public_key[MINISIGN_PUBLIC_TEXT_SIZE];
    enum status status = check_words(arguments, error);
    if (status != STATUS_OK) {
        return status;
    }
    if (asprintf(&public_path, "%s.pub", arguments->out) < 0) {
        public_path = NULL;
        return error_set_memory(error);
    }
    status = check_free(public_path, error);
    if (status == STATUS_OK) {
        status = arguments->sign ? make_signing_key(public_key, arguments, error)
                                 : make_identity(recipient, public_path, arguments, error);
    }
    if (status != STATUS_OK) {
        return status;
    }
    const char *text = arguments->sign ? public_key : recipient;
    cli_json_set_bytes(cli->facts, "role", arguments->role);
    cli_json_set_bytes(cli->facts, "key", text);
    return tell_new(arguments, public_path, text, error);
}

const struct cli_command cmd_key_new = {
    .name = "key new",
    .event = "key.new",
    .operands = "",
    .summary = N_("Make a key for a person, locked with a passphrase."),
    .details = N_(
        "Writes FILE, an age identity, and FILE.pub, which goes under recipients in the\n"
        "configuration. With --sign FILE is a signing key in minisign's format, and the line of\n"
        "FILE.pub goes into the policy.\n"
        "The passphrase is generated and shown once. With --passphrase-file it is read from\n"
        "that file, or written into it if the file does not exist."),
    .options = {OPTION_ROLE, OPTION_SIGN, OPTION_OUT, OPTION_PASSPHRASE_FILE, OPTION_PASSPHRASE_FD,
                OPTION_CHOOSE_PASSPHRASE, OPTION_JSON, OPTION_END},
    .run = run_new,
};

/* ------------------------------------------------------------------ key list */

static enum status show_key(struct cli *cli, json_t *array, const char *file,
                            const struct age_recipient *recipient, struct error *error)
{
    char text[AGE_RECIPIENT_TEXT_SIZE];
    age_recipient_format(text, recipient);
    if (!cli->arguments.json) {
        printf("%s  %s\n", text, file == NULL ? _("recovery kit") : file);
        return cli_check_output(error);
    }
    json_t *object = json_object();
    json_object_set_new(object, "recipient", json_string(text));
    json_object_set_new(object, "role", json_string(file == NULL ? "recovery" : "configured"));
    if (file != NULL) {
        cli_json_set_bytes(object, "file", file);
    }
    json_array_append_new(array, object);
    return STATUS_OK;
}

static enum status show_file(struct cli *cli, json_t *array, const char *file, struct error *error)
{
    CLEANUP(memory_free) struct age_recipient *recipients = NULL;
    size_t count = 0;
    enum status status = age_recipients_read(&recipients, &count, file, error);
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        status = show_key(cli, array, file, &recipients[i], error);
    }
    return status;
}

static enum status run_list(struct cli *cli, struct error *error)
{
    CLEANUP(config_free) struct config config = {0};
    CLEANUP(host_key_free) struct host_key host = {0};
    json_auto_t *array = json_array();
    enum status status = cli_config_read(&config, &cli->arguments, error);
    if (status != STATUS_OK) {
        return status;
    }
    if (host_key_read(&host, config.host_key, error) == STATUS_OK) {
        status = show_key(cli, array, NULL, &host.recovery, error);
    } else {
        cli_report_warning(error);
        error_clear(error);
        cli_note(cli, EXIT_WARNINGS);
    }
    for (char **file = config.recipients; *file != NULL && status == STATUS_OK; file++) {
        status = show_file(cli, array, *file, error);
    }
    return status == STATUS_OK && cli->arguments.json ? cli_json_print(json_incref(array), error)
                                                      : status;
}

const struct cli_command cmd_key_list = {
    .name = "key list",
    .operands = "",
    .summary = N_("Show who can open the backups."),
    .options = {OPTION_JSON, OPTION_END},
    .run = run_list,
};

/* ------------------------------------------------------------------ key passwd */

static enum status change_identity(const char *path, struct cli *cli, struct error *error)
{
    struct cli_arguments *arguments = &cli->arguments;
    char recipient[AGE_RECIPIENT_TEXT_SIZE];
    CLEANUP(age_identity_free) struct age_identity identity = {0};
    CLEANUP(cli_new_passphrase_free) struct cli_new_passphrase passphrase = {0};
    struct passphrase_source old = cli_passphrase(arguments);
    enum status status = age_identity_read(&identity, path, &old, error);
    if (status == STATUS_OK) {
        age_recipient_format(recipient, &identity.recipient);
        cli_json_set_bytes(cli->facts, "key", recipient);
        status =
            cli_new_passphrase_choose(&passphrase, arguments->new_passphrase_file, path, error);
    }
    return status == STATUS_OK
               ? age_identity_write(path, &identity, &passphrase.text, passphrase.work_factor,
                                    FILE_REPLACE_EXISTING, error)
               : status;
}

static enum status change_signing_key(const char *path, struct cli *cli, struct error *error)
{
    struct cli_arguments *arguments = &cli->arguments;
    char public_key[MINISIGN_PUBLIC_TEXT_SIZE];
    CLEANUP(minisign_secret_free) struct minisign_secret secret = {0};
    CLEANUP(cli_new_passphrase_free) struct cli_new_passphrase passphrase = {0};
    struct passphrase_source old = cli_passphrase(arguments);
    enum status status = minisign_read_secret(&secret, path, &old, error);
    if (status == STATUS_OK) {
        minisign_public_format(public_key, &secret.public_key);
        cli_json_set_bytes(cli->facts, "key", public_key);
        status =
            cli_new_passphrase_choose(&passphrase, arguments->new_passphrase_file, path, error);
    }
    return status == STATUS_OK
               ? minisign_write_secret(path, &secret, &passphrase.text, passphrase.work_factor,
                                       FILE_REPLACE_EXISTING, error)
               : status;
}

static enum status run_passwd(struct cli *cli, struct error *error)
{
    const char *path = cli->arguments.words.items[0];
    enum status status = minisign_is_secret(path) ? change_signing_key(path, cli, error)
                                                  : change_identity(path, cli, error);
    if (status == STATUS_OK) {
        cli_say(cli, _("The passphrase of %s is changed. Copies of the file keep the old one."),
                path);
    }
    return status;
}

const struct cli_command cmd_key_passwd = {
    .name = "key passwd",
    .event = "key.passwd",
    .operands = N_("FILE"),
    .summary = N_("Change the passphrase of a key."),
    .least = 1,
    .most = 1,
    .options = {OPTION_PASSPHRASE_FILE, OPTION_PASSPHRASE_FD, OPTION_NEW_PASSPHRASE_FILE,
                OPTION_END},
    .run = run_passwd,
};
