/* cli_persons: who is counted as a person, and what that says of where a snapshot may lie. */
#include "cli_road.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* ------------------------------------------------------------------ the definition */

static bool has_database(const struct config *config)
{
    for (size_t i = 0; i < config->source_count; i++) {
        if (config_is_database(&config->sources[i])) {
            return true;
        }
    }
    return false;
}

/* Limits are judged by the number: one by another definition than the manager signed must not stand
 * in its place. The backup itself goes on. */
static void count_nobody(struct cli *cli, struct config *config, const struct error *why)
{
    struct error told = {0};
    config_forget_persons(config);
    if (!has_database(config)) {
        return;
    }
    error_set(&told, STATUS_REFUSED, 0, _("persons are not counted in this backup: %s"),
              why->message);
    error_set_hint(&told, "%s",
                   _("Nothing is missing in the backup itself. Put the signed policy right: it "
                     "says who is a person."));
    cli_report_warning(&told);
    cli_note(cli, EXIT_WARNINGS);
}

void cli_persons_choose(struct cli_road *road, struct config *config)
{
    struct error why = {0};
    if (config->policy == NULL) {
        return;
    }
    if (cli_road_rules(road) != CLI_RULES_SIGNED) {
        count_nobody(road->cli, config, &road->why);
    } else if (policy_give_persons(config, &road->policy.policy, &why) != STATUS_OK) {
        count_nobody(road->cli, config, &why);
    }
}

/* ------------------------------------------------------------------ showing */

char *cli_format_persons(char text[CLI_SIZE_TEXT], int64_t persons)
{
    if (persons < 0) {
        snprintf(text, CLI_SIZE_TEXT, "-");
    } else {
        snprintf(text, CLI_SIZE_TEXT, "%" PRId64, persons);
    }
    return text;
}

uint64_t cli_count_rows(const struct statement_source *source)
{
    uint64_t rows = 0;
    for (size_t i = 0; i < source->table_count; i++) {
        rows += source->tables[i].rows;
    }
    return rows;
}

void cli_json_set_counts(json_t *object, const struct statement_source *source)
{
    json_t *rows = json_object();
    if (source->persons >= 0) {
        json_object_set_new(object, "persons", json_integer((json_int_t)source->persons));
    }
    for (size_t i = 0; i < source->table_count; i++) {
        json_object_set_new(rows, source->tables[i].name,
                            json_integer((json_int_t)source->tables[i].rows));
    }
    json_object_set_new(object, "rows", rows);
}

void cli_print_persons(const struct statement *statement)
{
    if (statement->persons < 0) {
        return;
    }
    unsigned long persons = (unsigned long)statement->persons;
    printf(ngettext("%lu person is in it.\n", "%lu persons are in it.\n", persons), persons);
    for (size_t i = 0; i < statement->source_count; i++) {
        if (statement_source_is_uncounted(&statement->sources[i])) {
            printf(_("In source %s persons were not counted.\n"), statement->sources[i].name);
        }
    }
}
