/* cli_register_carry: a carry holds rows of the past, which no rule can change any more. Where the
 * machine that made it knows that somebody in it asked to be erased, it is not opened. */
#include "cli_audit.h"
#include "cli_register.h"
#include "kura/carry.h"
#include "kura/register.h"
#include <string.h>

struct search {
    struct carry_ledger ledger;
    const struct carry_record *carry; /* that of the file; NULL: not one of this machine */
    struct cli_log log;
    bool found;        /* somebody erased is in it */
    bool perhaps;      /* somebody was erased since, and who is in it is not known any more */
    json_t *withdrawn; /* ids of erasures that were taken back, as keys */
};

static void search_end(struct search *search)
{
    carry_ledger_free(&search->ledger);
    cli_log_close(&search->log);
    json_decref(search->withdrawn);
}

static void ask(struct search *search, const unsigned char person[PERSON_SIZE],
                struct moment erased)
{
    switch (
        carry_holds_person(search->carry, search->log.config.state, &search->log.host, person)) {
    case CARRY_HOLDS:
        search->found = true;
        break;
    case CARRY_HOLDS_UNKNOWN:
        search->perhaps |= moment_compare(erased, search->carry->reserved) >= 0;
        break;
    case CARRY_HOLDS_NOT:
        break;
    }
}

/* What was registered and taken back on this machine stands in its log, whatever has become of the
 * repository. First what was taken back. */
static enum status look_for_withdrawals(void *context, const struct audit_record *record,
                                        struct error *error)
{
    (void)error;
    const struct search *search = context;
    size_t i;
    const json_t *id;
    if (strcmp(record->event, "person.keep") == 0) {
        json_array_foreach(json_object_get(record->json, "withdrawn"), i, id)
        {
            json_object_set_new(search->withdrawn, json_string_value(id), json_true());
        }
    }
    return STATUS_OK;
}

static enum status look_for_erasures(void *context, const struct audit_record *record,
                                     struct error *error)
{
    (void)error;
    unsigned char person[PERSON_SIZE];
    struct search *search = context;
    const char *text = json_string_value(json_object_get(record->json, "person"));
    const char *id = json_string_value(json_object_get(record->json, "erasure"));
    if (strcmp(record->event, "person.erase") == 0 && text != NULL && id != NULL &&
        json_object_get(search->withdrawn, id) == NULL &&
        hex_decode(person, sizeof person, text, strlen(text))) {
        ask(search, person, record->time);
    }
    return STATUS_OK;
}

/* What any machine registered stands in the repository. */
static enum status look_in_repository(struct search *search, struct cli *cli, struct error *error)
{
    CLEANUP(cli_access_free) struct cli_access access = {0};
    CLEANUP(erasure_register_free) struct erasure_register entries = {0};
    CLEANUP(snapshot_list_free) struct snapshot_list list = {0};
    /* Pseudonyms need the host key alone; and whoever opens a file does not wait for a storage. */
    struct cli_arguments host = cli->arguments;
    host.kit = host.identity = NULL;
    host.retry = 0;
    enum status status = cli_access_open(&access, &host, CLI_NEED_HOST, error);
    if (status == STATUS_OK) {
        status = cli_register_read(&entries, &list, cli, &access, error);
    }
    for (size_t i = 0; status == STATUS_OK && i < entries.count; i++) {
        ask(search, entries.items[i].person, entries.items[i].time);
    }
    for (size_t i = 0; status == STATUS_OK && i < entries.settled_count; i++) {
        char id[2 * ERASURE_ID_SIZE + 1];
        hex_encode(id, entries.settled[i].id, ERASURE_ID_SIZE);
        json_object_set_new(search->withdrawn, id, json_true());
    }
    if (status == STATUS_OK && entries.missing > 0) {
        return error_set(
            error, STATUS_CORRUPT, 0,
            ngettext("the register of erasures lacks %zu entry: somebody who asked to be "
                     "erased would come back",
                     "the register of erasures lacks %zu entries: people who asked to "
                     "be erased would come back",
                     entries.missing),
            entries.missing);
    }
    return status;
}

/* The log is asked also where the repository cannot be. */
static enum status look_everywhere(struct search *search, struct cli *cli, struct error *error)
{
    struct error later = {0};
    enum status status = look_in_repository(search, cli, error);
    enum status logged = audit_walk(search->log.audit, look_for_withdrawals, search, &later);
    if (logged == STATUS_OK) {
        logged = audit_walk(search->log.audit, look_for_erasures, search, &later);
    }
    if (status == STATUS_OK && logged != STATUS_OK) {
        *error = later;
    }
    return status != STATUS_OK ? status : logged;
}

static enum status look_at_file(struct search *search, struct cli *cli, const char *path)
{
    struct error unknown = {0};
    search->withdrawn = json_object();
    enum status status = cli_log_open(&search->log, cli, CLI_LOG_READ, &unknown);
    if (status == STATUS_NOT_FOUND) {
        return STATUS_OK; /* no machine that makes carries */
    }
    if (status == STATUS_OK) {
        status = carry_ledger_read(&search->ledger, search->log.audit, &unknown);
    }
    if (status == STATUS_OK) {
        search->carry = carry_find_container(&search->ledger, path);
    }
    if (status == STATUS_OK && search->carry != NULL) {
        status = look_everywhere(search, cli, &unknown);
    }
    if (status != STATUS_OK) {
        error_add_context(&unknown, "%s",
                          _("whether somebody who asked to be erased is in this file could not be "
                            "found out"));
        cli_report_warning(&unknown);
    }
    return status;
}

enum status cli_register_check_container(struct cli *cli, const char *path, struct error *error)
{
    if (cli->arguments.as_it_was) {
        return cli_take_as_it_was(cli, error);
    }
    CLEANUP(search_end) struct search search = {0};
    /* What cannot be found out is told, and keeps nobody from a file of another kind. */
    json_object_set_new(cli->facts, "erased_known",
                        json_boolean(look_at_file(&search, cli, path) == STATUS_OK));
    if (!search.found && !search.perhaps) {
        return STATUS_OK;
    }
    error_set(error, STATUS_REFUSED, 0, "[erased] %s",
              search.found
                  ? _("in this carry is somebody who asked to be erased")
                  : _("somebody asked to be erased since this carry was made, and who is in it is "
                      "not known any more"));
    return error_set_hint(error, "%s",
                          _("Bring the medium back, and ask for the set anew. With the data "
                            "manager's key, --as-it-was --reason TEXT opens it as it was."));
}
