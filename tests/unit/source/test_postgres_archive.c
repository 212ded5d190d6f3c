/* An archive as each pg_dump writes it into a pipe is complete at its last byte, and at none
 * before. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "source/postgres.h"
#include <string.h>

struct text {
    unsigned char bytes[4096];
    size_t size;
};

static void put(struct text *text, const void *bytes, size_t size)
{
    assert_true(text->size + size <= sizeof text->bytes);
    memcpy(text->bytes + text->size, bytes, size);
    text->size += size;
}

static void put_byte(struct text *text, int byte)
{
    put(text, &(unsigned char){(unsigned char)byte}, 1);
}

static void put_number(struct text *text, int number)
{
    unsigned value = (unsigned)(number < 0 ? -number : number);
    put_byte(text, number < 0);
    for (int i = 0; i < 4; i++) {
        put_byte(text, (int)(value >> 8 * i & 0xff));
    }
}

static void put_words(struct text *text, const char *words)
{
    put_number(text, words == NULL ? -1 : (int)strlen(words));
    if (words != NULL) {
        put(text, words, strlen(words));
    }
}

static void put_head(struct text *text, int minor, int entries)
{
    put(text, "PGDMP\1", 6);
    put_byte(text, minor);
    put(text, "\0\4\10\1", 4);
    if (minor < 15) {
        put_number(text, 0);
    } else {
        put_byte(text, 0);
    }
    for (int i = 0; i < 7; i++) {
        put_number(text, 59);
    }
    put_words(text, "shop");
    put_words(text, "18.1");
    put_words(text, "18.1");
    put_number(text, entries);
}

static void put_entry(struct text *text, int minor, int id, bool has_data)
{
    put_number(text, id);
    put_number(text, has_data);
    put_words(text, "1259");
    put_words(text, "16384");
    put_words(text, "customers");
    put_words(text, "TABLE DATA");
    put_number(text, 3);
    put_words(text, NULL);
    put_words(text, "");
    put_words(text, "COPY customers FROM stdin;\n");
    put_words(text, "public");
    put_words(text, NULL);
    put_words(text, "heap");
    if (minor >= 16) {
        put_number(text, 'r');
    }
    put_words(text, "owner");
    put_words(text, "false");
    put_words(text, "215");
    put_words(text, "216");
    put_words(text, NULL);
    put(text, "\1\0\0\0\0\0\0\0\0", 9);
}

static void put_blocks(struct text *text)
{
    put_byte(text, 1); /* rows */
    put_number(text, 1);
    put_words(text, "1\tYamada\n");
    put_words(text, "\\.\n\n\n");
    put_number(text, 0);
    put_byte(text, 3); /* two large objects, one empty */
    put_number(text, 2);
    put_number(text, 4242);
    put_words(text, "\1\3picture");
    put_number(text, 0);
    put_number(text, -2000000000);
    put_number(text, 0);
    put_number(text, 0);
}

static bool is_complete(const struct text *text, size_t size, size_t step)
{
    struct postgres_archive archive = {0};
    for (size_t i = 0; i < size; i += step) {
        postgres_archive_feed(&archive, text->bytes + i, size - i < step ? size - i : step);
    }
    return postgres_archive_is_complete(&archive);
}

static void test_each_format(void **state)
{
    (void)state;
    for (int minor = 14; minor <= 16; minor++) {
        struct text text = {0};
        put_head(&text, minor, 3);
        put_entry(&text, minor, 1, true);
        put_entry(&text, minor, 2, true);
        put_entry(&text, minor, 3, false);
        put_blocks(&text);
        for (size_t size = 0; size < text.size; size++) {
            assert_false(is_complete(&text, size, sizeof text.bytes));
        }
        for (size_t step = 1; step < 20; step++) {
            assert_true(is_complete(&text, text.size, step));
        }
        put_byte(&text, '\n');
        assert_false(is_complete(&text, text.size, 1));
    }
}

static void test_empty_and_other(void **state)
{
    (void)state;
    struct text text = {0};
    put_head(&text, 16, 0);
    assert_true(is_complete(&text, text.size, 1)); /* of an empty database */
    text.bytes[6] = 17;
    assert_true(is_complete(&text, text.size, 1)); /* nobody knows */
    text.bytes[10] = 3;
    assert_false(is_complete(&text, text.size, 1)); /* a tar */
    struct text sql = {0};
    put(&sql, "--\n-- PostgreSQL database dump\n--\n", 34);
    assert_false(is_complete(&sql, sql.size, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_format),
        cmocka_unit_test(test_empty_and_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
