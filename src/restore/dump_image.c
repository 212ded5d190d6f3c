/* dump_image: a database is erased from before its first byte goes out. For that it must lie in a
 * file; the file loses its name before the first byte of the database is in it, so that nothing is
 * left behind, whenever the program ends. */
#include "dump.h"
#include "erase_sqlite.h"
#include "restore_private.h"
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIECE ((size_t)256 * 1024)

void dump_image_close(struct dump_image *image)
{
    file_close(&image->fd);
}

/* ------------------------------------------------------------------ into the file */

struct filling {
    int fd;
    uint64_t at;
};

static enum status write_piece(void *context, const void *data, uint64_t size, struct error *error)
{
    struct filling *filling = context;
    const unsigned char *from = data;
    uint64_t done = 0;
    while (from != NULL && done < size) { /* zeros are a hole */
        ssize_t count =
            pwrite(filling->fd, from + done, (size_t)(size - done), (off_t)(filling->at + done));
        if (count < 0 && errno != EINTR) {
            return error_set_errno(error, errno, "%s", _("a temporary file cannot be written"));
        }
        done += count < 0 ? 0 : (uint64_t)count;
    }
    filling->at += size;
    return STATUS_OK;
}

static enum status fill(const struct erase_image *file, const struct dump *dump,
                        const struct content *content, struct error *error)
{
    struct filling filling = {.fd = file->fd};
    struct dump into = *dump;
    into.write = write_piece;
    into.context = &filling;
    enum status status = dump_content(&into, content, error);
    return status == STATUS_OK && ftruncate(file->fd, (off_t)content->size) != 0
               ? error_set_errno(error, errno, "%s", _("a temporary file cannot be written"))
               : status;
}

/* An empty file, open as a database, and its name is gone. */
static enum status open_nameless(struct erase_image *file, const char *folder, struct error *error)
{
    char name[64];
    unsigned char random[16];
    char digits[2 * sizeof random + 1];
    randombytes_buf(random, sizeof random);
    snprintf(name, sizeof name, ".kura-dump-%s", hex_encode(digits, random, sizeof random));
    CLEANUP(file_close) int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CLEANUP(file_close)
    int made = fd < 0 ? -1 : openat(fd, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (made < 0) {
        error_set_errno(error, errno, _("no temporary file can be made in %s"), folder);
        return error_set_hint(error, "%s",
                              _("Name a folder on a fixed disk that can be written to with "
                                "TMPDIR: nobody can be erased without one."));
    }
    enum status status = erase_image_open(file, fd, name, error);
    (void)unlinkat(fd, name, 0);
    return status;
}

enum status dump_image_make(struct dump_image *image, struct restore_erased *erased,
                            const struct dump *dump, const struct content *content,
                            const struct dump_options *options, struct error *error)
{
    CLEANUP(erase_image_close) struct erase_image file = {.fd = -1};
    const struct erase_rules rules = {.erasures = options->erasures,
                                      .words = &dump->source->words,
                                      .cancelled = options->cancelled};
    enum status status = open_nameless(&file, options->temporary, error);
    if (status == STATUS_OK) {
        status = fill(&file, dump, content, error);
    }
    if (status == STATUS_OK) {
        status = erase_image_run(erased, &file, &rules, error);
    }
    if (status != STATUS_OK) {
        bool unfit = status == STATUS_FAILED || status == STATUS_CORRUPT;
        return unfit && error->hint[0] == '\0' ? restore_hint_as_it_was(rules.words->name, error)
                                               : status;
    }
    struct stat facts;
    if (fstat(file.fd, &facts) != 0) {
        return error_set_errno(error, errno, "%s", _("a temporary file cannot be read"));
    }
    *image = (struct dump_image){.fd = file.fd, .size = (uint64_t)facts.st_size};
    file.fd = -1;
    return STATUS_OK;
}

/* ------------------------------------------------------------------ out of it */

enum status dump_image_send(const struct dump_image *image, const struct dump *dump,
                            struct error *error)
{
    CLEANUP(buffer_wipe) struct buffer piece = {0};
    enum status status = buffer_reserve(&piece, PIECE, error);
    for (uint64_t at = 0; status == STATUS_OK && at < image->size;) {
        size_t got = 0;
        status = file_read_at(image->fd, piece.data, PIECE, at, &got, _("a temporary file"), error);
        if (status == STATUS_OK && got == 0) {
            status = error_set(error, STATUS_FAILED, 0, "%s", _("a temporary file became shorter"));
        }
        if (status == STATUS_OK) {
            status = dump->write(dump->context, piece.data, got, error);
            at += got;
        }
    }
    return status;
}
