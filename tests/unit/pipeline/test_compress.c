/* The tagged form: what goes in comes out, nothing else is ever written. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "kura/pipeline.h"
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#define SIZE ((size_t)256 * 1024)
#define CANARY 0xa5

struct tools {
    struct compressor *compressor;
    struct decompressor *decompressor;
    unsigned char *text;
    unsigned char *noise;
    unsigned char *target; /* SIZE and one canary */
    struct buffer out;
};

static int prepare(void **state, int level)
{
    struct error error;
    struct tools *tools = calloc(1, sizeof *tools);
    tools->text = malloc(SIZE);
    tools->noise = malloc(SIZE);
    tools->target = malloc(SIZE + 1);
    randombytes_buf(tools->noise, SIZE);
    for (size_t i = 0; i + 16 <= SIZE; i += 16) {
        char line[32];
        snprintf(line, sizeof line, "row %06zu value\n", i * 7919 % 1000003 % 1000000);
        memcpy(tools->text + i, line, 16);
    }
    *state = tools;
    return compressor_new(&tools->compressor, level, &error) != STATUS_OK ||
           decompressor_new(&tools->decompressor, &error) != STATUS_OK;
}

static int prepare_fast(void **state)
{
    return prepare(state, 3);
}

static int prepare_slow(void **state)
{
    return prepare(state, 9);
}

static int finish(void **state)
{
    struct tools *tools = *state;
    compressor_free(tools->compressor);
    decompressor_free(tools->decompressor);
    free(tools->text);
    free(tools->noise);
    free(tools->target);
    buffer_free(&tools->out);
    free(tools);
    return 0;
}

static void compress(struct tools *tools, const unsigned char *data, size_t size)
{
    struct error error;
    buffer_clear(&tools->out);
    assert_int_equal(compressor_run(tools->compressor, &tools->out, data, size, NULL, &error),
                     STATUS_OK);
    assert_true(tools->out.size <= size + 1);
}

static enum status decompress(struct tools *tools, size_t expected, const void *tagged, size_t size)
{
    struct error error;
    tools->target[expected] = CANARY;
    enum status status =
        decompressor_run(tools->decompressor, tools->target, expected, tagged, size, NULL, &error);
    assert_int_equal(tools->target[expected], CANARY);
    return status;
}

static void test_there_and_back(void **state)
{
    struct tools *tools = *state;
    static const size_t sizes[] = {1, 2, 31, 500, 16384, 40000, SIZE};
    for (size_t i = 0; i < LENGTH(sizes); i++) {
        compress(tools, tools->text, sizes[i]);
        assert_int_equal(decompress(tools, sizes[i], tools->out.data, tools->out.size), STATUS_OK);
        assert_memory_equal(tools->target, tools->text, sizes[i]);
        /* Alternating, for a refused frame must leave nothing behind. */
        compress(tools, tools->noise, sizes[i]);
        assert_int_equal(tools->out.size, sizes[i] + 1);
        assert_int_equal(tools->out.data[0], 0);
        assert_int_equal(decompress(tools, sizes[i], tools->out.data, tools->out.size), STATUS_OK);
        assert_memory_equal(tools->target, tools->noise, sizes[i]);
    }
    compress(tools, tools->text, SIZE);
    assert_int_equal(tools->out.data[0], 1);
    assert_true(tools->out.size < SIZE / 3);
    assert_int_equal(compressed_dictionary_id(tools->out.data, tools->out.size), 0);
}

/* The probe looks at the middle; what is compressible elsewhere must still shrink. */
static void test_noise_in_the_middle(void **state)
{
    struct tools *tools = *state;
    memcpy(tools->text + SIZE / 3, tools->noise, SIZE / 3);
    compress(tools, tools->text, SIZE);
    assert_true(tools->out.size < SIZE * 2 / 3);
    assert_int_equal(decompress(tools, SIZE, tools->out.data, tools->out.size), STATUS_OK);
    assert_memory_equal(tools->target, tools->text, SIZE);
}

static void test_only_the_expected_size(void **state)
{
    struct tools *tools = *state;
    const unsigned char *sources[] = {tools->text, tools->noise};
    for (size_t i = 0; i < LENGTH(sources); i++) {
        compress(tools, sources[i], 10000);
        const struct buffer *out = &tools->out;
        assert_int_equal(decompress(tools, 9999, out->data, out->size), STATUS_CORRUPT);
        assert_int_equal(decompress(tools, 10001, out->data, out->size), STATUS_CORRUPT);
        assert_int_equal(decompress(tools, 0, out->data, out->size), STATUS_CORRUPT);
        assert_int_equal(decompress(tools, 10000, out->data, 0), STATUS_CORRUPT);
        assert_int_equal(decompress(tools, 10000, out->data, 1), STATUS_CORRUPT);
        assert_int_equal(decompress(tools, 10000, out->data, out->size - 1), STATUS_CORRUPT);
        out->data[0] = 2;
        assert_int_equal(decompress(tools, 10000, out->data, out->size), STATUS_CORRUPT);
    }
}

static void test_a_frame_stands_alone(void **state)
{
    struct tools *tools = *state;
    struct error error;
    static const unsigned char skippable[] = {0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0, 1, 2, 3, 4};
    CLEANUP(buffer_free) struct buffer two = {0};
    compress(tools, tools->text, 5000);
    for (int i = 0; i < 2; i++) {
        buffer_clear(&two);
        assert_int_equal(buffer_append(&two, tools->out.data, tools->out.size, &error), STATUS_OK);
        assert_int_equal(i == 0
                             ? buffer_append(&two, tools->out.data + 1, tools->out.size - 1, &error)
                             : buffer_append(&two, skippable, sizeof skippable, &error),
                         STATUS_OK);
        assert_int_equal(decompress(tools, 10000, two.data, two.size), STATUS_CORRUPT);
        assert_int_equal(decompress(tools, 5000, two.data, two.size), STATUS_CORRUPT);
    }
}

/* 60 bytes that would become 64 MiB. */
static void test_a_bomb_writes_nothing_more(void **state)
{
    struct tools *tools = *state;
    size_t size = (size_t)64 * 1024 * 1024;
    CLEANUP(memory_free) unsigned char *zeros = calloc(1, size);
    CLEANUP(memory_free) unsigned char *bomb = malloc(65536);
    bomb[0] = 1;
    size_t used = ZSTD_compress(bomb + 1, 65535, zeros, size, 1);
    assert_false(ZSTD_isError(used));
    assert_int_equal(decompress(tools, SIZE, bomb, used + 1), STATUS_CORRUPT);
}

static void test_damage_never_passes_as_more(void **state)
{
    struct tools *tools = *state;
    compress(tools, tools->text, 20000);
    for (size_t i = 0; i < 3000; i++) {
        size_t place = randombytes_uniform((uint32_t)tools->out.size);
        unsigned char before = tools->out.data[place];
        tools->out.data[place] = (unsigned char)randombytes_uniform(256);
        enum status status = decompress(tools, 20000, tools->out.data, tools->out.size);
        assert_true(status == STATUS_OK || status == STATUS_CORRUPT);
        tools->out.data[place] = before;
    }
    assert_int_equal(decompress(tools, 20000, tools->out.data, tools->out.size), STATUS_OK);
    assert_memory_equal(tools->target, tools->text, 20000);
}

static void test_levels(void **state)
{
    (void)state;
    static const int bad[] = {0, -1, 20, 100};
    for (size_t i = 0; i < LENGTH(bad); i++) {
        struct error error;
        struct compressor *none;
        assert_int_equal(compressor_new(&none, bad[i], &error), STATUS_USAGE);
    }
}

#define BOTH(test)                                                                                 \
    cmocka_unit_test_setup_teardown(test, prepare_fast, finish),                                   \
        cmocka_unit_test_setup_teardown(test, prepare_slow, finish)

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(test_there_and_back),
        BOTH(test_noise_in_the_middle),
        BOTH(test_only_the_expected_size),
        BOTH(test_a_frame_stands_alone),
        cmocka_unit_test_setup_teardown(test_a_bomb_writes_nothing_more, prepare_fast, finish),
        cmocka_unit_test_setup_teardown(test_damage_never_passes_as_more, prepare_fast, finish),
        cmocka_unit_test(test_levels),
    };
    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
