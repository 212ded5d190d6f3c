/* sqlite_reading: SQL of somebody else's over a live database, held to reading it. */
#ifndef SOURCE_SQLITE_READING_H
#define SOURCE_SQLITE_READING_H

#include "kura/source.h"
#include <sqlite3.h>

/* Prepares the only statement of `sql`. What writes, reaches outside the database or has no columns
 * is STATUS_USAGE. From here on the connection refuses all other SQL, until it is released. */
MUST_USE enum status sqlite_reading_prepare(sqlite3_stmt **statement, sqlite3 *db, const char *sql,
                                            struct error *error);
void sqlite_reading_release(sqlite3 *db);
/* STATUS_USAGE with SQLite's own words, or those that are given. */
enum status sqlite_reading_fail(sqlite3 *db, const char *words, struct error *error);
/* One column of the row that the statement stands on. */
MUST_USE enum status sqlite_reading_value(struct query_value *value, sqlite3_stmt *statement,
                                          int column, struct error *error);

/* A statement that takes longer than until `deadline` (of clock_monotonic, borrowed) is
 * interrupted: SQLITE_INTERRUPT. NULL: no limit any more. */
void sqlite_reading_limit(sqlite3 *db, double *deadline);

#endif
