/* cli_register: see the header. */
#include "cli_register.h"
#include "cli_audit.h"
#include "cli_road.h"
#include <pwd.h>
#include <string.h>
#include <unistd.h>

/* ------------------------------------------------------------------ the manager's key */

static enum status read_key(struct cli_manager *manager, struct cli *cli, struct error *error)
{
    struct cli_arguments own = cli->arguments;
    if (own.key_passphrase_file != NULL) {
        own.passphrase_file = own.key_passphrase_file;
    }
    struct passphrase_source passphrase = cli_passphrase(&own);
    enum status status = minisign_read_secret(&manager->key, own.key, &passphrase, error);
    manager->unlocked = status == STATUS_OK;
    return status == STATUS_DENIED && own.key_passphrase_file == NULL
               ? error_set_hint(error, "%s",
                                _("Its passphrase can be given with --key-passphrase-file FILE."))
               : status;
}

static enum status name_manager(struct cli_manager *manager, const struct policy *policy,
                                struct error *error)
{
    const struct policy_person *owner = carry_key_owner(policy, &manager->key.public_key);
    if (owner == NULL || !policy_may_approve(owner) || policy_key_ended(owner, moment_now())) {
        return error_set(error, STATUS_REFUSED, 0, "[manager-key] %s",
                         _("the policy has this key for no data manager or deputy"));
    }
    snprintf(manager->person, sizeof manager->person, "%s", owner->id);
    return STATUS_OK;
}

static enum status unlock(struct cli_manager *manager, struct cli *cli, struct cli_road *machine,
                          struct error *error)
{
    enum cli_rules rules = cli_road_rules(machine);
    if (rules == CLI_RULES_UNKNOWN) {
        return error_set(error, STATUS_REFUSED, 0, "[manager-key] %s: %s",
                         _("the policy of this machine cannot be verified, so nobody's key counts"),
                         machine->why.message);
    }
    if (rules == CLI_RULES_SIGNED && cli->arguments.key == NULL) {
        error_set(error, STATUS_REFUSED, 0, "[manager-key] %s",
                  _("this needs the signature of the data manager or a deputy"));
        return error_set_hint(error, "%s", _("Name the signing key with --key FILE."));
    }
    if (cli->arguments.key == NULL) {
        return STATUS_OK;
    }
    enum status status = read_key(manager, cli, error);
    return status == STATUS_OK && rules == CLI_RULES_SIGNED
               ? name_manager(manager, &machine->policy.policy, error)
               : status;
}

enum status cli_manager_unlock(struct cli_manager *manager, struct cli *cli, struct error *error)
{
    CLEANUP(cli_road_end) struct cli_road machine;
    cli_road_begin(&machine, cli, ROAD_OUTPUT);
    return unlock(manager, cli, &machine, error);
}

void cli_manager_free(struct cli_manager *manager)
{
    minisign_secret_free(&manager->key);
    *manager = (struct cli_manager){0};
}

/* ------------------------------------------------------------------ entries */

enum status cli_register_read(struct erasure_register *entries, struct snapshot_list *list,
                              struct cli *cli, struct cli_access *access, struct error *error)
{
    enum status status = cli_list(list, cli, access, error);
    if (status == STATUS_OK) {
        status = register_read(entries, access->repo, list, error);
    }
    if (status == STATUS_OK) {
        cli_report_problems(cli, access, &entries->problems);
        status = register_check_read(entries, error);
    }
    return status;
}

/* The policy's id of the manager, else the user's name. */
static void name_author(char by[POLICY_NAME_SIZE], const struct cli_manager *manager)
{
    const struct passwd *user = getpwuid(getuid());
    if (manager->person[0] != '\0') {
        snprintf(by, POLICY_NAME_SIZE, "%s", manager->person);
    } else if (user != NULL) {
        text_printable(by, POLICY_NAME_SIZE, user->pw_name);
    } else {
        snprintf(by, POLICY_NAME_SIZE, "%u", (unsigned)getuid());
    }
}

enum status cli_register_words(struct erasure *erasure, const struct cli *cli,
                               const struct cli_person *person, const struct cli_manager *manager,
                               struct error *error)
{
    char by[POLICY_NAME_SIZE];
    name_author(by, manager);
    erasure->domain = strdup(person->domain);
    erasure->value = strdup(person->id);
    erasure->reason = strdup(cli->arguments.reason);
    erasure->by = strdup(by);
    return erasure->domain == NULL || erasure->value == NULL || erasure->reason == NULL ||
                   erasure->by == NULL
               ? error_set_memory(error)
               : STATUS_OK;
}

enum status cli_register_write(struct erasure *erasure, const struct cli_access *access,
                               const struct cli_manager *manager, struct error *error)
{
    CLEANUP(memory_free) struct age_recipient *recipients = NULL;
    size_t count = 0;
    enum status status =
        cli_recipients_read(&recipients, &count, &access->config, &access->host.recovery, error);
    if (status != STATUS_OK) {
        return status;
    }
    const struct register_writing writing = {
        .recipients = recipients,
        .recipient_count = count,
        .manager = manager->unlocked ? &manager->key : NULL,
        .state = access->config.state,
    };
    return register_write(erasure, access->repo, &writing, error);
}

/* ------------------------------------------------------------------ obeying */

/* Whoever opens the backup could read it with age alone: this keeps nobody out who has the keys. It
 * keeps what was erased from coming back by accident, and says who wanted it and why. */
enum status cli_take_as_it_was(struct cli *cli, struct error *error)
{
    CLEANUP(cli_manager_free) struct cli_manager manager = {0};
    const char *reason = cli->arguments.reason;
    if (reason == NULL || reason[0] == '\0') {
        return error_set(error, STATUS_USAGE, 0, "%s", _("--as-it-was needs --reason TEXT"));
    }
    json_object_set_new(cli->facts, "as_it_was", json_true());
    cli_json_set_bytes(cli->facts, "reason", reason);
    enum status status = cli_manager_unlock(&manager, cli, error);
    if (status == STATUS_OK) {
        if (manager.person[0] != '\0') {
            cli_json_set_bytes(cli->facts, "manager", manager.person);
        }
        cli_say(cli, _("All is given as it was, with those who asked to be erased. Reason: %s"),
                reason);
    }
    return status;
}

static enum status check_whole(const struct cli_register *obeyed, struct cli *cli,
                               struct error *error)
{
    const char *hint = _("Get the missing part from another copy of the repository. With the data "
                         "manager's key, --as-it-was --reason TEXT gives all as it was.");
    if (register_check_read(&obeyed->entries, error) != STATUS_OK) {
        cli_note(cli, EXIT_INTEGRITY);
        return error_set_hint(
            error, "%s",
            _("Let whoever runs the storage put its folder register in order. With "
              "the data manager's key, --as-it-was --reason TEXT gives all as it "
              "was."));
    }
    if (obeyed->entries.missing > 0) {
        cli_note(cli, EXIT_INTEGRITY);
        error_set(error, STATUS_CORRUPT, 0,
                  ngettext("the register of erasures lacks %zu entry: somebody who asked to be "
                           "erased would come back",
                           "the register of erasures lacks %zu entries: people who asked to be "
                           "erased would come back",
                           obeyed->entries.missing),
                  obeyed->entries.missing);
        return error_set_hint(error, "%s", hint);
    }
    if (obeyed->entries.unopened > 0) {
        error_set(error, STATUS_DENIED, 0,
                  ngettext("%zu erasure in the register is not sealed to this identity, so it "
                           "cannot be obeyed",
                           "%zu erasures in the register are not sealed to this identity, so they "
                           "cannot be obeyed",
                           obeyed->entries.unopened),
                  obeyed->entries.unopened);
        return error_set_hint(error, "%s",
                              _("Use the recovery kit or another identity. With the data manager's "
                                "key, --as-it-was --reason TEXT gives all as it was."));
    }
    return STATUS_OK;
}

enum status cli_register_open(struct cli_register *obeyed, struct cli *cli,
                              const struct cli_access *access, const struct snapshot_list *list,
                              struct error *error)
{
    if (cli->arguments.as_it_was) {
        obeyed->as_it_was = true;
        return cli_take_as_it_was(cli, error);
    }
    enum status status = register_read(&obeyed->entries, access->repo, list, error);
    if (status == STATUS_OK) {
        cli_report_problems(cli, access, &obeyed->entries.problems);
        status = check_whole(obeyed, cli, error);
    }
    return status;
}

void cli_register_free(struct cli_register *obeyed)
{
    erasure_register_free(&obeyed->entries);
}

const struct erasure_register *cli_register_entries(const struct cli_register *obeyed)
{
    return obeyed->as_it_was ? NULL : &obeyed->entries;
}

void cli_register_check_command(const struct cli_register *obeyed, struct cli *cli,
                                const struct catalogue_source *source)
{
    struct error problem = {0};
    const char *name = source->words.name;
    if (obeyed->as_it_was || obeyed->entries.count == 0 ||
        strcmp(source->words.kind, "command") != 0 ||
        register_erases_rows(&obeyed->entries, name)) {
        return;
    }
    error_set(&problem, STATUS_UNSUPPORTED, 0,
              _("source %s is what a command gave, from which nobody is erased: who asked to be "
                "erased may be in it"),
              name);
    error_set_hint(&problem, "%s",
                   _("Look into it, and erase them by hand. A database that is a source of kind "
                     "sqlite or postgres can have rules under erasure: in kura.yaml."));
    cli_report_warning(&problem);
    cli_note(cli, EXIT_WARNINGS);
}

void cli_register_check_source(const struct cli_register *obeyed, struct cli *cli,
                               struct snapshot *snapshot, const struct catalogue_source *source)
{
    CLEANUP(persons_free) struct persons persons = {0};
    struct error problem = {0};
    const char *name = source->words.name;
    cli_register_check_command(obeyed, cli, source);
    if (obeyed->as_it_was || obeyed->entries.count == 0 || source->words.persons < 0 ||
        register_erases_rows(&obeyed->entries, name)) {
        return;
    }
    enum status status = snapshot_persons(&persons, snapshot, source, &problem);
    if (status != STATUS_OK || restore_erased_left(&problem, &persons, &obeyed->entries)) {
        error_add_context(&problem, _("source %s"), name);
        cli_report_warning(&problem);
        cli_note(cli, EXIT_WARNINGS);
    }
}

static bool has_sql(const struct erasure *erasure, const char *source)
{
    bool found = false;
    for (size_t i = 0; i < erasure->rule_count; i++) {
        const struct erasure_rule *rule = &erasure->rules[i];
        found |= strcmp(rule->source, source) == 0 && rule->sql[0] != NULL;
    }
    return found;
}

void cli_register_tell_hosts(const struct cli_register *obeyed, const struct statement *statement,
                             const char *source)
{
    struct error problem = {0};
    char host[2 * SIGN_PUBLIC_SIZE + 1], other[2 * SIGN_PUBLIC_SIZE + 1];
    for (size_t i = 0; !obeyed->as_it_was && i < obeyed->entries.count; i++) {
        const struct erasure *erasure = &obeyed->entries.items[i];
        if (memcmp(erasure->host, statement->host, SIGN_PUBLIC_SIZE) == 0 ||
            !has_sql(erasure, source)) {
            continue;
        }
        hex_encode(host, statement->host, SIGN_PUBLIC_SIZE);
        hex_encode(other, erasure->host, SIGN_PUBLIC_SIZE);
        error_set(
            &problem, STATUS_FAILED, 0,
            _("the snapshot is of host %.16s…, and rules for its source %s were registered by "
              "host %.16s…, which may have another database of this name"),
            host, source, other);
        error_set_hint(&problem, "%s",
                       _("If so, give one of them another name in its kura.yaml. Where it was "
                         "registered, kura person keep ID takes the entry back, and kura person "
                         "erase ID registers the person anew."));
        cli_report_warning(&problem);
        return;
    }
}

/* ------------------------------------------------------------------ telling */

static void tell_one(const struct cli *cli, const struct erasure *erasure)
{
    char time[MOMENT_TEXT_SIZE], person[2 * PERSON_SIZE + 1], host[2 * SIGN_PUBLIC_SIZE + 1];
    char manager[MINISIGN_PUBLIC_TEXT_SIZE] = "-";
    if (erasure->approved) {
        minisign_public_format(manager, &erasure->manager);
    }
    cli_say(cli,
            erasure->withdrawal
                ? _("Person %s: at %s host %.16s… took it back, signed by manager's key %s")
                : _("Person %s, registered at %s by host %.16s…, signed by manager's key %s"),
            hex_encode(person, erasure->person, PERSON_SIZE),
            moment_format_local(time, erasure->time),
            hex_encode(host, erasure->host, SIGN_PUBLIC_SIZE), manager);
}

static void tell_each(const struct cli *cli, const struct erasure_register *entries)
{
    for (size_t i = 0; i < entries->count; i++) {
        tell_one(cli, &entries->items[i]);
    }
    for (size_t i = 0; i < entries->settled_count; i++) {
        tell_one(cli, &entries->settled[i]);
    }
}

static json_t *to_json(const struct cli_register *obeyed, const struct restore_erased *erased)
{
    json_t *json = json_object();
    json_object_set_new(json, "as_it_was", json_boolean(obeyed->as_it_was));
    cli_json_set_count(json, "registered", obeyed->entries.count);
    cli_json_set_count(json, "databases", erased->databases);
    cli_json_set_count(json, "rows", erased->rows);
    cli_json_set_count(json, "rows_removed", erased->rows_removed);
    cli_json_set_count(json, "files", erased->files);
    cli_json_set_count(json, "refused", erased->refused);
    cli_json_set_count(json, "written", erased->written);
    return json;
}

static void warn_of_triggers(struct cli *cli, const struct restore_erased *erased)
{
    struct error problem = {0};
    if (erased->written == 0) {
        return;
    }
    error_set(
        &problem, STATUS_FAILED, 0,
        _("while the rules ran a trigger wrote to the table %s: what was erased may be in it"),
        erased->written_table);
    error_set_hint(
        &problem, "%s",
        _("Look into it. If it is so, add a rule for that table, behind the others under "
          "erasure: in kura.yaml, and register the person once more: triggers act as "
          "they do for the shop's own program."));
    cli_report_warning(&problem);
    cli_note(cli, EXIT_WARNINGS);
}

void cli_register_tell(const struct cli_register *obeyed, struct cli *cli,
                       const struct restore_erased *erased, json_t *object)
{
    const size_t count = obeyed->entries.count;
    if (object != NULL) {
        json_object_set_new(object, "erased", to_json(obeyed, erased));
    }
    if (cli->arguments.verbose) {
        tell_each(cli, &obeyed->entries);
    }
    if (obeyed->as_it_was || count == 0) {
        return;
    }
    json_object_set_new(cli->facts, "erased", to_json(obeyed, erased));
    cli_say(
        cli,
        ngettext("%zu erasure is registered: %llu rows were changed or removed, %llu files left "
                 "out.",
                 "%zu erasures are registered: %llu rows were changed or removed, %llu files "
                 "left out.",
                 count),
        count, (unsigned long long)erased->rows, (unsigned long long)erased->files);
    warn_of_triggers(cli, erased);
}
