/* medium: where the bytes of a path land. Fixed disk, removable medium, network, or cannot tell.
 *
 * The judgement follows facts of the Linux kernel alone, from an open descriptor: statx's mount id
 * → the line of mountinfo → the block device → partition parent, dm/md/bcache slaves, the backing
 * file of a loop device, the members of a btrfs, recursively. Any sign of a removable medium on any
 * leaf makes it removable. What cannot be followed to the end is unknown; never a guess. */
#ifndef KURA_MEDIUM_H
#define KURA_MEDIUM_H

#include "kura/base.h"

enum place_class { PLACE_FIXED, PLACE_REMOVABLE, PLACE_NETWORK, PLACE_UNKNOWN };
const char *place_class_name(enum place_class class); /* "fixed"; for JSON, not translated */

/* Where the kernel's facts are read; NULL: the real ones. Tests give recorded trees: with a
 * mountinfo of their own, paths are looked up in it and not opened. */
struct place_roots {
    const char *sysfs;     /* "/sys" */
    const char *mountinfo; /* "/proc/self/mountinfo" */
    const char *devfs;     /* "/dev" */
    const char *udev;      /* "/run/udev/data" */
};

/* What a medium is recognised by. Empty text or 0: could not be had. */
struct medium_identity {
    char usb_vendor[8];  /* four hexadecimal digits */
    char usb_product[8]; /* four hexadecimal digits */
    char serial[128];    /* the device's own */
    uint64_t size;       /* bytes of the whole disk, or of the loop device */
    char fs_type[32];
    char fs_uuid[64];
};

#define PLACE_STEPS 32
#define PLACE_STEP_SIZE 256

struct place {
    enum place_class class;
    bool on_root; /* every disk of it carries this machine's root file system, too */
    uint64_t mount_id;
    uint64_t device;  /* st_dev */
    uint64_t diskseq; /* of the disk, or 0: rises when a medium is exchanged */
    char mount_point[512];
    struct medium_identity identity; /* of the one leaf; empty if there are several or none */
    size_t
        step_count; /* how it was found, in order, for people: "mount 36: /dev/sdb1 on /media/x" */
    char steps[PLACE_STEPS][PLACE_STEP_SIZE];
};

/* Judges the open file or folder. What cannot be told is class unknown with STATUS_OK and the
 * reason as last step; an error only if the descriptor itself cannot be asked. */
MUST_USE enum status place_judge(struct place *place, int fd, const struct place_roots *roots,
                                 struct error *error);
/* Opens the path (a file or folder that exists, else its nearest existing parent; symlinks are
 * followed as a write would follow them) and judges where a write to it would land. */
MUST_USE enum status place_judge_path(struct place *place, const char *path,
                                      const struct place_roots *roots, struct error *error);
/* Whether both are the same mount of the same medium: same mount id, device and diskseq. */
MUST_USE bool place_same(const struct place *a, const struct place *b);

/* The fingerprint that policy and tokens name: hex of BLAKE2b-256 over a canonical text of the
 * identity (format in src/medium/README.md). Needs a file system's UUID, else STATUS_UNSUPPORTED:
 * such a medium cannot be told from its copy. */
#define MEDIUM_FINGERPRINT_SIZE 65
MUST_USE enum status medium_fingerprint(char fingerprint[MEDIUM_FINGERPRINT_SIZE],
                                        const struct medium_identity *identity,
                                        struct error *error);

/* ------------------------------------------------------------------ the table */

/* What writes personal data to a path. */
enum road {
    ROAD_CARRY,   /* the export of a carry */
    ROAD_STAGING, /* staged files, spool, state, temporary files */
    ROAD_STORE,   /* a repository store or replica */
    ROAD_OUTPUT,  /* restore, dump, open, redirected standard output */
};
/* What a road and a class give together. */
enum road_verdict {
    VERDICT_ALLOWED,
    VERDICT_ALLOWED_RECORDED,
    VERDICT_REFUSED,         /* exit 4; for staging an enrolment helps */
    VERDICT_NEEDS_ENROLMENT, /* only if the signed policy enrols that exact device for it */
    VERDICT_NEEDS_REASON,    /* --onto-removable REASON with an unlocked manager's identity */
    VERDICT_NEEDS_TOKEN,     /* an enrolled medium and a token that covers it */
};
/* What of a place counts for a road. */
struct road_facts {
    enum place_class class;
    bool on_root;     /* the place's disks carry this machine's root file system */
    bool with_policy; /* a policy is in force on this host */
    bool enrolled;    /* which enrols this exact device for this road; it outweighs signs */
};
/* The table of the manual, pure. */
enum road_verdict road_judge(enum road road, const struct road_facts *facts);

#endif
