/* A backup is published whole or not at all, and the next one goes on from wherever it stopped. */
#include "backup_world.h"
#include <pthread.h>
#include "../../../src/repo/statement_private.h"
#include <semaphore.h>

#define MEGABYTE ((size_t)1024 * 1024)
#define BIG (8 * MEGABYTE)
#define SMALL (2 * MEGABYTE)

static unsigned char *first, *second;

static int make_content(void **state)
{
    (void)state;
    struct error error;
    assert_good(base_start(&error));
    first = random_bytes(BIG);
    second = random_bytes(SMALL);
    return 0;
}

static int free_content(void **state)
{
    (void)state;
    free(first);
    free(second);
    return 0;
}

static void two_files(struct test_file files[3])
{
    files[0] = (struct test_file){"a", first, BIG};
    files[1] = (struct test_file){"a/small", second, 100};
    files[2] = (struct test_file){"b", second, SMALL};
}

static void test_backs_up_and_reads_back(void **state)
{
    struct world *world = *state;
    struct error error = {0};
    struct test_file files[3];
    two_files(files);
    struct statement one = back_up(world, files, 3);
    assert_int_equal(one.sequence, 1);
    assert_int_equal(one.parent_count, 0);
    assert_true(one.stored > BIG + SMALL);
    assert_good(compare_snapshot(world, &one, files, 3, &error));

    /* The same again: nothing is stored but words; one file less: references follow. */
    struct statement two = back_up(world, files, 3);
    assert_int_equal(two.sequence, 2);
    assert_int_equal(two.parent_count, 1);
    assert_memory_equal(two.parents[0], one.id, OBJECT_ID_SIZE);
    assert_true(two.stored < 20000);
    struct statement three = back_up(world, files + 2, 1);
    assert_good(compare_snapshot(world, &two, files, 3, &error));
    assert_good(compare_snapshot(world, &three, files + 2, 1, &error));
    check_all(world, 3);
    statement_free(&one);
    statement_free(&two);
    statement_free(&three);
}

static void test_two_workers_with_one_content_store_it_once(void **state)
{
    struct world *world = *state;
    struct error error = {0};
    struct test_file files[8];
    char names[8][8];
    for (size_t i = 0; i < 8; i++) {
        snprintf(names[i], sizeof names[i], "%zu", i);
        files[i] = (struct test_file){names[i], second, SMALL};
    }
    struct statement statement = back_up(world, files, 8);
    assert_true(statement.stored < SMALL + MEGABYTE);
    assert_good(compare_snapshot(world, &statement, files, 8, &error));
    statement_free(&statement);
}

static void test_spool_takes_what_the_line_does_not(void **state)
{
    struct world *world = *state;
    struct error error = {0};
    struct night night;
    struct test_file files[3];
    two_files(files);
    night_open(&night, world);
    night.writer->pack_target = 1100 * 1024;
    /* No connection is free, so nothing can be sent; what was begun may stay in memory. */
    struct store *taken[3] = {world->direct};
    assert_good(repo_take_store(&taken[1], world->repo, &error));
    assert_good(repo_take_store(&taken[2], world->repo, &error));
    night.writer->spool_limit = 32 * MEGABYTE;
    for (size_t i = 0; i < 3; i++) {
        assert_good(night_file(&night, &files[i], &error));
    }
    struct writer_progress progress;
    writer_get_progress(night.writer, &progress);
    assert_int_equal(progress.stored, 0);
    assert_true(progress.waiting > 3 * MEGABYTE);
    assert_true(night.writer->spooled > MEGABYTE);
    repo_give_store(world->repo, taken[1]);
    repo_give_store(world->repo, taken[2]);
    struct statement statement;
    assert_good(night_publish(&statement, &night, &error));
    writer_get_progress(night.writer, &progress);
    assert_true(progress.stored > BIG + SMALL);
    assert_int_equal(progress.waiting, 0);
    night_close(&night);
    char spool[300];
    snprintf(spool, sizeof spool, "../state/spool");
    assert_int_equal(count_objects(world, spool), 0);
    assert_good(compare_snapshot(world, &statement, files, 3, &error));
    check_all(world, 1);
    statement_free(&statement);
}

static void test_full_spool_waits_for_the_line(void **state)
{
    struct world *world = *state;
    struct error error = {0};
    struct night night;
    struct test_file files[3];
    two_files(files);
    night_open(&night, world);
    night.writer->pack_target = 1100 * 1024;
    night.writer->spool_limit = 1500 * 1024;
    for (size_t i = 0; i < 3; i++) {
        assert_good(night_file(&night, &files[i], &error));
        assert_true(night.writer->spooled <= 1500 * 1024);
    }
    struct statement statement;
    assert_good(night_publish(&statement, &night, &error));
    night_close(&night);
    assert_good(compare_snapshot(world, &statement, files, 3, &error));
    statement_free(&statement);
}

static void test_a_failing_store_stops_the_backup(void **state)
{
    struct world *world = *state;
    struct error error = {0};
    struct night night;
    struct test_file files[3];
    two_files(files);
    night_open(&night, world);
    night.writer->pack_target = 1100 * 1024;
    /* The folders of the packs become files: whatever the user, nothing can be stored there. */
    char from[256], to[256];
    snprintf(from, sizeof from, "%s/packs", world->store);
    snprintf(to, sizeof to, "%s/aside", world->store);
    assert_int_equal(rename(from, to), 0);
    write_object(world, "packs", "x", 1);
    enum status status = STATUS_OK;
    for (size_t i = 0; status == STATUS_OK && i < 3; i++) {
        status = night_file(&night, &files[i], &error);
    }
    struct statement statement;
    status = status ? status : night_publish(&statement, &night, &error);
    assert_int_not_equal(status, STATUS_OK);
    assert_true(error.message[0] != '\0');
    /* Every later call says the same. */
    struct error again = {0};
    unsigned char hash[CHUNK_HASH_SIZE] = {1};
    assert_int_equal(writer_use(night.writer, hash, 1, &again), night.writer->failure.status);
    night_close(&night);
    assert_int_equal(count_objects(world, "statements"), 0);
    assert_int_equal(unlink(from), 0);
    assert_int_equal(rename(to, from), 0);
    statement = back_up(world, files, 3);
    assert_good(compare_snapshot(world, &statement, files, 3, &error));
    statement_free(&statement);
}

static void note_wait(void *context)
{
    *(bool *)context = true;
}

static void test_state_belongs_to_one_backup_at_a_time(void **state)
{
    struct world *world = *state;
    struct error error = {0};
    struct night night;
    night_open(&night, world);
    char folder[256];
    state_folder(folder, sizeof folder, world);
    struct writer_options options = night_options(world, folder);
    struct writer *second_writer = NULL;
    assert_int_equal(writer_open(&second_writer, world->repo, &options, &error), STATUS_LOCKED);
    assert_null(second_writer);
    night_close(&night);
    bool waited = false;
    options.wait_seconds = 60;
    options.on_wait = note_wait;
    options.context = &waited;
    assert_good(writer_open(&second_writer, world->repo, &options, &error));
    assert_false(waited);
    writer_free(second_writer);
}

static void post_wait(void *context)
{
    assert_int_equal(sem_post(context), 0);
}

struct waiter {
    struct world *world;
    sem_t waits;
    struct writer *writer;
    enum status status;
};

static void *open_and_wait(void *context)
{
    struct waiter *waiter = context;
    struct error error = {0};
    char folder[256];
    state_folder(folder, sizeof folder, waiter->world);
    struct writer_options options = night_options(waiter->world, folder);
    options.wait_seconds = 60;
    options.on_wait = post_wait;
    options.context = &waiter->waits;
    waiter->status = writer_open(&waiter->writer, waiter->world->repo, &options, &error);
    return NULL;
}

static void test_waits_for_the_other_backup(void **state)
{
    struct waiter waiter = {.world = *state};
    struct night night;
    pthread_t thread;
    night_open(&night, *state);
    assert_int_equal(sem_init(&waiter.waits, 0, 0), 0);
    assert_int_equal(pthread_create(&thread, NULL, open_and_wait, &waiter), 0);
    assert_int_equal(sem_wait(&waiter.waits), 0);
    assert_null(waiter.writer);
    night_close(&night);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(waiter.status, STATUS_OK);
    writer_free(waiter.writer);
    sem_destroy(&waiter.waits);
}

/* ---- references ---- */

static void read_references(struct references *references, const struct world *world,
                            const struct statement *statement)
{
    struct error error = {0};
    struct buffer bytes = {0};
    struct buffer content = {0};
    assert_int_equal(statement->reference_count, 1);
    assert_good(object_get(&bytes, world->repo, world->direct, OBJECT_REFERENCES,
                           statement->references[0], &error));
    assert_good(object_unseal(&content, world->repo, OBJECT_REFERENCES, &bytes, &error));
    assert_good(references_decode(references, &content, &error));
    buffer_free(&bytes);
    buffer_free(&content);
}

static void test_references_are_differences_and_sometimes_full(void **state)
{
    struct world *world = *state;
    struct error error = {0};
    static const unsigned char none[OBJECT_ID_SIZE];
    struct test_file files[3];
    struct references references;
    two_files(files);
    struct statement one = back_up(world, files, 3);
    read_references(&references, world, &one);
    size_t all = references.added_count;
    assert_memory_equal(references.base, none, OBJECT_ID_SIZE);
    assert_true(all > 3);
    assert_int_equal(references.removed_count, 0);
    references_free(&references);
    struct statement two = back_up(world, files, 2); /* without "b": its chunks and the old leaf */
    read_references(&references, world, &two);
    assert_memory_equal(references.base, one.id, OBJECT_ID_SIZE);
    assert_int_equal(references.added_count, 1); /* the new leaf */
    size_t removed = references.removed_count;
    assert_true(removed > 1);
    references_free(&references);
    struct night night;
    struct statement three;
    night_open(&night, world);
    assert_int_equal(night.writer->base.depth, 1);
    night.writer->base.depth = FULL_REFERENCES_EVERY - 1;
    assert_good(night_file(&night, &files[0], &error));
    assert_good(night_file(&night, &files[1], &error));
    assert_good(night_publish(&three, &night, &error));
    night_close(&night);
    read_references(&references, world, &three);
    assert_memory_equal(references.base, none, OBJECT_ID_SIZE);
    assert_int_equal(references.added_count, all - removed + 1);
    references_free(&references);
    check_all(world, 3);
    statement_free(&one);
    statement_free(&two);
    statement_free(&three);
}

static void test_damaged_state_is_begun_anew(void **state)
{
    struct world *world = *state;
    struct error error = {0};
    struct test_file files[3];
    two_files(files);
    struct statement one = back_up(world, files, 3);
    char path[256];
    snprintf(path, sizeof path, "%s/state/state.db", world->folder);
    int fd = open(path, O_WRONLY);
    char garbage[4096];
    memset(garbage, 0x5a, sizeof garbage);
    assert_int_equal(pwrite(fd, garbage, sizeof garbage, 4096), sizeof garbage);
    close(fd);
    struct night night;
    night_open(&night, world);
    assert_int_equal(writer_problems(night.writer)->count, 1);
    assert_null(writer_memory(night.writer));
    night_close(&night);
    struct statement two = back_up(world, files, 3);
    assert_true(two.stored > BIG + SMALL);
    assert_int_equal(two.sequence, 2);
    assert_good(compare_snapshot(world, &two, files, 3, &error));
    check_all(world, 2);
    statement_free(&one);
    statement_free(&two);
}

static void test_rolled_back_storage_gets_back_what_it_lost(void **state)
{
    struct world *world = *state;
    struct error error = {0};
    struct test_file files[3];
    two_files(files);
    struct statement one = back_up(world, files + 2, 1);
    char command[512];
    snprintf(command, sizeof command, "cp -a %s %s/old", world->store, world->folder);
    assert_int_equal(system(command), 0);
    struct statement two = back_up(world, files, 3);
    snprintf(command, sizeof command, "rm -r %s && mv %s/old %s", world->store, world->folder,
             world->store);
    assert_int_equal(system(command), 0);
    struct night night;
    night_open(&night, world);
    assert_true(writer_problems(night.writer)->count > 0);
    night_close(&night);
    struct statement three = back_up(world, files, 3);
    assert_int_equal(three.sequence, 3); /* 2 was used, whatever the storage says */
    assert_true(three.stored > BIG);
    assert_memory_equal(three.parents[0], one.id, OBJECT_ID_SIZE);
    assert_good(compare_snapshot(world, &three, files, 3, &error));
    check_all(world, 2);
    statement_free(&one);
    statement_free(&two);
    statement_free(&three);
}

static void test_lost_index_is_noticed(void **state)
{
    struct world *world = *state;
    struct error error = {0};
    struct test_file files[3];
    two_files(files);
    struct statement one = back_up(world, files, 3);
    char name[OBJECT_NAME_SIZE];
    only_object(name, world, "index");
    remove_object(world, name);
    struct statement two = back_up(world, files, 3);
    assert_true(two.stored < SMALL); /* the packs are there, and say what is in them */
    only_object(name, world, "index");
    assert_good(compare_snapshot(world, &two, files, 3, &error));

    remove_object(world, name);
    char command[1024];
    snprintf(command, sizeof command, "find %s/packs -type f -delete", world->store);
    assert_int_equal(system(command), 0);
    struct statement three = back_up(world, files, 3);
    assert_true(three.stored > BIG + SMALL);
    assert_good(compare_snapshot(world, &three, files, 3, &error));
    statement_free(&one);
    statement_free(&two);
    statement_free(&three);
}

static int spoil_one(const char *path, const struct stat *facts, int type, struct FTW *ftw)
{
    (void)ftw;
    if (type == FTW_F) {
        assert_int_equal(chmod(path, 0600), 0);
        int fd = open(path, O_RDWR);
        unsigned char byte;
        for (off_t at = 100; at < facts->st_size; at += 1000) {
            assert_int_equal(pread(fd, &byte, 1, at), 1);
            byte ^= 1;
            assert_int_equal(pwrite(fd, &byte, 1, at), 1);
        }
        close(fd);
    }
    return 0;
}

static void test_sample_finds_damage_and_the_next_run_heals_it(void **state)
{
    struct world *world = *state;
    struct error error = {0};
    struct test_file file = {"b", second, SMALL};
    struct statement one = back_up(world, &file, 1);
    char packs[256];
    snprintf(packs, sizeof packs, "%s/packs", world->store);
    assert_int_equal(nftw(packs, spoil_one, 16, FTW_PHYS), 0);
    struct night night;
    struct statement two;
    night_open(&night, world);
    assert_good(night_file(&night, &file, &error));
    assert_int_equal(night_publish(&two, &night, &error), STATUS_CORRUPT);
    assert_true(error.hint[0] != '\0');
    assert_true(writer_distrusted(night.writer));
    assert_true(writer_problems(night.writer)->count > 0);
    night_close(&night);
    assert_int_equal(count_objects(world, "statements"), 1);
    struct statement three = back_up(world, &file, 1);
    assert_good(compare_snapshot(world, &three, &file, 1, &error));
    statement_free(&one);
    statement_free(&three);
}

/* ---- packs that are lost, cut short or damaged in place ---- */

static size_t touched;

/* All packs but one: which chunks a night takes as samples is chance, and if every other were sound
 * it would now and then meet sound ones only. */
static int lose_all_but_one(const char *path, const struct stat *facts, int type, struct FTW *ftw)
{
    (void)facts;
    (void)ftw;
    if (type == FTW_F && touched++ > 0) {
        assert_int_equal(unlink(path), 0);
    }
    return 0;
}

static int cut_all_but_one(const char *path, const struct stat *facts, int type, struct FTW *ftw)
{
    (void)ftw;
    if (type == FTW_F && touched++ > 0) {
        assert_int_equal(chmod(path, 0600), 0);
        assert_int_equal(truncate(path, facts->st_size / 2), 0);
    }
    return 0;
}

static int spoil_all_but_one(const char *path, const struct stat *facts, int type, struct FTW *ftw)
{
    return type != FTW_F || touched++ == 0 ? 0 : spoil_one(path, facts, type, ftw);
}

/* One night over packs that are made small, so that there are many. */
static enum status night_of_many_packs(struct statement *statement, const struct world *world,
                                       const struct test_file files[3], struct error *error)
{
    struct night night;
    night_open(&night, world);
    night.writer->pack_target = 1100 * 1024;
    enum status status = STATUS_OK;
    for (size_t i = 0; status == STATUS_OK && i < 3; i++) {
        status = night_file(&night, &files[i], error);
    }
    status = status ? status : night_publish(statement, &night, error);
    assert_int_equal(writer_distrusted(night.writer), status != STATUS_OK);
    night_close(&night);
    return status;
}

static struct statement store_many_packs(struct world *world, const struct test_file files[3])
{
    struct error error = {0};
    struct statement statement;
    assert_good(night_of_many_packs(&statement, world, files, &error));
    return statement;
}

static void harm_packs(const struct world *world, __nftw_func_t harm)
{
    char packs[256];
    snprintf(packs, sizeof packs, "%s/packs", world->store);
    touched = 0;
    assert_int_equal(nftw(packs, harm, 16, FTW_PHYS), 0);
    assert_true(touched > 4);
}

static void heals_after(struct world *world, __nftw_func_t harm)
{
    struct error error = {0};
    struct test_file files[3];
    two_files(files);
    struct statement statement = store_many_packs(world, files);
    statement_free(&statement);
    harm_packs(world, harm);
    assert_int_equal(night_of_many_packs(&statement, world, files, &error), STATUS_CORRUPT);
    assert_int_equal(count_objects(world, "statements"), 1);
    error = (struct error){0};
    assert_good(night_of_many_packs(&statement, world, files, &error));
    assert_good(compare_snapshot(world, &statement, files, 3, &error));
    statement_free(&statement);
}

static void test_a_lost_sample_makes_all_packs_be_looked_for(void **state)
{
    heals_after(*state, lose_all_but_one);
}

static void test_damage_in_place_makes_the_map_forgotten(void **state)
{
    heals_after(*state, spoil_all_but_one);
}

static void test_without_a_base_packs_cut_short_are_noticed(void **state)
{
    struct world *world = *state;
    struct error error = {0};
    struct test_file files[3];
    two_files(files);
    struct statement statement = store_many_packs(world, files);
    statement_free(&statement);
    harm_packs(world, cut_all_but_one);
    char name[OBJECT_NAME_SIZE];
    only_object(name, world, "statements");
    remove_object(world, name);
    statement = store_many_packs(world, files);
    assert_good(compare_snapshot(world, &statement, files, 3, &error));
    statement_free(&statement);
}

static void test_distrust_forgets_the_pack_and_ends_the_night(void **state)
{
    struct world *world = *state;
    struct error error = {0};
    struct night night;
    struct statement statement;
    struct chunk_result result;
    night_open(&night, world);
    assert_good(pipeline_store(night.pipeline, second, 100000, NULL, &result, &error));
    assert_good(count_chunk(&night, &result, &error));
    assert_good(night_publish(&statement, &night, &error));
    night_close(&night);
    statement_free(&statement);
    night_open(&night, world);
    struct error reason;
    error_set(&reason, STATUS_NOT_FOUND, 0, "gone");
    assert_int_equal(writer_distrust(night.writer, &result.reference, &reason), STATUS_NOT_FOUND);
    assert_true(writer_distrusted(night.writer));
    assert_int_equal(writer_problems(night.writer)->count, 1);
    assert_int_equal(night_publish(&statement, &night, &error), STATUS_NOT_FOUND);
    night_close(&night);
    night_open(&night, world);
    bool found = true;
    struct state_chunk chunk;
    assert_null(writer_memory(night.writer));
    assert_good(state_find(night.writer->state, result.hash, &chunk, &found, &error));
    assert_false(found);
    night_close(&night);
}

/* ---- who may write and who may read ---- */

static void test_secret_is_sealed_to_who_joins_later(void **state)
{
    struct world *world = *state;
    struct error error = {0};
    struct test_file file = {"b", second, 100};
    struct statement one = back_up(world, &file, 1);
    statement_free(&one);
    size_t before = count_objects(world, "keys");
    struct age_identity manager = {0};
    assert_good(age_identity_generate(&manager, &error));
    struct age_recipient both[2] = {world->identity.recipient, manager.recipient};
    char folder[256];
    state_folder(folder, sizeof folder, world);
    struct writer_options options = night_options(world, folder);
    options.recipients = both;
    options.recipient_count = 2;
    for (size_t i = 0; i < 2; i++) { /* once is enough */
        struct writer *writer = NULL;
        assert_good(writer_open(&writer, world->repo, &options, &error));
        writer_free(writer);
    }
    assert_int_equal(count_objects(world, "keys"), before + 1);
    struct repo_access access = identity_access(world);
    access.identities = &manager;
    access.identity_count = 1;
    struct repo *repo = NULL;
    assert_good(repo_open(&repo, &access, &error));
    repo_free(repo);
    age_identity_free(&manager);
}

static void test_used_up_numbers_are_refused(void **state)
{
    struct world *world = *state;
    struct error error = {0};
    struct test_file file = {"b", second, 100};
    struct statement one = back_up(world, &file, 1);
    one.sequence = SEQUENCE_LIMIT + 1; /* is set aside */
    assert_good(statement_write(&one, world->repo, world->direct, &error));
    struct night night;
    night_open(&night, world);
    assert_int_equal(night.writer->sequence, 2);
    night_close(&night);
    one.sequence = SEQUENCE_LIMIT;
    assert_good(statement_write(&one, world->repo, world->direct, &error));
    char folder[256];
    state_folder(folder, sizeof folder, world);
    struct writer_options options = night_options(world, folder);
    struct writer *writer = NULL;
    assert_int_equal(writer_open(&writer, world->repo, &options, &error), STATUS_UNAUTHENTIC);
    assert_null(writer);
    assert_true(error.hint[0] != '\0');
    statement_free(&one);
}

static void test_wrong_memory_of_uses_is_not_published(void **state)
{
    struct world *world = *state;
    struct error error = {0};
    struct test_file file = {"b", second, SMALL};
    struct statement one = back_up(world, &file, 1);
    struct night night;
    struct statement two;
    night_open(&night, world);
    assert_good(night_file(&night, &file, &error));
    assert_non_null(writer_memory(night.writer));
    assert_good(writer_use(night.writer, night.hashes.data, -5, &error));
    assert_int_equal(night_publish(&two, &night, &error), STATUS_FAILED);
    night_close(&night);
    night_open(&night, world);
    assert_null(writer_memory(night.writer));
    night_close(&night);
    struct statement three = back_up(world, &file, 1);
    assert_true(three.stored < 20000);
    assert_good(compare_snapshot(world, &three, &file, 1, &error));
    check_all(world, 2);
    statement_free(&one);
    statement_free(&three);
}

static void test_opens_a_chunk_that_the_map_knows(void **state)
{
    struct world *world = *state;
    struct error error = {0};
    struct night night;
    struct chunk_result result;
    night_open(&night, world);
    assert_good(pipeline_store(night.pipeline, second, 100000, NULL, &result, &error));
    assert_good(count_chunk(&night, &result, &error));
    struct statement statement;
    assert_good(night_publish(&statement, &night, &error));
    night_close(&night);
    night_open(&night, world);
    struct buffer content = {0};
    assert_good(writer_open_chunk(night.writer, &result.reference, &content, &error));
    assert_int_equal(content.size, 100000);
    assert_memory_equal(content.data, second, 100000);
    result.reference.key[0] ^= 1;
    assert_int_equal(writer_open_chunk(night.writer, &result.reference, &content, &error),
                     STATUS_NOT_FOUND);
    buffer_free(&content);
    night_close(&night);
    statement_free(&statement);
}

static void test_map_forgets_what_nothing_uses(void **state)
{
    struct world *world = *state;
    struct error error = {0};
    struct test_file files[3];
    two_files(files);
    struct statement one = back_up(world, files, 3);
    struct night night;
    night_open(&night, world);
    assert_good(night_file(&night, &files[2], &error));
    unsigned char gone[CHUNK_HASH_SIZE];
    char path[300];
    struct buffer before = {0};
    snprintf(path, sizeof path, "%s/hashes", writer_memory(night.writer));
    assert_good(file_read(&before, path, PACK_LIMIT, &error));
    memcpy(gone, before.data, sizeof gone); /* of the first file */
    struct statement two;
    assert_good(night_publish(&two, &night, &error));
    bool found = true;
    struct state_chunk chunk;
    assert_good(state_find(night.writer->state, gone, &chunk, &found, &error));
    assert_false(found);
    assert_good(state_find(night.writer->state, night.hashes.data, &chunk, &found, &error));
    assert_true(found);
    night_close(&night);
    buffer_free(&before);
    statement_free(&one);
    statement_free(&two);
}

int main(void)
{
#define WORLD(test) cmocka_unit_test_setup_teardown(test, world_setup, world_teardown)
    const struct CMUnitTest tests[] = {
        WORLD(test_backs_up_and_reads_back),
        WORLD(test_two_workers_with_one_content_store_it_once),
        WORLD(test_spool_takes_what_the_line_does_not),
        WORLD(test_full_spool_waits_for_the_line),
        WORLD(test_a_failing_store_stops_the_backup),
        WORLD(test_state_belongs_to_one_backup_at_a_time),
        WORLD(test_waits_for_the_other_backup),
        WORLD(test_references_are_differences_and_sometimes_full),
        WORLD(test_damaged_state_is_begun_anew),
        WORLD(test_rolled_back_storage_gets_back_what_it_lost),
        WORLD(test_lost_index_is_noticed),
        WORLD(test_sample_finds_damage_and_the_next_run_heals_it),
        WORLD(test_a_lost_sample_makes_all_packs_be_looked_for),
        WORLD(test_damage_in_place_makes_the_map_forgotten),
        WORLD(test_without_a_base_packs_cut_short_are_noticed),
        WORLD(test_distrust_forgets_the_pack_and_ends_the_night),
        WORLD(test_secret_is_sealed_to_who_joins_later),
        WORLD(test_used_up_numbers_are_refused),
        WORLD(test_wrong_memory_of_uses_is_not_published),
        WORLD(test_opens_a_chunk_that_the_map_knows),
        WORLD(test_map_forgets_what_nothing_uses),
    };
    return cmocka_run_group_tests(tests, make_content, free_content);
}
