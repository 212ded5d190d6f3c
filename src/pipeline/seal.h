/* seal: sealing what does not lie in one piece. */
#ifndef KURA_PIPELINE_SEAL_H
#define KURA_PIPELINE_SEAL_H

#include "kura/pipeline.h"

struct seal_part {
    const void *data; /* may be NULL if size is 0 */
    size_t size;
};

/* As seal, of the two parts one behind the other; `about` is authenticated with them. */
MUST_USE enum status seal_parts(struct buffer *out, const unsigned char key[CHUNK_KEY_SIZE],
                                const struct seal_part parts[2], struct seal_part about,
                                struct error *error);

#endif
