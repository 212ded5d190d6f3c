/* path: where a write would land on this machine, and what open files other than files are. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "medium/scan.h"
#include "support/device_tree.h"
#include "support/skip.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

static char base[] = "/tmp/kura-test-XXXXXX";

static void make_link(const char *target, const char *name)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", base, name);
    assert_int_equal(symlink(target, path), 0);
}

static int set_up(void **state)
{
    (void)state;
    char path[128];
    assert_non_null(mkdtemp(base));
    snprintf(path, sizeof path, "%s/stick/folder", base);
    tree_folder(path);
    tree_file(path, "file", "x");
    make_link("stick", "link");
    make_link("link/folder/new", "dangling");
    make_link("dangling", "dangling2");
    make_link("/nowhere-at-all/x", "far");
    make_link("ring2", "ring1");
    make_link("ring1", "ring2");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", base);
    return system(command);
}

/* The place of `path` (below base) is `place` (the same). */
static void lands_in(const char *path, const char *place)
{
    struct error error;
    char full[PATH_MAX];
    struct stat is;
    struct stat wanted;
    int fd = -1;
    snprintf(full, sizeof full, "%s/%s", base, path);
    if (path_open(&fd, full, &error) != STATUS_OK) {
        fail_msg("%s", error.message);
    }
    assert_int_equal(fstat(fd, &is), 0);
    file_close(&fd);
    if (*place == '/') {
        snprintf(full, sizeof full, "%s", place);
    } else {
        snprintf(full, sizeof full, "%s/%s", base, place);
    }
    assert_int_equal(stat(full, &wanted), 0);
    print_message("%s → %s\n", path, place);
    assert_int_equal(is.st_ino, wanted.st_ino);
    assert_int_equal(is.st_dev, wanted.st_dev);
}

static void a_path_leads_where_a_write_lands(void **state)
{
    (void)state;
    lands_in("stick/folder/file", "stick/folder/file");
    lands_in("stick/folder/", "stick/folder");
    lands_in("stick/folder/new", "stick/folder");
    lands_in("stick/folder/a/b/c//", "stick/folder");
    lands_in("link/folder/a", "stick/folder");
    lands_in("dangling", "stick/folder");
    lands_in("dangling2", "stick/folder");
    lands_in("dangling2/sub/file", "stick/folder");
    lands_in("dangling2/", "stick/folder");
    lands_in("dangling//below//", "stick/folder");
    lands_in("far", "/");
    lands_in("", "");
}

static void refuses(const char *path, enum status wanted)
{
    struct error error = {0};
    char full[PATH_MAX + 256];
    int fd = -1;
    snprintf(full, sizeof full, "%s/%s", base, path);
    assert_int_equal(path_open(&fd, full, &error), wanted);
    assert_int_equal(fd, -1);
    assert_string_not_equal(error.message, "");
}

static void a_path_that_no_write_can_take_is_an_error(void **state)
{
    (void)state;
    char longest[PATH_MAX + 8];
    memset(longest, 'x', sizeof longest);
    longest[sizeof longest - 1] = '\0';
    refuses("ring1", STATUS_FAILED);
    refuses("stick/folder/file/below", STATUS_FAILED);
    refuses("missing/../stick/folder/new", STATUS_NOT_FOUND);
    refuses("missing/..", STATUS_NOT_FOUND);
    refuses(longest, STATUS_FAILED);
}

static void relative_paths_are_of_the_working_folder(void **state)
{
    (void)state;
    struct error error;
    struct stat is;
    struct stat wanted;
    int fd = -1;
    assert_int_equal(chdir(base), 0);
    assert_int_equal(path_open(&fd, "no/such", &error), STATUS_OK);
    assert_int_equal(fstat(fd, &is), 0);
    file_close(&fd);
    assert_int_equal(stat(base, &wanted), 0);
    assert_int_equal(is.st_ino, wanted.st_ino);
    assert_int_equal(chdir("/"), 0);
}

/* ------------------------------------------------------------------ open files */

static void an_open_folder_is_judged_by_its_mount(void **state)
{
    (void)state;
    static struct place place;
    static struct place again;
    struct device_tree tree;
    struct error error;
    struct statx about;
    char mounts[512];
    int fd = open(base, O_PATH | O_CLOEXEC);
    assert_int_equal(statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &about), 0);
    tree_begin(&tree);
    tree_add(&tree, "pci/usb1/1-1 :usb idVendor=0951 idProduct=1666 serial=S\n"
                    "pci/usb1/1-1/block/sdb :block dev=8:16 removable=0 diskseq=7\n");
    /* This folder's own mount, as a stick would have it. */
    snprintf(mounts, sizeof mounts, "%llu 1 8:16 / / rw - ext4 /dev/sdb rw\n",
             (unsigned long long)about.stx_mnt_id);
    tree_mounts(&tree, mounts);
    assert_int_equal(place_judge(&place, fd, &tree.roots, &error), STATUS_OK);
    assert_int_equal(place.class, PLACE_REMOVABLE);
    assert_int_equal(place.mount_id, about.stx_mnt_id);
    assert_int_equal(place.device, makedev(about.stx_dev_major, about.stx_dev_minor));
    assert_int_equal(place.diskseq, 7);
    assert_string_equal(place.identity.serial, "S");

    /* The same folder after the stick was exchanged. */
    assert_int_equal(place_judge(&again, fd, &tree.roots, &error), STATUS_OK);
    assert_true(place_same(&place, &again));
    tree_add(&tree, "pci/usb1/1-1/block/sdb diskseq=8\n");
    assert_int_equal(place_judge(&again, fd, &tree.roots, &error), STATUS_OK);
    assert_false(place_same(&place, &again));
    again = place;
    again.mount_id++;
    assert_false(place_same(&place, &again));
    again = place;
    again.device++;
    assert_false(place_same(&place, &again));

    /* And one that is in no list. */
    tree_mounts(&tree, "1 1 8:16 / / rw - ext4 /dev/sdb rw\n");
    assert_int_equal(place_judge(&place, fd, &tree.roots, &error), STATUS_OK);
    assert_int_equal(place.class, PLACE_UNKNOWN);
    tree_end(&tree);
    file_close(&fd);
}

static void a_pipe_is_unknown(void **state)
{
    (void)state;
    static struct place place;
    struct error error;
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    assert_int_equal(place_judge(&place, ends[1], NULL, &error), STATUS_OK);
    assert_int_equal(place.class, PLACE_UNKNOWN);
    assert_non_null(strstr(place.steps[0], "pipe"));
    file_close(&ends[0]);
    file_close(&ends[1]);
}

static void devices_are_judged_as_what_they_are(void **state)
{
    (void)state;
    static struct place place;
    struct device_tree tree;
    struct error error;
    char node[128];
    snprintf(node, sizeof node, "%s/node", base);
    int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
    assert_int_equal(place_judge(&place, fd, NULL, &error), STATUS_OK);
    assert_int_equal(place.class, PLACE_UNKNOWN);
    assert_non_null(strstr(place.steps[0], "null is a character device"));
    file_close(&fd);
    /* Standard output may be redirected to a whole disk: its node lies on a fixed one. */
    if (mknod(node, S_IFBLK | 0600, makedev(8, 16)) != 0) {
        SKIP_BECAUSE("not allowed to make a device's node here");
    }
    tree_begin(&tree);
    tree_add(&tree, "pci/usb1/1-1 :usb idVendor=0951 serial=S\n"
                    "pci/usb1/1-1/block/sdb :block dev=8:16 removable=0\n");
    tree_mounts(&tree, "");
    fd = open(node, O_PATH | O_CLOEXEC);
    assert_int_equal(place_judge(&place, fd, &tree.roots, &error), STATUS_OK);
    tree_end(&tree);
    file_close(&fd);
    assert_int_equal(place.class, PLACE_REMOVABLE);
    assert_int_equal(place.device, makedev(8, 16));
}

/* A tape, a serial line over USB. */
static void a_character_device_shows_its_signs(void **state)
{
    (void)state;
    static struct place place;
    struct device_tree tree;
    struct error error;
    tree_begin(&tree);
    tree_add(&tree, "pci/usb1/1-1 :usb idVendor=0951\npci/usb1/1-1/x/st :mem\n");
    tree_fact_link(&tree, "dev/char", "1:3", "devices/pci/usb1/1-1/x/st");
    tree_mounts(&tree, "");
    int fd = open("/dev/null", O_WRONLY | O_CLOEXEC); /* 1:3 */
    assert_int_equal(place_judge(&place, fd, &tree.roots, &error), STATUS_OK);
    tree_end(&tree);
    file_close(&fd);
    assert_int_equal(place.class, PLACE_REMOVABLE);
}

static void a_descriptor_that_is_not_open_is_an_error(void **state)
{
    (void)state;
    static struct place place;
    struct error error;
    assert_int_equal(place_judge(&place, -1, NULL, &error), STATUS_FAILED);
    assert_int_equal(error.os_error, EBADF);
    assert_int_equal(place.class, PLACE_UNKNOWN);
}

/* A sysfs that is not the kernel's says nothing. */
static void a_folder_instead_of_sysfs_is_not_believed(void **state)
{
    (void)state;
    static struct place place;
    struct device_tree tree;
    struct error error;
    struct stat about;
    char line[128];
    assert_int_equal(stat(base, &about), 0);
    snprintf(line, sizeof line, "pci/block/sdx :block dev=%u:%u removable=0\n", major(about.st_dev),
             minor(about.st_dev));
    tree_begin(&tree);
    tree_add(&tree, line);
    struct place_roots roots = {.sysfs = tree.sysfs};
    assert_int_equal(place_judge_path(&place, base, &roots, &error), STATUS_OK);
    tree_end(&tree);
    assert_int_equal(place.class, PLACE_UNKNOWN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_path_leads_where_a_write_lands),
        cmocka_unit_test(a_path_that_no_write_can_take_is_an_error),
        cmocka_unit_test(relative_paths_are_of_the_working_folder),
        cmocka_unit_test(an_open_folder_is_judged_by_its_mount),
        cmocka_unit_test(a_pipe_is_unknown),
        cmocka_unit_test(devices_are_judged_as_what_they_are),
        cmocka_unit_test(a_character_device_shows_its_signs),
        cmocka_unit_test(a_descriptor_that_is_not_open_is_an_error),
        cmocka_unit_test(a_folder_instead_of_sysfs_is_not_believed),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
