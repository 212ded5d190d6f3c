/* Sealed objects: padded, bound to kind and repository, and any change of them is seen. */
#include "repo_world.h"

static void test_round_trip_and_padding(void **state)
{
    const struct world *world = *state;
    static const size_t sizes[] = {0, 1, 100, 4095, 100000};
    for (size_t i = 0; i < LENGTH(sizes); i++) {
        struct error error = {0};
        struct buffer content = {0};
        struct buffer bytes = {0};
        struct buffer back = {0};
        fill_random(&content, sizes[i]);
        assert_good(object_seal(&bytes, world->repo, OBJECT_INDEX, &content, &error));
        assert_int_equal(bytes.size, padme(bytes.size));
        assert_true(bytes.size <= padme(sizes[i] + 60));
        assert_memory_equal(bytes.data, "kura/1 seal\n", 12);
        assert_good(object_unseal(&back, world->repo, OBJECT_INDEX, &bytes, &error));
        assert_int_equal(back.size, sizes[i]);
        assert_memory_equal(back.data, content.data, sizes[i]);
        buffer_free(&content);
        buffer_free(&bytes);
        buffer_free(&back);
    }
}

static void test_every_flip_and_cut_is_seen(void **state)
{
    const struct world *world = *state;
    struct error error = {0};
    struct buffer content = {0};
    struct buffer bytes = {0};
    struct buffer back = {0};
    fill_random(&content, 50);
    assert_good(object_seal(&bytes, world->repo, OBJECT_STATEMENT, &content, &error));
    for (size_t i = 0; i < bytes.size; i++) {
        bytes.data[i] ^= 0x80;
        assert_int_not_equal(object_unseal(&back, world->repo, OBJECT_STATEMENT, &bytes, &error),
                             STATUS_OK);
        bytes.data[i] ^= 0x80;
    }
    size_t whole = bytes.size;
    for (bytes.size = 0; bytes.size < whole; bytes.size++) {
        assert_int_equal(object_unseal(&back, world->repo, OBJECT_STATEMENT, &bytes, &error),
                         STATUS_CORRUPT);
    }
    assert_good(object_unseal(&back, world->repo, OBJECT_STATEMENT, &bytes, &error));
    assert_int_equal(object_unseal(&back, world->repo, OBJECT_INDEX, &bytes, &error),
                     STATUS_CORRUPT);
    memcpy(bytes.data, "kura/2 seal\n", 12);
    assert_int_equal(object_unseal(&back, world->repo, OBJECT_STATEMENT, &bytes, &error),
                     STATUS_UNSUPPORTED);
    buffer_free(&content);
    buffer_free(&bytes);
    buffer_free(&back);
}

static void test_other_repository(void **state)
{
    const struct world *world = *state;
    struct world other;
    world_start(&other);
    struct error error = {0};
    struct buffer content = {0};
    struct buffer bytes = {0};
    struct buffer back = {0};
    fill_random(&content, 50);
    assert_good(object_seal(&bytes, other.repo, OBJECT_INDEX, &content, &error));
    assert_int_equal(object_unseal(&back, world->repo, OBJECT_INDEX, &bytes, &error),
                     STATUS_CORRUPT);
    buffer_free(&content);
    buffer_free(&bytes);
    buffer_free(&back);
    world_end(&other);
}

static void test_too_long(void **state)
{
    const struct world *world = *state;
    struct error error = {0};
    struct buffer content = {0};
    struct buffer bytes = {0};
    fill_random(&content, OBJECT_LIMIT - 59);
    assert_int_equal(object_seal(&bytes, world->repo, OBJECT_INDEX, &content, &error),
                     STATUS_FAILED);
    content.size--;
    assert_good(object_seal(&bytes, world->repo, OBJECT_INDEX, &content, &error));
    assert_int_equal(bytes.size, OBJECT_LIMIT);
    buffer_free(&content);
    buffer_free(&bytes);
}

/* The key and the frame from FORMAT.md alone, with libsodium. */
static void test_the_format_as_written(void **state)
{
    const struct world *world = *state;
    struct error error = {0};
    struct buffer content = {0};
    struct buffer bytes = {0};
    fill_random(&content, 33);
    assert_good(object_seal(&bytes, world->repo, OBJECT_REFERENCES, &content, &error));
    unsigned char key[32];
    static const char label[] = "kura/1 seal references";
    crypto_generichash(key, sizeof key, (const unsigned char *)label, strlen(label),
                       world->host.secret, REPOSITORY_SECRET_SIZE);
    unsigned char context[18 + REPOSITORY_ID_SIZE];
    static const char kind[18] = "kura/1 references\n"; /* without its terminator */
    memcpy(context, kind, sizeof kind);
    memcpy(context + 18, world->host.repository, REPOSITORY_ID_SIZE);
    unsigned char plain[512];
    unsigned long long plain_size = 0;
    assert_int_equal(crypto_aead_xchacha20poly1305_ietf_decrypt(
                         plain, &plain_size, NULL, bytes.data + 36, bytes.size - 36, context,
                         sizeof context, bytes.data + 12, key),
                     0);
    assert_int_equal(plain[0], 33);
    assert_memory_equal(plain + 8, content.data, 33);
    for (size_t i = 8 + 33; i < plain_size; i++) {
        assert_int_equal(plain[i], 0);
    }
    buffer_free(&content);
    buffer_free(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip_and_padding),
        cmocka_unit_test(test_every_flip_and_cut_is_seen),
        cmocka_unit_test(test_other_repository),
        cmocka_unit_test(test_too_long),
        cmocka_unit_test(test_the_format_as_written),
    };
    return cmocka_run_group_tests(tests, world_setup, world_teardown);
}
