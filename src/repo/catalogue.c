/* catalogue: between JSON and memory. */
#include "catalogue.h"
#include "node.h"
#include "statement_private.h"
#include <stdlib.h>
#include <string.h>

void catalogue_source_free(struct catalogue_source *source)
{
    statement_source_free(&source->words);
    free(source->dictionaries);
    for (size_t i = 0; i < source->census.kind_count; i++) {
        free(source->census.kinds[i].domain);
        free(source->census.kinds[i].sql);
    }
    free(source->census.kinds);
    content_free(&source->census.list);
    *source = (struct catalogue_source){.words.persons = -1};
}

void catalogue_free(struct catalogue *catalogue)
{
    for (size_t i = 0; i < catalogue->source_count; i++) {
        catalogue_source_free(&catalogue->sources[i]);
    }
    free(catalogue->sources);
    *catalogue = (struct catalogue){.sources = NULL};
}

/* ------------------------------------------------------------------ writing */

static json_t *reference_to_json(const struct chunk_reference *reference)
{
    json_auto_t *json = json_object();
    int failed = json_object_set_new(json, "key", json_new_hex(reference->key, CHUNK_KEY_SIZE));
    failed |= json_object_set_new(json, "size", json_integer(reference->size));
    return failed != 0 ? NULL : json_incref(json);
}

static json_t *root_to_json(const struct tree_root *root)
{
    if (!root->present) {
        return json_null();
    }
    json_auto_t *json = reference_to_json(&root->reference);
    int failed = json_object_set_new(json, "level", json_integer(root->level));
    return failed != 0 ? NULL : json_incref(json);
}

static json_t *dictionaries_to_json(const struct catalogue_source *source)
{
    json_auto_t *list = json_array();
    int failed = list == NULL;
    for (size_t i = 0; failed == 0 && i < source->dictionary_count; i++) {
        json_t *json = reference_to_json(&source->dictionaries[i].reference);
        failed |= json_object_set_new(json, "id", json_integer(source->dictionaries[i].id));
        failed |= json_array_append_new(list, json);
    }
    return failed != 0 ? NULL : json_incref(list);
}

static json_t *sources_to_json(const struct catalogue *catalogue)
{
    json_auto_t *list = json_array();
    int failed = list == NULL;
    for (size_t i = 0; failed == 0 && i < catalogue->source_count; i++) {
        const struct catalogue_source *source = &catalogue->sources[i];
        json_t *json = statement_source_to_json(&source->words);
        failed |= json_object_set_new(json, "root", root_to_json(&source->root));
        failed |= json_object_set_new(json, "dictionaries", dictionaries_to_json(source));
        failed |= json_object_set_new(json, "census", census_to_json(source));
        failed |= json_array_append_new(list, json);
    }
    return failed != 0 ? NULL : json_incref(list);
}

enum status catalogue_encode(struct buffer *text, const struct catalogue *catalogue,
                             struct error *error)
{
    json_auto_t *json = json_object();
    int failed = json_object_set_new(json, "version", json_integer(FORMAT_VERSION));
    failed |= json_object_set_new(json, "repository",
                                  json_new_hex(catalogue->repository, REPOSITORY_ID_SIZE));
    failed |= json_object_set_new(json, "host", json_new_hex(catalogue->host, SIGN_PUBLIC_SIZE));
    failed |= json_object_set_new(json, "time", json_new_moment(catalogue->time));
    failed |= json_object_set_new(json, "sequence", json_integer((json_int_t)catalogue->sequence));
    failed |= json_object_set_new(json, "persons", json_new_persons(catalogue->persons));
    failed |= json_object_set_new(json, "sources", sources_to_json(catalogue));
    return failed != 0 ? error_set_memory(error) : json_print(text, json, error);
}

/* ------------------------------------------------------------------ reading */

static bool take_reference(struct chunk_reference *reference, const json_t *json)
{
    uint64_t size = 0;
    if (!json_take_hex(reference->key, CHUNK_KEY_SIZE, json, "key") ||
        !json_take_count(&size, json, "size") || size == 0 || size > CHUNK_MAXIMUM) {
        return false;
    }
    reference->size = (uint32_t)size;
    return true;
}

static bool take_root(struct catalogue_source *source, const json_t *json)
{
    const json_t *root = json_object_get(json, "root");
    if (json_is_null(root)) {
        return true;
    }
    uint64_t level = 0;
    if (!take_reference(&source->root.reference, root) || !json_take_count(&level, root, "level") ||
        level >= NODE_LEVELS) {
        return false;
    }
    source->root.present = true;
    source->root.level = (uint8_t)level;
    source->root.entries = source->words.entries;
    memcpy(source->root.digest, source->words.digest, sizeof source->root.digest);
    return true;
}

static bool take_dictionaries(struct catalogue_source *source, const json_t *json)
{
    const json_t *list = json_object_get(json, "dictionaries");
    size_t count = json_array_size(list);
    if (!json_is_array(list) || count > CATALOGUE_DICTIONARIES_LIMIT) {
        return false;
    }
    source->dictionaries = calloc(count + 1, sizeof *source->dictionaries);
    if (source->dictionaries == NULL) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        struct catalogue_dictionary *dictionary = &source->dictionaries[i];
        const json_t *item = json_array_get(list, i);
        uint64_t id = 0;
        if (!take_reference(&dictionary->reference, item) || !json_take_count(&id, item, "id") ||
            id == 0 || id > UINT32_MAX || dictionary->reference.size > DICTIONARY_LIMIT) {
            return false;
        }
        dictionary->id = (uint32_t)id;
        source->dictionary_count = i + 1;
    }
    return true;
}

static enum status take_source(struct catalogue_source *source, const json_t *json,
                               struct error *error)
{
    enum status status = statement_source_from_json(&source->words, json, error);
    if (status == STATUS_OK && (!take_root(source, json) || !take_dictionaries(source, json) ||
                                !census_from_json(source, json_object_get(json, "census")))) {
        return error_set(error, STATUS_CORRUPT, 0,
                         _("what the catalogue says of a source is incomplete"));
    }
    return status;
}

static enum status take_sources(struct catalogue *catalogue, const json_t *json,
                                struct error *error)
{
    const json_t *list = json_object_get(json, "sources");
    size_t count = json_array_size(list);
    if (!json_is_array(list) || count > CATALOGUE_SOURCES_LIMIT) {
        return error_set(error, STATUS_CORRUPT, 0, _("the catalogue does not name its sources"));
    }
    catalogue->sources = calloc(count + 1, sizeof *catalogue->sources);
    if (catalogue->sources == NULL) {
        return error_set_memory(error);
    }
    enum status status = STATUS_OK;
    for (size_t i = 0; status == STATUS_OK && i < count; i++) {
        catalogue->source_count = i + 1;
        status = take_source(&catalogue->sources[i], json_array_get(list, i), error);
    }
    return status;
}

enum status catalogue_decode(struct catalogue *catalogue, const void *text, size_t size,
                             struct error *error)
{
    *catalogue = (struct catalogue){.sources = NULL};
    json_auto_t *json = NULL;
    enum status status = json_parse(&json, text, size, SNAPSHOT_OBJECT_LIMIT, error);
    status = status ? status : json_check_version(json, error);
    if (status == STATUS_OK &&
        (!json_take_hex(catalogue->repository, REPOSITORY_ID_SIZE, json, "repository") ||
         !json_take_hex(catalogue->host, SIGN_PUBLIC_SIZE, json, "host") ||
         !json_take_moment(&catalogue->time, json, "time") ||
         !json_take_count(&catalogue->sequence, json, "sequence") ||
         !json_take_persons(&catalogue->persons, json))) {
        status = error_set(error, STATUS_CORRUPT, 0, _("the catalogue is incomplete"));
    }
    status = status ? status : take_sources(catalogue, json, error);
    if (status != STATUS_OK) {
        catalogue_free(catalogue);
    }
    return status;
}
