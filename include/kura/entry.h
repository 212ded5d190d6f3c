/* entry: what one file is beside its content. The type that sources produce, snapshots keep and
 * restores apply; it belongs to base so that none of them needs to know another. */
#ifndef KURA_ENTRY_H
#define KURA_ENTRY_H

#include "kura/base.h"

/* The numbers are in the repository format: never reuse one. */
enum entry_type {
    ENTRY_FILE = 1,
    ENTRY_FOLDER = 2,
    ENTRY_SYMLINK = 3,
    ENTRY_FIFO = 4,
    ENTRY_SOCKET = 5,
    ENTRY_CHARACTER_DEVICE = 6,
    ENTRY_BLOCK_DEVICE = 7,
    ENTRY_HARD_LINK = 8, /* another name of the file that `link` names; no content of its own */
};

/* One extended attribute as the kernel gives it: name with its namespace, any bytes as value. POSIX
 * ACLs are among them: system.posix_acl_access and system.posix_acl_default. */
struct entry_attribute {
    char *name;
    unsigned char *value;
    size_t size;
};

struct entry {
    char *path; /* relative to the source, components separated by '/', no '.' or '..', any bytes
                 * but NUL; "" is the source's own folder. Ordered by entry_path_compare. */
    char *link; /* symlink: its text; hard link: path of the entry with the content; else NULL */
    char *user; /* owner's name, or NULL if none was known */
    char *group;
    enum entry_type type;
    uint32_t mode; /* permission bits, at most 07777 */
    uint32_t uid;
    uint32_t gid;
    uint64_t size;          /* of a file's content, bytes */
    uint64_t device_number; /* of a device node: st_rdev */
    struct moment modified;
    struct entry_attribute *attributes; /* ordered by name */
    size_t attribute_count;

    /* How the source knows the file again; kept locally, never in the repository. */
    struct moment changed; /* ctime */
    uint64_t inode;
    uint64_t device; /* st_dev */
};

#define ENTRY_PATH_MAX 65535      /* bytes; longer paths are reported and left out */
#define ENTRY_ATTRIBUTES_MAX 1024 /* attributes of one entry */
#define ENTRY_ATTRIBUTE_MAX 65536 /* bytes of one value (the kernel's own limit) */

/* Order in which entries are produced, stored and merged: by components, so that whatever is in a
 * folder follows it at once: '/' sorts below every other byte, else unsigned bytes. <0, 0, >0. */
int entry_path_compare(const char *a, const char *b);

/* True for a path that may be written beneath a target: no empty, "." or ".." component, no leading
 * or trailing slash, 1 to ENTRY_PATH_MAX bytes, components of at most 255 bytes; "" is valid, too.
 */
bool entry_path_valid(const char *path);

MUST_USE enum status entry_copy(struct entry *target, const struct entry *from,
                                struct error *error);
void entry_free(struct entry *entry); /* what it holds, not the struct; leaves it empty */

#endif
