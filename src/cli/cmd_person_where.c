/* kura person where: which snapshots and media still hold a person, and until when. */
#include "cli_audit.h"
#include "cli_person.h"
#include "kura/backup.h"
#include "kura/register.h"
#include <stdlib.h>
#include <string.h>

/* HOLDS_REMNANTS: not, but chunks of which it uses parts may. */
enum holding { HOLDS_NOT, HOLDS, HOLDS_REMNANTS, HOLDS_UNKNOWN };

/* What is known of the person; positions as in the list. */
struct where {
    struct cli *cli;
    struct cli_access access;
    struct snapshot_list list;
    struct erasure_register entries;
    struct cli_person person;
    struct cli_person_carries carries;
    bool carries_known;
    enum holding *holdings;
    size_t holding_count, other_count; /* that hold the person; that may */
    bool has_rule;                     /* of retention */
    struct moment until;               /* when the last one may be forgotten, with a rule */
};

static void where_end(struct where *where)
{
    free(where->holdings);
    cli_person_carries_free(&where->carries);
    erasure_register_free(&where->entries);
    snapshot_list_free(&where->list);
    cli_access_free(&where->access);
}

/* ------------------------------------------------------------------ snapshots */

/* Statements swear to the digest of each list of persons: with the same ones the answer is the
 * same, and no catalogue need be opened. */
static bool same_persons(const struct statement *a, const struct statement *b)
{
    if (a->source_count != b->source_count) {
        return false;
    }
    for (size_t i = 0; i < a->source_count; i++) {
        const struct statement_source *left = &a->sources[i], *right = &b->sources[i];
        if (strcmp(left->kind, right->kind) != 0 || left->persons != right->persons ||
            left->status != right->status ||
            (left->persons >= 0 &&
             memcmp(left->persons_digest, right->persons_digest, PERSONS_DIGEST_SIZE) != 0)) {
            return false;
        }
    }
    return true;
}

static enum status look_into(enum holding *holding, struct where *where,
                             const struct statement *statement, struct error *error)
{
    struct snapshot *snapshot = NULL;
    bool found = false, complete = false;
    enum status status = snapshot_open(&snapshot, where->access.repo, statement, error);
    if (status == STATUS_OK) {
        status = snapshot_has_person(&found, &complete, snapshot, where->person.domain,
                                     where->person.pseudonym, error);
    }
    snapshot_free(snapshot);
    *holding = found ? HOLDS : complete ? HOLDS_NOT : HOLDS_UNKNOWN;
    if (problem_is_local(status, error)) {
        char id[OBJECT_ID_TEXT_SIZE];
        error_add_context(error, _("snapshot %s"), cli_format_id(id, statement->id));
        cli_report_warning(error);
        cli_note(where->cli, EXIT_INTEGRITY);
        error_clear(error);
        *holding = HOLDS_UNKNOWN;
        status = STATUS_OK;
    }
    return status;
}

static enum status look_into_all(struct where *where, struct error *error)
{
    const struct snapshot_list *list = &where->list;
    where->holdings = calloc(list->count + 1, sizeof *where->holdings);
    if (where->holdings == NULL) {
        return error_set_memory(error);
    }
    enum status status = STATUS_OK;
    for (size_t i = 0; status == STATUS_OK && i < list->count; i++) {
        if (i > 0 && same_persons(&list->items[i - 1], &list->items[i])) {
            where->holdings[i] = where->holdings[i - 1];
        } else {
            status = look_into(&where->holdings[i], where, &list->items[i], error);
        }
    }
    return status;
}

static const struct statement_source *source_named(const struct statement *statement,
                                                   const char *name)
{
    for (size_t i = 0; i < statement->source_count; i++) {
        if (strcmp(statement->sources[i].name, name) == 0) {
            return &statement->sources[i];
        }
    }
    return NULL;
}

static bool same_host(const struct statement *a, const struct statement *b)
{
    return memcmp(a->host, b->host, SIGN_PUBLIC_SIZE) == 0;
}

/* Whether what is gone from the source could be the person: a backup of it since then held the
 * person, or may have; or one of those is missing, and nobody knows. */
static bool is_in_remnants(const struct where *where, const struct statement *statement,
                           const struct statement_source *source)
{
    uint64_t present = 0, first = statement->sequence;
    bool begun = false;
    for (size_t i = 0; i < where->list.count; i++) {
        const struct statement *other = &where->list.items[i];
        if (!same_host(other, statement) || other->sequence >= statement->sequence ||
            other->time.seconds < source->remnants) {
            continue;
        }
        bool held = where->holdings[i] == HOLDS || where->holdings[i] == HOLDS_UNKNOWN;
        if (held && source_named(other, source->name) != NULL) {
            return true;
        }
        present++;
        begun |= other->time.seconds == source->remnants;
        first = other->sequence < first ? other->sequence : first;
    }
    return !begun || present < statement->sequence - first;
}

/* After all were looked into. */
static void judge_remnants(struct where *where)
{
    for (size_t i = 0; i < where->list.count; i++) {
        const struct statement *statement = &where->list.items[i];
        for (size_t j = 0; j < statement->source_count && where->holdings[i] == HOLDS_NOT; j++) {
            const struct statement_source *source = &statement->sources[j];
            where->holdings[i] = source->remnants != 0 && is_in_remnants(where, statement, source)
                                     ? HOLDS_REMNANTS
                                     : HOLDS_NOT;
        }
        where->holding_count += where->holdings[i] == HOLDS;
        where->other_count +=
            where->holdings[i] == HOLDS_UNKNOWN || where->holdings[i] == HOLDS_REMNANTS;
    }
}

/* What cannot be told may hold the person. */
static enum status find_end(struct where *where, struct error *error)
{
    const struct snapshot_list *list = &where->list;
    CLEANUP(memory_free) struct moment *times = calloc(list->count + 1, sizeof *times);
    if (times == NULL) {
        return error_set_memory(error);
    }
    for (size_t i = 0; i < list->count; i++) {
        times[i] = list->items[i].time;
    }
    for (size_t i = 0; i < list->count; i++) {
        struct moment until;
        if (where->holdings[i] == HOLDS_NOT) {
            continue;
        }
        where->has_rule =
            retention_until(&until, &where->access.config.retention, times, list->count, i);
        if (where->has_rule && moment_compare(until, where->until) > 0) {
            where->until = until;
        }
    }
    return STATUS_OK;
}

/* ------------------------------------------------------------------ telling */

static json_t *snapshots_to_json(const struct where *where)
{
    json_t *array = json_array();
    for (size_t i = 0; i < where->list.count; i++) {
        if (where->holdings[i] != HOLDS_NOT) {
            json_t *object = json_object();
            cli_json_set_id(object, "id", where->list.items[i].id, OBJECT_ID_SIZE);
            cli_json_set_moment(object, "time", where->list.items[i].time);
            json_object_set_new(object, "certain", json_boolean(where->holdings[i] == HOLDS));
            json_object_set_new(object, "remnants",
                                json_boolean(where->holdings[i] == HOLDS_REMNANTS));
            json_array_append_new(array, object);
        }
    }
    return array;
}

static enum status print_json(const struct where *where, struct error *error)
{
    json_t *object = json_object();
    json_object_set_new(object, "person", json_string(where->person.text));
    json_object_set_new(object, "erased",
                        json_boolean(register_has(&where->entries, where->person.pseudonym)));
    json_object_set_new(object, "snapshots", snapshots_to_json(where));
    json_object_set_new(object, "carries",
                        where->carries_known ? cli_person_carries_json(&where->carries)
                                             : json_null());
    if (where->has_rule) {
        cli_json_set_moment(object, "until", where->until);
    } else {
        json_object_set_new(object, "until", json_null());
    }
    return cli_json_print(object, error);
}

static const char *remark_on(enum holding holding)
{
    switch (holding) {
    case HOLDS_REMNANTS:
        return _("  perhaps: deleted before, but maybe in chunks of which other parts are used");
    case HOLDS_UNKNOWN:
        return _("  perhaps: its persons were not counted or cannot be read");
    case HOLDS:
    case HOLDS_NOT:
        break;
    }
    return "";
}

static void print_snapshots(const struct where *where)
{
    if (where->holding_count + where->other_count == 0) {
        printf("%s\n", _("No snapshot holds the person."));
        return;
    }
    printf(ngettext("%zu of %zu snapshot holds the person:\n",
                    "%zu of %zu snapshots hold the "
                    "person:\n",
                    where->list.count),
           where->holding_count, where->list.count);
    for (size_t i = 0; i < where->list.count; i++) {
        char id[OBJECT_ID_TEXT_SIZE], time[MOMENT_TEXT_SIZE];
        const struct statement *statement = &where->list.items[i];
        if (where->holdings[i] != HOLDS_NOT) {
            printf("  %s  %s%s\n", cli_format_id(id, statement->id),
                   moment_format_local(time, statement->time), remark_on(where->holdings[i]));
        }
    }
}

static void print_end(const struct where *where)
{
    char time[MOMENT_TEXT_SIZE];
    if (where->holding_count + where->other_count == 0) {
        return;
    }
    if (!where->has_rule) {
        printf("%s\n", _("None of them expires: there is no rule of retention."));
    } else if (moment_compare(where->until, moment_now()) <= 0) {
        printf("%s\n", _("By the rule of retention none of them needs to be kept any more."));
    } else {
        printf(
            _("By the rule of retention the last of them expires on %s at the latest, if backups "
              "go on.\n"),
            moment_format_local(time, where->until));
    }
}

static enum status print_text(const struct where *where, struct error *error)
{
    if (register_has(&where->entries, where->person.pseudonym)) {
        printf("%s\n", _("The person is registered as erased: no restore and no dump gives it."));
    }
    print_snapshots(where);
    print_end(where);
    if (!where->carries_known) {
        printf("%s\n", _("Carries: not known on this machine."));
    } else if (where->carries.count == 0) {
        printf("%s\n", _("Carries that are out: none holds the person."));
    } else {
        printf("%s\n", _("Carries that are out with the person:"));
        cli_person_carries_print(&where->carries);
    }
    return cli_check_output(error);
}

static enum status look(struct where *where, struct error *error)
{
    struct error unknown = {0};
    struct cli *cli = where->cli;
    struct cli_access *access = &where->access;
    enum status status =
        cli_person_take(&where->person, cli, access->has_config ? &access->config : NULL,
                        repo_secret(access->repo), error);
    if (status == STATUS_OK) {
        status = cli_list(&where->list, cli, access, error);
    }
    if (status == STATUS_OK) {
        status = register_read(&where->entries, access->repo, &where->list, error);
    }
    if (status == STATUS_OK) {
        cli_report_problems(cli, access, &where->entries.problems);
        status = look_into_all(where, error);
    }
    if (status == STATUS_OK) {
        judge_remnants(where);
        status = find_end(where, error);
    }
    if (status == STATUS_OK) {
        where->carries_known =
            cli_person_carries_find(&where->carries, cli, &where->person, &unknown) == STATUS_OK;
    }
    return status;
}

static enum status run(struct cli *cli, struct error *error)
{
    CLEANUP(where_end) struct where where = {.cli = cli};
    enum status status = cli_access_open(&where.access, &cli->arguments, CLI_NEED_IDENTITY, error);
    if (status == STATUS_OK) {
        status = cli_check_origin(&where.access, &cli->arguments, error);
    }
    if (status == STATUS_OK) {
        status = look(&where, error);
    }
    if (status != STATUS_OK) {
        return status;
    }
    cli_json_set_count(cli->facts, "snapshots", where.holding_count);
    cli_json_set_count(cli->facts, "carries", where.carries.count);
    return cli->arguments.json ? print_json(&where, error) : print_text(&where, error);
}

const struct cli_command cmd_person_where = {
    .name = "person where",
    .event = "person.where",
    .operands = N_("ID"),
    .summary = N_("Tell which snapshots and media still hold a person, and until when."),
    .details =
        N_("By the pseudonyms that each backup keeps of the persons in its databases (persons: in\n"
           "kura.yaml). Documents are not looked through. Carries are known on the machine that\n"
           "made them."),
    .least = 1,
    .most = 1,
    .options = {OPTION_DOMAIN, OPTION_KIT, OPTION_IDENTITY, OPTION_PASSPHRASE_FILE,
                OPTION_PASSPHRASE_FD, OPTION_UNTRUSTED, OPTION_STORE, OPTION_SSH_KEY,
                OPTION_SSH_KEY_PASSPHRASE_FILE, OPTION_RETRY, OPTION_KNOWN_HOSTS, OPTION_JSON,
                OPTION_END},
    .run = run,
};
