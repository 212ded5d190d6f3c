/* device: from a block device down to the disks that it lies on. */
#include "scan.h"
#include <fcntl.h>
#include <linux/loop.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

static void take_identity(struct scan *scan, const struct medium_identity *found)
{
    if (scan->covered > 0) {
        return;
    }
    struct medium_identity *identity = &scan->identity;
    memcpy(identity->usb_vendor, found->usb_vendor, sizeof identity->usb_vendor);
    memcpy(identity->usb_product, found->usb_product, sizeof identity->usb_product);
    memcpy(identity->serial, found->serial, sizeof identity->serial);
    identity->size = found->size;
    scan->identity_count++;
}

/* ------------------------------------------------------------------ loop */

/* The name that the loop device keeps may lead to another file by now: renamed, or something
 * mounted above it. */
static bool is_backing_file(const struct facts *facts, const char *loop, const char *path)
{
    char node[FACT_PATH];
    struct stat about;
    struct loop_info64 info;
    int size = snprintf(node, sizeof node, "%s/%s", facts->devfs, loop);
    CLEANUP(file_close)
    int fd = size >= (int)sizeof node ? -1 : open(node, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    /* Who may not ask the device has the kernel's name of the file and nothing better. */
    if (facts->recorded || fd < 0 || ioctl(fd, LOOP_GET_STATUS64, &info) != 0) {
        return true;
    }
    return stat(path, &about) == 0 && about.st_ino == info.lo_inode &&
           about.st_dev == info.lo_device;
}

static bool is_deleted(const char *path)
{
    static const char mark[] = " (deleted)";
    size_t size = strlen(path);
    return size >= sizeof mark - 1 && strcmp(path + size - (sizeof mark - 1), mark) == 0;
}

static void follow_loop(struct scan *scan, const char *disk)
{
    char file[4096];
    struct medium_identity identity = {0};
    uint64_t sectors;
    const char *name = fact_base(disk);
    if (fact_read_number(&sectors, scan->facts, disk, "size")) {
        identity.size = sectors * 512;
    }
    take_identity(scan, &identity);
    if (!fact_read(file, sizeof file, scan->facts, disk, "loop/backing_file") || *file == '\0') {
        scan_lose(scan, _("the file behind %s is not known"), name);
        return;
    }
    scan_say(scan, _("%s is backed by the file %s"), name, file);
    if (is_deleted(file) || !is_backing_file(scan->facts, name, file)) {
        scan_lose(scan, _("the file behind %s is not under its name any more"), name);
        return;
    }
    scan->covered++;
    scan_follow_path(scan, file);
    scan->covered--;
}

/* ------------------------------------------------------------------ slaves */

static void follow_slaves(struct scan *scan, const char *disk, const struct fact_names *slaves)
{
    char folder[FACT_PATH];
    snprintf(folder, sizeof folder, "%.*s/slaves", FACT_PATH - 8, disk);
    for (size_t i = 0; i < slaves->count; i++) {
        char path[FACT_PATH];
        dev_t device;
        scan_say(scan, _("%s lies on %s"), fact_base(disk), slaves->items[i]);
        if (fact_link(path, scan->facts, folder, slaves->items[i]) &&
            fact_read_device(&device, scan->facts, path)) {
            device_follow(scan, device);
        } else {
            scan_lose(scan, _("the kernel tells nothing about %s"), slaves->items[i]);
        }
    }
    if (slaves->cut) {
        scan_lose(scan, _("%s lies on too many devices"), fact_base(disk));
    }
    /* What is written here goes to the other machine as well. */
    if (strncmp(fact_base(disk), "drbd", 4) == 0) {
        scan_end(scan, LEAF_NETWORK, 0, fact_base(disk));
    }
}

/* ------------------------------------------------------------------ disks */

static void follow_leaf(struct scan *scan, const char *disk, dev_t device)
{
    struct medium_identity identity;
    identity_read_disk(&identity, scan->facts, disk);
    take_identity(scan, &identity);
    scan_end(scan, leaf_sign(scan, disk), device, fact_base(disk));
}

/* False: done already, by another way. */
static bool is_new(const struct scan *scan, dev_t device)
{
    for (size_t i = 0; i < scan->done_count; i++) {
        if (scan->done[i] == device) {
            return false;
        }
    }
    return true;
}

static void follow_disk(struct scan *scan, const char *disk)
{
    CLEANUP(fact_names_free) struct fact_names slaves = {0};
    char folder[FACT_PATH];
    uint64_t diskseq;
    dev_t device;
    if (!fact_read_device(&device, scan->facts, disk)) {
        scan_lose(scan, _("the kernel tells nothing about %s"), fact_base(disk));
        return;
    }
    if (!is_new(scan, device)) {
        return;
    }
    if (scan->done_count == SCAN_LEAVES) {
        scan_lose(scan, _("%s lies on too many devices"), fact_base(disk));
        return;
    }
    scan->done[scan->done_count++] = device;
    if (fact_read_number(&diskseq, scan->facts, disk, "diskseq") && diskseq > scan->diskseq) {
        scan->diskseq = diskseq;
    }
    snprintf(folder, sizeof folder, "%.*s/slaves", FACT_PATH - 8, disk);
    fact_list(&slaves, scan->facts, folder);
    if (slaves.count > 0 || slaves.cut) {
        follow_slaves(scan, disk, &slaves);
    } else if (fact_exists(scan->facts, disk, "loop")) {
        follow_loop(scan, disk);
    } else {
        follow_leaf(scan, disk, device);
    }
}

void device_follow(struct scan *scan, dev_t device)
{
    char path[FACT_PATH];
    char part[FACT_NAME];
    if (!scan_enter(scan, SCAN_DEVICE, device)) {
        return;
    }
    if (!fact_device_path(path, scan->facts, device)) {
        scan_lose(scan, _("the kernel tells nothing about the block device %u:%u"), major(device),
                  minor(device));
    } else {
        if (fact_exists(scan->facts, path, "partition")) {
            snprintf(part, sizeof part, "%s", fact_base(path));
            if (fact_parent(path)) {
                scan_say(scan, _("%s is a partition of %s"), part, fact_base(path));
            }
        }
        follow_disk(scan, path);
    }
    scan_leave(scan);
}
