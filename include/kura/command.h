/* command: a running command: its input to write, its output to read, its errors remembered, its
 * end. No shell is involved. It belongs to base so that sources, restores and the hooks of a night
 * can run programs the same way. */
#ifndef KURA_COMMAND_H
#define KURA_COMMAND_H

#include "kura/base.h"

#define COMMAND_WORDS_SIZE 2048

struct command_process {
    pid_t pid;  /* also its process group; 0: none, or its end was fetched */
    int handle; /* pidfd */
    int input;  /* never blocks; -1: it has none, or its end was told */
    int output;
    int errors;
    char words[COMMAND_WORDS_SIZE]; /* the last of what came on standard error */
    size_t words_size;
};
#define COMMAND_PROCESS_NONE                                                                       \
    (struct command_process)                                                                       \
    {                                                                                              \
        .handle = -1, .input = -1, .output = -1, .errors = -1                                      \
    }

struct command_end {
    bool by_signal;
    int code; /* exit code or signal */
};

/* Starts `words` (the first one looked for in PATH): standard input empty, no other descriptors, no
 * blocked or ignored signals, a process group of its own. */
MUST_USE enum status command_process_start(struct command_process *process, char *const *words,
                                           struct error *error);

/* The same with a pipe as its standard input, and with `given` as its descriptor 3 (-1: none). */
MUST_USE enum status command_process_start_fed(struct command_process *process, char *const *words,
                                               int given, struct error *error);

/* Writes what its standard input takes within `wait_ms`; *put may be 0. *closed: it will take no
 * more, because it ended or closed its input; why is told by its end. Its output must be read, or
 * none be expected. */
MUST_USE enum status command_process_write(struct command_process *process, const void *data,
                                           size_t size, int wait_ms, size_t *put, bool *closed,
                                           struct error *error);
/* No more will be written: it reads the end of its input. */
void command_process_end_input(struct command_process *process);

/* Reads up to `size` bytes of output; after `wait_ms` without any *got is 0. *ended: there will be
 * no more. */
MUST_USE enum status command_process_read(struct command_process *process, unsigned char *target,
                                          size_t size, int wait_ms, size_t *got, bool *ended,
                                          struct error *error);

/* Waits for its end at most `wait_ms`. */
MUST_USE enum status command_process_wait(struct command_process *process, int wait_ms, bool *ended,
                                          struct command_end *end, struct error *error);

/* The last lines of standard error, joined by " | "; "" if there were none. */
void command_process_last_words(const struct command_process *process,
                                char words[COMMAND_WORDS_SIZE]);

/* STATUS_OK if `end` is exit code 0. Otherwise FAILED: "the command PROGRAM ended with exit code 1:
 * LAST WORDS". */
MUST_USE enum status command_process_judge(const struct command_process *process,
                                           const struct command_end *end, const char *program,
                                           struct error *error);

/* Ends it, if it still runs, with its whole process group: politely, after two seconds by force.
 */
void command_process_stop(struct command_process *process);

#endif
