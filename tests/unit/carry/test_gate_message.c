/* gate_message: whole messages whatever the pieces, bounded, and no descriptor is ever left open.
 */
#include "carry_world.h"
#include "carry/gate_message.h"
#include <dirent.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

struct ends {
    int ours, theirs;
};

static int make(void **state)
{
    static struct ends ends;
    int both[2];
    struct error error = {0};
    if (base_start(&error) != STATUS_OK ||
        socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, both) != 0) {
        return -1;
    }
    ends = (struct ends){both[0], both[1]};
    *state = &ends;
    return 0;
}

static int drop(void **state)
{
    struct ends *ends = *state;
    file_close(&ends->ours);
    file_close(&ends->theirs);
    return 0;
}

static unsigned open_descriptors(void)
{
    unsigned count = 0;
    DIR *listing = opendir("/proc/self/fd");
    assert_non_null(listing);
    while (readdir(listing) != NULL) {
        count++;
    }
    closedir(listing);
    return count;
}

static void test_round_trip(void **state)
{
    const struct ends *ends = *state;
    struct error must_error = {0};
    int pair[2];
    assert_int_equal(pipe(pair), 0);
    const unsigned before = open_descriptors();
    MUST(gate_send(ends->ours, json_pack("{s:s}", "step", "日本"), pair, 2, &must_error));
    MUST(gate_send(ends->ours, json_pack("{s:i}", "n", 7), NULL, 0, &must_error));
    {
        CLEANUP(gate_message_free) struct gate_message first, second;
        MUST(gate_receive(&first, ends->theirs, &must_error));
        MUST(gate_receive(&second, ends->theirs, &must_error));
        assert_string_equal(gate_text(first.json, "step", 6), "日本");
        assert_null(gate_text(first.json, "step", 5)); /* longer than it may be */
        assert_null(gate_text(first.json, "other", 6));
        assert_null(gate_text(second.json, "n", 6));
        assert_int_equal(json_integer_value(json_object_get(second.json, "n")), 7);
        assert_true(first.fds[0] >= 0 && first.fds[1] >= 0);
        assert_int_equal(second.fds[0], -1);
        assert_true((fcntl(first.fds[0], F_GETFD) & FD_CLOEXEC) != 0);
        assert_int_equal(write(first.fds[1], "x", 1), 1);
        char byte;
        assert_int_equal(read(first.fds[0], &byte, 1), 1);
    }
    assert_int_equal(open_descriptors(), before);
    close(pair[0]);
    close(pair[1]);
}

struct feed {
    int fd;
    const char *bytes;
    size_t size;
};

/* One byte at a time. */
static void *drip(void *context)
{
    const struct feed *feed = context;
    for (size_t i = 0; i < feed->size; i++) {
        if (send(feed->fd, feed->bytes + i, 1, MSG_NOSIGNAL) != 1) {
            break;
        }
    }
    return NULL;
}

static void test_pieces(void **state)
{
    const struct ends *ends = *state;
    struct error must_error = {0};
    static const char bytes[] = "\x0c\x00\x00\x00{\"step\":\"a\"}\x0c\x00\x00\x00{\"step\":\"b\"}";
    struct feed feed = {ends->ours, bytes, sizeof bytes - 1};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, drip, &feed), 0);
    for (const char *wanted = "ab"; *wanted != '\0'; wanted++) {
        CLEANUP(gate_message_free) struct gate_message message;
        MUST(gate_receive(&message, ends->theirs, &must_error));
        assert_int_equal(*gate_text(message.json, "step", 1), *wanted);
    }
    pthread_join(thread, NULL);
}

static void *send_large(void *context)
{
    struct feed *feed = context;
    struct error error = {0};
    enum status status =
        gate_send(feed->fd, json_pack("{s:s%}", "x", feed->bytes, feed->size), NULL, 0, &error);
    return status == STATUS_OK ? NULL : feed;
}

static void test_large(void **state)
{
    const struct ends *ends = *state;
    struct error must_error = {0}, error = {0};
    CLEANUP(memory_free) char *text = malloc(GATE_MESSAGE_LIMIT);
    CLEANUP(gate_message_free) struct gate_message message = {.fds = {-1, -1}};
    void *failed = NULL;
    pthread_t thread;
    assert_non_null(text);
    memset(text, 'a', GATE_MESSAGE_LIMIT);
    struct feed feed = {ends->ours, text, GATE_MESSAGE_LIMIT - 8}; /* {"x":""} */
    assert_int_equal(pthread_create(&thread, NULL, send_large, &feed), 0);
    MUST(gate_receive(&message, ends->theirs, &must_error));
    pthread_join(thread, &failed);
    assert_null(failed);
    assert_int_equal(json_string_length(json_object_get(message.json, "x")), feed.size);
    assert_int_not_equal(
        gate_send(ends->ours, json_pack("{s:s%}", "x", text, feed.size + 1), NULL, 0, &error),
        STATUS_OK);
}

static enum status receive_bytes(const struct ends *ends, const void *bytes, size_t size)
{
    CLEANUP(gate_message_free) struct gate_message message = {.fds = {-1, -1}};
    struct error error = {0};
    assert_int_equal(send(ends->ours, bytes, size, MSG_NOSIGNAL), size);
    assert_int_equal(shutdown(ends->ours, SHUT_WR), 0);
    return gate_receive(&message, ends->theirs, &error);
}

static void test_ends(void **state)
{
    static const struct {
        const char *bytes;
        size_t size;
        enum status status;
    } cases[] = {
        {"", 0, STATUS_NOT_FOUND}, /* between messages: no error of the connection */
        {"\x0c", 1, STATUS_UNREACHABLE},
        {"\x0c\x00\x00\x00", 4, STATUS_UNREACHABLE},
        {"\x0c\x00\x00\x00{\"step\":", 12, STATUS_UNREACHABLE},
        {"\x00\x00\x00\x00", 4, STATUS_CORRUPT},
        {"\x01\x00\x40\x00", 4, STATUS_CORRUPT}, /* one byte beyond the limit */
        {"\xff\xff\xff\xff", 4, STATUS_CORRUPT},
        {"\x02\x00\x00\x00[]", 6, STATUS_CORRUPT},
        {"\x0d\x00\x00\x00{\"a\":1,\"a\":2}", 17, STATUS_CORRUPT},
        {"\x03\x00\x00\x00{}x", 7, STATUS_CORRUPT},
    };
    for (size_t i = 0; i < LENGTH(cases); i++) {
        drop(state);
        assert_int_equal(make(state), 0);
        enum status status = receive_bytes(*state, cases[i].bytes, cases[i].size);
        if (status != cases[i].status) {
            fail_msg("case %zu: %d", i, (int)status);
        }
    }
}

/* More descriptors than there may be, and with a message that is refused: all are closed. */
static void test_too_many_descriptors(void **state)
{
    const struct ends *ends = *state;
    enum { MANY = 20 };
    int fds[MANY];
    struct error error = {0};
    union {
        char bytes[CMSG_SPACE(sizeof(int) * MANY)];
        struct cmsghdr align;
    } control;
    static const char *const messages[] = {"\x02\x00\x00\x00{}", "\x02\x00\x00\x00[]"};
    for (size_t i = 0; i < MANY; i++) {
        fds[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
        assert_true(fds[i] >= 0);
    }
    const unsigned before = open_descriptors();
    for (size_t i = 0; i < LENGTH(messages); i++) {
        CLEANUP(gate_message_free) struct gate_message message = {.fds = {-1, -1}};
        struct iovec piece = {.iov_base = (void *)(uintptr_t)messages[i], .iov_len = 6};
        struct msghdr header = {.msg_iov = &piece,
                                .msg_iovlen = 1,
                                .msg_control = control.bytes,
                                .msg_controllen = sizeof control.bytes};
        memset(&control, 0, sizeof control);
        struct cmsghdr *part = CMSG_FIRSTHDR(&header);
        *part = (struct cmsghdr){
            .cmsg_len = CMSG_LEN(sizeof fds), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
        memcpy(CMSG_DATA(part), fds, sizeof fds);
        assert_int_equal(sendmsg(ends->ours, &header, 0), 6);
        enum status status = gate_receive(&message, ends->theirs, &error);
        assert_int_equal(status, i == 0 ? STATUS_OK : STATUS_CORRUPT);
        assert_true(open_descriptors() <= before + (i == 0 ? GATE_DESCRIPTORS : 0));
    }
    assert_int_equal(open_descriptors(), before);
    for (size_t i = 0; i < MANY; i++) {
        close(fds[i]);
    }
}

static void test_errors_travel(void **state)
{
    (void)state;
    struct error sent = {0}, got = {0};
    error_set(&sent, STATUS_REFUSED, 0, "[rule] no");
    error_set_hint(&sent, "another way");
    json_t *answer = gate_error_json(&sent);
    assert_int_equal(gate_error_take(answer, &got), STATUS_REFUSED);
    assert_string_equal(got.message, "[rule] no");
    assert_string_equal(got.hint, "another way");
    json_decref(answer);
    /* What is no error of ours is one all the same. */
    static const char *const odd[] = {"{\"error\":0}", "{\"error\":999}", "{\"error\":\"x\"}",
                                      "{\"error\":-1,\"message\":7,\"hint\":7}"};
    for (size_t i = 0; i < LENGTH(odd); i++) {
        answer = json_loads(odd[i], 0, NULL);
        error_clear(&got);
        assert_int_equal(gate_error_take(answer, &got), STATUS_FAILED);
        json_decref(answer);
    }
    answer = json_object();
    assert_int_equal(gate_error_take(answer, &got), STATUS_OK);
    json_decref(answer);
}

/* Nobody reads, or nobody is there any more: an error, and no signal. */
static void test_closed(void **state)
{
    struct ends *ends = *state;
    struct error error = {0};
    file_close(&ends->theirs);
    assert_int_equal(gate_send(ends->ours, json_object(), NULL, 0, &error), STATUS_UNREACHABLE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, make, drop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(round_trip),           TEST(pieces),        TEST(large),  TEST(ends),
        TEST(too_many_descriptors), TEST(errors_travel), TEST(closed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
