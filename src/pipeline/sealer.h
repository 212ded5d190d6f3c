/* sealer: one thread's way from a chunk's content to its reference. */
#ifndef KURA_PIPELINE_SEALER_H
#define KURA_PIPELINE_SEALER_H

#include "kura/pipeline.h"

/* What all threads share and none changes. */
struct sealing {
    struct pipeline_keeper keeper;
    unsigned char repository[16];
    unsigned char *hash_key; /* secret memory */
    int level;
};

struct sealer {
    const struct sealing *sealing;
    struct compressor *compressor;
    struct buffer room; /* for what is compressed */
    struct buffer sealed;
};

MUST_USE enum status sealer_start(struct sealer *sealer, const struct sealing *sealing,
                                  struct error *error);
/* Hashes, recognises; compresses, seals and stores what is new. */
MUST_USE enum status sealer_run(struct sealer *sealer, struct chunk_result *result,
                                const void *data, uint32_t size,
                                const struct dictionary *dictionary, struct error *error);
/* Of a sealer that is {0}, too. */
void sealer_end(struct sealer *sealer);

#endif
