/* dump: see the header. */
#include "dump.h"
#include "restore_private.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

static const unsigned char zeros[64 * 1024];

struct pass {
    const struct dump *dump;
    unsigned char *chunk; /* CHUNK_MAXIMUM bytes */
    uint64_t from, to;    /* the part of the file that this pass is about */
    uint64_t position;    /* reached in it */
};

static enum status take_piece(void *context, const struct piece *piece, struct error *error)
{
    struct pass *pass = context;
    const struct dump *dump = pass->dump;
    if (piece->offset < pass->from || piece->offset >= pass->to) {
        return STATUS_OK;
    }
    if (piece->offset != pass->position) {
        return error_set(error, STATUS_CORRUPT, 0, "%s",
                         _("the pieces of a file are not in order"));
    }
    pass->position += piece->size;
    if (piece->reference == NULL) {
        return dump->write(dump->context, piece->inlined, piece->size, error);
    }
    const unsigned char *content = pass->chunk;
    enum status status =
        piece->size == piece->reference->size
            ? chunk_reader_get(dump->reader, dump->source, piece->reference, pass->chunk, error)
            : chunk_reader_borrow(&content, dump->reader, dump->source, piece->reference, error);
    return status != STATUS_OK
               ? status
               : dump->write(dump->context, content + piece->skip, piece->size, error);
}

enum status dump_content(const struct dump *dump, const struct content *content,
                         struct error *error)
{
    CLEANUP(memory_free) unsigned char *chunk = malloc(CHUNK_MAXIMUM);
    if (chunk == NULL) {
        return error_set_memory(error);
    }
    /* What rotation moved from the end of the stream to the front of the file goes first. */
    struct pass head = {dump, chunk, 0, content->rotation, 0};
    struct pass rest = {dump, chunk, content->rotation, UINT64_MAX, content->rotation};
    enum status status = STATUS_OK;
    if (content->rotation > 0) {
        status = content_walk(dump->snapshot, content, take_piece, &head, error);
    }
    if (status == STATUS_OK) {
        status = content_walk(dump->snapshot, content, take_piece, &rest, error);
    }
    if (status == STATUS_OK && rest.position != content->size) {
        status = error_set(error, STATUS_CORRUPT, 0, "%s", _("a piece of a file is missing"));
    }
    return status;
}

enum status dump_find_source(const struct catalogue_source **source, struct snapshot *snapshot,
                             const char *name, struct error *error)
{
    *source = snapshot_find_source(snapshot, name);
    if (*source == NULL) {
        return error_set(error, STATUS_USAGE, 0, _("this snapshot has no source named %s"), name);
    }
    if ((*source)->words.status == SOURCE_FAILED) {
        return error_set(error, STATUS_NOT_FOUND, 0,
                         _("the source %s failed when it was backed up: %s"), name,
                         (*source)->words.problem == NULL ? "" : (*source)->words.problem);
    }
    return STATUS_OK;
}

/* ------------------------------------------------------------------ to a descriptor */

static enum status write_descriptor(void *context, const void *data, uint64_t size,
                                    struct error *error)
{
    const int *fd = context;
    enum status status = STATUS_OK;
    if (data != NULL) {
        return file_write_all(*fd, data, (size_t)size, _("the output"), error);
    }
    while (status == STATUS_OK && size > 0) {
        size_t part = size < sizeof zeros ? (size_t)size : sizeof zeros;
        status = file_write_all(*fd, zeros, part, _("the output"), error);
        size -= part;
    }
    return status;
}

struct only_file {
    struct entry entry;
    struct content content;
    size_t files;
};

static enum status content_copy(struct content *target, const struct content *from,
                                struct error *error)
{
    *target = *from;
    target->data = (struct buffer){0};
    return buffer_append(&target->data, from->data.data, from->data.size, error);
}

static enum status keep_file(void *context, const struct entry *entry,
                             const struct content *content, struct error *error)
{
    struct only_file *only = context;
    if (entry->type != ENTRY_FILE || ++only->files > 1) {
        return STATUS_OK;
    }
    enum status status = entry_copy(&only->entry, entry, error);
    return status != STATUS_OK ? status : content_copy(&only->content, content, error);
}

static enum status find_only(struct only_file *only, struct snapshot *snapshot,
                             const struct catalogue_source *source, struct error *error)
{
    struct walk walk = {.path = "", .visit = keep_file, .context = only};
    enum status status = snapshot_walk(snapshot, source, &walk, error);
    if (status == STATUS_OK && only->files != 1) {
        error_set(error, STATUS_USAGE, 0, _("%s is a folder"), source->words.name);
        status = error_set_hint(error, "%s",
                                _("name one file as SOURCE:PATH, or use --tar for all of it"));
    }
    return status;
}

static enum status find_file(struct only_file *file, struct snapshot *snapshot,
                             const struct catalogue_source *source, const char *path,
                             struct error *error)
{
    enum status status = snapshot_find(&file->entry, &file->content, snapshot, source, path, error);
    if (status == STATUS_OK && file->entry.type == ENTRY_HARD_LINK) {
        struct entry link = file->entry;
        file->entry = (struct entry){0};
        content_free(&file->content);
        status = snapshot_find(&file->entry, &file->content, snapshot, source, link.link, error);
        entry_free(&link);
    }
    if (status == STATUS_OK && file->entry.type != ENTRY_FILE) {
        error_set(error, STATUS_USAGE, 0, _("%s is not a file"), path);
        status = error_set_hint(error, "%s", _("use --tar for a folder"));
    }
    return status;
}

static enum status check_not_erased(const struct only_file *file, const char *source,
                                    const char *path, const struct dump_options *options,
                                    struct error *error)
{
    /* By the name that was asked for, or by the one that has the content. */
    bool erased = restore_leaves_out(options->erasures, source, &file->entry) ||
                  (path != NULL && register_erases_path(options->erasures, source, path));
    if (!erased) {
        return STATUS_OK;
    }
    error_set(error, STATUS_REFUSED, 0, "[erased] %s",
              _("this file is of somebody who asked to be erased"));
    return error_set_hint(error, "%s",
                          _("With the data manager's key, --as-it-was --reason TEXT gives it all "
                            "the same; that is recorded."));
}

static enum status send_file(struct restore_erased *erased, const struct dump *dump,
                             const struct only_file *file, const struct dump_options *options,
                             struct error *error)
{
    CLEANUP(dump_image_close) struct dump_image image = {.fd = -1};
    const struct statement_source *words = &dump->source->words;
    if (!restore_erases_from(options->erasures, words, file->entry.path)) {
        return dump_content(dump, &file->content, error);
    }
    enum status status = restore_check_rules(options->erasures, words, file->entry.path, error);
    if (status == STATUS_OK) {
        status = dump_image_make(&image, erased, dump, &file->content, options, error);
    }
    return status == STATUS_OK ? dump_image_send(&image, dump, error) : status;
}

enum status restore_dump(struct restore_erased *erased, struct snapshot *snapshot,
                         const char *source_name, const char *path, int fd,
                         const struct dump_options *options, struct error *error)
{
    const struct catalogue_source *source;
    struct only_file file = {0};
    struct chunk_reader *reader = NULL;
    enum status status = dump_find_source(&source, snapshot, source_name, error);
    if (status == STATUS_OK) {
        status = path == NULL ? find_only(&file, snapshot, source, error)
                              : find_file(&file, snapshot, source, path, error);
    }
    if (status == STATUS_OK) {
        status = check_not_erased(&file, source_name, path, options, error);
    }
    if (status == STATUS_OK) {
        status = chunk_reader_new(&reader, snapshot, error);
    }
    if (status == STATUS_OK) {
        assert(source != NULL);
        struct dump dump = {snapshot, source, reader, write_descriptor, &fd};
        status = send_file(erased, &dump, &file, options, error);
    }
    chunk_reader_free(reader);
    entry_free(&file.entry);
    content_free(&file.content);
    return status;
}
