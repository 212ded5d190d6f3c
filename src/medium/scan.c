/* scan: the bookkeeping of the way from a file to its disks. */
#include "scan.h"
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static void say(struct scan *scan, const char *format, va_list arguments) PRINTF_LIKE(2, 0);
static void say(struct scan *scan, const char *format, va_list arguments)
{
    char text[4 * PLACE_STEP_SIZE];
    struct place *place = scan->place;
    if (place == NULL) {
        return;
    }
    /* When there is no room left the last one makes way: why it ended counts more. */
    place->step_count -= place->step_count == PLACE_STEPS;
    vsnprintf(text, sizeof text, format, arguments);
    text_printable(place->steps[place->step_count++], PLACE_STEP_SIZE, text);
}

void scan_say(struct scan *scan, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    say(scan, format, arguments);
    va_end(arguments);
}

void scan_end(struct scan *scan, enum leaf_kind kind, dev_t device, const char *name)
{
    if (scan->leaf_count == SCAN_LEAVES) {
        /* The last one stands for all that did not fit: never less than it was. */
        struct leaf *last = &scan->leaves[SCAN_LEAVES - 1];
        last->kind =
            last->kind == LEAF_REMOVABLE || kind == LEAF_REMOVABLE ? LEAF_REMOVABLE : LEAF_LOST;
        return;
    }
    struct leaf *leaf = &scan->leaves[scan->leaf_count++];
    *leaf = (struct leaf){.kind = kind, .device = device};
    snprintf(leaf->name, sizeof leaf->name, "%s", name);
}

void scan_lose(struct scan *scan, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    say(scan, format, arguments);
    va_end(arguments);
    scan_end(scan, LEAF_LOST, 0, "");
}

bool scan_enter(struct scan *scan, enum scan_what what, uint64_t id)
{
    uint64_t mark = id << 1 | (what == SCAN_MOUNT);
    for (size_t i = 0; i < scan->depth; i++) {
        if (scan->trail[i] == mark) {
            scan_lose(scan, "%s", _("the way leads back into itself"));
            return false;
        }
    }
    if (scan->depth == SCAN_DEPTH) {
        scan_lose(scan, "%s", _("too many layers lie upon each other"));
        return false;
    }
    scan->trail[scan->depth++] = mark;
    return true;
}

void scan_leave(struct scan *scan)
{
    scan->depth--;
}

/* ------------------------------------------------------------------ files */

/* A tape or another device behind a node: only its own signs can be told. */
static void follow_special(struct scan *scan, const struct statx *about)
{
    unsigned type = about->stx_mode & S_IFMT;
    char path[FACT_PATH];
    char name[32];
    if (type != S_IFCHR) {
        scan_lose(scan, "%s", _("a pipe or socket: where it ends cannot be told"));
        return;
    }
    snprintf(name, sizeof name, "%u:%u", about->stx_rdev_major, about->stx_rdev_minor);
    if (!fact_link(path, scan->facts, "dev/char", name)) {
        scan_lose(scan, _("the kernel tells nothing about the character device %s"), name);
        return;
    }
    scan_say(scan, _("%s is a character device"), fact_base(path));
    enum leaf_kind kind = leaf_sign_of_character(scan, path);
    scan_end(scan, kind == LEAF_REMOVABLE ? kind : LEAF_LOST, 0, fact_base(path));
}

static struct libmnt_fs *find_mount(const struct facts *facts, uint64_t id)
{
    struct libmnt_iter *iterator = mnt_new_iter(MNT_ITER_FORWARD);
    struct libmnt_fs *found = NULL;
    struct libmnt_fs *line;
    while (iterator != NULL && facts->mounts != NULL && found == NULL &&
           mnt_table_next_fs(facts->mounts, iterator, &line) == 0) {
        int line_id = mnt_fs_get_id(line);
        found = line_id > 0 && (uint64_t)line_id == id ? line : NULL;
    }
    mnt_free_iter(iterator);
    return found;
}

static void follow_mount_of(struct scan *scan, int fd, uint64_t id)
{
    char link[64];
    char path[FACT_PATH];
    struct libmnt_fs *line = find_mount(scan->facts, id);
    if (line == NULL) {
        scan_lose(scan, _("mount %llu is not in the list of mounts"), (unsigned long long)id);
        return;
    }
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t size = readlink(link, path, sizeof path - 1);
    path[size < 0 ? 0 : size] = '\0';
    mount_follow(scan, line, path);
}

void scan_follow_file(struct scan *scan, int fd)
{
    struct statx about;
    if (statx(fd, "", AT_EMPTY_PATH, STATX_TYPE | STATX_MNT_ID, &about) != 0) {
        scan_lose(scan, "%s", _("the kernel does not tell what the file is"));
        return;
    }
    unsigned type = about.stx_mode & S_IFMT;
    if (type == S_IFBLK) {
        device_follow(scan, makedev(about.stx_rdev_major, about.stx_rdev_minor));
    } else if (type != S_IFREG && type != S_IFDIR) {
        follow_special(scan, &about);
    } else if ((about.stx_mask & STATX_MNT_ID) == 0) {
        scan_lose(scan, "%s", _("the kernel does not tell the mount"));
    } else {
        follow_mount_of(scan, fd, about.stx_mnt_id);
    }
}

/* Whether the path is the mount point or lies beneath it. */
static bool is_beneath(const char *path, const char *target)
{
    size_t size = strcmp(target, "/") == 0 ? 0 : strlen(target);
    return strncmp(path, target, size) == 0 && (path[size] == '/' || path[size] == '\0');
}

/* The longest mount point; of two with the same name the later one, which covers the other. */
static struct libmnt_fs *find_mount_of(const struct facts *facts, const char *path)
{
    struct libmnt_iter *iterator = mnt_new_iter(MNT_ITER_FORWARD);
    struct libmnt_fs *found = NULL;
    struct libmnt_fs *line;
    size_t longest = 0;
    while (iterator != NULL && facts->mounts != NULL &&
           mnt_table_next_fs(facts->mounts, iterator, &line) == 0) {
        const char *target = mnt_fs_get_target(line);
        if (target != NULL && is_beneath(path, target) && strlen(target) >= longest) {
            found = line;
            longest = strlen(target);
        }
    }
    mnt_free_iter(iterator);
    return found;
}

static void follow_recorded(struct scan *scan, const char *path)
{
    dev_t device;
    if (fact_device_by_name(&device, scan->facts, path)) {
        device_follow(scan, device);
        return;
    }
    struct libmnt_fs *line = find_mount_of(scan->facts, path);
    if (line == NULL) {
        scan_lose(scan, _("no mount holds %s"), path);
    } else {
        mount_follow(scan, line, path);
    }
}

void scan_follow_path(struct scan *scan, const char *path)
{
    if (*path != '/') {
        scan_lose(scan, _("%s is no absolute path: where it leads cannot be told"), path);
        return;
    }
    if (scan->facts->recorded) {
        follow_recorded(scan, path);
        return;
    }
    CLEANUP(file_close) int fd = open(path, O_PATH | O_CLOEXEC);
    if (fd < 0) {
        scan_lose(scan, _("%s cannot be opened here: %s"), path, strerror(errno));
        return;
    }
    scan_follow_file(scan, fd);
}

void scan_follow_root(struct scan *scan)
{
    struct libmnt_fs *line = find_mount_of(scan->facts, "/");
    if (line != NULL) {
        mount_follow(scan, line, NULL);
    }
}
