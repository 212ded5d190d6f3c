/* The tree source while others work in the tree, without rights, on a failing disk, and on trees of
 * hostile shape. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/tree_fixture.h"
#include <signal.h>
#include <grp.h>
#include <sys/resource.h>
#include <sys/syscall.h>

/* ---- a disk that fails: stands in front of the C library's */

static uint64_t broken_at = UINT64_MAX; /* reading from here on fails, in one file */
static ino_t broken_inode;

ssize_t pread(int fd, void *target, size_t size, off_t offset);
ssize_t pread(int fd, void *target, size_t size, off_t offset)
{
    struct stat facts;
    if ((uint64_t)offset >= broken_at && fstat(fd, &facts) == 0 && facts.st_ino == broken_inode) {
        errno = EIO;
        return -1;
    }
    return syscall(SYS_pread64, fd, target, size, offset);
}

static const struct tree_fixture *fixture_of(const struct recorder *recorder)
{
    return recorder->test;
}

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
    CLEANUP(memory_free) char *data = malloc(2 * RECORDER_PIECE);
    memset(data, 'a', 2 * RECORDER_PIECE);
    tree_fixture_write(fixture->fd, name, data, 2 * RECORDER_PIECE);
}

static void append(const struct tree_fixture *fixture, const char *name, const char *text)
{
    CLEANUP(file_close)
    int fd = openat(fixture->fd, name, O_WRONLY | O_APPEND | O_CLOEXEC);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

/* ---- files that change while they are read */

static void grow_file(struct recorder *recorder)
{
    append(fixture_of(recorder), "file", "more");
}

static void test_grows(void **state)
{
    struct tree_fixture *fixture = *state;
    write_two_pieces(fixture, "file");
    CLEANUP(recorder_free)
    struct recorder recorder = {.on_advance = grow_file, .test = fixture};
    tree_fixture_read(fixture, &recorder);
    const struct recorded *recorded = recorder_get(&recorder, "file");
    assert_int_equal(recorded->outcome.size, 2 * RECORDER_PIECE);
    assert_true(recorded->ended && !recorded->outcome.failed);
    assert_int_equal(recorder.warning_count, 1);
    assert_true(recorder_warned(&recorder, "file", "grew"));
}

static void cut_file(struct recorder *recorder)
{
    char path[256];
    snprintf(path, sizeof path, "%s/file", fixture_of(recorder)->folder);
    assert_int_equal(truncate(path, 100), 0);
}

static void test_shrinks(void **state)
{
    struct tree_fixture *fixture = *state;
    write_two_pieces(fixture, "file");
    CLEANUP(recorder_free)
    struct recorder recorder = {.on_advance = cut_file, .test = fixture};
    tree_fixture_read(fixture, &recorder);
    const struct recorded *recorded = recorder_get(&recorder, "file");
    assert_int_equal(recorded->outcome.size, RECORDER_PIECE);
    assert_true(recorded->ended && !recorded->outcome.failed);
    assert_int_equal(recorder.warning_count, 1);
    assert_true(recorder_warned(&recorder, "file", "shorter"));
}

static void write_into_file(struct recorder *recorder)
{
    const struct tree_fixture *fixture = fixture_of(recorder);
    CLEANUP(file_close) int fd = openat(fixture->fd, "file", O_WRONLY | O_CLOEXEC);
    assert_int_equal(pwrite(fd, "b", 1, 0), 1);
}

static void test_changes(void **state)
{
    struct tree_fixture *fixture = *state;
    write_two_pieces(fixture, "file");
    CLEANUP(recorder_free)
    struct recorder recorder = {.on_advance = write_into_file, .test = fixture};
    tree_fixture_read(fixture, &recorder);
    assert_int_equal(recorder_get(&recorder, "file")->outcome.size, 2 * RECORDER_PIECE);
    assert_int_equal(recorder.warning_count, 1);
    assert_true(recorder_warned(&recorder, "file", "changed"));
}

/* However short after the last change a file was read, the next change shows in its times. */
static void test_change_right_after_reading(void **state)
{
    struct tree_fixture *fixture = *state;
    for (int i = 0; i < 20; i++) {
        tree_fixture_text(fixture->fd, "file", "one");
        CLEANUP(recorder_free) struct recorder recorder = {0};
        tree_fixture_read(fixture, &recorder);
        assert_true(has_content(&recorder, "file", "one"));
        append(fixture, "file", "!");
        struct stat facts;
        assert_int_equal(fstatat(fixture->fd, "file", &facts, 0), 0);
        struct moment changed = {facts.st_ctim.tv_sec, (uint32_t)facts.st_ctim.tv_nsec};
        assert_true(moment_compare(recorder_get(&recorder, "file")->entry.changed, changed) < 0);
    }
}

/* ---- names that change under the walk */

static void remove_others(struct recorder *recorder, const struct entry *entry)
{
    const struct tree_fixture *fixture = fixture_of(recorder);
    if (strcmp(entry->path, "a") == 0) {
        assert_int_equal(unlinkat(fixture->fd, "b", 0), 0);
        assert_int_equal(unlinkat(fixture->fd, "c", AT_REMOVEDIR), 0);
    }
}

static void test_vanishes_after_listing(void **state)
{
    struct tree_fixture *fixture = *state;
    tree_fixture_text(fixture->fd, "a", "x");
    tree_fixture_text(fixture->fd, "b", "x");
    assert_int_equal(mkdirat(fixture->fd, "c", 0755), 0);
    tree_fixture_text(fixture->fd, "d", "x");
    CLEANUP(recorder_free)
    struct recorder recorder = {.on_entry = remove_others, .test = fixture};
    tree_fixture_read(fixture, &recorder);
    assert_int_equal(recorder.count, 3);
    assert_int_equal(recorder.warning_count, 2);
    assert_true(recorder_warned(&recorder, "b", "vanished"));
    assert_true(recorder_warned(&recorder, "c", "vanished"));
    assert_true(has_content(&recorder, "d", "x"));
}

static void remove_asked(struct recorder *recorder, const struct entry *entry)
{
    if (strcmp(entry->path, "b") == 0) {
        assert_int_equal(unlinkat(fixture_of(recorder)->fd, "b", 0), 0);
    }
}

static void test_vanishes_before_opening(void **state)
{
    struct tree_fixture *fixture = *state;
    tree_fixture_text(fixture->fd, "b", "x");
    tree_fixture_text(fixture->fd, "d", "x");
    CLEANUP(recorder_free)
    struct recorder recorder = {.on_known = remove_asked, .test = fixture};
    tree_fixture_read(fixture, &recorder);
    assert_true(recorder_warned(&recorder, "b", "vanished"));
    assert_true(has_content(&recorder, "d", "x"));
}

/* A program saves by renaming a new file over the old one: the new one is delivered. */
static void save_anew(struct recorder *recorder, const struct entry *entry)
{
    const struct tree_fixture *fixture = fixture_of(recorder);
    if (strcmp(entry->path, "file") == 0 && entry->size == 3) {
        tree_fixture_text(fixture->fd, "../new", "newer");
        assert_int_equal(renameat(fixture->fd, "../new", fixture->fd, "file"), 0);
    }
}

static void test_replaced_by_a_file(void **state)
{
    struct tree_fixture *fixture = *state;
    tree_fixture_text(fixture->fd, "file", "old");
    CLEANUP(recorder_free)
    struct recorder recorder = {.on_known = save_anew, .test = fixture};
    tree_fixture_read(fixture, &recorder);
    assert_true(has_content(&recorder, "file", "newer"));
    assert_int_equal(recorder_get(&recorder, "file")->entry.size, 5);
    assert_int_equal(recorder.warning_count, 0);
}

/* The attack: a file becomes a link to a secret between looking and opening. */
static void swap_for_link(struct recorder *recorder, const struct entry *entry)
{
    const struct tree_fixture *fixture = fixture_of(recorder);
    if (strcmp(entry->path, "file") == 0 && entry->type == ENTRY_FILE) {
        assert_int_equal(unlinkat(fixture->fd, "file", 0), 0);
        assert_int_equal(symlinkat("/etc/passwd", fixture->fd, "file"), 0);
    }
}

static void test_replaced_by_a_link(void **state)
{
    struct tree_fixture *fixture = *state;
    tree_fixture_text(fixture->fd, "file", "x");
    CLEANUP(recorder_free)
    struct recorder recorder = {.on_known = swap_for_link, .test = fixture};
    tree_fixture_read(fixture, &recorder);
    const struct recorded *recorded = recorder_get(&recorder, "file");
    assert_int_equal(recorded->entry.type, ENTRY_SYMLINK);
    assert_string_equal(recorded->entry.link, "/etc/passwd");
    assert_int_equal(recorded->content.size, 0);
}

/* A file becomes a pipe: opening must not wait for somebody who writes. */
static void swap_for_pipe(struct recorder *recorder, const struct entry *entry)
{
    const struct tree_fixture *fixture = fixture_of(recorder);
    if (strcmp(entry->path, "file") == 0 && entry->type == ENTRY_FILE) {
        assert_int_equal(unlinkat(fixture->fd, "file", 0), 0);
        assert_int_equal(mkfifoat(fixture->fd, "file", 0600), 0);
    }
}

static void test_replaced_by_a_pipe(void **state)
{
    struct tree_fixture *fixture = *state;
    tree_fixture_text(fixture->fd, "file", "x");
    CLEANUP(recorder_free)
    struct recorder recorder = {.on_known = swap_for_pipe, .test = fixture};
    tree_fixture_read(fixture, &recorder);
    assert_int_equal(recorder_get(&recorder, "file")->entry.type, ENTRY_FIFO);
}

/* Somebody swaps without end: it is given up. */
static void swap_always(struct recorder *recorder, const struct entry *entry)
{
    const struct tree_fixture *fixture = fixture_of(recorder);
    if (strcmp(entry->path, "file") == 0) {
        tree_fixture_text(fixture->fd, "../new", "x");
        assert_int_equal(renameat(fixture->fd, "../new", fixture->fd, "file"), 0);
    }
}

static void test_replaced_always(void **state)
{
    struct tree_fixture *fixture = *state;
    tree_fixture_text(fixture->fd, "file", "x");
    CLEANUP(recorder_free)
    struct recorder recorder = {.on_known = swap_always, .test = fixture};
    tree_fixture_read(fixture, &recorder);
    assert_null(recorder_find(&recorder, "file"));
    assert_true(recorder_warned(&recorder, "file", "again and again"));
}

/* A folder deep down is moved to the top while the walk is beneath it: ".." leads elsewhere. */
static void move_up(struct recorder *recorder, const struct entry *entry)
{
    const struct tree_fixture *fixture = fixture_of(recorder);
    if (strstr(entry->path, "bottom") != NULL) {
        assert_int_equal(renameat(fixture->fd, "d/d/d/d/d/d/d/d", fixture->fd, "zz"), 0);
    }
}

static void test_folder_is_moved(void **state)
{
    struct tree_fixture *fixture = *state;
    tree_fixture_run(fixture,
                     "p=d; for i in $(seq 99); do mkdir -p $p; echo x >$p/f; p=$p/d; done; "
                     "mkdir $p; echo x >$p/bottom; echo x >zzz");
    CLEANUP(recorder_free)
    struct recorder recorder = {.on_entry = move_up, .test = fixture};
    tree_fixture_read(fixture, &recorder);
    assert_true(has_content(&recorder, "d/f", "x\n"));
    assert_true(has_content(&recorder, "d/d/d/d/d/d/d/f", "x\n")); /* around the hole */
    assert_true(has_content(&recorder, "zzz", "x\n"));
    assert_int_equal(recorder.warning_count, 0); /* all was read through the open folders */
}

static void remove_middle(struct recorder *recorder, const struct entry *entry)
{
    const struct tree_fixture *fixture = fixture_of(recorder);
    if (strstr(entry->path, "bottom") != NULL) {
        assert_int_equal(renameat(fixture->fd, "d/d/d/d", fixture->fd, "../away"), 0);
        assert_int_equal(renameat(fixture->fd, "../away/d", fixture->fd, "../further"), 0);
    }
}

/* Moved out of the tree: what cannot be reached again is told, the rest is delivered. */
static void test_folder_is_moved_away(void **state)
{
    struct tree_fixture *fixture = *state;
    tree_fixture_run(fixture,
                     "p=d; for i in $(seq 59); do mkdir -p $p; echo x >$p/f; p=$p/d; done; "
                     "mkdir $p; echo x >$p/bottom; echo x >zzz");
    CLEANUP(recorder_free)
    struct recorder recorder = {.on_entry = remove_middle, .test = fixture};
    tree_fixture_read(fixture, &recorder);
    assert_null(recorder_find(&recorder, "d/d/d/d/f"));
    assert_true(recorder_warned(&recorder, "d/d/d/d", "moved"));
    assert_true(has_content(&recorder, "d/d/d/d/d/f", "x\n"));
    assert_true(has_content(&recorder, "d/d/d/f", "x\n"));
    assert_true(has_content(&recorder, "zzz", "x\n"));
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
        skip();
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
        skip();
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
    assert_int_equal(recorded->outcome.size, 2 * RECORDER_PIECE);
    assert_false(recorded->outcome.failed);
    assert_string_equal(recorder_get(&recorder, "c")->entry.link, "b");
}

/* A file that is written between two of its names is not taken for the state that was read. */
static void append_after_first(struct recorder *recorder, const struct entry *entry)
{
    if (strcmp(entry->path, "b") == 0) {
        append(fixture_of(recorder), "a", "!");
    }
}

static void test_link_changes(void **state)
{
    struct tree_fixture *fixture = *state;
    tree_fixture_text(fixture->fd, "a", "old");
    assert_int_equal(linkat(fixture->fd, "a", fixture->fd, "c", 0), 0);
    assert_int_equal(linkat(fixture->fd, "a", fixture->fd, "d", 0), 0);
    assert_int_equal(mkdirat(fixture->fd, "b", 0755), 0);
    CLEANUP(recorder_free)
    struct recorder recorder = {.on_entry = append_after_first, .test = fixture};
    tree_fixture_read(fixture, &recorder);
    assert_true(has_content(&recorder, "a", "old"));
    assert_true(has_content(&recorder, "c", "old!"));
    assert_string_equal(recorder_get(&recorder, "d")->entry.link, "c");
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
    for (int i = 0; held && told && i < 500 && lease_asked == 0; i++) {
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
enum { LEVELS = 3000 };

static void make_deep(const struct tree_fixture *fixture)
{
    int fd = dup(fixture->fd);
    for (int i = 0; i < LEVELS; i++) {
        assert_int_equal(mkdirat(fd, "folder", 0755), 0);
        tree_fixture_text(fd, "zfile", "z");
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
    assert_int_equal(recorder.count, 1 + 2 * LEVELS + 1);
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

static void test_many_files(void **state)
{
    struct tree_fixture *fixture = *state;
    enum { FILES = 3000 };
    for (int i = 0; i < FILES; i++) {
        char name[32];
        snprintf(name, sizeof name, "scan-%d", i * 7919 % FILES);
        assert_int_equal(mknodat(fixture->fd, name, S_IFREG | 0644, 0), 0);
    }
    CLEANUP(recorder_free) struct recorder recorder = {.know_all = true};
    tree_fixture_read(fixture, &recorder); /* the recorder checks the order */
    assert_int_equal(recorder.count, FILES + 1);
}

static const struct CMUnitTest tests[] = {
#define TREE_TEST(name)                                                                            \
    cmocka_unit_test_setup_teardown(name, tree_fixture_setup, tree_fixture_teardown)
    TREE_TEST(test_grows),
    TREE_TEST(test_shrinks),
    TREE_TEST(test_changes),
    TREE_TEST(test_change_right_after_reading),
    TREE_TEST(test_vanishes_after_listing),
    TREE_TEST(test_vanishes_before_opening),
    TREE_TEST(test_replaced_by_a_file),
    TREE_TEST(test_replaced_by_a_link),
    TREE_TEST(test_replaced_by_a_pipe),
    TREE_TEST(test_replaced_always),
    TREE_TEST(test_folder_is_moved),
    TREE_TEST(test_folder_is_moved_away),
    TREE_TEST(test_unreadable),
    TREE_TEST(test_unreadable_root),
    TREE_TEST(test_disk_fails),
    TREE_TEST(test_link_changes),
    TREE_TEST(test_lease),
    TREE_TEST(test_deep),
    TREE_TEST(test_path_too_long),
    TREE_TEST(test_many_files),
};

int main(void)
{
    return cmocka_run_group_tests(tests, NULL, NULL);
}
