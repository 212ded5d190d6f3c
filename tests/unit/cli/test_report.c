/* cli_report, cli_format, cli_json: exit codes, and how sizes, times and names are written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../../src/cli/cli.h"
#include <stdlib.h>
#include <string.h>

static void test_exit_codes(void **state)
{
    (void)state;
    static const struct {
        enum status status;
        int exit;
    } pairs[] = {
        {STATUS_OK, 0},          {STATUS_FAILED, 1}, {STATUS_USAGE, 2},
        {STATUS_NOT_FOUND, 1},   {STATUS_EXISTS, 1}, {STATUS_CORRUPT, 5},
        {STATUS_UNAUTHENTIC, 5}, {STATUS_DENIED, 1}, {STATUS_NO_SPACE, 1},
        {STATUS_UNREACHABLE, 6}, {STATUS_LOCKED, 1}, {STATUS_UNSUPPORTED, 1},
        {STATUS_CANCELLED, 1},
    };
    for (size_t i = 0; i < LENGTH(pairs); i++) {
        assert_int_equal(cli_exit_code(pairs[i].status), pairs[i].exit);
    }
}

static void test_damage_outweighs_warnings(void **state)
{
    (void)state;
    struct cli cli = {.exit = EXIT_DONE};
    cli_note(&cli, EXIT_INTEGRITY);
    cli_note(&cli, EXIT_WARNINGS);
    assert_int_equal(cli.exit, 5);
}

static void test_bytes(void **state)
{
    (void)state;
    static const struct {
        uint64_t bytes;
        const char *text;
    } pairs[] = {
        {0, "0 B"},
        {1023, "1023 B"},
        {1024, "1.0 KiB"},
        {UINT64_C(10) * 1024, "10 KiB"},
        {UINT64_C(1023) * 1024, "1.0 MiB"},
        {UINT64_C(5) << 30, "5.0 GiB"},
        {UINT64_MAX, "16 EiB"},
    };
    for (size_t i = 0; i < LENGTH(pairs); i++) {
        char text[CLI_SIZE_TEXT];
        assert_string_equal(cli_format_bytes(text, pairs[i].bytes), pairs[i].text);
    }
}

static void test_durations(void **state)
{
    (void)state;
    char text[CLI_SIZE_TEXT];
    assert_string_equal(cli_format_duration(text, 0.4), "0:00");
    assert_string_equal(cli_format_duration(text, 65), "1:05");
    assert_string_equal(cli_format_duration(text, 3909), "1:05:09");
    assert_string_equal(cli_format_duration(text, -1), "0:00");
    assert_string_equal(cli_format_duration(text, 1e300), "0:00");
}

static void test_paths_are_printable(void **state)
{
    (void)state;
    char *path = cli_format_path("docs", "a\033[2Jb");
    assert_string_equal(path, "docs/a\\033[2Jb");
    free(path);
    path = cli_format_path("docs", "");
    assert_string_equal(path, "docs");
    free(path);
}

static void test_json_names_of_any_bytes(void **state)
{
    (void)state;
    json_t *object = json_object();
    cli_json_set_bytes(object, "path", "見積\n.pdf");
    assert_string_equal(json_string_value(json_object_get(object, "path")), "見積\n.pdf");
    assert_null(json_object_get(object, "path_hex"));
    cli_json_set_bytes(object, "path",
                       "a\xff"
                       "b");
    assert_string_equal(json_string_value(json_object_get(object, "path")), "a\\377b");
    assert_string_equal(json_string_value(json_object_get(object, "path_hex")), "61ff62");
    json_decref(object);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exit_codes),
        cmocka_unit_test(test_damage_outweighs_warnings),
        cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_durations),
        cmocka_unit_test(test_paths_are_printable),
        cmocka_unit_test(test_json_names_of_any_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
