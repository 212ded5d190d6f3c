/* sqlite_open: opens a live database so that the program that works with it notices nothing.
 *
 *  - Only its owner opens it, or root in the owner's name (sqlite_identity).
 *  - What a killed program left behind is treated as that program would treat it: a hot rollback
 *    journal is rolled back by SQLite, as any opening of the database does; a hot WAL is read, and
 *    left as it is.
 *  - We change nothing else: query_only, and no checkpoint when we close. If we are the only one
 *    and the WAL is empty, closing removes -wal and -shm, as before we came.
 */
#include "sqlite_open.h"
#include "sqlite_identity.h"
#include <errno.h>
#include <stdio.h>

enum status sqlite_database_look(struct sqlite_database *database, const char *path,
                                 struct error *error)
{
    *database = (struct sqlite_database){.path = path};
    if (stat(path, &database->facts) != 0) {
        return error_set_errno(error, errno, _("the database %s cannot be looked at"), path);
    }
    if (!S_ISREG(database->facts.st_mode)) {
        return error_set(error, STATUS_FAILED, 0, _("%s is not a file"), path);
    }
    return STATUS_OK;
}

static int run_all(sqlite3 *db, const char *const *statements, size_t count)
{
    int code = SQLITE_OK;
    for (size_t i = 0; i < count && code == SQLITE_OK; i++) {
        code = sqlite3_exec(db, statements[i], NULL, NULL, NULL);
    }
    return code;
}

static int prepare_connection(sqlite3 *db, int busy_ms)
{
    /* Temporary b-trees would be plaintext on disk; a hostile schema must not call functions. */
    static const char *const statements[] = {"PRAGMA temp_store=MEMORY", "PRAGMA query_only=ON",
                                             "PRAGMA mmap_size=0", "BEGIN",
                                             /* Only a read makes the state of the transaction. */
                                             "SELECT count(*) FROM sqlite_schema"};
    sqlite3_extended_result_codes(db, 1);
    sqlite3_busy_timeout(db, busy_ms);
    sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    return run_all(db, statements, LENGTH(statements));
}

/* Whoever owns the folder could put another file in this place between look and open. */
static enum status check_same_file(const struct sqlite_database *database, struct error *error)
{
    struct stat now;
    if (stat(database->path, &now) != 0) {
        return error_set_errno(error, errno, _("the database %s cannot be looked at"),
                               database->path);
    }
    if (now.st_dev != database->facts.st_dev || now.st_ino != database->facts.st_ino ||
        now.st_uid != database->facts.st_uid) {
        return error_set(error, STATUS_FAILED, 0,
                         _("another file was put in the place of %s while it was being opened"),
                         database->path);
    }
    return STATUS_OK;
}

enum status sqlite_database_open(struct sqlite_database *database, int busy_ms, struct error *error)
{
    CLEANUP(sqlite_identity_restore) struct sqlite_identity identity = {0};
    enum status status = sqlite_identity_assume(&identity, &database->facts, database->path, error);
    if (status != STATUS_OK) {
        return status;
    }
    /* Never as a URI: '?', '#' and '%' are characters of the name; the path begins with '/'. */
    int code = sqlite3_open_v2(database->path, &database->db,
                               SQLITE_OPEN_READWRITE | SQLITE_OPEN_PRIVATECACHE, NULL);
    if (code == SQLITE_OK) {
        code = prepare_connection(database->db, busy_ms);
    }
    if (code != SQLITE_OK) {
        status = sqlite_error(error, database->db, code, database->path);
    } else {
        status = check_same_file(database, error);
    }
    if (status != STATUS_OK) {
        sqlite_identity_restore(&identity);
        sqlite_database_close(database);
    }
    return status;
}

enum status sqlite_image_open(struct sqlite_database *database, int fd, struct error *error)
{
    /* Immutable: no lock is taken, and no -wal or -shm is looked for or made. */
    char name[64];
    snprintf(name, sizeof name, "file:/proc/self/fd/%d?immutable=1", fd);
    int code =
        sqlite3_open_v2(name, &database->db,
                        SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | SQLITE_OPEN_PRIVATECACHE, NULL);
    if (code == SQLITE_OK) {
        code = prepare_connection(database->db, 0);
    }
    return code == SQLITE_OK ? STATUS_OK : sqlite_error(error, database->db, code, database->path);
}

void sqlite_image_close(struct sqlite_database *database)
{
    (void)sqlite3_close(database->db);
    database->db = NULL;
}

/* True if closing may do SQLite's usual work: nothing is in the WAL, so that there is nothing to
 * move into the database, and what remains is to remove the empty files if nobody else is there. */
static bool wal_is_empty(sqlite3 *db)
{
    const char *name = sqlite3_db_filename(db, "main");
    const char *wal = name == NULL ? NULL : sqlite3_filename_wal(name);
    struct stat facts;
    return wal != NULL && (stat(wal, &facts) != 0 || facts.st_size == 0);
}

void sqlite_database_close(struct sqlite_database *database)
{
    if (database->db == NULL) {
        return;
    }
    CLEANUP(sqlite_identity_restore) struct sqlite_identity identity = {0};
    struct error ignored;
    /* Should this fail, the files stay, and they are the owner's. */
    bool owner =
        sqlite_identity_assume(&identity, &database->facts, database->path, &ignored) == STATUS_OK;
    (void)sqlite3_exec(database->db, "ROLLBACK", NULL, NULL, NULL);
    if (owner && wal_is_empty(database->db)) {
        sqlite3_db_config(database->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL);
    }
    (void)sqlite3_close(database->db);
    database->db = NULL;
}

enum status sqlite_database_number(int64_t *number, const struct sqlite_database *database,
                                   const char *sql, struct error *error)
{
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(database->db, sql, -1, &statement, NULL);
    if (code == SQLITE_OK) {
        code = sqlite3_step(statement);
    }
    enum status status = STATUS_OK;
    if (code == SQLITE_ROW) {
        *number = sqlite3_column_int64(statement, 0);
    } else {
        status = sqlite_error(error, database->db, code, database->path);
    }
    sqlite3_finalize(statement);
    return status;
}
