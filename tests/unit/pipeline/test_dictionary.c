/* Dictionaries: they help, and hold vocabulary only. */
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
#include <time.h>

#define SAMPLE ((size_t)8 * 1024)
#define COUNT 256
#define WORDS 150

static const char *const FAMILY[] = {"Yamamoto-no-ie ", "Shimizuyama-san ", "Kobayashigawa "};
/* Each in one sample only, or in a few. */
static const char UNIQUE[] = "Hanako Ichijou 090-8765-4321 Kitamachi 3-17-204";
static const char RARE[] = "Jirou Tokugawa 080-1111-2222 Minamimachi 9-88-101";
#define RARE_SAMPLES 12
static const char *const PERSONS[] = {
    "\nIchirou;Maebashi-Chuo-Danchi-Shiei-Juutaku-Dai-3-Tou;Sakuragi-Sachi",
    "\nSaburou;Maebashi-Chuo-Danchi-Shiei-Juutaku-Dai-3-Tou;Morishita-Emi",
    "\nIchirou;Maebashi-Chuo-Danchi-Shiei-Juutaku-Dai-3-Tou;Morishita-Emi",
};

struct trained {
    unsigned char *samples;
    char words[WORDS][24];
    struct buffer bytes;
    struct dictionary *dictionary;
};

static uint32_t next_number(uint32_t *number)
{
    *number = *number * 1664525u + 1013904223u;
    return *number >> 8;
}

/* Records of a word, a number and a family name. */
static void fill_sample(struct trained *trained, unsigned char *sample, uint32_t *number)
{
    char record[96];
    for (size_t at = 0; at < SAMPLE;) {
        int length = snprintf(record, sizeof record, "%s|%u|%s|%u\n",
                              trained->words[next_number(number) % WORDS], next_number(number),
                              FAMILY[next_number(number) % LENGTH(FAMILY)], next_number(number));
        size_t size = (size_t)length < SAMPLE - at ? (size_t)length : SAMPLE - at;
        memcpy(sample + at, record, size);
        at += size;
    }
}

static int train(void **state)
{
    struct error error;
    struct trained *trained = calloc(1, sizeof *trained);
    uint32_t number = 1;
    for (size_t i = 0; i < WORDS; i++) {
        for (size_t j = 0; j < 20; j++) {
            trained->words[i][j] = (char)('a' + next_number(&number) % 26);
        }
    }
    trained->samples = malloc(SAMPLE * COUNT);
    for (size_t i = 0; i < COUNT; i++) {
        fill_sample(trained, trained->samples + i * SAMPLE, &number);
    }
    memcpy(trained->samples + 5 * SAMPLE + 1000, UNIQUE, sizeof UNIQUE - 1);
    for (size_t i = 0; i < 40; i++) { /* many times in one sample is still one sample */
        memcpy(trained->samples + 9 * SAMPLE + 100 * i, UNIQUE, sizeof UNIQUE - 1);
    }
    for (size_t i = 0; i < RARE_SAMPLES; i++) {
        memcpy(trained->samples + i * 18 * SAMPLE + 3000, RARE, sizeof RARE - 1);
    }
    /* Every window of the third is common; the whole is one person's, and there often. */
    for (size_t i = 0; i < 36; i++) {
        memcpy(trained->samples + i * (SAMPLE + 1) + 5000, PERSONS[0], strlen(PERSONS[0]));
        memcpy(trained->samples + i * (SAMPLE + 1) + 6000, PERSONS[1], strlen(PERSONS[1]));
    }
    size_t size = strlen(PERSONS[2]);
    for (size_t i = 0; i < SAMPLE / size; i++) {
        for (size_t sample = 36; sample <= 42; sample += 3) {
            memcpy(trained->samples + sample * SAMPLE + i * size, PERSONS[2], size);
        }
    }
    *state = trained;
    return dictionary_train(&trained->bytes, trained->samples, SAMPLE, COUNT, &error) !=
               STATUS_OK ||
           dictionary_new(&trained->dictionary, trained->bytes.data, trained->bytes.size, 3,
                          &error) != STATUS_OK;
}

static int finish(void **state)
{
    struct trained *trained = *state;
    dictionary_free(trained->dictionary);
    buffer_free(&trained->bytes);
    free(trained->samples);
    free(trained);
    return 0;
}

static bool holds(const struct trained *trained, const void *text, size_t size)
{
    return memmem(trained->bytes.data, trained->bytes.size, text, size) != NULL;
}

static void test_common_words_are_in_it(void **state)
{
    struct trained *trained = *state;
    size_t found = 0;
    for (size_t i = 0; i < WORDS; i++) {
        bool held = false;
        for (size_t j = 0; j + 16 <= 20; j++) {
            held = held || holds(trained, trained->words[i] + j, 16);
        }
        found += held;
    }
    assert_true(found > WORDS * 9 / 10);
    assert_true(trained->bytes.size <= DICTIONARY_LIMIT);
}

static void test_no_record_is_in_it(void **state)
{
    struct trained *trained = *state;
    for (size_t i = 0; i + 8 <= sizeof UNIQUE - 1; i++) {
        assert_false(holds(trained, UNIQUE + i, 8));
    }
    for (size_t i = 0; i + 8 <= sizeof RARE - 1; i++) {
        assert_false(holds(trained, RARE + i, 8));
    }
}

static void test_no_combination_of_common_words_is_in_it(void **state)
{
    struct trained *trained = *state;
    assert_true(holds(trained, PERSONS[0], 40));
    assert_false(holds(trained, PERSONS[2], 60));
}

static void test_it_helps_and_comes_back(void **state)
{
    struct trained *trained = *state;
    struct error error;
    struct compressor *compressor;
    struct decompressor *decompressor;
    CLEANUP(buffer_free) struct buffer plain = {0};
    CLEANUP(buffer_free) struct buffer with = {0};
    unsigned char back[1024];
    const unsigned char *data = trained->samples + 77 * SAMPLE;
    assert_int_equal(compressor_new(&compressor, 3, &error), STATUS_OK);
    assert_int_equal(decompressor_new(&decompressor, &error), STATUS_OK);
    assert_int_equal(compressor_run(compressor, &with, data, 1024, trained->dictionary, &error),
                     STATUS_OK);
    assert_int_equal(compressor_run(compressor, &plain, data, 1024, NULL, &error), STATUS_OK);
    assert_true(with.size < plain.size * 85 / 100);
    uint32_t id = dictionary_id(trained->dictionary);
    assert_int_not_equal(id, 0);
    assert_int_equal(compressed_dictionary_id(with.data, with.size), id);
    assert_int_equal(compressed_dictionary_id(plain.data, plain.size), 0);
    assert_int_equal(decompressor_run(decompressor, back, 1024, with.data, with.size,
                                      trained->dictionary, &error),
                     STATUS_OK);
    assert_memory_equal(back, data, 1024);
    assert_int_equal(decompressor_run(decompressor, back, 1024, with.data, with.size, NULL, &error),
                     STATUS_CORRUPT);
    /* A frame without one may be opened with one at hand. */
    assert_int_equal(decompressor_run(decompressor, back, 1024, plain.data, plain.size,
                                      trained->dictionary, &error),
                     STATUS_OK);
    assert_memory_equal(back, data, 1024);
    compressor_free(compressor);
    decompressor_free(decompressor);
}

static void test_damaged_ones_are_refused(void **state)
{
    struct trained *trained = *state;
    struct error error;
    struct dictionary *none;
    CLEANUP(memory_free) unsigned char *copy = malloc(DICTIONARY_LIMIT + 1);
    memset(copy, 1, DICTIONARY_LIMIT + 1);
    memcpy(copy, trained->bytes.data, trained->bytes.size);
    assert_int_equal(dictionary_new(&none, copy, DICTIONARY_LIMIT + 1, 3, &error), STATUS_CORRUPT);
    assert_int_equal(dictionary_new(&none, copy, 7, 3, &error), STATUS_CORRUPT);
    assert_int_equal(dictionary_new(&none, copy, 20, 3, &error), STATUS_CORRUPT);
    memset(copy + 8, 0xff, 60); /* the entropy tables */
    assert_int_equal(dictionary_new(&none, copy, trained->bytes.size, 3, &error), STATUS_CORRUPT);
    copy[0] ^= 1;
    assert_int_equal(dictionary_new(&none, copy, trained->bytes.size, 3, &error), STATUS_CORRUPT);
}

static void test_nothing_in_common(void **state)
{
    (void)state;
    struct error error;
    CLEANUP(buffer_free) struct buffer bytes = {0};
    CLEANUP(memory_free) unsigned char *samples = malloc(SAMPLE * COUNT);
    randombytes_buf(samples, SAMPLE * COUNT);
    assert_int_equal(dictionary_train(&bytes, samples, SAMPLE, COUNT, &error), STATUS_NOT_FOUND);
    assert_int_equal(dictionary_train(&bytes, samples, SAMPLE, 3, &error), STATUS_NOT_FOUND);
    assert_int_equal(dictionary_train(&bytes, samples, 0, COUNT, &error), STATUS_NOT_FOUND);
    memset(samples, 0, SAMPLE * COUNT);
    assert_int_equal(dictionary_train(&bytes, samples, SAMPLE, COUNT, &error), STATUS_NOT_FOUND);
    assert_int_equal(bytes.size, 0);
}

static void test_training_is_quick(void **state)
{
    struct error error;
    struct trained *trained = *state;
    CLEANUP(buffer_free) struct buffer bytes = {0};
    clock_t begin = clock();
    assert_int_equal(dictionary_train(&bytes, trained->samples, SAMPLE, COUNT, &error), STATUS_OK);
    assert_true(clock() - begin < 5 * CLOCKS_PER_SEC); /* a quadratic one would take minutes */
    assert_int_equal(bytes.size, trained->bytes.size);
    assert_memory_equal(bytes.data, trained->bytes.data, bytes.size);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_common_words_are_in_it),
        cmocka_unit_test(test_no_record_is_in_it),
        cmocka_unit_test(test_no_combination_of_common_words_is_in_it),
        cmocka_unit_test(test_it_helps_and_comes_back),
        cmocka_unit_test(test_damaged_ones_are_refused),
        cmocka_unit_test(test_nothing_in_common),
        cmocka_unit_test(test_training_is_quick),
    };
    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, train, finish);
}
