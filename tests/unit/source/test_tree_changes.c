/* The tree source while others work in the tree. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/tree_fixture.h"

enum { TWO_PIECES = 2 * RECORDER_PIECE };

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
    char data[TWO_PIECES];
    memset(data, 'a', sizeof data);
    tree_fixture_write(fixture->fd, name, data, sizeof data);
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
    assert_int_equal(recorded->outcome.size, TWO_PIECES);
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
    assert_int_equal(recorder_get(&recorder, "file")->outcome.size, TWO_PIECES);
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
    TREE_TEST(test_link_changes),
};

int main(void)
{
    return cmocka_run_group_tests(tests, NULL, NULL);
}
