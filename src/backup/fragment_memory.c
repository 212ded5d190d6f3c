/* fragment_memory: the two files, front to back. */
#include "fragments.h"
#include "sealed_stream.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RECORD_SIZE (2 + MARK_SIZE)
#define CHUNK_RECORD_SIZE (CHUNK_HASH_SIZE + 4 + 8)
#define ANCHOR_RECORD_SIZE (MARK_SIZE + 8)
#define HEADER_SIZE (8 + 4 + 4)

static enum status name(char **path, const struct memory_place *place, const char *part,
                        struct error *error)
{
    if (asprintf(path, "%s/%s.%s", place->folder, place->source, part) < 0) {
        *path = NULL;
        return error_set_memory(error);
    }
    return STATUS_OK;
}

/* ------------------------------------------------------------------ writing */

struct fragment_output {
    struct sealed_output *fragments;
    struct sealed_output *chunks;
    struct buffer record;
    struct buffer anchors; /* encoded */
    uint64_t count;        /* of fragments */
    struct fragment next;  /* what follows the last one, if nothing else does */
};

enum status fragment_output_open(struct fragment_output **output, const struct memory_place *place,
                                 struct error *error)
{
    CLEANUP(memory_free) char *fragments = NULL;
    CLEANUP(memory_free) char *chunks = NULL;
    struct fragment_output *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return error_set_memory(error);
    }
    enum status status = name(&fragments, place, "fragments", error);
    status = status ? status : name(&chunks, place, "chunks", error);
    status = status ? status : sealed_output_open(&made->fragments, fragments, place->key, error);
    status = status ? status : sealed_output_open(&made->chunks, chunks, place->key, error);
    if (status != STATUS_OK) {
        fragment_output_free(made);
        return status;
    }
    *output = made;
    return STATUS_OK;
}

void fragment_output_free(struct fragment_output *output)
{
    if (output != NULL) {
        sealed_output_free(output->fragments);
        sealed_output_free(output->chunks);
        buffer_wipe(&output->record);
        buffer_wipe(&output->anchors);
        free(output);
    }
}

static enum status add_place(struct fragment_output *output, const struct fragment *fragment,
                             struct error *error)
{
    struct buffer *record = &output->record;
    enum status status = buffer_append_u16(record, 0, error);
    status = status ? status : buffer_append_u32(record, fragment->chunk, error);
    status = status ? status : buffer_append_u32(record, fragment->offset, error);
    return status ? status : buffer_append_u64(record, 0, error);
}

static enum status add_anchor(struct fragment_output *output, const struct fragment *fragment,
                              struct error *error)
{
    enum status status = buffer_append(&output->anchors, fragment->mark, MARK_SIZE, error);
    return status ? status : buffer_append_u64(&output->anchors, output->count, error);
}

enum status fragment_output_add(struct fragment_output *output, const struct fragment *fragment,
                                struct error *error)
{
    struct buffer *record = &output->record;
    const struct fragment *next = &output->next;
    enum status status = STATUS_OK;
    buffer_clear(record);
    if (output->count == 0 || next->chunk != fragment->chunk || next->offset != fragment->offset) {
        status = add_place(output, fragment, error);
    }
    status = status ? status : buffer_append_u16(record, (uint16_t)fragment->size, error);
    status = status ? status : buffer_append(record, fragment->mark, MARK_SIZE, error);
    if (status == STATUS_OK && fragment_is_anchor(fragment->mark)) {
        status = add_anchor(output, fragment, error);
    }
    output->next = *fragment;
    output->next.offset += fragment->size;
    output->count++;
    return status ? status
                  : sealed_output_write(output->fragments, record->data, record->size, error);
}

static enum status add_chunk(struct fragment_output *output, const struct fragment_chunk *chunk,
                             struct error *error)
{
    struct buffer *record = &output->record;
    buffer_clear(record);
    enum status status = buffer_append(record, chunk->hash, CHUNK_HASH_SIZE, error);
    status = status ? status : buffer_append_u32(record, chunk->reference.size, error);
    status = status ? status : buffer_append_u64(record, (uint64_t)chunk->since, error);
    return status ? status : sealed_output_write(output->chunks, record->data, record->size, error);
}

enum status fragment_output_finish(struct fragment_output *output, int64_t time,
                                   const struct fragment_chunk *chunks, uint32_t count,
                                   struct error *error)
{
    struct buffer *record = &output->record;
    const struct buffer *anchors = &output->anchors;
    buffer_clear(record);
    enum status status = buffer_append_u64(record, (uint64_t)time, error);
    status = status ? status : buffer_append_u32(record, count, error);
    status = status
                 ? status
                 : buffer_append_u32(record, (uint32_t)(anchors->size / ANCHOR_RECORD_SIZE), error);
    status =
        status ? status : sealed_output_write(output->chunks, record->data, record->size, error);
    for (uint32_t i = 0; status == STATUS_OK && i < count; i++) {
        status = add_chunk(output, &chunks[i], error);
    }
    if (status == STATUS_OK && anchors->size > 0) {
        status = sealed_output_write(output->chunks, anchors->data, anchors->size, error);
    }
    status = status ? status : sealed_output_finish(output->chunks, error);
    return status ? status : sealed_output_finish(output->fragments, error);
}

/* ------------------------------------------------------------------ reading */

struct fragment_input {
    struct sealed_input *fragments;
    struct fragment next; /* where it lies */
    uint32_t chunk_count;
};

static enum status damaged(struct error *error)
{
    return error_set(error, STATUS_CORRUPT, 0, "%s",
                     _("what is remembered of the last dump is damaged"));
}

static enum status read_record(struct sealed_input *input, unsigned char *record, size_t size,
                               struct error *error)
{
    bool got = false;
    enum status status = sealed_input_read(input, record, size, &got, error);
    return status == STATUS_OK && !got ? damaged(error) : status;
}

static enum status read_header(struct fragment_table *table, struct sealed_input *input,
                               struct error *error)
{
    unsigned char header[HEADER_SIZE];
    enum status status = read_record(input, header, sizeof header, error);
    struct cursor cursor = {header, sizeof header};
    uint64_t time = 0;
    if (status == STATUS_OK &&
        (!cursor_u64(&cursor, &time) || !cursor_u32(&cursor, &table->chunk_count) ||
         !cursor_u32(&cursor, &table->anchor_count))) {
        return damaged(error);
    }
    table->time = (int64_t)time;
    table->chunks = calloc((size_t)table->chunk_count + 1, sizeof *table->chunks);
    table->anchors = calloc((size_t)table->anchor_count + 1, sizeof *table->anchors);
    return status == STATUS_OK && (table->chunks == NULL || table->anchors == NULL)
               ? error_set_memory(error)
               : status;
}

static enum status read_chunk(struct fragment_chunk *chunk, struct sealed_input *input,
                              struct error *error)
{
    unsigned char record[CHUNK_RECORD_SIZE];
    enum status status = read_record(input, record, sizeof record, error);
    struct cursor cursor = {record, sizeof record};
    uint64_t since = 0;
    if (status == STATUS_OK &&
        (!cursor_copy(&cursor, chunk->hash, CHUNK_HASH_SIZE) ||
         !cursor_u32(&cursor, &chunk->reference.size) || !cursor_u64(&cursor, &since))) {
        return damaged(error);
    }
    chunk->since = (int64_t)since;
    return status;
}

static enum status read_anchor(struct fragment_anchor *anchor, struct sealed_input *input,
                               struct error *error)
{
    unsigned char record[ANCHOR_RECORD_SIZE];
    enum status status = read_record(input, record, sizeof record, error);
    struct cursor cursor = {record, sizeof record};
    bool good =
        cursor_copy(&cursor, anchor->mark, MARK_SIZE) && cursor_u64(&cursor, &anchor->number);
    return status == STATUS_OK && !good ? damaged(error) : status;
}

static enum status read_table(struct fragment_table *table, const char *path,
                              const unsigned char *key, struct error *error)
{
    struct sealed_input *input = NULL;
    enum status status = sealed_input_open(&input, path, key, error);
    status = status ? status : read_header(table, input, error);
    for (uint32_t i = 0; status == STATUS_OK && i < table->chunk_count; i++) {
        status = read_chunk(&table->chunks[i], input, error);
    }
    for (uint32_t i = 0; status == STATUS_OK && i < table->anchor_count; i++) {
        status = read_anchor(&table->anchors[i], input, error);
    }
    sealed_input_free(input);
    return status;
}

enum status fragment_input_open(struct fragment_input **input, struct fragment_table *table,
                                const struct memory_place *place, struct error *error)
{
    CLEANUP(memory_free) char *fragments = NULL;
    CLEANUP(memory_free) char *chunks = NULL;
    *table = (struct fragment_table){0};
    struct fragment_input *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return error_set_memory(error);
    }
    enum status status = name(&fragments, place, "fragments", error);
    status = status ? status : name(&chunks, place, "chunks", error);
    status = status ? status : sealed_input_open(&made->fragments, fragments, place->key, error);
    status = status ? status : read_table(table, chunks, place->key, error);
    if (status != STATUS_OK) {
        fragment_input_free(made);
        fragment_table_free(table);
        return status;
    }
    made->chunk_count = table->chunk_count;
    *input = made;
    return STATUS_OK;
}

void fragment_input_free(struct fragment_input *input)
{
    if (input != NULL) {
        sealed_input_free(input->fragments);
        free(input);
    }
}

void fragment_table_free(struct fragment_table *table)
{
    free(table->chunks);
    free(table->anchors);
    *table = (struct fragment_table){0};
}

enum status fragment_input_next(struct fragment_input *input, struct fragment *fragment, bool *got,
                                struct error *error)
{
    unsigned char record[RECORD_SIZE];
    enum status status = sealed_input_read(input->fragments, record, sizeof record, got, error);
    struct cursor cursor = {record, sizeof record};
    uint16_t size = 0;
    if (status == STATUS_OK && *got && cursor_u16(&cursor, &size) && size == 0) {
        if (!cursor_u32(&cursor, &input->next.chunk) || !cursor_u32(&cursor, &input->next.offset)) {
            return damaged(error);
        }
        status = read_record(input->fragments, record, sizeof record, error);
        cursor = (struct cursor){record, sizeof record};
        size = 0;
        if (status == STATUS_OK && (!cursor_u16(&cursor, &size) || size == 0)) {
            return damaged(error);
        }
    }
    if (status != STATUS_OK || !*got) {
        return status;
    }
    input->next.size = size;
    if (!cursor_copy(&cursor, input->next.mark, MARK_SIZE) ||
        input->next.chunk >= input->chunk_count) {
        return damaged(error);
    }
    *fragment = input->next;
    input->next.offset += size;
    return STATUS_OK;
}
