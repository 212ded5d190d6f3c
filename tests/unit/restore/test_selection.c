/* selection: paths, folders and patterns. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "kura/restore.h"

static void paths_mean_themselves_and_what_is_below(void **state)
{
    (void)state;
    const char *const includes[] = {"2026/佐藤", NULL};
    struct selection selection = {.includes = includes};
    assert_true(selection_has_path(&selection, "2026/佐藤"));
    assert_true(selection_has_path(&selection, "2026/佐藤/a.jpg"));
    assert_false(selection_has_path(&selection, "2026/佐藤太郎"));
    assert_false(selection_has_path(&selection, "2026"));
}

static void patterns_match_names_and_folders(void **state)
{
    (void)state;
    const char *const includes[] = {"*.jpg", "2025/*", NULL};
    struct selection selection = {.includes = includes};
    assert_true(selection_has_path(&selection, "2026/a/b.jpg"));
    assert_true(selection_has_path(&selection, "2026/c.jpg/inside"));
    assert_true(selection_has_path(&selection, "2025/x/y"));
    assert_false(selection_has_path(&selection, "2026/a/b.pdf"));
}

static void nothing_said_means_all(void **state)
{
    (void)state;
    struct selection selection = {0};
    const char *const sources[] = {"customers", NULL};
    assert_true(selection_has_path(&selection, "x"));
    assert_true(selection_has_source(&selection, "x"));
    selection.sources = sources;
    assert_true(selection_has_source(&selection, "customers"));
    assert_false(selection_has_source(&selection, "documents"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_mean_themselves_and_what_is_below),
        cmocka_unit_test(patterns_match_names_and_folders),
        cmocka_unit_test(nothing_said_means_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
