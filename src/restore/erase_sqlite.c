/* erase_sqlite: see the header. The rules come from the register, so from whoever holds a host key:
 * they are confined to the rows of this one database (sqlite_change). */
#include "erase_sqlite.h"
#include "erase_trail.h"
#include "kura/source.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define STEPS_BETWEEN_LOOKS 10000
/* Bytes 18 and 19 of the file: 2 in WAL mode, else 1. */
#define MODE_OFFSET 18
#define MODE_WAL 2
#define MODE_JOURNAL 1

static enum status fail(sqlite3 *db, const char *what, struct error *error)
{
    int code = sqlite3_errcode(db) & 0xff;
    enum status status = code == SQLITE_FULL                               ? STATUS_NO_SPACE
                         : code == SQLITE_CORRUPT || code == SQLITE_NOTADB ? STATUS_CORRUPT
                         : code == SQLITE_INTERRUPT                        ? STATUS_CANCELLED
                                                                           : STATUS_FAILED;
    return error_set(error, status, 0, "%s: %s", what, sqlite3_errmsg(db));
}

static enum status execute(sqlite3 *db, const char *sql, struct error *error)
{
    return sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK
               ? STATUS_OK
               : fail(db, _("the restored database cannot be erased from"), error);
}

/* ------------------------------------------------------------------ the image */

/* Whoever could rename the folders above would have another file opened. */
static enum status check_same(int fd, sqlite3 *db, struct error *error)
{
    struct stat ours, theirs;
    const char *name = sqlite3_db_filename(db, "main");
    if (name == NULL || fstat(fd, &ours) != 0 || stat(name, &theirs) != 0 ||
        ours.st_dev != theirs.st_dev || ours.st_ino != theirs.st_ino) {
        return error_set(error, STATUS_FAILED, 0, "%s",
                         _("another file was put in the place of a restored database"));
    }
    return STATUS_OK;
}

enum status erase_image_open(struct erase_image *image, int folder, const char *name,
                             struct error *error)
{
    char path[64 + NAME_MAX];
    sqlite3 *db = NULL;
    *image = (struct erase_image){.fd = openat(folder, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW)};
    if (image->fd < 0) {
        return error_set_errno(error, errno, "%s", _("a restored database cannot be opened"));
    }
    snprintf(path, sizeof path, "/proc/self/fd/%d/%s", folder, name);
    int code = sqlite3_open_v2(
        path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE, NULL);
    image->db = db;
    enum status status = code == SQLITE_OK
                             ? check_same(image->fd, db, error)
                             : fail(db, _("a restored database cannot be opened"), error);
    if (status != STATUS_OK) {
        erase_image_close(image);
    }
    return status;
}

void erase_image_close(struct erase_image *image)
{
    (void)sqlite3_close(image->db);
    image->db = NULL;
    file_close(&image->fd);
}

/* An image in WAL mode would want a log beside it: it is taken out of that mode, and put back. */
static enum status change_mode(bool *changed, int fd, unsigned char from, unsigned char to,
                               struct error *error)
{
    unsigned char mode[2];
    ssize_t got = pread(fd, mode, sizeof mode, MODE_OFFSET);
    *changed = got == (ssize_t)sizeof mode && mode[0] == from && mode[1] == from;
    mode[0] = mode[1] = to;
    if (*changed && pwrite(fd, mode, sizeof mode, MODE_OFFSET) != (ssize_t)sizeof mode) {
        return error_set_errno(error, errno, "%s", _("a restored file cannot be written"));
    }
    return STATUS_OK;
}

/* No journal, which a defensive connection would refuse: after a failure the image is thrown away.
 * Foreign keys count, so that what hangs on the erased goes with it, or the rule fails and somebody
 * learns that it does not suffice. */
static enum status prepare(sqlite3 *db, struct error *error)
{
    sqlite3_extended_result_codes(db, 1);
    enum status status = execute(db,
                                 "PRAGMA journal_mode=OFF; PRAGMA locking_mode=EXCLUSIVE; PRAGMA "
                                 "synchronous=OFF; PRAGMA secure_delete=ON; PRAGMA "
                                 "foreign_keys=ON; PRAGMA mmap_size=0; PRAGMA cache_size=-16384",
                                 error);
    sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    return status;
}

/* ------------------------------------------------------------------ counting */

static enum status count_rows(uint64_t *rows, sqlite3 *db, const char *table, struct error *error)
{
    sqlite3_stmt *statement = NULL;
    char *sql = sqlite3_mprintf("SELECT count(*) FROM main.\"%w\"", table);
    if (sql == NULL) {
        return error_set_memory(error);
    }
    int code = sqlite3_prepare_v2(db, sql, -1, &statement, NULL);
    sqlite3_free(sql);
    if (code == SQLITE_OK) {
        code = sqlite3_step(statement);
    }
    enum status status = STATUS_OK;
    if (code == SQLITE_ROW) {
        *rows = (uint64_t)sqlite3_column_int64(statement, 0);
    } else {
        status = fail(db, _("the rows of a restored database cannot be counted"), error);
    }
    sqlite3_finalize(statement);
    return status;
}

/* All rows of the tables that the backup counted. expected: each must have as many as it said. */
static enum status count_all(uint64_t *total, sqlite3 *db, const struct statement_source *words,
                             bool expected, struct error *error)
{
    enum status status = STATUS_OK;
    *total = 0;
    for (size_t i = 0; status == STATUS_OK && i < words->table_count; i++) {
        const struct statement_table *table = &words->tables[i];
        uint64_t rows = 0;
        status = count_rows(&rows, db, table->name, error);
        if (status == STATUS_OK && expected && rows != table->rows) {
            status = error_set(
                error, STATUS_CORRUPT, 0, _("table %s has %llu rows where the backup counted %llu"),
                table->name, (unsigned long long)rows, (unsigned long long)table->rows);
        }
        *total += rows;
    }
    return status;
}

/* ------------------------------------------------------------------ the rules */

struct run {
    sqlite3 *db;
    const char *source;
    uint64_t rows;
    struct trail trail;
    struct sqlite_change_watch watch;
    bool lost; /* no memory for the trail */
};

static struct trail_table *find(struct run *run, const char *table)
{
    struct trail_table *found = trail_find(&run->trail, table, table);
    run->lost |= found == NULL;
    return found;
}

static void note_plan(void *context, int action, const char *table, const char *trigger)
{
    struct trail_table *noted = find(context, table);
    if (noted != NULL) {
        noted->may.insert |= action == SQLITE_INSERT && trigger != NULL;
        noted->may.update |= action == SQLITE_UPDATE && trigger != NULL;
        noted->may.erase |= action == SQLITE_DELETE && trigger == NULL;
    }
}

/* Of every row of a table with row ids, also within a trigger. What a foreign key updates is no
 * trigger's. */
static void note_row(void *context, int action, const char *database, const char *table,
                     sqlite3_int64 row)
{
    (void)database, (void)row;
    struct trail_table *noted = find(context, table);
    if (noted != NULL) {
        noted->now.inserted += action == SQLITE_INSERT;
        noted->now.updated += action == SQLITE_UPDATE && noted->may.update;
        noted->now.deleted += action == SQLITE_DELETE;
    }
}

static bool has_no_row_ids(sqlite3 *db, const char *table)
{
    return sqlite3_table_column_metadata(db, "main", table, NULL, NULL, NULL, NULL, NULL, NULL) ==
               SQLITE_OK &&
           sqlite3_table_column_metadata(db, "main", table, "_rowid_", NULL, NULL, NULL, NULL,
                                         NULL) != SQLITE_OK;
}

/* Of a table WITHOUT ROWID nobody tells the rows: what a statement that changed something may have
 * done there counts as done. */
static void note_silent_tables(struct run *run, bool changed, bool erased)
{
    for (size_t i = 0; changed && i < run->trail.count; i++) {
        struct trail_table *table = &run->trail.tables[i];
        if ((table->may.insert || table->may.update || table->may.erase) &&
            has_no_row_ids(run->db, table->name)) {
            table->now.inserted += table->may.insert;
            table->now.updated += table->may.update;
            table->now.deleted += table->may.erase && erased;
        }
    }
}

/* Adds the rows that it changed or removed; those that went with them by a trigger or foreign key
 * are not counted. */
static enum status run_rule(struct run *run, const char *sql, const struct erasure *erasure,
                            struct error *error)
{
    int code = SQLITE_DONE;
    sqlite3_stmt *statement = NULL;
    sqlite3_int64 before = sqlite3_total_changes64(run->db);
    enum status status =
        sqlite_change_prepare(&statement, run->db, sql, erasure->value, &run->watch, error);
    while (status == STATUS_OK && (code = sqlite3_step(statement)) == SQLITE_ROW) {
    }
    if (status == STATUS_OK && code != SQLITE_DONE) {
        status = fail(run->db, _("a rule cannot be applied"), error);
    }
    if (status == STATUS_OK && !sqlite3_stmt_readonly(statement)) {
        run->rows += (uint64_t)sqlite3_changes64(run->db);
        note_silent_tables(run, sqlite3_total_changes64(run->db) > before,
                           sqlite3_changes64(run->db) > 0);
    }
    sqlite3_finalize(statement);
    if (status == STATUS_OK) {
        status = trail_settle(&run->trail, sql, erasure->person, error);
    }
    if (run->lost) {
        return error_set_memory(error);
    }
    /* What is wrong with the configuration in kura person erase is no matter of the words here. */
    return status == STATUS_USAGE ? (error->status = STATUS_FAILED) : status;
}

static enum status run_erasure(struct run *run, const struct erasure *erasure, struct error *error)
{
    enum status status = STATUS_OK;
    for (size_t i = 0; status == STATUS_OK && i < erasure->rule_count; i++) {
        const struct erasure_rule *rule = &erasure->rules[i];
        bool meant = strcmp(rule->source, run->source) == 0;
        for (size_t j = 0; status == STATUS_OK && meant && rule->sql[j] != NULL; j++) {
            status = run_rule(run, rule->sql[j], erasure, error);
        }
    }
    if (status != STATUS_OK) {
        char time[MOMENT_TEXT_SIZE];
        error_add_context(error, _("the erasure registered at %s does not fit this database"),
                          moment_format_local(time, erasure->time));
    }
    return status;
}

/* The tables in which a virtual table, such as a full-text index, keeps its rows: its own module
 * inserts there, also for what is deleted. */
static enum status forgive_shadows(struct run *run, struct error *error)
{
    static const char sql[] =
        "SELECT 1 FROM main.sqlite_schema WHERE rootpage IS 0 AND type = 'table' AND "
        "lower(substr(?1, 1, length(name) + 1)) = lower(name || '_')";
    sqlite3_stmt *statement = NULL;
    enum status status = sqlite3_prepare_v2(run->db, sql, -1, &statement, NULL) == SQLITE_OK
                             ? STATUS_OK
                             : fail(run->db, _("a rule cannot be applied"), error);
    for (size_t i = 0; status == STATUS_OK && i < run->trail.count; i++) {
        struct trail_table *table = &run->trail.tables[i];
        sqlite3_reset(statement);
        sqlite3_bind_text(statement, 1, table->name, -1, SQLITE_STATIC);
        table->suspect_count = sqlite3_step(statement) == SQLITE_ROW ? 0 : table->suspect_count;
    }
    sqlite3_finalize(statement);
    return status;
}

/* What an ANALYZE with samples kept of indexed columns: whole values of some rows. The planner does
 * without; the shop's next ANALYZE makes them anew. */
static enum status drop_samples(sqlite3 *db, struct error *error)
{
    static const char *const tables[] = {"sqlite_stat3", "sqlite_stat4"};
    enum status status = STATUS_OK;
    for (size_t i = 0; status == STATUS_OK && i < LENGTH(tables); i++) {
        char sql[64];
        snprintf(sql, sizeof sql, "DELETE FROM main.%s", tables[i]);
        if (sqlite3_table_column_metadata(db, "main", tables[i], NULL, NULL, NULL, NULL, NULL,
                                          NULL) == SQLITE_OK) {
            status = execute(db, sql, error);
        }
    }
    return status;
}

static int look_whether_cancelled(void *context)
{
    const volatile sig_atomic_t *const *cancelled = context;
    return *cancelled != NULL && **cancelled != 0;
}

static enum status run_all(struct run *run, const struct erase_rules *rules, struct error *error)
{
    enum status status = execute(run->db, "BEGIN IMMEDIATE", error);
    sqlite3_update_hook(run->db, note_row, run);
    for (size_t i = 0; status == STATUS_OK && i < rules->erasures->count; i++) {
        status = run_erasure(run, &rules->erasures->items[i], error);
    }
    sqlite3_update_hook(run->db, NULL, NULL);
    sqlite_change_release(run->db);
    if (status == STATUS_OK) {
        status = forgive_shadows(run, error);
    }
    if (status == STATUS_OK) {
        status = drop_samples(run->db, error);
    }
    return status == STATUS_OK ? execute(run->db, "COMMIT", error) : status;
}

static enum status erase(struct restore_erased *erased, sqlite3 *db,
                         const struct erase_rules *rules, struct error *error)
{
    uint64_t before = 0, after = 0;
    struct run run = {.db = db, .source = rules->words->name};
    run.watch = (struct sqlite_change_watch){note_plan, &run};
    const volatile sig_atomic_t *cancelled = rules->cancelled;
    enum status status = prepare(db, error);
    sqlite3_progress_handler(db, STEPS_BETWEEN_LOOKS, look_whether_cancelled, &cancelled);
    if (status == STATUS_OK) {
        status = count_all(&before, db, rules->words, true, error);
    }
    if (status == STATUS_OK) {
        status = run_all(&run, rules, error);
    }
    if (status == STATUS_OK) {
        status = execute(db, "VACUUM", error);
    }
    if (status == STATUS_OK) {
        status = count_all(&after, db, rules->words, false, error);
    }
    sqlite3_progress_handler(db, 0, NULL, NULL);
    if (status == STATUS_OK) {
        erased->databases++;
        erased->rows += run.rows;
        erased->rows_removed += before > after ? before - after : 0;
        trail_tell(&run.trail, erased);
    }
    trail_free(&run.trail);
    return status;
}

enum status erase_image_run(struct restore_erased *erased, struct erase_image *image,
                            const struct erase_rules *rules, struct error *error)
{
    bool wal = false, ignored;
    struct stat facts;
    /* SQLite makes a page out of an empty file. */
    if (fstat(image->fd, &facts) == 0 && facts.st_size == 0) {
        return STATUS_OK;
    }
    enum status status = change_mode(&wal, image->fd, MODE_WAL, MODE_JOURNAL, error);
    if (status == STATUS_OK) {
        status = erase(erased, image->db, rules, error);
    }
    (void)sqlite3_close(image->db);
    image->db = NULL;
    if (status == STATUS_OK && wal) {
        status = change_mode(&ignored, image->fd, MODE_JOURNAL, MODE_WAL, error);
    }
    /* Before it gets its name: after a power failure there may be no page of before. */
    if (status == STATUS_OK && fsync(image->fd) != 0) {
        status = error_set_errno(error, errno, "%s", _("a restored file cannot be written"));
    }
    return status;
}
