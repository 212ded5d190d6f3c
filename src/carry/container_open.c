/* container_open: the container of a carry back into files. It may come from anywhere, so only the
 * names that container.c gives are taken: data.csv, documents.csv and documents/NAME, each a plain
 * file, once. Everything is made in a new folder, which gets its name when all of it is there and
 * the seal was whole to its end. */
#include "kura/carry.h"
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <libgen.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIECE_SIZE 65536
#define NAME_LIMIT 64
#define FOLDER "documents/"

struct unpacking {
    struct age_supply supply;
    struct archive *archive;
    char *temporary; /* NULL: there is none, or it got its name */
    int folder;
    uint64_t files;
    struct error error; /* of the supply */
    unsigned char piece[PIECE_SIZE];
};

static int remove_one(const char *path, const struct stat *facts, int type, struct FTW *where)
{
    (void)facts;
    (void)type;
    (void)where;
    return remove(path);
}

static void unpacking_end(struct unpacking *unpacking)
{
    if (unpacking->archive != NULL) {
        archive_read_free(unpacking->archive);
    }
    file_close(&unpacking->folder);
    if (unpacking->temporary != NULL) {
        (void)nftw(unpacking->temporary, remove_one, 8, FTW_DEPTH | FTW_PHYS);
        free(unpacking->temporary);
    }
    sodium_memzero(unpacking->piece, sizeof unpacking->piece);
}

bool carry_is_container(const void *data, size_t size)
{
    const char *header = data;
    return size >= 512 && memcmp(header + 257, "ustar", 5) == 0 &&
           memcmp(header, "data.csv", sizeof "data.csv") == 0;
}

/* ------------------------------------------------------------------ reading */

static la_ssize_t from_supply(struct archive *archive, void *context, const void **data)
{
    struct unpacking *unpacking = context;
    size_t got = 0;
    *data = unpacking->piece;
    if (unpacking->supply.read(unpacking->supply.context, unpacking->piece, PIECE_SIZE, &got,
                               &unpacking->error) == STATUS_OK) {
        return (la_ssize_t)got;
    }
    archive_set_error(archive, EIO, "%s", unpacking->error.message);
    return -1;
}

static enum status fail(const struct unpacking *unpacking, struct error *error)
{
    if (unpacking->error.status != STATUS_OK) {
        *error = unpacking->error;
        return error->status;
    }
    const char *words = archive_error_string(unpacking->archive);
    return error_set(error, STATUS_CORRUPT, 0, _("the container is damaged: %s"),
                     words == NULL ? "?" : words);
}

static enum status open_archive(struct unpacking *unpacking, struct error *error)
{
    unpacking->archive = archive_read_new();
    if (unpacking->archive == NULL) {
        return error_set_memory(error);
    }
    return archive_read_support_format_tar(unpacking->archive) == ARCHIVE_OK &&
                   archive_read_open(unpacking->archive, unpacking, NULL, from_supply, NULL) ==
                       ARCHIVE_OK
               ? STATUS_OK
               : fail(unpacking, error);
}

/* ------------------------------------------------------------------ writing */

/* The names that a container can have; so no path leads anywhere else. */
static bool is_ours(const char *name)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789.";
    if (strcmp(name, "data.csv") == 0 || strcmp(name, "documents.csv") == 0) {
        return true;
    }
    const char *document = name + strlen(FOLDER);
    return strlen(name) < NAME_LIMIT && strncmp(name, FOLDER, strlen(FOLDER)) == 0 &&
           document[0] >= '0' && document[0] <= '9' &&
           strspn(document, letters) == strlen(document);
}

static enum status make_folder(struct unpacking *unpacking, const char *path, struct error *error)
{
    CLEANUP(memory_free) char *name = strdup(path);
    size_t size = name == NULL ? 0 : strlen(name);
    while (size > 1 && name[size - 1] == '/') {
        name[--size] = '\0';
    }
    if (name == NULL || asprintf(&unpacking->temporary, "%s.XXXXXX", name) < 0) {
        unpacking->temporary = NULL;
        return error_set_memory(error);
    }
    if (mkdtemp(unpacking->temporary) == NULL) {
        free(unpacking->temporary);
        unpacking->temporary = NULL;
        return error_set_errno(error, errno, _("cannot make %s"), path);
    }
    unpacking->folder = open(unpacking->temporary, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    return unpacking->folder >= 0 ? STATUS_OK
                                  : error_set_errno(error, errno, _("cannot make %s"), path);
}

static enum status copy_file(struct unpacking *unpacking, int fd, const char *name,
                             struct error *error)
{
    CLEANUP(buffer_wipe) struct buffer piece = {0};
    enum status status = buffer_reserve(&piece, PIECE_SIZE, error);
    la_ssize_t got = 1;
    while (status == STATUS_OK && got > 0) {
        got = archive_read_data(unpacking->archive, piece.data, PIECE_SIZE);
        status = got < 0 ? fail(unpacking, error)
                         : file_write_all(fd, piece.data, (size_t)got, name, error);
    }
    return status == STATUS_OK && fsync(fd) != 0
               ? error_set_errno(error, errno, _("cannot write %s"), name)
               : status;
}

static enum status fail_entry(struct error *error)
{
    return error_set(error, STATUS_CORRUPT, 0, "%s",
                     _("the container has an entry that no carry makes"));
}

static enum status take_entry(struct unpacking *unpacking, struct archive_entry *entry,
                              struct error *error)
{
    const char *name = archive_entry_pathname(entry);
    if (name == NULL || archive_entry_filetype(entry) != AE_IFREG ||
        archive_entry_hardlink(entry) != NULL || !is_ours(name)) {
        return fail_entry(error);
    }
    if (strncmp(name, FOLDER, strlen(FOLDER)) == 0 &&
        mkdirat(unpacking->folder, "documents", 0700) != 0 && errno != EEXIST) {
        return error_set_errno(error, errno, _("cannot make %s"), FOLDER);
    }
    CLEANUP(file_close)
    int fd =
        openat(unpacking->folder, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        return errno == EEXIST ? fail_entry(error)
                               : error_set_errno(error, errno, _("cannot make %s"), name);
    }
    unpacking->files++;
    return copy_file(unpacking, fd, name, error);
}

static enum status take_all(struct unpacking *unpacking, struct error *error)
{
    enum status status = STATUS_OK;
    for (;;) {
        struct archive_entry *entry;
        int code = archive_read_next_header(unpacking->archive, &entry);
        if (code == ARCHIVE_EOF) {
            break;
        }
        status = code == ARCHIVE_OK ? take_entry(unpacking, entry, error) : fail(unpacking, error);
        if (status != STATUS_OK) {
            return status;
        }
    }
    /* Only the end of the seal proves that nothing was cut off. */
    size_t got = 1;
    while (got > 0 && status == STATUS_OK) {
        status = unpacking->supply.read(unpacking->supply.context, unpacking->piece, PIECE_SIZE,
                                        &got, error);
    }
    return status;
}

static enum status publish(struct unpacking *unpacking, const char *path, struct error *error)
{
    CLEANUP(memory_free) char *copy = strdup(path);
    if (copy == NULL) {
        return error_set_memory(error);
    }
    if (fsync(unpacking->folder) != 0 || rename(unpacking->temporary, path) != 0) {
        return error_set_errno(error, errno, _("cannot write %s"), path);
    }
    free(unpacking->temporary);
    unpacking->temporary = NULL;
    return file_sync_folder(dirname(copy), error);
}

static enum status judge(const struct carry_unpacking *what, int folder, struct error *error)
{
    return what->judge == NULL ? STATUS_OK : what->judge(what->judge_context, folder, error);
}

enum status carry_unpack(uint64_t *files, const struct carry_unpacking *what, struct error *error)
{
    CLEANUP(unpacking_end) struct unpacking unpacking = {.supply = what->supply, .folder = -1};
    enum status status = make_folder(&unpacking, what->path, error);
    if (status == STATUS_OK) {
        status = judge(what, unpacking.folder, error);
    }
    if (status == STATUS_OK) {
        status = open_archive(&unpacking, error);
    }
    if (status == STATUS_OK) {
        status = take_all(&unpacking, error);
    }
    if (status == STATUS_OK) {
        status = judge(what, unpacking.folder, error);
    }
    if (status == STATUS_OK) {
        status = publish(&unpacking, what->path, error);
    }
    *files = unpacking.files;
    return status;
}
