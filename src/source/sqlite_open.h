/* sqlite_open: a live database of somebody else's, held in one state for reading. */
#ifndef SOURCE_SQLITE_OPEN_H
#define SOURCE_SQLITE_OPEN_H

#include "kura/base.h"
#include <sqlite3.h>
#include <sys/stat.h>

struct sqlite_database {
    const char *path;  /* borrowed */
    struct stat facts; /* of the file, before it was opened */
    sqlite3 *db;
};

/* Looks at the file without opening it: there, and a regular file. */
MUST_USE enum status sqlite_database_look(struct sqlite_database *database, const char *path,
                                          struct error *error);
/* Opens as the owner and begins a read transaction: what is read from now on is one state, whatever
 * others write. Waits up to `busy_ms` for a program that keeps the database to itself. */
MUST_USE enum status sqlite_database_open(struct sqlite_database *database, int busy_ms,
                                          struct error *error);
/* Opens a database that nobody writes to by its file, changing nothing there. */
MUST_USE enum status sqlite_image_open(struct sqlite_database *database, int fd,
                                       struct error *error);
void sqlite_image_close(struct sqlite_database *database); /* for CLEANUP */
/* Ends the transaction and leaves behind no file that SQLite made for us, and no checkpoint. NULL
 * connection: silent. For CLEANUP. */
void sqlite_database_close(struct sqlite_database *database);

/* Runs one statement that gives a single number. */
MUST_USE enum status sqlite_database_number(int64_t *number, const struct sqlite_database *database,
                                            const char *sql, struct error *error);
/* Fills the error from the result code `code` that `db` (may be NULL) gave. */
enum status sqlite_error(struct error *error, sqlite3 *db, int code, const char *path);

/* Sends sink->sample pieces of the raw file. Must come before sqlite_database_open: closing the raw
 * file would drop the locks that SQLite holds on it in this process. */
struct source_sink;
MUST_USE enum status sqlite_sample(const struct sqlite_database *database,
                                   const struct source_sink *sink, struct error *error);

#endif
