/* Packs: built, shuffled, padded; and a directory that lies is refused. */
#include "repo_world.h"

static void test_round_trip(void **state)
{
    const struct world *world = *state;
    struct error error = {0};
    struct buffer bytes = {0};
    struct index_pack pack;
    struct index_pack back = {0};
    unsigned char id[OBJECT_ID_SIZE];
    make_pack(&bytes, &pack, world);
    assert_int_equal(bytes.size, padme(bytes.size));
    assert_int_equal(pack.size, bytes.size);
    object_hash(id, bytes.data, bytes.size);
    assert_memory_equal(pack.id, id, sizeof id);
    assert_memory_equal(bytes.data + bytes.size - 12, "kura/1 pack\n", 12);
    assert_good(pack_directory(&back, world->repo, &bytes, &error));
    assert_int_equal(back.count, WORLD_CHUNKS);
    assert_int_equal(back.size, pack.size);
    for (uint32_t i = 0; i < back.count; i++) {
        assert_memory_equal(back.chunks[i].id, pack.chunks[i].id, CHUNK_ID_SIZE);
        assert_int_equal(back.chunks[i].offset, pack.chunks[i].offset);
        assert_int_equal(back.chunks[i].size, pack.chunks[i].size);
    }
    free(pack.chunks);
    free(back.chunks);
    buffer_free(&bytes);
}

/* The directory alone comes as with the whole pack; one that somebody planted is none. */
static void test_directory_is_fetched(void **state)
{
    const struct world *world = *state;
    struct error error = {0};
    struct buffer bytes = {0};
    struct index_pack pack;
    make_pack(&bytes, &pack, world);
    assert_good(object_put(world->repo, world->direct, OBJECT_PACK, pack.id, &bytes, &error));
    struct index_pack back = {.size = pack.size};
    memcpy(back.id, pack.id, OBJECT_ID_SIZE);
    assert_good(pack_fetch_directory(&back, world->repo, world->direct, &error));
    assert_int_equal(back.count, pack.count);
    assert_memory_equal(back.chunks, pack.chunks, pack.count * sizeof *pack.chunks);
    free(back.chunks);

    struct buffer planted = {0};
    assert_good(buffer_reserve(&planted, (size_t)8 * 1024 * 1024, &error));
    planted.size = planted.capacity;
    memset(planted.data, 0, planted.size);
    memcpy(planted.data + planted.size - 12, "kura/1 pack\n", 12);
    memset(back.id, 7, OBJECT_ID_SIZE);
    back.size = planted.size;
    assert_good(object_put(world->repo, world->direct, OBJECT_PACK, back.id, &planted, &error));
    assert_int_equal(pack_fetch_directory(&back, world->repo, world->direct, &error),
                     STATUS_CORRUPT);
    free(pack.chunks);
    buffer_free(&planted);
    buffer_free(&bytes);
}

static void test_each_chunk_is_where_it_is_said(void **state)
{
    const struct world *world = *state;
    struct error error = {0};
    unsigned char content[8][200];
    const unsigned char *sealed[8];
    struct index_chunk chunks[8];
    bool moved = false;
    for (unsigned tries = 0; tries < 20; tries++) {
        struct buffer bytes = {0};
        for (unsigned char i = 0; i < 8; i++) {
            memset(content[i], i, sizeof content[i]);
            sealed[i] = content[i];
            chunks[i] = (struct index_chunk){{i}, 0, 100 + i};
        }
        struct index_pack pack = {.chunks = chunks, .count = 8};
        assert_good(pack_build(&bytes, &pack, world->repo, sealed, &error));
        for (unsigned i = 0; i < 8; i++) {
            unsigned char number = chunks[i].id[0];
            assert_int_equal(chunks[i].size, 100 + number);
            assert_memory_equal(bytes.data + chunks[i].offset, content[number], chunks[i].size);
            moved = moved || number != i;
        }
        buffer_free(&bytes);
    }
    assert_true(moved);
}

static void test_limits(void **state)
{
    const struct world *world = *state;
    struct error error = {0};
    struct buffer bytes = {0};
    struct index_chunk chunks[17];
    static unsigned char content[4 * 1024 * 1024];
    const unsigned char *sealed[17];
    for (unsigned i = 0; i < 17; i++) {
        sealed[i] = content;
        chunks[i] = (struct index_chunk){{0}, 0, sizeof content};
    }
    struct index_pack pack = {.chunks = chunks, .count = 0};
    assert_int_equal(pack_build(&bytes, &pack, world->repo, sealed, &error), STATUS_FAILED);
    pack.count = 16;
    assert_int_equal(pack_build(&bytes, &pack, world->repo, sealed, &error), STATUS_FAILED);
    pack.count = 15;
    assert_good(pack_build(&bytes, &pack, world->repo, sealed, &error));
    buffer_free(&bytes);
}

static void test_flips_and_cuts(void **state)
{
    const struct world *world = *state;
    struct error error = {0};
    struct buffer bytes = {0};
    struct index_pack pack;
    struct index_pack back;
    make_pack(&bytes, &pack, world);
    const struct index_chunk *last = &pack.chunks[WORLD_CHUNKS - 1];
    for (size_t i = last->offset + last->size; i < bytes.size; i++) {
        bytes.data[i] ^= 1;
        assert_int_equal(pack_directory(&back, world->repo, &bytes, &error), STATUS_CORRUPT);
        assert_null(back.chunks);
        bytes.data[i] ^= 1;
    }
    size_t whole = bytes.size;
    for (bytes.size = 0; bytes.size < whole; bytes.size++) {
        assert_int_equal(pack_directory(&back, world->repo, &bytes, &error), STATUS_CORRUPT);
    }
    free(pack.chunks);
    buffer_free(&bytes);
}

/* Frames a directory of one's own making, sealed with the right key. */
static void frame(struct buffer *bytes, const struct world *world, const uint32_t *words,
                  size_t count)
{
    struct error error = {0};
    struct buffer plain = {0};
    assert_good(buffer_append_u32(&plain, words[0], &error));
    for (size_t i = 1; i + 1 < count; i += 2) {
        unsigned char id[CHUNK_ID_SIZE] = {(unsigned char)i};
        assert_good(buffer_append(&plain, id, sizeof id, &error));
        assert_good(buffer_append_u32(&plain, words[i], &error));
        assert_good(buffer_append_u32(&plain, words[i + 1], &error));
    }
    unsigned char key[SUBKEY_SIZE];
    repo_subkey(key, world->repo, "seal pack");
    unsigned char context[12 + REPOSITORY_ID_SIZE];
    static const char kind[12] = "kura/1 pack\n"; /* without its terminator */
    memcpy(context, kind, sizeof kind);
    memcpy(context + 12, repo_id(world->repo), REPOSITORY_ID_SIZE);
    fill_random(bytes, 200);
    assert_good(seal(bytes, key, plain.data, plain.size, context, sizeof context, &error));
    assert_good(buffer_append_u32(bytes, 200, &error));
    assert_good(buffer_append(bytes, "kura/1 pack\n", 12, &error));
    buffer_free(&plain);
}

static void test_lying_directories(void **state)
{
    const struct world *world = *state;
    static const struct {
        uint32_t words[5];
        size_t count;
        enum status expected;
    } cases[] = {
        {{2, 0, 100, 100, 100}, 5, STATUS_OK},
        {{2, 0, 100, 90, 110}, 5, STATUS_CORRUPT},          /* overlap */
        {{2, 0, 100, 110, 90}, 5, STATUS_CORRUPT},          /* gap */
        {{2, 0, 100, 100, 90}, 5, STATUS_CORRUPT},          /* ends early */
        {{1, 0, 100}, 3, STATUS_CORRUPT},                   /* does not reach the directory */
        {{2, 0, 100, 100, 4000000}, 5, STATUS_CORRUPT},     /* beyond the pack */
        {{2, 0, 199, 199, 1}, 5, STATUS_CORRUPT},           /* too short for a sealed chunk */
        {{0}, 1, STATUS_CORRUPT},                           /* no chunks */
        {{3, 0, 100, 100, 100}, 5, STATUS_CORRUPT},         /* one more than there are */
        {{0xffffffff, 0, 100, 100, 100}, 5, STATUS_CORRUPT} /* any number */
    };
    for (size_t i = 0; i < LENGTH(cases); i++) {
        struct error error = {0};
        struct buffer bytes = {0};
        struct index_pack back;
        frame(&bytes, world, cases[i].words, cases[i].count);
        assert_int_equal(pack_directory(&back, world->repo, &bytes, &error), cases[i].expected);
        free(back.chunks);
        buffer_free(&bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_directory_is_fetched),
        cmocka_unit_test(test_each_chunk_is_where_it_is_said),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_flips_and_cuts),
        cmocka_unit_test(test_lying_directories),
    };
    return cmocka_run_group_tests(tests, world_setup, world_teardown);
}
