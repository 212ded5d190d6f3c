/* pty_test: runs a program that asks at its terminal, and answers. */
#ifndef KURA_TESTS_PTY_TEST_H
#define KURA_TESTS_PTY_TEST_H

#include "keys_test.h"
#include <errno.h>
#include <poll.h>
#include <pty.h>
#include <sys/wait.h>
#include <termios.h>

#define PTY_SECONDS 30

struct pty_run {
    int terminal;
    pid_t child;
    char output[8192];
    size_t size;
};

/* The child returns 0, and is on a terminal of its own. */
static inline pid_t pty_start(struct pty_run *run)
{
    *run = (struct pty_run){0};
    run->child = forkpty(&run->terminal, NULL, NULL, NULL);
    assert_true(run->child >= 0);
    return run->child;
}

static inline bool pty_echo(const struct pty_run *run)
{
    struct termios settings;
    assert_int_equal(tcgetattr(run->terminal, &settings), 0);
    return (settings.c_lflag & ECHO) != 0;
}

/* Takes what the program has written; false once it has closed its terminal. */
static inline bool pty_listen(struct pty_run *run)
{
    struct pollfd waiting = {.fd = run->terminal, .events = POLLIN};
    if (poll(&waiting, 1, 10) == 0) {
        return true;
    }
    ssize_t count =
        read(run->terminal, run->output + run->size, sizeof(run->output) - 1 - run->size);
    if (count > 0) {
        run->size += (size_t)count;
        run->output[run->size] = '\0';
    }
    return count > 0 || (count < 0 && errno == EINTR);
}

/* Waits until the prompt stands there for the given time, with the echo off. */
static inline void pty_expect(struct pty_run *run, const char *prompt, size_t times)
{
    double until = clock_monotonic() + PTY_SECONDS;
    while (clock_monotonic() < until) {
        size_t seen = 0;
        for (const char *at = run->output; (at = strstr(at, prompt)) != NULL; at++) {
            seen++;
        }
        if (seen >= times && !pty_echo(run)) {
            return;
        }
        if (!pty_listen(run)) {
            break;
        }
    }
    fail_msg("no prompt \"%s\" in: %s", prompt, run->output);
}

static inline void pty_type(struct pty_run *run, const char *text)
{
    assert_int_equal(write(run->terminal, text, strlen(text)), strlen(text));
}

/* Waits for the end; the wait status. */
static inline int pty_end(struct pty_run *run)
{
    int status = 0;
    double until = clock_monotonic() + PTY_SECONDS;
    while (clock_monotonic() < until && pty_listen(run)) {
    }
    if (clock_monotonic() >= until) {
        kill(run->child, SIGKILL);
    }
    assert_int_equal(waitpid(run->child, &status, 0), run->child);
    close(run->terminal);
    return status;
}

/* Runs a program that asks for a passphrase so many times; its exit status. */
static inline int pty_passphrase(const char *const *arguments, const char *passphrase, size_t times)
{
    struct pty_run run;
    if (pty_start(&run) == 0) {
        execvp(arguments[0], (char *const *)(uintptr_t)arguments);
        _exit(127);
    }
    char line[256];
    snprintf(line, sizeof(line), "%s\n", passphrase);
    for (size_t i = 0; i < times; i++) {
        pty_expect(&run, "assphrase", i + 1);
        pty_type(&run, line);
    }
    int status = pty_end(&run);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        print_message("%s said: %s\n", arguments[0], run.output);
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

#endif
