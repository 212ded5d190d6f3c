/* stage_documents: the documents of a data set into the container, under names that say nothing,
 * with a list of where they came from. */
#include "stage_private.h"
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define EXTENSION_LIMIT 8

/* "documents/000012.pdf": nothing of the origin's name is a path in the container. */
static void document_name(char name[64], uint64_t number, const char *path)
{
    const char *dot = strrchr(path, '.');
    char extension[EXTENSION_LIMIT + 1] = "";
    for (size_t i = 0; dot != NULL && i < EXTENSION_LIMIT && isalnum((unsigned char)dot[1 + i]);
         i++) {
        extension[i] = (char)tolower((unsigned char)dot[1 + i]);
    }
    snprintf(name, 64, "documents/%06llu%s%s", (unsigned long long)number,
             extension[0] == '\0' ? "" : ".", extension);
}

static enum status list_document(struct staging *staging, const char *name, const char *path,
                                 struct error *error)
{
    struct buffer *listing = &staging->listing;
    CLEANUP(memory_free) char *origin = NULL;
    if (asprintf(&origin, "%s/%s", staging->folder, path) < 0) {
        origin = NULL;
        return error_set_memory(error);
    }
    enum status status = csv_append(listing, name, strlen(name), error);
    if (status == STATUS_OK) {
        status = buffer_append_text(listing, ",", error);
    }
    if (status == STATUS_OK) {
        status = csv_append(listing, origin, strlen(origin), error);
    }
    return status == STATUS_OK ? buffer_append_text(listing, "\r\n", error) : status;
}

static enum status on_entry(void *context, const struct entry *entry, struct error *error)
{
    struct staging *staging = context;
    char name[64];
    if (entry->type != ENTRY_FILE) {
        return STATUS_OK; /* folders and links say nothing that is carried */
    }
    document_name(name, ++staging->staged->documents, entry->path);
    enum status status = list_document(staging, name, entry->path, error);
    return status == STATUS_OK ? container_begin(staging->container, name, entry->size, error)
                               : status;
}

static enum status on_space(void *context, unsigned char **data, size_t *size, struct error *error)
{
    struct staging *staging = context;
    (void)error;
    *data = staging->piece;
    *size = sizeof staging->piece;
    return STATUS_OK;
}

static enum status on_advance(void *context, size_t size, struct error *error)
{
    struct staging *staging = context;
    return container_write(staging->container, staging->piece, size, error);
}

static enum status on_hole(void *context, uint64_t size, struct error *error)
{
    struct staging *staging = context;
    enum status status = STATUS_OK;
    memset(staging->piece, 0, sizeof staging->piece);
    while (size > 0 && status == STATUS_OK) {
        size_t part = size > sizeof staging->piece ? sizeof staging->piece : (size_t)size;
        status = container_write(staging->container, staging->piece, part, error);
        size -= part;
    }
    return status;
}

static enum status on_end(void *context, const struct source_outcome *outcome, struct error *error)
{
    struct staging *staging = context;
    return outcome->failed ? error_set(error, STATUS_FAILED, 0, "%s",
                                       _("a document could not be read to its end"))
                           : container_end(staging->container, error);
}

/* What cannot be read would be missing on the way: rather nothing is carried. */
static void on_warn(void *context, const char *path, const struct error *problem)
{
    struct staging *staging = context;
    (void)path;
    if (staging->problem.status == STATUS_OK) {
        staging->problem = *problem;
    }
}

/* The folder, which no symbolic link may lead out of the tree. Absent: *fd is -1. */
static enum status open_folder(int *fd, const char *root, const char *folder, struct error *error)
{
    int base = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (base < 0) {
        return error_set_errno(error, errno, _("cannot open %s"), root);
    }
    struct open_how how = {.flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
                           .resolve =
                               RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS};
    *fd = (int)syscall(SYS_openat2, base, folder, &how, sizeof how);
    int reason = errno;
    close(base);
    /* Its name may be a customer's: not for whoever asks. */
    if (*fd < 0 && reason != ENOENT) {
        return error_set_errno(error, reason, _("cannot open a folder of documents in %s"), root);
    }
    return STATUS_OK;
}

static enum status add_folder(struct staging *staging, const struct config_source *tree,
                              struct error *error)
{
    CLEANUP(file_close) int fd = -1;
    char path[64];
    enum status status = open_folder(&fd, tree->path, staging->folder, error);
    if (status != STATUS_OK || fd < 0) {
        return status;
    }
    snprintf(path, sizeof path, "/proc/self/fd/%d/.", fd);
    struct config_source folder = {.name = tree->name,
                                   .kind = SOURCE_TREE,
                                   .path = path,
                                   .exclude = tree->exclude,
                                   .one_file_system = true};
    const struct source_sink sink = {
        .context = staging,
        .entry = on_entry,
        .space = on_space,
        .advance = on_advance,
        .hole = on_hole,
        .end = on_end,
        .warn = on_warn,
    };
    status = source_run(&folder, &sink, error);
    if (status == STATUS_OK && staging->problem.status != STATUS_OK) {
        error_set(error, staging->problem.status, staging->problem.os_error,
                  _("a document in %s cannot be read"), tree->path);
        return error_set_hint(error, "%s", _("kura backup names what it cannot read."));
    }
    return status;
}

enum status stage_add_documents(struct staging *staging, const struct data_set *set,
                                struct error *error)
{
    const char *name = staging->options->set->documents_source;
    const struct config_source *tree =
        name == NULL ? NULL : config_find_source(staging->options->config, name);
    if (tree == NULL || tree->kind != SOURCE_TREE) {
        return error_set(error, STATUS_REFUSED, 0,
                         _("[documents] the configuration has no tree source \"%s\""),
                         name == NULL ? "" : name);
    }
    enum status status = buffer_append_text(&staging->listing,
                                            "\xef\xbb\xbf"
                                            "document,origin\r\n",
                                            error);
    for (size_t i = 0; i < set->folder_count && status == STATUS_OK; i++) {
        staging->folder = set->folders[i];
        status = add_folder(staging, tree, error);
    }
    return status == STATUS_OK ? stage_add_text(staging, "documents.csv", &staging->listing, error)
                               : status;
}
