/* Commands as sources: their output, their ends good and bad, and that nothing of them stays. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "support/source_recorder.h"
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static enum status run(struct recorder *recorder, struct error *error, char *const *words)
{
    char name[] = "dump";
    char *copies[8] = {0};
    for (size_t i = 0; words[i] != NULL; i++) {
        assert_true(i + 1 < LENGTH(copies));
        copies[i] = words[i];
    }
    struct config_source source = {
        .name = name, .kind = SOURCE_COMMAND, .command = copies, .timeout = 2};
    struct source_sink sink = recorder_sink(recorder);
    error_clear(error);
    return source_command.run(&source, &sink, error);
}

static enum status run_shell(struct recorder *recorder, struct error *error, const char *script)
{
    char shell[] = "sh";
    char option[] = "-c";
    char text[1024];
    assert_true(snprintf(text, sizeof text, "%s", script) < (int)sizeof text);
    char *words[] = {shell, option, text, NULL};
    return run(recorder, error, words);
}

static void test_output(void **state)
{
    (void)state;
    CLEANUP(recorder_free) struct recorder recorder = {0};
    struct error error;
    struct moment before = moment_now();
    assert_int_equal(run_shell(&recorder, &error, "seq 1 200000"), STATUS_OK);
    assert_int_equal(recorder.count, 1);
    assert_int_equal(recorder.warning_count, 0);
    const struct recorded *output = recorder_get(&recorder, "output");
    assert_int_equal(output->entry.type, ENTRY_FILE);
    assert_int_equal(output->entry.mode, 0600);
    assert_int_equal(output->entry.uid, geteuid());
    assert_int_equal(output->entry.gid, getegid());
    assert_string_equal(output->entry.user, geteuid() == 0 ? "root" : output->entry.user);
    assert_true(moment_compare(output->entry.modified, before) >= 0);
    assert_true(output->ended);
    assert_false(output->outcome.failed);
    assert_int_equal(output->content.size, 1288895);
    assert_memory_equal(output->content.data, "1\n2\n3\n", 6);
    assert_memory_equal(output->content.data + 1288888, "200000\n", 7);
}

/* The words reach the command as they are: no shell looks at them. */
static void test_no_shell(void **state)
{
    (void)state;
    CLEANUP(recorder_free) struct recorder recorder = {0};
    struct error error;
    char program[] = "printf";
    char format[] = "<%s>";
    char word[] = "$HOME; `id` *";
    char *words[] = {program, format, word, NULL};
    assert_int_equal(run(&recorder, &error, words), STATUS_OK);
    const struct recorded *output = recorder_get(&recorder, "output");
    assert_int_equal(output->content.size, 15);
    assert_memory_equal(output->content.data, "<$HOME; `id` *>", 15);
}

/* Neither before its output ends nor after that may a command hang. */
static void test_silence(void **state)
{
    (void)state;
    static const char *const scripts[] = {"echo x; sleep 600", "exec >&-; sleep 600"};
    for (size_t i = 0; i < LENGTH(scripts); i++) {
        CLEANUP(recorder_free) struct recorder recorder = {0};
        struct error error;
        double before = clock_monotonic();
        assert_int_equal(run_shell(&recorder, &error, scripts[i]), STATUS_FAILED);
        assert_non_null(strstr(error.message, "for 2 seconds"));
        assert_true(clock_monotonic() - before < 60);
    }
    CLEANUP(recorder_free) struct recorder recorder = {0};
    struct error error;
    assert_int_equal(run_shell(&recorder, &error, "for i in 1 2 3; do sleep 1; echo; done"),
                     STATUS_OK);
}

static void test_exit_code(void **state)
{
    (void)state;
    CLEANUP(recorder_free) struct recorder recorder = {0};
    struct error error;
    assert_int_equal(
        run_shell(&recorder, &error, "echo half; echo first >&2; echo 'no database' >&2; exit 3"),
        STATUS_FAILED);
    assert_non_null(strstr(error.message, "sh"));
    assert_non_null(strstr(error.message, "exit code 3"));
    assert_non_null(strstr(error.message, "first | no database"));
    assert_true(error.hint[0] != '\0');
    assert_false(recorder_get(&recorder, "output")->ended);
}

static void test_signal(void **state)
{
    (void)state;
    CLEANUP(recorder_free) struct recorder recorder = {0};
    struct error error;
    assert_int_equal(run_shell(&recorder, &error, "echo half; kill -9 $$"), STATUS_FAILED);
    assert_non_null(strstr(error.message, "signal 9"));
    assert_false(recorder_get(&recorder, "output")->ended);
}

/* It closes its output, works on and fails only then. */
static void test_late_failure(void **state)
{
    (void)state;
    CLEANUP(recorder_free) struct recorder recorder = {0};
    struct error error;
    assert_int_equal(run_shell(&recorder, &error, "echo all; exec >&-; sleep 0.7; exit 1"),
                     STATUS_FAILED);
    assert_non_null(strstr(error.message, "exit code 1"));
    assert_false(recorder_get(&recorder, "output")->ended);
}

static void test_not_found(void **state)
{
    (void)state;
    CLEANUP(recorder_free) struct recorder recorder = {0};
    struct error error;
    char program[] = "no-such-dumper";
    char *words[] = {program, NULL};
    assert_int_equal(run(&recorder, &error, words), STATUS_NOT_FOUND);
    assert_non_null(strstr(error.message, "no-such-dumper"));
    assert_true(error.hint[0] != '\0');
    assert_int_equal(recorder.count, 0);
}

/* Much more than a pipe holds on standard error, while standard output waits. */
static void test_many_errors(void **state)
{
    (void)state;
    CLEANUP(recorder_free) struct recorder recorder = {0};
    struct error error;
    assert_int_equal(run_shell(&recorder, &error, "seq 1 200000 >&2; echo done"), STATUS_OK);
    assert_int_equal(recorder_get(&recorder, "output")->content.size, 5);
    assert_int_equal(recorder.warning_count, 1);
    assert_true(recorder_warned(&recorder, "output", "standard error"));
    assert_true(recorder_get(&recorder, "output")->ended);
}

static void test_last_words_are_last(void **state)
{
    (void)state;
    CLEANUP(recorder_free) struct recorder recorder = {0};
    struct error error;
    assert_int_equal(run_shell(&recorder, &error, "seq 1 200000 >&2; echo THE-END >&2; exit 1"),
                     STATUS_FAILED);
    assert_non_null(strstr(error.message, "200000 | THE-END"));
    assert_null(strstr(error.message, "| 199000 |"));
}

static void test_empty_output(void **state)
{
    (void)state;
    CLEANUP(recorder_free) struct recorder recorder = {0};
    struct error error;
    assert_int_equal(run_shell(&recorder, &error, "true"), STATUS_OK);
    assert_true(recorder_get(&recorder, "output")->ended);
    assert_true(recorder_warned(&recorder, "output", "wrote nothing"));
}

/* Standard input empty, no descriptors of ours, no blocked or ignored signals (32 and 33 are the C
 * library's own). */
static void test_surroundings(void **state)
{
    (void)state;
    CLEANUP(file_close) int leak = open("/dev/zero", O_RDONLY); /* not close-on-exec */
    assert_true(leak >= 0);
    sigset_t blocked;
    sigset_t before;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGTERM);
    sigprocmask(SIG_BLOCK, &blocked, &before);
    void (*handler)(int) = signal(SIGPIPE, SIG_IGN);
    CLEANUP(recorder_free) struct recorder recorder = {0};
    struct error error;
    enum status status =
        run_shell(&recorder, &error,
                  "wc -c; ls /proc/self/fd | wc -l; grep -E '^Sig(Blk|Ign)' /proc/self/status | "
                  "grep -cEv '[08]0{7}$'");
    sigprocmask(SIG_SETMASK, &before, NULL);
    (void)signal(SIGPIPE, handler);
    assert_int_equal(status, STATUS_FAILED); /* grep -c found none */
    const struct recorded *output = recorder_get(&recorder, "output");
    assert_int_equal(output->content.size, 6);
    assert_memory_equal(output->content.data, "0\n4\n0\n", 6); /* 0, 1, 2 and the folder */
}

/* A dead one that nobody has fetched yet is not alive. */
static bool alive(pid_t pid)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%ld/stat", (long)pid);
    for (int i = 0; i < 3000; i++) {
        struct error error;
        CLEANUP(buffer_free) struct buffer text = {0};
        if (file_read(&text, path, 4096, &error) != STATUS_OK ||
            memmem(text.data, text.size, ") Z ", 4) != NULL) {
            return false;
        }
        usleep(10000);
    }
    return true;
}

static pid_t first_number(const struct recorder *recorder)
{
    const struct recorded *output = recorder_get(recorder, "output");
    char text[32] = {0};
    memcpy(text, output->content.data, output->content.size < 31 ? output->content.size : 31);
    return (pid_t)strtol(text, NULL, 10);
}

/* The sink stops while the command is busy: the command and what it started are gone. */
static void test_stopped_while_writing(void **state)
{
    (void)state;
    CLEANUP(recorder_free) struct recorder recorder = {.fail_at = 30};
    struct error error;
    assert_int_equal(run_shell(&recorder, &error, "sleep 1000 & echo $!; yes"), STATUS_CANCELLED);
    assert_false(alive(first_number(&recorder)));
    assert_false(recorder_get(&recorder, "output")->ended);
}

/* The sink can stop a command that says nothing at all, even one that ignores SIGTERM, and what it
 * started, which ignores it as well. */
static void test_stopped_while_silent(void **state)
{
    (void)state;
    CLEANUP(recorder_free) struct recorder recorder = {.fail_at = 6};
    struct error error;
    double begin = clock_monotonic();
    assert_int_equal(run_shell(&recorder, &error, "trap '' TERM; sleep 1000 & echo $!; wait"),
                     STATUS_CANCELLED);
    assert_true(clock_monotonic() - begin < 60);
    assert_false(alive(first_number(&recorder)));
}

/* The backup itself is killed: the kernel ends its command. */
static void test_killed_with_the_backup(void **state)
{
    (void)state;
    int said[2];
    assert_int_equal(pipe(said), 0);
    pid_t backup = fork();
    assert_true(backup >= 0);
    if (backup == 0) {
        CLEANUP(recorder_free) struct recorder recorder = {0};
        struct error error;
        char script[128];
        snprintf(script, sizeof script, "echo $$ >/proc/%ld/fd/%d; exec sleep 1000", (long)getpid(),
                 said[1]);
        _exit(run_shell(&recorder, &error, script) == STATUS_OK ? 0 : 1);
    }
    char text[32] = {0};
    assert_true(read(said[0], text, sizeof text - 1) > 0);
    pid_t command = (pid_t)strtol(text, NULL, 10);
    assert_int_equal(kill(command, 0), 0);
    assert_int_equal(kill(backup, SIGKILL), 0);
    assert_int_equal(waitpid(backup, NULL, 0), backup);
    assert_false(alive(command));
    close(said[0]);
    close(said[1]);
}

/* Nothing is left open. */
static void test_descriptors(void **state)
{
    (void)state;
    int before = dup(0);
    assert_true(before >= 0);
    close(before);
    for (int i = 0; i < 3; i++) {
        CLEANUP(recorder_free) struct recorder recorder = {.fail_at = (size_t)i};
        struct error error;
        (void)!run_shell(&recorder, &error, "echo x");
    }
    int after = dup(0);
    close(after);
    assert_int_equal(before, after);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_output),
        cmocka_unit_test(test_no_shell),
        cmocka_unit_test(test_silence),
        cmocka_unit_test(test_exit_code),
        cmocka_unit_test(test_signal),
        cmocka_unit_test(test_late_failure),
        cmocka_unit_test(test_not_found),
        cmocka_unit_test(test_many_errors),
        cmocka_unit_test(test_last_words_are_last),
        cmocka_unit_test(test_empty_output),
        cmocka_unit_test(test_surroundings),
        cmocka_unit_test(test_stopped_while_writing),
        cmocka_unit_test(test_stopped_while_silent),
        cmocka_unit_test(test_killed_with_the_backup),
        cmocka_unit_test(test_descriptors),
    };
    /* A folder in PATH that we may not search would be another error than "not found". */
    if (setenv("PATH", "/usr/bin:/bin", 1) != 0) {
        return 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
