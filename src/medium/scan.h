/* scan, private to the room: the way from a mount to the disks under it, and what was seen there.
 *
 *     scan_follow_file   an open file, or a recorded path       place.c
 *      └ mount_follow    the line of mountinfo                  mount.c
 *         └ device_follow   partition, slaves, loop, members    device.c
 *            └ leaf_sign    a disk that lies on nothing else    signs.c
 *
 * A loop's backing file leads back to scan_follow_file. Depth and number of steps are bounded, and
 * a way that leads back into itself ends as "cannot tell". */
#ifndef MEDIUM_SCAN_H
#define MEDIUM_SCAN_H

#include "facts.h"

#define SCAN_DEPTH 16
#define SCAN_LEAVES 64

enum leaf_kind {
    LEAF_PLAIN,     /* a disk without any sign: fixed if the root file system is on it */
    LEAF_REMOVABLE, /* a sign of a removable medium */
    LEAF_NETWORK,
    LEAF_LOST, /* the way ends where it cannot be followed */
};

struct leaf {
    enum leaf_kind kind;
    dev_t device; /* the whole disk; 0: none */
    char name[FACT_NAME];
};

struct scan {
    const struct facts *facts;
    struct place *place;        /* takes the steps; NULL: none are wanted */
    uint64_t trail[SCAN_DEPTH]; /* devices and mounts above the present one */
    size_t depth;
    dev_t done[SCAN_LEAVES]; /* disks that were followed */
    size_t done_count;
    struct leaf leaves[SCAN_LEAVES];
    size_t leaf_count;
    /* What is below the backing file of a loop or below a program has another identity. */
    unsigned covered;
    struct medium_identity identity; /* of the last device that gave one */
    size_t identity_count;
    dev_t mounted; /* the block device whose file system it is; 0: none, or several */
    uint64_t diskseq;
};

/* One step for people. */
void scan_say(struct scan *scan, const char *format, ...) PRINTF_LIKE(2, 3);
void scan_end(struct scan *scan, enum leaf_kind kind, dev_t device, const char *name);
/* Says why, and ends here as LEAF_LOST. */
void scan_lose(struct scan *scan, const char *format, ...) PRINTF_LIKE(2, 3);

enum scan_what { SCAN_MOUNT, SCAN_DEVICE };
/* False, and the way is lost, if it is too deep or leads back into itself. */
MUST_USE bool scan_enter(struct scan *scan, enum scan_what what, uint64_t id);
void scan_leave(struct scan *scan);

void scan_follow_file(struct scan *scan, int fd);
/* By name: what a loop, an overlay or a program says it writes to. */
void scan_follow_path(struct scan *scan, const char *path);
void scan_follow_root(struct scan *scan);

/* `path`: the file's own, if known, for file systems that hold several devices; or NULL. */
void mount_follow(struct scan *scan, struct libmnt_fs *line, const char *path);
void device_follow(struct scan *scan, dev_t device);

/* Judges the disk by its folder in sysfs, and says why. */
enum leaf_kind leaf_sign(struct scan *scan, const char *disk);
/* The same of a tape or a line, as far as it has a sign; LEAF_PLAIN proves nothing. */
enum leaf_kind leaf_sign_of_character(struct scan *scan, const char *device);
/* The transports of an NVMe disk that several controllers serve are found beside it. */
bool leaf_is_nvme_subsystem(const struct facts *facts, const char *path);

/* USB ids, serial and size of a disk. */
void identity_read_disk(struct medium_identity *identity, const struct facts *facts,
                        const char *disk);
/* Type and UUID of the file system on the device; stays as it is if they cannot be had. */
void identity_read_filesystem(struct medium_identity *identity, const struct facts *facts,
                              dev_t device);

/* Opens where a write to the path would land: itself, or its nearest existing parent. */
MUST_USE enum status path_open(int *fd, const char *path, struct error *error);

#endif
