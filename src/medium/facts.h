/* facts: what the kernel says, read from sysfs, mountinfo and the device folder. Every read is
 * bounded, and every path stays beneath the folder that it was given: links are followed by name,
 * as sysfs makes them, and one that leads out is no fact. */
#ifndef MEDIUM_FACTS_H
#define MEDIUM_FACTS_H

#include "kura/medium.h"
#include <libmount/libmount.h>

#define FACT_PATH 1024
#define FACT_NAME 64

struct facts {
    int sysfs; /* the folder; -1: there is none */
    const char *devfs;
    const char *udev;
    struct libmnt_table *mounts; /* NULL: cannot be read */
    bool recorded;               /* given by the caller: paths are looked up there, not opened */
};

/* What cannot be opened is left out, and its facts are then missing. */
void facts_open(struct facts *facts, const struct place_roots *roots);
void facts_close(struct facts *facts);

/* The attribute `name` of the folder `path` (relative to sysfs), without the line's end; false if
 * it is missing, unreadable or does not fit. */
MUST_USE bool fact_read(char *text, size_t size, const struct facts *facts, const char *path,
                        const char *name);
MUST_USE bool fact_read_number(uint64_t *number, const struct facts *facts, const char *path,
                               const char *name);
/* Major and minor as "8:16" in the attribute "dev". */
MUST_USE bool fact_read_device(dev_t *device, const struct facts *facts, const char *path);
/* Raw bytes; *got at most `size`. */
MUST_USE bool fact_read_bytes(void *data, size_t size, size_t *got, const struct facts *facts,
                              const char *path, const char *name);
MUST_USE bool fact_exists(const struct facts *facts, const char *path, const char *name);
/* Where the link leads, relative to sysfs. */
MUST_USE bool fact_link(char target[FACT_PATH], const struct facts *facts, const char *path,
                        const char *name);

/* The names in a folder, in order; none if it cannot be read. */
struct fact_names {
    char (*items)[FACT_NAME];
    size_t count;
    bool cut; /* there were more than FACT_NAMES, or longer ones */
};
#define FACT_NAMES 512
void fact_list(struct fact_names *names, const struct facts *facts, const char *path);
void fact_names_free(struct fact_names *names);

/* Cuts the last component off; false at the top. */
MUST_USE bool fact_parent(char *path);
/* What stands after the last slash. */
const char *fact_base(const char *path);

/* The block device that is called so, "/dev/sdb1". */
MUST_USE bool fact_device_by_name(dev_t *device, const struct facts *facts, const char *name);
/* The folder of the block device in sysfs. */
MUST_USE bool fact_device_path(char path[FACT_PATH], const struct facts *facts, dev_t device);

#endif
