/* stream: what goes in. Bytes are read into a segment and cut there; each chunk becomes a job that
 * points into the segment, so nothing is copied but the unfinished chunk when a segment is full.
 *
 *   segment:  | chunk | chunk | chunk | unfinished |      free       |
 *                                     begin        end
 *
 * Chunks of many small streams share a segment. The memory for segments bounds what is in flight:
 * when it is used up, the owner sleeps until the oldest segment is free. */
#include "owner.h"
#include <assert.h>
#include <string.h>

#define SEGMENT_ROOM ((size_t)512 * 1024)  /* at least, behind the longest unfinished chunk */
#define SPACE_MINIMUM ((size_t)128 * 1024) /* with less left a new segment is begun */

static enum status chunker_renew(struct pipeline *pipeline, struct chunking chunking,
                                 struct error *error)
{
    if (pipeline->chunker != NULL && memcmp(&chunking, &pipeline->chunking, sizeof chunking) == 0) {
        return STATUS_OK;
    }
    chunker_free(pipeline->chunker);
    pipeline->chunker = NULL;
    enum status status = chunker_new(&pipeline->chunker, pipeline->chunker_key, chunking, error);
    if (status == STATUS_OK) {
        pipeline->chunking = chunking;
        segment_pool_grow(&pipeline->pool, chunking.maximum + SEGMENT_ROOM);
    }
    return status;
}

enum status pipeline_stream_begin(struct pipeline *pipeline, const struct pipeline_stream *stream,
                                  struct error *error)
{
    assert(!pipeline->streaming && stream->on_chunk != NULL);
    enum status status = pipeline_deliver(pipeline, error);
    if (status == STATUS_OK) {
        status = chunker_renew(pipeline, stream->chunking, error);
    }
    if (status == STATUS_OK) {
        pipeline->stream = *stream;
        pipeline->begin = pipeline->end; /* a stream that failed may have left something */
        pipeline->state = (struct chunker_state){0};
        pipeline->streaming = true;
    }
    return status;
}

static enum status push_chunk(struct pipeline *pipeline, size_t size, struct error *error)
{
    enum status status = pipeline_make_slot(pipeline, error);
    if (status != STATUS_OK) {
        return status;
    }
    struct segment *segment = pipeline->segment;
    struct job *job = queue_next(pipeline->queue);
    job->size = (uint32_t)size;
    job->data = segment->data + pipeline->begin;
    job->segment = segment;
    job->dictionary = pipeline->stream.dictionary;
    job->on_chunk = pipeline->stream.on_chunk;
    job->context = pipeline->stream.context;
    segment->chunks++;
    segment->last_job = pipeline->queue->tail;
    pipeline->begin += size;
    pipeline->state = (struct chunker_state){0};
    queue_push(pipeline->queue);
    return STATUS_OK;
}

/* No chunk in flight lies in the current segment, so that its bytes may move. */
static bool is_movable(const struct pipeline *pipeline)
{
    const struct segment *segment = pipeline->segment;
    return segment != NULL && segment->chunks == 0 && segment->size >= pipeline->pool.segment_size;
}

/* The job after which the oldest segment is free. */
static uint64_t oldest_end(const struct pipeline *pipeline)
{
    const struct segment *oldest = queue_job(pipeline->queue, pipeline->queue->head)->segment;
    return oldest == NULL ? pipeline->queue->head : oldest->last_job;
}

/* Moves the unfinished chunk to the front of a segment that has room. */
static enum status segment_renew(struct pipeline *pipeline, struct error *error)
{
    enum status status = STATUS_OK;
    /* With nothing in flight one more may always be taken, or little memory would stop the work. */
    while (status == STATUS_OK && !is_movable(pipeline) && !segment_pool_has(&pipeline->pool) &&
           !queue_is_empty(pipeline->queue)) {
        status = pipeline_wait(pipeline, oldest_end(pipeline), error);
    }
    struct segment *old = pipeline->segment;
    struct segment *fresh = old;
    if (status == STATUS_OK && !is_movable(pipeline)) {
        status = segment_take(&fresh, &pipeline->pool, error);
    }
    if (status != STATUS_OK) {
        return status;
    }
    size_t unfinished = pipeline->end - pipeline->begin;
    if (old != NULL && unfinished > 0) {
        memmove(fresh->data, old->data + pipeline->begin, unfinished);
    }
    pipeline->begin = 0;
    pipeline->end = unfinished;
    pipeline->segment = fresh;
    if (old != NULL && old != fresh && old->chunks == 0) {
        segment_give_back(&pipeline->pool, old);
    }
    return STATUS_OK;
}

enum status pipeline_space(struct pipeline *pipeline, unsigned char **data, size_t *size,
                           struct error *error)
{
    assert(pipeline->streaming);
    enum status status = queue_status(pipeline->queue, error);
    const struct segment *segment = pipeline->segment;
    if (status == STATUS_OK && (segment == NULL || segment->size < pipeline->pool.segment_size ||
                                segment->size - pipeline->end < SPACE_MINIMUM)) {
        status = segment_renew(pipeline, error);
    }
    if (status == STATUS_OK) {
        *data = pipeline->segment->data + pipeline->end;
        *size = pipeline->segment->size - pipeline->end;
    }
    return status;
}

enum status pipeline_advance(struct pipeline *pipeline, size_t size, struct error *error)
{
    assert(pipeline->streaming && size <= pipeline->segment->size - pipeline->end);
    enum status status = queue_status(pipeline->queue, error);
    pipeline->end += size;
    while (status == STATUS_OK) {
        size_t length = chunker_cut(pipeline->chunker, pipeline->segment->data + pipeline->begin,
                                    pipeline->end - pipeline->begin, &pipeline->state);
        if (length == 0) {
            return pipeline_deliver(pipeline, error);
        }
        status = push_chunk(pipeline, length, error);
    }
    return status;
}

enum status pipeline_cut(struct pipeline *pipeline, struct error *error)
{
    assert(pipeline->streaming);
    enum status status = queue_status(pipeline->queue, error);
    if (status == STATUS_OK && pipeline->end > pipeline->begin) {
        status = push_chunk(pipeline, pipeline->end - pipeline->begin, error);
    }
    return status == STATUS_OK ? pipeline_deliver(pipeline, error) : status;
}

enum status pipeline_stream_end(struct pipeline *pipeline, struct error *error)
{
    enum status status = pipeline_cut(pipeline, error);
    pipeline->streaming = false;
    return status;
}
