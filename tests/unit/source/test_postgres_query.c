/* Questions of the carry gate to a real PostgreSQL: what comes out, and what never runs. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "kura/source.h"
#include "support/postgres.h"
#include <unistd.h>

static struct postgres_server server;
static char source_name[] = "customers";
static char reader[] = "dbname=shop user=reader";

/* "a,b;" then for each row its values with a letter for the type. */
static char answer[4096];

static enum status take_columns(void *context, const char *const *names, size_t count,
                                struct error *error)
{
    (void)context, (void)error;
    answer[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        size_t used = strlen(answer);
        snprintf(answer + used, sizeof answer - used, "%s%c", names[i], i + 1 < count ? ',' : ';');
    }
    return STATUS_OK;
}

static enum status take_row(void *context, const struct query_value *values, size_t count,
                            struct error *error)
{
    (void)context, (void)error;
    static const char types[] = {
        [QUERY_NULL] = '0', [QUERY_NUMBER] = 'n', [QUERY_TEXT] = 't', [QUERY_BINARY] = 'b'};
    for (size_t i = 0; i < count; i++) {
        size_t used = strlen(answer);
        snprintf(answer + used, sizeof answer - used, "%c%.*s%c", types[values[i].type],
                 (int)values[i].size, values[i].data == NULL ? "" : values[i].data,
                 i + 1 < count ? ',' : ';');
    }
    return STATUS_OK;
}

static enum status ask(char *connection, const struct query *query, struct error *error)
{
    const struct config_source source = {
        .name = source_name, .kind = SOURCE_POSTGRES, .postgres = {.connection = connection}};
    const struct query_sink sink = {.columns = take_columns, .row = take_row};
    error_clear(error);
    strcpy(answer, "-");
    return source_query(&source, query, &sink, error);
}

static enum status ask_sql(const char *sql, struct error *error)
{
    const struct query query = {.sql = sql, .max_rows = 1000, .timeout = 20};
    return ask(reader, &query, error);
}

static void expect_answer(const char *sql, const char *expected)
{
    struct error error;
    if (ask_sql(sql, &error) != STATUS_OK) {
        fail_msg("%s: %s", sql, error.message);
    }
    assert_string_equal(answer, expected);
}

static void test_types(void **state)
{
    (void)state;
    expect_answer(
        "SELECT 1 AS i, -2.50::numeric AS \"n 1\", 0.1::float8 AS f, 9223372036854775807 AS b",
        "i,n 1,f,b;n1,n-2.50,n0.1,n9223372036854775807;");
    expect_answer("SELECT '山田' AS 名前, NULL::int AS x, true AS y, ''::text AS z",
                  "名前,x,y,z;t山田,0,tt,t;");
    expect_answer("SELECT '\\x4142ff'::bytea AS b, ''::bytea AS e", "b,e;bAB\xff,b;");
    expect_answer("SELECT date '2026-11-28', timestamptz '2026-11-28 00:00+00' AT TIME ZONE 'UTC', "
                  "interval '1 day 2 hours', ARRAY[1,2], '{\"a\": 1}'::jsonb",
                  "date,timezone,interval,array,jsonb;t2026-11-28,t2026-11-28 00:00:00,"
                  "t1 day 02:00:00,t{1,2},t{\"a\": 1};");
    expect_answer("SELECT id FROM customers WHERE false", "id;");
    expect_answer("VALUES (1), (2);", "column1;n1;n2;");
    expect_answer("WITH x AS (SELECT id FROM customers) SELECT max(id) FROM x -- the last one",
                  "max;n500;");
}

static void test_parameters(void **state)
{
    (void)state;
    const struct query_parameter parameters[] = {{"from", "2", true},
                                                 {"to", "3", true},
                                                 {"day", "2026-01-02", false},
                                                 {"name", "a'b:c", false}};
    struct query query = {.sql = "SELECT id, ':to' AS t, :name || '' AS n FROM customers WHERE id "
                                 "BETWEEN :from AND :to AND since >= :day AND since = :day::date + "
                                 "0 ORDER BY id LIMIT :to",
                          .parameters = parameters,
                          .parameter_count = LENGTH(parameters),
                          .max_rows = 10,
                          .timeout = 20};
    struct error error;
    if (ask(reader, &query, &error) != STATUS_OK) {
        fail_msg("%s", error.message);
    }
    assert_string_equal(answer, "id,t,n;n2,t:to,ta'b:c;n3,t:to,ta'b:c;");
    query.sql = "SELECT :other";
    assert_int_equal(ask(reader, &query, &error), STATUS_USAGE);
    query.sql = "SELECT $1";
    assert_int_equal(ask(reader, &query, &error), STATUS_USAGE);
    const struct query_parameter odd = {"day", "2026-13-45", false};
    query = (struct query){.sql = "SELECT date :day", .parameters = &odd, .parameter_count = 1};
    query.sql = "SELECT :day::date";
    query.max_rows = 10;
    query.timeout = 20;
    assert_int_equal(ask(reader, &query, &error), STATUS_USAGE);
}

/* What the server remarks is not for anybody's standard error. */
static void test_remarks(void **state)
{
    (void)state;
    int kept = dup(STDERR_FILENO);
    FILE *file = tmpfile();
    assert_true(kept >= 0 && file != NULL && dup2(fileno(file), STDERR_FILENO) >= 0);
    struct error error;
    enum status status = ask_sql("SELECT remark()", &error);
    assert_true(dup2(kept, STDERR_FILENO) >= 0);
    close(kept);
    assert_int_equal(status, STATUS_OK);
    assert_int_equal(lseek(fileno(file), 0, SEEK_END), 0);
    fclose(file);
}

static void test_limits(void **state)
{
    (void)state;
    struct query query = {
        .sql = "SELECT id FROM customers ORDER BY id", .max_rows = 3, .timeout = 20};
    struct error error;
    assert_int_equal(ask(reader, &query, &error), STATUS_REFUSED);
    assert_non_null(strstr(error.message, "[rows]"));
    assert_string_equal(answer, "id;n1;n2;n3;");
    query.max_rows = 500;
    assert_int_equal(ask(reader, &query, &error), STATUS_OK);
    query = (struct query){.sql = "SELECT pg_sleep(60)", .max_rows = 1, .timeout = 1};
    double begin = clock_monotonic();
    assert_int_equal(ask(reader, &query, &error), STATUS_REFUSED);
    assert_non_null(strstr(error.message, "[timeout]"));
    assert_true(clock_monotonic() - begin < 10);
    /* Nor can a statement give itself more time. */
    query.sql = "SELECT set_config('statement_timeout', '0', false), pg_sleep(60)";
    assert_int_equal(ask(reader, &query, &error), STATUS_REFUSED);
    usleep(200000);
    postgres_server_run("shop", "DO $$ BEGIN IF EXISTS (SELECT FROM pg_stat_activity WHERE usename "
                                "= 'reader') THEN RAISE EXCEPTION 'it still runs'; END IF; END $$");
    assert_int_equal(ask_sql("SELECT repeat('x', 17 * 1024 * 1024)", &error), STATUS_USAGE);
}

/* The role may write, and still nothing is written. */
static void test_nothing_is_written(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",
        ";",
        "-- nothing",
        "SELEC 1",
        "SELECT nothing FROM customers",
        "SELECT * FROM nowhere",
        "SELECT 1; SELECT 2",
        "SELECT 1; DROP TABLE customers",
        "INSERT INTO customers VALUES (1000, 'x')",
        "INSERT INTO customers VALUES (1000, 'x') RETURNING id",
        "DELETE FROM customers",
        "WITH x AS (DELETE FROM customers RETURNING id) SELECT * FROM x",
        "SELECT * INTO copy FROM customers",
        "CREATE TABLE copy AS SELECT * FROM customers",
        "SELECT nextval('numbers')",
        "SELECT add_customer()",
        "SELECT query_to_xml('DELETE FROM customers RETURNING id', true, true, '')",
        "SELECT pg_notify('a', 'b') FROM nowhere",
        "SELECT set_config('transaction_read_only', 'off', false), add_customer()",
        "SELECT make_writable()",
        "SELECT id FROM customers FOR UPDATE",
        "EXPLAIN ANALYZE DELETE FROM customers",
        "CALL commit_and_add()",
        "COMMIT",
        "SET TRANSACTION READ WRITE",
        "SET default_transaction_read_only = off",
        "DO $$ BEGIN DELETE FROM customers; END $$",
        "COPY customers TO STDOUT",
        "COPY customers FROM STDIN",
        "COPY customers TO PROGRAM 'touch /tmp/kura-was-here'",
        "VACUUM customers",
        "LOCK TABLE customers",
        "LISTEN x",
        "PREPARE x AS DELETE FROM customers",
    };
    for (size_t i = 0; i < LENGTH(wrong); i++) {
        struct error error;
        enum status status = ask_sql(wrong[i], &error);
        if (status != STATUS_USAGE) {
            fail_msg("%s: status %d, %s", wrong[i], status, error.message);
        }
    }
    /* What a role may not do is told as this. */
    static const char *const denied[] = {
        "SELECT pg_read_file('/etc/passwd')",
        "SELECT * FROM pg_authid",
        "SELECT pg_ls_dir('/')",
        "SELECT lo_export(1, '/tmp/kura-was-here')",
        "SELECT x FROM secret",
    };
    for (size_t i = 0; i < LENGTH(denied); i++) {
        struct error error;
        if (ask_sql(denied[i], &error) != STATUS_DENIED) {
            fail_msg("%s: %s", denied[i], error.message);
        }
    }
    assert_int_not_equal(access("/tmp/kura-was-here", F_OK), 0);
    /* Before PostgreSQL 16 this is no writing; but what is never committed was never there. */
    struct error error;
    (void)!ask_sql("SELECT lo_from_bytea(4711, 'x')", &error);
    expect_answer("SELECT count(*) FROM pg_largeobject_metadata", "count;n0;");
    expect_answer("SELECT count(*), sum(id) FROM customers", "count,sum;n500,n125250;");
}

/* Roles that could reach outside of the database may not ask at all. */
static void test_powerful_roles(void **state)
{
    (void)state;
    static const struct {
        const char *give, *take;
    } powers[] = {
        {"ALTER ROLE reader SUPERUSER", "ALTER ROLE reader NOSUPERUSER"},
        {"GRANT shop_owner TO reader; ALTER ROLE reader NOINHERIT",
         "REVOKE shop_owner FROM reader; ALTER ROLE reader INHERIT"},
        {"GRANT pg_execute_server_program TO reader",
         "REVOKE pg_execute_server_program FROM reader"},
        {"GRANT pg_read_server_files TO reader", "REVOKE pg_read_server_files FROM reader"},
        {"GRANT EXECUTE ON FUNCTION pg_read_file(text) TO reader",
         "REVOKE EXECUTE ON FUNCTION pg_read_file(text) FROM reader"},
        {"CREATE EXTENSION dblink", "DROP EXTENSION dblink"},
    };
    struct error error;
    for (size_t i = 0; i < LENGTH(powers); i++) {
        postgres_server_run("shop", powers[i].give);
        enum status status = ask_sql("SELECT 1", &error);
        postgres_server_run("shop", powers[i].take);
        if (status != STATUS_USAGE || strstr(error.message, "may do more") == NULL) {
            fail_msg("%s: status %d, %s", powers[i].give, status, error.message);
        }
        assert_int_equal(ask_sql("SELECT 1", &error), STATUS_OK);
    }
}

static int start(void **state)
{
    (void)state;
    if (!postgres_server_start(&server)) {
        return -1;
    }
    postgres_server_run("postgres", "CREATE DATABASE shop");
    postgres_server_run(
        "shop",
        "CREATE TABLE customers (id int, name text, since date DEFAULT '2026-01-02');"
        "INSERT INTO customers SELECT i, 'customer ' || i FROM generate_series(1, 500) i;"
        "CREATE SEQUENCE numbers; CREATE TABLE secret (x int); CREATE ROLE reader LOGIN;"
        "GRANT ALL ON customers, numbers TO reader; GRANT CREATE ON DATABASE shop TO reader;"
        "GRANT CREATE ON SCHEMA public TO reader;"
        "CREATE FUNCTION add_customer() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'INSERT INTO "
        "customers VALUES (0) RETURNING 1';"
        "CREATE FUNCTION remark() RETURNS int LANGUAGE plpgsql AS $$ BEGIN RAISE WARNING 'look'; "
        "RETURN 1; END $$;"
        "CREATE FUNCTION make_writable() RETURNS int LANGUAGE plpgsql AS $$ BEGIN SET "
        "transaction_read_only = off; DELETE FROM customers; RETURN 1; END $$;"
        "CREATE PROCEDURE commit_and_add(INOUT x int DEFAULT 1) LANGUAGE plpgsql AS $$ BEGIN "
        "COMMIT; DELETE FROM customers; END $$");
    return 0;
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
        cmocka_unit_test(test_types),
        cmocka_unit_test(test_parameters),
        cmocka_unit_test(test_remarks),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_nothing_is_written),
        cmocka_unit_test(test_powerful_roles),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
