/* command_process: starts a command, writes its input and reads both its outputs without ever
 * waiting for the wrong one, and leaves no process behind. */
#include "kura/command.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    WORDS_SHOWN = 1024,
    PIPE_SIZE = 1024 * 1024,
    STOP_MS = 2000,
    FIRST_OTHER_DESCRIPTOR = 3,
    DRAIN_READS = 64
};

/* Both ends above the standard descriptors, should one of those be closed here: the child's dup2
 * would otherwise overwrite one pipe with the other. */
static bool make_pipe(int ends[2])
{
    int raw[2];
    if (pipe2(raw, O_CLOEXEC) != 0) {
        return false;
    }
    ends[0] = fcntl(raw[0], F_DUPFD_CLOEXEC, FIRST_OTHER_DESCRIPTOR);
    ends[1] = ends[0] < 0 ? -1 : fcntl(raw[1], F_DUPFD_CLOEXEC, FIRST_OTHER_DESCRIPTOR);
    int os_error = errno;
    close(raw[0]);
    close(raw[1]);
    errno = os_error;
    return ends[1] >= 0;
}

/* What the child is to become. */
struct child {
    char *const *words;
    int input; /* -1: none */
    int output;
    int errors;
    int given;  /* becomes descriptor 3; -1: none */
    int report; /* an errno goes here if it cannot */
    pid_t parent;
};

static bool take_usual_signals(void)
{
    struct sigaction usual = {.sa_handler = SIG_DFL};
    sigset_t none;
    for (int number = 1; number < NSIG; number++) {
        (void)sigaction(number, &usual, NULL); /* SIGKILL, SIGSTOP and the C library's own refuse */
    }
    sigemptyset(&none);
    return sigprocmask(SIG_SETMASK, &none, NULL) == 0;
}

/* Standard input may be closed here, and the next descriptor be just that. */
static bool take_nothing(void)
{
    int nothing = open("/dev/null", O_RDONLY);
    return nothing == STDIN_FILENO || (nothing > 0 && dup2(nothing, STDIN_FILENO) == STDIN_FILENO);
}

/* After all others are marked to be closed. The report may have that number: it moves. */
static bool give(struct child *child)
{
    if (child->given < 0) {
        return true;
    }
    if (child->report == FIRST_OTHER_DESCRIPTOR) {
        child->report = fcntl(child->report, F_DUPFD_CLOEXEC, FIRST_OTHER_DESCRIPTOR + 1);
    }
    return child->given == FIRST_OTHER_DESCRIPTOR ? fcntl(child->given, F_SETFD, 0) == 0
                                                  : dup2(child->given, FIRST_OTHER_DESCRIPTOR) >= 0;
}

/* Only what may be called between fork and exec in a program with threads. A backup that is killed
 * takes its command along: the kernel does it, and the comparison closes the moment before. */
static bool prepare_child(struct child *child)
{
    if (setpgid(0, 0) != 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) {
        return false;
    }
    if (getppid() != child->parent) {
        raise(SIGKILL);
    }
    bool input =
        child->input < 0 ? take_nothing() : dup2(child->input, STDIN_FILENO) == STDIN_FILENO;
    return input && dup2(child->output, STDOUT_FILENO) >= 0 &&
           dup2(child->errors, STDERR_FILENO) >= 0 &&
           close_range(FIRST_OTHER_DESCRIPTOR, ~0U, CLOSE_RANGE_CLOEXEC) == 0 && give(child) &&
           take_usual_signals();
}

static _Noreturn void run_child(struct child *child)
{
    if (prepare_child(child)) {
        execvp(child->words[0], child->words);
    }
    int os_error = errno;
    (void)!write(child->report, &os_error, sizeof os_error);
    _exit(127);
}

/* The report ends without a word when the child became the command. */
static int read_report(int report)
{
    int os_error = 0;
    ssize_t got;
    do {
        got = read(report, &os_error, sizeof os_error);
    } while (got < 0 && errno == EINTR);
    return got == (ssize_t)sizeof os_error ? os_error : 0;
}

/* 0 or an errno. Signals wait meanwhile: a handler of ours must not run in the child. */
static int spawn(pid_t *pid, struct child *child)
{
    int report[2];
    if (!make_pipe(report)) {
        return errno;
    }
    child->report = report[1];
    child->parent = getpid();
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    *pid = fork();
    if (*pid == 0) {
        run_child(child);
    }
    int os_error = *pid < 0 ? errno : 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    close(report[1]);
    if (os_error == 0) {
        os_error = read_report(report[0]);
    }
    close(report[0]);
    if (os_error != 0 && *pid > 0) {
        while (waitpid(*pid, NULL, 0) < 0 && errno == EINTR) {
        }
    }
    if (os_error != 0) {
        *pid = 0;
    }
    return os_error;
}

static bool never_block(int fd)
{
    return fcntl(fd, F_SETFL, O_NONBLOCK) == 0;
}

static enum status fail_start(const char *program, int os_error, struct error *error)
{
    error_set_errno(error, os_error, _("the command %s could not be started"), program);
    if (os_error == ENOENT) {
        error_set_hint(error, _("Is it installed? The configuration may name it by its whole "
                                "path. It is started directly and not by a shell."));
    }
    return error->status;
}

static enum status start(struct command_process *process, char *const *words, bool fed, int given,
                         struct error *error)
{
    int input[2] = {-1, -1};
    int output[2] = {-1, -1};
    int errors[2] = {-1, -1};
    bool piped = make_pipe(output) && make_pipe(errors) && (!fed || make_pipe(input)) &&
                 never_block(output[0]) && never_block(errors[0]) &&
                 (!fed || never_block(input[1]));
    int os_error = piped ? 0 : errno;
    process->input = input[1];
    process->output = output[0];
    process->errors = errors[0];
    CLEANUP(file_close) int input_end = input[0];
    CLEANUP(file_close) int output_end = output[1];
    CLEANUP(file_close) int errors_end = errors[1];
    if (piped) {
        struct child child = {.words = words,
                              .input = input_end,
                              .output = output_end,
                              .errors = errors_end,
                              .given = given};
        (void)fcntl(fed ? input[1] : output[0], F_SETPIPE_SZ, PIPE_SIZE); /* only costs speed */
        os_error = spawn(&process->pid, &child);
    }
    if (os_error == 0) {
        process->handle = pidfd_open(process->pid, 0);
        os_error = process->handle < 0 ? errno : 0;
    }
    return os_error == 0 ? STATUS_OK : fail_start(words[0], os_error, error);
}

enum status command_process_start(struct command_process *process, char *const *words,
                                  struct error *error)
{
    return start(process, words, false, -1, error);
}

enum status command_process_start_fed(struct command_process *process, char *const *words,
                                      int given, struct error *error)
{
    return start(process, words, true, given, error);
}

static void remember(struct command_process *process, const char *text, size_t size)
{
    size_t total = process->words_size + size;
    size_t surplus = total > sizeof process->words ? total - sizeof process->words : 0;
    memmove(process->words, process->words + surplus, process->words_size - surplus);
    memcpy(process->words + process->words_size - surplus, text, size);
    process->words_size = total - surplus;
}

/* What there is on standard error now; of a command that never stops complaining, a part. */
static void drain_errors(struct command_process *process)
{
    char text[COMMAND_WORDS_SIZE / 2];
    for (int i = 0; i < DRAIN_READS && process->errors >= 0; i++) {
        ssize_t got = read(process->errors, text, sizeof text);
        if (got > 0) {
            remember(process, text, (size_t)got);
        } else if (got == 0 || (errno != EINTR && errno != EAGAIN)) {
            file_close(&process->errors);
        } else if (errno == EAGAIN) {
            return;
        }
    }
}

/* Until the pipe can be used or the time is over; what the command says of errors is taken
 * meanwhile, or it would wait for us. */
static enum status wait_for(struct command_process *process, int pipe, short events, int wait_ms,
                            bool *ready, struct error *error)
{
    struct pollfd waiting[] = {{.fd = pipe, .events = events},
                               {.fd = process->errors, .events = POLLIN}};
    if (poll(waiting, LENGTH(waiting), wait_ms) < 0) {
        return errno == EINTR ? STATUS_OK
                              : error_set_errno(error, errno, _("waiting for the command failed"));
    }
    if (waiting[1].revents != 0) {
        drain_errors(process);
    }
    *ready = waiting[0].revents != 0;
    return STATUS_OK;
}

enum status command_process_write(struct command_process *process, const void *data, size_t size,
                                  int wait_ms, size_t *put, bool *closed, struct error *error)
{
    *put = 0;
    *closed = false;
    bool ready = false;
    enum status status = wait_for(process, process->input, POLLOUT, wait_ms, &ready, error);
    if (status != STATUS_OK || !ready) {
        return status;
    }
    ssize_t result = write(process->input, data, size);
    if (result < 0 && errno != EINTR && errno != EAGAIN && errno != EPIPE) {
        return error_set_errno(error, errno, _("the command could not be written to"));
    }
    *closed = result < 0 && errno == EPIPE;
    *put = result > 0 ? (size_t)result : 0;
    return STATUS_OK;
}

void command_process_end_input(struct command_process *process)
{
    file_close(&process->input);
}

enum status command_process_read(struct command_process *process, unsigned char *target,
                                 size_t size, int wait_ms, size_t *got, bool *ended,
                                 struct error *error)
{
    *got = 0;
    *ended = false;
    bool ready = false;
    enum status status = wait_for(process, process->output, POLLIN, wait_ms, &ready, error);
    if (status != STATUS_OK || !ready) {
        return status;
    }
    ssize_t result = read(process->output, target, size);
    if (result < 0 && errno != EINTR && errno != EAGAIN) {
        return error_set_errno(error, errno, _("the output of the command could not be read"));
    }
    *ended = result == 0;
    *got = result > 0 ? (size_t)result : 0;
    return STATUS_OK;
}

enum status command_process_wait(struct command_process *process, int wait_ms, bool *ended,
                                 struct command_end *end, struct error *error)
{
    *ended = false;
    struct pollfd waiting[] = {{.fd = process->handle, .events = POLLIN},
                               {.fd = process->errors, .events = POLLIN}};
    if (poll(waiting, LENGTH(waiting), wait_ms) < 0 && errno != EINTR) {
        return error_set_errno(error, errno, _("waiting for the command failed"));
    }
    drain_errors(process);
    int state;
    pid_t result = waitpid(process->pid, &state, WNOHANG);
    if (result < 0 && errno != EINTR) {
        int os_error = errno;
        process->pid = 0;
        return error_set_errno(error, os_error, _("how the command ended cannot be told"));
    }
    if (result <= 0) {
        return STATUS_OK;
    }
    process->pid = 0;
    drain_errors(process);
    *ended = true;
    end->by_signal = WIFSIGNALED(state);
    end->code = end->by_signal ? WTERMSIG(state) : WEXITSTATUS(state);
    return STATUS_OK;
}

void command_process_last_words(const struct command_process *process,
                                char words[COMMAND_WORDS_SIZE])
{
    size_t used = 0;
    bool line_over = false;
    size_t first = process->words_size > WORDS_SHOWN ? process->words_size - WORDS_SHOWN : 0;
    for (size_t i = first; i < process->words_size && used + 4 < COMMAND_WORDS_SIZE; i++) {
        char byte = process->words[i];
        if (byte == '\t') { /* would be shown as \011 */
            byte = ' ';
        }
        if (byte == '\n' || byte == '\r' || byte == '\0') {
            line_over = used > 0;
            continue;
        }
        if (line_over) {
            memcpy(words + used, " | ", 3);
            used += 3;
            line_over = false;
        }
        words[used++] = byte;
    }
    words[used] = '\0';
}

enum status command_process_judge(const struct command_process *process,
                                  const struct command_end *end, const char *program,
                                  struct error *error)
{
    if (!end->by_signal && end->code == 0) {
        return STATUS_OK;
    }
    char last[COMMAND_WORDS_SIZE];
    command_process_last_words(process, last);
    const char *colon = last[0] == '\0' ? "" : ": ";
    return end->by_signal
               ? error_set(error, STATUS_FAILED, 0,
                           _("the command %s was ended by signal %d (%s)%s%s"), program, end->code,
                           strsignal(end->code), colon, last)
               : error_set(error, STATUS_FAILED, 0, _("the command %s ended with exit code %d%s%s"),
                           program, end->code, colon, last);
}

/* The leader is not waited for before the last kill: until then its number, and so the group's,
 * cannot be given to anybody else. */
void command_process_stop(struct command_process *process)
{
    if (process->pid > 0) {
        kill(-process->pid, SIGTERM);
        struct pollfd waiting = {.fd = process->handle, .events = POLLIN};
        while (process->handle >= 0 && poll(&waiting, 1, STOP_MS) < 0 && errno == EINTR) {
        }
        kill(-process->pid, SIGKILL);
        while (waitpid(process->pid, NULL, 0) < 0 && errno == EINTR) {
        }
        process->pid = 0;
    }
    file_close(&process->handle);
    file_close(&process->input);
    file_close(&process->output);
    file_close(&process->errors);
    *process = COMMAND_PROCESS_NONE;
}
