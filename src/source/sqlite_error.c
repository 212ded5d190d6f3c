/* sqlite_error: what SQLite's result codes mean for whoever runs a shop, and the way out. */
#include "sqlite_open.h"

static enum status locked(struct error *error, const char *path)
{
    error_set(error, STATUS_LOCKED, 0, _("%s is locked: another program keeps it to itself"), path);
    return error_set_hint(
        error, _("Let the backup run when that program is idle or stopped. A program that sets "
                 "locking_mode=EXCLUSIVE never lets go while it runs."));
}

static enum status not_writable(struct error *error, const char *path, int os_error)
{
    error_set(error, STATUS_DENIED, os_error, _("%s cannot be opened by its owner"), path);
    return error_set_hint(error,
                          _("A database in WAL mode needs the files %s-wal and %s-shm beside it: "
                            "the owner must be allowed to write to the database, to these files "
                            "and to the folder."),
                          path, path);
}

static enum status corrupt(struct error *error, const char *path, const char *message)
{
    error_set(error, STATUS_CORRUPT, 0, _("the database %s is damaged: %s"), path, message);
    return error_set_hint(error, _("See what \"PRAGMA integrity_check\" says, and restore the "
                                   "latest good snapshot of this database to another place."));
}

static enum status not_a_database(struct error *error, const char *path)
{
    error_set(error, STATUS_FAILED, 0, _("%s is not an SQLite database, or an encrypted one"),
              path);
    return error_set_hint(error, _("Check the path. An encrypted database can be backed up with a "
                                   "source of kind command that runs its own export."));
}

enum status sqlite_error(struct error *error, sqlite3 *db, int code, const char *path)
{
    const char *message = db == NULL ? sqlite3_errstr(code) : sqlite3_errmsg(db);
    int os_error = db == NULL ? 0 : sqlite3_system_errno(db);
    switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:
        return locked(error, path);
    case SQLITE_CORRUPT:
        return corrupt(error, path, message);
    case SQLITE_NOTADB:
        return not_a_database(error, path);
    case SQLITE_NOMEM:
        return error_set_memory(error);
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
    case SQLITE_PERM:
        return not_writable(error, path, os_error);
    case SQLITE_FULL:
        return error_set(error, STATUS_NO_SPACE, 0, _("%s cannot be read: %s"), path, message);
    default:
        return error_set(error, STATUS_FAILED, 0, _("%s cannot be read: %s"), path, message);
    }
}
