/* Erasing from an image: what is gone is gone from every page; a rule reaches this database only,
 * and one that does not fit leaves an image that nobody gets. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "../../../src/restore/erase_sqlite.h"
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MARK "KESHITE-KUDASAI"

static char folder[] = "/tmp/kura-erase-XXXXXX";
static int folder_fd = -1;
static char customers[] = "customers", number[] = "7";

static int set_up(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(folder));
    folder_fd = open(folder, O_RDONLY | O_DIRECTORY);
    return folder_fd < 0;
}

static int tear_down(void **state)
{
    (void)state;
    unlinkat(folder_fd, "image", 0);
    close(folder_fd);
    return rmdir(folder);
}

static void make_image(const char *more)
{
    char path[64];
    sqlite3 *db;
    unlinkat(folder_fd, "image", 0);
    snprintf(path, sizeof path, "%s/image", folder);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(
        sqlite3_exec(db,
                     "PRAGMA secure_delete=OFF; PRAGMA journal_mode=WAL;"
                     "CREATE TABLE customers(id INTEGER PRIMARY KEY, name TEXT);"
                     "CREATE INDEX by_name ON customers(name);"
                     "CREATE TABLE visits(customer INTEGER REFERENCES customers(id), note TEXT);"
                     "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<500)"
                     "INSERT INTO customers SELECT i, 'name ' || i FROM n;"
                     "UPDATE customers SET name = 'x" MARK "' WHERE id = 7;"
                     "INSERT INTO visits SELECT id, name FROM customers;"
                     "INSERT INTO visits SELECT id, name FROM customers;",
                     NULL, NULL, NULL),
        SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, more, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static bool holds_mark(void)
{
    struct error error;
    struct buffer content = {0};
    char path[64];
    snprintf(path, sizeof path, "%s/image", folder);
    assert_int_equal(file_read(&content, path, 1 << 26, &error), STATUS_OK);
    bool found = memmem(content.data, content.size, MARK, strlen(MARK)) != NULL;
    buffer_free(&content);
    return found;
}

/* Applies the rules, which end with NULL, for the person 7. */
static enum status apply(struct restore_erased *erased, char **sql, uint64_t visits,
                         struct error *error)
{
    char *no_paths[] = {NULL};
    struct erasure_rule rule = {customers, sql, no_paths};
    struct erasure erasure = {.value = number, .rules = &rule, .rule_count = 1};
    const struct erasure_register entries = {.items = &erasure, .count = 1};
    static char customers_table[] = "customers", visits_table[] = "visits";
    struct statement_table tables[] = {{customers_table, 500}, {visits_table, visits}};
    const struct statement_source words = {
        .name = customers, .tables = tables, .table_count = LENGTH(tables)};
    const struct erase_rules rules = {.erasures = &entries, .words = &words};
    struct erase_image image;
    *erased = (struct restore_erased){0};
    *error = (struct error){0};
    enum status status = erase_image_open(&image, folder_fd, "image", error);
    if (status == STATUS_OK) {
        status = erase_image_run(erased, &image, &rules, error);
    }
    erase_image_close(&image);
    return status;
}

static char delete_visits[] = "DELETE FROM visits WHERE customer = :id";
static char delete_customer[] = "DELETE FROM customers WHERE id = :id;";

static void test_gone_from_every_page(void **state)
{
    (void)state;
    struct restore_erased erased;
    struct error error;
    char *sql[] = {delete_visits, delete_customer, NULL};
    make_image("CREATE TABLE old AS SELECT '" MARK "' || zeroblob(900) AS x FROM customers;"
               "DROP TABLE old");
    assert_true(holds_mark());
    if (apply(&erased, sql, 1000, &error) != STATUS_OK) {
        fail_msg("%s", error.message);
    }
    assert_false(holds_mark());
    assert_int_equal(erased.databases, 1);
    assert_int_equal(erased.rows, 3);
    assert_int_equal(erased.rows_removed, 3);
    unsigned char mode[2];
    int fd = openat(folder_fd, "image", O_RDONLY);
    assert_int_equal(pread(fd, mode, 2, 18), 2);
    close(fd);
    assert_int_equal(mode[0], 2); /* still in WAL mode */
    assert_int_equal(mode[1], 2);
    assert_int_not_equal(faccessat(folder_fd, "image-wal", F_OK, 0), 0);
    assert_int_not_equal(faccessat(folder_fd, "image-journal", F_OK, 0), 0);
}

static void test_other_counts_than_the_backup_had(void **state)
{
    (void)state;
    struct restore_erased erased;
    struct error error;
    char *sql[] = {delete_visits, NULL};
    make_image("");
    assert_int_equal(apply(&erased, sql, 999, &error), STATUS_CORRUPT);
    assert_non_null(strstr(error.message, "visits"));
    assert_int_equal(erased.databases, 0);
}

static void test_a_rule_reaches_this_database_only(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "ATTACH '/tmp/kura-erase-other.db' AS other",
        "PRAGMA secure_delete=OFF",
        "PRAGMA writable_schema=ON",
        "SELECT load_extension('/tmp/x.so') WHERE :id <> ''",
        "CREATE TABLE t(x)",
        "CREATE TEMP TABLE t(x)",
        "DROP TABLE visits",
        "ALTER TABLE visits ADD COLUMN x",
        "VACUUM INTO '/tmp/kura-erase-other.db'",
        "COMMIT",
        "SAVEPOINT s",
        "DELETE FROM visits WHERE customer = :id; DELETE FROM customers",
        "DELETE FROM visits WHERE customer = ?",
        "DELETE FROM visits WHERE customer = :other",
        "DELETE FROM no_table WHERE id = :id",
        "UPDATE sqlite_schema SET sql = :id",
        "",
    };
    for (size_t i = 0; i < LENGTH(bad); i++) {
        struct restore_erased erased;
        struct error error;
        char text[128];
        snprintf(text, sizeof text, "%s", bad[i]);
        char *sql[] = {text, NULL};
        make_image("");
        if (apply(&erased, sql, 1000, &error) != STATUS_FAILED) {
            fail_msg("not refused: %s: %s", bad[i], error.message);
        }
        assert_int_equal(erased.databases, 0);
    }
    assert_int_not_equal(access("/tmp/kura-erase-other.db", F_OK), 0);
}

/* What hangs on the person must not be forgotten by a rule. */
static void test_foreign_keys_count(void **state)
{
    (void)state;
    struct restore_erased erased;
    struct error error;
    char *sql[] = {delete_customer, NULL};
    make_image("");
    assert_int_equal(apply(&erased, sql, 1000, &error), STATUS_FAILED);
    assert_non_null(strstr(error.message, "FOREIGN KEY"));
}

static void test_what_is_no_database(void **state)
{
    (void)state;
    struct restore_erased erased;
    struct error error;
    char *sql[] = {delete_visits, NULL};
    int fd = openat(folder_fd, "image", O_WRONLY | O_TRUNC);
    close(fd);
    assert_int_equal(apply(&erased, sql, 1000, &error), STATUS_OK); /* an empty one stays empty */
    fd = openat(folder_fd, "image", O_WRONLY | O_TRUNC);
    for (unsigned i = 0; i < 2000; i++) {
        assert_int_equal(write(fd, "no page\n", 8), 8);
    }
    close(fd);
    assert_int_equal(apply(&erased, sql, 1000, &error), STATUS_CORRUPT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gone_from_every_page),
        cmocka_unit_test(test_other_counts_than_the_backup_had),
        cmocka_unit_test(test_a_rule_reaches_this_database_only),
        cmocka_unit_test(test_foreign_keys_count),
        cmocka_unit_test(test_what_is_no_database),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
