/* mount: from a line of mountinfo to the devices that take what is written there. A type of file
 * system that is not known here, or has no device, is never taken for a disk. */
#include "scan.h"
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>

static bool is_one_of(const char *const *list, size_t count, const char *word)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(list[i], word) == 0) {
            return true;
        }
    }
    return false;
}

/* ------------------------------------------------------------------ network */

static bool is_network(const char *type)
{
    static const char *const types[] = {"nfs",  "nfs4", "cifs", "smb3",   "smbfs",
                                        "ceph", "afs",  "coda", "lustre", "orangefs"};
    return is_one_of(types, LENGTH(types), type);
}

/* A server on this very machine may serve a stick. */
static bool is_own_server(const char *source)
{
    static const char *const own[] = {"127.", "localhost:", "localhost/", "[::1]", "::1/"};
    source += strncmp(source, "//", 2) == 0 ? 2 : 0;
    for (size_t i = 0; i < LENGTH(own); i++) {
        if (strncasecmp(source, own[i], strlen(own[i])) == 0) {
            return true;
        }
    }
    return false;
}

static void follow_network(struct scan *scan, const char *type, const char *source)
{
    if (is_own_server(source)) {
        scan_lose(scan, _("the server of %s is this machine: what it serves cannot be told"),
                  source);
        return;
    }
    scan_say(scan, _("%s is a file system on the network"), type);
    scan_end(scan, LEAF_NETWORK, 0, type);
}

/* ------------------------------------------------------------------ programs and layers */

/* Telephones and cameras; whoever mounts chooses the name, but nobody gains by this one. */
static bool is_portable_device(const char *type)
{
    static const char *const types[] = {"fuse.jmtpfs", "fuse.simple-mtpfs",  "fuse.go-mtpfs",
                                        "fuse.mtpfs",  "fuse.aft-mtp-mount", "fuse.gphotofs",
                                        "fuse.ifuse",  "fuse.obexfs"};
    return is_one_of(types, LENGTH(types), type);
}

/* The desktop puts all it reaches into one mount; the first folder says by which way. */
static bool is_portable_folder(const char *type, const char *target, const char *path)
{
    static const char *const mounts[] = {"fuse.gvfsd-fuse", "fuse.gvfs-fuse-daemon",
                                         "fuse.kio-fuse"};
    static const char *const ways[] = {"mtp", "gphoto2", "afc", "obex", "camera"};
    size_t size = strlen(target);
    if (!is_one_of(mounts, LENGTH(mounts), type) || path == NULL ||
        strncmp(path, target, size) != 0 || path[size] != '/') {
        return false;
    }
    path += size + 1;
    for (size_t i = 0; i < LENGTH(ways); i++) {
        size_t length = strlen(ways[i]);
        if (strncmp(path, ways[i], length) == 0 && strchr(":/", path[length]) != NULL) {
            return true;
        }
    }
    return false;
}

/* What a program or an upper layer names as its own storage counts as far as it shows a sign. It is
 * only a name, perhaps of another namespace: it proves nothing good. */
static void follow_named(struct scan *scan, const char *path)
{
    scan_say(scan, _("it says that it writes to %s"), path);
    scan->covered++;
    scan_follow_path(scan, path);
    scan->covered--;
}

static void follow_program(struct scan *scan, struct libmnt_fs *line, const char *path)
{
    const char *type = mnt_fs_get_fstype(line);
    const char *source = mnt_fs_get_source(line);
    if (is_portable_device(type) || is_portable_folder(type, mnt_fs_get_target(line), path)) {
        scan_say(scan, "%s", _("a telephone, camera or other portable device"));
        scan_end(scan, LEAF_REMOVABLE, 0, type);
        return;
    }
    if (source != NULL && *source == '/') {
        follow_named(scan, source);
    }
    scan_lose(scan, _("%s is served by a program: where it writes cannot be told"), type);
}

/* The option's value, with the backslashes off that overlay puts before commas. */
static bool find_option(char *value, size_t size, struct libmnt_fs *line, const char *name)
{
    const char *options = mnt_fs_get_fs_options(line);
    char *found = NULL;
    size_t length = 0;
    if (options == NULL || mnt_optstr_get_option(options, name, &found, &length) != 0 ||
        found == NULL || length >= size) {
        return false;
    }
    size_t used = 0;
    for (size_t i = 0; i < length; i++) {
        i += found[i] == '\\' && i + 1 < length;
        value[used++] = found[i];
    }
    value[used] = '\0';
    return true;
}

static void follow_layers(struct scan *scan, struct libmnt_fs *line)
{
    char upper[FACT_PATH];
    if (find_option(upper, sizeof upper, line, "upperdir")) {
        follow_named(scan, upper);
    }
    scan_lose(scan, "%s",
              _("an overlay: its upper layer is only a name, so nothing is proved by it"));
}

/* ------------------------------------------------------------------ devices */

/* Whether the file system `uuid` has this member. */
static bool has_member(const struct facts *facts, const char *folder,
                       const struct fact_names *members, dev_t wanted)
{
    char path[FACT_PATH];
    dev_t device;
    for (size_t i = 0; i < members->count; i++) {
        if (fact_link(path, facts, folder, members->items[i]) &&
            fact_read_device(&device, facts, path) && device == wanted) {
            return true;
        }
    }
    return false;
}

static void follow_members(struct scan *scan, const char *folder, const struct fact_names *members)
{
    char path[FACT_PATH];
    dev_t device = 0;
    for (size_t i = 0; i < members->count; i++) {
        scan_say(scan, _("%s is a member of the btrfs"), members->items[i]);
        if (fact_link(path, scan->facts, folder, members->items[i]) &&
            fact_read_device(&device, scan->facts, path)) {
            device_follow(scan, device);
        } else {
            scan_lose(scan, _("the kernel tells nothing about %s"), members->items[i]);
        }
    }
    if (members->cut) {
        scan_lose(scan, "%s", _("too many members"));
    }
    if (scan->covered == 0 && members->count == 1) {
        scan->mounted = device;
    }
}

/* A btrfs has a device number that leads nowhere; its members stand under its UUID. */
static void follow_btrfs(struct scan *scan, const char *source)
{
    CLEANUP(fact_names_free) struct fact_names systems = {0};
    dev_t device;
    bool found = false;
    if (source == NULL || !fact_device_by_name(&device, scan->facts, source)) {
        scan_lose(scan, _("the device %s is not known here"), source == NULL ? "" : source);
        return;
    }
    fact_list(&systems, scan->facts, "fs/btrfs");
    for (size_t i = 0; i < systems.count && !found; i++) {
        CLEANUP(fact_names_free) struct fact_names members = {0};
        char folder[FACT_PATH];
        snprintf(folder, sizeof folder, "fs/btrfs/%s/devices", systems.items[i]);
        fact_list(&members, scan->facts, folder);
        found = has_member(scan->facts, folder, &members, device);
        if (found) {
            follow_members(scan, folder, &members);
            if (scan->covered == 0) {
                snprintf(scan->identity.fs_uuid, sizeof scan->identity.fs_uuid, "%s",
                         systems.items[i]);
            }
        }
    }
    if (!found) {
        scan_lose(scan, "%s", _("the kernel does not name the members of this btrfs"));
    }
}

/* An XFS may keep contents or its journal on further devices. */
static void follow_side_devices(struct scan *scan, struct libmnt_fs *line)
{
    static const char *const options[] = {"rtdev", "logdev"};
    for (size_t i = 0; i < LENGTH(options); i++) {
        char name[FACT_PATH];
        dev_t device;
        if (!find_option(name, sizeof name, line, options[i])) {
            continue;
        }
        scan_say(scan, _("it also writes to %s"), name);
        if (fact_device_by_name(&device, scan->facts, name)) {
            device_follow(scan, device);
        } else {
            scan_lose(scan, _("the device %s is not known here"), name);
        }
    }
}

static void follow_device(struct scan *scan, struct libmnt_fs *line, const char *type)
{
    dev_t device = mnt_fs_get_devno(line);
    if (scan->covered == 0) {
        scan->mounted = device;
    }
    device_follow(scan, device);
    if (strcmp(type, "xfs") == 0) {
        follow_side_devices(scan, line);
    }
    if (strcmp(type, "fuseblk") == 0) {
        scan_lose(scan, _("%s is served by a program: where it writes cannot be told"), type);
    }
}

static void follow_deviceless(struct scan *scan, const char *type)
{
    static const char *const memory[] = {"tmpfs", "ramfs", "devtmpfs", "hugetlbfs"};
    if (is_one_of(memory, LENGTH(memory), type)) {
        scan_lose(scan, _("%s lies in memory and has no disk"), type);
    } else {
        scan_lose(scan, _("%s has no device that the kernel names"), type);
    }
}

/* ------------------------------------------------------------------ the line */

static void follow(struct scan *scan, struct libmnt_fs *line, const char *path)
{
    const char *type = mnt_fs_get_fstype(line);
    const char *source = mnt_fs_get_source(line);
    if (is_network(type)) {
        follow_network(scan, type, source == NULL ? "" : source);
    } else if (strcmp(type, "fuse") == 0 || strncmp(type, "fuse.", 5) == 0) {
        follow_program(scan, line, path);
    } else if (strcmp(type, "overlay") == 0) {
        follow_layers(scan, line);
    } else if (strcmp(type, "btrfs") == 0) {
        follow_btrfs(scan, source);
    } else if (major(mnt_fs_get_devno(line)) != 0) {
        follow_device(scan, line, type);
    } else {
        if (strcmp(type, "ecryptfs") == 0 && source != NULL) {
            follow_named(scan, source);
        }
        follow_deviceless(scan, type);
    }
}

void mount_follow(struct scan *scan, struct libmnt_fs *line, const char *path)
{
    const char *type = mnt_fs_get_fstype(line);
    const char *source = mnt_fs_get_source(line);
    const char *target = mnt_fs_get_target(line);
    if (type == NULL || target == NULL) {
        scan_lose(scan, "%s", _("the line of the mount is not complete"));
        return;
    }
    scan_say(scan, _("mount %d: %s (%s) on %s"), mnt_fs_get_id(line), source == NULL ? "?" : source,
             type, target);
    if (scan->covered == 0) {
        snprintf(scan->identity.fs_type, sizeof scan->identity.fs_type, "%s", type);
        if (scan->place != NULL) {
            scan->place->mount_id = (uint64_t)mnt_fs_get_id(line);
            snprintf(scan->place->mount_point, sizeof scan->place->mount_point, "%s", target);
        }
    }
    if (scan_enter(scan, SCAN_MOUNT, (uint64_t)mnt_fs_get_id(line))) {
        follow(scan, line, path);
        scan_leave(scan);
    }
}
