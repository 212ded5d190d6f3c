/* Objects in a real local store: names, retries, occupied names, damage. */
#include "repo_world.h"

static void store_some(unsigned char id[OBJECT_ID_SIZE], struct buffer *bytes,
                       const struct world *world, size_t size)
{
    struct error error = {0};
    fill_random(bytes, size);
    object_hash(id, bytes->data, bytes->size);
    assert_good(object_put(world->repo, world->direct, OBJECT_INDEX, id, bytes, &error));
}

static void test_round_trip_of_all_sizes(void **state)
{
    const struct world *world = *state;
    static const size_t sizes[] = {0, 1, 65535, 65536, 65537, 3000000, OBJECT_LIMIT};
    for (size_t i = 0; i < LENGTH(sizes); i++) {
        struct error error = {0};
        unsigned char id[OBJECT_ID_SIZE];
        struct buffer bytes = {0};
        struct buffer back = {0};
        store_some(id, &bytes, world, sizes[i]);
        assert_good(object_get(&back, world->repo, world->direct, OBJECT_INDEX, id, &error));
        assert_int_equal(back.size, sizes[i]);
        assert_memory_equal(back.data, bytes.data, sizes[i]);
        buffer_free(&bytes);
        buffer_free(&back);
    }
}

static void test_too_long_is_refused(void **state)
{
    const struct world *world = *state;
    struct error error = {0};
    unsigned char id[OBJECT_ID_SIZE];
    struct buffer bytes = {0};
    struct buffer back = {0};
    store_some(id, &bytes, world, OBJECT_LIMIT + 1);
    assert_int_equal(object_get(&back, world->repo, world->direct, OBJECT_INDEX, id, &error),
                     STATUS_CORRUPT);
    buffer_free(&bytes);
    buffer_free(&back);
}

static void test_absent_and_damaged_differ(void **state)
{
    const struct world *world = *state;
    struct error error = {0};
    unsigned char id[OBJECT_ID_SIZE];
    char name[OBJECT_NAME_SIZE];
    struct buffer bytes = {0};
    struct buffer back = {0};
    store_some(id, &bytes, world, 500);
    object_name(name, OBJECT_INDEX, id);
    flip_byte(world, name, 499);
    assert_int_equal(object_get(&back, world->repo, world->direct, OBJECT_INDEX, id, &error),
                     STATUS_CORRUPT);
    write_object(world, name, bytes.data, 499);
    assert_int_equal(object_get(&back, world->repo, world->direct, OBJECT_INDEX, id, &error),
                     STATUS_CORRUPT);
    remove_object(world, name);
    assert_int_equal(object_get(&back, world->repo, world->direct, OBJECT_INDEX, id, &error),
                     STATUS_NOT_FOUND);
    buffer_free(&bytes);
    buffer_free(&back);
}

static void test_occupied_name(void **state)
{
    const struct world *world = *state;
    struct error error = {0};
    unsigned char id[OBJECT_ID_SIZE];
    char name[OBJECT_NAME_SIZE];
    struct buffer bytes = {0};
    struct buffer back = {0};
    fill_random(&bytes, 700);
    object_hash(id, bytes.data, bytes.size);
    object_name(name, OBJECT_INDEX, id);
    write_object(world, name, "garbage", 7);
    assert_good(object_put(world->repo, world->direct, OBJECT_INDEX, id, &bytes, &error));
    assert_int_equal(count_objects(world, "index"), 2);
    assert_good(object_get(&back, world->repo, world->direct, OBJECT_INDEX, id, &error));
    assert_memory_equal(back.data, bytes.data, 700);

    /* The same length as the object's, so that only the bytes tell. */
    memset(back.data, 7, 700);
    write_object(world, name, back.data, 700);
    assert_good(object_put(world->repo, world->direct, OBJECT_INDEX, id, &bytes, &error));
    assert_int_equal(count_objects(world, "index"), 3);
    buffer_free(&bytes);
    buffer_free(&back);
}

static void test_the_same_again_is_success(void **state)
{
    const struct world *world = *state;
    struct error error = {0};
    unsigned char id[OBJECT_ID_SIZE];
    struct buffer bytes = {0};
    store_some(id, &bytes, world, 2500000);
    assert_good(object_put(world->repo, world->direct, OBJECT_INDEX, id, &bytes, &error));
    assert_int_equal(count_objects(world, "index"), 1);
    buffer_free(&bytes);
}

static void test_snapshot_names_verify_by_payload(void **state)
{
    const struct world *world = *state;
    struct error error = {0};
    unsigned char id[OBJECT_ID_SIZE];
    size_t header = 0;
    struct buffer sealed = {0};
    struct buffer back = {0};
    assert_good(
        age_seal_buffer(&sealed, "catalogue", 9, &world->identity.recipient, 1, NULL, &error));
    assert_good(age_header_length(&header, sealed.data, sealed.size, &error));
    object_hash(id, sealed.data + header, sealed.size - header);
    assert_good(object_put(world->repo, world->direct, OBJECT_SNAPSHOT, id, &sealed, &error));
    assert_good(object_put(world->repo, world->direct, OBJECT_SNAPSHOT, id, &sealed, &error));
    assert_int_equal(count_objects(world, "snapshots"), 2);
    char name[OBJECT_NAME_SIZE];
    only_object(name, world, "snapshots");
    write_object(world, name, "not an age file", 15);
    assert_good(object_get(&back, world->repo, world->direct, OBJECT_SNAPSHOT, id, &error));
    assert_int_equal(back.size, sealed.size);
    remove_object(world, name);
    only_object(name, world, "snapshots");
    flip_byte(world, name, sealed.size - 1);
    assert_int_equal(object_get(&back, world->repo, world->direct, OBJECT_SNAPSHOT, id, &error),
                     STATUS_CORRUPT);
    buffer_free(&sealed);
    buffer_free(&back);
}

static void test_range_finds_the_whole_pack(void **state)
{
    const struct world *world = *state;
    struct error error = {0};
    struct buffer bytes = {0};
    struct index_pack pack;
    char name[OBJECT_NAME_SIZE];
    unsigned char piece[4096];
    size_t got = 0;
    make_pack(&bytes, &pack, world);
    object_name(name, OBJECT_PACK, pack.id);
    write_object(world, name, bytes.data, 150); /* an upload that broke off */
    assert_good(object_put(world->repo, world->direct, OBJECT_PACK, pack.id, &bytes, &error));
    assert_good(
        object_get_range(world->direct, OBJECT_PACK, pack.id, 100, piece, 300, &got, &error));
    assert_int_equal(got, 300);
    assert_memory_equal(piece, bytes.data + 100, 300);
    assert_good(object_get_range(world->direct, OBJECT_PACK, pack.id, 1000, piece, sizeof piece,
                                 &got, &error));
    assert_int_equal(got, bytes.size - 1000);
    pack.id[5] ^= 1;
    assert_int_equal(
        object_get_range(world->direct, OBJECT_PACK, pack.id, 0, piece, 10, &got, &error),
        STATUS_NOT_FOUND);
    free(pack.chunks);
    buffer_free(&bytes);
}

static enum status count_visit(void *context, const unsigned char id[OBJECT_ID_SIZE],
                               const struct store_entry *entry, struct error *error)
{
    (void)id;
    (void)entry;
    (void)error;
    ++*(size_t *)context;
    return STATUS_OK;
}

static void test_listing_names_strangers(void **state)
{
    const struct world *world = *state;
    struct error error = {0};
    unsigned char id[OBJECT_ID_SIZE];
    struct buffer bytes = {0};
    struct problems problems = {0};
    size_t count = 0;
    store_some(id, &bytes, world, 10);
    write_object(world, "index/readme", "x", 1);
    write_object(world, "index/0123", "x", 1);
    char name[2 * OBJECT_NAME_SIZE];
    char plain[OBJECT_NAME_SIZE];
    object_name(plain, OBJECT_INDEX, id);
    snprintf(name, sizeof name, "%s.0123", plain);
    write_object(world, name, "x", 1);
    assert_good(object_list(world->repo, world->direct, OBJECT_INDEX, &problems, count_visit,
                            &count, &error));
    assert_int_equal(count, 1);
    assert_int_equal(problems.count, 3);
    problems_free(&problems);

    /* A pack in the folder of others. */
    write_object(world, "packs/00/ff00000000000000000000000000000000000000000000000000000000000000",
                 "x", 1);
    write_object(world, "packs/00/0000000000000000000000000000000000000000000000000000000000000000",
                 "x", 1);
    count = 0;
    assert_good(object_list(world->repo, world->direct, OBJECT_PACK, &problems, count_visit, &count,
                            &error));
    assert_int_equal(count, 1);
    assert_int_equal(problems.count, 1);
    problems_free(&problems);
    buffer_free(&bytes);
}

static void test_problems_are_bounded(void **state)
{
    (void)state;
    struct problems problems = {0};
    struct error error;
    error_set(&error, STATUS_CORRUPT, 0, "damaged");
    for (size_t i = 0; i < PROBLEMS_LIMIT + 5; i++) {
        problems_add(&problems, "index/\x1b[31m", &error);
    }
    assert_int_equal(problems.count, PROBLEMS_LIMIT);
    assert_int_equal(problems.dropped, 5);
    assert_string_equal(problems.items[0].object, "index/\\033[31m");
    problems_free(&problems);
}

/* The names of losses are known beyond the limit, and leave room for what is no loss. */
static void test_losses_yield_and_are_known(void **state)
{
    (void)state;
    struct problems problems = {0};
    struct problems copy = {0};
    struct error error;
    struct error loss;
    struct error damage;
    error_set(&loss, STATUS_NOT_FOUND, 0, "missing");
    error_set(&damage, STATUS_CORRUPT, 0, "damaged");
    char name[OBJECT_NAME_SIZE];
    for (unsigned i = 0; i < PROBLEMS_LIMIT + 5; i++) {
        snprintf(name, sizeof name, "index/%064u", i);
        problems_add(&problems, name, &loss);
    }
    problems_add(&problems, name, &loss);
    assert_int_equal(problems.loss_count, 5);
    assert_int_equal(problems.losses[4].count, 2);
    problems_add(&problems, "index/strange", &damage);
    assert_int_equal(problems.count, PROBLEMS_LIMIT);
    assert_int_equal(problems.loss_items, PROBLEMS_LIMIT - 1);
    assert_string_equal(problems.items[PROBLEMS_LIMIT - 1].object, "index/strange");
    assert_int_equal(problems.dropped, 7);

    assert_good(problems_copy(&copy, &problems, &error));
    assert_int_equal(copy.loss_count, 6);
    assert_int_equal(copy.dropped, 7);
    assert_false(copy.losses_cut);
    problems_free(&copy);
    for (unsigned i = 0; i < LOSSES_LIMIT; i++) {
        snprintf(name, sizeof name, "packs/00/00%062u", i);
        problems_add(&problems, name, &loss);
    }
    assert_int_equal(problems.loss_count, LOSSES_LIMIT);
    assert_true(problems.losses_cut);
    problems_free(&problems);
}

int main(void)
{
#define IN_WORLD(test) cmocka_unit_test_setup(test, world_clear)
    const struct CMUnitTest tests[] = {
        IN_WORLD(test_round_trip_of_all_sizes),
        IN_WORLD(test_too_long_is_refused),
        IN_WORLD(test_absent_and_damaged_differ),
        IN_WORLD(test_occupied_name),
        IN_WORLD(test_the_same_again_is_success),
        IN_WORLD(test_snapshot_names_verify_by_payload),
        IN_WORLD(test_range_finds_the_whole_pack),
        IN_WORLD(test_listing_names_strangers),
        cmocka_unit_test(test_problems_are_bounded),
        cmocka_unit_test(test_losses_yield_and_are_known),
    };
    return cmocka_run_group_tests(tests, world_setup, world_teardown);
}
