/* chunk_reader: the reader from inside. */
#ifndef REPO_CHUNK_READER_H
#define REPO_CHUNK_READER_H

#include "range.h"
#include "snapshot_private.h"

#define BAD_PACKS 8 /* packs that did not verify, not to be fetched whole again and again */
#define LENT_CHUNKS 128
#define LENT_BYTES ((size_t)16 * 1024 * 1024) /* together, unless one is longer */

/* The content of a chunk that may be wanted once more. */
struct lent_chunk {
    unsigned char key[CHUNK_KEY_SIZE];
    struct buffer content; /* empty: none */
    uint64_t turn;         /* when it was wanted last */
};

struct chunk_reader {
    struct snapshot *snapshot;
    struct decompressor *decompressor;
    struct buffer plain;
    struct buffer content;
    struct range_cache cache;
    struct range range;         /* of get_many */
    struct chunk_wish unpacked; /* whose content that is; of size 0: nobody's */
    struct lent_chunk lent[LENT_CHUNKS];
    size_t lent_bytes;
    uint64_t turn;
    unsigned char missed_pack[OBJECT_ID_SIZE];
    uint64_t window;
    unsigned char bad[BAD_PACKS][OBJECT_ID_SIZE];
    unsigned bad_count;
};

/* From the sealed bytes to the content. */
MUST_USE enum status chunk_reader_unpack(struct chunk_reader *reader,
                                         const struct catalogue_source *source,
                                         const struct chunk_reference *reference,
                                         const void *sealed, size_t size, void *target,
                                         struct error *error);

#endif
