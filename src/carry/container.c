/* container: see container.h; written by libarchive. Names are ours and times are now: nothing of
 * the origin shows but the contents. */
#include "container.h"
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct container {
    struct container_sink sink;
    struct archive *tar;
    struct archive *zip; /* NULL: the tar goes to the sink itself */
    struct error error;  /* of the sink */
    uint64_t left;       /* of the file that was begun */
};

static enum status fail(const struct container *container, struct archive *archive,
                        struct error *error)
{
    if (container->error.status != STATUS_OK) {
        *error = container->error;
        return error->status;
    }
    const char *words = archive_error_string(archive);
    return error_set(error, STATUS_FAILED, 0, _("the container cannot be written: %s"),
                     words == NULL ? "?" : words);
}

static la_ssize_t to_sink(struct archive *archive, void *context, const void *data, size_t size)
{
    struct container *container = context;
    (void)archive;
    return container->sink.write != NULL &&
                   container->sink.write(container->sink.context, data, size, &container->error) ==
                       STATUS_OK
               ? (la_ssize_t)size
               : -1;
}

static la_ssize_t to_zip(struct archive *archive, void *context, const void *data, size_t size)
{
    struct container *container = context;
    la_ssize_t written = archive_write_data(container->zip, data, size);
    if (written < 0) {
        archive_set_error(archive, EIO, "%s", archive_error_string(container->zip));
    }
    return written;
}

static enum status add_entry(struct container *container, struct archive *archive, const char *name,
                             const uint64_t *size, struct error *error)
{
    struct archive_entry *entry = archive_entry_new();
    if (entry == NULL) {
        return error_set_memory(error);
    }
    archive_entry_set_pathname(entry, name);
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_perm(entry, 0600);
    archive_entry_set_mtime(entry, time(NULL), 0);
    if (size != NULL) {
        archive_entry_set_size(entry, (la_int64_t)*size);
    }
    int code = archive_write_header(archive, entry);
    archive_entry_free(entry);
    return code == ARCHIVE_OK ? STATUS_OK : fail(container, archive, error);
}

static enum status open_zip(struct container *container, const char *name,
                            const struct secret_text *passphrase, struct error *error)
{
    char entry[128];
    container->zip = archive_write_new();
    if (container->zip == NULL) {
        return error_set_memory(error);
    }
    if (archive_write_set_format_zip(container->zip) != ARCHIVE_OK ||
        archive_write_set_options(container->zip, "zip:encryption=aes256") != ARCHIVE_OK ||
        archive_write_set_passphrase(container->zip, passphrase->text) != ARCHIVE_OK ||
        archive_write_set_bytes_in_last_block(container->zip, 1) != ARCHIVE_OK ||
        archive_write_open(container->zip, container, NULL, to_sink, NULL) != ARCHIVE_OK) {
        return fail(container, container->zip, error);
    }
    snprintf(entry, sizeof entry, "%s.tar", name);
    return add_entry(container, container->zip, entry, NULL, error);
}

static enum status open_tar(struct container *container, struct error *error)
{
    container->tar = archive_write_new();
    if (container->tar == NULL) {
        return error_set_memory(error);
    }
    if (archive_write_set_format_pax_restricted(container->tar) != ARCHIVE_OK ||
        archive_write_set_bytes_in_last_block(container->tar, 1) != ARCHIVE_OK ||
        archive_write_open(container->tar, container, NULL,
                           container->zip == NULL ? to_sink : to_zip, NULL) != ARCHIVE_OK) {
        return fail(container, container->tar, error);
    }
    return STATUS_OK;
}

enum status container_open(struct container **container, struct container_sink sink,
                           const char *name, const struct secret_text *passphrase,
                           struct error *error)
{
    *container = calloc(1, sizeof **container);
    if (*container == NULL) {
        return error_set_memory(error);
    }
    (*container)->sink = sink;
    enum status status =
        passphrase == NULL ? STATUS_OK : open_zip(*container, name, passphrase, error);
    if (status == STATUS_OK) {
        status = open_tar(*container, error);
    }
    if (status != STATUS_OK) {
        container_free(*container);
        *container = NULL;
    }
    return status;
}

enum status container_begin(struct container *container, const char *name, uint64_t size,
                            struct error *error)
{
    container->left = size;
    return add_entry(container, container->tar, name, &size, error);
}

enum status container_write(struct container *container, const void *data, size_t size,
                            struct error *error)
{
    if (size > container->left) {
        return error_set(error, STATUS_FAILED, 0, "%s", _("a document grew while it was read"));
    }
    container->left -= size;
    return size == 0 || archive_write_data(container->tar, data, size) == (la_ssize_t)size
               ? STATUS_OK
               : fail(container, container->tar, error);
}

enum status container_end(struct container *container, struct error *error)
{
    return container->left == 0
               ? STATUS_OK
               : error_set(error, STATUS_FAILED, 0, "%s", _("a document shrank while it was read"));
}

enum status container_finish(struct container *container, struct error *error)
{
    if (archive_write_close(container->tar) != ARCHIVE_OK) {
        return fail(container, container->tar, error);
    }
    if (container->zip != NULL && archive_write_close(container->zip) != ARCHIVE_OK) {
        return fail(container, container->zip, error);
    }
    return STATUS_OK;
}

void container_free(struct container *container)
{
    if (container == NULL) {
        return;
    }
    /* What is not finished is given up: nothing more goes to the sink. */
    container->sink.write = NULL;
    if (container->tar != NULL) {
        archive_write_free(container->tar);
    }
    if (container->zip != NULL) {
        archive_write_free(container->zip);
    }
    free(container);
}
