/* kill -9 at every system call of opening and appending that changes something, before it, after
 * it and in the midst of a write: log and checkpoint fit after the next opening, and no record is
 * lost that audit_append had reported. The calls are stood in for here: the linker prefers these.
 */
#include "audit_test.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

enum way {
    BEFORE,
    AFTER,
    HALF,  /* of what is written */
    ZEROS, /* the file has its new length, but not yet its bytes */
    FAIL,  /* no kill: the call says that the disk is full */
    WAYS
};

static struct {
    long at; /* 0: never */
    long count;
    enum way way;
    bool held;         /* in the child only */
    uint64_t reported; /* records, by the child */
} * plan;

int fsync(int fd);
ssize_t pwrite(int fd, const void *data, size_t size, off_t offset);
ssize_t write(int fd, const void *data, size_t size);
int ftruncate(int fd, off_t size);
int renameat(int from_folder, const char *from, int to_folder, const char *to);
int unlinkat(int folder, const char *name, int flags);

static bool due(void)
{
    return plan != NULL && plan->held && ++plan->count == plan->at;
}

__attribute__((noreturn)) static void die(void)
{
    kill(getpid(), SIGKILL);
    abort();
}

/* Stands around every call: dies before or after it, or says that it failed. */
#define AROUND(call)                                                                               \
    do {                                                                                           \
        bool now = due();                                                                          \
        if (now && plan->way == FAIL) {                                                            \
            errno = ENOSPC;                                                                        \
            return -1;                                                                             \
        }                                                                                          \
        if (now && plan->way == BEFORE) {                                                          \
            die();                                                                                 \
        }                                                                                          \
        long result = (call);                                                                      \
        if (now) {                                                                                 \
            die();                                                                                 \
        }                                                                                          \
        return (int)result;                                                                        \
    } while (0)

int fsync(int fd)
{
    (void)fd;
    AROUND(0L); /* a kill loses nothing that was not synced, and syncing takes long */
}

int ftruncate(int fd, off_t size)
{
    AROUND(syscall(SYS_ftruncate, fd, size));
}

int renameat(int from_folder, const char *from, int to_folder, const char *to)
{
    AROUND(syscall(SYS_renameat2, from_folder, from, to_folder, to, 0));
}

int unlinkat(int folder, const char *name, int flags)
{
    AROUND(syscall(SYS_unlinkat, folder, name, flags));
}

static ssize_t write_at(int fd, const void *data, size_t size, off_t offset)
{
    return offset < 0 ? syscall(SYS_write, fd, data, size)
                      : syscall(SYS_pwrite64, fd, data, size, offset);
}

static ssize_t do_write(int fd, const void *data, size_t size, off_t offset)
{
    if (!due()) {
        return write_at(fd, data, size, offset);
    }
    static const char zeros[65536];
    if (plan->way == FAIL) {
        (void)!write_at(fd, data, size / 2, offset);
        errno = ENOSPC;
        return -1;
    }
    if (plan->way != BEFORE) {
        size = plan->way == HALF ? size / 2 : size;
        (void)!write_at(fd, plan->way == ZEROS ? zeros : data, size, offset);
    }
    die();
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t offset)
{
    return do_write(fd, data, size, offset);
}

ssize_t write(int fd, const void *data, size_t size)
{
    return do_write(fd, data, size, -1);
}

/* Opens, appends two, each of which is reported when audit_append says so. */
static int deed(void)
{
    struct error error = {0};
    struct audit *audit;
    if (open_log(&audit, true, &error) != STATUS_OK) {
        return 1;
    }
    for (int i = 0; i < 2; i++) {
        if (audit_append(audit, "test", NULL, &error) == STATUS_OK) {
            plan->reported = audit_head(audit).size;
        }
    }
    audit_free(audit);
    return 0;
}

/* Whether the n-th call was reached. */
static bool try_at(long n, enum way way)
{
    plan->at = n;
    plan->count = 0;
    plan->way = way;
    plan->held = true;
    int ended = 0;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        _exit(deed());
    }
    assert_int_equal(waitpid(child, &ended, 0), child);
    plan->held = false;
    bool reached = plan->count >= n;
    assert_true(WIFEXITED(ended) || WTERMSIG(ended) == SIGKILL);
    assert_int_equal(WIFSIGNALED(ended), reached && way != FAIL);
    return reached;
}

/* What a reader sees, and what the next writer makes of it. */
static void check(uint64_t before)
{
    struct error error = {0};
    struct audit *audit;
    enum status status = open_log(&audit, false, &error);
    if (status != STATUS_NOT_FOUND || plan->reported > 0) {
        assert_ok(status);
        uint64_t seen = audit_head(audit).size;
        assert_true(seen >= plan->reported && seen <= before + 2);
        audit_free(audit);
    }
    assert_ok(open_log(&audit, true, &error));
    uint64_t found = audit_head(audit).size;
    assert_true(found >= plan->reported && found >= before && found <= before + 2);
    assert_ok(audit_append(audit, "after", NULL, &error));
    audit_free(audit);
    assert_int_equal(access("audit/next", F_OK), -1);
    assert_ok(open_log(&audit, false, &error));
    assert_int_equal(audit_head(audit).size, found + 1);
    audit_free(audit);
}

static void run_way(void **state, enum way way, uint64_t before)
{
    long reached = 0;
    for (long n = 1;; n++) {
        assert_int_equal(no_log(state), 0);
        if (before > 0) {
            append_records(before);
        }
        plan->reported = before;
        if (!try_at(n, way)) {
            break;
        }
        check(before);
        reached = n;
    }
    assert_true(reached > 15);
}

static void test_kills(void **state)
{
    static const uint64_t sizes[] = {0, 2};
    for (size_t i = 0; i < LENGTH(sizes); i++) {
        for (int way = BEFORE; way < FAIL; way++) {
            run_way(state, (enum way)way, sizes[i]);
        }
    }
}

/* A disk that is full for one call. */
static void test_failures(void **state)
{
    run_way(state, FAIL, 0);
    run_way(state, FAIL, 3);
}

/* A failure before the new checkpoint is written is undone at once: the same handle goes on, and
 * the record that failed is nowhere. Later ones only the next opening can judge: nothing more is
 * written. */
static void test_after_a_failure(void **state)
{
    unsigned undone = 0;
    unsigned given_up = 0;
    for (long n = 1;; n++) {
        struct error error = {0};
        struct audit *audit;
        assert_int_equal(no_log(state), 0);
        append_records(1);
        assert_ok(open_log(&audit, true, &error));
        plan->at = n;
        plan->count = 0;
        plan->way = FAIL;
        plan->held = true;
        enum status first = audit_append(audit, "failed", NULL, &error);
        plan->held = false;
        if (first == STATUS_OK) {
            audit_free(audit);
            break;
        }
        assert_int_equal(first, STATUS_NO_SPACE);
        bool goes_on = audit_append(audit, "second", NULL, &error) == STATUS_OK;
        assert_int_equal(audit_head(audit).size, goes_on ? 2 : 1);
        audit_free(audit);
        undone += goes_on;
        given_up += !goes_on;
        assert_ok(open_log(&audit, true, &error));
        assert_int_equal(audit_head(audit).size, 2);
        audit_free(audit);
        struct buffer log = read_file("audit/log");
        assert_int_equal(strstr((char *)log.data, "failed") == NULL, goes_on);
        buffer_free(&log);
    }
    assert_int_equal(undone, 6);
    assert_int_equal(given_up, 4);
}

/* Killed while it takes up what was interrupted, again and again. */
static void test_killed_while_recovering(void **state)
{
    for (long first = 1; first < 18; first++) {
        assert_int_equal(no_log(state), 0);
        append_records(2);
        plan->reported = 2;
        if (!try_at(first, AFTER)) {
            break;
        }
        for (long second = 1; second < 8; second++) {
            (void)try_at(second, second % 2 == 0 ? HALF : BEFORE);
        }
        struct error error = {0};
        struct audit *audit;
        assert_ok(open_log(&audit, true, &error));
        assert_true(audit_head(audit).size >= plan->reported);
        audit_free(audit);
    }
}

static int start(void **state)
{
    plan = mmap(NULL, sizeof *plan, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return plan == MAP_FAILED ? -1 : in_fresh_folder(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_kills, no_log),
        cmocka_unit_test_setup(test_failures, no_log),
        cmocka_unit_test_setup(test_after_a_failure, no_log),
        cmocka_unit_test_setup(test_killed_while_recovering, no_log),
    };
    return cmocka_run_group_tests(tests, start, leave_folder);
}
