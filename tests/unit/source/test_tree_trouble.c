/* The tree source without rights, on a failing disk, beside a holder of leases, and on trees of
 * hostile shape. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/tree_fixture.h"
#include "support/skip.h"
#include <dirent.h>
#include <grp.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>

/* ---- a disk that fails: these stand in front of the C library's functions */

static uint64_t broken_at = UINT64_MAX; /* reading from here on fails, in one file */
static ino_t broken_inode;

ssize_t pread(int fd, void *target, size_t size, off_t offset)
{
    struct stat facts;
    if ((uint64_t)offset >= broken_at && fstat(fd, &facts) == 0 && facts.st_ino == broken_inode) {
        errno = EIO;
        return -1;
    }
    return syscall(SYS_pread64, fd, target, size, offset);
}

ssize_t getdents64(int fd, void *target, size_t size)
{
    struct stat facts;
    if (broken_at == 0 && fstat(fd, &facts) == 0 && facts.st_ino == broken_inode) {
        errno = EIO;
        return -1;
    }
    return syscall(SYS_getdents64, fd, target, size);
}

enum { TWO_PIECES = 2 * RECORDER_PIECE };

static bool has_content(const struct recorder *recorder, const char *path, const char *text)
{
    const struct recorded *recorded = recorder_find(recorder, path);
    return recorded != NULL && recorded->ended && !recorded->outcome.failed &&
           recorded->content.size == strlen(text) &&
           memcmp(recorded->content.data, text, strlen(text)) == 0;
}

/* Twice the recorder's piece, so that there is an advance in the middle. */
static void write_two_pieces(const struct tree_fixture *fixture, const char *name)
{
    char data[TWO_PIECES];
    memset(data, 'a', sizeof data);
    tree_fixture_write(fixture->fd, name, data, sizeof data);
}

/* ---- what cannot be read */

static void read_as_nobody(const struct tree_fixture *fixture, struct recorder *recorder,
                           bool (*right)(const struct recorder *recorder))
{
    pid_t child = fork();
    if (child == 0) {
        struct error error;
        bool passed =
            setgroups(0, NULL) == 0 && setgid(65534) == 0 && setuid(65534) == 0 &&
            tree_fixture_source(fixture->folder, NULL, false, recorder, &error) == STATUS_OK &&
            right(recorder);
        _exit(passed ? 0 : 1);
    }
    int result;
    assert_int_equal(waitpid(child, &result, 0), child);
    assert_int_equal(result, 0);
}

static bool unreadable_is_right(const struct recorder *recorder)
{
    const struct recorded *folder = recorder_find(recorder, "closed");
    return recorder_find(recorder, "secret") == NULL &&
           recorder_warned(recorder, "secret", "Permission denied") && folder != NULL &&
           recorder_warned(recorder, "closed", "could not be listed") &&
           recorder_find(recorder, "closed/in") == NULL &&
           recorder_find(recorder, "blind/in") == NULL &&
           recorder_warned(recorder, "blind/in", "Permission denied") &&
           has_content(recorder, "zfree", "x") && recorder->warning_count == 3;
}

static void test_unreadable(void **state)
{
    struct tree_fixture *fixture = *state;
    if (geteuid() != 0) {
        SKIP_BECAUSE("needs root to become another user");
    }
    tree_fixture_text(fixture->fd, "secret", "x");
    assert_int_equal(mkdirat(fixture->fd, "blind", 0755), 0);
    assert_int_equal(mkdirat(fixture->fd, "closed", 0755), 0);
    tree_fixture_text(fixture->fd, "blind/in", "x");
    tree_fixture_text(fixture->fd, "closed/in", "x");
    tree_fixture_text(fixture->fd, "zfree", "x");
    assert_int_equal(fchmodat(fixture->fd, "secret", 0600, 0), 0);
    assert_int_equal(fchmodat(fixture->fd, "closed", 0700, 0), 0);
    assert_int_equal(fchmodat(fixture->fd, "blind", 0744, 0), 0); /* names, but no more */
    CLEANUP(recorder_free) struct recorder recorder = {0};
    read_as_nobody(fixture, &recorder, unreadable_is_right);
}

static bool root_is_refused(const struct tree_fixture *fixture)
{
    CLEANUP(recorder_free) struct recorder recorder = {0};
    struct error error;
    return setgid(65534) == 0 && setuid(65534) == 0 &&
           tree_fixture_source(fixture->folder, NULL, false, &recorder, &error) == STATUS_DENIED &&
           recorder.count == 0;
}

static void test_unreadable_root(void **state)
{
    struct tree_fixture *fixture = *state;
    if (geteuid() != 0) {
        SKIP_BECAUSE("needs root to become another user");
    }
    assert_int_equal(fchmod(fixture->fd, 0700), 0);
    pid_t child = fork();
    if (child == 0) {
        _exit(root_is_refused(fixture) ? 0 : 1);
    }
    int result;
    assert_int_equal(waitpid(child, &result, 0), child);
    assert_int_equal(result, 0);
}

/* The first name is read in vain; then the second name is the file, and the third its link. */
static void mend_disk(struct recorder *recorder, const struct entry *entry)
{
    (void)recorder;
    if (strcmp(entry->path, "b") == 0) {
        broken_at = UINT64_MAX;
    }
}

static void test_disk_fails(void **state)
{
    struct tree_fixture *fixture = *state;
    write_two_pieces(fixture, "a");
    assert_int_equal(linkat(fixture->fd, "a", fixture->fd, "b", 0), 0);
    assert_int_equal(linkat(fixture->fd, "a", fixture->fd, "c", 0), 0);
    struct stat facts;
    assert_int_equal(fstatat(fixture->fd, "a", &facts, 0), 0);
    broken_inode = facts.st_ino;
    broken_at = RECORDER_PIECE;
    CLEANUP(recorder_free)
    struct recorder recorder = {.on_entry = mend_disk, .test = fixture};
    tree_fixture_read(fixture, &recorder);
    broken_at = UINT64_MAX;
    const struct recorded *recorded = recorder_get(&recorder, "a");
    assert_true(recorded->ended && recorded->outcome.failed);
    assert_int_equal(recorded->outcome.size, RECORDER_PIECE);
    assert_int_equal(recorder.warning_count, 1);
    assert_true(recorder_warned(&recorder, "a", "Input/output error"));
    recorded = recorder_get(&recorder, "b");
    assert_int_equal(recorded->entry.type, ENTRY_FILE);
    assert_int_equal(recorded->outcome.size, TWO_PIECES);
    assert_false(recorded->outcome.failed);
    assert_string_equal(recorder_get(&recorder, "c")->entry.link, "b");
}

static void test_listing_fails(void **state)
{
    struct tree_fixture *fixture = *state;
    assert_int_equal(mkdirat(fixture->fd, "a", 0755), 0);
    tree_fixture_text(fixture->fd, "a/in", "x");
    tree_fixture_text(fixture->fd, "b", "x");
    struct stat facts;
    assert_int_equal(fstatat(fixture->fd, "a", &facts, 0), 0);
    broken_inode = facts.st_ino;
    broken_at = 0;
    CLEANUP(recorder_free) struct recorder recorder = {0};
    tree_fixture_read(fixture, &recorder);
    assert_int_equal(recorder.count, 3);
    assert_true(recorder_warned(&recorder, "a", "could not be listed whole"));
    assert_true(has_content(&recorder, "b", "x"));
    assert_int_equal(fstat(fixture->fd, &facts), 0);
    broken_inode = facts.st_ino;
    struct error error;
    CLEANUP(recorder_free) struct recorder none = {0};
    assert_int_equal(tree_fixture_source(fixture->folder, NULL, false, &none, &error),
                     STATUS_FAILED);
    broken_at = UINT64_MAX;
    assert_non_null(strstr(error.message, "could not be listed whole"));
}

/* Another program holds a lease on the file and gives it up when asked. */
static volatile sig_atomic_t lease_asked;
static void note_lease(int number)
{
    (void)number;
    lease_asked = 1;
}

static void hold_lease(const struct tree_fixture *fixture, int ready)
{
    int fd = openat(fixture->fd, "file", O_RDWR | O_CLOEXEC);
    (void)signal(SIGIO, note_lease);
    bool held = fd >= 0 && fcntl(fd, F_SETLEASE, F_WRLCK) == 0;
    bool told = write(ready, held ? "+" : "-", 1) == 1;
    for (int i = 0; held && told && i < 3000 && lease_asked == 0; i++) {
        usleep(10000);
    }
    _exit(held && fcntl(fd, F_SETLEASE, F_UNLCK) == 0 && lease_asked != 0 ? 0 : 1);
}

static void test_lease(void **state)
{
    struct tree_fixture *fixture = *state;
    tree_fixture_text(fixture->fd, "file", "leased");
    int ready[2];
    assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
    pid_t child = fork();
    if (child == 0) {
        hold_lease(fixture, ready[1]);
    }
    char held = '-';
    assert_int_equal(read(ready[0], &held, 1), 1);
    close(ready[0]);
    close(ready[1]);
    int result;
    if (held == '+') {
        CLEANUP(recorder_free) struct recorder recorder = {0};
        tree_fixture_read(fixture, &recorder);
        assert_true(has_content(&recorder, "file", "leased"));
        assert_int_equal(recorder.warning_count, 0);
    }
    assert_int_equal(waitpid(child, &result, 0), child);
    assert_int_equal(result, held == '+' ? 0 : 256);
}

/* ---- hostile shapes */

/* 3,000 folders one in another, far beyond PATH_MAX, read with 64 descriptors. */
enum { LEVELS = 3000, FILE_EVERY = 20 };

static void make_deep(const struct tree_fixture *fixture)
{
    int fd = dup(fixture->fd);
    for (int i = 0; i < LEVELS; i++) {
        assert_int_equal(mkdirat(fd, "folder", 0755), 0);
        if (i % FILE_EVERY == 0) {
            tree_fixture_text(fd, "zfile", "z"); /* something to do on the way back */
        }
        int next = openat(fd, "folder", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_true(next >= 0);
        close(fd);
        fd = next;
    }
    tree_fixture_text(fd, "bottom", "deep");
    close(fd);
}

static void test_deep(void **state)
{
    struct tree_fixture *fixture = *state;
    make_deep(fixture);
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &(struct rlimit){64, before.rlim_max}), 0);
    CLEANUP(recorder_free) struct recorder recorder = {0};
    tree_fixture_read(fixture, &recorder);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(recorder.warning_count, 0);
    assert_int_equal(recorder.count, 1 + LEVELS + 1 + LEVELS / FILE_EVERY);
    const struct recorded *bottom = &recorder.entries[LEVELS + 1];
    assert_int_equal(strlen(bottom->entry.path), 7 * LEVELS + 6);
    assert_memory_equal(bottom->content.data, "deep", 4);
    assert_true(has_content(&recorder, "zfile", "z"));
}

static void test_path_too_long(void **state)
{
    struct tree_fixture *fixture = *state;
    char name[256];
    memset(name, 'n', 255);
    name[255] = '\0';
    int fd = dup(fixture->fd);
    for (int i = 0; i < ENTRY_PATH_MAX / 256 + 1; i++) {
        assert_int_equal(mkdirat(fd, name, 0755), 0);
        int next = openat(fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        close(fd);
        fd = next;
    }
    tree_fixture_text(fd, "x", "one too many");
    close(fd);
    tree_fixture_text(fixture->fd, "zfile", "z");
    CLEANUP(recorder_free) struct recorder recorder = {0};
    tree_fixture_read(fixture, &recorder);
    assert_int_equal(recorder.count, 1 + (ENTRY_PATH_MAX + 1) / 256 + 1);
    const char *longest = recorder.entries[recorder.count - 2].entry.path;
    assert_int_equal(strlen(longest), ENTRY_PATH_MAX);
    assert_int_equal(recorder.warning_count, 1);
    assert_true(recorder_warned(&recorder, longest, "too long"));
}

/* Names are what counts here, and names of one file are made far faster than files. */
static void test_many_names(void **state)
{
    struct tree_fixture *fixture = *state;
    enum { NAMES = 10000 };
    tree_fixture_text(fixture->fd, "a", "x");
    for (int i = 0; i < NAMES; i++) {
        char name[32];
        snprintf(name, sizeof name, "scan-%d", i * 7919 % NAMES);
        assert_int_equal(linkat(fixture->fd, "a", fixture->fd, name, 0), 0);
    }
    CLEANUP(recorder_free) struct recorder recorder = {.know_all = true};
    tree_fixture_read(fixture, &recorder); /* the recorder checks the order */
    assert_int_equal(recorder.count, NAMES + 2);
    assert_int_equal(recorder.entries[1].entry.type, ENTRY_FILE);
    for (size_t i = 2; i < recorder.count; i++) {
        assert_string_equal(recorder.entries[i].entry.link, "a");
    }
}

static const struct CMUnitTest tests[] = {
#define TREE_TEST(name)                                                                            \
    cmocka_unit_test_setup_teardown(name, tree_fixture_setup, tree_fixture_teardown)
    TREE_TEST(test_unreadable),    TREE_TEST(test_unreadable_root), TREE_TEST(test_disk_fails),
    TREE_TEST(test_listing_fails), TREE_TEST(test_lease),           TREE_TEST(test_deep),
    TREE_TEST(test_path_too_long), TREE_TEST(test_many_names),
};

int main(void)
{
    return cmocka_run_group_tests(tests, NULL, NULL);
}
