/* sftp_agent: asks an ssh-agent for its keys and for signatures
 * (draft-miller-ssh-agent), with a bound on every answer and one deadline for all of it. */
#include "sftp_login.h"
#include "sftp_wire.h"
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#define ANSWER_LIMIT ((size_t)256 * 1024)
#define REQUEST_IDENTITIES 11
#define IDENTITIES_ANSWER 12
#define SIGN_REQUEST 13
#define SIGN_RESPONSE 14

void sftp_agent_close(struct sftp_agent *agent)
{
    file_close(&agent->fd);
    buffer_free(&agent->answer);
}

static bool wait_for(const struct sftp_agent *agent, short events)
{
    for (;;) {
        double left = agent->until - clock_monotonic();
        if (left <= 0) {
            return false;
        }
        struct pollfd wait = {.fd = agent->fd, .events = events};
        int result = poll(&wait, 1, (int)((left < 3600 ? left : 3600) * 1000) + 1);
        if (result > 0) {
            return true;
        }
        if (result < 0 && errno != EINTR) {
            return false;
        }
    }
}

static bool send_all(const struct sftp_agent *agent, const unsigned char *data, size_t size)
{
    while (size > 0) {
        ssize_t count = send(agent->fd, data, size, MSG_NOSIGNAL);
        if (count > 0) {
            data += count;
            size -= (size_t)count;
        } else if ((errno != EAGAIN && errno != EINTR) || !wait_for(agent, POLLOUT)) {
            return false;
        }
    }
    return true;
}

static bool receive_all(const struct sftp_agent *agent, unsigned char *data, size_t size)
{
    while (size > 0) {
        ssize_t count = recv(agent->fd, data, size, 0);
        if (count > 0) {
            data += count;
            size -= (size_t)count;
        } else if (count == 0 || (errno != EAGAIN && errno != EINTR) || !wait_for(agent, POLLIN)) {
            return false;
        }
    }
    return true;
}

/* Sends a request and receives the answer into `answer`. */
static bool ask(struct sftp_agent *agent, struct buffer *answer, const struct buffer *request)
{
    unsigned char length[4];
    wire_put_u32(length, (uint32_t)request->size);
    if (!send_all(agent, length, sizeof length) || !send_all(agent, request->data, request->size) ||
        !receive_all(agent, length, sizeof length)) {
        return false;
    }
    struct cursor cursor = {.at = length, .left = sizeof length};
    uint32_t size = 0;
    struct error ignored = {0};
    buffer_clear(answer);
    if (!wire_take_u32(&cursor, &size) || size == 0 || size > ANSWER_LIMIT ||
        buffer_reserve(answer, size, &ignored) != STATUS_OK) {
        return false;
    }
    answer->size = size;
    return receive_all(agent, answer->data, size);
}

static bool key_usable(const unsigned char *blob, size_t size)
{
    struct cursor cursor = {.at = blob, .left = size};
    const unsigned char *type = NULL;
    size_t length = 0;
    static const char *const usable[] = {"ssh-ed25519", "ecdsa-sha2-nistp256",
                                         "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521"};
    if (!wire_take_string(&cursor, &type, &length)) {
        return false;
    }
    for (size_t i = 0; i < LENGTH(usable); i++) {
        if (strlen(usable[i]) == length && memcmp(usable[i], type, length) == 0) {
            return true;
        }
    }
    return false;
}

static bool list_keys(struct sftp_agent *agent, struct sftp_agent_key keys[SFTP_AGENT_KEYS],
                      size_t *count, bool *skipped)
{
    unsigned char code = REQUEST_IDENTITIES;
    struct buffer request = {.data = &code, .size = 1};
    if (!ask(agent, &agent->answer, &request)) {
        return false;
    }
    struct cursor cursor = {.at = agent->answer.data, .left = agent->answer.size};
    uint8_t type = 0;
    uint32_t left = 0;
    if (!cursor_u8(&cursor, &type) || type != IDENTITIES_ANSWER || !wire_take_u32(&cursor, &left)) {
        return false;
    }
    for (; left > 0; left--) {
        struct sftp_agent_key key = {0};
        const unsigned char *comment = NULL;
        size_t comment_size = 0;
        if (!wire_take_string(&cursor, &key.blob, &key.size) ||
            !wire_take_string(&cursor, &comment, &comment_size)) {
            return false;
        }
        if (!key_usable(key.blob, key.size)) {
            *skipped = true;
        } else if (*count < SFTP_AGENT_KEYS) {
            keys[(*count)++] = key;
        }
    }
    return true;
}

static enum status connect_agent(struct sftp_agent *agent, const char *path, struct error *error)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path) {
        return error_set(error, STATUS_FAILED, 0, _("the path of the ssh-agent is too long: %s"),
                         path);
    }
    memcpy(address.sun_path, path, strlen(path));
    agent->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (agent->fd < 0 ||
        connect(agent->fd, (const struct sockaddr *)&address, sizeof address) != 0) {
        return error_set(error, STATUS_FAILED, errno, _("the ssh-agent at %s does not answer"),
                         path);
    }
    return STATUS_OK;
}

enum status sftp_agent_open(struct sftp_agent *agent, struct sftp_agent_key keys[SFTP_AGENT_KEYS],
                            size_t *count, bool *skipped, const char *path,
                            unsigned deadline_seconds, struct error *error)
{
    *agent = (struct sftp_agent){.fd = -1, .until = clock_monotonic() + deadline_seconds};
    *count = 0;
    *skipped = false;
    enum status status = connect_agent(agent, path, error);
    if (status == STATUS_OK && !list_keys(agent, keys, count, skipped)) {
        status = error_set(error, STATUS_FAILED, 0, _("the ssh-agent at %s gives no keys"), path);
    }
    return status;
}

static bool make_request(struct buffer *request, const unsigned char *key, size_t key_size,
                         const unsigned char *data, size_t data_size)
{
    struct error ignored = {0};
    unsigned char key_length[4];
    unsigned char data_length[4];
    wire_put_u32(key_length, (uint32_t)key_size);
    wire_put_u32(data_length, (uint32_t)data_size);
    return buffer_append_u8(request, SIGN_REQUEST, &ignored) == STATUS_OK &&
           buffer_append(request, key_length, 4, &ignored) == STATUS_OK &&
           buffer_append(request, key, key_size, &ignored) == STATUS_OK &&
           buffer_append(request, data_length, 4, &ignored) == STATUS_OK &&
           buffer_append(request, data, data_size, &ignored) == STATUS_OK &&
           buffer_append_u32(request, 0, &ignored) == STATUS_OK; /* no flags */
}

bool sftp_agent_sign(unsigned char **signature, size_t *size, struct sftp_agent *agent,
                     const unsigned char *key, size_t key_size, const unsigned char *data,
                     size_t data_size)
{
    CLEANUP(buffer_free) struct buffer request = {0};
    CLEANUP(buffer_free) struct buffer answer = {0};
    if (!make_request(&request, key, key_size, data, data_size) || !ask(agent, &answer, &request)) {
        return false;
    }
    struct cursor cursor = {.at = answer.data, .left = answer.size};
    uint8_t type = 0;
    const unsigned char *whole = NULL;
    size_t whole_size = 0;
    if (!cursor_u8(&cursor, &type) || type != SIGN_RESPONSE ||
        !wire_take_string(&cursor, &whole, &whole_size)) {
        return false;
    }
    struct cursor inner = {.at = whole, .left = whole_size};
    const unsigned char *method = NULL;
    const unsigned char *bare = NULL;
    size_t method_size = 0;
    if (!wire_take_string(&inner, &method, &method_size) ||
        !wire_take_string(&inner, &bare, size) || *size == 0) {
        return false;
    }
    *signature = malloc(*size);
    if (*signature == NULL) {
        return false;
    }
    memcpy(*signature, bare, *size);
    return true;
}
