/* A line that breaks, hangs or is refused: the store comes back where it can, says so in time where
 * it cannot, and never leaves a wrong object under a name. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "support/sftp.h"
#include <dirent.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/time.h>

#define PACK ((size_t)32 * 1024 * 1024)

static struct sshd sshd;
static struct error error;
static unsigned char *pack;

static int start(void **state)
{
    (void)state;
    pack = malloc(PACK);
    for (size_t i = 0; i < PACK; i++) {
        pack[i] = (unsigned char)(i * 2654435761u >> 13);
    }
    return 0;
}

static int stop(void **state)
{
    (void)state;
    free(pack);
    return 0;
}

static int start_server(void **state)
{
    sshd_prepare(&sshd);
    sshd_shell("mkdir %s/packs", sshd.data);
    sshd_start(&sshd, *state);
    return 0;
}

static int stop_server(void **state)
{
    (void)state;
    sshd_remove(&sshd);
    return 0;
}

static struct store *open_store(unsigned deadline, unsigned retry)
{
    struct store_options options = {.url = sshd.url,
                                    .identity_file = sshd.identity,
                                    .known_hosts = sshd.known_hosts,
                                    .ssh_config = "none",
                                    .deadline_seconds = deadline,
                                    .retry_seconds = retry};
    struct store *store = NULL;
    error_clear(&error);
    sftp_expect(STATUS_OK, store_open(&store, &options, &error), &error, NULL);
    return store;
}

/* How often somebody logged in: whether the line really broke. */
static void expect_logins(unsigned least)
{
    sshd_shell("test $(grep -c 'Accepted publickey' %s/log) -ge %u", sshd.folder, least);
}

/* ---- someone who interferes once an upload has begun */

struct upload {
    struct store *store;
    const char *name;
    enum status status;
    struct error error;
    atomic_bool done;
};

static bool upload_begun(void)
{
    char path[160];
    snprintf(path, sizeof path, "%s/packs", sshd.data);
    DIR *folder = opendir(path);
    bool begun = false;
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        struct stat information;
        if (entry->d_name[0] != '.' &&
            fstatat(dirfd(folder), entry->d_name, &information, 0) == 0 &&
            information.st_size > 1000000) {
            begun = true;
        }
    }
    closedir(folder);
    return begun;
}

static void *upload(void *context)
{
    struct upload *at = context;
    at->status = store_put(at->store, at->name, pack, PACK, &at->error);
    atomic_store(&at->done, true);
    return NULL;
}

/* Puts the pack in another thread while `act` happens in the middle. */
static enum status put_with(struct store *store, const char *name, void (*act)(void))
{
    struct upload at = {.store = store, .name = name};
    pthread_t thread;
    pthread_create(&thread, NULL, upload, &at);
    for (int i = 0; i < 10000 && !upload_begun(); i++) {
        sshd_sleep(1);
    }
    bool late = atomic_load(&at.done);
    act();
    pthread_join(thread, NULL);
    assert_false(late);
    error = at.error;
    return at.status;
}

static const char *restart_lines;

static void kill_server(void)
{
    sshd_stop(&sshd);
}

static void restart_server(void)
{
    sshd_stop(&sshd);
    sshd_sleep(300);
    sshd_start(&sshd, restart_lines);
}

static void kill_sftp_server(void)
{
    sshd_signal_below(sshd.pid, "sftp-server", SIGKILL);
}

static void freeze_server(void)
{
    kill(sshd.pid, SIGSTOP);
    sshd_signal_below(sshd.pid, "", SIGSTOP);
}

static void thaw_server(void)
{
    sshd_signal_below(sshd.pid, "", SIGCONT);
    kill(sshd.pid, SIGCONT);
}

static void check_pack(struct store *store, const char *name)
{
    unsigned char *read = malloc(PACK);
    size_t got = 0;
    sftp_expect(STATUS_OK, store_get(store, name, 0, read, PACK, &got, &error), &error, NULL);
    assert_int_equal(got, PACK);
    assert_memory_equal(read, pack, PACK);
    free(read);
}

static void comes_back_in_the_middle_of_a_put(void **state)
{
    (void)state;
    restart_lines = SSHD_ORDINARY;
    struct store *store = open_store(10, 20);
    sftp_expect(STATUS_OK, put_with(store, "packs/a", restart_server), &error, NULL);
    expect_logins(2);
    check_pack(store, "packs/a");
    sshd_shell("test $(ls -A %s/packs) = a", sshd.data);
    store_free(store);
}

static void comes_back_to_read_and_list(void **state)
{
    (void)state;
    restart_lines = SSHD_ORDINARY;
    struct store *store = open_store(10, 20);
    char byte = 0;
    size_t got = 0;
    uint64_t size = 0;
    sftp_expect(STATUS_OK, store_put(store, "packs/a", "x", 1, &error), &error, NULL);
    sftp_expect(STATUS_OK, store_get(store, "packs/a", 0, &byte, 1, &got, &error), &error, NULL);
    restart_server();
    sftp_expect(STATUS_OK, store_get(store, "packs/a", 0, &byte, 1, &got, &error), &error, NULL);
    assert_int_equal(byte, 'x');
    restart_server();
    sftp_expect(STATUS_OK, store_size(store, "packs/a", &size, &error), &error, NULL);
    restart_server();
    sftp_expect(STATUS_NOT_FOUND, store_list(store, "nothing", NULL, NULL, &error), &error, NULL);
    expect_logins(4);
    store_free(store);
}

static void takes_no_partial_name_again(void **state)
{
    (void)state;
    restart_lines = SSHD_WRITE_ONCE;
    struct store *store = open_store(10, 20);
    sftp_expect(STATUS_EXISTS, put_with(store, "packs/a", restart_server), &error, NULL);
    sftp_expect(STATUS_OK, store_put(store, "packs/a.2", pack, PACK, &error), &error, NULL);
    check_pack(store, "packs/a.2");
    store_free(store);
}

static void gives_up_in_time(void **state)
{
    (void)state;
    struct store *store = open_store(2, 1);
    double before = clock_monotonic();
    sftp_expect(STATUS_UNREACHABLE, put_with(store, "packs/a", kill_server), &error, "given up");
    assert_true(clock_monotonic() - before < 20);
    /* And again, without a connection; then the server is back. */
    uint64_t size = 0;
    sftp_expect(STATUS_UNREACHABLE, store_size(store, "packs/b", &size, &error), &error, NULL);
    sshd_start(&sshd, SSHD_ORDINARY);
    sftp_expect(STATUS_NOT_FOUND, store_size(store, "packs/a", &size, &error), &error, NULL);
    sftp_expect(STATUS_OK, store_put(store, "packs/a", "x", 1, &error), &error, NULL);
    store_free(store);
}

static void survives_the_death_of_sftp_server(void **state)
{
    (void)state;
    struct store *store = open_store(60, 60);
    double before = clock_monotonic();
    sftp_expect(STATUS_OK, put_with(store, "packs/a", kill_sftp_server), &error, NULL);
    check_pack(store, "packs/a");
    kill_sftp_server();
    uint64_t size = 0;
    sftp_expect(STATUS_OK, store_size(store, "packs/a", &size, &error), &error, NULL);
    expect_logins(3);
    /* Noticed at once, and not by the deadline. */
    assert_true(clock_monotonic() - before < 150);
    store_free(store);
}

static void waits_for_no_frozen_server(void **state)
{
    (void)state;
    struct store *store = open_store(1, 1);
    double before = clock_monotonic();
    sftp_expect(STATUS_UNREACHABLE, put_with(store, "packs/a", freeze_server), &error, "silent");
    assert_true(clock_monotonic() - before < 20);
    store_free(store);
    assert_true(clock_monotonic() - before < 20);
}

/* Whoever writes into the storage by another way than SFTP can put a pipe there, which holds up the
 * server that opens it. */
static void waits_for_no_pipe(void **state)
{
    (void)state;
    sshd_shell("cd %s/packs && mkfifo pipe && printf 1 > one", sshd.data);
    struct store *store = open_store(1, 20);
    char byte = 0;
    size_t got = 0;
    sftp_expect(STATUS_CORRUPT, store_get(store, "packs/pipe", 0, &byte, 1, &got, &error), &error,
                "not a file");
    sftp_expect(STATUS_OK, store_get(store, "packs/one", 0, &byte, 1, &got, &error), &error, NULL);
    assert_int_equal(byte, '1');
    store_free(store);
}

/* The answer to what was given up comes after all. In libssh2 it would be the answer to the next
 * question of its kind. */
static void takes_no_late_answer(void **state)
{
    (void)state;
    sshd_shell("cd %s/packs && printf 1 > one && printf 333 > three", sshd.data);
    struct store *store = open_store(1, 1);
    uint64_t size = 0;
    sftp_expect(STATUS_OK, store_size(store, "packs/one", &size, &error), &error, NULL);
    freeze_server();
    sftp_expect(STATUS_UNREACHABLE, store_size(store, "packs/one", &size, &error), &error, NULL);
    thaw_server();
    sftp_expect(STATUS_OK, store_size(store, "packs/three", &size, &error), &error, NULL);
    assert_int_equal(size, 3);
    freeze_server();
    char bytes[4] = "";
    size_t got = 0;
    sftp_expect(STATUS_UNREACHABLE, store_get(store, "packs/one", 0, bytes, 4, &got, &error),
                &error, NULL);
    thaw_server();
    sftp_expect(STATUS_OK, store_get(store, "packs/three", 0, bytes, 4, &got, &error), &error,
                NULL);
    assert_int_equal(got, 3);
    assert_memory_equal(bytes, "333", 3);
    expect_logins(3);
    store_free(store);
}

/* The socket of the only connection to the server. */
static int find_line(void)
{
    int found = -1;
    for (int fd = 3; fd < 256; fd++) {
        struct sockaddr_in peer = {0};
        socklen_t size = sizeof peer;
        if (getpeername(fd, (struct sockaddr *)&peer, &size) == 0 && peer.sin_family == AF_INET &&
            peer.sin_port == htons((uint16_t)sshd.port)) {
            assert_int_equal(found, -1);
            found = fd;
        }
    }
    assert_int_not_equal(found, -1);
    return found;
}

static int option_of(int fd, int level, int option)
{
    int value = 0;
    socklen_t size = sizeof value;
    assert_int_equal(getsockopt(fd, level, option, &value, &size), 0);
    return value;
}

/* The kernel notices that the other end is gone, and no keepalive of libssh2's has to. */
static void lets_the_kernel_watch_the_line(void **state)
{
    (void)state;
    struct store *store = open_store(7, 1);
    int fd = find_line();
    assert_int_not_equal(option_of(fd, SOL_SOCKET, SO_KEEPALIVE), 0);
    assert_true(option_of(fd, IPPROTO_TCP, TCP_KEEPIDLE) <= 60);
    assert_int_equal(option_of(fd, IPPROTO_TCP, TCP_USER_TIMEOUT), 7000);
    store_free(store);
}

/* A full MaxStartups drops connections before the banner. */
static void *release(void *context)
{
    sshd_sleep(700);
    close(*(int *)context);
    return NULL;
}

static void comes_again_when_turned_away(void **state)
{
    (void)state;
    int held = -1;
    char banner[5] = "";
    while (strcmp(banner, "SSH-") != 0) {
        close(held);
        held = sshd_dial(sshd.port);
        assert_int_equal(recv(held, banner, 4, MSG_WAITALL), 4);
    }
    pthread_t thread;
    double before = clock_monotonic();
    pthread_create(&thread, NULL, release, &held);
    struct store *store = open_store(10, 10);
    assert_true(clock_monotonic() - before > 0.6);
    pthread_join(thread, NULL);
    store_free(store);
}

static void on_alarm(int number)
{
    (void)number;
}

/* A handler in the middle of everything: libssh2 on its own would take it for a time-out. */
static void works_under_signals(void **state)
{
    (void)state;
    struct sigaction action = {.sa_handler = on_alarm};
    sigaction(SIGALRM, &action, NULL);
    struct itimerval often = {{0, 2000}, {0, 2000}};
    setitimer(ITIMER_REAL, &often, NULL);
    struct store *store = open_store(10, 1);
    enum status status = store_put(store, "packs/a", pack, PACK, &error);
    unsigned char *read = malloc(PACK);
    size_t got = 0;
    enum status back = store_get(store, "packs/a", 0, read, PACK, &got, &error);
    struct itimerval never = {{0, 0}, {0, 0}};
    setitimer(ITIMER_REAL, &never, NULL);
    store_free(store);
    sftp_expect(STATUS_OK, status, &error, NULL);
    sftp_expect(STATUS_OK, back, &error, NULL);
    assert_memory_equal(read, pack, PACK);
    free(read);
}

/* New keys are agreed on every 8 MiB, in the middle of packs. */
static void works_through_new_keys(void **state)
{
    (void)state;
    sftp_ignore_leaks(true);
    struct store *store = open_store(10, 1);
    sftp_expect(STATUS_OK, store_put(store, "packs/a", pack, PACK, &error), &error, NULL);
    check_pack(store, "packs/a");
    store_free(store);
    sftp_ignore_leaks(false);
}

static void refuses_on_read_only_storage(void **state)
{
    (void)state;
    sshd_shell("echo x > %s/packs/there", sshd.data);
    struct store *store = open_store(10, 1);
    char byte = 0;
    size_t got = 0;
    sftp_expect(STATUS_DENIED, store_put(store, "packs/a", "x", 1, &error), &error, NULL);
    sftp_expect(STATUS_OK, store_get(store, "packs/there", 0, &byte, 1, &got, &error), &error,
                NULL);
    store_free(store);
}

#define TEST(function, lines)                                                                      \
    {                                                                                              \
#function, function, start_server, stop_server, (void *)(uintptr_t)(lines)                 \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(comes_back_in_the_middle_of_a_put, SSHD_ORDINARY),
        TEST(comes_back_to_read_and_list, SSHD_ORDINARY),
        TEST(takes_no_partial_name_again, SSHD_WRITE_ONCE),
        TEST(gives_up_in_time, SSHD_ORDINARY),
        TEST(survives_the_death_of_sftp_server, SSHD_SEPARATE),
        TEST(waits_for_no_frozen_server, SSHD_ORDINARY),
        TEST(waits_for_no_pipe, SSHD_ORDINARY),
        TEST(takes_no_late_answer, SSHD_ORDINARY),
        TEST(lets_the_kernel_watch_the_line, SSHD_ORDINARY),
        /* And with one channel a connection, as strict servers have it. */
        TEST(comes_again_when_turned_away, SSHD_ORDINARY "MaxStartups 1\nMaxSessions 1\n"),
        TEST(works_under_signals, SSHD_ORDINARY),
        TEST(works_through_new_keys, SSHD_ORDINARY "RekeyLimit 8M\n"),
        TEST(refuses_on_read_only_storage, SSHD_READ_ONLY),
    };
    if (base_start(&error) != STATUS_OK) {
        return 1;
    }
    return cmocka_run_group_tests(tests, start, stop);
}
