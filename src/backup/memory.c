/* memory: see the header. */
#include "memory.h"
#include "sealed_stream.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RECORD_LIMIT (64u * 1024 * 1024)

void memory_entry_free(struct memory_entry *entry)
{
    entry_free(&entry->entry);
    content_free(&entry->content);
    *entry = (struct memory_entry){0};
}

void memory_record_free(struct memory_record *record)
{
    memory_entry_free(&record->entry);
    *record = (struct memory_record){0};
}

static enum status file_names(char **entries, char **hashes, const struct memory_place *place,
                              struct error *error)
{
    *entries = NULL;
    *hashes = NULL;
    if (asprintf(entries, "%s/%s.entries", place->folder, place->source) < 0) {
        *entries = NULL;
        return error_set_memory(error);
    }
    if (asprintf(hashes, "%s/%s.hashes", place->folder, place->source) < 0) {
        free(*entries);
        *entries = *hashes = NULL;
        return error_set_memory(error);
    }
    return STATUS_OK;
}

/* ------------------------------------------------------------------ writing */

struct memory_writer {
    struct sealed_output *entries;
    struct sealed_output *hashes;
    struct buffer record;
};

enum status memory_writer_open(struct memory_writer **writer, const struct memory_place *place,
                               struct error *error)
{
    CLEANUP(memory_free) char *entries = NULL;
    CLEANUP(memory_free) char *hashes = NULL;
    enum status status = file_names(&entries, &hashes, place, error);
    if (status != STATUS_OK) {
        return status;
    }
    struct memory_writer *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return error_set_memory(error);
    }
    status = sealed_output_open(&made->entries, entries, place->key, error);
    if (status == STATUS_OK) {
        status = sealed_output_open(&made->hashes, hashes, place->key, error);
    }
    if (status != STATUS_OK) {
        memory_writer_free(made);
        return status;
    }
    *writer = made;
    return STATUS_OK;
}

enum status memory_write_hash(struct memory_writer *writer,
                              const unsigned char hash[CHUNK_HASH_SIZE], struct error *error)
{
    return sealed_output_write(writer->hashes, hash, CHUNK_HASH_SIZE, error);
}

static enum status begin_record(struct memory_writer *writer, enum memory_kind kind,
                                struct error *error)
{
    buffer_clear(&writer->record);
    enum status status = buffer_append_u32(&writer->record, 0, error);
    return status != STATUS_OK ? status : buffer_append_u8(&writer->record, (uint8_t)kind, error);
}

static enum status end_record(struct memory_writer *writer, struct error *error)
{
    struct buffer *record = &writer->record;
    uint32_t length = (uint32_t)(record->size - 4);
    for (unsigned i = 0; i < 4; i++) {
        record->data[i] = (unsigned char)(length >> (8 * i));
    }
    return sealed_output_write(writer->entries, record->data, record->size, error);
}

enum status memory_write_entry(struct memory_writer *writer, const struct memory_entry *entry,
                               struct error *error)
{
    struct buffer *record = &writer->record;
    const struct moment *changed = &entry->entry.changed;
    enum status status = begin_record(writer, MEMORY_ENTRY, error);
    status = status != STATUS_OK ? status : buffer_append_u64(record, entry->hashes, error);
    status = status != STATUS_OK ? status : buffer_append_u8(record, entry->racy, error);
    status =
        status != STATUS_OK ? status : buffer_append_u64(record, (uint64_t)changed->seconds, error);
    status = status != STATUS_OK ? status : buffer_append_u32(record, changed->nanoseconds, error);
    status = status != STATUS_OK ? status : buffer_append_u64(record, entry->entry.inode, error);
    status = status != STATUS_OK ? status : buffer_append_u64(record, entry->entry.device, error);
    bool has_content = entry->entry.type == ENTRY_FILE;
    status = status != STATUS_OK
                 ? status
                 : entry_encode(record, &entry->entry, has_content ? &entry->content : NULL, error);
    return status != STATUS_OK ? status : end_record(writer, error);
}

enum status memory_write_dictionary(struct memory_writer *writer,
                                    const struct catalogue_dictionary *dictionary,
                                    struct error *error)
{
    struct buffer *record = &writer->record;
    enum status status = begin_record(writer, MEMORY_DICTIONARY, error);
    status = status != STATUS_OK ? status : buffer_append_u32(record, dictionary->id, error);
    status =
        status != STATUS_OK ? status : buffer_append_u32(record, dictionary->reference.size, error);
    status = status != STATUS_OK
                 ? status
                 : buffer_append(record, dictionary->reference.key, CHUNK_KEY_SIZE, error);
    return status != STATUS_OK ? status : end_record(writer, error);
}

enum status memory_write_count(struct memory_writer *writer, enum memory_kind kind, uint64_t count,
                               struct error *error)
{
    enum status status = begin_record(writer, kind, error);
    status = status != STATUS_OK ? status : buffer_append_u64(&writer->record, count, error);
    return status != STATUS_OK ? status : end_record(writer, error);
}

enum status memory_writer_finish(struct memory_writer *writer, struct error *error)
{
    enum status status = sealed_output_finish(writer->entries, error);
    return status != STATUS_OK ? status : sealed_output_finish(writer->hashes, error);
}

void memory_writer_free(struct memory_writer *writer)
{
    if (writer == NULL) {
        return;
    }
    sealed_output_free(writer->entries);
    sealed_output_free(writer->hashes);
    buffer_wipe(&writer->record);
    free(writer);
}

/* ------------------------------------------------------------------ reading */

struct memory_reader {
    struct sealed_input *entries;
    struct sealed_input *hashes;
    struct buffer record;
    char *source;
};

static enum status damaged(const struct memory_reader *reader, struct error *error)
{
    return error_set(error, STATUS_CORRUPT, 0,
                     _("what is remembered of the last backup of %s is damaged"), reader->source);
}

enum status memory_reader_open(struct memory_reader **reader, const struct memory_place *place,
                               struct error *error)
{
    CLEANUP(memory_free) char *entries = NULL;
    CLEANUP(memory_free) char *hashes = NULL;
    enum status status = file_names(&entries, &hashes, place, error);
    if (status != STATUS_OK) {
        return status;
    }
    struct memory_reader *made = calloc(1, sizeof *made);
    if (made == NULL || (made->source = strdup(place->source)) == NULL) {
        free(made);
        return error_set_memory(error);
    }
    status = sealed_input_open(&made->entries, entries, place->key, error);
    if (status == STATUS_OK) {
        status = sealed_input_open(&made->hashes, hashes, place->key, error);
        if (status == STATUS_NOT_FOUND) {
            status = damaged(made, error);
        }
    }
    if (status != STATUS_OK) {
        memory_reader_free(made);
        return status;
    }
    *reader = made;
    return STATUS_OK;
}

static bool decode_entry(struct memory_record *record, struct cursor cursor, struct error *error)
{
    struct moment changed;
    uint64_t seconds;
    uint64_t inode;
    uint64_t device;
    uint8_t racy;
    bool complete = cursor_u64(&cursor, &record->count) && cursor_u8(&cursor, &racy) &&
                    cursor_u64(&cursor, &seconds) && cursor_u32(&cursor, &changed.nanoseconds) &&
                    cursor_u64(&cursor, &inode) && cursor_u64(&cursor, &device);
    if (!complete || entry_decode(&record->entry.entry, &record->entry.content, cursor.at,
                                  cursor.left, error) != STATUS_OK) {
        return false;
    }
    changed.seconds = (int64_t)seconds;
    record->entry.entry.changed = changed;
    record->entry.entry.inode = inode;
    record->entry.entry.device = device;
    record->entry.hashes = record->count;
    record->entry.racy = racy != 0;
    return true;
}

static bool decode_dictionary(struct memory_record *record, struct cursor cursor)
{
    struct chunk_reference *reference = &record->dictionary.reference;
    record->count = 1;
    return cursor_u32(&cursor, &record->dictionary.id) && cursor_u32(&cursor, &reference->size) &&
           cursor_copy(&cursor, reference->key, CHUNK_KEY_SIZE) && cursor.left == 0;
}

static enum status decode_record(struct memory_record *record, struct memory_reader *reader,
                                 struct error *error)
{
    struct cursor cursor = {reader->record.data, reader->record.size};
    uint8_t kind;
    bool good = cursor_u8(&cursor, &kind);
    record->kind = (enum memory_kind)kind;
    switch (record->kind) {
    case MEMORY_ENTRY:
        good = good && decode_entry(record, cursor, error);
        break;
    case MEMORY_DICTIONARY:
        good = good && decode_dictionary(record, cursor);
        break;
    case MEMORY_DROPPED:
    case MEMORY_PERSONS:
    case MEMORY_NODES:
        good = good && cursor_u64(&cursor, &record->count) && cursor.left == 0;
        break;
    default:
        good = false;
    }
    return good ? STATUS_OK : damaged(reader, error);
}

enum status memory_read(struct memory_record *record, struct memory_reader *reader,
                        struct error *error)
{
    *record = (struct memory_record){0};
    unsigned char prefix[4];
    bool got;
    enum status status = sealed_input_read(reader->entries, prefix, sizeof prefix, &got, error);
    if (status != STATUS_OK || !got) {
        return status;
    }
    uint32_t length = 0;
    struct cursor cursor = {prefix, sizeof prefix};
    if (!cursor_u32(&cursor, &length) || length == 0 || length > RECORD_LIMIT) {
        return damaged(reader, error);
    }
    buffer_clear(&reader->record);
    status = buffer_reserve(&reader->record, length, error);
    if (status != STATUS_OK) {
        return status;
    }
    reader->record.size = length;
    status = sealed_input_read(reader->entries, reader->record.data, length, &got, error);
    if (status == STATUS_OK) {
        status = got ? decode_record(record, reader, error) : damaged(reader, error);
    }
    return status;
}

enum status memory_read_hash(unsigned char hash[CHUNK_HASH_SIZE], struct memory_reader *reader,
                             struct error *error)
{
    bool got;
    enum status status = sealed_input_read(reader->hashes, hash, CHUNK_HASH_SIZE, &got, error);
    return status == STATUS_OK && !got ? damaged(reader, error) : status;
}

void memory_reader_free(struct memory_reader *reader)
{
    if (reader == NULL) {
        return;
    }
    sealed_input_free(reader->entries);
    sealed_input_free(reader->hashes);
    buffer_wipe(&reader->record);
    free(reader->source);
    free(reader);
}
