/* queue: jobs in order, done in any. A lock is taken once for about BATCH bytes, never for one
 * small chunk: the owner keeps small jobs back until there are so many, a worker claims so many. */
#include "queue.h"
#include <sodium.h>
#include <stdlib.h>

#define BATCH ((size_t)64 * 1024)

enum status queue_new(struct queue **queue, struct error *error)
{
    struct queue *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return error_set_memory(error);
    }
    pthread_mutex_init(&made->lock, NULL);
    pthread_cond_init(&made->work, NULL);
    pthread_cond_init(&made->result, NULL);
    *queue = made;
    return STATUS_OK;
}

void queue_free(struct queue *queue)
{
    if (queue != NULL) {
        pthread_cond_destroy(&queue->result);
        pthread_cond_destroy(&queue->work);
        pthread_mutex_destroy(&queue->lock);
        sodium_memzero(queue, sizeof *queue);
        free(queue);
    }
}

struct job *queue_job(struct queue *queue, uint64_t number)
{
    return &queue->jobs[number % QUEUE_CAPACITY];
}

static bool is_done(struct job *job)
{
    return atomic_load_explicit(&job->done, memory_order_acquire);
}

void queue_done(struct job *job)
{
    atomic_store_explicit(&job->done, true, memory_order_release);
}

bool queue_is_empty(const struct queue *queue)
{
    return queue->head == queue->tail;
}

bool queue_is_full(const struct queue *queue)
{
    return queue->tail - queue->head == QUEUE_CAPACITY;
}

struct job *queue_next(struct queue *queue)
{
    return queue_job(queue, queue->tail);
}

/* With the lock held. */
static void publish(struct queue *queue)
{
    queue->published = queue->tail;
    queue->kept_back = 0;
    if (queue->idle > 0) {
        pthread_cond_signal(&queue->work);
    }
}

void queue_push(struct queue *queue)
{
    struct job *job = queue_next(queue);
    atomic_store_explicit(&job->done, false, memory_order_relaxed);
    queue->tail++;
    queue->kept_back += job->size;
    if (queue->kept_back >= BATCH) {
        pthread_mutex_lock(&queue->lock);
        publish(queue);
        pthread_mutex_unlock(&queue->lock);
    }
}

struct job *queue_first_done(struct queue *queue)
{
    struct job *first = queue_job(queue, queue->head);
    return !queue_is_empty(queue) && is_done(first) ? first : NULL;
}

void queue_drop_first(struct queue *queue)
{
    queue->head++;
}

void queue_wait(struct queue *queue, uint64_t number)
{
    struct job *job = queue_job(queue, number);
    if (is_done(job)) {
        number = queue->head; /* that one overtook it */
        job = queue_job(queue, number);
    }
    pthread_mutex_lock(&queue->lock);
    publish(queue);
    queue->awaited = number;
    queue->owner_waits = true;
    while (!is_done(job) && !atomic_load(&queue->failed)) {
        pthread_cond_wait(&queue->result, &queue->lock);
    }
    queue->owner_waits = false;
    pthread_mutex_unlock(&queue->lock);
}

void queue_stop(struct queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    queue->stop = true;
    pthread_cond_broadcast(&queue->work);
    pthread_mutex_unlock(&queue->lock);
}

/* With the lock held. A big job alone, or small ones together. */
static uint64_t batch_end(struct queue *queue)
{
    uint64_t end = queue->claimed;
    size_t bytes = 0;
    while (end < queue->published && bytes < BATCH) {
        bytes += queue_job(queue, end)->size;
        end++;
    }
    return end;
}

bool queue_claim(struct queue *queue, uint64_t *from, uint64_t *to)
{
    pthread_mutex_lock(&queue->lock);
    /* Here the worker comes back with its last batch done. */
    if (queue->owner_waits && is_done(queue_job(queue, queue->awaited))) {
        pthread_cond_signal(&queue->result);
    }
    while (queue->claimed == queue->published && !queue->stop) {
        queue->idle++;
        pthread_cond_wait(&queue->work, &queue->lock);
        queue->idle--;
    }
    bool go_on = !queue->stop;
    if (go_on) {
        *from = queue->claimed;
        *to = batch_end(queue);
        queue->claimed = *to;
        if (queue->claimed < queue->published && queue->idle > 0) {
            pthread_cond_signal(&queue->work);
        }
    }
    pthread_mutex_unlock(&queue->lock);
    return go_on;
}

void queue_fail(struct queue *queue, const struct error *error)
{
    pthread_mutex_lock(&queue->lock);
    if (!atomic_load(&queue->failed)) {
        queue->error = *error;
        atomic_store(&queue->failed, true);
    }
    queue->stop = true;
    pthread_cond_broadcast(&queue->work);
    pthread_cond_signal(&queue->result);
    pthread_mutex_unlock(&queue->lock);
}

enum status queue_status(struct queue *queue, struct error *error)
{
    if (!atomic_load_explicit(&queue->failed, memory_order_acquire)) {
        return STATUS_OK;
    }
    pthread_mutex_lock(&queue->lock);
    *error = queue->error;
    pthread_mutex_unlock(&queue->lock);
    return error->status;
}
