/* Passphrases: made, judged, read, and asked for at a terminal. */
#include "pty_test.h"
#include <fcntl.h>
#include <signal.h>

#include "../../../src/keys/passphrase.h"

static void test_generate(void **state)
{
    (void)state;
    struct error error = {0};
    unsigned seen[256] = {0};
    unsigned refused = 0;
    for (int i = 0; i < 400; i++) {
        struct secret_text passphrase = {0};
        assert_ok(passphrase_generate(&passphrase, &error));
        assert_int_equal(passphrase.size, 24);
        for (size_t j = 0; j < passphrase.size; j++) {
            assert_int_equal(passphrase.text[j] == '-', j % 5 == 4);
            seen[(unsigned char)passphrase.text[j]]++;
        }
        refused += passphrase_judge(&passphrase, &error) == STATUS_OK ? 0 : 1;
        secret_text_free(&passphrase);
    }
    /* The judge sees a system in one of some ten thousand that have none. */
    assert_in_range(refused, 0, 3);
    /* Each of 32 letters about 250 times in 8,000; 20 standard deviations are never seen. */
    unsigned letters = 0;
    for (size_t i = 0; i < LENGTH(seen); i++) {
        if (seen[i] > 0 && i != '-') {
            assert_in_range(seen[i], 100, 400);
            letters++;
        }
    }
    assert_int_equal(letters, 32);
}

static enum status judge(const char *text, const char *dictionary)
{
    struct error error = {0};
    struct secret_text passphrase = secret_of(text);
    enum status status = dictionary == NULL ? passphrase_judge(&passphrase, &error)
                                            : passphrase_judge_by(&passphrase, dictionary, &error);
    if (status != STATUS_OK) {
        assert_null(strlen(text) > 5 ? strstr(error.message, text) : NULL);
        assert_true(error.hint[0] != '\0');
    }
    secret_text_free(&passphrase);
    return status;
}

static void test_judge(void **state)
{
    (void)state;
    assert_int_equal(judge("marvel-octopus-lantern-42", NULL), STATUS_OK);
    assert_int_equal(judge("青い車庫で雨宿りした猫", NULL), STATUS_OK);
    assert_int_equal(judge("", NULL), STATUS_DENIED);
    assert_int_equal(judge("short1!", NULL), STATUS_DENIED);
    assert_int_equal(judge("administration", NULL), STATUS_DENIED);
    assert_int_equal(judge("aaaaaaaaaaaaaaaaaaaa", NULL), STATUS_DENIED);
}

static void test_judge_without_dictionary(void **state)
{
    (void)state;
    assert_int_equal(judge("marvel-octopus-lantern-42", "/nonexistent/dictionary"), STATUS_OK);
    assert_int_equal(judge("short1!", "/nonexistent/dictionary"), STATUS_DENIED);
    assert_int_equal(judge("administration", "/nonexistent/dictionary"), STATUS_OK);
}

static enum status read_text(const char *text, size_t size, const char *expected)
{
    struct error error = {0};
    struct secret_text passphrase = {0};
    assert_ok(file_write("passphrase", text, size, 0600, FILE_REPLACE_EXISTING, &error));
    enum status status = passphrase_read_file(&passphrase, "passphrase", &error);
    if (expected != NULL) {
        assert_int_equal(status, STATUS_OK);
        assert_string_equal(passphrase.text, expected);
        assert_int_equal(passphrase.size, strlen(expected));
    } else {
        assert_null(passphrase.text);
    }
    secret_text_free(&passphrase);
    return status;
}

static void test_read_file(void **state)
{
    (void)state;
    struct error error = {0};
    struct secret_text passphrase = {0};
    char longest[PASSPHRASE_LIMIT + 3];
    memset(longest, 'x', sizeof(longest));
    assert_int_equal(read_text("one", 3, "one"), STATUS_OK);
    assert_int_equal(read_text("one\n", 4, "one"), STATUS_OK);
    assert_int_equal(read_text("one\r\ntwo\n", 9, "one"), STATUS_OK);
    assert_int_equal(read_text(" a b \n", 6, " a b "), STATUS_OK);
    assert_int_equal(read_text("", 0, NULL), STATUS_DENIED);
    assert_int_equal(read_text("\nsecond", 7, NULL), STATUS_DENIED);
    assert_int_equal(read_text("a\0b\n", 4, NULL), STATUS_CORRUPT);
    assert_int_equal(read_text(longest, PASSPHRASE_LIMIT + 1, NULL), STATUS_CORRUPT);
    longest[PASSPHRASE_LIMIT] = '\0';
    assert_int_equal(read_text(longest, PASSPHRASE_LIMIT, longest), STATUS_OK);
    assert_int_equal(passphrase_read_file(&passphrase, "none", &error), STATUS_NOT_FOUND);
}

static void test_read_descriptor(void **state)
{
    (void)state;
    struct error error = {0};
    struct secret_text passphrase = {0};
    int ends[2];
    char rest[8] = "";
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    assert_int_equal(write(ends[1], "secret\nrest", 11), 11);
    assert_ok(passphrase_read_descriptor(&passphrase, ends[0], &error));
    assert_string_equal(passphrase.text, "secret");
    assert_int_equal(read(ends[0], rest, sizeof(rest)), 4);
    assert_memory_equal(rest, "rest", 4);
    close(ends[0]);
    close(ends[1]);
    assert_int_equal(passphrase_read_descriptor(&passphrase, ends[0], &error), STATUS_FAILED);
    secret_text_free(&passphrase);
}

/* ------------------------------------------------------------------ at a terminal */

/* In the child: asks, and ends with the status, or 100 if the passphrase is not the one expected.
 */
static void ask_and_exit(bool confirm, const char *expected) __attribute__((noreturn));

static void ask_and_exit(bool confirm, const char *expected)
{
    struct error error = {0};
    struct secret_text passphrase = {0};
    int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
    dup2(nothing, 0);
    dup2(nothing, 1);
    enum status status = passphrase_ask(&passphrase, "Passphrase", confirm, &error);
    bool as_expected = status != STATUS_OK || strcmp(passphrase.text, expected) == 0;
    _exit(as_expected ? (int)status : 100);
}

static int ask(bool confirm, const char *const *answers, size_t count, const char *expected)
{
    struct pty_run run;
    if (pty_start(&run) == 0) {
        ask_and_exit(confirm, expected);
    }
    for (size_t i = 0; i < count; i++) {
        bool again = confirm && i % 2 == 1;
        pty_expect(&run, again ? "same again: " : "Passphrase: ", confirm ? i / 2 + 1 : i + 1);
        pty_type(&run, answers[i]);
    }
    int status = pty_end(&run);
    assert_true(WIFEXITED(status));
    for (size_t i = 0; i < count; i++) {
        char typed[64];
        snprintf(typed, sizeof(typed), "%.*s", (int)strcspn(answers[i], "\n"), answers[i]);
        assert_null(typed[0] == '\0' ? NULL : strstr(run.output, typed));
    }
    return WEXITSTATUS(status);
}

static void test_ask(void **state)
{
    (void)state;
    static const char *const once[] = {"open sesame\n"};
    static const char *const twice[] = {"open sesame\n", "open sesame\n"};
    static const char *const corrected[] = {"open sesame\n", "open sesam\n", "other\n", "other\n"};
    static const char *const never[] = {"a1\n", "b2\n", "a1\n", "b2\n", "a1\n", "b2\n"};
    static const char *const empty[] = {"\n"};
    assert_int_equal(ask(false, once, 1, "open sesame"), STATUS_OK);
    assert_int_equal(ask(true, twice, 2, "open sesame"), STATUS_OK);
    assert_int_equal(ask(true, corrected, 4, "other"), STATUS_OK);
    assert_int_equal(ask(true, never, 6, ""), STATUS_DENIED);
    assert_int_equal(ask(false, empty, 1, ""), STATUS_CANCELLED);
}

static void test_ask_interrupted(void **state)
{
    (void)state;
    struct pty_run run;
    if (pty_start(&run) == 0) {
        ask_and_exit(false, "");
    }
    pty_expect(&run, "Passphrase: ", 1);
    /* A terminal that stays open after the program, to see how it was left. */
    int kept = open(ptsname(run.terminal), O_RDWR | O_NOCTTY | O_CLOEXEC);
    assert_true(kept >= 0);
    pty_type(&run, "half\x03");
    int status = 0;
    assert_int_equal(waitpid(run.child, &status, 0), run.child);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGINT);
    assert_true(pty_echo(&run));
    close(kept);
    close(run.terminal);
}

static void ignore_signal(int number)
{
    (void)number;
}

static void test_ask_cancelled(void **state)
{
    (void)state;
    struct pty_run run;
    if (pty_start(&run) == 0) {
        const struct sigaction action = {.sa_handler = ignore_signal};
        sigaction(SIGINT, &action, NULL);
        ask_and_exit(false, "");
    }
    pty_expect(&run, "Passphrase: ", 1);
    pty_type(&run, "\x03");
    int status = pty_end(&run);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), STATUS_CANCELLED);
}

static void test_ask_without_terminal(void **state)
{
    (void)state;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        setsid();
        ask_and_exit(false, "");
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), STATUS_DENIED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_generate),
        cmocka_unit_test(test_judge),
        cmocka_unit_test(test_judge_without_dictionary),
        cmocka_unit_test(test_read_file),
        cmocka_unit_test(test_read_descriptor),
        cmocka_unit_test(test_ask),
        cmocka_unit_test(test_ask_interrupted),
        cmocka_unit_test(test_ask_cancelled),
        cmocka_unit_test(test_ask_without_terminal),
    };
    return cmocka_run_group_tests_name("passphrase", tests, in_fresh_folder, leave_folder);
}
