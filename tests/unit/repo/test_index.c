/* Indexes: the codec, and reading all of them over several connections. */
#include "repo_world.h"

struct seen {
    struct index_pack pack; /* the last; chunks copied */
    struct index_chunk chunks[WORLD_CHUNKS];
    size_t packs;
};

static enum status note(void *context, const struct index_pack *pack, struct error *error)
{
    (void)error;
    struct seen *seen = context;
    assert_int_equal(pack->count, WORLD_CHUNKS);
    seen->pack = *pack;
    memcpy(seen->chunks, pack->chunks, sizeof seen->chunks);
    seen->packs++;
    return STATUS_OK;
}

static void encode(struct buffer *content, const struct index_pack *packs, uint32_t count)
{
    struct error error = {0};
    assert_good(buffer_append_u32(content, count, &error));
    for (uint32_t i = 0; i < count; i++) {
        assert_good(index_pack_encode(content, &packs[i], &error));
    }
}

static void test_round_trip(void **state)
{
    const struct world *world = *state;
    struct error error = {0};
    struct index_pack packs[3];
    struct buffer bytes = {0};
    struct buffer content = {0};
    for (size_t i = 0; i < LENGTH(packs); i++) {
        make_pack(&bytes, &packs[i], world);
    }
    encode(&content, packs, 3);
    struct seen seen = {.packs = 0};
    assert_good(index_decode(&content, note, &seen, &error));
    assert_int_equal(seen.packs, 3);
    assert_memory_equal(seen.pack.id, packs[2].id, OBJECT_ID_SIZE);
    assert_int_equal(seen.pack.size, packs[2].size);
    assert_memory_equal(seen.chunks, packs[2].chunks, sizeof seen.chunks);
    for (size_t i = 0; i < LENGTH(packs); i++) {
        free(packs[i].chunks);
    }
    buffer_free(&bytes);
    buffer_free(&content);
}

static void refuse(const struct buffer *content)
{
    struct error error = {0};
    struct seen seen = {.packs = 0};
    assert_int_equal(index_decode(content, note, &seen, &error), STATUS_CORRUPT);
    assert_int_equal(seen.packs, 0); /* nobody heard of its good half */
}

static void test_lies(void **state)
{
    const struct world *world = *state;
    struct error error = {0};
    struct index_pack packs[2];
    struct buffer bytes = {0};
    struct buffer content = {0};
    make_pack(&bytes, &packs[0], world);
    make_pack(&bytes, &packs[1], world);
    encode(&content, packs, 2);
    size_t whole = content.size;
    for (content.size = 0; content.size < whole; content.size++) {
        refuse(&content);
    }
    assert_good(buffer_append_u8(&content, 0, &error));
    refuse(&content);
    buffer_clear(&content);
    struct index_chunk *last = &packs[1].chunks[WORLD_CHUNKS - 1];
    const struct index_chunk good = *last;
    const struct index_chunk bad[] = {
        {{0}, (uint32_t)packs[1].size, 100}, /* beyond the pack */
        {{0}, UINT32_MAX, UINT32_MAX},       /* the sum is more than 32 bits hold */
        {{0}, 0, 41},                        /* no room for a sealed byte */
        {{0}, 0, SEAL_OVERHEAD + CHUNK_MAXIMUM + 2},
    };
    for (size_t i = 0; i < LENGTH(bad); i++) {
        *last = bad[i];
        buffer_clear(&content);
        encode(&content, packs, 2);
        refuse(&content);
    }
    *last = good;
    packs[1].size = PACK_LIMIT + 1;
    buffer_clear(&content);
    encode(&content, packs, 2);
    refuse(&content);
    free(packs[0].chunks);
    free(packs[1].chunks);
    buffer_free(&bytes);
    buffer_free(&content);
}

static void test_reading_all(void **state)
{
    const struct world *world = *state;
    struct error error = {0};
    unsigned char ids[20][OBJECT_ID_SIZE];
    char name[OBJECT_NAME_SIZE];
    struct buffer bytes = {0};
    for (size_t i = 0; i < LENGTH(ids); i++) {
        struct index_pack pack;
        struct buffer content = {0};
        make_pack(&bytes, &pack, world);
        encode(&content, &pack, 1);
        put_sealed(ids[i], world, OBJECT_INDEX, &content);
        free(pack.chunks);
        buffer_free(&content);
    }
    struct problems problems = {0};
    struct seen seen = {.packs = 0};
    assert_good(index_read_all(world->repo, &problems, note, &seen, &error));
    assert_int_equal(seen.packs, 20);
    assert_int_equal(problems.count, 0);

    object_name(name, OBJECT_INDEX, ids[3]);
    flip_byte(world, name, 100); /* no longer its name's */
    object_name(name, OBJECT_INDEX, ids[4]);
    remove_object(world, name);
    fill_random(&bytes, 5); /* sealed well, but no index */
    put_sealed(ids[5], world, OBJECT_INDEX, &bytes);
    fill_random(&bytes, 500); /* named well, but not sealed */
    object_hash(ids[6], bytes.data, bytes.size);
    object_name(name, OBJECT_INDEX, ids[6]);
    write_object(world, name, bytes.data, bytes.size);
    seen.packs = 0;
    assert_good(index_read_all(world->repo, &problems, note, &seen, &error));
    assert_int_equal(seen.packs, 18);
    assert_int_equal(problems.count, 3);
    static const struct {
        size_t number;
        enum status status;
    } expected[] = {{3, STATUS_CORRUPT}, {5, STATUS_CORRUPT}, {6, STATUS_UNSUPPORTED}};
    for (size_t i = 0; i < LENGTH(expected); i++) {
        object_name(name, OBJECT_INDEX, ids[expected[i].number]);
        const struct problem *problem = find_problem(&problems, name);
        assert_non_null(problem);
        assert_int_equal(problem->status, expected[i].status);
    }
    problems_free(&problems);
    buffer_free(&bytes);
}

static enum status refuse_to_go_on(void *context, const struct index_pack *pack,
                                   struct error *error)
{
    (void)context;
    (void)pack;
    return error_set(error, STATUS_NO_SPACE, 0, "full");
}

static void test_the_visitors_failure_ends_it(void **state)
{
    const struct world *world = *state;
    struct error error = {0};
    assert_int_equal(index_read_all(world->repo, NULL, refuse_to_go_on, NULL, &error),
                     STATUS_NO_SPACE);
    assert_string_equal(error.message, "full");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_lies),
        cmocka_unit_test(test_reading_all),
        cmocka_unit_test(test_the_visitors_failure_ends_it),
    };
    return cmocka_run_group_tests(tests, world_setup, world_teardown);
}
