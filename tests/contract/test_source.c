/* What every kind of source promises its sink. A new kind adds a row to `kinds`. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/postgres.h"
#include "support/source_recorder.h"
#include <dirent.h>
#include <sqlite3.h>
#include <stdio.h>
#include <unistd.h>

/* ---- one small source of each kind; `wrong` is one that cannot be read */

struct fixture {
    char folder[64];
    char tree[128];
    char database[128];
    char missing[128];
    struct postgres_server server;
};

static char shell[] = "sh";
static char option[] = "-c";
static char good_script[] = "seq 1 3000";
static char wrong_script[] = "seq 1 3000; exit 1";
static char *good_command[] = {shell, option, good_script, NULL};
static char *wrong_command[] = {shell, option, wrong_script, NULL};
static char source_name[] = "source";
static char connection[] = "dbname=postgres";
static char wrong_connection[] = "dbname=missing";

static struct config_source make_sqlite(struct fixture *fixture)
{
    return (struct config_source){
        .name = source_name, .kind = SOURCE_SQLITE, .path = fixture->database};
}

static struct config_source make_tree(struct fixture *fixture)
{
    return (struct config_source){.name = source_name, .kind = SOURCE_TREE, .path = fixture->tree};
}

static struct config_source make_command(struct fixture *fixture)
{
    (void)fixture;
    return (struct config_source){
        .name = source_name, .kind = SOURCE_COMMAND, .command = good_command, .timeout = 60};
}

static struct config_source make_postgres(struct fixture *fixture)
{
    return (struct config_source){.name = source_name,
                                  .kind = SOURCE_POSTGRES,
                                  .postgres = {.connection = connection,
                                               .pg_dump = fixture->server.pg_dump,
                                               .lock_timeout = 5,
                                               .large_objects = true}};
}

#define ARCHIVE_HEAD 64 /* bytes of pg_dump's archive, which have the time in them */

static const struct kind {
    const char *name;
    struct config_source (*make)(struct fixture *fixture);
    size_t entries;
    size_t files;
    size_t changing; /* so many bytes of a file may be others each time */
} kinds[] = {
    [SOURCE_SQLITE] = {"sqlite", make_sqlite, 1, 1, 0},
    [SOURCE_TREE] = {"tree", make_tree, 7, 3, 0},
    [SOURCE_COMMAND] = {"command", make_command, 1, 1, 0},
    [SOURCE_POSTGRES] = {"postgres", make_postgres, 1, 1, ARCHIVE_HEAD},
};

static void write_file(const struct fixture *fixture, const char *name, size_t size)
{
    char path[256];
    struct error error;
    CLEANUP(memory_free) unsigned char *data = calloc(1, size + 1);
    for (size_t i = 0; i < size; i++) {
        data[i] = (unsigned char)(i % 251);
    }
    snprintf(path, sizeof path, "%s/%s", fixture->tree, name);
    assert_int_equal(file_write(path, data, size, 0644, FILE_KEEP_EXISTING, &error), STATUS_OK);
}

static void make_folder(const struct fixture *fixture, const char *name)
{
    char path[256];
    struct error error;
    snprintf(path, sizeof path, "%s/%s", fixture->tree, name);
    assert_int_equal(file_make_folders(path, 0755, &error), STATUS_OK);
}

static void make_database(const struct fixture *fixture)
{
    sqlite3 *database;
    assert_int_equal(sqlite3_open(fixture->database, &database), SQLITE_OK);
    const char *script = "PRAGMA journal_mode=WAL; CREATE TABLE customer(id INTEGER, name TEXT);"
                         "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n LIMIT 500)"
                         "INSERT INTO customer SELECT i, 'customer ' || i FROM n;";
    assert_int_equal(sqlite3_exec(database, script, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(database), SQLITE_OK);
}

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    snprintf(fixture->folder, sizeof fixture->folder, "/tmp/kura-contract-XXXXXX");
    assert_non_null(mkdtemp(fixture->folder));
    snprintf(fixture->tree, sizeof fixture->tree, "%s/tree", fixture->folder);
    snprintf(fixture->database, sizeof fixture->database, "%s/shop.db", fixture->folder);
    snprintf(fixture->missing, sizeof fixture->missing, "%s/missing", fixture->folder);
    make_folder(fixture, "a");
    make_folder(fixture, "b");
    write_file(fixture, "a/large", 3 * RECORDER_PIECE + 5);
    write_file(fixture, "a.b", 10);
    write_file(fixture, "empty", 0);
    char link[256];
    snprintf(link, sizeof link, "%s/link", fixture->tree);
    assert_int_equal(symlink("a/large", link), 0);
    make_database(fixture);
    assert_true(postgres_server_start(&fixture->server));
    postgres_server_run("postgres",
                        "CREATE TABLE customer (id int, name text); INSERT INTO customer "
                        "SELECT i, 'customer ' || i FROM generate_series(1, 500) i");
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    char command[128];
    postgres_server_stop(&fixture->server);
    snprintf(command, sizeof command, "rm -rf %s", fixture->folder);
    int result = system(command); // NOLINT(cert-env33-c)
    free(fixture);
    return result;
}

static enum status run(const struct config_source *source, struct recorder *recorder,
                       struct error *error)
{
    struct source_sink sink = recorder_sink(recorder);
    error_clear(error);
    return source_run(source, &sink, error);
}

/* ---- the promises */

/* The recorder checks order, valid paths, that content belongs to a file, and the sums. */
static void test_entries_and_ends(void **state)
{
    for (size_t i = 0; i < LENGTH(kinds); i++) {
        struct config_source source = kinds[i].make(*state);
        CLEANUP(recorder_free) struct recorder recorder = {0};
        struct error error;
        assert_int_equal(run(&source, &recorder, &error), STATUS_OK);
        assert_int_equal(recorder.count, kinds[i].entries);
        assert_int_equal(recorder.warning_count, 0);
        assert_false(recorder.open);
        size_t files = 0;
        for (size_t j = 0; j < recorder.count; j++) {
            const struct recorded *recorded = &recorder.entries[j];
            bool file = recorded->entry.type == ENTRY_FILE;
            files += file;
            assert_true(recorded->ended == file);
            assert_false(recorded->outcome.failed);
            assert_true(recorded->entry.mode <= 07777);
            if (file) {
                assert_int_equal(recorded->content.size, recorded->outcome.size);
                assert_true(recorded->outcome.rotation <= recorded->outcome.size);
            }
        }
        assert_int_equal(files, kinds[i].files);
    }
}

static void test_same_content_again(void **state)
{
    for (size_t i = 0; i < LENGTH(kinds); i++) {
        struct config_source source = kinds[i].make(*state);
        CLEANUP(recorder_free) struct recorder first = {0};
        CLEANUP(recorder_free) struct recorder second = {0};
        struct error error;
        assert_int_equal(run(&source, &first, &error), STATUS_OK);
        assert_int_equal(run(&source, &second, &error), STATUS_OK);
        assert_int_equal(first.count, second.count);
        for (size_t j = 0; j < first.count; j++) {
            const struct recorded *a = &first.entries[j];
            const struct recorded *b = &second.entries[j];
            assert_string_equal(a->entry.path, b->entry.path);
            assert_int_equal(a->content.size, b->content.size);
            if (a->content.size > kinds[i].changing) {
                assert_memory_equal(a->content.data + kinds[i].changing,
                                    b->content.data + kinds[i].changing,
                                    a->content.size - kinds[i].changing);
            }
        }
    }
}

/* Whichever call of the sink fails: its status and words come back, nothing is called after it (the
 * recorder sees to that). How often a source asks for space may depend on the time of day, so all
 * numbers are tried until one is not reached. */
static void test_failure_is_passed_on(void **state)
{
    for (size_t i = 0; i < LENGTH(kinds); i++) {
        struct config_source source = kinds[i].make(*state);
        size_t failures = 0;
        for (size_t call = 1; call < 500; call++) {
            CLEANUP(recorder_free) struct recorder recorder = {.fail_at = call};
            struct error error;
            enum status status = run(&source, &recorder, &error);
            if (!recorder.failed) {
                assert_int_equal(status, STATUS_OK);
                break;
            }
            assert_int_equal(status, STATUS_CANCELLED);
            assert_int_equal(recorder.calls, call);
            char words[64];
            snprintf(words, sizeof words, "stopped at call %zu", call);
            assert_non_null(strstr(error.message, words));
            failures++;
        }
        assert_true(failures >= 4 && failures < 499);
    }
}

static size_t count_descriptors(void)
{
    DIR *folder = opendir("/proc/self/fd");
    assert_non_null(folder);
    size_t count = 0;
    while (readdir(folder) != NULL) {
        count++;
    }
    closedir(folder);
    return count;
}

static void test_no_descriptor_stays_open(void **state)
{
    for (size_t i = 0; i < LENGTH(kinds); i++) {
        struct config_source source = kinds[i].make(*state);
        size_t before = count_descriptors();
        for (size_t call = 0; call < 8; call++) {
            CLEANUP(recorder_free) struct recorder recorder = {.fail_at = call};
            struct error error;
            (void)!run(&source, &recorder, &error);
        }
        assert_int_equal(count_descriptors(), before);
    }
}

/* What cannot be had as a whole is a failure with words, and no file is ended as good. */
static void test_wrong_source_fails(void **state)
{
    struct fixture *fixture = *state;
    for (size_t i = 0; i < LENGTH(kinds); i++) {
        struct config_source source = kinds[i].make(fixture);
        source.path = fixture->missing;
        source.command = wrong_command;
        source.postgres.connection = wrong_connection;
        CLEANUP(recorder_free) struct recorder recorder = {0};
        struct error error;
        assert_true(run(&source, &recorder, &error) != STATUS_OK);
        assert_true(error.status != STATUS_OK && error.message[0] != '\0');
        for (size_t j = 0; j < recorder.count; j++) {
            assert_false(recorder.entries[j].ended);
        }
        assert_int_not_equal(access(fixture->missing, F_OK), 0);
    }
}

static void test_sink_without_wishes(void **state)
{
    for (size_t i = 0; i < LENGTH(kinds); i++) {
        struct config_source source = kinds[i].make(*state);
        CLEANUP(recorder_free) struct recorder recorder = {0};
        struct source_sink sink = recorder_sink(&recorder);
        sink.known = NULL;
        sink.sample = NULL;
        sink.cut = NULL;
        sink.waiting = NULL;
        struct error error;
        assert_int_equal(source_run(&source, &sink, &error), STATUS_OK);
        assert_int_equal(recorder.count, kinds[i].entries);
    }
}

static void test_names(void **state)
{
    (void)state;
    for (size_t i = 0; i < LENGTH(kinds); i++) {
        assert_string_equal(source_kind_name((enum source_kind)i), kinds[i].name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_entries_and_ends),
        cmocka_unit_test(test_same_content_again),
        cmocka_unit_test(test_failure_is_passed_on),
        cmocka_unit_test(test_no_descriptor_stays_open),
        cmocka_unit_test(test_wrong_source_fails),
        cmocka_unit_test(test_sink_without_wishes),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
