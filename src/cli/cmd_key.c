/* kura key: identities of people. */
#include "cli.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ------------------------------------------------------------------ key new */

static enum status check_new(const struct cli_arguments *arguments, struct error *error)
{
    if (arguments->role == NULL ||
        (strcmp(arguments->role, "manager") != 0 && strcmp(arguments->role, "staff") != 0)) {
        return error_set(error, STATUS_USAGE, 0, "%s",
                         _("say whose key it is: --role manager or --role staff"));
    }
    if (arguments->out == NULL) {
        return error_set(error, STATUS_USAGE, 0, "%s", _("kura key new needs --out FILE"));
    }
    if (access(arguments->out, F_OK) == 0) {
        error_set(error, STATUS_EXISTS, 0, _("the file %s is there already"), arguments->out);
        return error_set_hint(error, "%s", _("A key is never overwritten. Name another file."));
    }
    return STATUS_OK;
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

static enum status make_key(struct age_identity *identity, const char *public_path,
                            const struct cli_arguments *arguments, struct error *error)
{
    CLEANUP(cli_new_passphrase_free) struct cli_new_passphrase passphrase = {0};
    enum status status = age_identity_generate(identity, error);
    if (status == STATUS_OK) {
        status = cli_new_passphrase_get(&passphrase, arguments, arguments->out, error);
    }
    if (status == STATUS_OK) {
        status = cli_new_passphrase_tell(&passphrase, arguments, arguments->out, error);
    }
    /* The public part comes first: alone it is harmless, and without it the key would be made
     * again.
     */
    if (status == STATUS_OK) {
        status = write_public(public_path, arguments->role, &identity->recipient, error);
    }
    if (status != STATUS_OK) {
        return status;
    }
    status = age_identity_write(arguments->out, identity, &passphrase.text, passphrase.work_factor,
                                FILE_KEEP_EXISTING, error);
    if (status != STATUS_OK) {
        unlink(public_path);
    }
    return status;
}

static enum status run_new(struct cli *cli, struct error *error)
{
    const struct cli_arguments *arguments = &cli->arguments;
    CLEANUP(age_identity_free) struct age_identity identity = {0};
    CLEANUP(memory_free) char *public_path = NULL;
    enum status status = check_new(arguments, error);
    if (status != STATUS_OK) {
        return status;
    }
    if (asprintf(&public_path, "%s.pub", arguments->out) < 0) {
        public_path = NULL;
        return error_set_memory(error);
    }
    status = make_key(&identity, public_path, arguments, error);
    if (status != STATUS_OK) {
        return status;
    }
    char recipient[AGE_RECIPIENT_TEXT_SIZE];
    age_recipient_format(recipient, &identity.recipient);
    if (arguments->json) {
        json_t *object = json_object();
        cli_json_set_bytes(object, "role", arguments->role);
        cli_json_set_bytes(object, "identity", arguments->out);
        cli_json_set_bytes(object, "recipient_file", public_path);
        cli_json_set_bytes(object, "recipient", recipient);
        return cli_json_print(object, error);
    }
    if (!arguments->quiet) {
        printf(_("Key: %s\nPublic part: %s\n%s\n"), arguments->out, public_path, recipient);
    }
    return STATUS_OK;
}

const struct cli_command cmd_key_new = {
    .name = "key new",
    .operands = "",
    .summary = N_("Make a key for a person, locked with a passphrase."),
    .details =
        N_("Writes FILE, an age identity, and FILE.pub, which goes under recipients in the\n"
           "configuration. The passphrase is generated and shown once. With --passphrase-file\n"
           "it is read from that file, or written into it if the file does not exist."),
    .options = {OPTION_ROLE, OPTION_OUT, OPTION_PASSPHRASE_FILE, OPTION_PASSPHRASE_FD,
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

static void json_free(json_t **value)
{
    json_decref(*value);
}

static enum status run_list(struct cli *cli, struct error *error)
{
    CLEANUP(config_free) struct config config = {0};
    CLEANUP(host_key_free) struct host_key host = {0};
    CLEANUP(json_free) json_t *array = json_array();
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

static enum status run_passwd(struct cli *cli, struct error *error)
{
    CLEANUP(age_identity_free) struct age_identity identity = {0};
    CLEANUP(cli_new_passphrase_free) struct cli_new_passphrase passphrase = {0};
    const char *path = cli->arguments.words.items[0];
    struct passphrase_source old = cli_passphrase(&cli->arguments);
    enum status status = age_identity_read(&identity, path, &old, error);
    if (status == STATUS_OK) {
        status =
            cli_new_passphrase_choose(&passphrase, cli->arguments.new_passphrase_file, path, error);
    }
    if (status == STATUS_OK) {
        status = age_identity_write(path, &identity, &passphrase.text, passphrase.work_factor,
                                    FILE_REPLACE_EXISTING, error);
    }
    if (status == STATUS_OK) {
        cli_say(cli, _("The passphrase of %s is changed. Copies of the file keep the old one."),
                path);
    }
    return status;
}

const struct cli_command cmd_key_passwd = {
    .name = "key passwd",
    .operands = N_("FILE"),
    .summary = N_("Change the passphrase of a key."),
    .least = 1,
    .most = 1,
    .options = {OPTION_PASSPHRASE_FILE, OPTION_PASSPHRASE_FD, OPTION_NEW_PASSPHRASE_FILE,
                OPTION_END},
    .run = run_passwd,
};
