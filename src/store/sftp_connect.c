/* sftp_connect: the line to the server, by TCP or through `ssh -W`, with the kernel set up to
 * notice a dead one (libssh2's own keepalive would shorten its waits). */
#include "sftp_session.h"
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define KEEPALIVE_IDLE_SECONDS 30
#define KEEPALIVE_INTERVAL_SECONDS 10
#define KEEPALIVE_PROBES 5

static void set_option(int fd, int level, int option, int value)
{
    /* Best effort: without one of these the deadline of every wait still holds. */
    (void)setsockopt(fd, level, option, &value, sizeof value);
}

static void tune(int fd, unsigned deadline_seconds)
{
    set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_IDLE_SECONDS);
    set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_INTERVAL_SECONDS);
    set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_PROBES);
    set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT,
               deadline_seconds < 86400 ? (int)deadline_seconds * 1000 : 86400000);
}

/* Waits for a connect under way; 0 or an errno. */
static int wait_connected(int fd, const struct sftp_config *config)
{
    double until = clock_monotonic() + config->deadline_seconds;
    for (;;) {
        double left = until - clock_monotonic();
        if (left <= 0 || !sftp_config_go_on(config)) {
            return ETIMEDOUT;
        }
        struct pollfd wait = {.fd = fd, .events = POLLOUT};
        int result =
            poll(&wait, 1,
                 (int)((left < SFTP_WAITING_SECONDS ? left : SFTP_WAITING_SECONDS) * 1000) + 1);
        if (result < 0 && errno != EINTR) {
            return errno;
        }
        if (result > 0) {
            int reason = 0;
            socklen_t size = sizeof reason;
            return getsockopt(fd, SOL_SOCKET, SO_ERROR, &reason, &size) == 0 ? reason : errno;
        }
    }
}

static int connect_address(int *fd, const struct addrinfo *address,
                           const struct sftp_config *config)
{
    *fd = socket(address->ai_family, address->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK,
                 address->ai_protocol);
    if (*fd < 0) {
        return errno;
    }
    int reason = 0;
    if (connect(*fd, address->ai_addr, address->ai_addrlen) != 0) {
        reason = errno == EINPROGRESS || errno == EINTR ? wait_connected(*fd, config) : errno;
    }
    if (reason != 0) {
        file_close(fd);
    }
    return reason;
}

static enum status resolve(struct addrinfo **addresses, const struct sftp_config *config,
                           struct error *error)
{
    char port[16];
    snprintf(port, sizeof port, "%u", config->address.port);
    struct addrinfo wanted = {.ai_family = AF_UNSPEC,
                              .ai_socktype = SOCK_STREAM,
                              .ai_flags = AI_ADDRCONFIG | AI_NUMERICSERV};
    int result = getaddrinfo(config->address.host, port, &wanted, addresses);
    if (result == EAI_SYSTEM) {
        return error_set(error, STATUS_UNREACHABLE, errno, _("the name %s cannot be resolved"),
                         config->address.host);
    }
    if (result != 0) {
        error_set(error, STATUS_UNREACHABLE, 0, _("the name %s cannot be resolved: %s"),
                  config->address.host, gai_strerror(result));
        return error_set_hint(error, "%s",
                              _("Check the spelling of the host's name and the network."));
    }
    return STATUS_OK;
}

static enum status connect_tcp(int *fd, const struct sftp_config *config, struct error *error)
{
    struct addrinfo *addresses = NULL;
    enum status status = resolve(&addresses, config, error);
    if (status != STATUS_OK) {
        return status;
    }
    int reason = EADDRNOTAVAIL;
    for (const struct addrinfo *at = addresses; at != NULL && *fd < 0; at = at->ai_next) {
        reason = connect_address(fd, at, config);
    }
    freeaddrinfo(addresses);
    if (*fd < 0) {
        error_set(error, STATUS_UNREACHABLE, reason, _("%s does not answer on port %u"),
                  config->address.host, config->address.port);
        return error_set_hint(error, "%s",
                              _("Check the network, the port, and whether the server is running."));
    }
    tune(*fd, config->deadline_seconds);
    return STATUS_OK;
}

/* "a,b,c" means through a, then b, then c to the host: -J takes all but the last, which is the
 * machine that ssh itself logs in to. */
static enum status connect_jump(int *fd, struct sftp_process *jump,
                                const struct sftp_config *config, struct error *error)
{
    CLEANUP(memory_free) char *target = NULL;
    CLEANUP(memory_free) char *last = NULL;
    CLEANUP(memory_free) char *before = NULL;
    char patience[48];
    snprintf(patience, sizeof patience, "ConnectTimeout=%u", config->deadline_seconds);
    const char *comma = strrchr(config->jump, ',');
    const char *name = comma == NULL ? config->jump : comma + 1;
    if (asprintf(&target, "[%s]:%u", config->address.host, config->address.port) < 0) {
        target = NULL;
        return error_set_memory(error);
    }
    if (asprintf(&last, "%s%s", strncmp(name, "ssh://", 6) == 0 ? "" : "ssh://", name) < 0) {
        last = NULL;
        return error_set_memory(error);
    }
    if (comma != NULL && (before = strndup(config->jump, (size_t)(comma - config->jump))) == NULL) {
        return error_set_memory(error);
    }
    const char *argv[20] = {"ssh", "-o", "BatchMode=yes", "-o", "LogLevel=ERROR", "-o", patience};
    size_t count = 7;
    if (config->ssh_config != NULL) {
        argv[count++] = "-F";
        argv[count++] = config->ssh_config;
    }
    if (before != NULL) {
        argv[count++] = "-J";
        argv[count++] = before;
    }
    argv[count++] = "-W";
    argv[count++] = target;
    argv[count++] = "--";
    argv[count++] = last;
    argv[count] = NULL;
    enum status status = sftp_process_start(jump, argv, error);
    if (status == STATUS_OK) {
        *fd = jump->socket;
        fcntl(*fd, F_SETFL, O_NONBLOCK);
    }
    return status;
}

enum status sftp_connect(int *fd, struct sftp_process *jump, const struct sftp_config *config,
                         struct error *error)
{
    return config->jump != NULL ? connect_jump(fd, jump, config, error)
                                : connect_tcp(fd, config, error);
}
