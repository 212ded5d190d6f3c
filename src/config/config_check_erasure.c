/* config_check_erasure: what erasing a person means. These rules run in every later restore, on the
 * worst day: a mistake must come to light when the file is read. Every message names line and key.
 */
#include "config_private.h"
#include <stdio.h>
#include <string.h>

#define DOMAIN_LIMIT 64
#define PLACE_SIZE 64 /* "erasure[999].paths[999]" */

static const char MARK[] = "{id}";

static const struct yaml_source *find_source(const struct yaml_config *yaml, const char *name)
{
    for (unsigned i = 0; i < yaml->sources_count; i++) {
        if (strcmp(yaml->sources[i].name, name) == 0) {
            return &yaml->sources[i];
        }
    }
    return NULL;
}

static bool is_database(const struct yaml_source *source)
{
    return source->tree == NULL && source->command_count == 0;
}

/* A rule that does not depend on the person would erase the same for everybody. */
static enum status check_sql(const struct config_lines *lines, const char *place, const char *sql,
                             struct error *error)
{
    if (strstr(sql, ":id") != NULL) {
        return STATUS_OK;
    }
    config_error(lines, place, error, _("\"%s\" has no parameter :id"), place);
    return error_set_hint(error, "%s",
                          _("Write :id where the person's id belongs: DELETE FROM visits WHERE "
                            "customer_id = :id"));
}

/* "scan-*{id}" would take the scans of 11 for those of 1. */
static bool is_clear(const char *pattern)
{
    for (const char *at = strstr(pattern, MARK); at != NULL; at = strstr(at + 1, MARK)) {
        const char *after = at + sizeof MARK - 1;
        if ((at > pattern && strchr("*?}", at[-1]) != NULL) ||
            (after[0] != '\0' && strcspn(after, "*?{") == 0)) {
            return false;
        }
    }
    return true;
}

static bool is_relative(const char *pattern)
{
    for (const char *at = pattern;; at++) {
        size_t size = strcspn(at, "/");
        if (size == 0 || (size == 1 && at[0] == '.') || (size == 2 && strncmp(at, "..", 2) == 0)) {
            return false;
        }
        at += size;
        if (*at == '\0') {
            return true;
        }
    }
}

static enum status check_path(const struct config_lines *lines, const char *place,
                              const char *pattern, struct error *error)
{
    if (!is_relative(pattern)) {
        config_error(lines, place, error, _("\"%s\": \"%s\" is not a path within the source"),
                     place, pattern);
        return error_set_hint(error, "%s",
                              _("Write it from the source's folder on, without . or ..: "
                                "scans/{id}"));
    }
    if (strstr(pattern, MARK) == NULL) {
        config_error(lines, place, error, _("\"%s\" has no {id}"), place);
        return error_set_hint(error, "%s",
                              _("Write {id} where the person's id stands in the path: scans/{id}"));
    }
    if (!is_clear(pattern)) {
        config_error(lines, place, error,
                     _("\"%s\": beside {id} no *, ? or second {id} can stand, or it would mean "
                       "other persons, too"),
                     place);
        return error_set_hint(error, "%s", _("Part them: letters/*-{id}.pdf"));
    }
    return STATUS_OK;
}

static enum status check_kind(const struct config_lines *lines, const char *place,
                              const struct yaml_erasure *erasure, const struct yaml_source *source,
                              struct error *error)
{
    if (erasure->sql_count == 0 && erasure->paths_count == 0) {
        return config_error(lines, place, error, _("\"%s\" has neither \"sql\" nor \"paths\""),
                            place);
    }
    if (erasure->sql_count > 0 && !is_database(source)) {
        return config_error(lines, place, error,
                            _("\"sql\" goes with a database only; \"%s\" is none"), source->name);
    }
    if (erasure->paths_count > 0 && source->tree == NULL) {
        return config_error(lines, place, error, _("\"%s\" goes with \"tree\" only"), "paths");
    }
    return STATUS_OK;
}

static enum status check_rules(const struct config_lines *lines, const char *place,
                               const struct yaml_erasure *erasure, struct error *error)
{
    enum status status = STATUS_OK;
    char key[PLACE_SIZE + 32];
    for (unsigned i = 0; i < erasure->sql_count && status == STATUS_OK; i++) {
        snprintf(key, sizeof key, "%s.sql[%u]", place, i);
        status = check_sql(lines, key, erasure->sql[i], error);
    }
    for (unsigned i = 0; i < erasure->paths_count && status == STATUS_OK; i++) {
        snprintf(key, sizeof key, "%s.paths[%u]", place, i);
        status = check_path(lines, key, erasure->paths[i], error);
    }
    return status;
}

static enum status check_one(const struct yaml_config *yaml, const struct config_lines *lines,
                             unsigned number, struct error *error)
{
    const struct yaml_erasure *erasure = &yaml->erasure[number];
    char place[PLACE_SIZE], key[PLACE_SIZE + 32];
    snprintf(place, sizeof place, "erasure[%u]", number);
    if (erasure->domain == NULL || erasure->source == NULL) {
        return config_error(lines, place, error, _("\"%s\" is missing (%s)"),
                            erasure->domain == NULL ? "domain" : "source", place);
    }
    snprintf(key, sizeof key, "%s.domain", place);
    if (erasure->domain[0] == '\0' || strlen(erasure->domain) > DOMAIN_LIMIT) {
        return config_error(lines, key, error, _("\"%s\" must have 1 to %d bytes"), key,
                            DOMAIN_LIMIT);
    }
    snprintf(key, sizeof key, "%s.source", place);
    const struct yaml_source *source = find_source(yaml, erasure->source);
    if (source == NULL) {
        return config_error(lines, key, error, _("\"%s\": there is no source \"%s\""), key,
                            erasure->source);
    }
    enum status status = check_kind(lines, place, erasure, source, error);
    return status == STATUS_OK ? check_rules(lines, place, erasure, error) : status;
}

enum status config_check_erasure(const struct yaml_config *yaml, const struct config_lines *lines,
                                 struct error *error)
{
    enum status status = STATUS_OK;
    for (unsigned i = 0; i < yaml->erasure_count && status == STATUS_OK; i++) {
        status = check_one(yaml, lines, i, error);
    }
    return status;
}
