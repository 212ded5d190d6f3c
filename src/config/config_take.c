/* config_take: from the checked file to struct config; paths become absolute, defaults are filled
 * in.
 */
#include "config_private.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_COMPRESSION 3
#define DEFAULT_DUE_HOURS 26
#define DEFAULT_SPOOL_LIMIT (UINT64_C(8) << 30)

static enum status take_text(char **target, const char *text, struct error *error)
{
    if (text != NULL && (*target = strdup(text)) == NULL) {
        return error_set_memory(error);
    }
    return STATUS_OK;
}

static enum status take_path(char **target, const char *folder, const char *path,
                             struct error *error)
{
    return path == NULL ? STATUS_OK : path_join(target, folder, path, error);
}

/* folder NULL: texts; otherwise paths. */
static enum status take_list(char ***target, const char *folder, char *const *items, unsigned count,
                             struct error *error)
{
    *target = calloc((size_t)count + 1, sizeof **target);
    if (*target == NULL) {
        return error_set_memory(error);
    }
    enum status status = STATUS_OK;
    for (unsigned i = 0; i < count && status == STATUS_OK; i++) {
        status = folder == NULL ? take_text(&(*target)[i], items[i], error)
                                : take_path(&(*target)[i], folder, items[i], error);
    }
    return status;
}

enum status config_take_words(char ***target, char *const *words, unsigned count,
                              struct error *error)
{
    return count == 0 ? STATUS_OK : take_list(target, NULL, words, count, error);
}

static enum status take_store(struct config_store *store, const struct yaml_store *yaml,
                              const char *folder, struct error *error)
{
    enum status status = take_text(&store->name, yaml->name, error);
    if (status == STATUS_OK) {
        status = strstr(yaml->url, "://") != NULL
                     ? take_text(&store->url, yaml->url, error)
                     : take_path(&store->url, folder, yaml->url, error);
    }
    if (status == STATUS_OK) {
        status = take_path(&store->identity_file, folder, yaml->identity_file, error);
    }
    if (status == STATUS_OK) {
        status = take_path(&store->known_hosts, folder, yaml->known_hosts, error);
    }
    if (status == STATUS_OK) {
        status = take_path(&store->ssh_config, folder, yaml->ssh_config, error);
    }
    store->connections = yaml->connections;
    store->timeout = yaml->timeout;
    return status;
}

struct place { /* of a source, in the file */
    const struct config_lines *lines;
    unsigned number;
    const char *folder;
};

static bool is_given(const struct place *place, const char *key)
{
    char text[CONFIG_PLACE_SIZE];
    snprintf(text, sizeof text, "sources[%u].%s", place->number, key);
    return config_lines_find(place->lines, text) != 0;
}

static enum status take_postgres(struct config_postgres *postgres, const struct yaml_source *yaml,
                                 const struct place *place, struct error *error)
{
    postgres->large_objects = !is_given(place, "large_objects") || yaml->large_objects != 0;
    postgres->globals = yaml->globals != 0;
    postgres->lock_timeout =
        is_given(place, "lock_timeout") ? yaml->lock_timeout : CONFIG_DEFAULT_LOCK_TIMEOUT;
    postgres->remnant_days =
        is_given(place, "remnant_days") ? yaml->remnant_days : CONFIG_DEFAULT_REMNANT_DAYS;
    enum status status = take_text(&postgres->connection, yaml->postgres, error);
    return status == STATUS_OK ? take_path(&postgres->pg_dump, place->folder, yaml->pg_dump, error)
                               : status;
}

static enum status take_content(struct config_source *source, const struct yaml_source *yaml,
                                const struct place *place, struct error *error)
{
    if (yaml->postgres != NULL) {
        source->kind = SOURCE_POSTGRES;
        return take_postgres(&source->postgres, yaml, place, error);
    }
    if (yaml->command_count > 0) {
        source->kind = SOURCE_COMMAND;
        source->timeout = is_given(place, "timeout") ? yaml->timeout : CONFIG_DEFAULT_SILENCE;
        return take_list(&source->command, NULL, yaml->command, yaml->command_count, error);
    }
    source->kind = yaml->sqlite != NULL ? SOURCE_SQLITE : SOURCE_TREE;
    return take_path(&source->path, place->folder, yaml->sqlite != NULL ? yaml->sqlite : yaml->tree,
                     error);
}

static enum status take_source(struct config_source *source, const struct yaml_source *yaml,
                               const struct place *place, struct error *error)
{
    enum status status = take_text(&source->name, yaml->name, error);
    if (status == STATUS_OK) {
        status = take_content(source, yaml, place, error);
    }
    if (status == STATUS_OK && yaml->exclude_count > 0) {
        status = take_list(&source->exclude, NULL, yaml->exclude, yaml->exclude_count, error);
    }
    source->one_file_system = yaml->one_file_system != 0;
    return status;
}

static enum status take_erasure(struct config_erasure *erasure, const struct yaml_erasure *yaml,
                                struct error *error)
{
    enum status status = take_text(&erasure->domain, yaml->domain, error);
    if (status == STATUS_OK) {
        status = take_text(&erasure->source, yaml->source, error);
    }
    if (status == STATUS_OK) {
        status = take_list(&erasure->sql, NULL, yaml->sql, yaml->sql_count, error);
    }
    return status == STATUS_OK
               ? take_list(&erasure->paths, NULL, yaml->paths, yaml->paths_count, error)
               : status;
}

static enum status take_repository(struct config *config, const struct yaml_repository *yaml,
                                   const char *folder, struct error *error)
{
    config->stores = calloc(yaml->stores_count, sizeof *config->stores);
    if (config->stores == NULL) {
        return error_set_memory(error);
    }
    config->store_count = yaml->stores_count;
    enum status status = STATUS_OK;
    for (unsigned i = 0; i < yaml->stores_count && status == STATUS_OK; i++) {
        status = take_store(&config->stores[i], &yaml->stores[i], folder, error);
    }
    if (status == STATUS_OK) {
        status = take_path(&config->host_key, folder, yaml->host_key, error);
    }
    if (status == STATUS_OK) {
        status = take_path(&config->state, folder,
                           yaml->state == NULL ? CONFIG_DEFAULT_STATE : yaml->state, error);
    }
    if (status == STATUS_OK) {
        status = take_text(&config->trusted_key, yaml->trusted_key, error);
    }
    if (status == STATUS_OK) {
        status =
            take_list(&config->recipients, folder, yaml->recipients, yaml->recipients_count, error);
    }
    return status;
}

enum status config_take(struct config *config, const struct yaml_config *yaml,
                        const struct config_lines *lines, const char *folder, struct error *error)
{
    bool compression_given = config_lines_find(lines, "compression") != 0;
    bool due_given = config_lines_find(lines, "due_hours") != 0;
    config->compression = compression_given ? (int)yaml->compression : DEFAULT_COMPRESSION;
    config->due_hours = due_given ? yaml->due_hours : DEFAULT_DUE_HOURS;
    config->spool_limit = DEFAULT_SPOOL_LIMIT;
    config->retention = yaml->retention;
    if (yaml->spool_limit != NULL && !config_parse_bytes(&config->spool_limit, yaml->spool_limit)) {
        return config_error(lines, "spool_limit", error, _("\"%s\" is missing"), "spool_limit");
    }
    enum status status = take_repository(config, &yaml->repository, folder, error);
    if (status == STATUS_OK) {
        status = take_path(&config->policy, folder, yaml->policy, error);
    }
    if (status == STATUS_OK) {
        status = take_path(&config->gate, folder, yaml->gate, error);
    }
    if (status != STATUS_OK) {
        return status;
    }
    config->sources = calloc((size_t)yaml->sources_count + 1, sizeof *config->sources);
    if (config->sources == NULL) {
        return error_set_memory(error);
    }
    config->source_count = yaml->sources_count;
    for (unsigned i = 0; i < yaml->sources_count && status == STATUS_OK; i++) {
        const struct place place = {lines, i, folder};
        status = take_source(&config->sources[i], &yaml->sources[i], &place, error);
    }
    if (status == STATUS_OK) {
        status = config_take_together(config, yaml, lines, error);
    }
    config->erasures = calloc((size_t)yaml->erasure_count + 1, sizeof *config->erasures);
    if (config->erasures == NULL) {
        return error_set_memory(error);
    }
    config->erasure_count = yaml->erasure_count;
    for (unsigned i = 0; i < yaml->erasure_count && status == STATUS_OK; i++) {
        status = take_erasure(&config->erasures[i], &yaml->erasure[i], error);
    }
    return status == STATUS_OK ? config_take_persons(config, yaml, error) : status;
}
