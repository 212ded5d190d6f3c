/* gate_listen: the gate as a service on a Unix socket. systemd hands over the socket, or it is made
 * here. Every connection is served by a process of its own, so that one cannot harm another. */
#include "gate_private.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SYSTEMD_FIRST_FD 3
#define BACKLOG 16

/* sd_listen_fds(3): LISTEN_PID is ours and LISTEN_FDS is 1. */
static int inherited_socket(void)
{
    const char *pid = getenv("LISTEN_PID"), *count = getenv("LISTEN_FDS");
    return pid != NULL && count != NULL && strtol(pid, NULL, 10) == (long)getpid() &&
                   strcmp(count, "1") == 0
               ? SYSTEMD_FIRST_FD
               : -1;
}

static enum status make_socket(int *fd, const char *path, struct error *error)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path) {
        return error_set(error, STATUS_USAGE, 0, _("the socket's path %s is too long"), path);
    }
    memcpy(address.sun_path, path, strlen(path) + 1);
    *fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    /* A socket that nobody listens on is left over from an earlier service. */
    if (*fd >= 0 && connect(*fd, (struct sockaddr *)&address, sizeof address) == 0) {
        return error_set(error, STATUS_LOCKED, 0, _("a gate listens on %s already"), path);
    }
    struct stat there;
    if (lstat(path, &there) == 0 && S_ISSOCK(there.st_mode)) {
        unlink(path);
    }
    mode_t before = umask(0117); /* 0660: the group may connect; who it is, the gate asks */
    bool bound = *fd >= 0 && bind(*fd, (struct sockaddr *)&address, sizeof address) == 0;
    umask(before);
    return bound && listen(*fd, BACKLOG) == 0
               ? STATUS_OK
               : error_set_errno(error, errno, _("cannot listen on %s"), path);
}

static volatile sig_atomic_t stopped;

static void on_stop(int number)
{
    (void)number;
    stopped = 1;
}

static void catch_stop(void)
{
    struct sigaction stop = {.sa_handler = on_stop};
    struct sigaction children = {.sa_handler = SIG_IGN, .sa_flags = SA_NOCLDWAIT};
    sigaction(SIGTERM, &stop, NULL);
    sigaction(SIGINT, &stop, NULL);
    sigaction(SIGCHLD, &children, NULL);
}

/* In the child: serves, and tells its trouble to the journal. */
static void serve_and_exit(int connection, const struct gate_host *host)
{
    struct error error = {0};
    struct sigaction usual = {.sa_handler = SIG_DFL};
    sigaction(SIGTERM, &usual, NULL);
    sigaction(SIGINT, &usual, NULL);
    sigaction(SIGCHLD, &usual, NULL);
    enum status status = gate_serve(connection, host, &error);
    if (status != STATUS_OK) {
        fprintf(stderr, "kura: %s\n", error.message);
    }
    _exit(status == STATUS_OK ? 0 : 1);
}

static enum status accept_all(int listening, const struct gate_host *host, struct error *error)
{
    while (!stopped) {
        CLEANUP(file_close) int connection = accept4(listening, NULL, NULL, SOCK_CLOEXEC);
        if (connection < 0) {
            if (errno == EINTR || errno == ECONNABORTED) {
                continue;
            }
            return error_set_errno(error, errno, "%s", _("the gate cannot take connections"));
        }
        pid_t child = fork();
        if (child == 0) {
            close(listening);
            serve_and_exit(connection, host);
        }
        if (child < 0) {
            /* Whoever opens too many connections must not end the service for the others. */
            struct error full = {0};
            error_set_errno(&full, errno, "%s", _("the gate cannot start a process"));
            fprintf(stderr, "kura: %s\n", full.message);
            nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
        }
    }
    return STATUS_OK;
}

enum status gate_listen(const char *socket_path, const struct gate_host *host, struct error *error)
{
    CLEANUP(file_close) int listening = inherited_socket();
    if (listening < 0 && socket_path == NULL) {
        return error_set(error, STATUS_USAGE, 0, "%s",
                         _("there is no socket: name one with gate: in the configuration"));
    }
    enum status status = listening >= 0 ? STATUS_OK : make_socket(&listening, socket_path, error);
    if (status != STATUS_OK) {
        return status;
    }
    catch_stop();
    return accept_all(listening, host, error);
}
