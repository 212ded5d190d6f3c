/* config_read: from the file's bytes to a checked struct config, or to words that name line and
 * key.
 */
#include "config_private.h"
#include <errno.h>
#include <libgen.h>
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

static enum status explain(const struct complaint *complaint, const struct config_lines *lines,
                           struct error *error)
{
    char place[CONFIG_PLACE_SIZE];
    complaint_place(place, complaint, complaint->unknown);
    if (complaint->unknown[0] != '\0') {
        char known[300];
        config_error(lines, place, error, _("unknown key \"%s\""), complaint->unknown);
        complaint_place(place, complaint, "");
        config_schema_known(known, sizeof known, place);
        return error_set_hint(error, _("Keys that may stand here: %s."), known);
    }
    const char *wants = config_schema_wants(place);
    if (place[0] == '\0') {
        return config_error(lines, place, error, _("the file must be a group of keys (%s)"),
                            "repository, sources, …");
    }
    if (wants == NULL) {
        return config_error(lines, place, error, "\"%s\": %s", place, complaint->first);
    }
    return config_error(lines, place, error, _("\"%s\" must be %s"), place, wants);
}

static void yaml_config_free(struct yaml_config **yaml)
{
    const cyaml_config_t settings = {.mem_fn = cyaml_mem};
    cyaml_free(&settings, &config_schema, *yaml, 0);
}

static enum status parse(struct yaml_config **yaml, const struct buffer *text,
                         const struct config_lines *lines, struct error *error)
{
    struct complaint complaint = {0};
    const cyaml_config_t settings = {
        .log_fn = take_log,
        .log_ctx = &complaint,
        .mem_fn = cyaml_mem,
        .log_level = CYAML_LOG_ERROR,
        .flags = CYAML_CFG_NO_ALIAS,
    };
    void *data = NULL;
    cyaml_err_t result =
        cyaml_load_data(text->data, text->size, &settings, &config_schema, &data, NULL);
    *yaml = data;
    if (result == CYAML_ERR_OOM) {
        return error_set_memory(error);
    }
    return result == CYAML_OK ? STATUS_OK : explain(&complaint, lines, error);
}

/* The folder where relative paths start, absolute. */
static enum status find_folder(char **folder, const char *path, struct error *error)
{
    CLEANUP(memory_free) char *copy = strdup(path);
    if (copy == NULL) {
        return error_set_memory(error);
    }
    *folder = realpath(dirname(copy), NULL);
    if (*folder == NULL) {
        return error_set_errno(error, errno, _("cannot find the folder of %s"), path);
    }
    return STATUS_OK;
}

static enum status read_text(struct config *config, const struct buffer *text, const char *path,
                             const char *folder, struct error *error)
{
    CLEANUP(config_lines_free) struct config_lines lines = {.file = path};
    CLEANUP(yaml_config_free) struct yaml_config *yaml = NULL;
    enum status status = config_lines_read(&lines, (const char *)text->data, text->size, error);
    if (status != STATUS_OK) {
        return status;
    }
    if (text->size > 0) {
        status = parse(&yaml, text, &lines, error);
    }
    if (status != STATUS_OK) {
        return status;
    }
    const struct yaml_config empty = {0};
    const struct yaml_config *found = yaml == NULL ? &empty : yaml;
    status = config_check(found, &lines, error);
    return status == STATUS_OK ? config_take(config, found, &lines, folder, error) : status;
}

enum status config_read(struct config *config, const char *path, struct error *error)
{
    *config = (struct config){0};
    CLEANUP(buffer_free) struct buffer text = {0};
    CLEANUP(memory_free) char *folder = NULL;
    CLEANUP(memory_free) char *copy = strdup(path);
    if (copy == NULL) {
        return error_set_memory(error);
    }
    enum status status = file_read(&text, path, CONFIG_SIZE_LIMIT, error);
    if (status == STATUS_OK) {
        status = find_folder(&folder, path, error);
    }
    if (status != STATUS_OK) {
        error->status = STATUS_USAGE;
        error_add_context(error, _("cannot read the configuration"));
        return error_set_hint(error,
                              _("Name the configuration file with -c FILE; without it, %s "
                                "is read."),
                              CONFIG_DEFAULT_PATH);
    }
    status = read_text(config, &text, path, folder, error);
    if (status == STATUS_OK) {
        status = path_join(&config->path, folder, basename(copy), error);
    }
    if (status != STATUS_OK) {
        config_free(config);
    }
    return status;
}

static void list_free(char **list)
{
    for (char **item = list; item != NULL && *item != NULL; item++) {
        free(*item);
    }
    free(list);
}

void config_free(struct config *config)
{
    for (size_t i = 0; i < config->store_count; i++) {
        struct config_store *store = &config->stores[i];
        free(store->name);
        free(store->url);
        free(store->identity_file);
        free(store->known_hosts);
        free(store->ssh_config);
    }
    for (size_t i = 0; i < config->source_count; i++) {
        struct config_source *source = &config->sources[i];
        free(source->name);
        free(source->path);
        list_free(source->command);
        list_free(source->exclude);
    }
    free(config->stores);
    free(config->sources);
    list_free(config->recipients);
    free(config->path);
    free(config->host_key);
    free(config->state);
    free(config->trusted_key);
    *config = (struct config){0};
}

const struct config_source *config_find_source(const struct config *config, const char *name)
{
    for (size_t i = 0; i < config->source_count; i++) {
        if (strcmp(config->sources[i].name, name) == 0) {
            return &config->sources[i];
        }
    }
    return NULL;
}
