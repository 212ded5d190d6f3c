/* owner: the pipeline as its two files see it; all of it is the owner's thread's. */
#ifndef KURA_PIPELINE_OWNER_H
#define KURA_PIPELINE_OWNER_H

#include "crew.h"
#include "queue.h"
#include "sealer.h"
#include "segment.h"

struct pipeline {
    struct queue *queue;
    struct crew crew;
    struct sealing sealing;
    struct sealer sealer; /* the owner's, for pipeline_store */
    struct segment_pool pool;
    struct segment *segment; /* being filled, or NULL */
    size_t begin;            /* of the unfinished chunk in it */
    size_t end;              /* of the bytes in it */
    unsigned char *chunker_key;
    struct chunker *chunker;
    struct chunking chunking; /* the chunker's */
    struct chunker_state state;
    struct pipeline_stream stream;
    bool streaming;
};

/* Delivers what is done at the front; does not wait. */
MUST_USE enum status pipeline_deliver(struct pipeline *pipeline, struct error *error);
/* Sleeps until job `number`, or the first one if that is done already, is done; delivers. Not when
 * nothing is in flight. */
MUST_USE enum status pipeline_wait(struct pipeline *pipeline, uint64_t number, struct error *error);
/* Sleeps, when the queue is full, until a part of it is free; delivers. */
MUST_USE enum status pipeline_make_slot(struct pipeline *pipeline, struct error *error);

#endif
