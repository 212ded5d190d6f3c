/* Killed at any moment, also twice and at the very end: the next backup is right, and so is every
 * snapshot that was published. */
#include "backup_world.h"
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#define MEGABYTE ((size_t)1024 * 1024)
#define FILES 6

static unsigned char *content;

static int make_content(void **state)
{
    (void)state;
    struct error error;
    assert_good(base_start(&error));
    content = random_bytes(6 * MEGABYTE);
    return 0;
}

static int free_content(void **state)
{
    (void)state;
    free(content);
    return 0;
}

/* Night `number`: half of the files are as the night before, half are new. */
static void make_files(struct test_file files[FILES], unsigned number)
{
    static const char *const paths[FILES] = {"a", "b", "c", "c/d", "e", "f"};
    for (unsigned i = 0; i < FILES; i++) {
        size_t shift = i % 2 == 0 ? 0 : (size_t)number * 70001 % (5 * MEGABYTE);
        files[i] = (struct test_file){paths[i], content + i * 1000 + shift, 300000 + i * 50000};
    }
}

static void pause_for(long microseconds)
{
    struct timespec time = {microseconds / 1000000, microseconds % 1000000 * 1000};
    nanosleep(&time, NULL);
}

/* A whole backup with small packs, in a process of its own. */
static void run_child(const struct world *world, unsigned number)
{
    struct error error = {0};
    struct test_file files[FILES];
    struct night night;
    struct statement statement;
    char state[256];
    struct repo *repo;
    struct repo_access access = host_access(world, &world->host);
    make_files(files, number);
    state_folder(state, sizeof state, world);
    struct writer_options options = night_options(world, state);
    enum status status = repo_open(&repo, &access, &error);
    status = status ? status : night_open_with(&night, repo, &options, &error);
    if (status != STATUS_OK) {
        _exit(3);
    }
    night.writer->pack_target = 1100 * 1024;
    night.writer->held_limit = 1;
    for (size_t i = 0; status == STATUS_OK && i < FILES; i++) {
        status = night_file(&night, &files[i], &error);
    }
    status = status ? status : night_publish(&statement, &night, &error);
    _exit(status == STATUS_OK ? 0 : 2);
}

/* Those under their final names; a killed put leaves a temporary one. */
static size_t count_statements(const struct world *world)
{
    char path[512];
    size_t count = 0;
    snprintf(path, sizeof path, "%s/statements", world->store);
    DIR *directory = opendir(path);
    assert_non_null(directory);
    for (struct dirent *entry = readdir(directory); entry != NULL; entry = readdir(directory)) {
        count += strlen(entry->d_name) == OBJECT_ID_TEXT_SIZE - 1;
    }
    closedir(directory);
    return count;
}

/* Returns whether the child had come to its end. */
static bool kill_after(const struct world *world, unsigned number, long microseconds,
                       size_t statements)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        run_child(world, number);
    }
    if (microseconds >= 0) {
        pause_for(microseconds);
    }
    int ended = 0;
    while (microseconds < 0 && count_statements(world) == statements &&
           waitpid(child, &ended, WNOHANG) == 0) {
        pause_for(20);
    }
    (void)kill(child, SIGKILL);
    if (ended == 0) {
        assert_true(waitpid(child, &ended, 0) == child || ended == 0);
    }
    assert_true(!WIFEXITED(ended) || WEXITSTATUS(ended) == 0);
    return WIFEXITED(ended);
}

static void finish_and_check(const struct world *world, unsigned number)
{
    struct error error = {0};
    struct test_file files[FILES];
    make_files(files, number);
    struct statement statement = back_up(world, files, FILES);
    assert_good(compare_snapshot(world, &statement, files, FILES, &error));
    statement_free(&statement);
    check_all(world, count_statements(world));
}

/* Microseconds that a whole one takes here and now. */
static uint32_t time_one(const struct world *world, unsigned number)
{
    int ended = 0;
    double begin = clock_monotonic();
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        run_child(world, number);
    }
    assert_true(waitpid(child, &ended, 0) == child && WIFEXITED(ended));
    assert_int_equal(WEXITSTATUS(ended), 0);
    return (uint32_t)((clock_monotonic() - begin) * 1e6);
}

static void test_killed_at_random(void **state)
{
    struct world *world = *state;
    unsigned killed = 0;
    const uint32_t whole = time_one(world, 0);
    for (unsigned number = 1; number < 13; number++) {
        killed += !kill_after(world, number, randombytes_uniform(whole), 0);
    }
    assert_true(killed > 0);
    finish_and_check(world, 13);
    finish_and_check(world, 14);
}

static void test_killed_when_the_statement_is_there(void **state)
{
    struct world *world = *state;
    for (unsigned number = 0; number < 4; number++) {
        kill_after(world, number, -1, count_statements(world));
        assert_int_equal(count_statements(world), 2 * number + 1);
        finish_and_check(world, number + 1);
    }
}

/* The state of before: as if it had died between the statement and its own commit. */
static void test_state_one_night_behind(void **state)
{
    struct world *world = *state;
    char command[512];
    finish_and_check(world, 1);
    snprintf(command, sizeof command, "cp -a %s/state %s/before", world->folder, world->folder);
    assert_int_equal(system(command), 0);
    finish_and_check(world, 2);
    snprintf(command, sizeof command, "rm -r %s/state && mv %s/before %s/state", world->folder,
             world->folder, world->folder);
    assert_int_equal(system(command), 0);
    finish_and_check(world, 3);
    finish_and_check(world, 4);
}

/* ---- the spool ---- */

/* Leaves packs in the spool, none of them sent. */
static void fill_spool(const struct world *world, const struct test_file *file)
{
    struct error error = {0};
    struct night night;
    night_open(&night, world);
    night.writer->pack_target = 1100 * 1024;
    night.writer->held_limit = 0;
    struct store *taken[2];
    assert_good(repo_take_store(&taken[0], world->repo, &error));
    assert_good(repo_take_store(&taken[1], world->repo, &error));
    pthread_mutex_lock(&night.writer->lock);
    night.writer->stopping = true; /* the uploaders go home */
    pthread_cond_broadcast(&night.writer->changed);
    pthread_mutex_unlock(&night.writer->lock);
    assert_good(night_file(&night, file, &error));
    assert_true(night.writer->spooled > 2 * MEGABYTE);
    repo_give_store(world->repo, taken[0]);
    repo_give_store(world->repo, taken[1]);
    night_close(&night);
    assert_true(count_objects(world, "../state/spool") >= 2);
}

static void test_spool_is_sent_by_the_next_run(void **state)
{
    struct world *world = *state;
    struct error error = {0};
    struct test_file file = {"a", content, 4 * MEGABYTE};
    struct night night;
    struct statement statement;
    fill_spool(world, &file);
    night_open(&night, world);
    assert_good(night_file(&night, &file, &error));
    assert_true(night.known > 4);
    assert_good(night_publish(&statement, &night, &error));
    night_close(&night);
    assert_int_equal(count_objects(world, "../state/spool"), 0);
    assert_good(compare_snapshot(world, &statement, &file, 1, &error));
    check_all(world, 1);
    statement_free(&statement);
}

static void test_damaged_spool_is_stored_anew(void **state)
{
    struct world *world = *state;
    struct error error = {0};
    struct test_file file = {"a", content, 4 * MEGABYTE};
    fill_spool(world, &file);
    char name[OBJECT_NAME_SIZE];
    only_object(name, world, "../state/spool");
    flip_byte(world, name, 5000);
    write_object(world, "../state/spool/garbage", "x", 1);
    struct statement statement = back_up(world, &file, 1);
    assert_int_equal(count_objects(world, "../state/spool"), 0);
    assert_good(compare_snapshot(world, &statement, &file, 1, &error));
    check_all(world, 1);
    statement_free(&statement);
}

int main(void)
{
#define WORLD(test) cmocka_unit_test_setup_teardown(test, world_setup, world_teardown)
    const struct CMUnitTest tests[] = {
        WORLD(test_killed_at_random),
        WORLD(test_killed_when_the_statement_is_there),
        WORLD(test_state_one_night_behind),
        WORLD(test_spool_is_sent_by_the_next_run),
        WORLD(test_damaged_spool_is_stored_anew),
    };
    return cmocka_run_group_tests(tests, make_content, free_content);
}
