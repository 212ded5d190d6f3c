/* Patterns for what is left out: names, paths, any depth, folders only, sets, any bytes. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "source/exclude.h"
#include "kura/base.h"
#include <stdio.h>
#include <string.h>
#include <time.h>

struct row {
    const char *pattern;
    const char *path;
    bool folder;
    bool matches;
};

static const struct row rows[] = {
    /* a name at any depth */
    {"*.tmp", "a.tmp", false, true},
    {"*.tmp", "x/y/a.tmp", false, true},
    {"*.tmp", ".tmp", false, true},
    {"*.tmp", "a.tmpx", false, false},
    {"*.tmp", "x.tmp/a", false, false},
    {"cache", "a/cache", true, true},
    {"cache", "a/Cache", true, false},
    {"?", "x/y", false, true},
    {"?", "x/yy", false, false},
    {"*", ".hidden", false, true},
    {"a*b*c", "axxbyyc", false, true},
    {"a*b*c", "axxbyycd", false, false},
    {"", "a", false, false},
    {"/", "a", true, false},
    /* paths from the top */
    {"/old", "old", true, true},
    {"/old", "a/old", true, false},
    {"old", "a/old", true, true},
    {"scans/2019", "scans/2019", true, true},
    {"/scans/2019", "scans/2019", true, true},
    {"scans/2019", "x/scans/2019", true, false},
    {"scans/2019", "scans/2019/a", false, false},
    {"scans/*", "scans/a", false, true},
    {"scans/*", "scans/a/b", false, false},
    {"scans/*/x", "scans/a/x", false, true},
    {"scans*x", "scans/x", false, false},
    /* any depth */
    {"**/x", "x", false, true},
    {"**/x", "a/b/x", false, true},
    {"a/**/x", "a/x", false, true},
    {"a/**/x", "a/b/c/x", false, true},
    {"a/**/x", "b/a/x", false, false},
    {"a/**/x", "a/b/c/y", false, false},
    {"a/**", "a/b/c", false, true},
    {"a/**", "a", true, false},
    {"a/**/b/**/c", "a/1/b/2/3/c", false, true},
    {"a/**/b/**/c", "a/1/2/3/c", false, false},
    {"a/**/b/c", "a/b/b/c", false, true},
    {"a/**/b/c", "a/b/c/b/d", false, false},
    {"a/**/b/**", "a/x/b", true, false},
    {"a/**/b/**", "a/x/b/b", true, true},
    {"a/**/**/c", "a/c", false, true},
    {"a/**/**", "a/c", false, true},
    {"**/a/*/c/**/d", "a/b/a/b/c/c/x/d", false, true},
    {"**/a/*/c/**/d", "a/b/a/b/c/c/x/d/e", false, false},
    /* folders only */
    {"build/", "x/build", true, true},
    {"build/", "x/build", false, false},
    {"/build/", "build", true, true},
    {"/build/", "x/build", true, false},
    /* sets */
    {"[abc]", "b", false, true},
    {"[abc]", "d", false, false},
    {"[a-c]x", "bx", false, true},
    {"[!a-c]", "b", false, false},
    {"[^a-c]", "z", false, true},
    {"[]]", "]", false, true},
    {"[!]]", "]", false, false},
    {"[a-]", "-", false, true},
    {"[\\]]", "]", false, true},
    {"[abc", "[abc", false, true},
    {"[abc", "a", false, false},
    {"[]", "[]", false, true},
    /* escapes */
    {"\\*", "*", false, true},
    {"\\*", "a", false, false},
    {"a\\", "a\\", false, true},
    {"\\[a]", "[a]", false, true},
    /* one character, not one byte */
    {"?.pdf", "車.pdf", false, true},
    {"[あ-ん]", "こ", false, true},
    {"[あ-ん]", "ア", false, false},
    {"写?", "写真", false, true},
    {"a?b",
     "a\xff"
     "b",
     false, true},
    {"a\xff"
     "*",
     "a\xff\xfe", false, true},
    {"\xff", "\xfe", false, false},
    {"?", "\xe3\x81", false, false}, /* a cut sequence is two bytes */
    {"??", "\xe3\x81", false, true},
    {"?", "\xc0\xaf", false, false}, /* an overlong '/' is no character */
};

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        char pattern[64];
        snprintf(pattern, sizeof pattern, "%s", rows[i].pattern);
        char *patterns[] = {pattern, NULL};
        if (exclude_matches(patterns, rows[i].path, rows[i].folder) != rows[i].matches) {
            fail_msg("%s on %s", rows[i].pattern, rows[i].path);
        }
    }
}

static void test_several(void **state)
{
    (void)state;
    char first[] = "*.tmp";
    char second[] = "/a/b";
    char *patterns[] = {first, second, NULL};
    char *none[] = {NULL};
    assert_true(exclude_matches(patterns, "x.tmp", false));
    assert_true(exclude_matches(patterns, "a/b", false));
    assert_false(exclude_matches(patterns, "a/c", false));
    assert_false(exclude_matches(none, "a", false));
    assert_false(exclude_matches(NULL, "a", false));
}

/* A pattern with many stars is matched in time that does not explode. */
static void test_many_stars(void **state)
{
    (void)state;
    char name[256];
    memset(name, 'a', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    char pattern[] = "*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b";
    char *patterns[] = {pattern, NULL};
    clock_t begin = clock();
    assert_false(exclude_matches(patterns, name, false));
    assert_true(clock() - begin < CLOCKS_PER_SEC / 2); /* processor time, on any machine */
}

/* And one of many depths on a deep path. */
static void test_many_depths(void **state)
{
    (void)state;
    char path[400] = "";
    for (size_t i = 0; i < sizeof path - 1; i++) {
        path[i] = i % 2 == 0 ? 'a' : '/';
    }
    char pattern[] = "**/a/**/a/**/a/**/a/**/a/**/a/**/a/**/a/**/a/**/a/**/b";
    char *patterns[] = {pattern, NULL};
    clock_t begin = clock();
    assert_false(exclude_matches(patterns, path, false));
    assert_true(clock() - begin < CLOCKS_PER_SEC / 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_several),
        cmocka_unit_test(test_many_stars),
        cmocka_unit_test(test_many_depths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
