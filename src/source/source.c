/* source: the table of all kinds of sources. A new kind is a file with its driver and a row here.
 */
#include "kura/source.h"
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    const struct source_driver *driver;
} kinds[] = {
    [SOURCE_SQLITE] = {"sqlite", &source_sqlite},
    [SOURCE_TREE] = {"tree", &source_tree},
    [SOURCE_COMMAND] = {"command", &source_command},
    [SOURCE_POSTGRES] = {"postgres", &source_postgres},
};

enum status source_run(const struct config_source *source, const struct source_sink *sink,
                       struct error *error)
{
    return kinds[source->kind].driver->run(source, sink, error);
}

enum status source_query(const struct config_source *source, const struct query *query,
                         const struct query_sink *sink, struct error *error)
{
    const struct source_driver *driver = kinds[source->kind].driver;
    return driver->query == NULL ? error_set(error, STATUS_UNSUPPORTED, 0,
                                             _("the source \"%s\" is not a database"), source->name)
                                 : driver->query(source, query, sink, error);
}

struct source_held {
    const struct source_driver *driver;
    void *state;
};

bool source_can_be_held(const struct config_source *source)
{
    return kinds[source->kind].driver->hold != NULL;
}

enum status source_hold(struct source_held **held, const struct config_source *source,
                        const struct source_sink *sink, struct error *error)
{
    struct source_held *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return error_set_memory(error);
    }
    made->driver = kinds[source->kind].driver;
    enum status status = made->driver->hold(&made->state, source, sink, error);
    if (status != STATUS_OK) {
        free(made);
        return status;
    }
    *held = made;
    return STATUS_OK;
}

enum status source_deliver(struct source_held *held, const struct source_sink *sink,
                           struct error *error)
{
    return held->driver->deliver(held->state, sink, error);
}

void source_release(struct source_held *held)
{
    if (held != NULL) {
        held->driver->release(held->state);
        free(held);
    }
}

enum status source_recount(const struct config_source *source, int fd,
                           const struct source_sink *sink, struct error *error)
{
    const struct source_driver *driver = kinds[source->kind].driver;
    return driver->recount == NULL ? error_set(error, STATUS_UNSUPPORTED, 0, "%s",
                                               _("such a source cannot be counted again"))
                                   : driver->recount(source, fd, sink, error);
}

enum status source_check_changes(const struct config_source *source, const char *const *sql,
                                 struct error *error)
{
    const struct source_driver *driver = kinds[source->kind].driver;
    return driver->check_changes == NULL
               ? error_set(error, STATUS_UNSUPPORTED, 0,
                           _("rules for source %s cannot be checked beforehand"), source->name)
               : driver->check_changes(source, sql, error);
}

enum status source_spellings(const struct config_source *source, const char *domain, const char *id,
                             source_spelling visit, void *context, struct error *error)
{
    const struct source_driver *driver = kinds[source->kind].driver;
    return driver->spellings == NULL ? error_set(error, STATUS_UNSUPPORTED, 0,
                                                 _("source %s counts no persons"), source->name)
                                     : driver->spellings(source, domain, id, visit, context, error);
}

enum status source_spelling_sql(struct buffer *sql, const struct config_person *person,
                                const char *parameter, struct error *error)
{
    size_t size = strlen(person->sql);
    while (size > 0 && strchr("; \t\r\n", person->sql[size - 1]) != NULL) {
        size--;
    }
    enum status status = buffer_append_text(sql, "WITH kura (id) AS (", error);
    status = status ? status : buffer_append(sql, person->sql, size, error);
    status = status ? status /* a comment may be its end */
                    : buffer_append_text(sql, "\n) SELECT id FROM kura WHERE id = ", error);
    status = status ? status : buffer_append_text(sql, parameter, error);
    return status ? status : buffer_append_u8(sql, '\0', error);
}

bool source_can_recount(enum source_kind kind)
{
    return kinds[kind].driver->recount != NULL;
}

bool source_kind_find(enum source_kind *kind, const char *name)
{
    for (size_t i = 0; i < LENGTH(kinds); i++) {
        if (strcmp(kinds[i].name, name) == 0) {
            *kind = (enum source_kind)i;
            return true;
        }
    }
    return false;
}

const char *source_kind_name(enum source_kind kind)
{
    return kinds[kind].name;
}
