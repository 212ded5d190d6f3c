/* pipeline: beginning, end, and what comes out: results and marks, in the order in which they went
 * in, on the owner's thread. After the first failure nothing more is delivered, and every call says
 * that failure. */
#include "owner.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define MEMORY_DEFAULT ((size_t)6 * 1024 * 1024)
#define SEGMENT_MINIMUM ((size_t)1024 * 1024)

static void keys_take(struct pipeline *pipeline, const struct pipeline_options *options)
{
    pipeline->sealing.hash_key = secret_new(CHUNK_KEY_SIZE);
    pipeline->chunker_key = secret_new(CHUNK_KEY_SIZE);
    memcpy(pipeline->sealing.hash_key, options->hash_key, CHUNK_KEY_SIZE);
    memcpy(pipeline->chunker_key, options->chunker_key, CHUNK_KEY_SIZE);
}

enum status pipeline_open(struct pipeline **pipeline, const struct pipeline_options *options,
                          struct error *error)
{
    struct pipeline *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return error_set_memory(error);
    }
    made->sealing.keeper = options->keeper;
    made->sealing.level = options->level;
    memcpy(made->sealing.repository, options->repository, sizeof made->sealing.repository);
    made->pool.memory = options->memory == 0 ? MEMORY_DEFAULT : options->memory;
    made->pool.segment_size = SEGMENT_MINIMUM;
    keys_take(made, options);
    enum status status = queue_new(&made->queue, error);
    if (status == STATUS_OK) {
        status = sealer_start(&made->sealer, &made->sealing, error);
    }
    if (status == STATUS_OK) {
        status = crew_start(&made->crew, options->workers, made->queue, &made->sealing, error);
    }
    if (status != STATUS_OK) {
        pipeline_free(made);
        return status;
    }
    *pipeline = made;
    return STATUS_OK;
}

/* A chunk that lay there is out. */
static void segment_done(struct pipeline *pipeline, struct segment *segment)
{
    if (segment != NULL && --segment->chunks == 0 && segment != pipeline->segment) {
        segment_give_back(&pipeline->pool, segment);
    }
}

void pipeline_free(struct pipeline *pipeline)
{
    if (pipeline == NULL) {
        return;
    }
    if (pipeline->queue != NULL) {
        struct queue *queue = pipeline->queue;
        crew_end(&pipeline->crew, queue);
        for (; !queue_is_empty(queue); queue_drop_first(queue)) {
            segment_done(pipeline, queue_job(queue, queue->head)->segment);
        }
        queue_free(queue);
    }
    free(pipeline->segment);
    segment_pool_clear(&pipeline->pool);
    sealer_end(&pipeline->sealer);
    chunker_free(pipeline->chunker);
    secret_free(pipeline->sealing.hash_key);
    secret_free(pipeline->chunker_key);
    free(pipeline);
}

static enum status fail(struct pipeline *pipeline, const struct error *error)
{
    queue_fail(pipeline->queue, error);
    return error->status;
}

static enum status call(struct pipeline *pipeline, const struct job *job, struct error *error)
{
    enum status status = job->size == 0 ? job->on_mark(job->context, error)
                                        : job->on_chunk(job->context, &job->result, error);
    return status == STATUS_OK ? status : fail(pipeline, error);
}

enum status pipeline_deliver(struct pipeline *pipeline, struct error *error)
{
    enum status status = queue_status(pipeline->queue, error);
    const struct job *job;
    while (status == STATUS_OK && (job = queue_first_done(pipeline->queue)) != NULL) {
        queue_drop_first(pipeline->queue);
        segment_done(pipeline, job->segment);
        status = call(pipeline, job, error);
    }
    return status;
}

enum status pipeline_wait(struct pipeline *pipeline, uint64_t number, struct error *error)
{
    queue_wait(pipeline->queue, number);
    return pipeline_deliver(pipeline, error);
}

enum status pipeline_drain(struct pipeline *pipeline, struct error *error)
{
    enum status status = pipeline_deliver(pipeline, error);
    while (status == STATUS_OK && !queue_is_empty(pipeline->queue)) {
        status = pipeline_wait(pipeline, pipeline->queue->tail - 1, error);
    }
    return status;
}

enum status pipeline_make_slot(struct pipeline *pipeline, struct error *error)
{
    enum status status = STATUS_OK;
    while (status == STATUS_OK && queue_is_full(pipeline->queue)) {
        status = pipeline_wait(pipeline, pipeline->queue->head + QUEUE_CAPACITY / 4, error);
    }
    return status;
}

enum status pipeline_mark(struct pipeline *pipeline, pipeline_on_mark on_mark, void *context,
                          struct error *error)
{
    enum status status = pipeline_deliver(pipeline, error);
    if (status == STATUS_OK) {
        status = pipeline_make_slot(pipeline, error);
    }
    if (status != STATUS_OK) {
        return status;
    }
    if (queue_is_empty(pipeline->queue)) {
        status = on_mark(context, error);
        return status == STATUS_OK ? status : fail(pipeline, error);
    }
    struct job *job = queue_next(pipeline->queue);
    job->size = 0;
    job->segment = NULL;
    job->on_mark = on_mark;
    job->context = context;
    queue_push(pipeline->queue);
    return STATUS_OK;
}

enum status pipeline_store(struct pipeline *pipeline, const void *data, size_t size,
                           const struct dictionary *dictionary, struct chunk_result *result,
                           struct error *error)
{
    assert(size > 0 && size <= CHUNK_MAXIMUM);
    enum status status = queue_status(pipeline->queue, error);
    if (status != STATUS_OK) {
        return status;
    }
    status = sealer_run(&pipeline->sealer, result, data, (uint32_t)size, dictionary, error);
    return status == STATUS_OK ? status : fail(pipeline, error);
}
