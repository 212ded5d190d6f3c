/* state_open: the local database comes up whatever happened to it. */
#include "state_private.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* secure_delete: a forgotten chunk's key is to be gone from the disk. The cache is bounded; the
 * write-ahead log makes each step whole after any interruption, without a sync for each. */
static const char SETTINGS[] = "PRAGMA locking_mode=EXCLUSIVE;"
                               "PRAGMA journal_mode=WAL;"
                               "PRAGMA synchronous=NORMAL;"
                               "PRAGMA secure_delete=ON;"
                               "PRAGMA cache_size=-8192;"
                               "PRAGMA wal_autocheckpoint=4000;"
                               "PRAGMA journal_size_limit=0;"
                               "PRAGMA trusted_schema=OFF;"
                               "PRAGMA temp_store=FILE;";

/* proof guards the row against a disk that changes bits: a wrong key would spoil every backup that
 * names the chunk. `directory` is the pack's part of an index object until one holds it; `hashes`
 * are its chunks until the backup that stored it is published. */
static const char SCHEMA[] =
    "CREATE TABLE meta(name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE index_object(no INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE,"
    " published INTEGER NOT NULL);"
    "CREATE TABLE pack(no INTEGER PRIMARY KEY AUTOINCREMENT, id BLOB NOT NULL UNIQUE,"
    " size INTEGER NOT NULL, stored INTEGER NOT NULL, index_no INTEGER, directory BLOB,"
    " hashes BLOB);"
    "CREATE INDEX pack_waiting ON pack(no) WHERE stored=0;"
    "CREATE INDEX pack_fresh ON pack(no) WHERE hashes IS NOT NULL;"
    "CREATE INDEX pack_unindexed ON pack(no) WHERE directory IS NOT NULL;"
    "CREATE TABLE chunk(hash BLOB PRIMARY KEY, key BLOB NOT NULL, size INTEGER NOT NULL,"
    " pack INTEGER NOT NULL, offset INTEGER NOT NULL, sealed INTEGER NOT NULL,"
    " uses INTEGER NOT NULL, proof BLOB NOT NULL) WITHOUT ROWID;";

static const char TEMPORARY[] =
    "PRAGMA temp.cache_size=-2048;"
    "CREATE TEMP TABLE delta(hash BLOB PRIMARY KEY, change INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TEMP TABLE seen(no INTEGER PRIMARY KEY);";

static enum status get_number(struct state *state, const char *text, int64_t *value,
                              struct error *error)
{
    CLEANUP(sql_finalize) sqlite3_stmt *statement = NULL;
    enum status status = sql_prepare(&statement, state->database, text, error);
    bool row = false;
    status = status ? status : sql_step(statement, &row, error);
    *value = row ? sqlite3_column_int64(statement, 0) : 0;
    return status;
}

static enum status create(struct state *state, const unsigned char *repository, struct error *error)
{
    char numbers[96];
    snprintf(numbers, sizeof numbers, "PRAGMA application_id=%d;PRAGMA user_version=%d;",
             STATE_APPLICATION, STATE_VERSION);
    enum status status = sql_run(state->database, "BEGIN IMMEDIATE", error);
    status = status ? status : sql_run(state->database, SCHEMA, error);
    status = status ? status : sql_run(state->database, numbers, error);
    status = status ? status
                    : state_set_meta(state, "repository", repository, REPOSITORY_ID_SIZE, error);
    return status ? status : sql_run(state->database, "COMMIT", error);
}

/* Pages that do not fit together are found here and not in the middle of the night. */
static enum status check_pages(struct state *state, struct error *error)
{
    CLEANUP(sql_finalize) sqlite3_stmt *statement = NULL;
    enum status status = sql_prepare(&statement, state->database, "PRAGMA quick_check(1)", error);
    bool row = false;
    status = status ? status : sql_step(statement, &row, error);
    const unsigned char *answer = row ? sqlite3_column_text(statement, 0) : NULL;
    if (status == STATUS_OK && (answer == NULL || strcmp((const char *)answer, "ok") != 0)) {
        return error_set(error, STATUS_CORRUPT, 0, _("%s is damaged"), state->path);
    }
    return status;
}

/* The file can be written, or it would not have been opened. A header that names a format of later
 * makes SQLite read it all the same, and refuse the record of the night when all is published. */
static enum status check_writable(struct state *state, struct error *error)
{
    return sqlite3_db_readonly(state->database, "main") == 0
               ? STATUS_OK
               : error_set(error, STATUS_CORRUPT, 0, _("%s is damaged"), state->path);
}

static enum status check_origin(struct state *state, const unsigned char *repository,
                                struct error *error)
{
    int64_t application;
    int64_t version;
    enum status status = get_number(state, "PRAGMA application_id", &application, error);
    status = status ? status : get_number(state, "PRAGMA user_version", &version, error);
    if (status == STATUS_OK && (application != STATE_APPLICATION || version != STATE_VERSION)) {
        return error_set(error, STATUS_CORRUPT, 0, _("%s is of another version of kura"),
                         state->path);
    }
    CLEANUP(buffer_free) struct buffer value = {0};
    status = status ? status : state_get_meta(state, "repository", &value, error);
    if (status == STATUS_OK && (value.size != REPOSITORY_ID_SIZE ||
                                memcmp(value.data, repository, REPOSITORY_ID_SIZE) != 0)) {
        return error_set(error, STATUS_CORRUPT, 0, _("%s is of another repository"), state->path);
    }
    return status;
}

/* The SQL is right and disk, memory and locks have codes of their own: what SQLite calls an error
 * without a name lies in the file, like a format of the schema that does not exist. */
static enum status read_schema(struct state *state, int64_t *tables, struct error *error)
{
    enum status status = sql_run(state->database, SETTINGS, error);
    status =
        status ? status : get_number(state, "SELECT count(*) FROM sqlite_schema", tables, error);
    if (status == STATUS_FAILED && sqlite3_errcode(state->database) == SQLITE_ERROR) {
        error->status = STATUS_CORRUPT;
    }
    return status == STATUS_OK ? STATUS_OK : error->status;
}

static enum status open_database(struct state *state, const unsigned char *repository,
                                 struct error *error)
{
    /* Made here, so that it never has another mode than this. */
    int fd = open(state->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        return error_set_errno(error, errno, _("cannot open %s"), state->path);
    }
    file_close(&fd);
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_FULLMUTEX | SQLITE_OPEN_NOFOLLOW;
    if (sqlite3_open_v2(state->path, &state->database, flags, NULL) != SQLITE_OK) {
        return state->database == NULL ? error_set_memory(error)
                                       : sql_error(state->database, error);
    }
    sqlite3_extended_result_codes(state->database, 0);
    int64_t tables = 0;
    enum status status = read_schema(state, &tables, error);
    if (status == STATUS_OK && tables == 0) {
        status = create(state, repository, error);
    } else {
        status = status ? status : check_writable(state, error);
        status = status ? status : check_pages(state, error);
        status = status ? status : check_origin(state, repository, error);
    }
    return status ? status : sql_run(state->database, TEMPORARY, error);
}

static void close_database(struct state *state)
{
    for (size_t i = 0; i < QUERY_COUNT; i++) {
        sql_finalize(&state->statements[i]);
    }
    (void)sqlite3_close(state->database);
    state->database = NULL;
}

/* Overwrites before it unlinks, as secure_delete does for a forgotten row: what is damaged still
 * holds keys, and nobody would ever forget one of them. */
static enum status wipe(const char *path, struct error *error)
{
    static const unsigned char zeros[64 * 1024];
    struct stat facts;
    CLEANUP(file_close) int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd >= 0 && fstat(fd, &facts) == 0 && S_ISREG(facts.st_mode)) {
        struct error ignored;
        enum status status = STATUS_OK;
        for (off_t left = facts.st_size; status == STATUS_OK && left > 0;) {
            size_t part = left < (off_t)sizeof zeros ? (size_t)left : sizeof zeros;
            status = file_write_all(fd, zeros, part, path, &ignored);
            left -= (off_t)part;
        }
        (void)fdatasync(fd);
    }
    if (unlink(path) != 0 && errno != ENOENT) {
        return error_set_errno(error, errno, _("%s cannot be removed"), path);
    }
    return STATUS_OK;
}

/* With its log of changes, which must not be played into a new one. */
static enum status remove_files(const struct state *state, struct error *error)
{
    static const char *const endings[] = {"-wal", "-shm", "-journal", ""};
    enum status status = STATUS_OK;
    for (size_t i = 0; status == STATUS_OK && i < LENGTH(endings); i++) {
        char *path = NULL;
        if (asprintf(&path, "%s%s", state->path, endings[i]) < 0) {
            return error_set_memory(error);
        }
        status = wipe(path, error);
        free(path);
    }
    return status;
}

enum status state_open(struct state **state, const char *folder,
                       const unsigned char repository[REPOSITORY_ID_SIZE],
                       struct problems *problems, struct error *error)
{
    struct state *opened = calloc(1, sizeof *opened);
    *state = NULL;
    if (opened == NULL) {
        return error_set_memory(error);
    }
    memcpy(opened->proof_key, repository, sizeof opened->proof_key);
    enum status status = path_join(&opened->path, folder, "state.db", error);
    status = status ? status : open_database(opened, repository, error);
    if (status == STATUS_CORRUPT) {
        struct error found = *error;
        close_database(opened);
        status = remove_files(opened, error);
        if (status == STATUS_OK) {
            error_add_context(
                &found, "%s",
                _("The state is begun anew, and this backup stores everything again"));
            problems_add(problems, "state.db", &found);
            status = open_database(opened, repository, error);
        }
    }
    if (status != STATUS_OK) {
        opened->damaged = false;
        state_free(opened);
        return status;
    }
    opened->damaged = false;
    *state = opened;
    return STATUS_OK;
}

void state_free(struct state *state)
{
    if (state == NULL) {
        return;
    }
    close_database(state);
    if (state->damaged) {
        struct error ignored;
        (void)!remove_files(state, &ignored);
    }
    free(state->path);
    free(state);
}
