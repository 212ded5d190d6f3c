/* kura person keep: a person was registered as erased by mistake, or thought better of it. Restores
 * bring it back again. */
#include "cli_audit.h"
#include "cli_person.h"
#include "cli_register.h"
#include "cli_road.h"
#include <string.h>

struct keeping {
    struct cli *cli;
    struct cli_access access;
    struct cli_person person;
    struct cli_manager manager;
    struct erasure_register entries;
    json_t *withdrawn; /* ids of what was taken back; the facts have it */
};

static void keeping_end(struct keeping *keeping)
{
    erasure_register_free(&keeping->entries);
    cli_manager_free(&keeping->manager);
    cli_access_free(&keeping->access);
}

static bool is_of(const struct keeping *keeping, const struct erasure *erasure)
{
    return memcmp(erasure->person, keeping->person.pseudonym, PERSON_SIZE) == 0;
}

/* Before the first is taken back: what is left would go on erasing. */
static enum status check_all(const struct keeping *keeping, struct error *error)
{
    char key[MINISIGN_PUBLIC_TEXT_SIZE];
    const struct cli_manager *manager = &keeping->manager;
    for (size_t i = 0; i < keeping->entries.count; i++) {
        const struct erasure *erasure = &keeping->entries.items[i];
        if (is_of(keeping, erasure) &&
            !erasure_may_be_withdrawn(erasure, manager->unlocked, &manager->key.public_key)) {
            minisign_public_format(key, &erasure->manager);
            error_set(error, STATUS_REFUSED, 0, "[manager-key] %s",
                      _("a manager signed the erasure, and only the same key takes it back"));
            return error_set_hint(error, _("Name it with --key FILE. Its public key is %s."), key);
        }
    }
    if (!register_has(&keeping->entries, keeping->person.pseudonym)) {
        error_set(error, STATUS_NOT_FOUND, 0, _("person %s is not registered as erased"),
                  keeping->person.text);
        return error_set_hint(error, "%s", _("See whether the ID is the right one."));
    }
    return STATUS_OK;
}

static enum status withdraw(struct keeping *keeping, const struct erasure *erasure,
                            struct error *error)
{
    char id[2 * ERASURE_ID_SIZE + 1];
    CLEANUP(erasure_free) struct erasure withdrawal = {.withdrawal = true};
    memcpy(withdrawal.withdraws, erasure->id, ERASURE_ID_SIZE);
    enum status status =
        cli_register_words(&withdrawal, keeping->cli, &keeping->person, &keeping->manager, error);
    if (status == STATUS_OK) {
        status = cli_register_write(&withdrawal, &keeping->access, &keeping->manager, error);
    }
    if (status == STATUS_OK) {
        json_array_append_new(keeping->withdrawn,
                              json_string(hex_encode(id, erasure->id, ERASURE_ID_SIZE)));
    }
    return status;
}

static enum status withdraw_all(struct keeping *keeping, struct error *error)
{
    enum status status = check_all(keeping, error);
    for (size_t i = 0; status == STATUS_OK && i < keeping->entries.count; i++) {
        if (is_of(keeping, &keeping->entries.items[i])) {
            status = withdraw(keeping, &keeping->entries.items[i], error);
        }
    }
    return status;
}

static enum status tell(const struct keeping *keeping, struct error *error)
{
    const struct cli *cli = keeping->cli;
    if (cli->arguments.json) {
        json_t *object =
            json_pack("{s:s,s:O}", "person", keeping->person.text, "withdrawn", keeping->withdrawn);
        return cli_json_print(object, error);
    }
    if (cli->arguments.quiet) {
        return STATUS_OK;
    }
    printf(_("Taken back: restores and dumps bring person %s back again.\n"), keeping->person.text);
    return cli_check_output(error);
}

static enum status run(struct cli *cli, struct error *error)
{
    CLEANUP(cli_road_end) struct cli_road store; /* longer than the access, which asks it */
    CLEANUP(snapshot_list_free) struct snapshot_list list = {0};
    CLEANUP(keeping_end) struct keeping keeping = {.cli = cli, .access.road = &store};
    cli_road_begin(&store, cli, ROAD_STORE);
    if (cli->arguments.reason == NULL || cli->arguments.reason[0] == '\0') {
        return error_set(error, STATUS_USAGE, 0, "%s", _("kura person keep needs --reason TEXT"));
    }
    enum status status = cli_access_open(&keeping.access, &cli->arguments, CLI_NEED_HOST, error);
    if (status == STATUS_OK) {
        status = cli_person_take(&keeping.person, cli, &keeping.access.config,
                                 repo_secret(keeping.access.repo), error);
    }
    if (status == STATUS_OK) {
        status = cli_manager_unlock(&keeping.manager, cli, error);
    }
    if (status == STATUS_OK) {
        status = cli_register_read(&keeping.entries, &list, cli, &keeping.access, error);
    }
    if (status != STATUS_OK) {
        return status;
    }
    keeping.withdrawn = json_array();
    json_object_set_new(cli->facts, "withdrawn", keeping.withdrawn);
    status = withdraw_all(&keeping, error);
    return status == STATUS_OK ? tell(&keeping, error) : status;
}

const struct cli_command cmd_person_keep = {
    .name = "person keep",
    .event = "person.keep",
    .operands = N_("ID"),
    .summary = N_("Take back that a person is to be erased: restores bring it back again."),
    .details =
        N_("For an ID that was registered by mistake, or a customer who thought better of it. The\n"
           "entries stay in the register, and another one takes them back. What a data manager or\n"
           "deputy signed is taken back with the same --key only."),
    .least = 1,
    .most = 1,
    .options = {OPTION_REASON, OPTION_DOMAIN, OPTION_KEY, OPTION_KEY_PASSPHRASE_FILE,
                OPTION_PASSPHRASE_FILE, OPTION_PASSPHRASE_FD, OPTION_SSH_KEY_PASSPHRASE_FILE,
                OPTION_RETRY, OPTION_JSON, OPTION_END},
    .run = run,
};
