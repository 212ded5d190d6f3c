/* Cutting: the same content is cut alike however it arrives; lengths keep to the limits; a change
 * moves the boundaries near it only. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "kura/pipeline.h"
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define SIZE ((size_t)8 * 1024 * 1024)
#define CUTS 4096

static const struct chunking SMALL = {.minimum = 2048, .average = 8192, .maximum = 32768};
static const unsigned char KEY[CHUNK_KEY_SIZE] = {1};

static void fill(unsigned char *data, size_t size, unsigned char number)
{
    unsigned char seed[randombytes_SEEDBYTES] = {number};
    randombytes_buf_deterministic(data, size, seed);
}

static struct chunker *chunker(struct chunking chunking, const unsigned char *key)
{
    struct error error;
    struct chunker *made;
    assert_int_equal(chunker_new(&made, key, chunking, &error), STATUS_OK);
    return made;
}

/* Ends of the chunks of all data. */
static size_t cut_all(const struct chunker *cutter, const unsigned char *data, size_t size,
                      size_t *ends)
{
    size_t count = 0;
    for (size_t at = 0; at < size;) {
        struct chunker_state state = {0};
        size_t length = chunker_cut(cutter, data + at, size - at, &state);
        at = length == 0 ? size : at + length;
        assert_true(count < CUTS);
        ends[count++] = at;
    }
    return count;
}

static void test_lengths_keep_to_the_limits(void **state)
{
    (void)state;
    CLEANUP(memory_free) unsigned char *data = malloc(SIZE);
    size_t ends[CUTS];
    fill(data, SIZE, 1);
    struct chunker *cutter = chunker(SMALL, KEY);
    size_t count = cut_all(cutter, data, SIZE, ends);
    for (size_t i = 0; i + 1 < count; i++) {
        size_t length = ends[i] - (i == 0 ? 0 : ends[i - 1]);
        assert_true(length >= SMALL.minimum && length <= SMALL.maximum);
    }
    size_t average = SIZE / count;
    assert_true(average > SMALL.average * 3 / 4 && average < SMALL.average * 5 / 4);
    chunker_free(cutter);
}

static void test_cuts_alike_however_it_arrives(void **state)
{
    (void)state;
    CLEANUP(memory_free) unsigned char *data = malloc(SIZE);
    size_t whole[CUTS];
    fill(data, SIZE, 2);
    struct chunker *cutter = chunker(SMALL, KEY);
    size_t count = cut_all(cutter, data, SIZE, whole);
    size_t begin = 0;
    size_t arrived = 0;
    size_t found = 0;
    size_t step = 1;
    struct chunker_state cut = {0};
    while (arrived < SIZE) {
        step = step * 5 % 9973;
        arrived = arrived + step > SIZE ? SIZE : arrived + step;
        size_t length;
        while ((length = chunker_cut(cutter, data + begin, arrived - begin, &cut)) > 0) {
            begin += length;
            assert_int_equal(begin, whole[found++]);
            cut = (struct chunker_state){0};
        }
    }
    assert_true(found + 1 >= count);
    chunker_free(cutter);
}

static void test_a_change_stays_local(void **state)
{
    (void)state;
    CLEANUP(memory_free) unsigned char *data = malloc(SIZE + 1);
    size_t before[CUTS];
    size_t after[CUTS];
    fill(data, SIZE, 3);
    struct chunker *cutter = chunker(SMALL, KEY);
    size_t count = cut_all(cutter, data, SIZE, before);
    size_t place = SIZE / 2;
    memmove(data + place + 1, data + place, SIZE - place); /* one byte is inserted */
    size_t count_after = cut_all(cutter, data, SIZE + 1, after);
    size_t same = 0;
    for (size_t i = 0, j = 0; i < count && j < count_after;) {
        size_t moved = before[i] + (before[i] > place);
        if (moved == after[j]) {
            same++;
            i++;
            j++;
        } else if (moved < after[j]) {
            i++;
        } else {
            j++;
        }
    }
    assert_true(same + 8 > count);
    chunker_free(cutter);
}

static void test_boundaries_depend_on_the_key(void **state)
{
    (void)state;
    CLEANUP(memory_free) unsigned char *data = malloc(SIZE);
    size_t one[CUTS];
    size_t two[CUTS];
    const unsigned char other[CHUNK_KEY_SIZE] = {2};
    fill(data, SIZE, 4);
    struct chunker *first = chunker(SMALL, KEY);
    struct chunker *second = chunker(SMALL, other);
    size_t count = cut_all(first, data, SIZE, one);
    size_t count_two = cut_all(second, data, SIZE, two);
    size_t same = 0;
    for (size_t i = 0, j = 0; i + 1 < count && j + 1 < count_two;) {
        same += one[i] == two[j];
        if (one[i] <= two[j]) {
            i++;
        } else {
            j++;
        }
    }
    assert_true(same < 5);
    chunker_free(first);
    chunker_free(second);
}

static void test_fixed_sizes(void **state)
{
    (void)state;
    CLEANUP(memory_free) unsigned char *data = calloc(1, SIZE);
    struct chunker *cutter = chunker(CHUNKING_DATABASE, KEY);
    struct chunker_state cut = {0};
    size_t size = CHUNKING_DATABASE.maximum;
    assert_int_equal(size % 4096, 0);
    assert_int_equal(chunker_cut(cutter, data, size - 1, &cut), 0);
    assert_int_equal(chunker_cut(cutter, data, size, &cut), size);
    assert_int_equal(chunker_cut(cutter, data, SIZE, &cut), size);
    chunker_free(cutter);
}

static void test_uniform_bytes_end_somewhere(void **state)
{
    (void)state;
    CLEANUP(memory_free) unsigned char *data = calloc(1, SIZE);
    size_t ends[CUTS];
    struct chunker *cutter = chunker(CHUNKING_CONTENT, KEY);
    size_t count = cut_all(cutter, data, SIZE, ends);
    assert_true(count >= SIZE / CHUNKING_CONTENT.maximum);
    chunker_free(cutter);
}

static void test_nonsense_is_refused(void **state)
{
    (void)state;
    static const struct chunking bad[] = {{0, 0, 0},           {0, 8192, 65536},
                                          {8192, 4096, 65536}, {1024, 8192, 4096},
                                          {1, 2, 3},           {1024, 8192, CHUNK_MAXIMUM + 1}};
    for (size_t i = 0; i < LENGTH(bad); i++) {
        struct error error;
        struct chunker *none;
        assert_int_equal(chunker_new(&none, KEY, bad[i], &error), STATUS_FAILED);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lengths_keep_to_the_limits),
        cmocka_unit_test(test_cuts_alike_however_it_arrives),
        cmocka_unit_test(test_a_change_stays_local),
        cmocka_unit_test(test_boundaries_depend_on_the_key),
        cmocka_unit_test(test_fixed_sizes),
        cmocka_unit_test(test_uniform_bytes_end_somewhere),
        cmocka_unit_test(test_nonsense_is_refused),
    };
    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
