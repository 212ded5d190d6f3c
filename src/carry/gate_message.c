/* gate_message: see gate_message.h. */
#include "gate_message.h"
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define HEAD_SIZE 4
#define MESSAGE_SECONDS 60 /* from the first byte of a message to its last */

void gate_message_free(struct gate_message *message)
{
    json_decref(message->json);
    for (size_t i = 0; i < GATE_DESCRIPTORS; i++) {
        file_close(&message->fds[i]);
    }
    message->json = NULL;
}

static enum status fail_io(struct error *error)
{
    if (errno == EAGAIN || errno == EWOULDBLOCK) {
        return error_set(error, STATUS_UNREACHABLE, 0, "%s",
                         _("the other side of the gate does not answer"));
    }
    return error_set(error, STATUS_UNREACHABLE, errno, "%s",
                     _("the connection to the gate is broken"));
}

enum status gate_malformed(struct error *error)
{
    return error_set(error, STATUS_CORRUPT, 0, "%s", _("a message to the gate is malformed"));
}

/* ------------------------------------------------------------------ sending */

static enum status send_rest(int connection, const unsigned char *data, size_t size,
                             struct error *error)
{
    while (size > 0) {
        ssize_t sent = send(connection, data, size, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) {
            continue;
        }
        if (sent <= 0) {
            return fail_io(error);
        }
        data += sent;
        size -= (size_t)sent;
    }
    return STATUS_OK;
}

/* The first byte takes the descriptors along. */
static enum status send_first(int connection, const unsigned char *data, const int *fds,
                              size_t fd_count, struct error *error)
{
    union {
        char bytes[CMSG_SPACE(sizeof(int) * GATE_DESCRIPTORS)];
        struct cmsghdr align;
    } control = {0};
    unsigned char first = data[0];
    struct iovec piece = {.iov_base = &first, .iov_len = 1};
    struct msghdr header = {.msg_iov = &piece, .msg_iovlen = 1};
    if (fd_count > 0) {
        header.msg_control = control.bytes;
        header.msg_controllen = CMSG_SPACE(sizeof(int) * fd_count);
        struct cmsghdr *part = CMSG_FIRSTHDR(&header);
        part->cmsg_level = SOL_SOCKET;
        part->cmsg_type = SCM_RIGHTS;
        part->cmsg_len = CMSG_LEN(sizeof(int) * fd_count);
        memcpy(CMSG_DATA(part), fds, sizeof(int) * fd_count);
    }
    ssize_t sent;
    do {
        sent = sendmsg(connection, &header, MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    return sent == 1 ? STATUS_OK : fail_io(error);
}

enum status gate_send(int connection, json_t *json, const int *fds, size_t fd_count,
                      struct error *error)
{
    CLEANUP(buffer_free) struct buffer bytes = {0};
    CLEANUP(memory_free) char *text = json == NULL ? NULL : json_dumps(json, JSON_COMPACT);
    json_decref(json);
    if (text == NULL) {
        return error_set(error, STATUS_FAILED, 0, "%s", _("a name is not valid UTF-8 text"));
    }
    size_t size = strlen(text);
    if (size > GATE_MESSAGE_LIMIT || fd_count > GATE_DESCRIPTORS) {
        return error_set(error, STATUS_FAILED, 0, "%s", _("a message to the gate is too large"));
    }
    enum status status = buffer_append_u32(&bytes, (uint32_t)size, error);
    if (status == STATUS_OK) {
        status = buffer_append(&bytes, text, size, error);
    }
    if (status == STATUS_OK) {
        status = send_first(connection, bytes.data, fds, fd_count, error);
    }
    return status == STATUS_OK ? send_rest(connection, bytes.data + 1, bytes.size - 1, error)
                               : status;
}

/* ------------------------------------------------------------------ receiving */

/* Whoever began a message must end it: one byte now and then would hold the gate's lock for ever.
 */
static bool wait_for_more(int connection, double deadline)
{
    double left = deadline - clock_monotonic();
    struct pollfd waiting = {.fd = connection, .events = POLLIN};
    return left > 0 && poll(&waiting, 1, (int)(left * 1000) + 1) != 0;
}

static enum status receive_all(int connection, unsigned char *data, size_t size, double deadline,
                               struct error *error)
{
    while (size > 0) {
        if (!wait_for_more(connection, deadline)) {
            errno = EAGAIN;
            return fail_io(error);
        }
        ssize_t got = recv(connection, data, size, 0);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got == 0) {
            return error_set(error, STATUS_UNREACHABLE, 0, "%s",
                             _("the other side of the gate ended in the middle of a message"));
        }
        if (got < 0) {
            return fail_io(error);
        }
        data += got;
        size -= (size_t)got;
    }
    return STATUS_OK;
}

/* More descriptors than there may be are closed. */
static void take_descriptors(struct gate_message *message, struct msghdr *header)
{
    size_t taken = 0;
    for (struct cmsghdr *part = CMSG_FIRSTHDR(header); part != NULL;
         part = CMSG_NXTHDR(header, part)) {
        if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) {
            continue;
        }
        size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < count; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(part) + i * sizeof fd, sizeof fd);
            if (taken < GATE_DESCRIPTORS) {
                message->fds[taken++] = fd;
            } else {
                close(fd);
            }
        }
    }
}

static enum status receive_first(struct gate_message *message, int connection, unsigned char *first,
                                 struct error *error)
{
    unsigned char byte = 0;
    union {
        char bytes[CMSG_SPACE(sizeof(int) * GATE_DESCRIPTORS)];
        struct cmsghdr align;
    } control = {0};
    struct iovec piece = {.iov_base = &byte, .iov_len = 1};
    struct msghdr header = {.msg_iov = &piece,
                            .msg_iovlen = 1,
                            .msg_control = control.bytes,
                            .msg_controllen = sizeof control.bytes};
    ssize_t got;
    do {
        got = recvmsg(connection, &header, MSG_CMSG_CLOEXEC);
    } while (got < 0 && errno == EINTR);
    if (got < 0) {
        return fail_io(error);
    }
    take_descriptors(message, &header);
    *first = byte;
    return got == 1 ? STATUS_OK
                    : error_set(error, STATUS_NOT_FOUND, 0, "%s",
                                _("the other side of the gate has ended"));
}

static enum status receive_json(struct gate_message *message, int connection, size_t size,
                                double deadline, struct error *error)
{
    CLEANUP(memory_free) char *text = malloc(size + 1);
    if (text == NULL) {
        return error_set_memory(error);
    }
    enum status status = receive_all(connection, (unsigned char *)text, size, deadline, error);
    if (status != STATUS_OK) {
        return status;
    }
    message->json = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
    return json_is_object(message->json) ? STATUS_OK : gate_malformed(error);
}

enum status gate_receive(struct gate_message *message, int connection, struct error *error)
{
    unsigned char head[HEAD_SIZE];
    *message = (struct gate_message){.fds = {-1, -1}};
    enum status status = receive_first(message, connection, head, error);
    const double deadline = clock_monotonic() + MESSAGE_SECONDS;
    if (status == STATUS_OK) {
        status = receive_all(connection, head + 1, HEAD_SIZE - 1, deadline, error);
    }
    struct cursor cursor = {head, HEAD_SIZE};
    uint32_t size = 0;
    if (status == STATUS_OK &&
        (!cursor_u32(&cursor, &size) || size > GATE_MESSAGE_LIMIT || size == 0)) {
        status = gate_malformed(error);
    }
    if (status == STATUS_OK) {
        status = receive_json(message, connection, size, deadline, error);
    }
    if (status != STATUS_OK) {
        gate_message_free(message);
    }
    return status;
}

/* ------------------------------------------------------------------ errors and members */

json_t *gate_error_json(const struct error *error)
{
    return json_pack("{s:i,s:s,s:s}", "error", (int)error->status, "message", error->message,
                     "hint", error->hint);
}

enum status gate_error_take(const json_t *answer, struct error *error)
{
    const json_t *code = json_object_get(answer, "error");
    if (code == NULL) {
        return STATUS_OK;
    }
    const char *message = json_string_value(json_object_get(answer, "message"));
    const char *hint = json_string_value(json_object_get(answer, "hint"));
    json_int_t value = json_integer_value(code);
    enum status status =
        value > STATUS_OK && value <= STATUS_REFUSED ? (enum status)value : STATUS_FAILED;
    error_set(error, status, 0, "%s", message == NULL ? "?" : message);
    return hint == NULL || hint[0] == '\0' ? status : error_set_hint(error, "%s", hint);
}

const char *gate_text(const json_t *json, const char *name, size_t limit)
{
    const json_t *value = json_object_get(json, name);
    const char *text = json_string_value(value);
    return text != NULL && json_string_length(value) <= limit ? text : NULL;
}
