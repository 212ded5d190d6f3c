/* compress: what the files that see zstd share. */
#ifndef KURA_PIPELINE_COMPRESS_H
#define KURA_PIPELINE_COMPRESS_H

#include "kura/pipeline.h"
#include <zstd.h>

#define TAG_RAW 0
#define TAG_ZSTD 1

struct dictionary {
    ZSTD_CDict *compressing;
    ZSTD_DDict *decompressing;
    uint32_t id;
};

/* A tagged form that does not lie in one piece. */
struct form {
    unsigned char tag;
    const void *data; /* the content itself, or what the room holds */
    size_t size;
};
/* As compressor_run, without a copy of what is not compressed. `room` is used again and again. */
MUST_USE enum status compressor_form(struct compressor *compressor, struct buffer *room,
                                     const void *data, size_t size,
                                     const struct dictionary *dictionary, struct form *form,
                                     struct error *error);

#endif
