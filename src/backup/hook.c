/* hook: see the header. */
#include "hook.h"
#include "kura/command.h"

enum { WAIT_MS = 100 };

struct run {
    struct command_process process;
    const char *program;
    unsigned timeout;
    double deadline; /* of clock_monotonic */
    const volatile sig_atomic_t *cancelled;
};

static enum status may_go_on(const struct run *run, struct error *error)
{
    if (run->cancelled != NULL && *run->cancelled != 0) {
        return error_set(error, STATUS_CANCELLED, 0, "%s",
                         _("stopped on request; what was stored so far serves the next run"));
    }
    return clock_monotonic() < run->deadline
               ? STATUS_OK
               : error_set(error, STATUS_FAILED, 0,
                           _("the command %s was ended because it took longer than %u s"),
                           run->program, run->timeout);
}

static enum status wait_for_end(struct run *run, struct command_end *end, struct error *error)
{
    enum status status = STATUS_OK;
    bool silent = false;
    for (bool ended = false; status == STATUS_OK && !ended;) {
        unsigned char thrown_away[4096];
        size_t got;
        status = may_go_on(run, error);
        if (status == STATUS_OK && !silent) {
            status = command_process_read(&run->process, thrown_away, sizeof thrown_away, WAIT_MS,
                                          &got, &silent, error);
        }
        if (status == STATUS_OK) {
            status = command_process_wait(&run->process, silent ? WAIT_MS : 0, &ended, end, error);
        }
    }
    return status;
}

enum status hook_run(char *const *words, unsigned timeout, const volatile sig_atomic_t *cancelled,
                     struct error *error)
{
    struct run run = {.process = COMMAND_PROCESS_NONE,
                      .program = words[0],
                      .timeout = timeout,
                      .deadline = clock_monotonic() + timeout,
                      .cancelled = cancelled};
    struct command_end end = {0};
    enum status status = command_process_start(&run.process, words, error);
    if (status == STATUS_OK) {
        status = wait_for_end(&run, &end, error);
    }
    if (status == STATUS_OK) {
        status = command_process_judge(&run.process, &end, words[0], error);
    }
    command_process_stop(&run.process);
    return status;
}
