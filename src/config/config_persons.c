/* config_persons: who is counted as a person, by kura.yaml or by the signed policy. */
#include "config_private.h"
#include "kura/policy.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PLACE_SIZE 64 /* "persons[999].domain" */

bool config_sql_is_empty(const char *sql)
{
    return sql == NULL || sql[strspn(sql, " \t\r\n;")] == '\0';
}

bool config_is_database(const struct config_source *source)
{
    return source->kind != SOURCE_TREE && source->kind != SOURCE_COMMAND;
}

/* ------------------------------------------------------------------ checking kura.yaml */

static const struct yaml_source *find_source(const struct yaml_config *yaml, const char *name)
{
    for (unsigned i = 0; i < yaml->sources_count; i++) {
        if (strcmp(yaml->sources[i].name, name) == 0) {
            return &yaml->sources[i];
        }
    }
    return NULL;
}

static enum status check_source(const struct config_lines *lines, const struct yaml_config *yaml,
                                const char *name, const char *place, struct error *error)
{
    if (name == NULL) {
        return config_error(lines, place, error, _("\"%s\" is missing"), place);
    }
    const struct yaml_source *source = find_source(yaml, name);
    if (source == NULL) {
        return config_error(lines, place, error, _("\"%s\": there is no source \"%s\""), place,
                            name);
    }
    if (source->tree != NULL || source->command_count > 0) {
        config_error(lines, place, error, _("\"%s\": the source \"%s\" is not a database"), place,
                     name);
        return error_set_hint(error, "%s", _("Persons can be counted in databases only."));
    }
    return STATUS_OK;
}

enum status config_check_persons(const struct yaml_config *yaml, const struct config_lines *lines,
                                 struct error *error)
{
    enum status status = STATUS_OK;
    for (unsigned i = 0; i < yaml->persons_count && status == STATUS_OK; i++) {
        const struct yaml_person_kind *kind = &yaml->persons[i];
        char place[PLACE_SIZE];
        snprintf(place, sizeof place, "persons[%u].domain", i);
        status = kind->domain == NULL
                     ? config_error(lines, place, error, _("\"%s\" is missing"), place)
                     : config_check_name(lines, place, kind->domain, error);
        if (status == STATUS_OK) {
            snprintf(place, sizeof place, "persons[%u].source", i);
            status = check_source(lines, yaml, kind->source, place, error);
        }
        if (status == STATUS_OK && config_sql_is_empty(kind->sql)) {
            snprintf(place, sizeof place, "persons[%u].sql", i);
            status = config_error(lines, place, error, _("\"%s\" is missing or empty"), place);
        }
    }
    return status;
}

/* ------------------------------------------------------------------ taking */

void config_source_forget_persons(struct config_source *source)
{
    for (size_t i = 0; i < source->person_count; i++) {
        free(source->persons[i].domain);
        free(source->persons[i].sql);
    }
    free(source->persons);
    source->persons = NULL;
    source->person_count = 0;
}

static enum status add(struct config_source *source, const char *domain, const char *sql,
                       struct error *error)
{
    struct config_person *grown =
        reallocarray(source->persons, source->person_count + 1, sizeof *grown);
    if (grown == NULL) {
        return error_set_memory(error);
    }
    source->persons = grown;
    struct config_person *added = &grown[source->person_count];
    *added = (struct config_person){strdup(domain), strdup(sql)};
    if (added->domain == NULL || added->sql == NULL) {
        free(added->domain);
        free(added->sql);
        return error_set_memory(error);
    }
    source->person_count++;
    return STATUS_OK;
}

/* Its sources are there already. */
enum status config_take_persons(struct config *config, const struct yaml_config *yaml,
                                struct error *error)
{
    enum status status = STATUS_OK;
    for (unsigned i = 0; i < yaml->persons_count && status == STATUS_OK; i++) {
        const struct yaml_person_kind *kind = &yaml->persons[i];
        for (size_t k = 0; k < config->source_count && status == STATUS_OK; k++) {
            if (strcmp(config->sources[k].name, kind->source) == 0) {
                status = add(&config->sources[k], kind->domain, kind->sql, error);
            }
        }
    }
    return status;
}

/* ------------------------------------------------------------------ the policy's */

void config_forget_persons(struct config *config)
{
    for (size_t i = 0; i < config->source_count; i++) {
        config_source_forget_persons(&config->sources[i]);
    }
}

enum status policy_give_persons(struct config *config, const struct policy *policy,
                                struct error *error)
{
    enum status status = STATUS_OK;
    if (policy->person_kind_count > 0) {
        config_forget_persons(config);
    }
    for (size_t i = 0; i < policy->person_kind_count && status == STATUS_OK; i++) {
        const struct policy_person_kind *kind = &policy->person_kinds[i];
        for (size_t k = 0; k < config->source_count && status == STATUS_OK; k++) {
            struct config_source *source = &config->sources[k];
            if (strcmp(source->name, kind->source) != 0) {
                continue;
            }
            status = config_is_database(source)
                         ? add(source, kind->domain, kind->sql, error)
                         : error_set(error, STATUS_USAGE, 0,
                                     _("the policy counts persons in the source \"%s\", which is "
                                       "not a database"),
                                     source->name);
        }
    }
    if (status != STATUS_OK) {
        config_forget_persons(config);
    }
    return status;
}
