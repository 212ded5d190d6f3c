/* The tree source on real files: everything that a file can be beside its content. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/tree_fixture.h"
#include "support/skip.h"
#include <grp.h>
#include <pwd.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <time.h>
#include <sys/xattr.h>

static void assert_content(const struct recorder *recorder, const char *path, const char *text)
{
    const struct recorded *recorded = recorder_get(recorder, path);
    assert_int_equal(recorded->entry.type, ENTRY_FILE);
    assert_true(recorded->ended);
    assert_false(recorded->outcome.failed);
    assert_int_equal(recorded->content.size, strlen(text));
    assert_memory_equal(recorded->content.data, text, strlen(text));
}

static void assert_attribute(const struct entry *entry, const char *name, const char *value)
{
    for (size_t i = 0; i < entry->attribute_count; i++) {
        const struct entry_attribute *attribute = &entry->attributes[i];
        if (strcmp(attribute->name, name) == 0) {
            assert_int_equal(attribute->size, strlen(value));
            assert_memory_equal(attribute->value, value, attribute->size);
            return;
        }
    }
    fail_msg("no attribute %s", name);
}

/* ---- what an entry says */

static void test_root_and_order(void **state)
{
    struct tree_fixture *fixture = *state;
    assert_int_equal(mkdirat(fixture->fd, "a", 0750), 0);
    tree_fixture_text(fixture->fd, "a/x", "in");
    tree_fixture_text(fixture->fd, "a.b", "dot");
    tree_fixture_text(fixture->fd, "a!", "mark");
    tree_fixture_text(fixture->fd, "\xff", "byte");
    tree_fixture_text(fixture->fd, "Z", "");
    CLEANUP(recorder_free) struct recorder recorder = {0};
    tree_fixture_read(fixture, &recorder);
    static const char *const order[] = {"", "Z", "a", "a/x", "a!", "a.b", "\xff"};
    assert_int_equal(recorder.count, LENGTH(order));
    for (size_t i = 0; i < LENGTH(order); i++) {
        assert_string_equal(recorder.entries[i].entry.path, order[i]);
    }
    assert_int_equal(recorder_get(&recorder, "")->entry.type, ENTRY_FOLDER);
    assert_int_equal(recorder_get(&recorder, "a")->entry.mode, 0750);
    assert_content(&recorder, "a/x", "in");
    assert_content(&recorder, "Z", "");
    assert_int_equal(recorder.warning_count, 0);
}

static void test_owners_modes_times(void **state)
{
    struct tree_fixture *fixture = *state;
    tree_fixture_text(fixture->fd, "setuid", "x");
    tree_fixture_text(fixture->fd, "old", "x");
    tree_fixture_text(fixture->fd, "nameless", "x");
    assert_int_equal(mkdirat(fixture->fd, "sticky", 0755), 0);
    const struct passwd *nobody = getpwnam("nobody");
    assert_non_null(nobody);
    if (geteuid() == 0) {
        assert_int_equal(fchownat(fixture->fd, "setuid", nobody->pw_uid, nobody->pw_gid, 0), 0);
        assert_int_equal(fchownat(fixture->fd, "nameless", 3999999999U, 3999999998U, 0), 0);
    }
    assert_int_equal(fchmodat(fixture->fd, "setuid", 06751, 0), 0);
    assert_int_equal(fchmodat(fixture->fd, "sticky", 03770, 0), 0);
    struct timespec times[2] = {{-86400, 123456789}, {-86400, 123456789}};
    assert_int_equal(utimensat(fixture->fd, "old", times, 0), 0);
    CLEANUP(recorder_free) struct recorder recorder = {0};
    tree_fixture_read(fixture, &recorder);
    const struct entry *entry = &recorder_get(&recorder, "setuid")->entry;
    struct stat facts;
    assert_int_equal(fstatat(fixture->fd, "setuid", &facts, 0), 0);
    assert_int_equal(entry->mode, 06751);
    assert_int_equal(entry->uid, facts.st_uid);
    assert_int_equal(entry->gid, facts.st_gid);
    assert_int_equal(entry->size, 1);
    assert_int_equal(entry->inode, facts.st_ino);
    assert_int_equal(entry->device, facts.st_dev);
    assert_int_equal(entry->modified.seconds, facts.st_mtim.tv_sec);
    assert_int_equal(entry->modified.nanoseconds, facts.st_mtim.tv_nsec);
    assert_int_equal(entry->changed.seconds, facts.st_ctim.tv_sec);
    assert_int_equal(entry->changed.nanoseconds, facts.st_ctim.tv_nsec);
    assert_string_equal(entry->user, getpwuid(facts.st_uid)->pw_name);
    assert_string_equal(entry->group, getgrgid(facts.st_gid)->gr_name);
    assert_int_equal(recorder_get(&recorder, "sticky")->entry.mode, 03770);
    entry = &recorder_get(&recorder, "old")->entry;
    assert_true(entry->modified.seconds == -86400);
    assert_int_equal(entry->modified.nanoseconds, 123456789);
    entry = &recorder_get(&recorder, "nameless")->entry;
    if (geteuid() == 0) {
        assert_true(entry->uid == 3999999999U && entry->gid == 3999999998U);
        assert_null(entry->user);
        assert_null(entry->group);
    }
}

static void test_attributes(void **state)
{
    struct tree_fixture *fixture = *state;
    char path[256];
    tree_fixture_text(fixture->fd, "file", "x");
    assert_int_equal(mkdirat(fixture->fd, "folder", 0755), 0);
    assert_int_equal(symlinkat("file", fixture->fd, "link"), 0);
    snprintf(path, sizeof path, "%s/file", fixture->folder);
    assert_int_equal(setxattr(path, "user.zwei", "2", 1, 0), 0);
    assert_int_equal(setxattr(path, "user.eins", "", 0, 0), 0);
    tree_fixture_run(fixture, "setfacl -m u:nobody:r file");
    tree_fixture_run(fixture, "setfacl -d -m u:nobody:rx folder");
    bool root = geteuid() == 0;
    if (root) {
        snprintf(path, sizeof path, "%s/link", fixture->folder);
        assert_int_equal(lsetxattr(path, "trusted.of-the-link", "yes", 3, 0), 0);
    }
    CLEANUP(recorder_free) struct recorder recorder = {0};
    tree_fixture_read(fixture, &recorder);
    const struct entry *entry = &recorder_get(&recorder, "file")->entry;
    assert_int_equal(entry->attribute_count, 3);
    assert_string_equal(entry->attributes[0].name, "system.posix_acl_access");
    assert_true(entry->attributes[0].size > 4);
    assert_attribute(entry, "user.eins", "");
    assert_attribute(entry, "user.zwei", "2");
    entry = &recorder_get(&recorder, "folder")->entry;
    assert_int_equal(entry->attribute_count, 1);
    assert_string_equal(entry->attributes[0].name, "system.posix_acl_default");
    entry = &recorder_get(&recorder, "link")->entry;
    assert_int_equal(entry->attribute_count, root ? 1 : 0);
    if (root) {
        assert_attribute(entry, "trusted.of-the-link", "yes");
    }
    assert_int_equal(recorder.warning_count, 0);
}

static void test_links(void **state)
{
    struct tree_fixture *fixture = *state;
    tree_fixture_text(fixture->fd, "one", "shared");
    assert_int_equal(mkdirat(fixture->fd, "a", 0755), 0);
    assert_int_equal(linkat(fixture->fd, "one", fixture->fd, "a/first", 0), 0);
    assert_int_equal(linkat(fixture->fd, "one", fixture->fd, "two", 0), 0);
    assert_int_equal(symlinkat("one", fixture->fd, "soft"), 0);
    assert_int_equal(symlinkat("/no/such/target \n\xff", fixture->fd, "dangling"), 0);
    assert_int_equal(symlinkat("a", fixture->fd, "to-folder"), 0);
    CLEANUP(recorder_free) struct recorder recorder = {0};
    tree_fixture_read(fixture, &recorder);
    assert_content(&recorder, "a/first", "shared");
    const struct entry *entry = &recorder_get(&recorder, "one")->entry;
    assert_int_equal(entry->type, ENTRY_HARD_LINK);
    assert_string_equal(entry->link, "a/first");
    assert_string_equal(recorder_get(&recorder, "two")->entry.link, "a/first");
    entry = &recorder_get(&recorder, "soft")->entry;
    assert_int_equal(entry->type, ENTRY_SYMLINK);
    assert_string_equal(entry->link, "one");
    assert_string_equal(recorder_get(&recorder, "dangling")->entry.link, "/no/such/target \n\xff");
    assert_int_equal(recorder_get(&recorder, "to-folder")->entry.type, ENTRY_SYMLINK);
    assert_null(recorder_find(&recorder, "to-folder/first"));
    CLEANUP(recorder_free) struct recorder again = {.know_all = true};
    tree_fixture_read(fixture, &again);
    assert_int_equal(again.count, recorder.count);
    assert_int_equal(recorder_get(&again, "two")->entry.type, ENTRY_HARD_LINK);
    assert_string_equal(recorder_get(&again, "two")->entry.link, "a/first");
}

/* More files with several names than the table begins with. */
static void test_many_links(void **state)
{
    struct tree_fixture *fixture = *state;
    char name[16];
    char other[16];
    for (int i = 0; i < 1000; i++) {
        snprintf(name, sizeof name, "a%d", i);
        snprintf(other, sizeof other, "b%d", i);
        tree_fixture_text(fixture->fd, name, name);
        assert_int_equal(linkat(fixture->fd, name, fixture->fd, other, 0), 0);
    }
    CLEANUP(recorder_free) struct recorder recorder = {0};
    tree_fixture_read(fixture, &recorder);
    for (int i = 0; i < 1000; i++) {
        snprintf(name, sizeof name, "a%d", i);
        snprintf(other, sizeof other, "b%d", i);
        assert_content(&recorder, name, name);
        assert_string_equal(recorder_get(&recorder, other)->entry.link, name);
    }
}

static void test_special_files(void **state)
{
    struct tree_fixture *fixture = *state;
    assert_int_equal(mkfifoat(fixture->fd, "fifo", 0600), 0);
    int listener = socket(AF_UNIX, SOCK_STREAM, 0);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%.90s/socket", fixture->folder);
    assert_int_equal(bind(listener, (const struct sockaddr *)&address, sizeof address), 0);
    bool devices = mknodat(fixture->fd, "device", S_IFCHR | 0600, makedev(1, 7)) == 0 &&
                   mknodat(fixture->fd, "disk", S_IFBLK | 0600, makedev(7, 300)) == 0;
    assert_true(devices || geteuid() != 0);
    CLEANUP(recorder_free) struct recorder recorder = {0};
    tree_fixture_read(fixture, &recorder);
    close(listener);
    assert_int_equal(recorder_get(&recorder, "fifo")->entry.type, ENTRY_FIFO);
    assert_int_equal(recorder_get(&recorder, "socket")->entry.type, ENTRY_SOCKET);
    if (devices) {
        const struct entry *entry = &recorder_get(&recorder, "device")->entry;
        assert_int_equal(entry->type, ENTRY_CHARACTER_DEVICE);
        assert_int_equal(entry->device_number, makedev(1, 7));
        entry = &recorder_get(&recorder, "disk")->entry;
        assert_int_equal(entry->type, ENTRY_BLOCK_DEVICE);
        assert_int_equal(entry->device_number, makedev(7, 300));
    }
    assert_int_equal(recorder.warning_count, 0);
}

static void test_names(void **state)
{
    struct tree_fixture *fixture = *state;
    char longest[256];
    memset(longest, 'n', 255);
    longest[255] = '\0';
    const char *names[] = {" ",           "a b",      "line\nbreak", "\x01", "-rf",  "'\"`$",
                           "車検 証.pdf", "\xe3\x81", "\xff\xfe",    "...",  longest};
    for (size_t i = 0; i < LENGTH(names); i++) {
        tree_fixture_text(fixture->fd, names[i], names[i]);
    }
    CLEANUP(recorder_free) struct recorder recorder = {0};
    tree_fixture_read(fixture, &recorder);
    assert_int_equal(recorder.count, LENGTH(names) + 1);
    for (size_t i = 0; i < LENGTH(names); i++) {
        assert_content(&recorder, names[i], names[i]);
    }
}

/* ---- holes */

static void test_sparse(void **state)
{
    struct tree_fixture *fixture = *state;
    CLEANUP(file_close)
    int fd = openat(fixture->fd, "sparse", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    enum { SIZE = 600000, MIDDLE = 262244 };
    assert_int_equal(pwrite(fd, "begin", 5, 0), 5);
    assert_int_equal(pwrite(fd, "middle", 6, MIDDLE), 6);
    assert_int_equal(ftruncate(fd, SIZE), 0);
    CLEANUP(recorder_free) struct recorder recorder = {0};
    tree_fixture_read(fixture, &recorder);
    const struct recorded *recorded = recorder_get(&recorder, "sparse");
    assert_int_equal(recorded->outcome.size, SIZE);
    assert_true(recorded->holes >= 500000);
    static unsigned char expected[SIZE] = "begin";
    static const unsigned char middle[] = {'m', 'i', 'd', 'd', 'l', 'e'};
    memcpy(expected + MIDDLE, middle, sizeof middle);
    assert_int_equal(recorded->content.size, SIZE);
    assert_memory_equal(recorded->content.data, expected, SIZE);
}

static void test_huge_hole(void **state)
{
    struct tree_fixture *fixture = *state;
    CLEANUP(file_close)
    int fd = openat(fixture->fd, "huge", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    const uint64_t size = UINT64_C(20) << 30;
    assert_int_equal(ftruncate(fd, (off_t)size), 0);
    assert_int_equal(pwrite(fd, "x", 1, (off_t)size / 2), 1);
    clock_t begin = clock();
    CLEANUP(recorder_free) struct recorder recorder = {0};
    tree_fixture_read(fixture, &recorder);
    assert_true(clock() - begin < CLOCKS_PER_SEC); /* of the processor, not of a busy machine */
    const struct recorded *recorded = recorder_get(&recorder, "huge");
    assert_true(recorded->outcome.size == size);
    assert_true(recorded->holes + recorded->content.size == size);
    assert_int_equal(recorder.warning_count, 0);
}

static void test_large_file(void **state)
{
    struct tree_fixture *fixture = *state;
    static unsigned char data[3145745];
    const size_t size = sizeof data;
    for (size_t i = 0; i < size; i++) {
        data[i] = (unsigned char)(i * 31 + i / 251);
    }
    tree_fixture_write(fixture->fd, "large", data, size);
    CLEANUP(recorder_free) struct recorder recorder = {0};
    tree_fixture_read(fixture, &recorder);
    const struct recorded *recorded = recorder_get(&recorder, "large");
    assert_int_equal(recorded->content.size, size);
    assert_memory_equal(recorded->content.data, data, size);
    assert_int_equal(recorded->holes, 0);
}

/* ---- what the sink knows */

static void test_known(void **state)
{
    struct tree_fixture *fixture = *state;
    assert_int_equal(mkdirat(fixture->fd, "folder", 0755), 0);
    tree_fixture_text(fixture->fd, "folder/file", "x");
    assert_int_equal(symlinkat("x", fixture->fd, "link"), 0);
    CLEANUP(recorder_free) struct recorder recorder = {.know_all = true};
    tree_fixture_read(fixture, &recorder);
    assert_int_equal(recorder.count, 4);
    for (size_t i = 0; i < recorder.count; i++) {
        assert_true(recorder.entries[i].known);
    }
    assert_int_equal(recorder.calls, 4); /* nothing but the questions */
}

static void test_sink_that_knows_nothing(void **state)
{
    struct tree_fixture *fixture = *state;
    tree_fixture_text(fixture->fd, "file", "x");
    CLEANUP(recorder_free) struct recorder recorder = {0};
    struct source_sink sink = recorder_sink(&recorder);
    sink.known = NULL;
    struct config_source source = {.kind = SOURCE_TREE, .path = fixture->folder};
    struct error error;
    assert_int_equal(source_tree.run(&source, &sink, &error), STATUS_OK);
    assert_content(&recorder, "file", "x");
}

/* ---- what is left out */

static void test_exclude(void **state)
{
    struct tree_fixture *fixture = *state;
    assert_int_equal(mkdirat(fixture->fd, "keep", 0755), 0);
    assert_int_equal(mkdirat(fixture->fd, "drop", 0755), 0);
    assert_int_equal(mkdirat(fixture->fd, "keep/build", 0755), 0);
    tree_fixture_text(fixture->fd, "build", "a file");
    tree_fixture_text(fixture->fd, "drop/in", "x");
    tree_fixture_text(fixture->fd, "keep/in", "x");
    tree_fixture_text(fixture->fd, "keep/in.tmp", "x");
    tree_fixture_text(fixture->fd, "keep/build/in", "x");
    char temporary[] = "*.tmp";
    char top[] = "/drop";
    char folder[] = "build/";
    char *exclude[] = {temporary, top, folder, NULL};
    CLEANUP(recorder_free) struct recorder recorder = {0};
    struct error error;
    assert_int_equal(tree_fixture_source(fixture->folder, exclude, false, &recorder, &error),
                     STATUS_OK);
    assert_int_equal(recorder.count, 4);
    assert_content(&recorder, "build", "a file");
    assert_content(&recorder, "keep/in", "x");
}

/* ---- the source itself */

static void test_missing_root(void **state)
{
    struct tree_fixture *fixture = *state;
    char path[256];
    snprintf(path, sizeof path, "%s/missing", fixture->folder);
    CLEANUP(recorder_free) struct recorder recorder = {0};
    struct error error;
    assert_int_equal(tree_fixture_source(path, NULL, false, &recorder, &error), STATUS_NOT_FOUND);
    assert_non_null(strstr(error.message, path));
    assert_true(error.hint[0] != '\0');
    assert_int_equal(recorder.count, 0);
    tree_fixture_text(fixture->fd, "missing", "a file now");
    assert_int_equal(tree_fixture_source(path, NULL, false, &recorder, &error), STATUS_FAILED);
    assert_int_equal(recorder.count, 0);
}

static void test_root_by_symlink(void **state)
{
    struct tree_fixture *fixture = *state;
    char path[256];
    snprintf(path, sizeof path, "%s/link", fixture->base);
    assert_int_equal(symlink("tree", path), 0);
    tree_fixture_text(fixture->fd, "file", "x");
    CLEANUP(recorder_free) struct recorder recorder = {0};
    struct error error;
    assert_int_equal(tree_fixture_source(path, NULL, false, &recorder, &error), STATUS_OK);
    assert_int_equal(recorder_get(&recorder, "")->entry.type, ENTRY_FOLDER);
    assert_content(&recorder, "file", "x");
}

/* A mount point below is an empty folder; without the setting it is gone into. */
static void mount_and_read(const struct tree_fixture *fixture)
{
    CLEANUP(recorder_free) struct recorder recorder = {0};
    CLEANUP(recorder_free) struct recorder all = {0};
    struct error error;
    bool right = tree_fixture_source(fixture->folder, NULL, true, &recorder, &error) == STATUS_OK &&
                 tree_fixture_source(fixture->folder, NULL, false, &all, &error) == STATUS_OK &&
                 recorder_find(&recorder, "mount") != NULL &&
                 recorder_find(&recorder, "mount/inside") == NULL &&
                 recorder_find(&recorder, "zone") != NULL && recorder.warning_count == 0 &&
                 recorder_find(&all, "mount/inside") != NULL;
    _exit(right ? 0 : 1);
}

static void test_mount_point(void **state)
{
    struct tree_fixture *fixture = *state;
    assert_int_equal(mkdirat(fixture->fd, "mount", 0755), 0);
    tree_fixture_text(fixture->fd, "zone", "x");
    char mount[512];
    snprintf(mount, sizeof mount,
             "mount -t tmpfs none %.100s/mount 2>&1 && echo x > %.100s/mount/inside",
             fixture->folder, fixture->folder);
    pid_t child = fork();
    if (child == 0) {
        if (unshare(CLONE_NEWNS) != 0 ||
            system("mount --make-rprivate / 2>&1") != 0 || // NOLINT(cert-env33-c)
            system(mount) != 0) {                          // NOLINT(cert-env33-c)
            _exit(77);
        }
        mount_and_read(fixture);
    }
    int result;
    assert_int_equal(waitpid(child, &result, 0), child);
    if (WEXITSTATUS(result) == 77) {
        SKIP_BECAUSE("not allowed to mount here");
    }
    assert_int_equal(result, 0);
}

static const struct CMUnitTest tests[] = {
#define TREE_TEST(name)                                                                            \
    cmocka_unit_test_setup_teardown(name, tree_fixture_setup, tree_fixture_teardown)
    TREE_TEST(test_root_and_order),  TREE_TEST(test_owners_modes_times),
    TREE_TEST(test_attributes),      TREE_TEST(test_links),
    TREE_TEST(test_many_links),      TREE_TEST(test_special_files),
    TREE_TEST(test_names),           TREE_TEST(test_sparse),
    TREE_TEST(test_huge_hole),       TREE_TEST(test_large_file),
    TREE_TEST(test_known),           TREE_TEST(test_sink_that_knows_nothing),
    TREE_TEST(test_exclude),         TREE_TEST(test_missing_root),
    TREE_TEST(test_root_by_symlink), TREE_TEST(test_mount_point),
};

int main(void)
{
    return cmocka_run_group_tests(tests, NULL, NULL);
}
