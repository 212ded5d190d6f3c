/* signs: whether a disk that lies on nothing else shows a sign of a removable medium, of a network,
 * or none. By what the kernel says of the disk and of every device above it; never by udev's
 * ID_BUS, which calls a USB disk "ata". */
#include "scan.h"
#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* "sr0" for "sr" */
static bool is_numbered(const char *name, const char *prefix)
{
    size_t size = strlen(prefix);
    return strncmp(name, prefix, size) == 0 && isdigit((unsigned char)name[size]);
}

static const char *subsystem_of(char path[FACT_PATH], const struct facts *facts, const char *device)
{
    return fact_link(path, facts, device, "subsystem") ? fact_base(path) : "";
}

bool leaf_is_nvme_subsystem(const struct facts *facts, const char *path)
{
    char link[FACT_PATH];
    return strcmp(subsystem_of(link, facts, path), "nvme-subsystem") == 0;
}

/* ------------------------------------------------------------------ one device above the disk */

static enum leaf_kind sign_of_bus(struct scan *scan, const char *name, const char *subsystem)
{
    static const char *const buses[][2] = {{"usb", "USB"},
                                           {"firewire", "FireWire"},
                                           {"ieee1394", "FireWire"},
                                           {"memstick", "Memory Stick"},
                                           {"pcmcia", "PCMCIA"}};
    for (size_t i = 0; i < LENGTH(buses); i++) {
        if (strcmp(buses[i][0], subsystem) == 0) {
            scan_say(scan, _("%s is attached by %s: removable"), name, buses[i][1]);
            return LEAF_REMOVABLE;
        }
    }
    return LEAF_PLAIN;
}

/* Soldered flash calls itself MMC; everything else in such a slot is a card. */
static enum leaf_kind sign_of_card(struct scan *scan, const char *name, const char *device)
{
    char type[32];
    if (!fact_read(type, sizeof type, scan->facts, device, "type")) {
        scan_say(scan, _("what kind of card %s is cannot be told"), name);
        return LEAF_LOST;
    }
    if (strcmp(type, "MMC") == 0) {
        return LEAF_PLAIN;
    }
    scan_say(scan, _("%s is a card of type %s: removable"), name, type);
    return LEAF_REMOVABLE;
}

static enum leaf_kind sign_of_transport(struct scan *scan, const char *name, const char *device)
{
    char transport[32];
    if (!fact_read(transport, sizeof transport, scan->facts, device, "transport") ||
        strcmp(transport, "pcie") == 0) {
        return LEAF_PLAIN;
    }
    if (strcmp(transport, "tcp") == 0 || strcmp(transport, "rdma") == 0 ||
        strcmp(transport, "fc") == 0) {
        scan_say(scan, _("%s is reached over the network (%s)"), name, transport);
        return LEAF_NETWORK;
    }
    scan_say(scan, _("%s is reached by a way that is not known here: %s"), name, transport);
    return LEAF_LOST;
}

static enum leaf_kind sign_of_device(struct scan *scan, const char *name, const char *device)
{
    char path[FACT_PATH];
    char removable[32];
    const char *subsystem = subsystem_of(path, scan->facts, device);
    enum leaf_kind kind = sign_of_bus(scan, name, subsystem);
    if (kind != LEAF_PLAIN) {
        return kind;
    }
    /* Thunderbolt and other outside ports: the kernel marks what is behind them. */
    if (fact_read(removable, sizeof removable, scan->facts, device, "removable") &&
        strcmp(removable, "removable") == 0) {
        scan_say(scan, _("%s is behind a port on the outside: removable"), name);
        return LEAF_REMOVABLE;
    }
    if (strcmp(subsystem, "mmc") == 0) {
        return sign_of_card(scan, name, device);
    }
    if (strcmp(subsystem, "nvme") == 0) {
        return sign_of_transport(scan, name, device);
    }
    if (fact_exists(scan->facts, device, "iscsi_session")) {
        scan_say(scan, _("%s is reached over the network (%s)"), name, "iSCSI");
        return LEAF_NETWORK;
    }
    return LEAF_PLAIN;
}

/* ------------------------------------------------------------------ all of them */

/* A sign outweighs a network, and both outweigh nothing. */
static enum leaf_kind stronger(enum leaf_kind a, enum leaf_kind b)
{
    static const int weight[] = {
        [LEAF_PLAIN] = 0, [LEAF_NETWORK] = 1, [LEAF_LOST] = 2, [LEAF_REMOVABLE] = 3};
    return weight[a] >= weight[b] ? a : b;
}

/* From `device` up to the machine. */
static enum leaf_kind sign_of_all(struct scan *scan, const char *name, const char *device)
{
    char path[FACT_PATH];
    enum leaf_kind kind = LEAF_PLAIN;
    snprintf(path, sizeof path, "%s", device);
    do {
        kind = stronger(kind, sign_of_device(scan, name, path));
    } while (kind != LEAF_REMOVABLE && fact_parent(path));
    return kind;
}

/* An NVMe disk that several controllers may serve hangs on none of them; they stand beside it. */
static enum leaf_kind sign_of_controllers(struct scan *scan, const char *name,
                                          const char *subsystem)
{
    CLEANUP(fact_names_free) struct fact_names names = {0};
    enum leaf_kind kind = LEAF_PLAIN;
    bool found = false;
    fact_list(&names, scan->facts, subsystem);
    for (size_t i = 0; i < names.count; i++) {
        char controller[FACT_PATH];
        if (is_numbered(names.items[i], "nvme") &&
            fact_link(controller, scan->facts, subsystem, names.items[i])) {
            found = true;
            kind = stronger(kind, sign_of_all(scan, name, controller));
        }
    }
    if (!found || names.cut) {
        scan_say(scan, _("the controllers of %s are not known"), name);
        return stronger(kind, LEAF_LOST);
    }
    return kind;
}

static enum leaf_kind sign_of_name(struct scan *scan, const char *name)
{
    if (is_numbered(name, "sr") || is_numbered(name, "fd") || is_numbered(name, "st") ||
        is_numbered(name, "nst") || is_numbered(name, "pktcdvd")) {
        scan_say(scan, _("%s is a drive for disks or tapes: removable"), name);
        return LEAF_REMOVABLE;
    }
    if (is_numbered(name, "nbd") || is_numbered(name, "rbd") || is_numbered(name, "drbd")) {
        scan_say(scan, _("%s is reached over the network (%s)"), name, "block device");
        return LEAF_NETWORK;
    }
    return LEAF_PLAIN;
}

/* The block device's own flag: whether the medium can be taken out of the drive. */
static enum leaf_kind sign_of_flag(struct scan *scan, const char *disk, const char *name)
{
    char removable[32];
    if (!fact_read(removable, sizeof removable, scan->facts, disk, "removable")) {
        scan_say(scan, _("whether the medium of %s is removable cannot be told"), name);
        return LEAF_LOST;
    }
    if (strcmp(removable, "0") != 0) {
        scan_say(scan, _("the kernel says that the medium of %s is removable"), name);
        return LEAF_REMOVABLE;
    }
    return LEAF_PLAIN;
}

enum leaf_kind leaf_sign_of_character(struct scan *scan, const char *device)
{
    const char *name = fact_base(device);
    enum leaf_kind kind = sign_of_name(scan, name);
    return kind == LEAF_PLAIN ? sign_of_all(scan, name, device) : kind;
}

enum leaf_kind leaf_sign(struct scan *scan, const char *disk)
{
    static const char virtual[] = "devices/virtual/block/";
    const char *name = fact_base(disk);
    char parent[FACT_PATH];
    snprintf(parent, sizeof parent, "%s", disk);
    enum leaf_kind kind = sign_of_name(scan, name);
    if (kind != LEAF_PLAIN || !fact_parent(parent)) {
        return kind;
    }
    kind = sign_of_flag(scan, disk, name);
    if (kind == LEAF_PLAIN && strncmp(disk, virtual, sizeof virtual - 1) == 0) {
        scan_say(scan, _("%s has no disk behind it that the kernel names"), name);
        return LEAF_LOST;
    }
    if (kind != LEAF_REMOVABLE) {
        kind = stronger(kind, sign_of_all(scan, name, parent));
    }
    if (kind != LEAF_REMOVABLE && leaf_is_nvme_subsystem(scan->facts, parent)) {
        kind = stronger(kind, sign_of_controllers(scan, name, parent));
    }
    return kind;
}
