/* test_sqlite: the image of a database at rest, whatever its shape; and what is no database. */
#include "sqlite_fixture.h"
#include <dirent.h>
#include <limits.h>
#include <sys/resource.h>

struct shape {
    unsigned page_size;
    unsigned rows;
    bool wal;
    bool vacuum;
    int reserved; /* bytes at the end of every page */
};

static void make_database(const char *path, struct shape shape)
{
    sqlite3 *db = database_open(path);
    char sql[256];
    snprintf(sql, sizeof sql, "PRAGMA page_size=%u; PRAGMA auto_vacuum=%d; PRAGMA synchronous=OFF",
             shape.page_size, shape.vacuum);
    database_run(db, sql);
    if (shape.reserved > 0) {
        REQUIRE(sqlite3_file_control(db, "main", SQLITE_FCNTL_RESERVE_BYTES, &shape.reserved) ==
                SQLITE_OK);
    }
    database_run(db, shape.wal ? "PRAGMA journal_mode=WAL" : "PRAGMA journal_mode=DELETE");
    database_run(db, "CREATE TABLE customers(id INTEGER PRIMARY KEY, name TEXT, scan BLOB);"
                     "CREATE INDEX by_name ON customers(name)");
    snprintf(sql, sizeof sql,
             "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %u)"
             "INSERT INTO customers SELECT i, 'name ' || i, randomblob(CASE i %% 9 WHEN 0 THEN %u "
             "ELSE 40 END) FROM n WHERE i <= %u",
             shape.rows + 1, 3 * shape.page_size + 17, shape.rows);
    database_run(db, sql);
    database_run(db, "DELETE FROM customers WHERE id % 5 = 0");
    sqlite3_close(db);
}

static void remove_database(const char *path)
{
    char name[128];
    unlink(path);
    snprintf(name, sizeof name, "%s-wal", path);
    unlink(name);
    snprintf(name, sizeof name, "%s-shm", path);
    unlink(name);
}

static void check_image(const struct fixture *fixture, const struct sqlite_options *options,
                        uint32_t page_size)
{
    struct collector collector = {.space_size = 5000};
    struct error error;
    enum status status = collect(&collector, fixture->path, options, &error);
    if (status != STATUS_OK) {
        fail_msg("%s", error.message);
    }
    uint32_t head = page_size > 16384 ? page_size : 16384;
    uint64_t size = collector.outcome.size;
    assert_int_equal(collector.outcome.rotation, size > head ? head : 0);
    assert_int_equal(collector.cuts, size > head ? 1 : 0);
    if (size > head) {
        assert_int_equal(collector.cut_at, size - head);
    }
    assert_int_equal(collector.entries, 1);
    assert_int_equal(collector.ends, 1);
    assert_int_equal(collector.warnings, 0);
    assert_int_equal(collector.table_count, 1);
    image_write(&collector, fixture->image);
    integrity_check(fixture->image);
    dumps_equal(fixture->path, fixture->image);
    sqlite3 *db = database_open(fixture->image);
    assert_int_equal(database_number(db, "SELECT count(*) FROM customers"),
                     collector.tables[0].rows);
    sqlite3_close(db);
    remove_database(fixture->image);
    collector_free(&collector);
}

static void test_shapes(void **state)
{
    struct fixture *fixture = *state;
    static const unsigned page_sizes[] = {512, 1024, 4096, 16384, 32768, 65536};
    static const unsigned rows[] = {0, 3, 20, 150};
    for (size_t i = 0; i < LENGTH(page_sizes); i++) {
        for (size_t j = 0; j < LENGTH(rows); j++) {
            struct shape shape = {.page_size = page_sizes[i],
                                  .rows = rows[j],
                                  .wal = (i + j) % 2 == 0,
                                  .vacuum = j % 2 == 0,
                                  .reserved = j == 3 ? 32 : 0};
            make_database(fixture->path, shape);
            check_image(fixture, &OPTIONS, shape.page_size);
            remove_database(fixture->path);
        }
    }
}

/* The page that holds the lock byte, at every place: in the head, behind it, near the end. The
 * control is for a whole process, and not to be changed while databases are open. */
static void test_lock_page(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        unsigned page_size;
        unsigned lock_byte;
    } cases[] = {{512, 5000},   {512, 16384},  {1024, 20000},  {4096, 8192},
                 {4096, 16384}, {4096, 70000}, {65536, 65536}, {65536, 200000}};
    for (size_t i = 0; i < LENGTH(cases); i++) {
        pid_t child = child_start();
        if (child == 0) {
            sqlite3_test_control(SQLITE_TESTCTRL_PENDING_BYTE, cases[i].lock_byte);
            struct sqlite_options options = {.busy_ms = 1000, .lock_byte = cases[i].lock_byte};
            make_database(
                fixture->path,
                (struct shape){.page_size = cases[i].page_size, .rows = 300, .vacuum = i % 2 == 0});
            struct collector collector = {0};
            struct error error;
            bool good = collect(&collector, fixture->path, &options, &error) == STATUS_OK;
            if (good) {
                image_write(&collector, fixture->image);
                integrity_check(fixture->image);
            }
            /* The image is the file, but for the counters of changes in page 1. */
            CLEANUP(buffer_free) struct buffer a = {0};
            CLEANUP(buffer_free) struct buffer b = {0};
            good = good && file_read(&a, fixture->path, 1 << 28, &error) == STATUS_OK &&
                   file_read(&b, fixture->image, 1 << 28, &error) == STATUS_OK &&
                   a.size == b.size && a.size > cases[i].lock_byte + cases[i].page_size &&
                   memcmp(a.data + 100, b.data + 100, a.size - 100) == 0;
            /* With another place expected, the gap is no lock-byte page: an error, no image. */
            options.lock_byte = SQLITE_LOCK_BYTE;
            struct collector other = {0};
            good = good && collect(&other, fixture->path, &options, &error) == STATUS_FAILED &&
                   other.ends == 0;
            collector_free(&collector);
            collector_free(&other);
            _exit(good ? 0 : 1);
        }
        wait_for(child);
        remove_database(fixture->path);
    }
}

static void test_empty(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(fclose(fopen(fixture->path, "we")), 0);
    struct collector collector = {0};
    struct error error;
    assert_int_equal(collect(&collector, fixture->path, &OPTIONS, &error), STATUS_OK);
    assert_int_equal(collector.outcome.size, 0);
    assert_int_equal(collector.entries, 1);
    assert_int_equal(collector.ends, 1);
    assert_int_equal(collector.warnings, 1);
    assert_int_equal(collector.image.size, 0);
    collector_free(&collector);
}

static void test_names(void **state)
{
    struct fixture *fixture = *state;
    char path[128];
    snprintf(path, sizeof path, "%s/a?b#c%%41 '\"&.db", fixture->folder);
    sqlite3 *db = database_open(path);
    database_run(db, "CREATE TABLE \"a \"\"b'\"(x); INSERT INTO \"a \"\"b'\" VALUES (1), (2);"
                     "CREATE TABLE counted(id INTEGER PRIMARY KEY AUTOINCREMENT);"
                     "INSERT INTO counted DEFAULT VALUES; CREATE TABLE sqliteful(x);"
                     "CREATE VIEW v AS SELECT 1; CREATE VIRTUAL TABLE f USING fts5(x);"
                     "INSERT INTO f VALUES ('one');"
                     "PRAGMA writable_schema=ON;"
                     "INSERT INTO sqlite_schema VALUES "
                     "('table', 'gone', 'gone', 0, 'CREATE VIRTUAL TABLE gone USING absent(x)')");
    sqlite3_close(db);
    assert_int_equal(chmod(path, 0640), 0);
    struct collector collector = {0};
    struct error error;
    if (collect(&collector, path, &OPTIONS, &error) != STATUS_OK) {
        fail_msg("%s", error.message);
    }
    assert_string_equal(collector.entry_path, strrchr(path, '/') + 1);
    assert_int_equal(collector.entry.mode, 0640);
    assert_int_equal(collector.entry.type, ENTRY_FILE);
    assert_int_equal(collector.entry.uid, geteuid());
    struct stat facts;
    assert_int_equal(stat(path, &facts), 0);
    assert_int_equal(collector.entry.modified.seconds, facts.st_mtim.tv_sec);
    assert_int_equal(collector.entry.modified.nanoseconds, facts.st_mtim.tv_nsec);
    assert_string_equal(collector.tables[0].name, "a \"b'");
    assert_int_equal(collector.tables[0].rows, 2);
    assert_string_equal(collector.tables[1].name, "counted");
    assert_int_equal(collector.tables[1].rows, 1);
    assert_string_equal(collector.tables[2].name, "f");
    assert_int_equal(collector.tables[2].rows, 1);
    assert_string_equal(collector.tables[collector.table_count - 1].name, "sqliteful");
    assert_int_equal(collector.warnings, 1);
    assert_non_null(strstr(collector.warning, "gone"));
    collector_free(&collector);
}

static void expect(const char *path, const struct sqlite_options *options, enum status status,
                   const char *words)
{
    struct collector collector = {0};
    struct error error;
    assert_int_equal(collect(&collector, path, options, &error), status);
    assert_non_null(strstr(error.message, words));
    assert_int_equal(collector.ends, 0);
    collector_free(&collector);
}

static void overwrite(const char *path, off_t offset, unsigned char value, size_t size)
{
    unsigned char junk[8192];
    memset(junk, value, sizeof junk);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    assert_int_equal(pwrite(fd, junk, size, offset), size);
    close(fd);
}

static void test_damage(void **state)
{
    struct fixture *fixture = *state;
    expect(fixture->path, &OPTIONS, STATUS_NOT_FOUND, "shop.db");
    expect(fixture->folder, &OPTIONS, STATUS_FAILED, "is not a file");
    struct shape shape = {.page_size = 4096, .rows = 500};
    make_database(fixture->path, shape);
    overwrite(fixture->path, 8192, 0xff, 4096);
    overwrite(fixture->path, 4096, 0xff, 4096);
    expect(fixture->path, &OPTIONS, STATUS_CORRUPT, "is damaged");

    unlink(fixture->path);
    make_database(fixture->path, shape);
    assert_int_equal(truncate(fixture->path, 20480), 0);
    expect(fixture->path, &OPTIONS, STATUS_CORRUPT, "is damaged");

    /* Encrypted: nothing in it looks like a database. */
    overwrite(fixture->path, 0, 0x5a, 4096);
    expect(fixture->path, &OPTIONS, STATUS_FAILED, "encrypted");
    assert_int_equal(truncate(fixture->path, 10), 0);
    expect(fixture->path, &OPTIONS, STATUS_FAILED, "encrypted");
}

static void test_locked(void **state)
{
    struct fixture *fixture = *state;
    make_database(fixture->path, (struct shape){.page_size = 4096, .rows = 5});
    int ready[2];
    int done[2];
    assert_int_equal(pipe(ready), 0);
    assert_int_equal(pipe(done), 0);
    pid_t child = child_start();
    if (child == 0) {
        close(done[1]);
        sqlite3 *db = database_open(fixture->path);
        database_run(db, "BEGIN EXCLUSIVE");
        char byte = 0;
        bool told = write(ready[1], &byte, 1) == 1;
        bool waited = read(done[0], &byte, 1) == 0;
        sqlite3_close(db);
        _exit(told && waited ? 0 : 1);
    }
    close(done[0]);
    char byte = 0;
    assert_int_equal(read(ready[0], &byte, 1), 1);
    struct sqlite_options hasty = {.busy_ms = 50, .lock_byte = SQLITE_LOCK_BYTE};
    expect(fixture->path, &hasty, STATUS_LOCKED, "is locked");
    close(done[1]);
    /* Who waits gets it. */
    check_image(fixture, &OPTIONS, 4096);
    wait_for(child);
    close(ready[0]);
    close(ready[1]);
}

static void test_sink_fails(void **state)
{
    struct fixture *fixture = *state;
    make_database(fixture->path, (struct shape){.page_size = 4096, .rows = 300});
    static const uint64_t places[] = {0, 65536, 300000};
    for (size_t i = 0; i < LENGTH(places); i++) {
        struct collector collector = {.fail_advance = STATUS_CANCELLED, .fail_at = places[i]};
        struct error error;
        assert_int_equal(collect(&collector, fixture->path, &OPTIONS, &error), STATUS_CANCELLED);
        assert_string_equal(error.message, "the sink refuses");
        assert_int_equal(collector.ends, 0);
        collector_free(&collector);
    }
    check_image(fixture, &OPTIONS, 4096);
}

/* ---- nothing on disk, little in memory ---- */

static const struct fixture *watched;
static size_t foreign_files;
static size_t looks;

static bool is_expected(const char *name)
{
    size_t size = strlen(watched->path);
    return strncmp(name, watched->path, size) == 0 &&
           (name[size] == '\0' || strcmp(name + size, "-wal") == 0 ||
            strcmp(name + size, "-shm") == 0);
}

/* Every regular file that this process has open must be the database itself. */
static void look_at_descriptors(void)
{
    DIR *folder = opendir("/proc/self/fd");
    looks++;
    for (struct dirent *item = readdir(folder); item != NULL; item = readdir(folder)) {
        struct stat facts;
        char link[300];
        char name[PATH_MAX + 1] = {0};
        snprintf(link, sizeof link, "/proc/self/fd/%s", item->d_name);
        int fd = (int)strtol(item->d_name, NULL, 10);
        bool writable = (fcntl(fd, F_GETFL) & O_ACCMODE) != O_RDONLY;
        if (fstat(fd, &facts) == 0 && S_ISREG(facts.st_mode) && writable && fd > 2 &&
            readlink(link, name, PATH_MAX) > 0 && !is_expected(name)) {
            foreign_files++;
        }
    }
    closedir(folder);
}

static size_t count_files(const char *path)
{
    size_t count = 0;
    DIR *folder = opendir(path);
    for (struct dirent *item = readdir(folder); item != NULL; item = readdir(folder)) {
        count += item->d_name[0] == '.' ? 0 : 1;
    }
    closedir(folder);
    return count;
}

static void test_no_plaintext(void **state)
{
    struct fixture *fixture = *state;
    char temporary[96];
    snprintf(temporary, sizeof temporary, "%s/tmp", fixture->folder);
    assert_int_equal(mkdir(temporary, 0700), 0);
    setenv("SQLITE_TMPDIR", temporary, 1);
    setenv("TMPDIR", temporary, 1);
    make_database(fixture->path, (struct shape){.page_size = 4096, .rows = 3000, .wal = true});
    watched = fixture;
    struct collector collector = {.on_advance = look_at_descriptors};
    struct error error;
    assert_int_equal(collect(&collector, fixture->path, &OPTIONS, &error), STATUS_OK);
    assert_int_equal(foreign_files, 0);
    assert_true(looks > 50);
    assert_int_equal(count_files(temporary), 0);
    assert_int_equal(count_files(fixture->folder), 2); /* the database and tmp */
    /* The check sees a file when there is one. */
    int fd = open(fixture->image, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    look_at_descriptors();
    close(fd);
    assert_int_equal(foreign_files, 1);
    unsetenv("SQLITE_TMPDIR");
    unsetenv("TMPDIR");
    collector_free(&collector);
}

static enum status forget(void *context, size_t size, struct error *error)
{
    (void)error;
    ((struct collector *)context)->outcome.size += size;
    return STATUS_OK;
}

static long peak_memory(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
}

static void test_memory(void **state)
{
    struct fixture *fixture = *state;
    sqlite3 *db = database_open(fixture->path);
    database_run(db, "PRAGMA synchronous=OFF; PRAGMA journal_mode=OFF; CREATE TABLE scans(x);"
                     "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60)"
                     "INSERT INTO scans SELECT zeroblob(1000000) FROM n");
    sqlite3_close(db);
    struct collector collector = {0};
    struct source_sink sink = collector_sink(&collector);
    sink.advance = forget;
    sink.sample = NULL;
    struct error error;
    long before = peak_memory();
    assert_int_equal(sqlite_source_run(fixture->path, &OPTIONS, &sink, &error), STATUS_OK);
    assert_true(collector.outcome.size > 60000000);
    assert_true(peak_memory() - before < 8192);
    collector_free(&collector);
}

/* The descriptors of a process that backs up every night for a year. */
static void test_no_leak(void **state)
{
    struct fixture *fixture = *state;
    make_database(fixture->path, (struct shape){.page_size = 512, .rows = 50, .wal = true});
    size_t before = count_files("/proc/self/fd");
    for (int i = 0; i < 20; i++) {
        struct collector collector = {0};
        struct error error;
        assert_int_equal(collect(&collector, fixture->path, &OPTIONS, &error), STATUS_OK);
        collector_free(&collector);
    }
    assert_int_equal(count_files("/proc/self/fd"), before);
    sqlite3_int64 used = sqlite3_memory_used();
    assert_true(used < 4096);
}

int main(void)
{
    /* What the test driver left open is not ours to judge. */
    close_range(3, ~0u, 0);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_shapes, fixture_make, fixture_remove),
        cmocka_unit_test_setup_teardown(test_lock_page, fixture_make, fixture_remove),
        cmocka_unit_test_setup_teardown(test_empty, fixture_make, fixture_remove),
        cmocka_unit_test_setup_teardown(test_names, fixture_make, fixture_remove),
        cmocka_unit_test_setup_teardown(test_damage, fixture_make, fixture_remove),
        cmocka_unit_test_setup_teardown(test_locked, fixture_make, fixture_remove),
        cmocka_unit_test_setup_teardown(test_sink_fails, fixture_make, fixture_remove),
        cmocka_unit_test_setup_teardown(test_no_plaintext, fixture_make, fixture_remove),
        cmocka_unit_test_setup_teardown(test_memory, fixture_make, fixture_remove),
        cmocka_unit_test_setup_teardown(test_no_leak, fixture_make, fixture_remove),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
