/* fragments: where a dump is cut, what is remembered of it, and how it is found again. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "backup/fragments.h"
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[] = "/tmp/kura-test-XXXXXX";
static const unsigned char key[SUBKEY_SIZE] = {7};
static const struct memory_place place = {folder, "shop", key};

#define MANY 200000u /* fragments: three windows */

static bool recurring; /* every third has the same mark and size */

/* The number'th of a stream: in chunks of 100, of 10 to 19 bytes each. */
static struct fragment fragment_of(uint32_t number)
{
    struct fragment fragment = {.size = 10 + number % 10, .chunk = number / 100};
    fragment.offset = number % 100 / 10 * 145;
    for (uint32_t i = number / 10 * 10; i < number; i++) {
        fragment.offset += 10 + i % 10;
    }
    uint32_t content = recurring && number % 3 == 2 ? UINT32_MAX : number;
    crypto_generichash(fragment.mark, MARK_SIZE, (const unsigned char *)&content, sizeof content,
                       NULL, 0);
    fragment.size = recurring ? 14 : fragment.size;
    return fragment;
}

static void remember(uint32_t count)
{
    struct error error;
    struct fragment_output *output;
    struct fragment_chunk *chunks = calloc(count / 100 + 1, sizeof *chunks);
    assert_int_equal(fragment_output_open(&output, &place, &error), STATUS_OK);
    for (uint32_t i = 0; i < count; i++) {
        struct fragment fragment = fragment_of(i);
        assert_int_equal(fragment_output_add(output, &fragment, &error), STATUS_OK);
        chunks[fragment.chunk].reference.size = 1450;
        chunks[fragment.chunk].hash[0] = (unsigned char)fragment.chunk;
        chunks[fragment.chunk].since = fragment.chunk;
    }
    assert_int_equal(fragment_output_finish(output, -5, chunks, count / 100, &error), STATUS_OK);
    fragment_output_free(output);
    free(chunks);
}

struct recalled {
    struct fragment_input *input;
    struct fragment_table table;
    struct fragment_window *window;
};

static void recall(struct recalled *recalled)
{
    struct error error;
    assert_int_equal(fragment_input_open(&recalled->input, &recalled->table, &place, &error),
                     STATUS_OK);
    assert_int_equal(
        fragment_window_new(&recalled->window, recalled->input, &recalled->table, &error),
        STATUS_OK);
}

static void forget(struct recalled *recalled)
{
    fragment_window_free(recalled->window);
    fragment_input_free(recalled->input);
    fragment_table_free(&recalled->table);
}

static bool finds(struct recalled *recalled, uint32_t number)
{
    struct error error;
    struct fragment fragment = fragment_of(number);
    const struct fragment *found;
    assert_int_equal(
        fragment_window_find(&found, recalled->window, fragment.mark, fragment.size, &error),
        STATUS_OK);
    if (found != NULL) {
        assert_memory_equal(found, &fragment, sizeof fragment);
    }
    return found != NULL;
}

static uint32_t count_found(struct recalled *recalled, uint32_t from, uint32_t to)
{
    uint32_t found = 0;
    for (uint32_t i = from; i < to; i++) {
        found += finds(recalled, i);
    }
    return found;
}

static void memory_comes_back(void **state)
{
    (void)state;
    struct error error;
    struct fragment_input *input;
    struct fragment_table table;
    struct fragment fragment;
    bool got;
    remember(5000);
    assert_int_equal(fragment_input_open(&input, &table, &place, &error), STATUS_OK);
    assert_int_equal(table.time, -5);
    assert_int_equal(table.chunk_count, 50);
    assert_int_equal(table.chunks[49].hash[0], 49);
    assert_int_equal(table.chunks[49].reference.size, 1450);
    assert_int_equal(table.chunks[49].since, 49);
    assert_in_range(table.anchor_count, 5, 50); /* one in 256 */
    for (uint32_t i = 0; i < 5000; i++) {
        assert_int_equal(fragment_input_next(input, &fragment, &got, &error), STATUS_OK);
        assert_true(got);
        struct fragment expected = fragment_of(i);
        assert_memory_equal(&fragment, &expected, sizeof fragment);
    }
    assert_int_equal(fragment_input_next(input, &fragment, &got, &error), STATUS_OK);
    assert_false(got);
    fragment_input_free(input);
    fragment_table_free(&table);
}

static void absent_and_damaged_are_two_answers(void **state)
{
    (void)state;
    struct error error;
    struct fragment_input *input = NULL;
    struct fragment_table table;
    const struct memory_place other = {folder, "nowhere", key};
    assert_int_equal(fragment_input_open(&input, &table, &other, &error), STATUS_NOT_FOUND);
    remember(5000);
    CLEANUP(memory_free) char *path = NULL;
    assert_true(asprintf(&path, "%s/shop.chunks", folder) > 0);
    assert_int_equal(truncate(path, 500), 0);
    assert_int_equal(fragment_input_open(&input, &table, &place, &error), STATUS_CORRUPT);
}

static void all_is_found_once(void **state)
{
    (void)state;
    remember(MANY);
    struct recalled recalled;
    recall(&recalled);
    for (uint32_t i = 0; i < MANY; i++) {
        assert_true(finds(&recalled, i));
        assert_false(finds(&recalled, i));
    }
    assert_false(finds(&recalled, MANY));
    forget(&recalled);
}

static void rows_that_moved_are_found(void **state)
{
    (void)state;
    remember(MANY);
    struct recalled recalled;
    recall(&recalled);
    for (uint32_t i = 0; i + 20 <= MANY; i += 20) { /* each ten before the ten before them */
        assert_int_equal(count_found(&recalled, i + 10, i + 20), 10);
        assert_int_equal(count_found(&recalled, i, i + 10), 10);
    }
    forget(&recalled);
}

static void goes_on_behind_what_was_inserted(void **state)
{
    (void)state;
    remember(MANY);
    struct recalled recalled;
    recall(&recalled);
    assert_int_equal(count_found(&recalled, 0, 1000), 1000);
    assert_int_equal(count_found(&recalled, MANY, 2 * MANY), 0);
    assert_int_equal(count_found(&recalled, 1000, MANY), MANY - 1000);
    forget(&recalled);
}

static void goes_on_behind_what_was_deleted(void **state)
{
    (void)state;
    remember(MANY);
    struct recalled recalled;
    recall(&recalled);
    assert_int_equal(count_found(&recalled, 0, 1000), 1000);
    assert_in_range(count_found(&recalled, 150000, MANY), 48000, 50000);
    forget(&recalled);
}

static void what_recurs_leads_nowhere(void **state)
{
    (void)state;
    recurring = true;
    remember(MANY);
    struct recalled recalled;
    recall(&recalled);
    assert_int_equal(count_found(&recalled, 0, 1000), 1000);
    assert_int_equal(count_found(&recalled, 2 * MANY, 2 * MANY + 1), 0);
    assert_int_equal(count_found(&recalled, 1001, MANY), MANY - 1001);
    forget(&recalled);
    recurring = false;
}

/* Ends of fragments in a text of rows; returns how many. */
static size_t cut_all(size_t ends[], const struct fragment_cutter *cutter,
                      const unsigned char *data, size_t size)
{
    size_t count = 0, begin = 0;
    while (begin < size) {
        size_t row = 0;
        size_t length = fragment_cut(cutter, data + begin, size - begin, &row);
        begin = length == 0 ? size : begin + length;
        ends[count++] = begin;
    }
    return count;
}

static void a_change_cuts_one_fragment_anew(void **state)
{
    (void)state;
    struct error error;
    struct fragment_cutter *cutter;
    enum { ROWS = 2000, ROW = 80 };
    static unsigned char text[ROWS * ROW], changed[ROWS * ROW];
    static size_t ends[ROWS];
    static bool is_end[ROWS * ROW + 1];
    for (size_t i = 0; i < ROWS; i++) {
        char row[ROW + 1];
        snprintf(row, sizeof row, "%zu\t%*s\n", i, ROW - 6, "");
        memset(text + i * ROW, ' ', ROW);
        memcpy(text + i * ROW, row, strlen(row) - 1);
        text[i * ROW + ROW - 1] = '\n';
    }
    assert_int_equal(fragment_cutter_new(&cutter, key, &error), STATUS_OK);
    size_t count = cut_all(ends, cutter, text, sizeof text);
    assert_in_range(count, sizeof text / 300, sizeof text / 120);
    for (size_t i = 0; i < count; i++) {
        is_end[ends[i]] = true;
    }
    /* Without row 1000, all ends but those near it are where they were. */
    memcpy(changed, text, 1000 * ROW);
    memcpy(changed + 1000 * ROW, text + 1001 * ROW, 999 * ROW);
    size_t left = cut_all(ends, cutter, changed, sizeof changed - ROW);
    size_t same = 0;
    for (size_t i = 0; i < left; i++) {
        same += is_end[ends[i] > 1000 * (size_t)ROW ? ends[i] + ROW : ends[i]];
    }
    assert_in_range(same, count - 2, count);
    fragment_cutter_free(cutter);
}

static void a_long_row_is_cut_within(void **state)
{
    (void)state;
    struct error error;
    struct fragment_cutter *cutter;
    enum { SIZE = 1000000 };
    unsigned char *text = malloc(SIZE);
    static size_t ends[SIZE / 64];
    randombytes_buf(text, SIZE);
    for (size_t i = 0; i < SIZE; i++) {
        text[i] = (unsigned char)('a' + text[i] % 16);
    }
    assert_int_equal(fragment_cutter_new(&cutter, key, &error), STATUS_OK);
    size_t count = cut_all(ends, cutter, text, SIZE);
    assert_in_range(count, SIZE / 1600, SIZE / 600);
    for (size_t i = 0; i < count; i++) {
        assert_in_range(ends[i] - (i == 0 ? 0 : ends[i - 1]), 1, 4096);
    }
    fragment_cutter_free(cutter);
    free(text);
}

static int setup(void **state)
{
    (void)state;
    return sodium_init() < 0 || mkdtemp(folder) == NULL ? -1 : 0;
}

static int teardown(void **state)
{
    (void)state;
    char command[sizeof folder + 8];
    snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_comes_back),
        cmocka_unit_test(absent_and_damaged_are_two_answers),
        cmocka_unit_test(all_is_found_once),
        cmocka_unit_test(rows_that_moved_are_found),
        cmocka_unit_test(goes_on_behind_what_was_inserted),
        cmocka_unit_test(goes_on_behind_what_was_deleted),
        cmocka_unit_test(what_recurs_leads_nowhere),
        cmocka_unit_test(a_change_cuts_one_fragment_anew),
        cmocka_unit_test(a_long_row_is_cut_within),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
