/* crew: the worker threads. Each has a sealer of its own. */
#include "crew.h"
#include <sched.h>

static enum status run(struct worker *worker, struct job *job, struct error *error)
{
    if (job->size == 0) {
        return STATUS_OK; /* a mark */
    }
    return sealer_run(&worker->sealer, &job->result, job->data, job->size, job->dictionary, error);
}

static void *work(void *argument)
{
    struct worker *worker = argument;
    struct queue *queue = worker->queue;
    uint64_t from;
    uint64_t to;
    while (queue_claim(queue, &from, &to)) {
        for (; from < to && !atomic_load_explicit(&queue->failed, memory_order_relaxed); from++) {
            struct job *job = queue_job(queue, from);
            struct error error;
            if (run(worker, job, &error) != STATUS_OK) {
                queue_fail(queue, &error);
                break;
            }
            queue_done(job);
        }
    }
    return NULL;
}

static unsigned processors(void)
{
    cpu_set_t set;
    int count = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
    return count < 1 ? 1 : (unsigned)count;
}

enum status crew_start(struct crew *crew, unsigned count, struct queue *queue,
                       const struct sealing *sealing, struct error *error)
{
    count = count == 0 ? processors() : count;
    count = count > CREW_LIMIT ? CREW_LIMIT : count;
    enum status status = STATUS_OK;
    while (crew->count < count && status == STATUS_OK) {
        struct worker *worker = &crew->workers[crew->count];
        worker->queue = queue;
        status = sealer_start(&worker->sealer, sealing, error);
        if (status != STATUS_OK) {
            break;
        }
        status = thread_start(&worker->thread, work, worker, error);
        if (status != STATUS_OK) {
            sealer_end(&worker->sealer);
            break;
        }
        crew->count++;
    }
    return status;
}

void crew_end(struct crew *crew, struct queue *queue)
{
    queue_stop(queue);
    for (unsigned i = 0; i < crew->count; i++) {
        pthread_join(crew->workers[i].thread, NULL);
        sealer_end(&crew->workers[i].sealer);
    }
    crew->count = 0;
}
