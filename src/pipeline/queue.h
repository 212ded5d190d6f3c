/* queue: jobs that go in and come out in one order and are done in any.
 *
 *        head            claimed        published       tail
 *   ......|---- under way ---|--- waiting ---|-- kept back --|......
 *
 * One thread, the owner, pushes at the tail and takes at the head; head and tail are its own.
 * Workers claim several small jobs at a time. The numbers only rise; job n is in slot n %
 * QUEUE_CAPACITY.
 */
#ifndef KURA_PIPELINE_QUEUE_H
#define KURA_PIPELINE_QUEUE_H

#include "kura/pipeline.h"
#include <pthread.h>
#include <stdatomic.h>

#define QUEUE_CAPACITY 2048u

struct segment;

struct job {
    atomic_bool done;
    uint32_t size; /* 0: a mark */
    const unsigned char *data;
    struct segment *segment; /* that holds data; counted */
    const struct dictionary *dictionary;
    pipeline_on_chunk on_chunk;
    pipeline_on_mark on_mark;
    void *context;
    struct chunk_result result;
};

struct queue {
    struct job jobs[QUEUE_CAPACITY];
    uint64_t head;
    uint64_t tail;
    size_t kept_back; /* bytes that are pushed and not yet published */
    atomic_bool failed;
    /* The lock covers what follows. */
    pthread_mutex_t lock;
    pthread_cond_t work;   /* there is something to claim, or stop */
    pthread_cond_t result; /* job `awaited` is done, or it failed */
    uint64_t published;
    uint64_t claimed;
    uint64_t awaited;
    unsigned idle; /* workers that sleep */
    bool owner_waits;
    bool stop;
    struct error error; /* the first failure */
};

MUST_USE enum status queue_new(struct queue **queue, struct error *error);
/* All workers must have ended. Wipes the keys in it. */
void queue_free(struct queue *queue);

/* ---- the owner's */

bool queue_is_empty(const struct queue *queue);
bool queue_is_full(const struct queue *queue);
/* The slot for the next job, to be filled and then given to queue_push. Not when full. */
struct job *queue_next(struct queue *queue);
void queue_push(struct queue *queue);
/* The first job if it is done, otherwise NULL. */
struct job *queue_first_done(struct queue *queue);
/* Takes the first job away; its slot stays as it is until the next push. */
void queue_drop_first(struct queue *queue);
/* Lets the workers have everything, and sleeps until job `number`, or the first one if that is done
 * already, is done or something failed. Not when empty. */
void queue_wait(struct queue *queue, uint64_t number);
/* Wakes the workers for the last time. */
void queue_stop(struct queue *queue);

/* ---- the workers' */

/* Sleeps until there are jobs; they are [*from, *to), marks among them. False: stop. */
MUST_USE bool queue_claim(struct queue *queue, uint64_t *from, uint64_t *to);
struct job *queue_job(struct queue *queue, uint64_t number);
/* The last that a worker may do to a job: its slot may be used again at once. */
void queue_done(struct job *job);

/* ---- of both */

/* Keeps the first failure; everything stops. */
void queue_fail(struct queue *queue, const struct error *error);
/* STATUS_OK, or the failure. */
enum status queue_status(struct queue *queue, struct error *error);

#endif
