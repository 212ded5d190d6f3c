/* sql: SQLite in the manners of this project. The local state and the index lookup use it. */
#ifndef REPO_SQL_H
#define REPO_SQL_H

#include "kura/base.h"
#include <sqlite3.h>

/* Fills the error from the connection's last one. Damage of the file is STATUS_CORRUPT. */
enum status sql_error(sqlite3 *database, struct error *error);

/* One or more statements without results. */
MUST_USE enum status sql_run(sqlite3 *database, const char *text, struct error *error);
MUST_USE enum status sql_prepare(sqlite3_stmt **statement, sqlite3 *database, const char *text,
                                 struct error *error);
void sql_finalize(sqlite3_stmt **statement); /* for CLEANUP */
void sql_reset(sqlite3_stmt **statement);    /* for CLEANUP of a borrowed one: resets, unbinds */

/* What is bound must live until the statement is reset. */
void sql_bind(sqlite3_stmt *statement, int position, const void *data, size_t size);
void sql_bind_number(sqlite3_stmt *statement, int position, int64_t value);

/* Goes on to the next row; *row says whether there is one. */
MUST_USE enum status sql_step(sqlite3_stmt *statement, bool *row, struct error *error);
/* Runs a statement whose rows do not matter, and resets it. */
MUST_USE enum status sql_once(sqlite3_stmt *statement, struct error *error);
/* Copies a blob of exactly `size` bytes, or STATUS_CORRUPT. */
MUST_USE enum status sql_blob(void *target, size_t size, sqlite3_stmt *statement, int column,
                              struct error *error);

#endif
