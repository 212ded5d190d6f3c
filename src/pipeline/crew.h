/* crew: the worker threads. */
#ifndef KURA_PIPELINE_CREW_H
#define KURA_PIPELINE_CREW_H

#include "queue.h"
#include "sealer.h"

#define CREW_LIMIT 64u

struct worker {
    pthread_t thread;
    struct queue *queue;
    struct sealer sealer;
};

struct crew {
    struct worker workers[CREW_LIMIT];
    unsigned count;
};

/* Starts `count` workers (0: as many as there are processors) that do the jobs of the queue. After
 * a failure, too, crew_end must be called. */
MUST_USE enum status crew_start(struct crew *crew, unsigned count, struct queue *queue,
                                const struct sealing *sealing, struct error *error);
/* Stops the queue and waits until all have ended. */
void crew_end(struct crew *crew, struct queue *queue);

#endif
