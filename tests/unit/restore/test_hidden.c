/* hidden: the names of hidden databases, and what an archive says of its own. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "restore/hidden.h"
#include <stdio.h>
#include <string.h>

static void test_names_are_known_again(void **state)
{
    (void)state;
    static const char *const targets[] = {"shop", "a.kura-0123456789abcdef",
                                          "車検車検車検車検車検車検車検車検車検車検車"};
    char name[DATABASE_NAME_SIZE];
    char other[DATABASE_NAME_SIZE];
    for (size_t i = 0; i < LENGTH(targets); i++) {
        hidden_name_make(name, targets[i]);
        hidden_name_make(other, targets[i]);
        assert_true(strlen(name) < DATABASE_NAME_SIZE);
        assert_string_not_equal(name, other);
        assert_true(hidden_name_is_of(name, targets[i]));
        assert_true(hidden_name_is_of(other, targets[i]));
        assert_false(hidden_name_is_of(name, targets[(i + 1) % LENGTH(targets)]));
        assert_false(hidden_name_is_of(targets[i], targets[i]));
        hidden_name_before(other, targets[i], 1);
        assert_true(strlen(other) < DATABASE_NAME_SIZE);
        assert_false(hidden_name_is_of(other, targets[i]));
        name[strlen(name) - 1] ^= 1;
        assert_false(hidden_name_is_of(name, targets[i]));
    }
    assert_false(hidden_name_is_of("shop.kura-0123456789abcdef", "shop"));
    assert_false(hidden_name_is_of("", "shop"));
    /* Two long names that begin alike are told apart. */
    char a[POSTGRES_NAME_LIMIT + 1];
    char b[POSTGRES_NAME_LIMIT + 1];
    memset(a, 'x', sizeof a);
    memset(b, 'x', sizeof b);
    a[POSTGRES_NAME_LIMIT] = b[POSTGRES_NAME_LIMIT] = '\0';
    b[POSTGRES_NAME_LIMIT - 1] = 'y';
    hidden_name_make(name, a);
    assert_true(hidden_name_is_of(name, a));
    assert_false(hidden_name_is_of(name, b));
}

static void test_names_are_cut_between_characters(void **state)
{
    (void)state;
    char name[DATABASE_NAME_SIZE];
    hidden_name_make(name, "x車検車検車検車検車検車検車検車検車検車");
    const char *mark = strstr(name, ".kura-");
    assert_int_equal((mark - name - 1) % 3, 0);
}

#define SCRIPT                                                                                     \
    "\\restrict abc\n\n-- Dumped; GRANT x ON DATABASE shop TO y;\nSET a = 'CREATE DATABASE no';\n" \
    "CREATE DATABASE \"my shop\" WITH TEMPLATE = template0 ENCODING = 'UTF8' "                     \
    "LOCALE_PROVIDER = libc LOCALE = 'ja''JP' TABLESPACE = fast;\n\n\n"                            \
    "ALTER DATABASE \"my shop\" OWNER TO clerk;\n\\connect x\n"                                    \
    "COMMENT ON DATABASE \"my shop\" IS 'a;\nGRANT root ON DATABASE \"my shop\" TO thief;';\n"     \
    "ALTER DATABASE \"my shop\" SET search_path TO 'a', 'b';\n"                                    \
    "ALTER DATABASE other SET x TO 1;\nALTER ROLE r IN DATABASE \"my shop\" SET x TO '1';\n"       \
    "REVOKE ALL ON DATABASE \"my shop\" FROM PUBLIC;\nGRANT c ON TABLE t TO r;\n"

static void test_encoding_and_locale(void **state)
{
    (void)state;
    CLEANUP(buffer_free) struct buffer options = {0};
    struct error error = {0};
    assert_int_equal(hidden_take_options(&options, SCRIPT, &error), STATUS_OK);
    assert_int_equal(buffer_append_u8(&options, 0, &error), STATUS_OK);
    assert_string_equal(options.data,
                        " ENCODING = 'UTF8' LOCALE_PROVIDER = libc LOCALE = 'ja''JP'");
    assert_false(hidden_own_name_has_lines(SCRIPT));
    /* A name may hold anything. */
    static const char lines[] =
        "SET x;\nCREATE DATABASE \"a\n\"\" WITH TEMPLATE = template0 ENCODING = 'EVIL'\" WITH "
        "TEMPLATE = template0 ENCODING = 'EUC_JP';\n";
    buffer_clear(&options);
    assert_int_equal(hidden_take_options(&options, lines, &error), STATUS_OK);
    assert_int_equal(buffer_append_u8(&options, 0, &error), STATUS_OK);
    assert_string_equal(options.data, " ENCODING = 'EUC_JP'");
    assert_true(hidden_own_name_has_lines(lines));
    /* Nothing that is not a word or a quoted text gets through. */
    static const char *const hostile[] = {
        "",
        "\nCREATE DATABASE x",
        "\nCREATE DATABASE x WITH TEMPLATE = template0 ENCODING = ; DROP DATABASE y;\n",
        "\nCREATE DATABASE x WITH TEMPLATE = template0 ENCODING = 'UTF8\n",
        "\nCREATE DATABASE x WITH TEMPLATE = template0 OWNER = evil ENCODING",
        "\nCREATE DATABASE x WITH TEMPLATE = template0;\nDROP x;",
        "\nCREATE DATABASE \"x WITH TEMPLATE = template0 ENCODING = 'UTF8';\n",
    };
    for (size_t i = 0; i < LENGTH(hostile); i++) {
        buffer_clear(&options);
        assert_int_equal(hidden_take_options(&options, hostile[i], &error), STATUS_OK);
        assert_int_equal(options.size, 0);
        assert_int_equal(hidden_own_name_has_lines(hostile[i]), i == LENGTH(hostile) - 1);
    }
}

static void test_what_is_said_of_the_database(void **state)
{
    (void)state;
    static const char *const expected[] = {
        "ALTER DATABASE [] OWNER TO clerk",
        "COMMENT ON DATABASE [] IS 'a;\nGRANT root ON DATABASE \"my shop\" TO thief;'",
        "ALTER DATABASE [] SET search_path TO 'a', 'b'",
        "ALTER ROLE r IN DATABASE [] SET x TO '1'",
        "REVOKE ALL ON DATABASE [] FROM PUBLIC",
    };
    struct hidden_words words = {.script = SCRIPT};
    size_t count = 0;
    for (; hidden_next_words(&words, false); count++) {
        char text[256];
        const char *rest = words.name + words.own_size;
        snprintf(text, sizeof text, "%.*s[]%.*s", (int)(words.name - words.statement),
                 words.statement, (int)(words.statement + words.size - rest), rest);
        assert_true(count < LENGTH(expected));
        assert_string_equal(text, expected[count]);
    }
    assert_int_equal(count, LENGTH(expected));
    words = (struct hidden_words){.script = SCRIPT};
    for (count = 0; hidden_next_words(&words, true); count++) {
    }
    assert_int_equal(count, 2); /* no owner, no roles, no privileges */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_are_known_again),
        cmocka_unit_test(test_names_are_cut_between_characters),
        cmocka_unit_test(test_encoding_and_locale),
        cmocka_unit_test(test_what_is_said_of_the_database),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
