/* source_fragments: a dump on its way through fragments.h into the list of its chunks. What is
 * known and what is new leave in the order of the stream: what is known waits in a queue until the
 * chunks of the new before it have come out of the pipeline. */
#include "source_backup.h"
#include <assert.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define DAY (24 * 60 * 60)
#define INPUT_SIZE ((size_t)256 * 1024)
#define QUEUE_LIMIT 65536u /* fragments that may wait: then a chunk is ended before its time */
#define NEW UINT32_MAX     /* in the place of a fragment's chunk: it is in the pipeline */
#define UNUSED UINT32_MAX  /* in the place of an old chunk's new number: nothing of it is used */

struct source_fragments {
    struct source_backup *backup;
    /* A hash that has taken in the key: as a key of its own it would cost a block for each
     * fragment, of which hardly any is longer than two. */
    crypto_generichash_state keyed;
    struct fragment_cutter *cutter;
    size_t row;           /* that is to be looked at next, from `begin` on */
    unsigned char *input; /* INPUT_SIZE; what of it is not cut yet: [begin, end) */
    size_t begin, end;
    uint32_t unfinished; /* bytes of the chunk that is being filled */

    struct fragment_input *remembered; /* NULL: nothing */
    struct fragment_window *window;
    struct fragment_table old;
    uint32_t *renumbered; /* of the old table: number in the new one, or UNUSED */
    bool *refused;        /* of the old table */

    struct fragment_output *output;
    struct fragment_chunk *chunks; /* the new table */
    uint32_t chunk_count, chunk_room;

    struct fragment *queue; /* a ring of QUEUE_LIMIT */
    uint64_t head, tail;
    struct fragment run; /* of fragments that follow each other in a chunk; size 0: none */
};

/* ------------------------------------------------------------------ begin and end */

/* A chunk may be used in part as long as all that is gone from it was in a backup of at most so
 * many days ago. A clock that went back proves nothing. */
static bool is_too_old(const struct source_fragments *fragments, int64_t since)
{
    int64_t age = moment_now().seconds - since;
    return age < 0 || age > (int64_t)fragments->backup->source->postgres.remnant_days * DAY;
}

static enum status judge_memory(struct source_fragments *fragments, enum status status,
                                struct error *error)
{
    struct writer *writer = fragments->backup->journey->writer;
    return status == STATUS_CORRUPT ? writer_distrust(writer, NULL, error) : status;
}

static enum status take_old(struct source_fragments *fragments, struct error *error)
{
    struct fragment_table *old = &fragments->old;
    fragments->renumbered = calloc((size_t)old->chunk_count + 1, sizeof *fragments->renumbered);
    fragments->refused = calloc((size_t)old->chunk_count + 1, sizeof *fragments->refused);
    if (fragments->renumbered == NULL || fragments->refused == NULL) {
        return error_set_memory(error);
    }
    for (uint32_t i = 0; i < old->chunk_count; i++) {
        int64_t since = old->chunks[i].since == 0 ? old->time : old->chunks[i].since;
        fragments->renumbered[i] = UNUSED;
        fragments->refused[i] = is_too_old(fragments, since);
    }
    return fragment_window_new(&fragments->window, fragments->remembered, old, error);
}

static enum status recall(struct source_fragments *fragments, struct error *error)
{
    const struct source_backup *backup = fragments->backup;
    const char *folder = writer_memory(backup->journey->writer);
    if (folder == NULL) {
        return STATUS_OK;
    }
    struct memory_place place = {folder, backup->source->name, backup->journey->memory_key};
    enum status status =
        fragment_input_open(&fragments->remembered, &fragments->old, &place, error);
    if (status == STATUS_NOT_FOUND) {
        return STATUS_OK;
    }
    status = judge_memory(fragments, status, error);
    return status ? status : take_old(fragments, error);
}

enum status source_fragments_open(struct source_fragments **fragments, struct source_backup *backup,
                                  struct error *error)
{
    struct journey *journey = backup->journey;
    struct memory_place place = {writer_new_memory(journey->writer), backup->source->name,
                                 journey->memory_key};
    struct source_fragments *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return error_set_memory(error);
    }
    *fragments = made;
    made->backup = backup;
    unsigned char *key CLEANUP(secret_free_pointer) = secret_new(SUBKEY_SIZE);
    key_derive(key, journey->memory_key, SUBKEY_SIZE, "kura/1 fragments");
    crypto_generichash_init(&made->keyed, NULL, 0, MARK_SIZE);
    crypto_generichash_update(&made->keyed, key, SUBKEY_SIZE);
    made->input = malloc(INPUT_SIZE);
    made->queue = malloc(QUEUE_LIMIT * sizeof *made->queue);
    enum status status =
        made->input == NULL || made->queue == NULL ? error_set_memory(error) : STATUS_OK;
    status = status ? status : fragment_cutter_new(&made->cutter, key, error);
    status = status ? status : fragment_output_open(&made->output, &place, error);
    return status ? status : recall(made, error);
}

void source_fragments_free(struct source_fragments *fragments)
{
    if (fragments == NULL) {
        return;
    }
    fragment_window_free(fragments->window);
    fragment_input_free(fragments->remembered);
    fragment_table_free(&fragments->old);
    fragment_output_free(fragments->output);
    fragment_cutter_free(fragments->cutter);
    sodium_memzero(&fragments->keyed, sizeof fragments->keyed);
    free(fragments->renumbered);
    free(fragments->refused);
    free(fragments->chunks);
    free(fragments->queue);
    free(fragments->input);
    free(fragments);
}

/* What is gone from a chunk was in the backup before this one, or is gone since longer ago. */
enum status source_fragments_finish(struct source_fragments *fragments, struct error *error)
{
    struct statement_source *words = &fragments->backup->catalogue->words;
    for (uint32_t i = 0; i < fragments->chunk_count; i++) {
        struct fragment_chunk *chunk = &fragments->chunks[i];
        if (chunk->used == chunk->reference.size) {
            chunk->since = 0;
        } else if (words->remnants == 0 || chunk->since < words->remnants) {
            words->remnants = chunk->since;
        }
    }
    return fragment_output_finish(fragments->output, fragments->backup->journey->time.seconds,
                                  fragments->chunks, fragments->chunk_count, error);
}

/* ------------------------------------------------------------------ outward */

static enum status add_chunk(struct source_fragments *fragments, const struct fragment_chunk *chunk,
                             struct error *error)
{
    if (fragments->chunk_count == fragments->chunk_room) {
        uint32_t room = fragments->chunk_room == 0 ? 1024 : 2 * fragments->chunk_room;
        struct fragment_chunk *grown = reallocarray(fragments->chunks, room, sizeof *grown);
        if (grown == NULL) {
            return error_set_memory(error);
        }
        fragments->chunks = grown;
        fragments->chunk_room = room;
    }
    fragments->chunks[fragments->chunk_count++] = *chunk;
    return STATUS_OK;
}

/* The run as one item of the list. */
static enum status end_run(struct source_fragments *fragments, struct error *error)
{
    struct source_backup *backup = fragments->backup;
    const struct fragment *run = &fragments->run;
    if (run->size == 0) {
        return STATUS_OK;
    }
    struct fragment_chunk *chunk = &fragments->chunks[run->chunk];
    chunk->used += run->size;
    backup->emerging->item.hashes++;
    enum status status = emerge_use(backup, chunk->hash, error);
    status = status ? status
                    : list_builder_add_part(backup->list, &chunk->reference, run->offset, run->size,
                                            error);
    fragments->run.size = 0;
    return status;
}

static enum status emit(struct source_fragments *fragments, const struct fragment *fragment,
                        struct error *error)
{
    struct fragment *run = &fragments->run;
    enum status status = fragment_output_add(fragments->output, fragment, error);
    bool goes_on = run->size > 0 && run->chunk == fragment->chunk &&
                   run->offset + run->size == fragment->offset;
    if (status == STATUS_OK && !goes_on) {
        status = end_run(fragments, error);
        *run = *fragment;
        run->size = 0;
    }
    run->size += fragment->size;
    return status;
}

static struct fragment *first(const struct source_fragments *fragments)
{
    return &fragments->queue[fragments->head % QUEUE_LIMIT];
}

/* Up to the first that is new. */
static enum status emit_known(struct source_fragments *fragments, struct error *error)
{
    enum status status = STATUS_OK;
    while (status == STATUS_OK && fragments->head < fragments->tail &&
           first(fragments)->chunk != NEW) {
        status = emit(fragments, first(fragments), error);
        fragments->head++;
    }
    return status;
}

enum status emerge_fragments(void *context, const struct chunk_result *result, struct error *error)
{
    struct pending *pending = context;
    struct source_backup *backup = pending->owner;
    struct source_fragments *fragments = backup->fragments;
    struct fragment_chunk chunk = {.reference = result->reference};
    memcpy(chunk.hash, result->hash, sizeof chunk.hash);
    backup->emerging = pending;
    backup->journey->bytes_new += result->known ? 0 : result->reference.size;
    uint32_t number = fragments->chunk_count, at = 0;
    enum status status = add_chunk(fragments, &chunk, error);
    while (status == STATUS_OK && at < result->reference.size) {
        struct fragment *fragment = first(fragments);
        assert(fragments->head < fragments->tail && fragment->chunk == NEW);
        fragment->chunk = number;
        fragment->offset = at;
        at += fragment->size;
        status = emit_known(fragments, error);
    }
    return status;
}

/* ------------------------------------------------------------------ inward */

/* Into the new table. *usable: it is not too old, and the store still has it. */
static enum status take_over(struct source_fragments *fragments, uint32_t number, bool *usable,
                             struct error *error)
{
    *usable = !fragments->refused[number];
    if (!*usable || fragments->renumbered[number] != UNUSED) {
        return STATUS_OK;
    }
    struct fragment_chunk *chunk = &fragments->old.chunks[number];
    struct fragment_chunk taken = *chunk;
    enum status status = writer_find_chunk(fragments->backup->journey->writer, chunk->hash,
                                           &taken.reference, usable, error);
    *usable = *usable && taken.reference.size == chunk->reference.size;
    fragments->refused[number] = !*usable;
    if (status != STATUS_OK || !*usable) {
        return status;
    }
    taken.since = chunk->since == 0 ? fragments->old.time : chunk->since;
    fragments->renumbered[number] = fragments->chunk_count;
    return add_chunk(fragments, &taken, error);
}

static enum status find(struct fragment *fragment, struct source_fragments *fragments,
                        struct error *error)
{
    const struct fragment *found = NULL;
    bool usable = false;
    fragment->chunk = NEW;
    if (fragments->window == NULL) {
        return STATUS_OK;
    }
    enum status status =
        fragment_window_find(&found, fragments->window, fragment->mark, fragment->size, error);
    status = judge_memory(fragments, status, error);
    if (status != STATUS_OK || found == NULL) {
        return status;
    }
    fragment->offset = found->offset;
    uint32_t number = found->chunk;
    status = take_over(fragments, number, &usable, error);
    bool within = usable && fragment->size <= fragments->old.chunks[number].reference.size &&
                  fragment->offset <= fragments->old.chunks[number].reference.size - fragment->size;
    fragment->chunk = within ? fragments->renumbered[number] : NEW;
    return status;
}

/* A chunk ends behind a fragment that says so by its mark, so that the same content makes the same
 * chunks; or when it is full. */
static enum status end_chunk(struct source_fragments *fragments, struct error *error)
{
    fragments->unfinished = 0;
    return pipeline_cut(fragments->backup->journey->pipeline, error);
}

static enum status add_new(struct source_fragments *fragments, const unsigned char *data,
                           const struct fragment *fragment, struct error *error)
{
    const struct chunking *limits = &CHUNKING_PARTED;
    uint32_t draw = fragment->mark[2] | (uint32_t)fragment->mark[3] << 8;
    bool ends = draw < (uint64_t)fragment->size * 65536 / (limits->average - limits->minimum);
    enum status status = STATUS_OK;
    if (fragments->unfinished + fragment->size > limits->maximum) {
        status = end_chunk(fragments, error);
    }
    status = status ? status : source_stream_append(fragments->backup, data, fragment->size, error);
    fragments->unfinished += fragment->size;
    return status == STATUS_OK && ends && fragments->unfinished >= limits->minimum
               ? end_chunk(fragments, error)
               : status;
}

static enum status add_fragment(struct source_fragments *fragments, const unsigned char *data,
                                size_t size, struct error *error)
{
    struct fragment *fragment = &fragments->queue[fragments->tail % QUEUE_LIMIT];
    fragment->size = (uint32_t)size;
    fragment->offset = 0;
    crypto_generichash_state hash = fragments->keyed;
    crypto_generichash_update(&hash, data, size);
    crypto_generichash_final(&hash, fragment->mark, MARK_SIZE);
    enum status status = find(fragment, fragments, error);
    if (status != STATUS_OK) {
        return status;
    }
    fragments->tail++;
    fragments->backup->emerging = fragments->backup->filling;
    status = fragment->chunk == NEW ? add_new(fragments, data, fragment, error)
                                    : emit_known(fragments, error);
    if (status == STATUS_OK && fragments->tail - fragments->head >= QUEUE_LIMIT - 1) {
        status = end_chunk(fragments, error);
        status = status ? status : pipeline_drain(fragments->backup->journey->pipeline, error);
    }
    return status;
}

void source_fragments_space(struct source_fragments *fragments, unsigned char **data, size_t *size)
{
    *data = fragments->input + fragments->end;
    *size = INPUT_SIZE - fragments->end;
}

enum status source_fragments_advance(struct source_fragments *fragments, size_t size,
                                     struct error *error)
{
    enum status status = STATUS_OK;
    fragments->end += size;
    while (status == STATUS_OK) {
        const unsigned char *data = fragments->input + fragments->begin;
        size_t length = fragment_cut(fragments->cutter, data, fragments->end - fragments->begin,
                                     &fragments->row);
        if (length == 0) {
            break;
        }
        status = add_fragment(fragments, data, length, error);
        fragments->begin += length;
        fragments->row = 0;
    }
    memmove(fragments->input, fragments->input + fragments->begin,
            fragments->end - fragments->begin);
    fragments->end -= fragments->begin;
    fragments->begin = 0;
    return status;
}

enum status source_fragments_end(struct source_fragments *fragments, struct pending *pending,
                                 struct error *error)
{
    struct pipeline *pipeline = fragments->backup->journey->pipeline;
    enum status status = STATUS_OK;
    if (fragments->end > 0) {
        status = add_fragment(fragments, fragments->input, fragments->end, error);
    }
    fragments->begin = fragments->end = 0;
    fragments->row = 0;
    fragments->unfinished = 0;
    status = status ? status : pipeline_cut(pipeline, error);
    status = status ? status : pipeline_drain(pipeline, error);
    fragments->backup->emerging = pending;
    status = status ? status : emit_known(fragments, error);
    return status ? status : end_run(fragments, error);
}
