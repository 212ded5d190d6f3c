/* test_sqlite_persons: who is counted, in the very state that is delivered, and SQL that does no
 * more than reading. */
#include "sqlite_fixture.h"

#define VALUES_MAX 64

struct counted {
    struct collector collector;
    char values[VALUES_MAX][32]; /* "domain:value"; "domain" for one that is tied to nobody */
    size_t count;
    size_t fail_at;
};

static enum status take_person(void *context, const struct config_person *kind, const void *value,
                               size_t size, struct error *error)
{
    struct counted *counted = context;
    if (counted->fail_at > 0 && counted->count + 1 == counted->fail_at) {
        return error_set(error, STATUS_CANCELLED, 0, "stopped");
    }
    REQUIRE(counted->count < VALUES_MAX);
    char *text = counted->values[counted->count++];
    if (value == NULL) {
        snprintf(text, sizeof counted->values[0], "%s", kind->domain);
    } else {
        snprintf(text, sizeof counted->values[0], "%s:%.*s", kind->domain, (int)size,
                 (const char *)value);
    }
    return STATUS_OK;
}

static struct source_sink counting_sink(struct counted *counted)
{
    /* The collector is the first member. */
    struct source_sink sink = collector_sink(&counted->collector);
    sink.context = counted;
    sink.person = take_person;
    return sink;
}

static enum status run(struct counted *counted, const char *path,
                       const struct config_person *persons, size_t count, struct error *error)
{
    struct source_sink sink = counting_sink(counted);
    struct sqlite_options options = OPTIONS;
    options.persons = persons;
    options.person_count = count;
    error_clear(error);
    return sqlite_source_run(path, &options, &sink, error);
}

static void make_shop(const char *path)
{
    sqlite3 *db = database_open(path);
    database_run(db,
                 "PRAGMA journal_mode=WAL;"
                 "CREATE TABLE customers(id INTEGER PRIMARY KEY, code TEXT);"
                 "INSERT INTO customers VALUES (1, 'A-1'), (2, 'A-2'), (3, NULL);"
                 "CREATE TABLE visits(customer, note TEXT);"
                 "INSERT INTO visits VALUES (1, 'a'), (1, 'b'), (9, 'c'), (NULL, 'd'), ('', 'e'),"
                 " (1.5, 'f'), (x'4142', 'g')");
    sqlite3_close(db);
}

#define PERSON(domain, sql)                                                                        \
    {                                                                                              \
        (char[]){domain}, (char[])                                                                 \
        {                                                                                          \
            sql                                                                                    \
        }                                                                                          \
    }

static bool has(const struct counted *counted, const char *value)
{
    for (size_t i = 0; i < counted->count; i++) {
        if (strcmp(counted->values[i], value) == 0) {
            return true;
        }
    }
    return false;
}

static void test_every_row_is_told(void **state)
{
    struct fixture *fixture = *state;
    struct counted counted = {0};
    struct error error;
    const struct config_person persons[] = {
        PERSON("customer", "SELECT id FROM customers"),
        PERSON("customer", "WITH v AS (SELECT customer FROM visits) SELECT customer FROM v;"),
        PERSON("code", "SELECT code FROM customers"),
    };
    make_shop(fixture->path);
    if (run(&counted, fixture->path, persons, LENGTH(persons), &error) != STATUS_OK) {
        fail_msg("%s", error.message);
    }
    assert_int_equal(counted.count, 3 + 7 + 3);
    static const char *const values[] = {"customer:1",   "customer:9",  "customer", "customer:",
                                         "customer:1.5", "customer:AB", "code:A-2", "code"};
    for (size_t i = 0; i < LENGTH(values); i++) {
        if (!has(&counted, values[i])) {
            fail_msg("no %s", values[i]);
        }
    }
    assert_int_equal(counted.collector.ends, 1);
    assert_int_equal(counted.collector.table_count, 2);

    /* The image counts the same once more, with nobody's help but its own bytes. */
    image_write(&counted.collector, fixture->image);
    struct counted again = {0};
    struct source_sink sink = counting_sink(&again);
    struct config_person copies[LENGTH(persons)];
    memcpy(copies, persons, sizeof persons);
    struct config_source source = {.kind = SOURCE_SQLITE, .persons = copies, .person_count = 3};
    int fd = open(fixture->image, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    if (source_recount(&source, fd, &sink, &error) != STATUS_OK) {
        fail_msg("%s", error.message);
    }
    close(fd);
    assert_int_equal(again.count, counted.count);
    assert_int_equal(again.collector.table_count, 2);
    assert_int_equal(again.collector.entries, 0);
    char beside[128];
    snprintf(beside, sizeof beside, "%s-wal", fixture->image);
    assert_int_not_equal(access(beside, F_OK), 0);
    snprintf(beside, sizeof beside, "%s-shm", fixture->image);
    assert_int_not_equal(access(beside, F_OK), 0);
    source.kind = SOURCE_TREE;
    assert_int_equal(source_recount(&source, 0, &sink, &error), STATUS_UNSUPPORTED);
    collector_free(&counted.collector);
}

/* What is written while persons are counted is not in the image, so nobody counts it. */
static const char *written_meanwhile;
static enum status write_meanwhile(void *context, const char *table, uint64_t rows,
                                   struct error *error)
{
    if (written_meanwhile != NULL) {
        sqlite3 *db = database_open(written_meanwhile);
        database_run(db, "INSERT INTO customers VALUES (77, 'late')");
        sqlite3_close(db);
        written_meanwhile = NULL;
    }
    return collect_rows(context, table, rows, error);
}

static void test_one_state_for_all(void **state)
{
    struct fixture *fixture = *state;
    struct counted counted = {0};
    struct error error;
    const struct config_person person = PERSON("customer", "SELECT id FROM customers");
    make_shop(fixture->path);
    struct source_sink sink = counting_sink(&counted);
    sink.rows = write_meanwhile;
    written_meanwhile = fixture->path;
    struct sqlite_options options = OPTIONS;
    options.persons = &person;
    options.person_count = 1;
    assert_int_equal(sqlite_source_run(fixture->path, &options, &sink, &error), STATUS_OK);
    assert_null(written_meanwhile);
    assert_int_equal(counted.count, 3);
    image_write(&counted.collector, fixture->image);
    sqlite3 *db = database_open(fixture->image);
    assert_int_equal(database_number(db, "SELECT count(*) FROM customers"), 3);
    sqlite3_close(db);
    collector_free(&counted.collector);
}

static void test_sql_that_cannot_count(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        const char *sql, *says;
    } cases[] = {
        {"SELECT id FROM nobody", "no such table"},
        {"SELECT id, code FROM customers", "exactly one column"},
        {"DELETE FROM customers", "not authorized"},
        {"DELETE FROM customers RETURNING id", "not authorized"},
        {"PRAGMA user_version", "not authorized"},
        {"ATTACH '/etc/passwd' AS a", "not authorized"},
        {"SELECT load_extension('x')", "not authorized"},
        {"SELECT id FROM customers; SELECT 1", "more than one statement"},
        {"SELECT id FROM customers WHERE id > ?", "parameter"},
        {"-- nothing", "not a statement that reads"},
        {"SELECT abs(-9223372036854775807 - id) FROM customers", "integer overflow"},
    };
    make_shop(fixture->path);
    for (size_t i = 0; i < LENGTH(cases); i++) {
        struct counted counted = {0};
        struct error error;
        char sql[128];
        snprintf(sql, sizeof sql, "%s", cases[i].sql);
        const struct config_person person = {(char[]){"customer"}, sql};
        assert_int_equal(run(&counted, fixture->path, &person, 1, &error), STATUS_USAGE);
        if (strstr(error.message, cases[i].says) == NULL ||
            strstr(error.message, "\"customer\"") == NULL) {
            fail_msg("%s: %s", cases[i].sql, error.message);
        }
        assert_int_equal(counted.collector.ends, 0); /* never a database without its count */
        collector_free(&counted.collector);
    }
    sqlite3 *db = database_open(fixture->path);
    assert_int_equal(database_number(db, "SELECT count(*) FROM customers"), 3);
    sqlite3_close(db);
}

static void test_the_sink_can_stop_it(void **state)
{
    struct fixture *fixture = *state;
    struct counted counted = {.fail_at = 2};
    struct error error;
    const struct config_person person = PERSON("customer", "SELECT id FROM customers");
    make_shop(fixture->path);
    assert_int_equal(run(&counted, fixture->path, &person, 1, &error), STATUS_CANCELLED);
    assert_int_equal(counted.count, 1);
    collector_free(&counted.collector);
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, fixture_make, fixture_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_row_is_told),
        TEST(one_state_for_all),
        TEST(sql_that_cannot_count),
        TEST(the_sink_can_stop_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
