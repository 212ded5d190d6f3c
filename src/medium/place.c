/* place: the judgement, from the leaves that the scan found. One sign anywhere makes it removable;
 * one thing that cannot be told makes it unknown; fixed is only what carries the running system. */
#include "scan.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

const char *place_class_name(enum place_class class)
{
    switch (class) {
    case PLACE_FIXED:
        return "fixed";
    case PLACE_REMOVABLE:
        return "removable";
    case PLACE_NETWORK:
        return "network";
    case PLACE_UNKNOWN:
        break;
    }
    return "unknown";
}

bool place_same(const struct place *a, const struct place *b)
{
    return a->mount_id == b->mount_id && a->device == b->device && a->diskseq == b->diskseq;
}

/* ------------------------------------------------------------------ the class */

static bool carries(const struct scan *root, const struct leaf *leaf)
{
    for (size_t i = 0; i < root->leaf_count; i++) {
        const struct leaf *under = &root->leaves[i];
        if (leaf->device != 0 && under->device == leaf->device && under->kind == leaf->kind) {
            return true;
        }
    }
    return false;
}

static bool carries_all(const struct scan *root, const struct scan *scan)
{
    for (size_t i = 0; i < scan->leaf_count; i++) {
        if (!carries(root, &scan->leaves[i])) {
            return false;
        }
    }
    return scan->leaf_count > 0;
}

/* Whether every disk without a sign carries the root file system: a second disk without one may
 * stand in a slot on the outside, so it is not known to stay. */
static bool is_known_to_stay(struct scan *scan, const struct scan *root)
{
    bool all = true;
    for (size_t i = 0; i < scan->leaf_count; i++) {
        const struct leaf *leaf = &scan->leaves[i];
        if (leaf->kind != LEAF_PLAIN) {
            continue;
        }
        if (carries(root, leaf)) {
            scan_say(scan,
                     _("%s carries the root file system and has no sign of a removable medium"),
                     leaf->name);
        } else {
            scan_say(scan,
                     _("%s has no sign of a removable medium, but does not carry the root file "
                       "system: nothing tells that it stays"),
                     leaf->name);
            all = false;
        }
    }
    return all;
}

static bool has(const struct scan *scan, enum leaf_kind kind)
{
    for (size_t i = 0; i < scan->leaf_count; i++) {
        if (scan->leaves[i].kind == kind) {
            return true;
        }
    }
    return false;
}

static enum place_class class_of(struct scan *scan, const struct scan *root)
{
    if (has(scan, LEAF_REMOVABLE)) {
        return PLACE_REMOVABLE;
    }
    if (has(scan, LEAF_LOST) || scan->leaf_count == 0 || !is_known_to_stay(scan, root)) {
        return PLACE_UNKNOWN;
    }
    return has(scan, LEAF_NETWORK) ? PLACE_NETWORK : PLACE_FIXED;
}

/* ------------------------------------------------------------------ the identity */

static void find_identity(struct scan *scan)
{
    struct medium_identity *identity = &scan->identity;
    char path[FACT_PATH];
    uint64_t sectors = 0;
    if (scan->identity_count > 1) {
        memset(identity->usb_vendor, 0, sizeof identity->usb_vendor);
        memset(identity->usb_product, 0, sizeof identity->usb_product);
        memset(identity->serial, 0, sizeof identity->serial);
        bool known = scan->mounted != 0 && fact_device_path(path, scan->facts, scan->mounted) &&
                     fact_read_number(&sectors, scan->facts, path, "size");
        identity->size = known ? sectors * 512 : 0;
    }
    if (scan->mounted != 0) {
        identity_read_filesystem(identity, scan->facts, scan->mounted);
    }
    scan->place->identity = *identity;
}

static void finish(struct place *place, struct scan *scan)
{
    struct scan root = {.facts = scan->facts};
    scan_follow_root(&root);
    place->diskseq = scan->diskseq;
    place->on_root = carries_all(&root, scan);
    place->class = class_of(scan, &root);
    find_identity(scan);
}

/* ------------------------------------------------------------------ the entrances */

static void judge_file(struct place *place, int fd, const struct facts *facts)
{
    struct scan scan = {.facts = facts, .place = place};
    scan_follow_file(&scan, fd);
    finish(place, &scan);
}

enum status place_judge(struct place *place, int fd, const struct place_roots *roots,
                        struct error *error)
{
    CLEANUP(facts_close) struct facts facts;
    struct stat about;
    struct statx mount;
    memset(place, 0, sizeof *place);
    place->class = PLACE_UNKNOWN;
    if (fstat(fd, &about) != 0 || statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &mount) != 0) {
        facts = (struct facts){.sysfs = -1};
        return error_set_errno(error, errno, "%s", _("cannot tell where the open file lies"));
    }
    place->device = S_ISBLK(about.st_mode) ? about.st_rdev : about.st_dev;
    place->mount_id = (mount.stx_mask & STATX_MNT_ID) != 0 ? mount.stx_mnt_id : 0;
    facts_open(&facts, roots);
    judge_file(place, fd, &facts);
    return STATUS_OK;
}

/* In a recorded tree there is nothing to open: the mount is that of the longest mount point. */
static void judge_recorded(struct place *place, const char *path, const struct place_roots *roots)
{
    CLEANUP(facts_close) struct facts facts;
    memset(place, 0, sizeof *place);
    facts_open(&facts, roots);
    struct scan scan = {.facts = &facts, .place = place};
    scan_follow_path(&scan, path);
    place->device = scan.mounted;
    finish(place, &scan);
}

enum status place_judge_path(struct place *place, const char *path, const struct place_roots *roots,
                             struct error *error)
{
    if (roots != NULL && roots->mountinfo != NULL) {
        judge_recorded(place, path, roots);
        return STATUS_OK;
    }
    CLEANUP(file_close) int fd = -1;
    enum status status = path_open(&fd, path, error);
    return status == STATUS_OK ? place_judge(place, fd, roots, error) : status;
}
