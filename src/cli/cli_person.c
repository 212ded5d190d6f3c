/* cli_person: see the header. */
#include "cli_person.h"
#include "cli_audit.h"
#include <stdlib.h>
#include <string.h>

/* ------------------------------------------------------------------ who */

/* The domain, if it is the first or the same again. */
static bool is_only(const char **only, const char *domain)
{
    if (*only == NULL) {
        *only = domain;
    }
    return strcmp(*only, domain) == 0;
}

static const char *only_domain(const struct config *config)
{
    const char *only = NULL;
    bool unique = true;
    for (size_t i = 0; i < config->erasure_count; i++) {
        unique = is_only(&only, config->erasures[i].domain) && unique;
    }
    for (size_t i = 0; i < config->source_count; i++) {
        for (size_t j = 0; j < config->sources[i].person_count; j++) {
            unique = is_only(&only, config->sources[i].persons[j].domain) && unique;
        }
    }
    return unique ? only : NULL;
}

enum status cli_person_take(struct cli_person *person, struct cli *cli, const struct config *config,
                            const unsigned char secret[REPOSITORY_SECRET_SIZE], struct error *error)
{
    const char *id = cli->arguments.words.items[0];
    const char *domain = cli->arguments.domain;
    if (domain == NULL && config != NULL) {
        domain = only_domain(config);
    }
    if (domain == NULL) {
        error_set(error, STATUS_USAGE, 0, "%s", _("which kind of person is it?"));
        return error_set_hint(error, "%s",
                              _("Name it with --domain, as in kura.yaml: --domain customer"));
    }
    if (id[0] == '\0') {
        return error_set(error, STATUS_USAGE, 0, "%s", _("the person's id is empty"));
    }
    person->id = id;
    person->domain = domain;
    person_pseudonym(person->pseudonym, secret, domain, id, strlen(id));
    hex_encode(person->text, person->pseudonym, PERSON_SIZE);
    json_object_set_new(cli->facts, "person", json_string(person->text));
    cli_json_set_bytes(cli->facts, "domain", domain);
    return STATUS_OK;
}

/* ------------------------------------------------------------------ media */

static enum status find_carries(struct cli_person_carries *carries, const struct cli_log *log,
                                const struct cli_person *person, struct error *error)
{
    carries->items = calloc(carries->ledger.count + 1, sizeof *carries->items);
    if (carries->items == NULL) {
        return error_set_memory(error);
    }
    for (size_t i = 0; i < carries->ledger.count; i++) {
        struct carry_record *record = &carries->ledger.carries[i];
        enum carry_holds holds =
            carry_is_out(record)
                ? carry_holds_person(record, log->config.state, &log->host, person->pseudonym)
                : CARRY_HOLDS_NOT;
        if (holds != CARRY_HOLDS_NOT) {
            carries->items[carries->count++] =
                (struct cli_person_carry){record, holds == CARRY_HOLDS};
        }
    }
    return STATUS_OK;
}

enum status cli_person_carries_find(struct cli_person_carries *carries, const struct cli *cli,
                                    const struct cli_person *person, struct error *error)
{
    CLEANUP(cli_log_close) struct cli_log log = {0};
    enum status status = cli_log_open(&log, cli, CLI_LOG_READ, error);
    if (status == STATUS_OK) {
        status = carry_ledger_read(&carries->ledger, log.audit, error);
    }
    return status == STATUS_OK ? find_carries(carries, &log, person, error) : status;
}

void cli_person_carries_free(struct cli_person_carries *carries)
{
    carry_ledger_free(&carries->ledger);
    free(carries->items);
    *carries = (struct cli_person_carries){0};
}

void cli_person_carries_print(const struct cli_person_carries *carries)
{
    for (size_t i = 0; i < carries->count; i++) {
        const struct carry_record *record = carries->items[i].record;
        char due[MOMENT_TEXT_SIZE];
        printf(carries->items[i].certain
                   ? _("  carry %s on medium %s (%s), with %s, due %s\n")
                   : _("  perhaps carry %s on medium %s (%s), with %s, due %s: who is in it is not "
                       "known any more\n"),
               record->id, record->medium, carry_state_word(record->state), record->bearer,
               moment_format_local(due, record->due));
    }
}

json_t *cli_person_carries_json(const struct cli_person_carries *carries)
{
    json_t *array = json_array();
    for (size_t i = 0; i < carries->count; i++) {
        const struct carry_record *record = carries->items[i].record;
        json_t *object = json_pack("{s:s,s:s,s:s,s:s,s:b}", "carry", record->id, "medium",
                                   record->medium, "state", carry_state_name(record->state),
                                   "bearer", record->bearer, "certain", carries->items[i].certain);
        cli_json_set_moment(object, "due", record->due);
        json_array_append_new(array, object);
    }
    return array;
}
