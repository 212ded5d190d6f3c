/* sftp_process: runs ssh as a helper, never through a shell. The child gets a clean signal mask, a
 * session of its own (so that a Ctrl-C for us does not cut the line under us), and no descriptor
 * but the three. It is always waited for. */
#include "sftp_process.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define OUTPUT_LIMIT ((size_t)64 * 1024)

static int collect(pid_t pid)
{
    int state = 0;
    while (waitpid(pid, &state, 0) < 0) {
        if (errno != EINTR) {
            return -1;
        }
    }
    return WIFEXITED(state) ? WEXITSTATUS(state) : -1;
}

static int prepare(posix_spawnattr_t *attributes, posix_spawn_file_actions_t *actions,
                   const int descriptors[3])
{
    sigset_t none;
    sigset_t all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(attributes, &none);
    posix_spawnattr_setsigdefault(attributes, &all);
    int result = posix_spawnattr_setflags(
        attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSID);
    for (int i = 0; i < 3 && result == 0; i++) {
        result = posix_spawn_file_actions_adddup2(actions, descriptors[i], i);
    }
    return result;
}

static enum status spawn(pid_t *pid, const char *const argv[], const int descriptors[3],
                         struct error *error)
{
    /* posix_spawn does not write to the words, whatever its prototype says. */
    char *const *words;
    memcpy(&words, &argv, sizeof words);
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_t actions;
    int result = posix_spawnattr_init(&attributes);
    if (result != 0) {
        return error_set_errno(error, result, _("%s cannot be started"), argv[0]);
    }
    result = posix_spawn_file_actions_init(&actions);
    if (result == 0) {
        result = prepare(&attributes, &actions, descriptors);
        if (result == 0) {
            result = posix_spawnp(pid, argv[0], &actions, &attributes, words, environ);
        }
        posix_spawn_file_actions_destroy(&actions);
    }
    posix_spawnattr_destroy(&attributes);
    return result == 0 ? STATUS_OK
                       : error_set_errno(error, result, _("%s cannot be started"), argv[0]);
}

/* Reads one of the pipes; closes it at its end. */
static enum status drain(struct pollfd *pipe, struct buffer *content, struct error *error)
{
    char bytes[4096];
    ssize_t count = read(pipe->fd, bytes, sizeof bytes);
    if (count < 0 && (errno == EINTR || errno == EAGAIN)) {
        return STATUS_OK;
    }
    if (count <= 0) {
        file_close(&pipe->fd);
        return STATUS_OK;
    }
    if (content->size + (size_t)count > OUTPUT_LIMIT) {
        return error_set(error, STATUS_FAILED, 0, "%s", _("ssh writes without end"));
    }
    return buffer_append(content, bytes, (size_t)count, error);
}

static enum status read_both(struct pollfd pipes[2], struct buffer contents[2], double until,
                             struct error *error)
{
    while (pipes[0].fd >= 0 || pipes[1].fd >= 0) {
        double left = until - clock_monotonic();
        if (left <= 0) {
            return error_set(error, STATUS_UNREACHABLE, 0, "%s", _("ssh does not finish in time"));
        }
        if (poll(pipes, 2, (int)(left * 1000) + 1) < 0 && errno != EINTR) {
            return error_set_errno(error, errno, "%s", _("ssh cannot be listened to"));
        }
        for (int i = 0; i < 2; i++) {
            if (pipes[i].fd >= 0 && pipes[i].revents != 0) {
                enum status status = drain(&pipes[i], &contents[i], error);
                if (status != STATUS_OK) {
                    return status;
                }
            }
        }
    }
    return STATUS_OK;
}

static enum status capture(struct buffer contents[2], int *code, const char *const argv[],
                           double until, struct error *error)
{
    CLEANUP(file_close) int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
    int out[2] = {-1, -1};
    int err[2] = {-1, -1};
    if (nothing < 0 || pipe2(out, O_CLOEXEC) != 0 || pipe2(err, O_CLOEXEC) != 0) {
        int reason = errno;
        file_close(&out[0]);
        file_close(&out[1]);
        return error_set_errno(error, reason, _("%s cannot be started"), argv[0]);
    }
    pid_t pid = 0;
    enum status status = spawn(&pid, argv, (int[3]){nothing, out[1], err[1]}, error);
    file_close(&out[1]);
    file_close(&err[1]);
    struct pollfd pipes[2] = {{.fd = out[0], .events = POLLIN}, {.fd = err[0], .events = POLLIN}};
    if (status == STATUS_OK) {
        status = read_both(pipes, contents, until, error);
        if (status != STATUS_OK) {
            kill(pid, SIGKILL);
        }
        *code = collect(pid);
    }
    file_close(&pipes[0].fd);
    file_close(&pipes[1].fd);
    return status;
}

enum status sftp_process_capture(struct buffer *output, int *code, const char *const argv[],
                                 unsigned deadline_seconds, struct error *error)
{
    struct buffer contents[2] = {{0}, {0}};
    enum status status = capture(contents, code, argv, clock_monotonic() + deadline_seconds, error);
    if (status == STATUS_OK) {
        const struct buffer *wanted = &contents[*code == 0 ? 0 : 1];
        status = buffer_append(output, wanted->data, wanted->size, error);
    }
    buffer_free(&contents[0]);
    buffer_free(&contents[1]);
    return status;
}

enum status sftp_process_start(struct sftp_process *process, const char *const argv[],
                               struct error *error)
{
    *process = (struct sftp_process){.pid = -1, .socket = -1, .errors = -1};
    int ends[2] = {-1, -1};
    int err[2] = {-1, -1};
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0 ||
        pipe2(err, O_CLOEXEC) != 0) {
        int reason = errno;
        file_close(&ends[0]);
        file_close(&ends[1]);
        return error_set_errno(error, reason, _("%s cannot be started"), argv[0]);
    }
    fcntl(err[0], F_SETFL, O_NONBLOCK);
    enum status status = spawn(&process->pid, argv, (int[3]){ends[1], ends[1], err[1]}, error);
    file_close(&ends[1]);
    file_close(&err[1]);
    if (status != STATUS_OK) {
        file_close(&ends[0]);
        file_close(&err[0]);
        process->pid = -1;
        return status;
    }
    process->socket = ends[0];
    process->errors = err[0];
    return STATUS_OK;
}

void sftp_process_end(struct sftp_process *process)
{
    if (process->pid > 0) {
        kill(process->pid, SIGKILL);
        collect(process->pid);
        process->pid = -1;
    }
    file_close(&process->errors);
}

void sftp_process_complaint(const struct sftp_process *process, char *target, size_t size)
{
    char text[2048];
    ssize_t count = process->errors < 0 ? 0 : read(process->errors, text, sizeof text - 1);
    text[count > 0 ? count : 0] = '\0';
    size_t length = strlen(text);
    while (length > 0 && (text[length - 1] == '\n' || text[length - 1] == '\r')) {
        text[--length] = '\0';
    }
    const char *line = strrchr(text, '\n');
    line = line == NULL ? text : line + 1;
    size_t take = strnlen(line, size - 1);
    memcpy(target, line, take);
    target[take] = '\0';
}
