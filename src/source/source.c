/* source: the table of all kinds of sources. A new kind is a file with its driver and a row here.
 */
#include "kura/source.h"

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

const char *source_kind_name(enum source_kind kind)
{
    return kinds[kind].name;
}
