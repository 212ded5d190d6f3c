/* config_check: what the schema cannot say: what must be there, what goes together, which names and
 * numbers are good. Every message names line and key. */
#include "config_private.h"
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_LIMIT 64
#define PLACE_SIZE 64 /* "sources[999].name" */
#define KEY_SIZE 128  /* "sources[999].one_file_system" */

/* Names become folders of a restore: nothing in one may lead elsewhere. */
static bool name_good(const char *name)
{
    size_t size = strlen(name);
    return size > 0 && size <= NAME_LIMIT && name[0] != '.' &&
           strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") ==
               size;
}

enum status config_check_name(const struct config_lines *lines, const char *place, const char *name,
                              struct error *error)
{
    if (name_good(name)) {
        return STATUS_OK;
    }
    config_error(lines, place, error, _("\"%s\": \"%s\" is not a good name"), place, name);
    return error_set_hint(error, _("A name has 1 to 64 letters, digits, '.', '_' or '-' and does "
                                   "not begin with a dot."));
}

static enum status check_name(const struct config_lines *lines, const char *place, const char *name,
                              struct error *error)
{
    return name == NULL ? config_error(lines, place, error, _("\"name\" is missing (%s)"), place)
                        : config_check_name(lines, place, name, error);
}

/* A path that is given must lead somewhere. */
static enum status check_path(const struct config_lines *lines, const char *place, const char *path,
                              struct error *error)
{
    if (path == NULL) {
        return STATUS_OK;
    }
    if (path[0] == '\0') {
        return config_error(lines, place, error, _("\"%s\" is empty"), place);
    }
    if (path[0] == '~') {
        config_error(lines, place, error, _("\"%s\": '~' is not understood here"), place);
        return error_set_hint(error, _("Write the whole path of the home folder."));
    }
    return STATUS_OK;
}

enum status config_check_number(const struct config_lines *lines, const char *place, unsigned value,
                                unsigned least, unsigned most, struct error *error)
{
    if (config_lines_find(lines, place) != 0 && (value < least || value > most)) {
        return config_error(lines, place, error, _("\"%s\" must be from %u to %u"), place, least,
                            most);
    }
    return STATUS_OK;
}

bool config_parse_bytes(uint64_t *bytes, const char *text)
{
    if (!isdigit((unsigned char)text[0])) {
        return false;
    }
    char *end;
    errno = 0;
    unsigned long long number = strtoull(text, &end, 10);
    const char *suffixes = "KMGT";
    unsigned shift = 0;
    if (*end != '\0') {
        const char *suffix = strchr(suffixes, *end);
        if (suffix == NULL || end[1] != '\0') {
            return false;
        }
        shift = 10 * (unsigned)(suffix - suffixes + 1);
    }
    if (errno != 0 || number > (UINT64_MAX >> shift)) {
        return false;
    }
    *bytes = (uint64_t)number << shift;
    return true;
}

/* ------------------------------------------------------------------ repository */

static enum status check_url(const struct config_lines *lines, const char *place, const char *url,
                             struct error *error)
{
    if (url == NULL) {
        return config_error(lines, place, error, _("\"url\" is missing (%s)"), place);
    }
    if (strstr(url, "://") != NULL && strncmp(url, "sftp://", 7) != 0 &&
        strncmp(url, "file:///", 8) != 0) {
        config_error(lines, place, error,
                     _("\"%s\": \"%s\" is not a kind of storage that is known"), place, url);
        return error_set_hint(error, _("Write sftp://[user@]host[:port]/path, or a folder."));
    }
    return check_path(lines, place, url, error);
}

static enum status check_store(const struct config_lines *lines, const struct yaml_store *store,
                               struct error *error)
{
    enum status status = check_name(lines, "repository.stores[0].name", store->name, error);
    if (status == STATUS_OK) {
        status = check_url(lines, "repository.stores[0].url", store->url, error);
    }
    const struct {
        const char *place;
        const char *path;
    } files[] = {
        {"repository.stores[0].identity_file", store->identity_file},
        {"repository.stores[0].known_hosts", store->known_hosts},
        {"repository.stores[0].ssh_config", store->ssh_config},
    };
    for (size_t i = 0; i < LENGTH(files) && status == STATUS_OK; i++) {
        status = check_path(lines, files[i].place, files[i].path, error);
    }
    if (status == STATUS_OK) {
        status = config_check_number(lines, "repository.stores[0].connections", store->connections,
                                     1, 16, error);
    }
    if (status == STATUS_OK) {
        status = config_check_number(lines, "repository.stores[0].timeout", store->timeout, 1, 3600,
                                     error);
    }
    return status;
}

static enum status check_trusted_key(const struct config_lines *lines, const char *text,
                                     struct error *error)
{
    unsigned char key[32];
    if (text != NULL && !hex_decode(key, sizeof key, text, strlen(text))) {
        return config_error(lines, "repository.trusted_key", error,
                            _("\"%s\" must be a public key: 64 hexadecimal digits"), "trusted_key");
    }
    return STATUS_OK;
}

static enum status check_repository(const struct config_lines *lines,
                                    const struct yaml_repository *repository, struct error *error)
{
    if (repository->host_key == NULL) {
        return config_error(lines, "repository", error, _("\"%s\" is missing"),
                            "repository.host_key");
    }
    if (repository->stores_count == 0) {
        config_error(lines, "repository.stores", error, _("\"%s\" is missing or empty"),
                     "repository.stores");
        return error_set_hint(error, _("Say where the backups go: a name and a url."));
    }
    if (repository->stores_count > 1) {
        return config_error(lines, "repository.stores[1]", error,
                            _("\"%s\" has a second store; only one store is possible"),
                            "repository.stores");
    }
    enum status status = check_path(lines, "repository.host_key", repository->host_key, error);
    if (status == STATUS_OK) {
        status = check_path(lines, "repository.state", repository->state, error);
    }
    for (unsigned i = 0; i < repository->recipients_count && status == STATUS_OK; i++) {
        char place[PLACE_SIZE];
        snprintf(place, sizeof place, "repository.recipients[%u]", i);
        status = check_path(lines, place, repository->recipients[i], error);
    }
    if (status == STATUS_OK) {
        status = check_trusted_key(lines, repository->trusted_key, error);
    }
    return status == STATUS_OK ? check_store(lines, &repository->stores[0], error) : status;
}

/* ------------------------------------------------------------------ sources */

static enum status check_options(const struct config_lines *lines, const char *place,
                                 const struct yaml_source *source, struct error *error)
{
    const struct {
        const char *option, *kind;
        bool fits;
    } options[] = {
        {"timeout", "command", source->command_count > 0},
        {"exclude", "tree", source->tree != NULL},
        {"one_file_system", "tree", source->tree != NULL},
        {"large_objects", "postgres", source->postgres != NULL},
        {"globals", "postgres", source->postgres != NULL},
        {"lock_timeout", "postgres", source->postgres != NULL},
        {"remnant_days", "postgres", source->postgres != NULL},
        {"pg_dump", "postgres", source->postgres != NULL},
    };
    for (size_t i = 0; i < LENGTH(options); i++) {
        char key[KEY_SIZE];
        snprintf(key, sizeof key, "%s.%s", place, options[i].option);
        if (!options[i].fits && config_lines_find(lines, key) != 0) {
            return config_error(lines, key, error, _("\"%s\" goes with \"%s\" only"),
                                options[i].option, options[i].kind);
        }
    }
    return STATUS_OK;
}

static enum status check_kind(const struct config_lines *lines, const char *place,
                              const struct yaml_source *source, struct error *error)
{
    int kinds = (source->sqlite != NULL) + (source->postgres != NULL) + (source->tree != NULL) +
                (source->command_count > 0);
    if (kinds != 1) {
        config_error(lines, place, error,
                     kinds == 0 ? _("source \"%s\" has none of \"sqlite\", \"postgres\", \"tree\", "
                                    "\"command\"")
                                : _("source \"%s\" has more than one of \"sqlite\", \"postgres\", "
                                    "\"tree\", \"command\""),
                     source->name);
        return error_set_hint(error, _("A source is exactly one database, one folder or one "
                                       "command; make several sources of it."));
    }
    return check_options(lines, place, source, error);
}

static enum status check_source_numbers(const struct config_lines *lines, const char *place,
                                        const struct yaml_source *source, struct error *error)
{
    const struct {
        const char *option;
        unsigned value, least, most;
    } numbers[] = {
        {"lock_timeout", source->lock_timeout, 1, 86400},
        {"remnant_days", source->remnant_days, 0, 366},
        {"timeout", source->timeout, 1, 86400},
    };
    enum status status = STATUS_OK;
    for (size_t i = 0; status == STATUS_OK && i < LENGTH(numbers); i++) {
        char key[KEY_SIZE];
        snprintf(key, sizeof key, "%s.%s", place, numbers[i].option);
        status = config_check_number(lines, key, numbers[i].value, numbers[i].least,
                                     numbers[i].most, error);
    }
    return status;
}

static enum status check_source_words(const struct config_lines *lines, const char *place,
                                      const struct yaml_source *source, struct error *error)
{
    char key[KEY_SIZE];
    snprintf(key, sizeof key, "%s.%s", place, source->sqlite != NULL ? "sqlite" : "tree");
    enum status status =
        check_path(lines, key, source->sqlite != NULL ? source->sqlite : source->tree, error);
    for (unsigned i = 0; i < source->exclude_count && status == STATUS_OK; i++) {
        snprintf(key, sizeof key, "%s.exclude[%u]", place, i);
        if (source->exclude[i][0] == '\0') {
            status = config_error(lines, key, error, _("\"%s\" is empty"), key);
        }
    }
    if (status == STATUS_OK) {
        snprintf(key, sizeof key, "%s.pg_dump", place);
        status = check_path(lines, key, source->pg_dump, error);
    }
    if (status == STATUS_OK && source->command_count > 0 && source->command[0][0] == '\0') {
        snprintf(key, sizeof key, "%s.command[0]", place);
        status = config_error(lines, key, error, _("\"%s\" is empty"), key);
    }
    return status == STATUS_OK ? check_source_numbers(lines, place, source, error) : status;
}

static enum status check_source(const struct config_lines *lines, const struct yaml_config *yaml,
                                unsigned number, struct error *error)
{
    const struct yaml_source *source = &yaml->sources[number];
    char place[PLACE_SIZE];
    snprintf(place, sizeof place, "sources[%u].name", number);
    enum status status = check_name(lines, place, source->name, error);
    if (status != STATUS_OK) {
        return status;
    }
    for (unsigned i = 0; i < number; i++) {
        if (strcmp(yaml->sources[i].name, source->name) == 0) {
            return config_error(lines, place, error,
                                _("\"name\": there is another source \"%s\" already"),
                                source->name);
        }
    }
    *strrchr(place, '.') = '\0';
    status = check_kind(lines, place, source, error);
    return status == STATUS_OK ? check_source_words(lines, place, source, error) : status;
}

/* ------------------------------------------------------------------ all */

static enum status check_settings(const struct config_lines *lines, const struct yaml_config *yaml,
                                  struct error *error)
{
    const struct {
        const char *place;
        unsigned value, least, most;
    } numbers[] = {
        {"compression", yaml->compression, 1, 19},
        {"due_hours", yaml->due_hours, 1, 8784},
        {"retention.daily", yaml->retention.daily, 0, 10000},
        {"retention.weekly", yaml->retention.weekly, 0, 10000},
        {"retention.monthly", yaml->retention.monthly, 0, 10000},
        {"retention.yearly", yaml->retention.yearly, 0, 10000},
    };
    enum status status = STATUS_OK;
    for (size_t i = 0; i < LENGTH(numbers) && status == STATUS_OK; i++) {
        status = config_check_number(lines, numbers[i].place, numbers[i].value, numbers[i].least,
                                     numbers[i].most, error);
    }
    uint64_t bytes;
    if (status == STATUS_OK && yaml->spool_limit != NULL &&
        (!config_parse_bytes(&bytes, yaml->spool_limit) || bytes == 0)) {
        config_error(lines, "spool_limit", error, _("\"%s\": \"%s\" is not a size"), "spool_limit",
                     yaml->spool_limit);
        return error_set_hint(error, _("Write a number of bytes, or with K, M, G or T: 8G."));
    }
    return status;
}

enum status config_check(const struct yaml_config *yaml, const struct config_lines *lines,
                         struct error *error)
{
    enum status status = check_repository(lines, &yaml->repository, error);
    if (status == STATUS_OK) {
        status = check_path(lines, "policy", yaml->policy, error);
    }
    if (status == STATUS_OK) {
        status = check_path(lines, "gate", yaml->gate, error);
    }
    for (unsigned i = 0; i < yaml->sources_count && status == STATUS_OK; i++) {
        status = check_source(lines, yaml, i, error);
    }
    if (status == STATUS_OK) {
        status = config_check_persons(yaml, lines, error);
    }
    if (status == STATUS_OK) {
        status = config_check_together(yaml, lines, error);
    }
    if (status == STATUS_OK) {
        status = config_check_erasure(yaml, lines, error);
    }
    return status == STATUS_OK ? check_settings(lines, yaml, error) : status;
}
