/* sqlite_query: asking a live SQLite database, and trying rules on it. */
#ifndef SOURCE_SQLITE_QUERY_H
#define SOURCE_SQLITE_QUERY_H

#include "kura/source.h"

MUST_USE enum status sqlite_query_run(const struct config_source *source, const struct query *query,
                                      const struct query_sink *sink, struct error *error);
/* sqlite_change.c: source_check_changes */
MUST_USE enum status sqlite_check_changes(const struct config_source *source,
                                          const char *const *sql, struct error *error);
/* sqlite_spellings.c: source_spellings */
MUST_USE enum status sqlite_spellings(const struct config_source *source, const char *domain,
                                      const char *id, source_spelling visit, void *context,
                                      struct error *error);

#endif
