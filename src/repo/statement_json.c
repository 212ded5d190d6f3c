/* statement_json: a whole statement as JSON (FORMAT.md), read without trusting anything. */
#include "statement_private.h"
#include <stdlib.h>
#include <string.h>

void statement_free(struct statement *statement)
{
    for (size_t i = 0; i < statement->source_count; i++) {
        statement_source_free(&statement->sources[i]);
    }
    free(statement->sources);
    free(statement->parents);
    free(statement->references);
    free(statement->indexes);
    free(statement->erasures);
    *statement = (struct statement){0};
}

/* ---- writing ---- */

/* `ids` are `count` ids of `size` bytes each. */
static json_t *ids_to_json(const void *ids, size_t count, size_t size)
{
    json_auto_t *list = json_array();
    for (size_t i = 0; i < count; i++) {
        if (json_array_append_new(list, json_new_hex((const char *)ids + i * size, size)) != 0) {
            return NULL;
        }
    }
    return json_incref(list);
}

static json_t *sources_to_json(const struct statement *statement)
{
    json_auto_t *list = json_array();
    for (size_t i = 0; i < statement->source_count; i++) {
        if (json_array_append_new(list, statement_source_to_json(&statement->sources[i])) != 0) {
            return NULL;
        }
    }
    return json_incref(list);
}

static json_t *audit_to_json(const struct statement *statement)
{
    json_t *root = statement->audit_size == 0
                       ? json_null()
                       : json_new_hex(statement->audit_root, sizeof statement->audit_root);
    json_auto_t *audit = json_object();
    int failed =
        json_object_set_new(audit, "size", json_integer((json_int_t)statement->audit_size));
    failed |= json_object_set_new(audit, "root", root);
    return failed != 0 ? NULL : json_incref(audit);
}

json_t *statement_to_json(const struct statement *statement)
{
    json_auto_t *json = json_object();
    int failed = json_object_set_new(json, "version", json_integer(FORMAT_VERSION));
    failed |= json_object_set_new(json, "sequence", json_integer((json_int_t)statement->sequence));
    failed |= json_object_set_new(
        json, "parents", ids_to_json(statement->parents, statement->parent_count, OBJECT_ID_SIZE));
    failed |= json_object_set_new(json, "time", json_new_moment(statement->time));
    failed |= json_object_set_new(json, "due", json_new_moment(statement->due));
    failed |=
        json_object_set_new(json, "snapshot", json_new_hex(statement->snapshot, OBJECT_ID_SIZE));
    failed |= json_object_set_new(
        json, "references",
        ids_to_json(statement->references, statement->reference_count, OBJECT_ID_SIZE));
    failed |= json_object_set_new(
        json, "indexes", ids_to_json(statement->indexes, statement->index_count, OBJECT_ID_SIZE));
    failed |= json_object_set_new(json, "stored", json_integer((json_int_t)statement->stored));
    failed |= json_object_set_new(json, "audit", audit_to_json(statement));
    failed |= json_object_set_new(
        json, "register",
        ids_to_json(statement->erasures, statement->erasure_count, ERASURE_ID_SIZE));
    failed |= json_object_set_new(json, "persons", json_new_persons(statement->persons));
    failed |= json_object_set_new(json, "sources", sources_to_json(statement));
    return failed != 0 ? NULL : json_incref(json);
}

/* ---- reading ---- */

/* NULL if they are not `size` bytes each, or memory ran out. */
static void *ids_from_json(size_t *count, const json_t *list, size_t size)
{
    size_t number = json_array_size(list);
    CLEANUP(memory_free)
    unsigned char *ids = json_is_array(list) ? calloc(number + 1, size) : NULL;
    for (size_t i = 0; ids != NULL && i < number; i++) {
        const char *text = json_string_value(json_array_get(list, i));
        if (text == NULL || !hex_decode(ids + i * size, size, text, strlen(text))) {
            return NULL;
        }
    }
    *count = number;
    void *result = ids;
    ids = NULL;
    return result;
}

static bool take_ids(unsigned char (**ids)[OBJECT_ID_SIZE], size_t *count, const json_t *json,
                     const char *key)
{
    *ids = ids_from_json(count, json_object_get(json, key), OBJECT_ID_SIZE);
    return *ids != NULL;
}

/* Statements of before there was a register have no such member. */
static bool take_erasures(struct statement *statement, const json_t *json)
{
    const json_t *list = json_object_get(json, "register");
    if (list == NULL) {
        return true;
    }
    statement->erasures = json_array_size(list) > STATEMENT_ERASURES_LIMIT
                              ? NULL
                              : ids_from_json(&statement->erasure_count, list, ERASURE_ID_SIZE);
    return statement->erasures != NULL;
}

static bool take_audit(struct statement *statement, const json_t *json)
{
    const json_t *audit = json_object_get(json, "audit");
    if (!json_take_count(&statement->audit_size, audit, "size")) {
        return false;
    }
    return statement->audit_size == 0
               ? json_is_null(json_object_get(audit, "root"))
               : json_take_hex(statement->audit_root, sizeof statement->audit_root, audit, "root");
}

static enum status take_sources(struct statement *statement, const json_t *json,
                                struct error *error)
{
    const json_t *list = json_object_get(json, "sources");
    size_t count = json_array_size(list);
    if (!json_is_array(list) || count > STATEMENT_SOURCES_LIMIT) {
        return error_set(error, STATUS_CORRUPT, 0, "%s", _("its list of sources is missing"));
    }
    statement->sources = calloc(count + 1, sizeof *statement->sources);
    if (statement->sources == NULL) {
        return error_set_memory(error);
    }
    for (size_t i = 0; i < count; i++) {
        enum status status =
            statement_source_from_json(&statement->sources[i], json_array_get(list, i), error);
        if (status != STATUS_OK) {
            return status;
        }
        statement->source_count++;
    }
    return STATUS_OK;
}

static bool take_members(struct statement *statement, const json_t *json)
{
    return json_take_count(&statement->sequence, json, "sequence") &&
           statement->sequence <= SEQUENCE_LIMIT &&
           take_ids(&statement->parents, &statement->parent_count, json, "parents") &&
           json_take_moment(&statement->time, json, "time") &&
           json_take_moment(&statement->due, json, "due") &&
           json_take_hex(statement->snapshot, OBJECT_ID_SIZE, json, "snapshot") &&
           take_ids(&statement->references, &statement->reference_count, json, "references") &&
           take_ids(&statement->indexes, &statement->index_count, json, "indexes") &&
           json_take_count(&statement->stored, json, "stored") && take_audit(statement, json) &&
           take_erasures(statement, json) && json_take_persons(&statement->persons, json);
}

enum status statement_from_json(struct statement *statement, const json_t *json,
                                struct error *error)
{
    *statement = (struct statement){0};
    enum status status = json_check_version(json, error);
    if (status == STATUS_OK && !take_members(statement, json)) {
        status = error_set(error, STATUS_CORRUPT, 0, "%s",
                           _("a member of its JSON is missing or of the wrong form"));
    }
    if (status == STATUS_OK) {
        status = take_sources(statement, json, error);
    }
    if (status != STATUS_OK) {
        statement_free(statement);
    }
    return status;
}
