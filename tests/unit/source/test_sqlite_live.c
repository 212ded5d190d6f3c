/* test_sqlite_live: the image is one state of the database although another process writes without
 * pause, and the counts are of that very state. */
#include "sqlite_fixture.h"
#include <signal.h>

#define ACCOUNTS 2000
#define SUM (ACCOUNTS * 100)
#define READS 20

static volatile sig_atomic_t stop;

static void on_stop(int number)
{
    (void)number;
    stop = 1;
}

static void make_accounts(const char *path, const char *journal)
{
    sqlite3 *db = database_open(path);
    database_run(db, journal);
    database_run(db,
                 "CREATE TABLE accounts(id INTEGER PRIMARY KEY, balance INTEGER, note BLOB);"
                 "CREATE TABLE transfers(id INTEGER PRIMARY KEY, a, b, amount);"
                 "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)"
                 "INSERT INTO accounts SELECT i, 100, randomblob(900) FROM n");
    sqlite3_close(db);
}

/* Every transfer moves money between two accounts far from each other, and is written down. */
static void write_transfers(const char *path)
{
    sqlite3 *db = database_open(path);
    database_run(db, "PRAGMA synchronous=OFF");
    unsigned number = 7;
    while (!stop) {
        number = number * 1103515245u + 12345u;
        unsigned from = number / 65536 % ACCOUNTS + 1;
        unsigned to = (from + ACCOUNTS / 2) % ACCOUNTS + 1;
        char sql[512];
        snprintf(sql, sizeof sql,
                 "BEGIN IMMEDIATE; UPDATE accounts SET balance = balance - 3 WHERE id = %u;"
                 "UPDATE accounts SET balance = balance + 3 WHERE id = %u;"
                 "INSERT INTO transfers(a, b, amount) VALUES (%u, %u, 3); COMMIT",
                 from, to, from, to);
        database_run(db, sql);
    }
    sqlite3_close(db);
    _exit(0);
}

/* The image holds the sum, the counted rows, and for every account what its transfers say. */
static int64_t check_accounts(const struct fixture *fixture, const struct collector *collector)
{
    image_write(collector, fixture->image);
    integrity_check(fixture->image);
    sqlite3 *db = database_open(fixture->image);
    assert_int_equal(database_number(db, "SELECT sum(balance) FROM accounts"), SUM);
    int64_t transfers = database_number(db, "SELECT count(*) FROM transfers");
    assert_int_equal(collector->table_count, 2);
    assert_string_equal(collector->tables[0].name, "accounts");
    assert_int_equal(collector->tables[0].rows, ACCOUNTS);
    assert_string_equal(collector->tables[1].name, "transfers");
    assert_int_equal(collector->tables[1].rows, transfers);
    assert_int_equal(database_number(db,
                                     "SELECT count(*) FROM accounts WHERE balance <> 100"
                                     " - 3 * (SELECT count(*) FROM transfers WHERE a = accounts.id)"
                                     " + 3 * (SELECT count(*) FROM transfers WHERE b = accounts.id)"
                                     " AND id < 20"),
                     0);
    sqlite3_close(db);
    unlink(fixture->image);
    char name[128];
    snprintf(name, sizeof name, "%s-wal", fixture->image);
    unlink(name);
    snprintf(name, sizeof name, "%s-shm", fixture->image);
    unlink(name);
    return transfers;
}

/* Until the writer, which may get little of a busy machine, has done something new. */
static void wait_for_transfers(const struct fixture *fixture, pid_t child, int64_t last)
{
    sqlite3 *db = database_open(fixture->path);
    while (database_number(db, "SELECT count(*) FROM transfers") <= last) {
        assert_int_equal(waitpid(child, NULL, WNOHANG), 0);
        usleep(1000);
    }
    sqlite3_close(db);
}

static void read_while_written(const struct fixture *fixture, unsigned pause_us)
{
    pid_t child = child_start();
    if (child == 0) {
        signal(SIGTERM, on_stop);
        write_transfers(fixture->path);
    }
    int64_t last = 0;
    for (int i = 0; i < READS; i++) {
        wait_for_transfers(fixture, child, last);
        struct collector collector = {.pause_us = pause_us};
        struct error error;
        enum status status = collect(&collector, fixture->path, &OPTIONS, &error);
        if (status != STATUS_OK) {
            kill(child, SIGKILL);
            fail_msg("%s", error.message);
        }
        int64_t transfers = check_accounts(fixture, &collector);
        assert_true(transfers > last);
        last = transfers;
        collector_free(&collector);
    }
    kill(child, SIGTERM);
    wait_for(child);
}

static void test_wal(void **state)
{
    make_accounts(((struct fixture *)*state)->path, "PRAGMA journal_mode=WAL");
    read_while_written(*state, 1000);
}

static void test_rollback_journal(void **state)
{
    make_accounts(((struct fixture *)*state)->path, "PRAGMA journal_mode=DELETE");
    read_while_written(*state, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_wal, fixture_make, fixture_remove),
        cmocka_unit_test_setup_teardown(test_rollback_journal, fixture_make, fixture_remove),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
