/* dump: the content of one file, piece by piece in the order of the file. */
#ifndef RESTORE_DUMP_H
#define RESTORE_DUMP_H

#include "kura/restore.h"

/* Where the bytes go. `data` NULL: so many zeros. */
typedef enum status (*dump_write)(void *context, const void *data, uint64_t size,
                                  struct error *error);
struct dump {
    struct snapshot *snapshot;
    const struct catalogue_source *source;
    struct chunk_reader *reader;
    dump_write write;
    void *context;
};
/* A database without its erased persons, in a file without a name. Empty is {.fd = -1}. */
struct dump_image {
    int fd;
    uint64_t size;
};
/* Makes it of the content that `dump` gives; dump->write is not used. */
MUST_USE enum status dump_image_make(struct dump_image *image, struct restore_erased *erased,
                                     const struct dump *dump, const struct content *content,
                                     const struct dump_options *options, struct error *error);
/* Hands its bytes to dump->write. */
MUST_USE enum status dump_image_send(const struct dump_image *image, const struct dump *dump,
                                     struct error *error);
void dump_image_close(struct dump_image *image);

MUST_USE enum status dump_content(const struct dump *dump, const struct content *content,
                                  struct error *error);
/* The source by its name; STATUS_USAGE if the snapshot has none, STATUS_NOT_FOUND if it failed. */
MUST_USE enum status dump_find_source(const struct catalogue_source **source,
                                      struct snapshot *snapshot, const char *name,
                                      struct error *error);

#endif
