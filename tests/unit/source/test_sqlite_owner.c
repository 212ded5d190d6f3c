/* test_sqlite_owner: the program that owns the database never notices us: not when root backs it
 * up, not when we are killed, whatever state it left the database in. */
#include "sqlite_fixture.h"
#include <dirent.h>
#include <grp.h>
#include <pthread.h>
#include <signal.h>
#include <sys/fsuid.h>

/* Numbers that no account has. */
#define OWNER 61234
#define STRANGER 61235

struct found_file {
    char name[64];
    uid_t uid;
    gid_t gid;
    mode_t mode;
    off_t size;
    struct timespec modified;
};
struct folder_state {
    struct found_file files[8];
    size_t count;
};

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct found_file *)a)->name, ((const struct found_file *)b)->name);
}

static struct folder_state look(const struct fixture *fixture)
{
    struct folder_state state = {0};
    DIR *folder = opendir(fixture->folder);
    if (folder == NULL) {
        REQUIRE(folder != NULL);
        return state;
    }
    for (struct dirent *item = readdir(folder); item != NULL; item = readdir(folder)) {
        struct stat facts;
        if (item->d_name[0] == '.') {
            continue;
        }
        REQUIRE(state.count < LENGTH(state.files));
        REQUIRE(fstatat(dirfd(folder), item->d_name, &facts, AT_SYMLINK_NOFOLLOW) == 0);
        struct found_file *file = &state.files[state.count++];
        snprintf(file->name, sizeof file->name, "%.60s", item->d_name);
        file->uid = facts.st_uid;
        file->gid = facts.st_gid;
        file->mode = facts.st_mode;
        file->size = facts.st_size;
        file->modified = facts.st_mtim;
    }
    closedir(folder);
    qsort(state.files, state.count, sizeof state.files[0], by_name);
    return state;
}

static void look_same(const struct folder_state *before, const struct folder_state *after,
                      bool times)
{
    assert_int_equal(before->count, after->count);
    for (size_t i = 0; i < before->count; i++) {
        const struct found_file *a = &before->files[i];
        const struct found_file *b = &after->files[i];
        assert_string_equal(a->name, b->name);
        assert_int_equal(a->uid, b->uid);
        assert_int_equal(a->gid, b->gid);
        assert_int_equal(a->mode, b->mode);
        assert_int_equal(a->size, b->size);
        /* SQLite writes its locks' memory (-shm) anew for every reader that comes first. */
        if (times && strstr(a->name, "-shm") == NULL) {
            assert_memory_equal(&a->modified, &b->modified, sizeof a->modified);
        }
    }
}

static void all_belong_to_owner(const struct fixture *fixture)
{
    struct folder_state state = look(fixture);
    for (size_t i = 0; i < state.count; i++) {
        assert_int_equal(state.files[i].uid, OWNER);
        assert_int_equal(state.files[i].gid, OWNER);
        assert_int_equal(state.files[i].mode & 07777, 0600);
    }
}

static void become(uid_t uid)
{
    REQUIRE(setgroups(0, NULL) == 0);
    REQUIRE(setresgid(uid, uid, uid) == 0);
    REQUIRE(setresuid(uid, uid, uid) == 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* the change of user has cleared it */
}

/* The owner's program does its work once, as another process. */
static void owner_runs(const struct fixture *fixture, const char *sql)
{
    pid_t child = child_start();
    if (child == 0) {
        become(OWNER);
        umask(077);
        sqlite3 *db = database_open(fixture->path);
        database_run(db, sql);
        sqlite3_close(db);
        _exit(0);
    }
    wait_for(child);
}

static void owner_can_insert(const struct fixture *fixture)
{
    owner_runs(fixture, "INSERT INTO customers(name) VALUES ('new')");
}

/* The owner's program with an open connection that has written; `sql` is done last. It lives until
 * the returned descriptor is closed or it is killed. */
struct program {
    pid_t pid;
    int control;
};

static struct program owner_stays(const struct fixture *fixture, const char *sql)
{
    int ready[2];
    int control[2];
    assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
    assert_int_equal(pipe2(control, O_CLOEXEC), 0);
    pid_t child = child_start();
    if (child == 0) {
        close(control[1]);
        become(OWNER);
        umask(077);
        sqlite3 *db = database_open(fixture->path);
        database_run(db, sql);
        char byte = 0;
        REQUIRE(write(ready[1], &byte, 1) == 1);
        REQUIRE(read(control[0], &byte, 1) == 0);
        database_run(db, "INSERT INTO customers(name) VALUES ('while open')");
        sqlite3_close(db);
        _exit(0);
    }
    close(ready[1]);
    close(control[0]);
    char byte = 0;
    assert_int_equal(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    return (struct program){child, control[1]};
}

static void program_kill(struct program program)
{
    kill(program.pid, SIGKILL);
    assert_int_equal(waitpid(program.pid, NULL, 0), program.pid);
    close(program.control);
}

static void program_end(struct program program)
{
    close(program.control);
    wait_for(program.pid);
}

static void make(const struct fixture *fixture, const char *journal)
{
    char sql[512];
    snprintf(sql, sizeof sql,
             "%s; CREATE TABLE customers(id INTEGER PRIMARY KEY, name, scan);"
             "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200)"
             "INSERT INTO customers SELECT i, 'name', randomblob(2000) FROM n",
             journal);
    assert_int_equal(chmod(fixture->folder, 0700), 0);
    assert_int_equal(chown(fixture->folder, OWNER, OWNER), 0);
    owner_runs(fixture, sql);
}

/* Backs up as root and returns how many customers the image has. */
static uint64_t back_up(const struct fixture *fixture)
{
    struct collector collector = {0};
    struct error error;
    if (collect(&collector, fixture->path, &OPTIONS, &error) != STATUS_OK) {
        fail_msg("%s", error.message);
    }
    assert_int_equal(collector.entry.uid, OWNER);
    uint64_t rows = collector.tables[0].rows;
    collector_free(&collector);
    return rows;
}

static void test_closed(void **state)
{
    const struct fixture *fixture = *state;
    static const char *const journals[] = {"PRAGMA journal_mode=WAL", "PRAGMA journal_mode=DELETE"};
    for (size_t i = 0; i < LENGTH(journals); i++) {
        unlink(fixture->path);
        make(fixture, journals[i]);
        struct folder_state before = look(fixture);
        assert_int_equal(before.count, 1);
        assert_int_equal(back_up(fixture), 200);
        struct folder_state after = look(fixture);
        look_same(&before, &after, true);
        owner_can_insert(fixture);
    }
}

static void test_open(void **state)
{
    const struct fixture *fixture = *state;
    make(fixture, "PRAGMA journal_mode=WAL");
    struct program program =
        owner_stays(fixture, "INSERT INTO customers(name) VALUES ('in the wal')");
    struct folder_state before = look(fixture);
    assert_int_equal(before.count, 3);
    assert_int_equal(back_up(fixture), 201);
    struct folder_state after = look(fixture);
    look_same(&before, &after, true);
    program_end(program);
    owner_can_insert(fixture);
    all_belong_to_owner(fixture);
}

/* Its committed work is only in the WAL. We read it there and leave it there. */
static void test_killed_wal(void **state)
{
    const struct fixture *fixture = *state;
    make(fixture, "PRAGMA journal_mode=WAL");
    program_kill(owner_stays(fixture, "INSERT INTO customers(name) VALUES ('in the wal')"));
    struct folder_state before = look(fixture);
    assert_int_equal(before.count, 3);
    assert_int_equal(back_up(fixture), 201);
    struct folder_state after = look(fixture);
    look_same(&before, &after, true);
    /* A crash of the machine may leave the WAL alone. */
    char name[128];
    snprintf(name, sizeof name, "%s-shm", fixture->path);
    assert_int_equal(unlink(name), 0);
    assert_int_equal(back_up(fixture), 201);
    all_belong_to_owner(fixture);
    owner_can_insert(fixture);
    assert_int_equal(back_up(fixture), 202);
}

/* Half of a transaction is in the file, its way back in the journal. */
static void test_killed_journal(void **state)
{
    const struct fixture *fixture = *state;
    make(fixture, "PRAGMA journal_mode=DELETE");
    program_kill(owner_stays(fixture, "PRAGMA cache_size=2; BEGIN IMMEDIATE;"
                                      "UPDATE customers SET scan = randomblob(2000);"
                                      "DELETE FROM customers WHERE id > 100"));
    assert_int_equal(look(fixture).count, 2);
    assert_int_equal(back_up(fixture), 200);
    assert_int_equal(look(fixture).count, 1); /* rolled back as the program itself would */
    all_belong_to_owner(fixture);
    owner_can_insert(fixture);
    integrity_check(fixture->path);
}

static int reading[2]; /* a pipe: the child is in the middle of reading */

static void say_reading(void)
{
    REQUIRE(write(reading[1], "", 1) == 1);
}

/* A backup, and a random moment later, or a random moment after its first bytes, its end. */
static void kill_at_random(const struct fixture *fixture, unsigned random, bool in_the_middle)
{
    assert_int_equal(pipe2(reading, O_CLOEXEC), 0);
    pid_t child = child_start();
    if (child == 0) {
        struct collector collector = {.pause_us = 1000, .on_advance = say_reading};
        struct error error;
        (void)collect(&collector, fixture->path, &OPTIONS, &error);
        _exit(0);
    }
    char byte;
    if (in_the_middle) {
        assert_int_equal(read(reading[0], &byte, 1), 1);
    }
    usleep(random % (in_the_middle ? 8000 : 1500));
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, NULL, 0), child);
    close(reading[0]);
    close(reading[1]);
}

/* Killed at any moment, root leaves nothing that locks the owner out. */
static void test_we_are_killed(void **state)
{
    const struct fixture *fixture = *state;
    make(fixture, "PRAGMA journal_mode=WAL");
    size_t left_behind = 0;
    unsigned number = 1;
    for (int i = 0; i < 24; i++) {
        number = number * 1103515245u + 12345u;
        kill_at_random(fixture, number / 65536, i % 2 == 1);
        all_belong_to_owner(fixture);
        left_behind += look(fixture).count - 1;
        if (i % 3 == 0) {
            owner_can_insert(fixture); /* and puts all in order */
            assert_int_equal(look(fixture).count, 1);
        }
    }
    assert_true(left_behind > 0); /* it was killed with files open */
    (void)back_up(fixture);
    assert_int_equal(look(fixture).count, 1);
    owner_can_insert(fixture);
    integrity_check(fixture->path);
}

static void run_as(const struct fixture *fixture, uid_t uid, enum status expected)
{
    pid_t child = child_start();
    if (child == 0) {
        become(uid);
        struct collector collector = {0};
        struct error error;
        enum status status = collect(&collector, fixture->path, &OPTIONS, &error);
        REQUIRE(status == expected);
        REQUIRE(status == STATUS_OK || strstr(error.hint, "61234") != NULL);
        _exit(0);
    }
    wait_for(child);
}

static void test_users(void **state)
{
    const struct fixture *fixture = *state;
    make(fixture, "PRAGMA journal_mode=WAL");
    run_as(fixture, OWNER, STATUS_OK);
    /* Though file and folder are open to everyone. */
    assert_int_equal(chmod(fixture->path, 0666), 0);
    assert_int_equal(chmod(fixture->folder, 0777), 0);
    struct folder_state before = look(fixture);
    run_as(fixture, STRANGER, STATUS_DENIED);
    struct folder_state after = look(fixture);
    look_same(&before, &after, true);
    owner_can_insert(fixture);
}

/* In WAL mode SQLite must make files, and the owner may not: an error with a way out. */
static void test_closed_folder(void **state)
{
    const struct fixture *fixture = *state;
    struct collector collector = {0};
    struct error error;
    make(fixture, "PRAGMA journal_mode=WAL");
    assert_int_equal(chown(fixture->folder, 0, 0), 0);
    assert_int_equal(chmod(fixture->folder, 0755), 0);
    assert_int_equal(collect(&collector, fixture->path, &OPTIONS, &error), STATUS_DENIED);
    assert_non_null(strstr(error.hint, "shop.db-wal"));
    assert_int_equal(look(fixture).count, 1);
    /* Beneath a folder that only root can pass, root still can. */
    assert_int_equal(chmod(fixture->folder, 0700), 0);
    assert_int_equal(chown(fixture->path, 0, 0), 0);
    sqlite3 *db = database_open(fixture->path);
    database_run(db, "PRAGMA journal_mode=DELETE");
    sqlite3_close(db);
    assert_int_equal(chown(fixture->path, OWNER, OWNER), 0);
    assert_int_equal(back_up(fixture), 200);
    collector_free(&collector);
}

/* While root works in the owner's name, the sink and the other threads are still root. */
static volatile bool watching;
static volatile size_t seen_otherwise;

static void *watch_thread(void *unused)
{
    while (watching) {
        seen_otherwise += setfsuid((uid_t)-1) != 0 || setfsgid((gid_t)-1) != 0 ? 1 : 0;
    }
    return unused;
}

static void watch_sink(void)
{
    seen_otherwise += setfsuid((uid_t)-1) != 0 || setfsgid((gid_t)-1) != 0 ? 1 : 0;
}

static void test_only_this_thread(void **state)
{
    const struct fixture *fixture = *state;
    make(fixture, "PRAGMA journal_mode=WAL");
    gid_t groups[2] = {4, 20};
    assert_int_equal(setgroups(2, groups), 0);
    pthread_t thread;
    watching = true;
    seen_otherwise = 0;
    assert_int_equal(pthread_create(&thread, NULL, watch_thread, NULL), 0);
    for (int i = 0; i < 10; i++) {
        struct collector collector = {.on_advance = watch_sink};
        struct error error;
        assert_int_equal(collect(&collector, fixture->path, &OPTIONS, &error), STATUS_OK);
        collector_free(&collector);
    }
    watching = false;
    pthread_join(thread, NULL);
    assert_int_equal(seen_otherwise, 0);
    assert_int_equal(setfsuid((uid_t)-1), 0);
    gid_t now[8];
    assert_int_equal(getgroups(8, now), 2);
    assert_int_equal(now[0], 4);
    assert_int_equal(now[1], 20);
    assert_int_equal(setgroups(0, NULL), 0);
}

int main(void)
{
    if (geteuid() != 0) {
        fprintf(stderr, "skipped: only root can be two users\n");
        return 0;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_closed, fixture_make, fixture_remove),
        cmocka_unit_test_setup_teardown(test_open, fixture_make, fixture_remove),
        cmocka_unit_test_setup_teardown(test_killed_wal, fixture_make, fixture_remove),
        cmocka_unit_test_setup_teardown(test_killed_journal, fixture_make, fixture_remove),
        cmocka_unit_test_setup_teardown(test_we_are_killed, fixture_make, fixture_remove),
        cmocka_unit_test_setup_teardown(test_users, fixture_make, fixture_remove),
        cmocka_unit_test_setup_teardown(test_closed_folder, fixture_make, fixture_remove),
        cmocka_unit_test_setup_teardown(test_only_this_thread, fixture_make, fixture_remove),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
