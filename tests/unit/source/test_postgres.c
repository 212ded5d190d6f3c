/* PostgreSQL as a source, with a real server: the state that is delivered, and that no trouble ends
 * as a good dump. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "source/postgres.h"
#include "support/postgres.h"
#include "support/source_recorder.h"
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static struct postgres_server server;
static char source_name[] = "customers";

/* What came by the sink's rows and person. */
static char rows[4096];
static char persons[1024];

static enum status take_rows(void *context, const char *table, uint64_t count, struct error *error)
{
    size_t used = strlen(rows);
    snprintf(rows + used, sizeof rows - used, "%s %llu\n", table, (unsigned long long)count);
    return recorder_rows(context, table, count, error);
}

static enum status take_person(void *context, const struct config_person *kind, const void *value,
                               size_t size, struct error *error)
{
    size_t used = strlen(persons);
    snprintf(persons + used, sizeof persons - used, "%s=%.*s ", kind->domain,
             value == NULL ? 4 : (int)size, value == NULL ? "NULL" : (const char *)value);
    return recorder_call(context, error);
}

static struct config_source source_of(char *connection)
{
    return (struct config_source){.name = source_name,
                                  .kind = SOURCE_POSTGRES,
                                  .postgres = {.connection = connection,
                                               .pg_dump = server.pg_dump,
                                               .lock_timeout = 20,
                                               .large_objects = true}};
}

static enum status run(const struct config_source *source, struct recorder *recorder,
                       struct error *error)
{
    struct source_sink sink = recorder_sink(recorder);
    sink.rows = take_rows;
    sink.person = take_person;
    rows[0] = persons[0] = '\0';
    error_clear(error);
    enum status status = source_run(source, &sink, error);
    if (status != STATUS_OK) {
        for (size_t i = 0; i < recorder->count; i++) {
            assert_false(recorder->entries[i].ended);
        }
    }
    return status;
}

/* Runs the source; it must fail so, and say `words`. */
static void expect_failure(const struct config_source *source, enum status wanted,
                           const char *words)
{
    CLEANUP(recorder_free) struct recorder recorder = {0};
    struct error error;
    enum status status = run(source, &recorder, &error);
    if (status != wanted || strstr(error.message, words) == NULL || error.hint[0] == '\0') {
        fail_msg("status %d, \"%s\" (%s)", status, error.message, error.hint);
    }
}

static void remake(const char *sql)
{
    postgres_server_run("postgres", "DROP DATABASE IF EXISTS shop WITH (FORCE)");
    postgres_server_run("postgres", "CREATE DATABASE shop");
    postgres_server_run("shop", sql);
}

#define SHOP                                                                                       \
    "CREATE TABLE customers (id int, name text);"                                                  \
    "INSERT INTO customers SELECT i, 'customer ' || i FROM generate_series(1, 500) i;"

/* ------------------------------------------------------------------ the state */

static void test_counts(void **state)
{
    (void)state;
    remake(SHOP "CREATE TABLE \"お客 様\" (x int); CREATE SCHEMA \"Other\";"
                "CREATE TABLE \"Other\".empty (); CREATE VIEW seen AS TABLE customers;"
                "CREATE TABLE parent (a int); CREATE TABLE child (b int) INHERITS (parent);"
                "INSERT INTO parent VALUES (1); INSERT INTO child VALUES (1, 2), (3, 4);"
                "CREATE TABLE parts (a int) PARTITION BY LIST (a);"
                "CREATE TABLE part1 PARTITION OF parts FOR VALUES IN (1);"
                "CREATE TABLE part2 PARTITION OF parts FOR VALUES IN (2);"
                "INSERT INTO parts VALUES (1), (2), (2);"
                "CREATE EXTENSION pgcrypto; CREATE TABLE theirs (x int);"
                "ALTER EXTENSION pgcrypto ADD TABLE theirs;");
    CLEANUP(recorder_free) struct recorder recorder = {0};
    char words[] = "dbname=shop";
    struct config_source source = source_of(words);
    struct error error;
    assert_int_equal(run(&source, &recorder, &error), STATUS_OK);
    assert_string_equal(rows, "\"Other\".empty 0\npublic.child 2\npublic.customers 500\n"
                              "public.parent 1\npublic.part1 1\npublic.part2 2\n"
                              "public.\"お客 様\" 0\n");
    assert_int_equal(recorder.count, 1);
    assert_int_equal(recorder.warning_count, 0);
    const struct recorded *dump = recorder_get(&recorder, POSTGRES_DUMP_NAME);
    assert_int_equal(dump->entry.mode, 0600);
    assert_memory_equal(dump->content.data, "PGDMP", 5);
    assert_non_null(memmem(dump->content.data, dump->content.size, "customer 500\n", 13));
}

/* Rows that come while it runs are in neither the counts nor the dump. */
static void write_more(struct recorder *recorder, const struct entry *entry)
{
    (void)recorder, (void)entry;
    postgres_server_run("shop", "INSERT INTO customers VALUES (0, 'came too late')");
}

static void test_one_state(void **state)
{
    (void)state;
    remake(SHOP);
    CLEANUP(recorder_free) struct recorder recorder = {.on_entry = write_more};
    char words[] = "dbname=shop";
    struct config_source source = source_of(words);
    struct error error;
    assert_int_equal(run(&source, &recorder, &error), STATUS_OK);
    assert_string_equal(rows, "public.customers 500\n");
    const struct recorded *dump = recorder_get(&recorder, POSTGRES_DUMP_NAME);
    assert_null(memmem(dump->content.data, dump->content.size, "too late", 8));
}

static void test_persons(void **state)
{
    (void)state;
    remake("CREATE TABLE people (id int, mail text, token bytea);"
           "INSERT INTO people VALUES (1, 'a@x', 'ab'), (2, NULL, 'cd'), (1, 'b@x', 'ab')");
    char customer[] = "customer";
    char mail[] = "mail";
    char token[] = "token";
    char by_id[] = "SELECT id FROM people ORDER BY mail NULLS LAST";
    char by_mail[] = "SELECT mail FROM people ORDER BY 1; ";
    char by_token[] = "SELECT token FROM people WHERE id = 2";
    char nobody[] = "SELECT id FROM people WHERE false";
    struct config_person kinds[] = {
        {customer, by_id}, {mail, by_mail}, {token, by_token}, {mail, nobody}};
    char words[] = "dbname=shop";
    struct config_source source = source_of(words);
    source.persons = kinds;
    source.person_count = LENGTH(kinds);
    {
        CLEANUP(recorder_free) struct recorder recorder = {0};
        struct error error;
        assert_int_equal(run(&source, &recorder, &error), STATUS_OK);
        assert_string_equal(persons, "customer=1 customer=1 customer=2 mail=a@x mail=b@x mail=NULL "
                                     "token=cd ");
    }
    static const struct {
        const char *sql, *words;
        enum status status;
    } wrong[] = {
        {"SELECT id, mail FROM people", "it must give exactly one column", STATUS_USAGE},
        {"SELECT nothing FROM people",
         "counting persons of domain \"customer\": the SQL cannot be used", STATUS_USAGE},
        {"SELECT id FROM nobody", "counting persons of domain \"customer\"", STATUS_NOT_FOUND},
        {"DELETE FROM people RETURNING id", "read-only", STATUS_USAGE},
        {"COPY people TO STDOUT", "it must give exactly one column", STATUS_USAGE},
        {"COMMIT", "it must give exactly one column", STATUS_USAGE},
        {"SELECT 1; SELECT 2", "multiple commands", STATUS_USAGE},
    };
    for (size_t i = 0; i < LENGTH(wrong); i++) {
        CLEANUP(recorder_free) struct recorder recorder = {0};
        CLEANUP(memory_free) char *sql = strdup(wrong[i].sql);
        struct error error;
        kinds[0].sql = sql;
        source.person_count = 1;
        enum status status = run(&source, &recorder, &error);
        if (status != wrong[i].status || strstr(error.message, wrong[i].words) == NULL) {
            fail_msg("%s: status %d, %s", sql, status, error.message);
        }
    }
    postgres_server_run("shop", "DO $$ BEGIN IF (SELECT count(*) <> 3 FROM people) THEN RAISE "
                                "EXCEPTION 'rows are gone'; END IF; END $$");
}

static void test_server_without_room(void **state)
{
    (void)state;
    remake(SHOP
           "ALTER DATABASE shop SET temp_file_limit = '100kB'; ALTER DATABASE shop SET work_mem "
           "= '64kB'; INSERT INTO customers SELECT i FROM generate_series(1, 50000) i");
    char domain[] = "customer";
    char sql[] = "SELECT id FROM customers ORDER BY 1";
    struct config_person kind = {domain, sql};
    char words[] = "dbname=shop";
    struct config_source source = source_of(words);
    source.persons = &kind;
    source.person_count = 1;
    expect_failure(&source, STATUS_FAILED, "temp_file_limit");
}

/* Time-outs that the database has for everybody must not end the waiting session. */
static void sleep_once(struct recorder *recorder, const struct entry *entry)
{
    (void)recorder, (void)entry;
    usleep(400000);
}

static void test_timeouts_of_the_database(void **state)
{
    (void)state;
    remake(SHOP "ALTER DATABASE shop SET idle_in_transaction_session_timeout = '100ms';"
                "ALTER DATABASE shop SET statement_timeout = '1s';"
                "ALTER DATABASE shop SET datestyle = 'German'");
    CLEANUP(recorder_free) struct recorder recorder = {.on_entry = sleep_once};
    char words[] = "dbname=shop";
    struct config_source source = source_of(words);
    struct error error;
    assert_int_equal(run(&source, &recorder, &error), STATUS_OK);
}

/* ------------------------------------------------------------------ others are at work */

/* Another session, in a process of its own; `script` as psql reads it. */
static pid_t start_psql(const char *script)
{
    pid_t pid = fork();
    if (pid == 0) {
        execlp("psql", "psql", "-qX", "-d", "shop", "-c", script, (char *)NULL);
        _exit(127);
    }
    assert_true(pid > 0);
    return pid;
}

static void wait_for_psql(pid_t pid)
{
    int result;
    assert_int_equal(waitpid(pid, &result, 0), pid);
    assert_int_equal(result, 0);
}

static bool is_held(void)
{
    PGconn *connection = PQsetdbLogin(NULL, NULL, NULL, NULL, "shop", NULL, NULL);
    PGresult *result = PQexec(connection, "SELECT FROM pg_locks WHERE granted AND mode = "
                                          "'AccessExclusiveLock' AND relation = "
                                          "'customers'::regclass");
    bool held = PQntuples(result) > 0;
    PQclear(result);
    PQfinish(connection);
    return held;
}

static pid_t hold_customers(const char *script)
{
    pid_t pid = start_psql(script);
    for (unsigned i = 0; i < 500 && !is_held(); i++) {
        usleep(20000);
    }
    assert_true(is_held());
    return pid;
}

/* The table was emptied and another one made while we waited for it: an older snapshot would show
 * neither the new rows nor the old ones. */
static void test_changed_while_waiting(void **state)
{
    (void)state;
    remake(SHOP);
    pid_t pid = hold_customers("BEGIN; TRUNCATE customers; INSERT INTO customers VALUES (7, 'new');"
                               "CREATE TABLE late AS SELECT 1 AS x; SELECT pg_sleep(1); COMMIT");
    CLEANUP(recorder_free) struct recorder recorder = {0};
    char words[] = "dbname=shop";
    struct config_source source = source_of(words);
    struct error error;
    assert_int_equal(run(&source, &recorder, &error), STATUS_OK);
    assert_string_equal(rows, "public.customers 1\npublic.late 1\n");
    wait_for_psql(pid);
    pid = hold_customers("BEGIN; DROP TABLE customers; SELECT pg_sleep(1); COMMIT");
    CLEANUP(recorder_free) struct recorder second = {0};
    assert_int_equal(run(&source, &second, &error), STATUS_OK);
    assert_string_equal(rows, "public.late 1\n");
    wait_for_psql(pid);
}

static void test_lock_timeout(void **state)
{
    (void)state;
    remake(SHOP);
    pid_t pid = hold_customers("BEGIN; LOCK TABLE customers; SELECT pg_sleep(60)");
    char words[] = "dbname=shop";
    struct config_source source = source_of(words);
    source.postgres.lock_timeout = 1;
    expect_failure(&source, STATUS_LOCKED, "table public.customers: PostgreSQL:");
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

static double stop_after;
static enum status stop_waiting(void *context, struct error *error)
{
    (void)context;
    return clock_monotonic() < stop_after ? STATUS_OK
                                          : error_set(error, STATUS_CANCELLED, 0, "stopped");
}

static void test_cancelled_while_waiting(void **state)
{
    (void)state;
    remake(SHOP);
    pid_t pid = hold_customers("BEGIN; LOCK TABLE customers; SELECT pg_sleep(60)");
    CLEANUP(recorder_free) struct recorder recorder = {0};
    struct source_sink sink = recorder_sink(&recorder);
    sink.waiting = stop_waiting;
    char words[] = "dbname=shop application_name=waits";
    struct config_source source = source_of(words);
    struct error error;
    double begin = clock_monotonic();
    stop_after = begin + 0.5;
    assert_int_equal(source_run(&source, &sink, &error), STATUS_CANCELLED);
    assert_true(clock_monotonic() - begin < 5);
    usleep(200000);
    postgres_server_run("shop", "DO $$ BEGIN IF EXISTS (SELECT FROM pg_stat_activity WHERE "
                                "application_name = 'waits') THEN RAISE EXCEPTION 'it still "
                                "waits'; END IF; END $$");
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

static void test_silence(void **state)
{
    (void)state;
    CLEANUP(postgres_close) struct postgres postgres = {.silence = 0.7};
    char words[] = "dbname=postgres";
    struct config_source source = source_of(words);
    struct error error;
    assert_int_equal(postgres_open(&postgres, &source, 0, 0, &error), STATUS_OK);
    assert_int_equal(postgres_run(&postgres, "SELECT pg_sleep(0.3)", NULL, NULL, &error),
                     STATUS_OK);
    assert_int_equal(postgres_run(&postgres, "SELECT pg_sleep(60)", NULL, NULL, &error),
                     STATUS_FAILED);
    assert_non_null(strstr(error.message, "did not answer in time"));
}

/* ------------------------------------------------------------------ trouble */

static bool killed;

static void kill_session(const char *sql)
{
    if (!killed) {
        postgres_server_run("postgres", sql);
    }
    killed = true;
}

static void kill_ours(struct recorder *recorder)
{
    (void)recorder;
    kill_session("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE "
                 "'SELECT count(*) FROM ONLY public.customers'");
}

static void kill_dump(struct recorder *recorder)
{
    (void)recorder;
    kill_session("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE "
                 "application_name = 'pg_dump'");
}

static void test_killed(void **state)
{
    (void)state;
    remake(SHOP "INSERT INTO customers SELECT i, repeat(md5(i::text), 100) FROM generate_series(1, "
                "5000) i");
    char words[] = "dbname=shop";
    struct config_source source = source_of(words);
    struct error error;
    {
        CLEANUP(recorder_free) struct recorder recorder = {.on_advance = kill_ours};
        killed = false;
        assert_int_equal(run(&source, &recorder, &error), STATUS_FAILED);
        assert_non_null(strstr(error.message, "the session that held the state"));
    }
    CLEANUP(recorder_free) struct recorder recorder = {.on_advance = kill_dump};
    killed = false;
    assert_int_equal(run(&source, &recorder, &error), STATUS_FAILED);
    assert_non_null(strstr(error.message, "pg_dump ended with exit code 1"));
    assert_true(error.hint[0] != '\0');
}

static void test_rights(void **state)
{
    (void)state;
    remake(SHOP "CREATE TABLE secret (x int); DROP ROLE IF EXISTS reader; CREATE ROLE reader LOGIN;"
                "GRANT SELECT ON customers TO reader");
    char words[] = "dbname=shop user=reader";
    struct config_source source = source_of(words);
    expect_failure(&source, STATUS_DENIED, "table public.secret: PostgreSQL: permission denied");
    postgres_server_run("shop", "GRANT SELECT ON secret TO reader");
    CLEANUP(recorder_free) struct recorder recorder = {0};
    struct error error;
    source.postgres.globals = true;
    assert_int_equal(run(&source, &recorder, &error), STATUS_OK);
    assert_true(recorder_warned(&recorder, POSTGRES_GLOBALS_NAME, "without their passwords"));
    const struct recorded *globals = recorder_get(&recorder, POSTGRES_GLOBALS_NAME);
    assert_non_null(memmem(globals->content.data, globals->content.size, "CREATE ROLE reader", 18));
    /* Rows that a policy hides must not be missing without a word. */
    postgres_server_run("shop", "ALTER TABLE secret ENABLE ROW LEVEL SECURITY");
    expect_failure(&source, STATUS_DENIED, "row-level security");
}

static void test_globals(void **state)
{
    (void)state;
    remake(SHOP "DROP ROLE IF EXISTS seller; CREATE ROLE seller PASSWORD 'x'");
    CLEANUP(recorder_free) struct recorder recorder = {0};
    char words[] = "dbname=shop";
    struct config_source source = source_of(words);
    source.postgres.globals = true;
    struct error error;
    assert_int_equal(run(&source, &recorder, &error), STATUS_OK);
    assert_int_equal(recorder.warning_count, 0);
    const struct recorded *globals = recorder_get(&recorder, POSTGRES_GLOBALS_NAME);
    assert_non_null(memmem(globals->content.data, globals->content.size, "SCRAM-SHA-256", 13));
}

static void test_large_objects(void **state)
{
    (void)state;
    remake("SELECT lo_from_bytea(0, 'a large object')");
    char words[] = "dbname=shop";
    struct config_source source = source_of(words);
    for (int with = 0; with < 2; with++) {
        CLEANUP(recorder_free) struct recorder recorder = {0};
        struct error error;
        source.postgres.large_objects = with != 0;
        assert_int_equal(run(&source, &recorder, &error), STATUS_OK);
        const struct recorded *dump = recorder_get(&recorder, POSTGRES_DUMP_NAME);
        bool found = memmem(dump->content.data, dump->content.size, "a large object", 14) != NULL;
        assert_int_equal(found, with);
    }
}

/* ------------------------------------------------------------------ what the configuration says */

static void test_connection_strings(void **state)
{
    (void)state;
    static const struct {
        const char *words, *message;
        enum status status;
    } wrong[] = {
        {"host=h shop", "the connection string cannot be used: missing \"=\"", STATUS_USAGE},
        {"dbname=shop colour=red", "invalid connection option \"colour\"", STATUS_USAGE},
        {"postgresql://[::1/shop", "the connection string cannot be used", STATUS_USAGE},
        {"dbname=shop password=open", "there is a password", STATUS_USAGE},
        {"postgresql://me:open@/shop", "there is a password", STATUS_USAGE},
        {"dbname=shop password=half open", "cannot be used: it is malformed", STATUS_USAGE},
        {"dbname=missing", "database \"missing\" does not exist", STATUS_FAILED},
        {"service=missing", "definition of service \"missing\" not found", STATUS_FAILED},
        {"host=/nowhere", "/nowhere", STATUS_FAILED},
    };
    for (size_t i = 0; i < LENGTH(wrong); i++) {
        CLEANUP(memory_free) char *words = strdup(wrong[i].words);
        struct config_source source = source_of(words);
        expect_failure(&source, wrong[i].status, wrong[i].message);
    }
    char quoted[] = "dbname='it''s'";
    struct config_source source = source_of(quoted);
    struct error error;
    char *words = NULL;
    assert_int_equal(postgres_words(&words, &source, &error), STATUS_USAGE);
    char escaped[] = "dbname='it\\'s \\\\ one' keepalives_idle=5";
    source.postgres.connection = escaped;
    assert_int_equal(postgres_words(&words, &source, &error), STATUS_OK);
    assert_non_null(strstr(words, "dbname='it\\'s \\\\ one' "));
    assert_non_null(strstr(words, "keepalives_idle='5' "));
    assert_non_null(strstr(words, "tcp_user_timeout='60000' "));
    free(words);
}

static void test_passwords(void **state)
{
    (void)state;
    remake(SHOP "DROP ROLE IF EXISTS far; CREATE ROLE far LOGIN SUPERUSER PASSWORD 'right'");
    char file[128];
    char words[512];
    struct error error;
    snprintf(file, sizeof file, "%s/pgpass", server.folder);
    snprintf(words, sizeof words,
             "host=localhost hostaddr=127.0.0.1 user=far dbname=shop sslmode=verify-full "
             "sslrootcert=%s/server.crt passfile=%s",
             server.data, file);
    struct config_source source = source_of(words);
    expect_failure(&source, STATUS_DENIED, "no password supplied");
    assert_int_equal(file_write(file, "*:*:*:*:wrong\n", 14, 0600, FILE_REPLACE_EXISTING, &error),
                     STATUS_OK);
    expect_failure(&source, STATUS_DENIED, "password authentication failed");
    assert_int_equal(file_write(file, "*:*:*:*:right\n", 14, 0600, FILE_REPLACE_EXISTING, &error),
                     STATUS_OK);
    CLEANUP(recorder_free) struct recorder recorder = {0};
    assert_int_equal(run(&source, &recorder, &error), STATUS_OK);
    assert_string_equal(rows, "public.customers 500\n");
}

/* A pg_dump that is not what it should be. */
static void test_programs(void **state)
{
    (void)state;
    remake(SHOP);
    static const struct {
        const char *script, *message;
        enum status status;
    } wrong[] = {
        {"echo 'pg_dump (PostgreSQL) 12.9'", "is of PostgreSQL 12 and cannot dump",
         STATUS_UNSUPPORTED},
        {"echo hello 99", "does not say its version", STATUS_FAILED},
        {"[ \"$1\" = --version ] && echo 'pg_dump (PostgreSQL) 99' || exit 3", "exit code 3",
         STATUS_FAILED},
        {"[ \"$1\" = --version ] && echo 'pg_dump (PostgreSQL) 99' || { echo half; kill -9 $$; }",
         "ended by signal 9", STATUS_FAILED},
    };
    char program[128];
    snprintf(program, sizeof program, "%s/pg_dump.sh", server.folder);
    char words[] = "dbname=shop";
    struct config_source source = source_of(words);
    source.postgres.pg_dump = program;
    expect_failure(&source, STATUS_NOT_FOUND, "could not be started");
    for (size_t i = 0; i < LENGTH(wrong); i++) {
        char script[256];
        struct error error;
        int size = snprintf(script, sizeof script, "#!/bin/sh\n%s\n", wrong[i].script);
        assert_int_equal(
            file_write(program, script, (size_t)size, 0700, FILE_REPLACE_EXISTING, &error),
            STATUS_OK);
        if (wrong[i].status == STATUS_FAILED && strstr(wrong[i].script, "hello") != NULL) {
            CLEANUP(recorder_free) struct recorder recorder = {0};
            assert_int_equal(run(&source, &recorder, &error), STATUS_FAILED);
            assert_non_null(strstr(error.message, wrong[i].message));
        } else {
            expect_failure(&source, wrong[i].status, wrong[i].message);
        }
    }
}

static int start(void **state)
{
    (void)state;
    return postgres_server_start(&server) ? 0 : -1;
}

static int stop(void **state)
{
    (void)state;
    postgres_server_stop(&server);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counts),
        cmocka_unit_test(test_one_state),
        cmocka_unit_test(test_persons),
        cmocka_unit_test(test_server_without_room),
        cmocka_unit_test(test_timeouts_of_the_database),
        cmocka_unit_test(test_changed_while_waiting),
        cmocka_unit_test(test_lock_timeout),
        cmocka_unit_test(test_cancelled_while_waiting),
        cmocka_unit_test(test_silence),
        cmocka_unit_test(test_killed),
        cmocka_unit_test(test_rights),
        cmocka_unit_test(test_globals),
        cmocka_unit_test(test_large_objects),
        cmocka_unit_test(test_connection_strings),
        cmocka_unit_test(test_passwords),
        cmocka_unit_test(test_programs),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
