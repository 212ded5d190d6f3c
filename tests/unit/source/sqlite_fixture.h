/* sqlite_fixture: what the tests of the SQLite source share: a folder, a sink that keeps the image
 * in memory, other processes that work with the database, and comparisons. */
#ifndef TEST_SQLITE_FIXTURE_H
#define TEST_SQLITE_FIXTURE_H

#include "../../../src/source/sqlite_run.h"
#include "../../../src/source/sqlite_vfs.h"
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define TABLES_MAX 16

/* Set in a child process, where a failed assertion must not jump back into the runner. */
static bool in_child;
#define REQUIRE(condition)                                                                         \
    do {                                                                                           \
        if (in_child && !(condition)) {                                                            \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                        \
            _exit(1);                                                                              \
        } else if (!in_child) {                                                                    \
            assert_true(condition);                                                                \
        }                                                                                          \
    } while (0)

struct table_rows {
    char name[64];
    uint64_t rows;
};

struct collector {
    struct buffer image; /* as it came */
    struct buffer space;
    size_t space_size; /* handed out at a time; 0: 64 KiB */
    struct source_outcome outcome;
    struct table_rows tables[TABLES_MAX];
    size_t table_count;
    size_t sample_count;
    size_t entries;
    size_t ends;
    size_t warnings;
    uint64_t cut_at; /* position of the last cut */
    size_t cuts;
    char entry_path[256];
    struct entry entry; /* path NULL */
    char warning[1536];
    unsigned pause_us;        /* before every advance */
    void (*on_advance)(void); /* or NULL */
    enum status fail_advance; /* what advance answers from fail_at on */
    uint64_t fail_at;
};

static inline enum status collect_entry(void *context, const struct entry *entry,
                                        struct error *error)
{
    struct collector *collector = context;
    (void)error;
    collector->entries++;
    snprintf(collector->entry_path, sizeof collector->entry_path, "%s", entry->path);
    collector->entry = *entry;
    return STATUS_OK;
}

static inline enum status collect_space(void *context, unsigned char **data, size_t *size,
                                        struct error *error)
{
    struct collector *collector = context;
    *size = collector->space_size == 0 ? 65536 : collector->space_size;
    buffer_clear(&collector->space);
    enum status status = buffer_reserve(&collector->space, *size, error);
    *data = collector->space.data;
    return status;
}

static inline enum status collect_advance(void *context, size_t size, struct error *error)
{
    struct collector *collector = context;
    if (collector->pause_us > 0) {
        usleep(collector->pause_us);
    }
    if (collector->on_advance != NULL) {
        collector->on_advance();
    }
    if (collector->fail_advance != STATUS_OK && collector->image.size >= collector->fail_at) {
        return error_set(error, collector->fail_advance, 0, "the sink refuses");
    }
    return buffer_append(&collector->image, collector->space.data, size, error);
}

static inline enum status collect_hole(void *context, uint64_t size, struct error *error)
{
    (void)context;
    (void)size;
    return error_set(error, STATUS_FAILED, 0, "an image has no holes");
}

static inline enum status collect_cut(void *context, struct error *error)
{
    struct collector *collector = context;
    (void)error;
    collector->cut_at = collector->image.size;
    collector->cuts++;
    return STATUS_OK;
}

static inline enum status collect_end(void *context, const struct source_outcome *outcome,
                                      struct error *error)
{
    struct collector *collector = context;
    (void)error;
    collector->outcome = *outcome;
    collector->ends++;
    return STATUS_OK;
}

static inline enum status collect_sample(void *context, const unsigned char *samples,
                                         size_t sample_size, size_t count, struct error *error)
{
    struct collector *collector = context;
    (void)samples;
    (void)error;
    REQUIRE(sample_size == 16384);
    collector->sample_count = count;
    return STATUS_OK;
}

static inline enum status collect_rows(void *context, const char *table, uint64_t rows,
                                       struct error *error)
{
    struct collector *collector = context;
    (void)error;
    REQUIRE(collector->table_count < TABLES_MAX);
    struct table_rows *row = &collector->tables[collector->table_count++];
    snprintf(row->name, sizeof row->name, "%s", table);
    row->rows = rows;
    return STATUS_OK;
}

static inline void collect_warn(void *context, const char *path, const struct error *problem)
{
    struct collector *collector = context;
    (void)path;
    collector->warnings++;
    snprintf(collector->warning, sizeof collector->warning, "%s", problem->message);
}

static inline struct source_sink collector_sink(struct collector *collector)
{
    return (struct source_sink){
        .context = collector,
        .entry = collect_entry,
        .space = collect_space,
        .advance = collect_advance,
        .hole = collect_hole,
        .cut = collect_cut,
        .end = collect_end,
        .sample = collect_sample,
        .rows = collect_rows,
        .warn = collect_warn,
    };
}

static inline void collector_free(struct collector *collector)
{
    buffer_free(&collector->image);
    buffer_free(&collector->space);
}

static inline enum status collect(struct collector *collector, const char *path,
                                  const struct sqlite_options *options, struct error *error)
{
    struct source_sink sink = collector_sink(collector);
    error_clear(error);
    return sqlite_source_run(path, options, &sink, error);
}

static const struct sqlite_options OPTIONS = {.busy_ms = 10000, .lock_byte = SQLITE_LOCK_BYTE};

/* ---- a folder of its own ---- */

struct fixture {
    char folder[64];
    char path[96]; /* FOLDER/shop.db */
    char image[96];
};

static inline int fixture_make(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    snprintf(fixture->folder, sizeof fixture->folder, "/tmp/kura-sqlite-XXXXXX");
    if (mkdtemp(fixture->folder) == NULL) {
        return -1;
    }
    snprintf(fixture->path, sizeof fixture->path, "%s/shop.db", fixture->folder);
    snprintf(fixture->image, sizeof fixture->image, "%s/image.db", fixture->folder);
    *state = fixture;
    return 0;
}

static inline int fixture_remove(void **state)
{
    struct fixture *fixture = *state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", fixture->folder);
    int result = system(command);
    free(fixture);
    return result;
}

static inline sqlite3 *database_open(const char *path)
{
    sqlite3 *db = NULL;
    REQUIRE(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL) ==
            SQLITE_OK);
    sqlite3_busy_timeout(db, 20000);
    return db;
}

static inline void database_run(sqlite3 *db, const char *sql)
{
    char *message = NULL;
    if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK) {
        fprintf(stderr, "%s: %s\n", sql, message);
        REQUIRE(sql == NULL);
    }
}

static inline int64_t database_number(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *statement = NULL;
    REQUIRE(sqlite3_prepare_v2(db, sql, -1, &statement, NULL) == SQLITE_OK);
    REQUIRE(sqlite3_step(statement) == SQLITE_ROW);
    int64_t number = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return number;
}

/* Writes the image in file order. */
static inline void image_write(const struct collector *collector, const char *path)
{
    const struct buffer *image = &collector->image;
    size_t rotation = collector->outcome.rotation;
    REQUIRE(collector->outcome.size == image->size);
    FILE *file = fopen(path, "we");
    REQUIRE(file != NULL);
    if (image->size > 0) {
        size_t front = image->size - rotation;
        REQUIRE(fwrite(image->data + front, 1, rotation, file) == rotation);
        REQUIRE(fwrite(image->data, 1, front, file) == front);
    }
    REQUIRE(fclose(file) == 0);
}

static inline void integrity_check(const char *path)
{
    sqlite3 *db = database_open(path);
    sqlite3_stmt *statement = NULL;
    REQUIRE(sqlite3_prepare_v2(db, "PRAGMA integrity_check", -1, &statement, NULL) == SQLITE_OK);
    REQUIRE(sqlite3_step(statement) == SQLITE_ROW);
    REQUIRE(strcmp((const char *)sqlite3_column_text(statement, 0), "ok") == 0);
    sqlite3_finalize(statement);
    sqlite3_close(db);
}

static inline void dumps_equal(const char *a, const char *b)
{
    char command[512];
    snprintf(command, sizeof command,
             "bash -c 'set -o pipefail; cmp <(sqlite3 \"$0\" .dump) <(sqlite3 \"$1\" .dump)' "
             "'%s' '%s'",
             a, b);
    REQUIRE(system(command) == 0);
}

static inline pid_t child_start(void)
{
    pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        in_child = true;
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* no test that fails leaves a process behind */
    }
    return child;
}

static inline void wait_for(pid_t child)
{
    int result = 0;
    REQUIRE(waitpid(child, &result, 0) == child);
    REQUIRE(WIFEXITED(result));
    REQUIRE(WEXITSTATUS(result) == 0);
}

#endif
