/* dump_tar: a folder as a pax tar, by libarchive. */
#include "dump.h"
#include "restore_private.h"
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct tar {
    struct dump dump;
    const struct dump_options *options;
    struct restore_erased *erased;
    struct archive *archive;
    bool found;
};

static enum status failed(struct archive *archive, struct error *error)
{
    return error_set(error, STATUS_FAILED, 0, _("the tar cannot be written: %s"),
                     archive_error_string(archive) == NULL ? "" : archive_error_string(archive));
}

static enum status write_data(void *context, const void *data, uint64_t size, struct error *error)
{
    static const unsigned char zeros[64 * 1024];
    struct tar *tar = context;
    while (size > 0) {
        size_t part = data != NULL          ? (size_t)size
                      : size < sizeof zeros ? (size_t)size
                                            : sizeof zeros;
        if (archive_write_data(tar->archive, data != NULL ? data : zeros, part) !=
            (la_ssize_t)part) {
            return failed(tar->archive, error);
        }
        size -= part;
    }
    return STATUS_OK;
}

static __LA_MODE_T type_of(enum entry_type type)
{
    static const __LA_MODE_T types[] = {
        [ENTRY_FILE] = AE_IFREG,         [ENTRY_FOLDER] = AE_IFDIR,
        [ENTRY_SYMLINK] = AE_IFLNK,      [ENTRY_FIFO] = AE_IFIFO,
        [ENTRY_SOCKET] = AE_IFSOCK,      [ENTRY_CHARACTER_DEVICE] = AE_IFCHR,
        [ENTRY_BLOCK_DEVICE] = AE_IFBLK, [ENTRY_HARD_LINK] = AE_IFREG,
    };
    return types[type];
}

/* POSIX ACLs are written as the attributes that they are: SCHILY.xattr keeps any of them. */
static void fill(struct archive_entry *target, const struct entry *entry)
{
    archive_entry_set_pathname(target, *entry->path == '\0' ? "." : entry->path);
    archive_entry_set_mode(target, type_of(entry->type) | (entry->mode & 07777));
    archive_entry_set_uid(target, entry->uid);
    archive_entry_set_gid(target, entry->gid);
    archive_entry_set_uname(target, entry->user);
    archive_entry_set_gname(target, entry->group);
    archive_entry_set_mtime(target, entry->modified.seconds, (long)entry->modified.nanoseconds);
    if (entry->type == ENTRY_FILE) {
        archive_entry_set_size(target, (la_int64_t)entry->size);
    }
    if (entry->type == ENTRY_SYMLINK) {
        archive_entry_set_symlink(target, entry->link);
    }
    if (entry->type == ENTRY_HARD_LINK) {
        archive_entry_set_hardlink(target, entry->link);
    }
    if (entry->type == ENTRY_CHARACTER_DEVICE || entry->type == ENTRY_BLOCK_DEVICE) {
        archive_entry_set_rdev(target, (dev_t)entry->device_number);
    }
    for (size_t i = 0; i < entry->attribute_count; i++) {
        const struct entry_attribute *attribute = &entry->attributes[i];
        archive_entry_xattr_add_entry(target, attribute->name, attribute->value, attribute->size);
    }
}

/* image->fd negative: the content as it is. */
static enum status write_entry(struct tar *tar, const struct entry *entry,
                               const struct content *content, const struct dump_image *image,
                               struct error *error)
{
    struct archive_entry *header = archive_entry_new();
    if (header == NULL) {
        return error_set_memory(error);
    }
    fill(header, entry);
    if (image->fd >= 0) {
        archive_entry_set_size(header, (la_int64_t)image->size);
    }
    int result = archive_write_header(tar->archive, header);
    archive_entry_free(header);
    if (result < ARCHIVE_WARN) {
        return failed(tar->archive, error);
    }
    if (entry->type != ENTRY_FILE) {
        return STATUS_OK;
    }
    return image->fd >= 0 ? dump_image_send(image, &tar->dump, error)
                          : dump_content(&tar->dump, content, error);
}

static enum status visit(void *context, const struct entry *entry, const struct content *content,
                         struct error *error)
{
    struct tar *tar = context;
    CLEANUP(dump_image_close) struct dump_image image = {.fd = -1};
    const struct erasure_register *erasures = tar->options->erasures;
    const struct statement_source *words = &tar->dump.source->words;
    enum status status = STATUS_OK;
    tar->found = true;
    if (restore_leaves_out(erasures, words->name, entry)) {
        tar->erased->files += entry->type == ENTRY_FOLDER ? 0 : 1;
        return STATUS_OK;
    }
    if (entry->type == ENTRY_SOCKET) {
        return STATUS_OK; /* tar has no sockets */
    }
    if (entry->type == ENTRY_FILE && restore_erases_from(erasures, words, entry->path)) {
        status = restore_check_rules(erasures, words, entry->path, error);
        if (status == STATUS_OK) {
            status = dump_image_make(&image, tar->erased, &tar->dump, content, tar->options, error);
        }
    }
    return status == STATUS_OK ? write_entry(tar, entry, content, &image, error) : status;
}

static enum status open_archive(struct archive **archive, int fd, struct error *error)
{
    *archive = archive_write_new();
    if (*archive == NULL) {
        return error_set_memory(error);
    }
    bool good = archive_write_set_format_pax_restricted(*archive) == ARCHIVE_OK &&
                archive_write_open_fd(*archive, fd) == ARCHIVE_OK;
    return good ? STATUS_OK : failed(*archive, error);
}

enum status restore_dump_tar(struct restore_erased *erased, struct snapshot *snapshot,
                             const char *source_name, const char *path, int fd,
                             const struct dump_options *options, struct error *error)
{
    const struct catalogue_source *source;
    struct tar tar = {.options = options, .erased = erased};
    enum status status = dump_find_source(&source, snapshot, source_name, error);
    if (status == STATUS_OK) {
        tar.dump = (struct dump){snapshot, source, NULL, write_data, &tar};
        status = chunk_reader_new(&tar.dump.reader, snapshot, error);
    }
    if (status == STATUS_OK) {
        status = open_archive(&tar.archive, fd, error);
    }
    if (status == STATUS_OK) {
        struct walk walk = {.path = path == NULL ? "" : path, .visit = visit, .context = &tar};
        status = snapshot_walk(snapshot, source, &walk, error);
    }
    if (status == STATUS_OK && !tar.found) {
        status = error_set(error, STATUS_NOT_FOUND, 0, _("%s is not in this snapshot"),
                           path == NULL ? source_name : path);
    }
    if (status == STATUS_OK && archive_write_close(tar.archive) != ARCHIVE_OK) {
        status = failed(tar.archive, error);
    }
    archive_write_free(tar.archive);
    chunk_reader_free(tar.dump.reader);
    return status;
}
