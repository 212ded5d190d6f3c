/* config_load: a YAML text by a schema of libcyaml's, or words that name line and key. */
#include "config_private.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What libcyaml says of an error comes line by line: the complaint, then where it was, innermost
 * first. */
struct complaint {
    char first[CONFIG_PLACE_SIZE];
    char unknown[CONFIG_PLACE_SIZE]; /* the key that it does not know, or empty */
    char parts[CONFIG_DEPTH_LIMIT + 2][200];
    size_t part_count;
};

static bool cut_prefix(const char **text, const char *prefix)
{
    size_t size = strlen(prefix);
    if (strncmp(*text, prefix, size) != 0) {
        return false;
    }
    *text += size;
    return true;
}

/* "  in mapping field 'name' (line: 2, column: 11)" */
static void take_part(struct complaint *complaint, const char *text)
{
    bool field = cut_prefix(&text, "  in mapping field '");
    bool entry = !field && cut_prefix(&text, "  in sequence entry '");
    if ((!field && !entry) || complaint->part_count == LENGTH(complaint->parts)) {
        return;
    }
    const char *end = strstr(text, "' (line:");
    if (end == NULL) {
        return;
    }
    char *part = complaint->parts[complaint->part_count++];
    size_t size = sizeof complaint->parts[0];
    if (field) {
        snprintf(part, size, "%.*s", (int)(end - text), text);
    } else {
        snprintf(part, size, "[%lu]", strtoul(text, NULL, 10) - 1);
    }
}

__attribute__((format(printf, 3, 0))) static void take_log(cyaml_log_t level, void *context,
                                                           const char *format, va_list arguments)
{
    struct complaint *complaint = context;
    char line[500];
    vsnprintf(line, sizeof line, format, arguments);
    line[strcspn(line, "\n")] = '\0';
    const char *text = line;
    if (level < CYAML_LOG_ERROR || !cut_prefix(&text, "Load: ")) {
        take_part(complaint, text);
        return;
    }
    if (complaint->first[0] == '\0') {
        snprintf(complaint->first, sizeof complaint->first, "%s", text);
        if (cut_prefix(&text, "Unexpected key: ")) {
            snprintf(complaint->unknown, sizeof complaint->unknown, "%s", text);
        }
        return;
    }
    take_part(complaint, text);
}

/* `last` goes behind what it is in. */
static void complaint_place(char place[CONFIG_PLACE_SIZE], const struct complaint *complaint,
                            const char *last)
{
    size_t used = 0;
    place[0] = '\0';
    for (size_t i = complaint->part_count + 1; i-- > 0;) {
        const char *part = i == 0 ? last : complaint->parts[i - 1];
        if (part[0] == '\0') {
            continue;
        }
        int more = snprintf(place + used, CONFIG_PLACE_SIZE - used, "%s%s",
                            used == 0 || part[0] == '[' ? "" : ".", part);
        if (more < 0 || (size_t)more >= CONFIG_PLACE_SIZE - used) {
            return;
        }
        used += (size_t)more;
    }
}

static enum status explain(const struct complaint *complaint, const cyaml_schema_value_t *schema,
                           const struct config_lines *lines, struct error *error)
{
    char place[CONFIG_PLACE_SIZE];
    complaint_place(place, complaint, complaint->unknown);
    if (complaint->unknown[0] != '\0') {
        char known[300];
        config_error(lines, place, error, _("unknown key \"%s\""), complaint->unknown);
        complaint_place(place, complaint, "");
        config_schema_known(known, sizeof known, schema, place);
        return error_set_hint(error, _("Keys that may stand here: %s."), known);
    }
    if (place[0] == '\0') {
        char known[300];
        config_schema_known(known, sizeof known, schema, place);
        return config_error(lines, place, error, _("the file must be a group of keys (%s)"), known);
    }
    const char *wants = config_schema_wants(schema, place);
    if (wants == NULL) {
        return config_error(lines, place, error, "\"%s\": %s", place, complaint->first);
    }
    return config_error(lines, place, error, _("\"%s\" must be %s"), place, wants);
}

void config_unload(void *data, const cyaml_schema_value_t *schema)
{
    const cyaml_config_t settings = {.mem_fn = cyaml_mem};
    cyaml_free(&settings, schema, data, 0);
}

enum status config_load(void **data, const cyaml_schema_value_t *schema, const void *text,
                        size_t size, const struct config_lines *lines, struct error *error)
{
    struct complaint complaint = {0};
    const cyaml_config_t settings = {
        .log_fn = take_log,
        .log_ctx = &complaint,
        .mem_fn = cyaml_mem,
        .log_level = CYAML_LOG_ERROR,
        .flags = CYAML_CFG_NO_ALIAS,
    };
    *data = NULL;
    if (size == 0) {
        return STATUS_OK;
    }
    cyaml_err_t result = cyaml_load_data(text, size, &settings, schema, data, NULL);
    if (result == CYAML_ERR_OOM) {
        return error_set_memory(error);
    }
    return result == CYAML_OK ? STATUS_OK : explain(&complaint, schema, lines, error);
}
