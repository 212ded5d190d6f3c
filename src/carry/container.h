/* container: many files as one stream of bytes: a pax tar, or a WinZip-AES zip that holds one. */
#ifndef KURA_CARRY_CONTAINER_H
#define KURA_CARRY_CONTAINER_H

#include "kura/keys.h"

/* Where the container's bytes go. */
struct container_sink {
    enum status (*write)(void *context, const void *data, size_t size, struct error *error);
    void *context;
};

/* passphrase NULL: a tar. Else a zip encrypted with AES-256, whose only entry is NAME.tar: so the
 * names inside do not show. libarchive keeps a copy of the passphrase until container_free. */
struct container;
MUST_USE enum status container_open(struct container **container, struct container_sink sink,
                                    const char *name, const struct secret_text *passphrase,
                                    struct error *error);
/* Begins a file of exactly `size` bytes, which container_write gives. */
MUST_USE enum status container_begin(struct container *container, const char *name, uint64_t size,
                                     struct error *error);
MUST_USE enum status container_write(struct container *container, const void *data, size_t size,
                                     struct error *error);
/* Fewer bytes than were announced: STATUS_FAILED. */
MUST_USE enum status container_end(struct container *container, struct error *error);
MUST_USE enum status container_finish(struct container *container, struct error *error);
void container_free(struct container *container);

#endif
