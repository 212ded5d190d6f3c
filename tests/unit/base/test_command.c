/* command: what is fed, what is given, and what ends before it has read everything. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "kura/command.h"
#include <signal.h>
#include <string.h>
#include <unistd.h>

static void feed_until(struct command_process *process, const char *text, bool *closed)
{
    struct error error = {0};
    size_t size = strlen(text);
    *closed = false;
    while (size > 0 && !*closed) {
        size_t put = 0;
        assert_int_equal(command_process_write(process, text, size, 1000, &put, closed, &error),
                         STATUS_OK);
        text += put;
        size -= put;
    }
}

static void read_all(char *text, size_t size, struct command_process *process)
{
    struct error error = {0};
    size_t used = 0;
    for (bool ended = false; !ended;) {
        size_t got = 0;
        assert_int_equal(command_process_read(process, (unsigned char *)text + used,
                                              size - 1 - used, 1000, &got, &ended, &error),
                         STATUS_OK);
        used += got;
    }
    text[used] = '\0';
}

static void test_input(void **state)
{
    (void)state;
    char cat[] = "cat";
    char *const words[] = {cat, NULL};
    struct error error = {0};
    CLEANUP(command_process_stop) struct command_process process = COMMAND_PROCESS_NONE;
    assert_int_equal(command_process_start_fed(&process, words, -1, &error), STATUS_OK);
    bool closed;
    feed_until(&process, "車検\n", &closed);
    assert_false(closed);
    command_process_end_input(&process);
    char text[64];
    read_all(text, sizeof text, &process);
    assert_string_equal(text, "車検\n");
    struct command_end end = {0};
    for (bool ended = false; !ended;) {
        assert_int_equal(command_process_wait(&process, 5000, &ended, &end, &error), STATUS_OK);
    }
    assert_true(!end.by_signal && end.code == 0);
}

/* A descriptor of any number becomes the third; all others stay here. */
static void test_given(void **state)
{
    (void)state;
    char shell[] = "sh";
    char option[] = "-c";
    char script[] = "cat <&3; ls /proc/self/fd | wc -l";
    char *const words[] = {shell, option, script, NULL};
    for (int number = 3; number < 40; number += 9) {
        int ends[2];
        struct error error = {0};
        assert_int_equal(pipe(ends), 0);
        assert_true(write(ends[1], "given\n", 6) == 6);
        close(ends[1]);
        int given = number == 3 ? dup(ends[0]) : dup2(ends[0], number + 60);
        close(ends[0]);
        CLEANUP(command_process_stop) struct command_process process = COMMAND_PROCESS_NONE;
        assert_int_equal(command_process_start_fed(&process, words, given, &error), STATUS_OK);
        close(given);
        command_process_end_input(&process);
        char text[64];
        read_all(text, sizeof text, &process);
        assert_string_equal(text, "given\n5\n"); /* 0, 1, 2, 3 and that of ls itself */
    }
}

static void test_that_it_reads_no_more_is_told(void **state)
{
    (void)state;
    char name[] = "true";
    char *const words[] = {name, NULL};
    static char much[200000];
    struct error error = {0};
    memset(much, 'x', sizeof much - 1);
    signal(SIGPIPE, SIG_IGN);
    CLEANUP(command_process_stop) struct command_process process = COMMAND_PROCESS_NONE;
    assert_int_equal(command_process_start_fed(&process, words, -1, &error), STATUS_OK);
    bool closed = false;
    for (int i = 0; i < 100 && !closed; i++) {
        feed_until(&process, much, &closed);
    }
    assert_true(closed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_input),
        cmocka_unit_test(test_given),
        cmocka_unit_test(test_that_it_reads_no_more_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
