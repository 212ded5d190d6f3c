/* writer_chunk: what the pipeline asks. Is this content known, under which key; and here is a
 * sealed chunk. For one content exactly one worker is told that it is new, however many ask at
 * once. */
#include "writer_private.h"
#include <stdlib.h>
#include <string.h>

#define MOVED 3u  /* chunks at most that a full draft hands on */
#define TRIED 24u /* of so many all pairs and triples are tried */

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

/* Some members of a full draft, in rising order. */
struct choice {
    uint32_t members[MOVED];
    uint32_t count;
    size_t bytes;
    uint64_t padding; /* of the pack without them */
};

static void choice_add(struct choice *choice, const struct draft *draft, uint32_t member)
{
    uint32_t left = draft->count - choice->count - 1;
    choice->members[choice->count++] = member;
    choice->bytes += draft->members[member]->chunk.sealed;
    uint64_t size = pack_size_before_padding(draft->used - choice->bytes, left);
    choice->padding = padme(size) - size;
}

/* Extends the choice by members from `from` on, in every way that fits into `room`. */
static void choose(struct choice *best, const struct draft *draft, const struct choice *begun,
                   uint32_t from, size_t room)
{
    /* Of a draft of hundreds, one chunk alone nearly always fits. */
    uint32_t to = begun->count > 0 && draft->count > TRIED ? TRIED : draft->count;
    for (uint32_t i = from; i < to && begun->count < MOVED && begun->count + 1 < draft->count;
         i++) {
        struct choice more = *begun;
        choice_add(&more, draft, i);
        if (more.bytes <= room) {
            *best = more.padding < best->padding ? more : *best;
            choose(best, draft, &more, i + 1, room);
        }
    }
}

static void move_member(struct draft *from, struct draft *to, uint32_t member)
{
    struct pending_chunk *chunk = from->members[member];
    memcpy(to->arena + to->used, from->arena + chunk->at, chunk->chunk.sealed);
    chunk->at = to->used;
    to->used += chunk->chunk.sealed;
    to->members[to->count++] = chunk;
    from->used -= chunk->chunk.sealed;
    from->members[member] = from->members[--from->count];
}

/* Padding hides a pack's size at the cost of up to 3 % of it, and half of that on average. The few
 * chunks without which least is lost go into the next draft, if that has room for `size` beside
 * them: then hardly anything is. */
static void move_some(const struct writer *writer, struct draft *full, struct draft *fresh,
                      size_t size)
{
    size_t room = writer->pack_target / 2 > size ? writer->pack_target / 2 - size : 0;
    uint64_t whole = pack_size_before_padding(full->used, full->count);
    struct choice none = {.padding = padme(whole) - whole};
    struct choice best = none;
    choose(&best, full, &none, 0, room);
    /* The last place first, so that the others stay as they are. */
    while (best.count > 0) {
        move_member(full, fresh, best.members[--best.count]);
    }
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
        move_some(writer, *full, fresh, size);
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
