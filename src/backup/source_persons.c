/* source_persons: who is in a source: collected by pseudonym while it is read, then stored as a
 * sorted list. The list is cut behind pseudonyms that end with a zero byte, every 256th or so: they
 * are hashes under a key, so the borders tell nothing, and somebody who comes or goes changes one
 * chunk of it. */
#include "source_backup.h"
#include <stdlib.h>
#include <string.h>

/* A whole number of pseudonyms, so that no chunk ends within one even where none ends one. */
static const struct chunking CHUNKING_PERSONS = {65536, 65536, 65536};

enum status source_persons_add(struct source_backup *backup, const struct config_person *kind,
                               const void *value, size_t size, struct error *error)
{
    if (value == NULL || size == 0) {
        backup->persons.unlinked++;
        return STATUS_OK;
    }
    const unsigned char *secret = backup->journey->options->host->secret;
    return persons_add(&backup->persons, secret, kind->domain, value, size, error);
}

/* ------------------------------------------------------------------ the list */

static enum status list_node(void *context, const struct chunk_result *node, struct error *error)
{
    struct source_backup *backup = context;
    enum status status = uses_add(&backup->uses, node->hash, error);
    return status != STATUS_OK
               ? status
               : buffer_append(&backup->person_hashes, node->hash, CHUNK_HASH_SIZE, error);
}

static enum status list_chunk(void *context, const struct chunk_result *result, struct error *error)
{
    struct source_backup *backup = context;
    backup->journey->bytes_new += result->known ? 0 : result->reference.size;
    enum status status = list_node(backup, result, error);
    return status != STATUS_OK ? status
                               : list_builder_add(backup->person_list, &result->reference, error);
}

static enum status send_list(struct source_backup *backup, struct error *error)
{
    struct pipeline *pipeline = backup->journey->pipeline;
    const struct persons *persons = &backup->persons;
    const struct pipeline_stream stream = {
        .chunking = CHUNKING_PERSONS, .on_chunk = list_chunk, .context = backup};
    enum status status = pipeline_stream_begin(pipeline, &stream, error);
    if (status != STATUS_OK) {
        return status;
    }
    for (size_t i = 0, begin = 0; status == STATUS_OK && i < persons->count; i++) {
        bool border = persons->ids[i][PERSON_SIZE - 1] == 0;
        if (border || i + 1 == persons->count) {
            status = source_stream_append(backup, persons->ids[begin],
                                          (i + 1 - begin) * PERSON_SIZE, error);
            begin = i + 1;
        }
        if (status == STATUS_OK && border) {
            status = pipeline_cut(pipeline, error);
        }
    }
    if (status == STATUS_OK) {
        status = pipeline_stream_end(pipeline, error);
    }
    return status == STATUS_OK ? pipeline_drain(pipeline, error) : status;
}

static enum status keep_list(struct source_backup *backup, struct error *error)
{
    struct content *list = &backup->catalogue->census.list;
    size_t size = backup->persons.count * PERSON_SIZE;
    if (size <= CONTENT_INLINE_LIMIT) {
        *list = (struct content){.size = size, .inlined = true};
        return buffer_append(&list->data, backup->persons.ids, size, error);
    }
    const struct node_output nodes = {.pipeline = backup->journey->pipeline,
                                      .key = writer_node_key(backup->journey->writer),
                                      .stored = list_node,
                                      .context = backup};
    enum status status = list_builder_new(&backup->person_list, &nodes, error);
    if (status == STATUS_OK) {
        status = send_list(backup, error);
    }
    return status == STATUS_OK ? list_builder_finish(list, backup->person_list, error) : status;
}

static enum status remember_list(struct source_backup *backup, struct error *error)
{
    const struct buffer *hashes = &backup->person_hashes;
    enum status status =
        memory_write_count(backup->memory, MEMORY_PERSONS, hashes->size / CHUNK_HASH_SIZE, error);
    for (size_t i = 0; status == STATUS_OK && i < hashes->size; i += CHUNK_HASH_SIZE) {
        status = memory_write_hash(backup->memory, hashes->data + i, error);
    }
    return status;
}

/* ------------------------------------------------------------------ the census */

/* So that whoever restores can count again, with no configuration. */
static enum status copy_kinds(struct census *census, const struct config_source *source,
                              struct error *error)
{
    census->kinds = calloc(source->person_count, sizeof *census->kinds);
    if (census->kinds == NULL) {
        return error_set_memory(error);
    }
    for (size_t i = 0; i < source->person_count; i++) {
        struct person_kind *kind = &census->kinds[census->kind_count++];
        *kind =
            (struct person_kind){strdup(source->persons[i].domain), strdup(source->persons[i].sql)};
        if (kind->domain == NULL || kind->sql == NULL) {
            return error_set_memory(error);
        }
    }
    return STATUS_OK;
}

enum status source_persons_finish(struct source_backup *backup, struct error *error)
{
    struct catalogue_source *catalogue = backup->catalogue;
    struct journey *journey = backup->journey;
    if (backup->source->person_count == 0) {
        return STATUS_OK;
    }
    persons_settle(&backup->persons);
    catalogue->words.persons = (int64_t)persons_count(&backup->persons);
    persons_digest(catalogue->words.persons_digest, &backup->persons);
    catalogue->census.unlinked = backup->persons.unlinked;
    enum status status = copy_kinds(&catalogue->census, backup->source, error);
    if (status == STATUS_OK) {
        status = keep_list(backup, error);
    }
    if (status == STATUS_OK) {
        status = remember_list(backup, error);
    }
    if (status == STATUS_OK) {
        status = persons_unite(&journey->persons, &backup->persons, error);
        journey->persons_counted = true;
    }
    return status;
}

void source_persons_free(struct source_backup *backup)
{
    persons_free(&backup->persons);
    list_builder_free(backup->person_list);
    buffer_free(&backup->person_hashes);
}
