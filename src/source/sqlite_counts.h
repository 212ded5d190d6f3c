/* sqlite_counts: how many rows each table has, in the state that is delivered. */
#ifndef SOURCE_SQLITE_COUNTS_H
#define SOURCE_SQLITE_COUNTS_H

#include "kura/source.h"
#include "sqlite_open.h"

/* Sends sink->rows for every table but SQLite's own, ordered by name. A table that SQLite cannot
 * count, though the database is sound (a virtual table whose module is absent), is told to
 * sink->warn with `entry`. */
MUST_USE enum status sqlite_counts_send(const struct sqlite_database *database,
                                        const struct source_sink *sink, const char *entry,
                                        struct error *error);

#endif
