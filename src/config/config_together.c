/* config_together: the sources that are taken as of one moment. */
#include "config_private.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PLACE_SIZE 64 /* "together.sources[999]" */
#define DEFAULT_TIMEOUT 60
#define TIMEOUT_LIMIT 86400

/* ------------------------------------------------------------------ checking */

static enum status check_member(const struct yaml_config *yaml, unsigned number,
                                const struct config_lines *lines, struct error *error)
{
    char *const *names = yaml->together.sources;
    char place[PLACE_SIZE];
    bool known = false;
    snprintf(place, sizeof place, "together.sources[%u]", number);
    for (unsigned i = 0; i < yaml->sources_count; i++) {
        known |= strcmp(yaml->sources[i].name, names[number]) == 0;
    }
    if (!known) {
        return config_error(lines, place, error, _("\"%s\": there is no source \"%s\""), place,
                            names[number]);
    }
    for (unsigned i = 0; i < number; i++) {
        if (strcmp(names[i], names[number]) == 0) {
            return config_error(lines, place, error, _("\"%s\": \"%s\" is there already"), place,
                                names[number]);
        }
    }
    return STATUS_OK;
}

enum status config_check_together(const struct yaml_config *yaml, const struct config_lines *lines,
                                  struct error *error)
{
    const struct yaml_together *together = &yaml->together;
    if (config_lines_find(lines, "together") == 0) {
        return STATUS_OK;
    }
    if (together->sources_count < 2) {
        config_error(lines, "together", error, _("\"%s\" must name two sources or more"),
                     "together.sources");
        return error_set_hint(error, "%s", _("Name the sources that belong together."));
    }
    enum status status = STATUS_OK;
    for (unsigned i = 0; i < together->sources_count && status == STATUS_OK; i++) {
        status = check_member(yaml, i, lines, error);
    }
    return status == STATUS_OK ? config_check_number(lines, "together.timeout", together->timeout,
                                                     1, TIMEOUT_LIMIT, error)
                               : status;
}

/* ------------------------------------------------------------------ taking */

static bool lies_in(const char *path, const char *folder)
{
    size_t size = strlen(folder);
    while (size > 1 && folder[size - 1] == '/') {
        size--;
    }
    return strncmp(path, folder, size) == 0 && path[size] == '/';
}

/* The database is held while the tree is read; and whoever closes a file in which SQLite holds a
 * lock gives up that lock for the whole process. */
static enum status check_apart(const struct config *config, const char *database, const char *tree,
                               const struct config_lines *lines, struct error *error)
{
    const struct config_source *a = config_find_source(config, database);
    const struct config_source *b = config_find_source(config, tree);
    if (a->kind != SOURCE_SQLITE || b->kind != SOURCE_TREE || !lies_in(a->path, b->path)) {
        return STATUS_OK;
    }
    config_error(lines, "together", error,
                 _("the database of \"%s\" lies in the folder of \"%s\": they cannot be taken "
                   "together"),
                 database, tree);
    return error_set_hint(error, "%s",
                          _("Name a folder without the database as the source of documents."));
}

enum status config_take_together(struct config *config, const struct yaml_config *yaml,
                                 const struct config_lines *lines, struct error *error)
{
    const struct yaml_together *from = &yaml->together;
    struct config_together *to = &config->together;
    to->timeout = from->timeout == 0 ? DEFAULT_TIMEOUT : from->timeout;
    enum status status = config_take_words(&to->sources, from->sources, from->sources_count, error);
    if (status == STATUS_OK) {
        status = config_take_words(&to->before, from->before, from->before_count, error);
    }
    if (status == STATUS_OK) {
        status = config_take_words(&to->after, from->after, from->after_count, error);
    }
    for (unsigned i = 0; i < from->sources_count && status == STATUS_OK; i++) {
        for (unsigned k = 0; k < from->sources_count && status == STATUS_OK; k++) {
            status = check_apart(config, to->sources[i], to->sources[k], lines, error);
        }
    }
    return status;
}

static void forget(char **words)
{
    for (size_t i = 0; words != NULL && words[i] != NULL; i++) {
        free(words[i]);
    }
    free(words);
}

void config_forget_together(struct config *config)
{
    forget(config->together.sources);
    forget(config->together.before);
    forget(config->together.after);
    config->together = (struct config_together){0};
}
