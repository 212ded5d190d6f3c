/* kura person erase: somebody asked to be erased. From now on no restore and no dump brings back
 * what the rules of kura.yaml say of that person. */
#include "cli_audit.h"
#include "cli_person.h"
#include "cli_register.h"
#include "cli_road.h"
#include "kura/source.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* ------------------------------------------------------------------ the rules of today */

/* The texts stay the configuration's: only the list is made here. */
static enum status take_rules(struct erasure *erasure, const struct config *config,
                              const struct cli_person *person, struct error *error)
{
    erasure->rules = calloc(config->erasure_count + 1, sizeof *erasure->rules);
    if (erasure->rules == NULL) {
        return error_set_memory(error);
    }
    for (size_t i = 0; i < config->erasure_count; i++) {
        const struct config_erasure *rule = &config->erasures[i];
        if (strcmp(rule->domain, person->domain) == 0) {
            erasure->rules[erasure->rule_count++] =
                (struct erasure_rule){rule->source, rule->sql, rule->paths};
        }
    }
    if (erasure->rule_count == 0) {
        error_set(error, STATUS_USAGE, 0,
                  _("%s does not say what erasing a person of the domain %s means"), config->path,
                  person->domain);
        return error_set_hint(error, "%s", _("Add rules under erasure: as kura.yaml(5) shows."));
    }
    return STATUS_OK;
}

static bool has_rule(const struct erasure *erasure, const char *source)
{
    for (size_t i = 0; i < erasure->rule_count; i++) {
        const char *own = erasure->rules[i].source;
        assert(own != NULL);
        if (strcmp(own, source) == 0) {
            return true;
        }
    }
    return false;
}

/* A source in which such persons are counted gives them back if no rule is about it. */
static void check_sources(struct cli *cli, const struct erasure *erasure,
                          const struct config *config, const char *domain)
{
    struct error problem = {0};
    for (size_t i = 0; i < config->source_count; i++) {
        const struct config_source *source = &config->sources[i];
        bool counts = false;
        for (size_t j = 0; j < source->person_count; j++) {
            counts |= strcmp(source->persons[j].domain, domain) == 0;
        }
        if (counts && !has_rule(erasure, source->name)) {
            error_set(&problem, STATUS_USAGE, 0,
                      _("source %s counts persons of the domain %s, and no rule erases them from "
                        "it: it gives them back"),
                      source->name, domain);
            error_set_hint(&problem, "%s",
                           _("Add a rule for it under erasure: in kura.yaml, and register the "
                             "person once more."));
            cli_report_warning(&problem);
            cli_note(cli, EXIT_WARNINGS);
        }
    }
}

/* A rule that does not fit would come to light on the worst day. Whether the database can be opened
 * here and now is another matter. */
static enum status check_rules(struct cli *cli, const struct erasure *erasure,
                               const struct config *config, struct error *error)
{
    for (size_t i = 0; i < erasure->rule_count; i++) {
        const struct erasure_rule *rule = &erasure->rules[i];
        const struct config_source *source = config_find_source(config, rule->source);
        if (rule->sql[0] == NULL || source == NULL) {
            continue;
        }
        enum status status = source_check_changes(source, (const char *const *)rule->sql, error);
        if (status == STATUS_USAGE) {
            error_add_context(error, _("erasure of source %s"), rule->source);
            return error_set_hint(error, "%s",
                                  _("Nobody was registered. Put the rule in kura.yaml right."));
        }
        if (status != STATUS_OK && status != STATUS_UNSUPPORTED) {
            error_add_context(error, "%s", _("the rules could not be tried on the database"));
            cli_report_warning(error);
            cli_note(cli, EXIT_WARNINGS);
        }
        error_clear(error);
    }
    return STATUS_OK;
}

/* An id that cannot be the name of a file is never found in a path: where there is SQL too, that
 * much is done, and told. */
static enum status check_id(struct cli *cli, const struct erasure *erasure, const char *id,
                            struct error *error)
{
    const struct erasure_rule *of_files = NULL;
    bool has_sql = false;
    for (size_t i = 0; i < erasure->rule_count; i++) {
        const struct erasure_rule *rule = &erasure->rules[i];
        assert(rule->paths != NULL);
        of_files = rule->paths[0] != NULL ? rule : of_files;
        has_sql |= rule->sql[0] != NULL;
    }
    bool one = strchr(id, '/') == NULL && strcmp(id, ".") != 0 && strcmp(id, "..") != 0;
    if (one || of_files == NULL) {
        return STATUS_OK;
    }
    error_set(error, STATUS_USAGE, 0,
              _("with this id no path of source %s can be named: it is not a file name"),
              of_files->source);
    if (!has_sql) {
        return error_set_hint(error, "%s", _("Give the id as it stands in the paths."));
    }
    error_set_hint(error, "%s",
                   _("Files of this person come back with every restore: see to them by hand."));
    cli_report_warning(error);
    cli_note(cli, EXIT_WARNINGS);
    error_clear(error);
    return STATUS_OK;
}

/* ------------------------------------------------------------------ registering */

struct erasing {
    struct cli *cli;
    struct cli_access access;
    struct cli_person person;
    struct cli_manager manager;
    struct erasure erasure; /* the texts of its rules are the configuration's */
    bool again;
};

static void erasing_end(struct erasing *erasing)
{
    free(erasing->erasure.rules);
    free(erasing->erasure.domain);
    free(erasing->erasure.value);
    free(erasing->erasure.reason);
    free(erasing->erasure.by);
    cli_manager_free(&erasing->manager);
    cli_access_free(&erasing->access);
}

/* A rule knows its source by name alone: of another machine that may be another database. */
static void tell_other_hosts(const struct erasing *erasing, const struct snapshot_list *list)
{
    const struct signing_key *own = &erasing->access.host.signing;
    for (size_t i = 0; i < erasing->erasure.rule_count; i++) {
        const char *name = erasing->erasure.rules[i].source;
        bool elsewhere = false;
        for (size_t j = 0; j < list->count; j++) {
            const struct statement *statement = &list->items[j];
            elsewhere |= memcmp(statement->host, own->public_key, SIGN_PUBLIC_SIZE) != 0 &&
                         cli_holds_source(statement, name);
        }
        if (elsewhere) {
            cli_say(erasing->cli,
                    _("Another host has a source %s in this repository, too, and the rules erase "
                      "from both. If they are not the same, give one of them another name, take "
                      "this entry back (kura person keep ID), and register the person anew."),
                    name);
        }
    }
}

static enum status look_at_register(struct erasing *erasing, struct error *error)
{
    CLEANUP(erasure_register_free) struct erasure_register entries = {0};
    CLEANUP(snapshot_list_free) struct snapshot_list list = {0};
    struct cli_access *access = &erasing->access;
    enum status status = cli_register_read(&entries, &list, erasing->cli, access, error);
    if (status == STATUS_OK) {
        status = register_check_room(&entries, error);
    }
    if (status != STATUS_OK) {
        return status;
    }
    tell_other_hosts(erasing, &list);
    erasing->again = register_has(&entries, erasing->person.pseudonym);
    cli_person_check_spelling(erasing->cli, access->road, &access->config, &erasing->person,
                              &entries, repo_secret(access->repo));
    return STATUS_OK;
}

static enum status prepare(struct erasing *erasing, struct error *error)
{
    struct cli *cli = erasing->cli;
    const struct config *config = &erasing->access.config;
    enum status status =
        cli_person_take(&erasing->person, cli, config, repo_secret(erasing->access.repo), error);
    if (status == STATUS_OK) {
        status = take_rules(&erasing->erasure, config, &erasing->person, error);
    }
    if (status == STATUS_OK) {
        check_sources(cli, &erasing->erasure, config, erasing->person.domain);
        status = check_id(cli, &erasing->erasure, erasing->person.id, error);
    }
    if (status == STATUS_OK) {
        status = check_rules(cli, &erasing->erasure, config, error);
    }
    if (status == STATUS_OK) {
        status = cli_manager_unlock(&erasing->manager, cli, error);
    }
    if (status == STATUS_OK) {
        status =
            cli_register_words(&erasing->erasure, cli, &erasing->person, &erasing->manager, error);
    }
    return status;
}

/* ------------------------------------------------------------------ telling */

/* What a command gives may be anything, a dump of the same database as well. */
static void tell_commands(const struct cli *cli, const struct config *config)
{
    for (size_t i = 0; i < config->source_count; i++) {
        if (config->sources[i].kind == SOURCE_COMMAND) {
            cli_say(cli,
                    _("Nobody is erased from source %s, which is what a command gives: a "
                      "restore brings back whoever is in it."),
                    config->sources[i].name);
        }
    }
}

static enum status print_json(const struct erasing *erasing,
                              const struct cli_person_carries *carries, struct error *error)
{
    json_t *object = json_pack("{s:s,s:b,s:b}", "person", erasing->person.text, "approved",
                               erasing->erasure.approved, "again", erasing->again);
    cli_json_set_moment(object, "time", erasing->erasure.time);
    cli_json_set_id(object, "id", erasing->erasure.id, ERASURE_ID_SIZE);
    json_object_set_new(object, "carries", cli_person_carries_json(carries));
    return cli_json_print(object, error);
}

static enum status tell(struct erasing *erasing, struct error *error)
{
    CLEANUP(cli_person_carries_free) struct cli_person_carries carries = {0};
    struct error unknown = {0};
    struct cli *cli = erasing->cli;
    /* That this machine has no log, or a damaged one, is told by the record of this command. */
    (void)!cli_person_carries_find(&carries, cli, &erasing->person, &unknown);
    tell_commands(cli, &erasing->access.config);
    if (cli->arguments.json) {
        return print_json(erasing, &carries, error);
    }
    if (cli->arguments.quiet) {
        return STATUS_OK;
    }
    printf(_("Registered: no restore and no dump brings person %s back.\n"), erasing->person.text);
    if (erasing->again) {
        printf("%s\n", _("The person was registered before; the rules of today count as well."));
    }
    printf("%s\n", _("Erase the person in the shop's own program, too: kura writes to no live "
                     "database. After the next backup nobody can remove this entry unnoticed."));
    printf("%s\n",
           _("kura person where ID tells which snapshots hold the person; if none does, see "
             "whether the ID is the right one."));
    if (carries.count > 0) {
        printf("%s\n", _("Media that are out still hold the person, and are to be returned:"));
        cli_person_carries_print(&carries);
    }
    return cli_check_output(error);
}

static enum status run(struct cli *cli, struct error *error)
{
    CLEANUP(cli_road_end) struct cli_road store; /* longer than the access, which asks it */
    CLEANUP(erasing_end) struct erasing erasing = {.cli = cli, .access.road = &store};
    cli_road_begin(&store, cli, ROAD_STORE);
    if (cli->arguments.reason == NULL || cli->arguments.reason[0] == '\0') {
        return error_set(error, STATUS_USAGE, 0, "%s", _("kura person erase needs --reason TEXT"));
    }
    enum status status = cli_access_open(&erasing.access, &cli->arguments, CLI_NEED_HOST, error);
    if (status == STATUS_OK) {
        status = prepare(&erasing, error);
    }
    if (status == STATUS_OK) {
        status = look_at_register(&erasing, error);
    }
    if (status == STATUS_OK) {
        status = cli_register_write(&erasing.erasure, &erasing.access, &erasing.manager, error);
    }
    if (status != STATUS_OK) {
        return status;
    }
    cli_json_set_id(cli->facts, "erasure", erasing.erasure.id, ERASURE_ID_SIZE);
    json_object_set_new(cli->facts, "approved", json_boolean(erasing.erasure.approved));
    return tell(&erasing, error);
}

const struct cli_command cmd_person_erase = {
    .name = "person erase",
    .event = "person.erase",
    .operands = N_("ID"),
    .summary = N_("Register that a person asked to be erased, so that no restore brings it back."),
    .details =
        N_("What erasing means stands under erasure: in kura.yaml; the rules of today are kept,\n"
           "sealed, in the repository, and restore and dump apply them also on a bare machine.\n"
           "Where a signed policy is in force, --key must be a data manager's or deputy's. ID is\n"
           "the person's key, such as the customer's number."),
    .least = 1,
    .most = 1,
    .options = {OPTION_REASON, OPTION_DOMAIN, OPTION_KEY, OPTION_KEY_PASSPHRASE_FILE,
                OPTION_PASSPHRASE_FILE, OPTION_PASSPHRASE_FD, OPTION_SSH_KEY_PASSPHRASE_FILE,
                OPTION_RETRY, OPTION_JSON, OPTION_END},
    .run = run,
};
