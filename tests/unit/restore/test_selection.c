/* selection: paths, folders and patterns. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "kura/restore.h"

/* Asked alone. */
static bool has_path(const struct selection *selection, const char *path)
{
    static struct selection_trail trail;
    trail = (struct selection_trail){0};
    return selection_has_path(selection, &trail, path);
}

static void paths_mean_themselves_and_what_is_below(void **state)
{
    (void)state;
    const char *const includes[] = {"2026/佐藤", NULL};
    struct selection selection = {.includes = includes};
    assert_true(has_path(&selection, "2026/佐藤"));
    assert_true(has_path(&selection, "2026/佐藤/a.jpg"));
    assert_false(has_path(&selection, "2026/佐藤太郎"));
    assert_false(has_path(&selection, "2026"));
}

static void patterns_match_names_and_folders(void **state)
{
    (void)state;
    const char *const includes[] = {"*.jpg", "2025/*", NULL};
    struct selection selection = {.includes = includes};
    assert_true(has_path(&selection, "2026/a/b.jpg"));
    assert_true(has_path(&selection, "2026/c.jpg/inside"));
    assert_true(has_path(&selection, "2025/x/y"));
    assert_false(has_path(&selection, "2026/a/b.pdf"));
}

static void nothing_said_means_all(void **state)
{
    (void)state;
    struct selection selection = {0};
    const char *const sources[] = {"customers", NULL};
    assert_true(has_path(&selection, "x"));
    assert_true(selection_has_source(&selection, "x"));
    selection.sources = sources;
    assert_true(selection_has_source(&selection, "customers"));
    assert_false(selection_has_source(&selection, "documents"));
}

/* Asked one after another, in any order, the answers are those that each gets alone. */
static void what_came_before_changes_nothing(void **state)
{
    (void)state;
    static const char *const paths[] = {"",      "a",       "a/b",     "a/b/c", "a/bc",    "a/b",
                                        "a/b.x", "a/b.x/c", "a/b.x/d", "a/c",   "a/b.x/c", "ab",
                                        "b",     "b/a",     "b/a/b",   "c.x",   "c.x/a",   "c.xy"};
    static const char *const includes[][3] = {
        {"*.x", NULL}, {"a/b", NULL}, {"a", "b/a"}, {"?", NULL}, {"a/*", "c"}, {"", NULL}, {"b?x"}};
    for (size_t i = 0; i < LENGTH(includes); i++) {
        const struct selection selection = {.includes = includes[i]};
        static struct selection_trail trail;
        trail = (struct selection_trail){0};
        for (size_t k = 0; k < LENGTH(paths) * LENGTH(paths); k++) {
            const char *before = paths[k / LENGTH(paths)];
            const char *path = paths[k % LENGTH(paths)];
            (void)selection_has_path(&selection, &trail, before);
            assert_int_equal(selection_has_path(&selection, &trail, path),
                             has_path(&selection, path));
        }
    }
    const char *const folder[] = {"a/b", NULL};
    const struct selection below = {.includes = folder};
    assert_true(has_path(&below, "a/b/c"));
    assert_false(has_path(&below, "a/bc"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_mean_themselves_and_what_is_below),
        cmocka_unit_test(patterns_match_names_and_folders),
        cmocka_unit_test(nothing_said_means_all),
        cmocka_unit_test(what_came_before_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
