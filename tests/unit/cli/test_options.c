/* cli_options: every way to write an option, and every way to write it wrongly. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../../src/cli/cli_options.h"
#include <string.h>

static const struct cli_command cmd_a = {
    .name = "look",
    .operands = "SNAPSHOT [PATH]",
    .least = 1,
    .most = 2,
    .options = {OPTION_JSON, OPTION_SOURCE, OPTION_KIT, OPTION_IDENTITY, OPTION_READ_DATA,
                OPTION_PASSPHRASE_FILE, OPTION_PASSPHRASE_FD, OPTION_RECURSIVE, OPTION_END},
};
static const struct cli_command cmd_b = {
    .name = "key new", .operands = "", .options = {OPTION_ROLE, OPTION_END}};
static const struct cli_command cmd_c = {.name = "key list", .operands = ""};
static const struct cli_command *const commands[] = {&cmd_a, &cmd_b, &cmd_c};

static struct cli_arguments arguments;
static const struct cli_command *command;
static struct error error;

#define MOST 20
/* The words of `line`, cut at blanks. */
static enum status read_line(const char *line)
{
    static char copy[500];
    static char program[] = "kura";
    char *argv[MOST] = {program};
    int argc = 1;
    assert_true(strlen(line) < sizeof copy);
    memcpy(copy, line, strlen(line) + 1);
    char *rest = copy;
    for (char *word; (word = strsep(&rest, " ")) != NULL;) {
        assert_true(argc < MOST);
        argv[argc++] = word;
    }
    cli_arguments_free(&arguments);
    error_clear(&error);
    return cli_options_read(&arguments, &command, argc, argv, commands, LENGTH(commands), &error);
}

static int tear_down(void **state)
{
    (void)state;
    cli_arguments_free(&arguments);
    return 0;
}

static void test_options_stand_anywhere(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "-c k.yaml --json look abc some/path",
        "look -ck.yaml abc --json some/path",
        "--config=k.yaml look abc some/path --json",
        "look abc some/path --json --config k.yaml",
    };
    for (size_t i = 0; i < LENGTH(lines); i++) {
        assert_int_equal(read_line(lines[i]), STATUS_OK);
        assert_ptr_equal(command, &cmd_a);
        assert_string_equal(arguments.config, "k.yaml");
        assert_true(arguments.json);
        assert_int_equal(arguments.words.count, 2);
        assert_string_equal(arguments.words.items[0], "abc");
        assert_string_equal(arguments.words.items[1], "some/path");
        assert_null(arguments.words.items[2]);
    }
}

static void test_commands_of_two_words(void **state)
{
    (void)state;
    assert_int_equal(read_line("key new --role staff"), STATUS_OK);
    assert_ptr_equal(command, &cmd_b);
    assert_string_equal(arguments.role, "staff");
    assert_int_equal(arguments.words.count, 0);
    assert_int_equal(read_line("-v key -c x list"), STATUS_OK);
    assert_ptr_equal(command, &cmd_c);
    assert_int_equal(read_line("key"), STATUS_USAGE);
    assert_non_null(strstr(error.hint, "kura key new, kura key list"));
    assert_int_equal(read_line("key old"), STATUS_USAGE);
}

static void test_lists_letters_and_percent(void **state)
{
    (void)state;
    assert_int_equal(read_line("look a --source x -qR --source=y"), STATUS_OK);
    assert_int_equal(arguments.sources.count, 2);
    assert_string_equal(arguments.sources.items[1], "y");
    assert_null(arguments.sources.items[2]);
    assert_true(arguments.quiet);
    assert_true(arguments.recursive);
    assert_int_equal(read_line("look a --read-data"), STATUS_OK);
    assert_int_equal(arguments.read_data, 100);
    assert_int_equal(read_line("look --read-data a"), STATUS_OK);
    assert_int_equal(arguments.read_data, 100);
    assert_string_equal(arguments.words.items[0], "a");
    assert_int_equal(read_line("look a --read-data=5"), STATUS_OK);
    assert_int_equal(arguments.read_data, 5);
    assert_int_equal(read_line("look a --passphrase-fd 3"), STATUS_OK);
    assert_int_equal(arguments.passphrase_fd, 3);
    assert_true(arguments.given[OPTION_PASSPHRASE_FD]);
}

static void test_two_dashes_end_the_options(void **state)
{
    (void)state;
    assert_int_equal(read_line("look -- -x --json"), STATUS_OK);
    assert_string_equal(arguments.words.items[0], "-x");
    assert_string_equal(arguments.words.items[1], "--json");
    assert_false(arguments.json);
    assert_int_equal(read_line("look -"), STATUS_OK);
    assert_string_equal(arguments.words.items[0], "-");
}

static void test_help(void **state)
{
    (void)state;
    assert_int_equal(read_line("--help"), STATUS_OK);
    assert_null(command);
    assert_true(arguments.help);
    /* Help is not refused because of what is missing. */
    assert_int_equal(read_line("look --help"), STATUS_OK);
    assert_ptr_equal(command, &cmd_a);
    assert_int_equal(read_line("help key new"), STATUS_OK);
    assert_ptr_equal(command, &cmd_b);
    assert_true(arguments.help);
    assert_int_equal(read_line("--version"), STATUS_OK);
    assert_true(arguments.version);
}

static void test_mistakes(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        const char *says;
    } mistakes[] = {
        {"loook a", "no command loook"},
        {"lo a", "no command lo"},
        {"look", "needs more words"},
        {"look a b c", "too many words"},
        {"look a --jsn", "no option --jsn"},
        {"look a --js", "no option --js"},
        {"look a -x", "no option -x"},
        {"look a -qx", "no option -qx"},
        {"look a --json=1", "--json takes no value"},
        {"look a --kit", "--kit needs a value"},
        {"look a -c", "--config needs a value"},
        {"look a --read-data=0", "from 1 to 100"},
        {"look a --read-data=101", "from 1 to 100"},
        {"look a --read-data=x", "from 1 to 100"},
        {"look a --read-data=", "from 1 to 100"},
        {"look a --passphrase-fd x", "--passphrase-fd takes a number"},
        {"look a --passphrase-fd -1", "--passphrase-fd takes a number"},
        {"look a --passphrase-fd 99999999999999999999", "takes a number"},
        {"look a --role staff", "kura look does not take --role"},
        {"key list --json", "kura key list does not take --json"},
        {"look a --kit k --identity i", "only one of --kit and --identity"},
        {"look a --passphrase-file f --passphrase-fd 3", "only one of"},
        {"look a -q -v", "only one of --quiet and --verbose"},
    };
    for (size_t i = 0; i < LENGTH(mistakes); i++) {
        enum status status = read_line(mistakes[i].line);
        if (status != STATUS_USAGE || strstr(error.message, mistakes[i].says) == NULL) {
            fail_msg("%s: %d: %s", mistakes[i].line, status, error.message);
        }
    }
}

static void test_no_words_is_no_command(void **state)
{
    (void)state;
    assert_int_equal(read_line("-v"), STATUS_OK);
    assert_null(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_options_stand_anywhere, tear_down),
        cmocka_unit_test_teardown(test_commands_of_two_words, tear_down),
        cmocka_unit_test_teardown(test_lists_letters_and_percent, tear_down),
        cmocka_unit_test_teardown(test_two_dashes_end_the_options, tear_down),
        cmocka_unit_test_teardown(test_help, tear_down),
        cmocka_unit_test_teardown(test_mistakes, tear_down),
        cmocka_unit_test_teardown(test_no_words_is_no_command, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
