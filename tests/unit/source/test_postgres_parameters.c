/* ":name" in SQL, and all that looks like it and is none. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "source/postgres_parameters.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* `names`: those found, each followed by a blank. */
static void check(const char *sql, const char *expected, const char *names)
{
    CLEANUP(postgres_parameters_free) struct postgres_parameters parameters;
    struct error error = {0};
    assert_int_equal(postgres_parameters_read(&parameters, sql, &error), STATUS_OK);
    assert_string_equal((const char *)parameters.text.data, expected);
    char found[256] = "";
    for (size_t i = 0; i < parameters.count; i++) {
        size_t used = strlen(found);
        snprintf(found + used, sizeof found - used, "%.*s ", (int)parameters.items[i].size,
                 parameters.items[i].name);
    }
    assert_string_equal(found, names);
}

static void unchanged(const char *sql)
{
    check(sql, sql, "");
}

static void test_parameters(void **state)
{
    (void)state;
    check("SELECT :a", "SELECT  $1", "a ");
    check("a=:a_1 AND b BETWEEN :from AND :to OR c=:a_1",
          "a= $1 AND b BETWEEN  $2 AND  $3 OR c= $4", "a_1 from to a_1 ");
    check(":a::date", " $1::date", "a ");
    check("1 AND:a", "1 AND $1", "a ");
    check(":a:b", " $1 $2", "a b ");
    check(":a$b", " $1$b", "a ");
    check("x[:n]", "x[ $1]", "n ");
    check(":名前", " $1", "名前 ");
}

static void test_no_parameters(void **state)
{
    (void)state;
    unchanged("");
    unchanged(":");
    unchanged("x::int, y :: text, f(a := 1), z[1:2], : :");
    unchanged("'a:b' ':c''d:e' \":f\"\":g\"");
    unchanged("E'it\\':x' e'\\\\' B':y'");
    unchanged("-- :a\n/* :b /* :c */ :d */ -- :e");
    unchanged("$$:a$$ $tag$ $$ :b $other$ :c $tag$");
    unchanged("foo$bar$ :: baz"); /* a name with a '$', not a quote */
}

static void test_what_comes_behind(void **state)
{
    (void)state;
    check("'\\' :a", "'\\'  $1", "a "); /* no escape without an E */
    check("E'a'\n'\\':x' :a", "E'a'\n'\\':x'  $1", "a ");
    check("'a'\n':x' :a", "'a'\n':x'  $1", "a ");
    check("'a' ':x' :a", "'a' ':x'  $1", "a ");
    check("/* /* */ :a */ :b", "/* /* */ :a */  $1", "b ");
    check("$a$ $b$ :x $a$ :b", "$a$ $b$ :x $a$  $1", "b ");
    check("type'x' :b", "type'x'  $1", "b "); /* the word ends in e */
    check("-- it's\r:b", "-- it's\r $1", "b ");
    check("1 - :a / :b", "1 -  $1 /  $2", "a b ");
}

static void test_what_is_left_open(void **state)
{
    (void)state;
    unchanged("':a");
    unchanged("\":a");
    unchanged("E':a\\");
    unchanged("/* :a");
    unchanged("$x$ :a $x");
    unchanged("$");
    unchanged("$x");
}

static void test_refused(void **state)
{
    (void)state;
    struct postgres_parameters parameters;
    struct error error = {0};
    assert_int_equal(postgres_parameters_read(&parameters, "SELECT $1", &error), STATUS_USAGE);
    char many[4 * POSTGRES_PARAMETERS_LIMIT];
    size_t used = 0;
    for (size_t i = 0; i <= POSTGRES_PARAMETERS_LIMIT; i++) {
        memcpy(many + used, ":a,", 3);
        used += 3;
    }
    many[used] = '\0';
    assert_int_equal(postgres_parameters_read(&parameters, many, &error), STATUS_USAGE);
    many[used - 3] = '\0';
    assert_int_equal(postgres_parameters_read(&parameters, many, &error), STATUS_OK);
    assert_int_equal(parameters.count, POSTGRES_PARAMETERS_LIMIT);
    postgres_parameters_free(&parameters);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parameters),        cmocka_unit_test(test_no_parameters),
        cmocka_unit_test(test_what_comes_behind), cmocka_unit_test(test_what_is_left_open),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
