/* identity: what a medium is recognised by. */
#include "scan.h"
#include <blkid/blkid.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* Copies without the blanks around, and control characters made visible. */
static void keep(char *target, size_t size, const char *text)
{
    char trimmed[256];
    while (*text == ' ') {
        text++;
    }
    size_t length = strlen(text);
    while (length > 0 && isspace((unsigned char)text[length - 1])) {
        length--;
    }
    snprintf(trimmed, sizeof trimmed, "%.*s", (int)(length < 255 ? length : 255), text);
    text_printable(target, size, trimmed);
}

/* ------------------------------------------------------------------ the disk */

static bool keep_attribute(char *target, size_t size, const struct facts *facts, const char *path,
                           const char *name)
{
    char text[256];
    if (!fact_read(text, sizeof text, facts, path, name)) {
        return false;
    }
    keep(target, size, text);
    return *target != '\0';
}

/* Page 0x80 of a SCSI disk: four bytes of header, the last of them the length; then the serial. */
static bool keep_vpd_serial(struct medium_identity *identity, const struct facts *facts,
                            const char *device)
{
    unsigned char page[256];
    char text[256];
    size_t got;
    if (!fact_read_bytes(page, sizeof page, &got, facts, device, "vpd_pg80") || got < 5 ||
        page[1] != 0x80) {
        return false;
    }
    size_t size = page[3] < got - 4 ? page[3] : got - 4;
    memcpy(text, page + 4, size);
    text[size] = '\0';
    keep(identity->serial, sizeof identity->serial, text);
    return identity->serial[0] != '\0';
}

static bool is_of(const struct facts *facts, const char *device, const char *subsystem)
{
    char path[FACT_PATH];
    return fact_link(path, facts, device, "subsystem") && strcmp(fact_base(path), subsystem) == 0;
}

/* The nearest device above that has a serial of the whole medium or reader. */
static bool keep_from_above(struct medium_identity *identity, const struct facts *facts,
                            const char *disk)
{
    char path[FACT_PATH];
    snprintf(path, sizeof path, "%s", disk);
    while (fact_parent(path)) {
        char *serial = identity->serial;
        size_t size = sizeof identity->serial;
        if (keep_attribute(identity->usb_vendor, sizeof identity->usb_vendor, facts, path,
                           "idVendor")) {
            (void)(keep_attribute(identity->usb_product, sizeof identity->usb_product, facts, path,
                                  "idProduct") &&
                   keep_attribute(serial, size, facts, path, "serial"));
            return true;
        }
        if (is_of(facts, path, "mmc") && keep_attribute(serial, size, facts, path, "cid")) {
            return true;
        }
        if ((is_of(facts, path, "nvme") || leaf_is_nvme_subsystem(facts, path)) &&
            keep_attribute(serial, size, facts, path, "serial")) {
            return true;
        }
    }
    return false;
}

void identity_read_disk(struct medium_identity *identity, const struct facts *facts,
                        const char *disk)
{
    char device[FACT_PATH];
    uint64_t sectors;
    *identity = (struct medium_identity){0};
    if (fact_read_number(&sectors, facts, disk, "size")) {
        identity->size = sectors * 512;
    }
    char *serial = identity->serial;
    size_t size = sizeof identity->serial;
    if (keep_from_above(identity, facts, disk) ||
        keep_attribute(serial, size, facts, disk, "serial") ||
        keep_attribute(serial, size, facts, disk, "wwid") ||
        !fact_link(device, facts, disk, "device")) {
        return;
    }
    (void)(keep_vpd_serial(identity, facts, device) ||
           keep_attribute(serial, size, facts, device, "wwid"));
}

/* ------------------------------------------------------------------ the file system */

static void keep_value(char *target, size_t size, blkid_probe probe, const char *name)
{
    const char *value = NULL;
    if (blkid_probe_lookup_value(probe, name, &value, NULL) == 0 && value != NULL) {
        keep(target, size, value);
    }
}

/* Asks the disk itself; needs the right to read it. */
static bool probe_device(struct medium_identity *identity, int fd)
{
    blkid_probe probe = blkid_new_probe();
    bool done =
        probe != NULL && blkid_probe_set_device(probe, fd, 0, 0) == 0 &&
        blkid_probe_enable_superblocks(probe, 1) == 0 &&
        blkid_probe_set_superblocks_flags(probe, BLKID_SUBLKS_TYPE | BLKID_SUBLKS_UUID) == 0 &&
        blkid_do_safeprobe(probe) == 0;
    if (done) {
        keep_value(identity->fs_type, sizeof identity->fs_type, probe, "TYPE");
        keep_value(identity->fs_uuid, sizeof identity->fs_uuid, probe, "UUID");
    }
    blkid_free_probe(probe);
    return done && identity->fs_uuid[0] != '\0';
}

static bool read_from_device(struct medium_identity *identity, const struct facts *facts,
                             dev_t device, const char *name)
{
    char path[FACT_PATH];
    struct stat about;
    int size = snprintf(path, sizeof path, "%s/%s", facts->devfs, name);
    if (size >= (int)sizeof path) {
        return false;
    }
    CLEANUP(file_close) int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    /* The name may be another device's by now. */
    return fd >= 0 && fstat(fd, &about) == 0 && S_ISBLK(about.st_mode) && about.st_rdev == device &&
           probe_device(identity, fd);
}

/* What udev wrote down when it asked the disk with the same library: lines "E:NAME=value". */
static bool read_from_udev(struct medium_identity *identity, const struct facts *facts,
                           dev_t device)
{
    CLEANUP(buffer_free) struct buffer content = {0};
    struct error error;
    char path[FACT_PATH];
    char *left = NULL;
    int size = snprintf(path, sizeof path, "%s/b%u:%u", facts->udev, major(device), minor(device));
    if (size >= (int)sizeof path || file_read(&content, path, 256 * 1024UL, &error) != STATUS_OK ||
        buffer_append_u8(&content, 0, &error) != STATUS_OK) {
        return false;
    }
    for (char *line = strtok_r((char *)content.data, "\n", &left); line != NULL;
         line = strtok_r(NULL, "\n", &left)) {
        if (strncmp(line, "E:ID_FS_UUID=", 13) == 0) {
            keep(identity->fs_uuid, sizeof identity->fs_uuid, line + 13);
        } else if (strncmp(line, "E:ID_FS_TYPE=", 13) == 0) {
            keep(identity->fs_type, sizeof identity->fs_type, line + 13);
        }
    }
    return identity->fs_uuid[0] != '\0';
}

/* The link that udev made, named by the UUID. */
static void read_from_links(struct medium_identity *identity, const struct facts *facts,
                            const char *name)
{
    char path[FACT_PATH];
    char link[FACT_PATH];
    if (snprintf(path, sizeof path, "%s/disk/by-uuid", facts->devfs) >= (int)sizeof path) {
        return;
    }
    DIR *folder = opendir(path);
    for (struct dirent *entry; folder != NULL && (entry = readdir(folder)) != NULL;) {
        ssize_t size = readlinkat(dirfd(folder), entry->d_name, link, sizeof link - 1);
        link[size < 0 ? 0 : size] = '\0';
        if (size > 0 && strcmp(fact_base(link), name) == 0) {
            keep(identity->fs_uuid, sizeof identity->fs_uuid, entry->d_name);
            break;
        }
    }
    if (folder != NULL) {
        closedir(folder);
    }
}

void identity_read_filesystem(struct medium_identity *identity, const struct facts *facts,
                              dev_t device)
{
    char path[FACT_PATH];
    if (identity->fs_uuid[0] != '\0' || !fact_device_path(path, facts, device)) {
        return;
    }
    const char *name = fact_base(path);
    if (!read_from_device(identity, facts, device, name) &&
        !read_from_udev(identity, facts, device)) {
        read_from_links(identity, facts, name);
    }
}
