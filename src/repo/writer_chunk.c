/* writer_chunk: what the pipeline asks. Is this content known, under which key; and here is a
 * sealed chunk. For one content exactly one worker is told that it is new, however many ask at
 * once. */
#include "writer_private.h"
#include <stdlib.h>
#include <string.h>

enum status writer_fail(struct writer *writer, const struct error *error)
{
    if (!writer->failed) {
        writer->failed = true;
        writer->failure = *error;
    }
    pthread_cond_broadcast(&writer->changed);
    return error->status;
}

enum status writer_check(const struct writer *writer, struct error *error)
{
    if (writer->failed) {
        *error = writer->failure;
        return error->status;
    }
    return STATUS_OK;
}

/* ------------------------------------------------------------------ recognising */

static enum status allot(struct writer *writer, const unsigned char *hash, uint32_t size,
                         struct chunk_reference *reference, struct error *error)
{
    struct pending_chunk *chunk = pending_add(&writer->pending, hash);
    if (chunk == NULL) {
        return error_set_memory(error);
    }
    chunk->chunk.reference.size = size;
    chunk_key_derive(chunk->chunk.reference.key, writer->keys->chunk_secret, writer->next_chunk++);
    chunk_reference_id(chunk->id, &chunk->chunk.reference);
    *reference = chunk->chunk.reference;
    return STATUS_OK;
}

static enum status recognise_locked(struct writer *writer, const unsigned char *hash, uint32_t size,
                                    struct chunk_reference *reference, bool *known,
                                    struct error *error)
{
    enum status status = writer_check(writer, error);
    if (status != STATUS_OK) {
        return status;
    }
    const struct pending_chunk *pending = pending_find(&writer->pending, hash);
    if (pending != NULL) {
        *known = true;
        *reference = pending->chunk.reference;
        return STATUS_OK;
    }
    struct state_chunk chunk;
    status = state_find(writer->state, hash, &chunk, known, error);
    if (status == STATUS_OK && *known) {
        *reference = chunk.reference;
        return STATUS_OK;
    }
    return status ? status : allot(writer, hash, size, reference, error);
}

static enum status recognise(void *context, const unsigned char hash[CHUNK_HASH_SIZE],
                             uint32_t size, struct chunk_reference *reference, bool *known,
                             struct error *error)
{
    struct writer *writer = context;
    pthread_mutex_lock(&writer->lock);
    enum status status = recognise_locked(writer, hash, size, reference, known, error);
    if (status != STATUS_OK) {
        writer_fail(writer, error);
    }
    pthread_mutex_unlock(&writer->lock);
    return status;
}

/* ------------------------------------------------------------------ storing */

struct draft *draft_new(size_t target)
{
    struct draft *draft = calloc(1, sizeof *draft);
    if (draft == NULL) {
        return NULL;
    }
    draft->arena = malloc(target);
    if (draft->arena == NULL) {
        free(draft);
        return NULL;
    }
    return draft;
}

void draft_free(struct draft *draft)
{
    if (draft != NULL) {
        free(draft->arena);
        free(draft);
    }
}

static bool fits(const struct writer *writer, const struct draft *draft, size_t size)
{
    return draft != NULL && draft->count < PACK_CHUNKS &&
           pack_size_before_padding(draft->used + size, draft->count + 1) <= writer->pack_target;
}

/* What padding the pack would add, had it the chunks of the draft without this one. */
static uint64_t padding_without(const struct draft *draft, size_t left_out)
{
    bool all = left_out == draft->count;
    uint64_t bytes = draft->used - (all ? 0 : draft->members[left_out]->chunk.sealed);
    uint64_t size = pack_size_before_padding(bytes, draft->count - (all ? 0 : 1));
    return padme(size) - size;
}

/* Padding hides a pack's size at the cost of up to 3 % of it, and half of that on average. The one
 * chunk without which least is lost goes into the next draft, if that has room for `size` beside
 * it: of some dozens of chunks one nearly always fits. */
static void move_one(const struct writer *writer, struct draft *full, struct draft *fresh,
                     size_t size)
{
    uint32_t best = full->count;
    for (uint32_t i = 0; full->count > 1 && i < full->count; i++) {
        if (padding_without(full, i) < padding_without(full, best) &&
            full->members[i]->chunk.sealed + size < writer->pack_target / 2) {
            best = i;
        }
    }
    if (best == full->count) {
        return;
    }
    struct pending_chunk *chunk = full->members[best];
    memcpy(fresh->arena, full->arena + chunk->at, chunk->chunk.sealed);
    chunk->at = 0;
    fresh->used = chunk->chunk.sealed;
    fresh->members[fresh->count++] = chunk;
    full->used -= chunk->chunk.sealed;
    full->members[best] = full->members[--full->count];
}

/* Makes room in the draft. One full draft at a time is on its way into the queue, so that memory
 * stays at two of them; *full is one that the caller has to send. */
static enum status make_room(struct writer *writer, size_t size, struct draft **full,
                             struct error *error)
{
    while (!writer->failed && !fits(writer, writer->draft, size) && writer->draft != NULL &&
           writer->sending) {
        pthread_cond_wait(&writer->changed, &writer->lock);
    }
    enum status status = writer_check(writer, error);
    if (status != STATUS_OK || fits(writer, writer->draft, size)) {
        return status;
    }
    struct draft *fresh = writer->spare_draft;
    writer->spare_draft = NULL;
    fresh = fresh == NULL ? draft_new(writer->pack_target) : fresh;
    if (fresh == NULL) {
        return error_set_memory(error);
    }
    *full = writer->draft;
    if (*full != NULL) {
        writer->sending = true;
        move_one(writer, *full, fresh, size);
    }
    writer->draft = fresh;
    return STATUS_OK;
}

static enum status add(struct writer *writer, const unsigned char *hash, const void *sealed,
                       size_t size, struct draft **full, struct error *error)
{
    if (pack_size_before_padding(size, 1) > writer->pack_target) {
        return error_set(error, STATUS_FAILED, 0, _("A chunk is too large for a pack"));
    }
    enum status status = make_room(writer, size, full, error);
    if (status != STATUS_OK) {
        return status;
    }
    struct pending_chunk *chunk = pending_find(&writer->pending, hash);
    if (chunk == NULL || chunk->chunk.sealed != 0) {
        return error_set(error, STATUS_FAILED, 0, _("A chunk was stored that was not announced"));
    }
    struct draft *draft = writer->draft;
    chunk->at = draft->used;
    chunk->chunk.sealed = (uint32_t)size;
    memcpy(draft->arena + draft->used, sealed, size);
    draft->used += size;
    draft->members[draft->count++] = chunk;
    return STATUS_OK;
}

static enum status store(void *context, const unsigned char hash[CHUNK_HASH_SIZE],
                         const struct chunk_reference *reference, const void *sealed,
                         size_t sealed_size, struct error *error)
{
    (void)reference;
    struct writer *writer = context;
    struct draft *full = NULL;
    pthread_mutex_lock(&writer->lock);
    enum status status = add(writer, hash, sealed, sealed_size, &full, error);
    if (status != STATUS_OK) {
        writer_fail(writer, error);
    }
    pthread_mutex_unlock(&writer->lock);
    if (full == NULL) {
        return status;
    }
    struct error second = {0};
    enum status sent = writer_send(writer, full, status == STATUS_OK ? error : &second);
    return status ? status : sent;
}

void writer_keeper(struct writer *writer, struct pipeline_keeper *keeper)
{
    *keeper = (struct pipeline_keeper){writer, recognise, store};
}
