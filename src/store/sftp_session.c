/* sftp_session: makes a connection in the one order that is safe (connect, agree on methods, verify
 * the host, only then log in), and waits for it with a deadline. */
#include "sftp_session.h"
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Fewer bytes than this between two looks are no progress: a server that drips must not hold us. */
#define PROGRESS_BYTES 1024
/* So much for one call, and dripping ends too. No call of ours moves more. */
#define PROGRESS_LIMIT ((uint64_t)256 * 1024 * 1024)
/* And for one call before the files are open: banners, keys, the login. */
#define OPENING_LIMIT ((uint64_t)256 * 1024)

static void library_start(void)
{
    sftp_keystream_prefer();
    /* Cannot fail in a way that a later call would not report. */
    (void)libssh2_init(0);
}

static ssize_t receive(libssh2_socket_t fd, void *buffer, size_t size, int flags, void **abstract)
{
    struct sftp_session *session = *abstract;
    ssize_t count = recv(fd, buffer, size, flags);
    if (count < 0) {
        if (errno == EAGAIN || errno == EINTR) {
            return -EAGAIN;
        }
        session->failure = SFTP_LOST;
        return -errno;
    }
    if (count == 0) {
        session->failure = SFTP_LOST;
        return 0;
    }
    session->moved += (uint64_t)count;
    if (session->moved > (session->sftp == NULL ? OPENING_LIMIT : PROGRESS_LIMIT)) {
        /* libssh2 would read an endless banner for ever, and never come to wait. */
        session->failure = SFTP_BAD;
        return -EPROTO;
    }
    size_t room = sizeof session->heard - session->heard_size;
    size_t take = (size_t)count < room ? (size_t)count : room;
    memcpy(session->heard + session->heard_size, buffer, take);
    session->heard_size += take;
    return count;
}

static ssize_t transmit(libssh2_socket_t fd, const void *buffer, size_t size, int flags,
                        void **abstract)
{
    struct sftp_session *session = *abstract;
    ssize_t count = send(fd, buffer, size, flags | MSG_NOSIGNAL);
    if (count < 0) {
        if (errno == EAGAIN || errno == EINTR) {
            return -EAGAIN;
        }
        session->failure = SFTP_LOST;
        return -errno;
    }
    session->moved += (uint64_t)count;
    return count;
}

/* libssh2 drops the packet and would go on; what it then says is not the cause. */
static int on_bad_mac(LIBSSH2_SESSION *ssh, const char *packet, int size, void **abstract)
{
    (void)ssh;
    (void)packet;
    (void)size;
    struct sftp_session *session = *abstract;
    session->failure = SFTP_BAD;
    return -1;
}

void sftp_session_begin(struct sftp_session *session)
{
    session->moved = 0;
    session->seen = 0;
    session->deadline = clock_monotonic() + session->config->deadline_seconds;
}

/* sftp-server can die while sshd lives on: then nothing more comes, and nothing says so but this.
 */
static bool channel_ended(const struct sftp_session *session)
{
    LIBSSH2_CHANNEL *channel =
        session->sftp == NULL ? NULL : libssh2_sftp_get_channel(session->sftp);
    return channel != NULL && libssh2_channel_eof(channel) != 0;
}

bool sftp_session_wait(struct sftp_session *session)
{
    if (session->failure != SFTP_SOUND) {
        return false;
    }
    if (channel_ended(session)) {
        session->failure = SFTP_LOST;
        return false;
    }
    double now = clock_monotonic();
    /* Until the files are open each step is short, and has to be done within the deadline. */
    if (session->sftp != NULL && session->moved - session->seen >= PROGRESS_BYTES &&
        session->moved < PROGRESS_LIMIT) {
        session->seen = session->moved;
        session->deadline = now + session->config->deadline_seconds;
    }
    double left = session->deadline - now;
    if (left <= 0) {
        session->failure = SFTP_SILENT;
        return false;
    }
    int directions = libssh2_session_block_directions(session->ssh);
    struct pollfd wait = {.fd = session->fd, .events = POLLIN};
    if ((directions & LIBSSH2_SESSION_BLOCK_OUTBOUND) != 0) {
        wait.events |= POLLOUT;
    }
    if (poll(&wait, 1, (int)((left < 3600 ? left : 3600) * 1000) + 1) < 0 && errno != EINTR) {
        session->failure = SFTP_LOST;
        return false;
    }
    return true;
}

/* libssh2's prototype for every callback is a plain pointer. */
static void set_callback(LIBSSH2_SESSION *ssh, int which, void (*function)(void))
{
    void *pointer;
    memcpy(&pointer, &function, sizeof pointer);
    libssh2_session_callback_set(ssh, which, pointer);
}

static enum status start_library(struct sftp_session *session, struct error *error)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, library_start);
    session->ssh = libssh2_session_init_ex(NULL, NULL, NULL, session);
    if (session->ssh == NULL) {
        return error_set_memory(error);
    }
    set_callback(session->ssh, LIBSSH2_CALLBACK_RECV, (void (*)(void))receive);
    set_callback(session->ssh, LIBSSH2_CALLBACK_SEND, (void (*)(void))transmit);
    set_callback(session->ssh, LIBSSH2_CALLBACK_MACERROR, (void (*)(void))on_bad_mac);
    libssh2_session_set_blocking(session->ssh, 0);
    return STATUS_OK;
}

static enum status handshake_failed(struct sftp_session *session, struct error *error)
{
    /* Before it looks like a lost connection: a server that has nothing in common with us hangs up
     * as well. */
    enum status status = sftp_methods_diagnose(session->heard, session->heard_size, error);
    if (status != STATUS_OK) {
        return status;
    }
    if (session->failure == SFTP_SOUND) {
        session->failure = SFTP_BAD;
    }
    char complaint[256];
    sftp_process_complaint(&session->jump, complaint, sizeof complaint);
    status = sftp_error_broken(session, error);
    if (complaint[0] != '\0') {
        status = error_add_context(error, _("ssh to the jump host says: %s"), complaint);
    }
    return status;
}

static enum status check_host(const struct sftp_session *session,
                              const struct sftp_known_hosts *known, struct error *error)
{
    size_t size = 0;
    int type = 0;
    const char *key = libssh2_session_hostkey(session->ssh, &size, &type);
    if (key == NULL) {
        return error_set(error, STATUS_UNAUTHENTIC, 0, "%s", _("the server shows no host key"));
    }
    return sftp_known_hosts_check(known, (const unsigned char *)key, size, error);
}

static enum status shake_hands(struct sftp_session *session, struct error *error)
{
    struct sftp_known_hosts *known = NULL;
    enum status status = sftp_known_hosts_new(&known, session->ssh, session->config, error);
    char preference[256];
    if (status == STATUS_OK) {
        sftp_known_hosts_preference(preference, sizeof preference, known);
        status = sftp_methods_set(session->ssh, preference, error);
    }
    if (status == STATUS_OK) {
        int result;
        SFTP_REPEAT(session, result, libssh2_session_handshake(session->ssh, session->fd));
        status = result == 0 ? check_host(session, known, error) : handshake_failed(session, error);
    }
    sftp_known_hosts_free(known);
    return status;
}

/* A refusal and a garbled answer look the same when SFTP does not start. A line that still carries
 * an answer was not the cause. */
static void test_line(struct sftp_session *session)
{
    LIBSSH2_CHANNEL *channel = NULL;
    if (session->failure == SFTP_SOUND) {
        SFTP_REPEAT_POINTER(session, channel, libssh2_channel_open_session(session->ssh));
    }
    if (channel == NULL && session->failure == SFTP_SOUND) {
        session->failure = SFTP_BAD;
    }
}

static enum status start_sftp(struct sftp_session *session, struct error *error)
{
    SFTP_REPEAT_POINTER(session, session->sftp, libssh2_sftp_init(session->ssh));
    if (session->sftp != NULL) {
        return STATUS_OK;
    }
    test_line(session);
    if (session->failure != SFTP_SOUND) {
        return sftp_error_broken(session, error);
    }
    error_set(error, STATUS_UNSUPPORTED, 0, "%s",
              _("the login works, but the server does not offer SFTP"));
    return error_set_hint(
        error, "%s",
        _("Ask the server's operator to allow SFTP for this login (Subsystem sftp "
          "internal-sftp)."));
}

static enum status open_steps(struct sftp_session *session, struct error *error)
{
    enum status status = sftp_connect(&session->fd, &session->jump, session->config, error);
    if (status == STATUS_OK) {
        status = start_library(session, error);
    }
    if (status == STATUS_OK) {
        status = shake_hands(session, error);
    }
    if (status == STATUS_OK) {
        status = sftp_login(session, error);
    }
    if (status == STATUS_OK) {
        status = start_sftp(session, error);
    }
    return status;
}

enum status sftp_session_open(struct sftp_session **session, const struct sftp_config *config,
                              struct error *error)
{
    *session = calloc(1, sizeof **session);
    if (*session == NULL) {
        return error_set_memory(error);
    }
    **session = (struct sftp_session){
        .config = config, .fd = -1, .jump = {.pid = -1, .socket = -1, .errors = -1}};
    enum status status = open_steps(*session, error);
    if (status != STATUS_OK) {
        sftp_session_close(*session);
        *session = NULL;
        return error_add_context(error, _("no connection to %s port %u"), config->address.host,
                                 config->address.port);
    }
    return STATUS_OK;
}

void sftp_session_close(struct sftp_session *session)
{
    if (session == NULL) {
        return;
    }
    if (session->fd >= 0) {
        /* First of all, or each step of taking down waits once more. */
        shutdown(session->fd, SHUT_RDWR);
    }
    for (int tries = 0; session->sftp != NULL && tries < SFTP_CLOSE_TRIES; tries++) {
        if (libssh2_sftp_shutdown(session->sftp) != LIBSSH2_ERROR_EAGAIN) {
            break;
        }
    }
    for (int tries = 0; session->ssh != NULL && tries < SFTP_CLOSE_TRIES; tries++) {
        if (libssh2_session_free(session->ssh) != LIBSSH2_ERROR_EAGAIN) {
            break;
        }
    }
    file_close(&session->fd);
    sftp_process_end(&session->jump);
    free(session);
}

enum status sftp_session_host_key(char **line, const struct sftp_session *session,
                                  struct error *error)
{
    size_t size = 0;
    int type = 0;
    const unsigned char *key =
        (const unsigned char *)libssh2_session_hostkey(session->ssh, &size, &type);
    /* The key has been checked: it starts with its type, and is not long. */
    size_t type_size = ((size_t)key[2] << 8) | key[3];
    size_t text_size = sodium_base64_ENCODED_LEN(size, sodium_base64_VARIANT_ORIGINAL);
    CLEANUP(memory_free) char *text = malloc(text_size);
    if (text == NULL) {
        return error_set_memory(error);
    }
    sodium_bin2base64(text, text_size, key, size, sodium_base64_VARIANT_ORIGINAL);
    if (asprintf(line, "%.*s %s", (int)type_size, (const char *)key + 4, text) < 0) {
        *line = NULL;
        return error_set_memory(error);
    }
    return STATUS_OK;
}
