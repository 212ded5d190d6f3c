/* writer_pack: from a full draft to a pack in the queue, in memory as long as that is short, else
 * in the spool. When the spool is full, whoever brings more waits. */
#include "writer_private.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PATIENCE_NANOSECONDS 200000000

void pack_job_free(struct pack_job *job)
{
    if (job != NULL) {
        buffer_free(&job->bytes);
        free(job->pack.chunks);
        free(job->members);
        free(job);
    }
}

/* ------------------------------------------------------------------ memory */

void writer_spare_pack(struct writer *writer, struct buffer *bytes)
{
    struct buffer spare = *bytes;
    *bytes = (struct buffer){0};
    buffer_clear(&spare);
    pthread_mutex_lock(&writer->lock);
    for (unsigned i = 0; i < SPARE_PACKS && spare.data != NULL; i++) {
        if (writer->spare_packs[i].data == NULL) {
            writer->spare_packs[i] = spare;
            spare = (struct buffer){0};
        }
    }
    pthread_mutex_unlock(&writer->lock);
    buffer_free(&spare);
}

static void take_spare_pack(struct writer *writer, struct buffer *bytes)
{
    pthread_mutex_lock(&writer->lock);
    for (unsigned i = 0; i < SPARE_PACKS && bytes->data == NULL; i++) {
        *bytes = writer->spare_packs[i];
        writer->spare_packs[i] = (struct buffer){0};
    }
    pthread_mutex_unlock(&writer->lock);
}

static void spare_draft(struct writer *writer, struct draft *draft)
{
    draft->used = 0;
    draft->count = 0;
    pthread_mutex_lock(&writer->lock);
    struct draft *older = writer->spare_draft;
    writer->spare_draft = draft;
    pthread_mutex_unlock(&writer->lock);
    draft_free(older);
}

/* ------------------------------------------------------------------ building */

static int compare_members(const void *a, const void *b)
{
    const struct pending_chunk *const *left = a;
    const struct pending_chunk *const *right = b;
    return memcmp((*left)->id, (*right)->id, CHUNK_ID_SIZE);
}

static int compare_id(const void *id, const void *member)
{
    const struct pending_chunk *const *chunk = member;
    return memcmp(id, (*chunk)->id, CHUNK_ID_SIZE);
}

/* Building shuffles the chunks; brings the members into the same order. */
static enum status order_members(struct pack_job *job, struct draft *draft, struct error *error)
{
    qsort(draft->members, draft->count, sizeof(struct pending_chunk *), compare_members);
    for (uint32_t i = 0; i < job->pack.count; i++) {
        struct pending_chunk **found = bsearch(job->pack.chunks[i].id, draft->members, draft->count,
                                               sizeof(struct pending_chunk *), compare_id);
        if (found == NULL) {
            return error_set(error, STATUS_FAILED, 0, _("A pack was not built as it should be"));
        }
        job->members[i] = *found;
    }
    return STATUS_OK;
}

static enum status build(struct writer *writer, struct draft *draft, struct pack_job *job,
                         struct error *error)
{
    CLEANUP(memory_free) const unsigned char **sealed = calloc(draft->count, sizeof *sealed);
    job->pack.chunks = calloc(draft->count, sizeof *job->pack.chunks);
    job->members = calloc(draft->count, sizeof(struct pending_chunk *));
    if (sealed == NULL || job->pack.chunks == NULL || job->members == NULL) {
        return error_set_memory(error);
    }
    job->pack.count = draft->count;
    for (uint32_t i = 0; i < draft->count; i++) {
        const struct pending_chunk *member = draft->members[i];
        memcpy(job->pack.chunks[i].id, member->id, CHUNK_ID_SIZE);
        job->pack.chunks[i].size = member->chunk.sealed;
        sealed[i] = draft->arena + member->at;
    }
    enum status status = pack_build(&job->bytes, &job->pack, writer->repo, sealed, error);
    return status ? status : order_members(job, draft, error);
}

/* ------------------------------------------------------------------ the queue */

static void push(struct writer *writer, struct pack_job *job)
{
    if (!job->spooled) { /* what takes memory goes first */
        job->next = writer->queue;
        writer->queue = job;
    } else {
        struct pack_job **at = &writer->queue;
        while (*at != NULL) {
            at = &(*at)->next;
        }
        job->next = NULL;
        *at = job;
    }
    pthread_cond_broadcast(&writer->changed);
}

/* With the lock held: the pack is in the spool and from now on safe. */
static enum status record_spooled(struct writer *writer, struct pack_job *job, struct error *error)
{
    const struct state_chunk **chunks = calloc(job->pack.count + 1u, sizeof(struct state_chunk *));
    CLEANUP(memory_free) const struct state_chunk **owned = chunks;
    if (chunks == NULL) {
        return error_set_memory(error);
    }
    for (uint32_t i = 0; i < job->pack.count; i++) {
        chunks[i] = &job->members[i]->chunk;
    }
    enum status status = state_add_pack(writer->state, &job->pack, owned, false, &job->no, error);
    if (status != STATUS_OK) {
        return status;
    }
    for (uint32_t i = 0; i < job->pack.count; i++) {
        pending_remove(&writer->pending, job->members[i]);
    }
    free(job->members);
    free(job->pack.chunks);
    job->members = NULL;
    job->pack.chunks = NULL;
    buffer_free(&job->bytes);
    return STATUS_OK;
}

/* With the lock held, which is given up while the file is written. A spool that cannot be written
 * is no failure: then there is only memory, and waiting. */
static enum status spool(struct writer *writer, struct pack_job *job, struct error *error)
{
    writer->spooled += job->pack.size;
    pthread_mutex_unlock(&writer->lock);
    enum status status = spool_write(writer, job, error);
    pthread_mutex_lock(&writer->lock);
    if (status != STATUS_OK) {
        writer->spooled -= job->pack.size;
        writer->spool_broken = true;
        error_clear(error);
        return STATUS_OK;
    }
    job->spooled = true;
    return record_spooled(writer, job, error);
}

static bool spool_has_room(const struct writer *writer, uint64_t size)
{
    return !writer->spool_broken && size <= writer->spool_limit &&
           writer->spooled <= writer->spool_limit - size;
}

/* With the lock held. The spool costs writing, reading and checking once more. A store that keeps
 * up with the backup has room for the next pack in a moment; if it has not, the sources are not
 * made to wait for it again until the spool is empty. */
static bool wait_a_moment(struct writer *writer)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += PATIENCE_NANOSECONDS;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    while (!writer->hurried && !writer->failed && writer->held >= writer->held_limit) {
        if (pthread_cond_timedwait(&writer->changed, &writer->lock, &until) == ETIMEDOUT) {
            writer->hurried = writer->held >= writer->held_limit;
            break;
        }
    }
    return !writer->hurried;
}

/* With the lock held: takes the job. */
static enum status enqueue(struct writer *writer, struct pack_job *job, struct error *error)
{
    enum status status = writer_check(writer, error);
    writer->waiting += job->pack.size;
    while (status == STATUS_OK) {
        if (writer->held < writer->held_limit) {
            writer->held++;
            push(writer, job);
            return STATUS_OK;
        }
        if (wait_a_moment(writer)) {
            status = writer_check(writer, error);
        } else if (spool_has_room(writer, job->pack.size)) {
            status = spool(writer, job, error);
            if (status == STATUS_OK && job->spooled) {
                push(writer, job);
                return STATUS_OK;
            }
        } else {
            pthread_cond_wait(&writer->changed, &writer->lock);
            status = writer_check(writer, error);
        }
    }
    pack_job_free(job);
    return status;
}

/* Takes the draft. */
static enum status make_job(struct pack_job **job, struct writer *writer, struct draft *draft,
                            struct error *error)
{
    struct pack_job *made = calloc(1, sizeof *made);
    enum status status = made == NULL ? error_set_memory(error) : STATUS_OK;
    if (made != NULL) {
        take_spare_pack(writer, &made->bytes);
        status = build(writer, draft, made, error);
    }
    spare_draft(writer, draft);
    if (status != STATUS_OK) {
        pack_job_free(made);
        made = NULL;
    }
    *job = made;
    return status;
}

enum status writer_send(struct writer *writer, struct draft *draft, struct error *error)
{
    struct pack_job *job;
    enum status status = make_job(&job, writer, draft, error);
    pthread_mutex_lock(&writer->lock);
    if (job != NULL) {
        status = enqueue(writer, job, error);
    }
    if (status != STATUS_OK) {
        writer_fail(writer, error);
    }
    writer->sending = false;
    pthread_cond_broadcast(&writer->changed);
    pthread_mutex_unlock(&writer->lock);
    return status;
}

enum status writer_flush(struct writer *writer, struct error *error)
{
    pthread_mutex_lock(&writer->lock);
    struct draft *draft = writer->draft;
    writer->draft = NULL;
    pthread_mutex_unlock(&writer->lock);
    if (draft != NULL) {
        enum status status = writer_send(writer, draft, error);
        if (status != STATUS_OK) {
            return status;
        }
    }
    pthread_mutex_lock(&writer->lock);
    while (!writer->failed && (writer->sending || writer->queue != NULL || writer->under_way > 0 ||
                               writer->samples_done < writer->sample_count)) {
        pthread_cond_wait(&writer->changed, &writer->lock);
    }
    enum status status = writer_check(writer, error);
    pthread_mutex_unlock(&writer->lock);
    return status;
}
