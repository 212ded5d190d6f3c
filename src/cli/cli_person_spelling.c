/* cli_person_spelling: a pseudonym is made of the id as it was given, and a database may take
 * another spelling for the same. Whoever is registered by that one is erased by the rules, but
 * unknown to person where, to carries and to the warnings of a backup. So the databases are asked.
 */
#include "cli_person.h"
#include "cli_road.h"
#include "kura/source.h"
#include <limits.h>
#include <string.h>

struct spelling {
    struct cli *cli;
    const struct cli_person *person;
    const struct erasure_register *entries;
    const unsigned char *secret;
    const char *source;  /* that is asked */
    struct persons told; /* spellings that were warned of */
    bool found;          /* the id itself, or another spelling */
    bool unsure;         /* a database could not be asked */
    bool asked;          /* at least one was */
};

static void warn_of(struct spelling *spelling, const char *value, int size)
{
    struct error problem = {0};
    error_set(
        &problem, STATUS_USAGE, 0,
        _("in source %s the ID of this person is \"%.*s\"; kura person where, carries and the "
          "warnings of backups know the person by that spelling only"),
        spelling->source, size, value);
    error_set_hint(&problem, "%s",
                   _("Register that spelling, too, with all its blanks. Restores erase by both."));
    cli_report_warning(&problem);
    cli_note(spelling->cli, EXIT_WARNINGS);
}

static enum status take(void *context, const void *value, size_t size, struct error *error)
{
    struct spelling *spelling = context;
    const struct cli_person *person = spelling->person;
    unsigned char pseudonym[PERSON_SIZE];
    spelling->found = true;
    person_pseudonym(pseudonym, spelling->secret, person->domain, value, size);
    if (memcmp(pseudonym, person->pseudonym, PERSON_SIZE) == 0 ||
        register_has(spelling->entries, pseudonym) || persons_has(&spelling->told, pseudonym)) {
        return STATUS_OK;
    }
    warn_of(spelling, value, (int)(size < INT_MAX ? size : INT_MAX));
    enum status status = persons_append(&spelling->told, pseudonym, 1, error);
    persons_settle(&spelling->told);
    return status;
}

static bool counts(const struct config_source *source, const char *domain)
{
    for (size_t i = 0; i < source->person_count; i++) {
        if (strcmp(source->persons[i].domain, domain) == 0) {
            return true;
        }
    }
    return false;
}

static void ask(struct spelling *spelling, const struct config_source *source)
{
    struct error problem = {0};
    const struct cli_person *person = spelling->person;
    spelling->source = source->name;
    if (source_spellings(source, person->domain, person->id, take, spelling, &problem) ==
        STATUS_OK) {
        spelling->asked = true;
        return;
    }
    spelling->unsure = true;
    error_add_context(&problem,
                      _("whether source %s knows the person by this ID could not be found out"),
                      source->name);
    cli_report_warning(&problem);
    cli_note(spelling->cli, EXIT_WARNINGS);
}

static void warn_of_nobody(struct spelling *spelling)
{
    struct error problem = {0};
    error_set(&problem, STATUS_NOT_FOUND, 0,
              _("no database counts a person of the domain %s with this ID now"),
              spelling->person->domain);
    error_set_hint(
        &problem, "%s",
        _("If the shop has erased the person already, that is as it must be. If not, look "
          "at the ID: a wrong one erases nobody. kura person where ID tells which "
          "snapshots know it."));
    cli_report_warning(&problem);
    cli_note(spelling->cli, EXIT_WARNINGS);
}

void cli_person_check_spelling(struct cli *cli, struct cli_road *road, struct config *config,
                               const struct cli_person *person,
                               const struct erasure_register *entries,
                               const unsigned char secret[REPOSITORY_SECRET_SIZE])
{
    struct error ignored = {0};
    struct spelling spelling = {.cli = cli, .person = person, .entries = entries, .secret = secret};
    if (config->policy != NULL && cli_road_rules(road) == CLI_RULES_SIGNED) {
        /* Where it fits no source, nobody is counted, as every backup tells. */
        (void)!policy_give_persons(config, &road->policy.policy, &ignored);
    }
    for (size_t i = 0; i < config->source_count; i++) {
        if (counts(&config->sources[i], person->domain)) {
            ask(&spelling, &config->sources[i]);
        }
    }
    bool again = register_has(entries, person->pseudonym);
    if (spelling.asked && !spelling.found && !spelling.unsure && !again) {
        warn_of_nobody(&spelling);
    }
    persons_free(&spelling.told);
}
