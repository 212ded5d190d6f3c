/* config_read: from the file's bytes to a checked struct config, or to words that name line and
 * key.
 */
#include "config_private.h"
#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void yaml_config_free(struct yaml_config **yaml)
{
    config_unload(*yaml, &config_schema);
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
    void *data;
    status = config_load(&data, &config_schema, text->data, text->size, &lines, error);
    yaml = data;
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
        free(source->postgres.connection);
        free(source->postgres.pg_dump);
        list_free(source->command);
        list_free(source->exclude);
        config_source_forget_persons(source);
    }
    free(config->stores);
    free(config->sources);
    list_free(config->recipients);
    free(config->path);
    free(config->host_key);
    free(config->state);
    free(config->trusted_key);
    free(config->policy);
    free(config->gate);
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
