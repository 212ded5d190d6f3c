/* source_sink: what a source delivers goes into the pipeline. Small contents are kept with their
 * entry, all others become streams of chunks. */
#include "source_backup.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Entries that may wait behind a chunk that is still being compressed: bounds their memory. */
#define QUEUE_LIMIT 2048
/* A file that changed so few seconds before it was read can change again within the tick of its
 * file system's clock: its times prove nothing. */
#define RACY_SECONDS 2

void pending_free(struct pending *pending)
{
    if (pending != NULL) {
        memory_entry_free(&pending->item);
        buffer_free(&pending->hashes);
        buffer_free(&pending->holes);
        free(pending);
    }
}

static struct pending *pending_new(struct source_backup *backup)
{
    struct pending *pending = calloc(1, sizeof *pending);
    if (pending != NULL) {
        pending->owner = backup;
    }
    return pending;
}

/* Whatever a sink function returns ends the whole backup. */
static enum status answer(struct source_backup *backup, enum status status)
{
    backup->fatal |= status != STATUS_OK;
    return status;
}

static enum status let_emerge(struct source_backup *backup, pipeline_on_mark on_mark,
                              struct pending *pending, struct error *error)
{
    struct pipeline *pipeline = backup->journey->pipeline;
    atomic_fetch_add(&backup->journey->files, 1);
    backup->queued++;
    TAILQ_INSERT_TAIL(&backup->queue, pending, queue);
    enum status status = pipeline_mark(pipeline, on_mark, pending, error);
    if (status == STATUS_OK && backup->queued >= QUEUE_LIMIT) {
        status = pipeline_drain(pipeline, error);
    }
    return status;
}

static enum status sink_known(void *context, const struct entry *entry, bool *known,
                              struct error *error)
{
    struct source_backup *backup = context;
    struct journey *journey = backup->journey;
    enum status status = journey_check_cancelled(journey, error);
    if (status != STATUS_OK) {
        return answer(backup, status);
    }
    struct pending *pending = pending_new(backup);
    if (pending == NULL) {
        return answer(backup, error_set_memory(error));
    }
    status = recall_entry(pending, known, entry, error);
    if (status != STATUS_OK || !*known) {
        pending_free(pending);
        return answer(backup, status);
    }
    /* What is the same for the snapshot may still have moved on this disk. */
    pending->item.entry.device = entry->device;
    journey->files_unchanged += entry->type == ENTRY_FILE;
    atomic_fetch_add(&journey->bytes, entry->type == ENTRY_FILE ? entry->size : 0);
    return answer(backup, let_emerge(backup, emerge_known, pending, error));
}

static bool is_racy(const struct entry *entry)
{
    struct moment now = moment_now();
    return entry->changed.seconds + RACY_SECONDS >= now.seconds;
}

static enum status sink_entry(void *context, const struct entry *entry, struct error *error)
{
    struct source_backup *backup = context;
    enum status status = journey_check_cancelled(backup->journey, error);
    if (status != STATUS_OK) {
        return answer(backup, status);
    }
    struct pending *pending = pending_new(backup);
    if (pending == NULL) {
        return answer(backup, error_set_memory(error));
    }
    status = entry_copy(&pending->item.entry, entry, error);
    if (status != STATUS_OK) {
        pending_free(pending);
        return answer(backup, status);
    }
    pending->item.racy = is_racy(entry);
    if (entry->type != ENTRY_FILE) {
        return answer(backup, let_emerge(backup, emerge_end, pending, error));
    }
    pending->item.content.inlined = true;
    backup->filling = pending;
    backup->streaming = false;
    return STATUS_OK;
}

enum status source_stream_append(struct source_backup *backup, const void *data, size_t size,
                                 struct error *error)
{
    struct pipeline *pipeline = backup->journey->pipeline;
    const unsigned char *at = data;
    while (size > 0) {
        unsigned char *space;
        size_t room;
        enum status status = pipeline_space(pipeline, &space, &room, error);
        if (status != STATUS_OK) {
            return status;
        }
        size_t part = room < size ? room : size;
        memcpy(space, at, part);
        status = pipeline_advance(pipeline, part, error);
        if (status != STATUS_OK) {
            return status;
        }
        at += part;
        size -= part;
    }
    return STATUS_OK;
}

static struct chunking chunking_of(enum source_kind kind)
{
    switch (kind) {
    case SOURCE_SQLITE:
        return CHUNKING_DATABASE;
    case SOURCE_POSTGRES:
        return CHUNKING_DUMP;
    case SOURCE_TREE:
    case SOURCE_COMMAND:
        break;
    }
    return CHUNKING_CONTENT;
}

/* Into the stream, by whichever way it goes. */
static enum status stream_space(struct source_backup *backup, unsigned char **data, size_t *size,
                                struct error *error)
{
    if (backup->fragments == NULL) {
        return pipeline_space(backup->journey->pipeline, data, size, error);
    }
    source_fragments_space(backup->fragments, data, size);
    return STATUS_OK;
}

static enum status stream_advance(struct source_backup *backup, size_t size, struct error *error)
{
    return backup->fragments == NULL ? pipeline_advance(backup->journey->pipeline, size, error)
                                     : source_fragments_advance(backup->fragments, size, error);
}

/* What of a content came before it was known to be long: less than there is room for. */
static enum status stream_append(struct source_backup *backup, const struct buffer *data,
                                 struct error *error)
{
    unsigned char *space;
    size_t room;
    if (data->size == 0) {
        return STATUS_OK;
    }
    enum status status = stream_space(backup, &space, &room, error);
    if (status == STATUS_OK) {
        assert(room >= data->size);
        memcpy(space, data->data, data->size);
        status = stream_advance(backup, data->size, error);
    }
    return status;
}

/* The content is too long for the leaf: what there is of it becomes the beginning of a stream. */
static enum status start_streaming(struct source_backup *backup, struct error *error)
{
    struct content *content = &backup->filling->item.content;
    struct pipeline_stream stream = {
        .chunking = chunking_of(backup->source->kind),
        .dictionary = backup->dictionary,
        .on_chunk = emerge_chunk,
        .context = backup->filling,
    };
    if (backup->fragments != NULL) {
        stream.on_chunk = emerge_fragments;
        stream.chunking.minimum = stream.chunking.average = stream.chunking.maximum =
            CHUNKING_PARTED.maximum; /* who fills them ends them before */
    }
    enum status status = pipeline_stream_begin(backup->journey->pipeline, &stream, error);
    if (status == STATUS_OK) {
        backup->streaming = true;
        status = stream_append(backup, &content->data, error);
        buffer_clear(&content->data);
        content->inlined = false;
    }
    return status;
}

static enum status sink_space(void *context, unsigned char **data, size_t *size,
                              struct error *error)
{
    struct source_backup *backup = context;
    struct pending *pending = backup->filling;
    struct buffer *inlined = &pending->item.content.data;
    enum status status = journey_check_cancelled(backup->journey, error);
    bool small = pending->item.entry.size <= CONTENT_INLINE_LIMIT;
    if (status == STATUS_OK && !backup->streaming &&
        (!small || inlined->size == CONTENT_INLINE_LIMIT)) {
        status = start_streaming(backup, error);
    }
    if (status != STATUS_OK) {
        return answer(backup, status);
    }
    if (backup->streaming) {
        return answer(backup, stream_space(backup, data, size, error));
    }
    status = buffer_reserve(inlined, CONTENT_INLINE_LIMIT - inlined->size, error);
    *data = inlined->data + inlined->size;
    *size = CONTENT_INLINE_LIMIT - inlined->size;
    return answer(backup, status);
}

static enum status sink_advance(void *context, size_t size, struct error *error)
{
    struct source_backup *backup = context;
    backup->journey->bytes_read += size;
    atomic_fetch_add(&backup->journey->bytes, size);
    if (backup->streaming) {
        return answer(backup, stream_advance(backup, size, error));
    }
    backup->filling->item.content.data.size += size;
    return STATUS_OK;
}

static enum status sink_hole(void *context, uint64_t size, struct error *error)
{
    struct source_backup *backup = context;
    struct pipeline *pipeline = backup->journey->pipeline;
    struct pending *pending = backup->filling;
    enum status status = buffer_append(&pending->holes, &size, sizeof size, error);
    if (status == STATUS_OK && !backup->streaming) {
        status = start_streaming(backup, error);
    }
    if (status == STATUS_OK) {
        status = pipeline_cut(pipeline, error);
    }
    if (status == STATUS_OK) {
        status = pipeline_mark(pipeline, emerge_hole, pending, error);
    }
    return answer(backup, status);
}

static enum status sink_cut(void *context, struct error *error)
{
    struct source_backup *backup = context;
    return backup->streaming ? answer(backup, pipeline_cut(backup->journey->pipeline, error))
                             : STATUS_OK;
}

static enum status end_filling(struct source_backup *backup, struct error *error)
{
    struct pending *pending = backup->filling;
    enum status status = STATUS_OK;
    if (backup->streaming && backup->fragments != NULL) {
        status = source_fragments_end(backup->fragments, pending, error);
    }
    if (status == STATUS_OK && backup->streaming) {
        status = pipeline_stream_end(backup->journey->pipeline, error);
    }
    if (status == STATUS_OK) {
        backup->filling = NULL;
        backup->streaming = false;
        status = let_emerge(backup, emerge_end, pending, error);
    }
    return answer(backup, status);
}

static enum status sink_end(void *context, const struct source_outcome *outcome,
                            struct error *error)
{
    struct source_backup *backup = context;
    struct pending *pending = backup->filling;
    pending->failed = outcome->failed;
    pending->item.content.size = outcome->size;
    pending->item.content.rotation = outcome->rotation;
    pending->item.entry.size = outcome->size;
    return end_filling(backup, error);
}

enum status source_sink_abandon(struct source_backup *backup, struct error *error)
{
    if (backup->filling == NULL) {
        return STATUS_OK;
    }
    backup->filling->failed = true;
    return end_filling(backup, error);
}

static enum status sink_sample(void *context, const unsigned char *samples, size_t sample_size,
                               size_t count, struct error *error)
{
    struct source_backup *backup = context;
    struct journey *journey = backup->journey;
    if (backup->dictionary != NULL) {
        return STATUS_OK;
    }
    CLEANUP(buffer_free) struct buffer bytes = {0};
    enum status status = dictionary_train(&bytes, samples, sample_size, count, error);
    if (status == STATUS_NOT_FOUND) {
        return STATUS_OK;
    }
    struct chunk_result stored = {0};
    if (status == STATUS_OK) {
        status = dictionary_new(&backup->dictionary, bytes.data, bytes.size, journey->level, error);
    }
    if (status == STATUS_OK) {
        status = pipeline_store(journey->pipeline, bytes.data, bytes.size, NULL, &stored, error);
    }
    if (status == STATUS_OK) {
        status = source_add_dictionary(backup, &stored, error);
    }
    return answer(backup, status);
}

static enum status sink_rows(void *context, const char *table, uint64_t rows, struct error *error)
{
    struct source_backup *backup = context;
    struct statement_source *words = &backup->catalogue->words;
    struct statement_table *grown =
        realloc(words->tables, (words->table_count + 1) * sizeof *grown);
    if (grown == NULL) {
        return answer(backup, error_set_memory(error));
    }
    words->tables = grown;
    char *name = strdup(table);
    if (name == NULL) {
        return answer(backup, error_set_memory(error));
    }
    grown[words->table_count++] = (struct statement_table){name, rows};
    return STATUS_OK;
}

static enum status sink_person(void *context, const struct config_person *kind, const void *value,
                               size_t size, struct error *error)
{
    struct source_backup *backup = context;
    enum status status = source_persons_add(backup, kind, value, size, error);
    /* A definition that counts what is no person is that source's own fault. */
    return status == STATUS_UNSUPPORTED ? status : answer(backup, status);
}

static enum status sink_waiting(void *context, struct error *error)
{
    struct source_backup *backup = context;
    return answer(backup, journey_check_cancelled(backup->journey, error));
}

static void sink_warn(void *context, const char *path, const struct error *problem)
{
    struct source_backup *backup = context;
    if (backup->catalogue->words.status == SOURCE_COMPLETE) {
        backup->catalogue->words.status = SOURCE_WARNINGS;
    }
    journey_warn(backup->journey, backup->source->name, path, problem);
}

static void sink_note(void *context, const char *path, const char *message)
{
    const struct source_backup *backup = context;
    const struct backup_events *events = &backup->journey->options->events;
    if (events->note != NULL) {
        events->note(events->context, backup->source->name, path, message);
    }
}

void source_sink_fill(struct source_sink *sink, struct source_backup *backup)
{
    *sink = (struct source_sink){
        .context = backup,
        .known = sink_known,
        .entry = sink_entry,
        .space = sink_space,
        .advance = sink_advance,
        .hole = sink_hole,
        .cut = sink_cut,
        .end = sink_end,
        .sample = sink_sample,
        .rows = sink_rows,
        .person = sink_person,
        .waiting = sink_waiting,
        .warn = sink_warn,
        .note = sink_note,
    };
}
