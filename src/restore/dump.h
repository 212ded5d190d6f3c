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
MUST_USE enum status dump_content(const struct dump *dump, const struct content *content,
                                  struct error *error);
/* The source by its name; STATUS_USAGE if the snapshot has none, STATUS_NOT_FOUND if it failed. */
MUST_USE enum status dump_find_source(const struct catalogue_source **source,
                                      struct snapshot *snapshot, const char *name,
                                      struct error *error);

#endif
