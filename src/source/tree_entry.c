/* tree_entry: what the kernel says of a file, as an entry. */
#include "tree.h"

static enum entry_type type_of(mode_t mode)
{
    switch (mode & S_IFMT) {
    case S_IFDIR:
        return ENTRY_FOLDER;
    case S_IFLNK:
        return ENTRY_SYMLINK;
    case S_IFIFO:
        return ENTRY_FIFO;
    case S_IFSOCK:
        return ENTRY_SOCKET;
    case S_IFCHR:
        return ENTRY_CHARACTER_DEVICE;
    case S_IFBLK:
        return ENTRY_BLOCK_DEVICE;
    default:
        return ENTRY_FILE;
    }
}

static struct moment moment_of(struct timespec time)
{
    return (struct moment){time.tv_sec, (uint32_t)time.tv_nsec};
}

bool tree_same(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino &&
           (a->st_mode & S_IFMT) == (b->st_mode & S_IFMT);
}

struct entry tree_entry(struct tree *tree, const struct stat *facts)
{
    enum entry_type type = type_of(facts->st_mode);
    bool device = type == ENTRY_CHARACTER_DEVICE || type == ENTRY_BLOCK_DEVICE;
    return (struct entry){
        .path = tree->path,
        .type = type,
        .mode = facts->st_mode & 07777,
        .uid = facts->st_uid,
        .gid = facts->st_gid,
        .size = type == ENTRY_FILE ? (uint64_t)facts->st_size : 0,
        .device_number = device ? facts->st_rdev : 0,
        .modified = moment_of(facts->st_mtim),
        .changed = moment_of(facts->st_ctim),
        .inode = facts->st_ino,
        .device = facts->st_dev,
    };
}

enum status tree_entry_deliver(struct tree *tree, struct entry *entry, int fd, bool descriptor_only,
                               struct error *error)
{
    entry->user = owner_user(&tree->owners, entry->uid);
    entry->group = owner_group(&tree->owners, entry->gid);
    enum status status = STATUS_OK;
    if (fd >= 0) {
        status = tree_attributes_read(tree, entry, fd, descriptor_only, error);
    }
    if (status == STATUS_OK) {
        status = tree->sink->entry(tree->sink->context, entry, error);
    }
    tree_attributes_free(entry);
    return status;
}
