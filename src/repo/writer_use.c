/* writer_use: the uses of chunks by the backup in progress, and the way back for a chunk that it
 * needs itself. */
#include "sealed.h"
#include "writer_private.h"
#include <stdio.h>
#include <string.h>

enum status writer_use(struct writer *writer, const unsigned char hash[CHUNK_HASH_SIZE], int change,
                       struct error *error)
{
    pthread_mutex_lock(&writer->lock);
    enum status status = writer_check(writer, error);
    if (status == STATUS_OK) {
        status = state_use(writer->state, hash, change, error);
        if (status != STATUS_OK) {
            writer_fail(writer, error);
        }
    }
    pthread_mutex_unlock(&writer->lock);
    return status;
}

enum status writer_find_chunk(struct writer *writer, const unsigned char hash[CHUNK_HASH_SIZE],
                              struct chunk_reference *reference, bool *found, struct error *error)
{
    struct state_chunk chunk;
    pthread_mutex_lock(&writer->lock);
    enum status status = writer_check(writer, error);
    status = status ? status : state_find(writer->state, hash, &chunk, found, error);
    if (status != STATUS_OK) {
        writer_fail(writer, error);
    }
    pthread_mutex_unlock(&writer->lock);
    *found = status == STATUS_OK && *found;
    *reference = *found ? chunk.reference : *reference;
    return status;
}

static enum status find(struct writer *writer, const struct chunk_reference *reference,
                        struct state_chunk *chunk, struct state_pack *pack, struct error *error)
{
    bool found = false;
    pthread_mutex_lock(&writer->lock);
    enum status status = writer_check(writer, error);
    status = status ? status : state_find_reference(writer->state, reference, chunk, &found, error);
    if (status == STATUS_OK && found) {
        status = state_get_pack(writer->state, chunk->pack, pack, error);
    }
    pthread_mutex_unlock(&writer->lock);
    if (status == STATUS_OK && (!found || chunk->reference.size != reference->size)) {
        return error_set(error, STATUS_NOT_FOUND, 0, _("The content map does not know the chunk"));
    }
    return status;
}

static enum status fetch_spooled(struct writer *writer, const struct state_chunk *chunk,
                                 const struct state_pack *pack, struct buffer *plain,
                                 struct error *error)
{
    struct pack_job job = {.pack.size = pack->size};
    memcpy(job.pack.id, pack->id, OBJECT_ID_SIZE);
    enum status status = spool_read(writer, &job, error);
    if (status == STATUS_OK && (uint64_t)chunk->offset + chunk->sealed > job.bytes.size) {
        status = error_set(error, STATUS_CORRUPT, 0, _("The content map is damaged"));
    }
    status = status ? status
                    : sealed_open(plain, writer->repo, &chunk->reference,
                                  job.bytes.data + chunk->offset, chunk->sealed, error);
    buffer_free(&job.bytes);
    return status;
}

static enum status fetch_stored(struct writer *writer, const struct state_chunk *chunk,
                                const struct state_pack *pack, struct buffer *plain,
                                struct error *error)
{
    struct store *store = NULL;
    enum status status = repo_take_store(&store, writer->repo, error);
    status = status ? status : sealed_fetch(plain, writer->repo, store, pack->id, chunk, error);
    repo_give_store(writer->repo, store);
    return status;
}

static enum status forget(struct writer *writer, const struct chunk_reference *lost,
                          const struct error *reason, struct error *error)
{
    struct state_chunk chunk;
    struct state_pack pack;
    char name[OBJECT_NAME_SIZE];
    bool found = false;
    enum status status = STATUS_OK;
    snprintf(name, sizeof name, "%s", writer->base.memory);
    if (lost != NULL) {
        status = state_find_reference(writer->state, lost, &chunk, &found, error);
    }
    if (status == STATUS_OK && found) {
        status = state_get_pack(writer->state, chunk.pack, &pack, error);
    }
    if (status == STATUS_OK && found) {
        object_name(name, OBJECT_PACK, pack.id);
        status = state_drop_pack(writer->state, pack.no, error);
    }
    problems_add(&writer->problems, name, reason);
    if (status != STATUS_OK) {
        return status;
    }
    /* As with a sample: other packs that are damaged in place look sound in any listing. */
    return found && reason->status == STATUS_CORRUPT ? state_forget_all(writer->state, error)
                                                     : state_forget_base(writer->state, error);
}

enum status writer_distrust(struct writer *writer, const struct chunk_reference *lost,
                            struct error *reason)
{
    struct error error = {0};
    pthread_mutex_lock(&writer->lock);
    if (forget(writer, lost, reason, &error) == STATUS_OK) {
        writer->distrusted = true;
    } else {
        *reason = error;
    }
    enum status status = writer_fail(writer, reason);
    pthread_mutex_unlock(&writer->lock);
    return status;
}

enum status writer_open_chunk(struct writer *writer, const struct chunk_reference *reference,
                              struct buffer *content, struct error *error)
{
    CLEANUP(buffer_wipe) struct buffer plain = {0};
    struct state_chunk chunk;
    struct state_pack pack = {.no = 0};
    enum status status = find(writer, reference, &chunk, &pack, error);
    if (status != STATUS_OK) {
        return status;
    }
    if (!pack.stored) {
        status = fetch_spooled(writer, &chunk, &pack, &plain, error);
    }
    if (pack.stored || status == STATUS_NOT_FOUND) { /* it may just have been sent */
        status = fetch_stored(writer, &chunk, &pack, &plain, error);
    }
    struct decompressor *decompressor = NULL;
    status = status ? status : decompressor_new(&decompressor, error);
    buffer_clear(content);
    status = status ? status : buffer_reserve(content, reference->size, error);
    if (status == STATUS_OK) {
        status = decompressor_run(decompressor, content->data, reference->size, plain.data,
                                  plain.size, NULL, error);
    }
    decompressor_free(decompressor);
    content->size = status == STATUS_OK ? reference->size : 0;
    return status;
}
