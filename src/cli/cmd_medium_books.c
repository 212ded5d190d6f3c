/* kura medium enrol, label, list, retire: which media there are. */
#include "cli_carry.h"
#include <string.h>

#define ID_COLUMN 16
#define STATUS_COLUMN 10

/* ------------------------------------------------------------------ enrol, label */

static enum status write_label(struct carry_enrolled *enrolled, struct cli *cli,
                               struct error *error)
{
    CLEANUP(cli_gate_close) struct cli_gate gate = {0};
    CLEANUP(file_close) int folder = -1;
    enum status status = cli_need_option(cli, OPTION_PATH, error);
    if (status == STATUS_OK) {
        status = cli_need_option(cli, OPTION_ID, error);
    }
    if (status == STATUS_OK) {
        status = cli_folder_open(&folder, cli->arguments.path, error);
    }
    if (status == STATUS_OK) {
        status = cli_gate_open(&gate, cli, error);
    }
    return status == STATUS_OK
               ? carry_client_enrol(enrolled, gate.client, cli->arguments.id, folder, error)
               : status;
}

static enum status print_json(const struct carry_enrolled *enrolled, const char *id,
                              struct error *error)
{
    const struct medium_identity *identity = &enrolled->identity;
    json_t *object = json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:s}", "id", id, "fingerprint",
                               enrolled->fingerprint, "usb_vendor", identity->usb_vendor,
                               "usb_product", identity->usb_product, "serial", identity->serial,
                               "fs_type", identity->fs_type, "fs_uuid", identity->fs_uuid);
    cli_json_set_count(object, "size", identity->size);
    return cli_json_print(object, error);
}

/* The fragment for `media:` of the policy. */
static void print_fragment(const struct carry_enrolled *enrolled, const char *id)
{
    const struct medium_identity *identity = &enrolled->identity;
    char size[CLI_SIZE_TEXT], serial[4 * sizeof identity->serial];
    printf("  # %s %s, %s%s%s %s\n", identity->fs_type, identity->fs_uuid,
           cli_format_bytes(size, identity->size), identity->usb_vendor[0] == '\0' ? "" : ", USB ",
           identity->usb_vendor, text_printable(serial, sizeof serial, identity->serial));
    printf("  - id: %s\n    fingerprint: \"%s\"\n", id, enrolled->fingerprint);
}

static enum status run_enrol(struct cli *cli, struct error *error)
{
    struct carry_enrolled enrolled;
    const char *id = cli->arguments.id;
    enum status status = write_label(&enrolled, cli, error);
    if (status != STATUS_OK) {
        return status;
    }
    if (cli->arguments.json) {
        return print_json(&enrolled, id, error);
    }
    cli_say(cli, "%s",
            _("The medium has its label. The data manager puts these lines under media: of the "
              "policy, raises its version and signs it:"));
    print_fragment(&enrolled, id);
    return cli_check_output(error);
}

const struct cli_command cmd_medium_enrol = {
    .name = "medium enrol",
    .operands = "",
    .summary = N_("Take a medium into the books: label it and print the lines for the policy."),
    .options = {OPTION_PATH, OPTION_ID, OPTION_JSON, OPTION_END},
    .run = run_enrol,
};

static enum status run_label(struct cli *cli, struct error *error)
{
    struct carry_enrolled enrolled;
    enum status status = write_label(&enrolled, cli, error);
    if (status != STATUS_OK) {
        return status;
    }
    if (cli->arguments.json) {
        return print_json(&enrolled, cli->arguments.id, error);
    }
    cli_say(cli, _("The medium %s has a new label."), cli->arguments.id);
    return STATUS_OK;
}

const struct cli_command cmd_medium_label = {
    .name = "medium label",
    .operands = "",
    .summary = N_("Write a new label on a medium whose label does not fit the books."),
    .details = N_("Find out first why it does not: the medium may be a copy. Never while it\n"
                  "still holds a carry."),
    .options = {OPTION_PATH, OPTION_ID, OPTION_JSON, OPTION_END},
    .run = run_label,
};

/* ------------------------------------------------------------------ list, retire */

static void print_medium(const json_t *medium)
{
    const char *carry = cli_carry_text(medium, "carry");
    const char *status = cli_carry_text(medium, "status");
    const bool labelled = json_is_true(json_object_get(medium, "labelled"));
    cli_print_column(stdout, cli_carry_text(medium, "id"), ID_COLUMN);
    putchar(' ');
    cli_print_column(stdout,
                     strcmp(status, "active") == 0    ? _("active")
                     : strcmp(status, "retired") == 0 ? _("retired")
                                                      : _("lost"),
                     STATUS_COLUMN);
    printf(" %s\n", *carry != '\0' ? carry
                    : !labelled    ? _("no label yet: kura medium enrol")
                                   : cli_carry_text(medium, "kept_at"));
}

static enum status run_list(struct cli *cli, struct error *error)
{
    CLEANUP(cli_gate_close) struct cli_gate gate = {0};
    json_auto_t *list = NULL;
    enum status status = cli_gate_open(&gate, cli, error);
    if (status == STATUS_OK) {
        status = carry_client_list(&list, gate.client, error);
    }
    if (status != STATUS_OK) {
        return status;
    }
    json_t *media = json_object_get(list, "media");
    if (cli->arguments.json) {
        return cli_json_print(json_incref(media), error);
    }
    for (size_t i = 0; i < json_array_size(media); i++) {
        print_medium(json_array_get(media, i));
    }
    return cli_check_output(error);
}

const struct cli_command cmd_medium_list = {
    .name = "medium list",
    .operands = "",
    .summary = N_("List the media of the policy and what they hold."),
    .options = {OPTION_JSON, OPTION_END},
    .run = run_list,
};

static enum status run_retire(struct cli *cli, struct error *error)
{
    CLEANUP(cli_gate_close) struct cli_gate gate = {0};
    const char *id = cli->arguments.words.items[0];
    enum status status = cli_gate_open(&gate, cli, error);
    if (status == STATUS_OK) {
        status = carry_client_retire(gate.client, id, error);
    }
    if (status == STATUS_OK) {
        cli_say(cli, _("The medium %s is retired: nothing is carried on it any more."), id);
    }
    return status;
}

const struct cli_command cmd_medium_retire = {
    .name = "medium retire",
    .operands = N_("ID"),
    .summary = N_("Take a medium out of use for good."),
    .least = 1,
    .most = 1,
    .options = {OPTION_END},
    .run = run_retire,
};
