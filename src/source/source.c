/* source: the table of all kinds of sources. A new kind is a file with its driver and a row here.
 */
#include "kura/source.h"
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

enum status source_recount(const struct config_source *source, int fd,
                           const struct source_sink *sink, struct error *error)
{
    const struct source_driver *driver = kinds[source->kind].driver;
    return driver->recount == NULL ? error_set(error, STATUS_UNSUPPORTED, 0, "%s",
                                               _("such a source cannot be counted again"))
                                   : driver->recount(source, fd, sink, error);
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
