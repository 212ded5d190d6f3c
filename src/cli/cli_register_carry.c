/* cli_register_carry: a carry holds rows of the past, which no rule can change any more. Where the
 * machine that made it knows that somebody in it asked to be erased since, it is not opened. */
#include "cli_audit.h"
#include "cli_register.h"
#include "kura/carry.h"
#include <string.h>

struct search {
    const struct carry_record *carry;
    const struct cli_log *log;
    bool found;
};

/* What was registered on this machine stands in its log. */
static enum status look(void *context, const struct audit_record *record, struct error *error)
{
    (void)error;
    struct search *search = context;
    unsigned char person[PERSON_SIZE];
    const char *text = json_string_value(json_object_get(record->json, "person"));
    if (strcmp(record->event, "person.erase") == 0 && text != NULL &&
        json_object_get(record->json, "erasure") != NULL &&
        hex_decode(person, sizeof person, text, strlen(text))) {
        search->found =
            search->found || carry_holds_person(search->carry, search->log->config.state,
                                                &search->log->host, person) == CARRY_HOLDS;
    }
    return STATUS_OK;
}

static bool holds_erased(const struct cli *cli, const char *path)
{
    CLEANUP(cli_log_close) struct cli_log log = {0};
    CLEANUP(carry_ledger_free) struct carry_ledger ledger = {0};
    struct error unknown = {0};
    if (cli_log_open(&log, cli, CLI_LOG_READ, &unknown) != STATUS_OK ||
        carry_ledger_read(&ledger, log.audit, &unknown) != STATUS_OK) {
        return false;
    }
    struct search search = {carry_find_container(&ledger, path), &log, false};
    return search.carry != NULL && audit_walk(log.audit, look, &search, &unknown) == STATUS_OK &&
           search.found;
}

enum status cli_register_check_container(struct cli *cli, const char *path, struct error *error)
{
    if (cli->arguments.as_it_was) {
        return cli_take_as_it_was(cli, error);
    }
    if (!holds_erased(cli, path)) {
        return STATUS_OK;
    }
    error_set(error, STATUS_REFUSED, 0, "[erased] %s",
              _("in this carry is somebody who asked to be erased since it was made"));
    return error_set_hint(error, "%s",
                          _("Bring the medium back, and ask for the set anew. With the data "
                            "manager's key, --as-it-was --reason TEXT opens it as it was."));
}
