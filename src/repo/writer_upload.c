/* writer_upload: the threads that bring packs off-site. A pack is recorded as stored after the
 * store has said so and not before. While no pack waits they open the night's sample. */
#include "writer_private.h"
#include <stdlib.h>

static enum status put(struct writer *writer, struct pack_job *job, struct error *error)
{
    enum status status = job->spooled ? spool_read(writer, job, error) : STATUS_OK;
    struct store *store = NULL;
    status = status ? status : repo_take_store(&store, writer->repo, error);
    if (status == STATUS_OK) {
        status = object_put(writer->repo, store, OBJECT_PACK, job->pack.id, &job->bytes, error);
    }
    repo_give_store(writer->repo, store);
    writer_spare_pack(writer, &job->bytes);
    return status;
}

/* With the lock held. */
static enum status record(struct writer *writer, struct pack_job *job, struct error *error)
{
    if (job->spooled) {
        writer->spooled -= job->pack.size;
        writer->hurried = writer->hurried && writer->spooled > 0;
        enum status status = state_pack_stored(writer->state, job->no, error);
        if (status == STATUS_OK) {
            spool_remove(writer, job->pack.id);
        }
        return status;
    }
    CLEANUP(memory_free)
    const struct state_chunk **chunks = calloc(job->pack.count + 1u, sizeof(struct state_chunk *));
    if (chunks == NULL) {
        return error_set_memory(error);
    }
    for (uint32_t i = 0; i < job->pack.count; i++) {
        chunks[i] = &job->members[i]->chunk;
    }
    enum status status = state_add_pack(writer->state, &job->pack, chunks, true, &job->no, error);
    for (uint32_t i = 0; status == STATUS_OK && i < job->pack.count; i++) {
        pending_remove(&writer->pending, job->members[i]);
    }
    return status;
}

/* With the lock held, which is given up while the pack travels. */
static void upload(struct writer *writer)
{
    struct pack_job *job = writer->queue;
    struct error error = {0};
    writer->queue = job->next;
    writer->under_way++;
    writer->held += job->spooled ? 1 : 0;
    pthread_mutex_unlock(&writer->lock);
    enum status status = put(writer, job, &error);
    pthread_mutex_lock(&writer->lock);
    if (status == STATUS_OK) {
        status = record(writer, job, &error);
    }
    writer->waiting -= job->pack.size;
    if (status == STATUS_OK) {
        writer->stored += job->pack.size;
    } else {
        writer_fail(writer, &error);
    }
    writer->held--;
    writer->under_way--;
    pthread_cond_broadcast(&writer->changed);
    pack_job_free(job);
}

static void judge(struct writer *writer)
{
    struct sample *sample = &writer->samples[writer->samples_taken++];
    struct error error = {0};
    struct store *store = NULL;
    pthread_mutex_unlock(&writer->lock);
    enum status status = repo_take_store(&store, writer->repo, &error);
    if (status == STATUS_OK) {
        status = sample_try(sample, writer, store, &error);
    }
    repo_give_store(writer->repo, store);
    pthread_mutex_lock(&writer->lock);
    if (problem_is_local(status, &error)) {
        sample->damage = error;
    } else if (status != STATUS_OK) {
        writer_fail(writer, &error);
    }
    writer->samples_done++;
    pthread_cond_broadcast(&writer->changed);
}

static void *run(void *context)
{
    struct writer *writer = context;
    pthread_mutex_lock(&writer->lock);
    while (!writer->stopping && !writer->failed) {
        if (writer->queue != NULL) {
            upload(writer);
        } else if (writer->samples_taken < writer->sample_count) {
            judge(writer);
        } else {
            pthread_cond_wait(&writer->changed, &writer->lock);
        }
    }
    pthread_mutex_unlock(&writer->lock);
    return NULL;
}

enum status uploaders_start(struct writer *writer, struct error *error)
{
    unsigned count = repo_connections(writer->repo);
    writer->threads = calloc(count, sizeof *writer->threads);
    if (writer->threads == NULL) {
        return error_set_memory(error);
    }
    enum status status = STATUS_OK;
    while (status == STATUS_OK && writer->thread_count < count) {
        status = thread_start(&writer->threads[writer->thread_count], run, writer, error);
        writer->thread_count += status == STATUS_OK ? 1 : 0;
    }
    return status;
}

void uploaders_stop(struct writer *writer)
{
    if (writer->threads == NULL) {
        return;
    }
    pthread_mutex_lock(&writer->lock);
    writer->stopping = true;
    pthread_cond_broadcast(&writer->changed);
    pthread_mutex_unlock(&writer->lock);
    for (unsigned i = 0; i < writer->thread_count; i++) {
        pthread_join(writer->threads[i], NULL);
    }
    free(writer->threads);
    writer->threads = NULL;
    writer->thread_count = 0;
}
