/* crew: the worker threads. Each has a sealer of its own and takes no signals: a handler belongs on
 * the thread that can act on it, and it would interrupt what the keeper does. */
#include "crew.h"
#include <sched.h>
#include <signal.h>

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
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    enum status status = STATUS_OK;
    while (crew->count < count && status == STATUS_OK) {
        struct worker *worker = &crew->workers[crew->count];
        worker->queue = queue;
        status = sealer_start(&worker->sealer, sealing, error);
        if (status != STATUS_OK) {
            break;
        }
        int code = pthread_create(&worker->thread, NULL, work, worker);
        if (code != 0) {
            sealer_end(&worker->sealer);
            status = error_set_errno(error, code, "%s", _("a thread cannot be started"));
            break;
        }
        crew->count++;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
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
