/* sqlite_query: asking a live SQLite database. */
#ifndef SOURCE_SQLITE_QUERY_H
#define SOURCE_SQLITE_QUERY_H

#include "kura/source.h"

MUST_USE enum status sqlite_query_run(const struct config_source *source, const struct query *query,
                                      const struct query_sink *sink, struct error *error);

#endif
