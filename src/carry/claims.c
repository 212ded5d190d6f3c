/* claims: see claims.h. */
#include "claims.h"
#include "shared.h"
#include <stdlib.h>
#include <string.h>

static const unsigned char *at_const(const void *base, size_t offset)
{
    return (const unsigned char *)base + offset;
}

static void *at(void *base, size_t offset)
{
    return (unsigned char *)base + offset;
}

/* ------------------------------------------------------------------ encoding */

static json_t *encode_object(const void *from, const struct claim *table);

static json_t *encode_bytes(const unsigned char *bytes, size_t size)
{
    char hex[2 * 64 + 1];
    return size > 64 ? NULL : json_string(hex_encode(hex, bytes, size));
}

static json_t *encode_moment(const struct moment *moment)
{
    char text[MOMENT_TEXT_SIZE];
    return json_string(moment_format(text, *moment));
}

static json_t *encode_items(const void *from, const struct claim *claim)
{
    const unsigned char *items;
    size_t count;
    memcpy(&items, at_const(from, claim->offset), sizeof items);
    memcpy(&count, at_const(from, claim->count_offset), sizeof count);
    json_t *array = json_array();
    for (size_t i = 0; i < count; i++) {
        if (json_array_append_new(array, encode_object(items + i * claim->size, claim->items)) !=
            0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

/* NULL: it cannot be written; *absent: an optional one that is empty. */
static json_t *encode_claim(const void *from, const struct claim *claim, bool *absent)
{
    const void *member = at_const(from, claim->offset);
    const char *text;
    switch (claim->kind) {
    case CLAIM_ARRAY:
        text = member;
        *absent = claim->optional && text[0] == '\0';
        return json_string(text);
    case CLAIM_TEXT:
        memcpy(&text, member, sizeof text);
        *absent = claim->optional && text == NULL;
        return json_string(text == NULL ? "" : text);
    case CLAIM_LIST: {
        char **list;
        memcpy(&list, member, sizeof list);
        return carry_texts_json(list);
    }
    case CLAIM_BYTES:
        return encode_bytes(member, claim->size);
    case CLAIM_NUMBER: {
        uint64_t number;
        memcpy(&number, member, sizeof number);
        return number > INT64_MAX ? NULL : json_integer((json_int_t)number);
    }
    case CLAIM_MOMENT:
        return encode_moment(member);
    case CLAIM_BUFFER: {
        const struct buffer *buffer = member;
        return json_stringn((const char *)buffer->data, buffer->size);
    }
    case CLAIM_ITEMS:
        return encode_items(from, claim);
    }
    return NULL;
}

static json_t *encode_object(const void *from, const struct claim *table)
{
    json_t *object = json_object();
    for (const struct claim *claim = table; claim->name != NULL; claim++) {
        bool absent = false;
        json_t *value = encode_claim(from, claim, &absent);
        if (absent) {
            json_decref(value);
        } else if (value == NULL || json_object_set_new(object, claim->name, value) != 0) {
            json_decref(object);
            return NULL;
        }
    }
    return object;
}

enum status claims_encode(struct buffer *json, const void *from, const struct claim *table,
                          struct error *error)
{
    json_t *object = encode_object(from, table);
    if (object == NULL) {
        return error_set(error, STATUS_FAILED, 0, "%s", _("a name is not valid UTF-8 text"));
    }
    CLEANUP(memory_free) char *text = json_dumps(object, JSON_COMPACT | JSON_SORT_KEYS);
    json_decref(object);
    return text == NULL ? error_set_memory(error) : buffer_append(json, text, strlen(text), error);
}

/* ------------------------------------------------------------------ decoding */

static enum status wrong(const char *name, struct error *error)
{
    return error_set(error, STATUS_REFUSED, 0,
                     _("[claims] the claim \"%s\" is missing or not as it must be"), name);
}

static enum status decode_object(void *into, const struct claim *table, const json_t *object,
                                 struct error *error);

/* A text without NUL, not too long. */
static const char *text_of(const json_t *value, size_t limit)
{
    const char *text = json_string_value(value);
    return text != NULL && json_string_length(value) < limit &&
                   strlen(text) == json_string_length(value)
               ? text
               : NULL;
}

static enum status decode_list(char ***list, const json_t *value, const char *name,
                               struct error *error)
{
    size_t count = json_array_size(value);
    if (!json_is_array(value) || count > CLAIM_LIST_LIMIT) {
        return wrong(name, error);
    }
    *list = calloc(count + 1, sizeof **list);
    if (*list == NULL) {
        return error_set_memory(error);
    }
    for (size_t i = 0; i < count; i++) {
        const char *text = text_of(json_array_get(value, i), CLAIM_TEXT_LIMIT);
        if (text == NULL) {
            return wrong(name, error);
        }
        (*list)[i] = strdup(text);
        if ((*list)[i] == NULL) {
            return error_set_memory(error);
        }
    }
    return STATUS_OK;
}

static enum status decode_items(void *into, const struct claim *claim, const json_t *value,
                                struct error *error)
{
    size_t count = json_array_size(value);
    if (!json_is_array(value) || count > CLAIM_LIST_LIMIT) {
        return wrong(claim->name, error);
    }
    unsigned char *items = calloc(count + 1, claim->size);
    if (items == NULL) {
        return error_set_memory(error);
    }
    memcpy(at(into, claim->offset), &items, sizeof(void *));
    memcpy(at(into, claim->count_offset), &count, sizeof count);
    for (size_t i = 0; i < count; i++) {
        enum status status =
            decode_object(items + i * claim->size, claim->items, json_array_get(value, i), error);
        if (status != STATUS_OK) {
            return status;
        }
    }
    return STATUS_OK;
}

static enum status decode_text(void *member, const struct claim *claim, const json_t *value,
                               struct error *error)
{
    if (claim->kind == CLAIM_BUFFER) {
        const char *text = text_of(value, PASETO_SIZE_LIMIT);
        return text == NULL ? wrong(claim->name, error)
                            : buffer_append(member, text, strlen(text), error);
    }
    const char *text = text_of(value, claim->kind == CLAIM_ARRAY ? claim->size : CLAIM_TEXT_LIMIT);
    if (text == NULL) {
        return wrong(claim->name, error);
    }
    if (claim->kind == CLAIM_ARRAY) {
        memcpy(member, text, strlen(text) + 1);
        return STATUS_OK;
    }
    char *copy = strdup(text);
    if (copy == NULL) {
        return error_set_memory(error);
    }
    memcpy(member, &copy, sizeof(void *));
    return STATUS_OK;
}

static enum status decode_claim(void *into, const struct claim *claim, const json_t *value,
                                struct error *error)
{
    void *member = at(into, claim->offset);
    const char *text;
    switch (claim->kind) {
    case CLAIM_ARRAY:
    case CLAIM_TEXT:
    case CLAIM_BUFFER:
        return decode_text(member, claim, value, error);
    case CLAIM_LIST: {
        char **list = NULL;
        enum status status = decode_list(&list, value, claim->name, error);
        memcpy(member, &list, sizeof(void *));
        return status;
    }
    case CLAIM_BYTES:
        text = text_of(value, 2 * claim->size + 1);
        return text != NULL && hex_decode(member, claim->size, text, strlen(text))
                   ? STATUS_OK
                   : wrong(claim->name, error);
    case CLAIM_NUMBER: {
        uint64_t number = (uint64_t)json_integer_value(value);
        memcpy(member, &number, sizeof number);
        return json_is_integer(value) && json_integer_value(value) >= 0 ? STATUS_OK
                                                                        : wrong(claim->name, error);
    }
    case CLAIM_MOMENT:
        text = text_of(value, MOMENT_TEXT_SIZE);
        /* Only the form that we write: no local time, no fractions. */
        return text != NULL && strlen(text) == 20 && text[19] == 'Z' && moment_parse(member, text)
                   ? STATUS_OK
                   : wrong(claim->name, error);
    case CLAIM_ITEMS:
        return decode_items(into, claim, value, error);
    }
    return wrong(claim->name, error);
}

static enum status decode_object(void *into, const struct claim *table, const json_t *object,
                                 struct error *error)
{
    size_t found = 0;
    if (!json_is_object(object)) {
        return wrong("{}", error);
    }
    for (const struct claim *claim = table; claim->name != NULL; claim++) {
        const json_t *value = json_object_get(object, claim->name);
        if (value == NULL && claim->optional) {
            continue;
        }
        enum status status =
            value == NULL ? wrong(claim->name, error) : decode_claim(into, claim, value, error);
        if (status != STATUS_OK) {
            return status;
        }
        found++;
    }
    /* A claim that is not understood could restrict what is granted. */
    return found == json_object_size(object)
               ? STATUS_OK
               : error_set(error, STATUS_REFUSED, 0, "[claims] %s", _("there is an unknown claim"));
}

enum status claims_decode(void *into, const struct claim *table, const void *json, size_t size,
                          struct error *error)
{
    json_error_t where;
    json_t *object = json_loadb(json, size, JSON_REJECT_DUPLICATES, &where);
    if (object == NULL) {
        return error_set(error, STATUS_REFUSED, 0, "[claims] %s",
                         _("the claims are not JSON, or one is there twice"));
    }
    enum status status = decode_object(into, table, object, error);
    json_decref(object);
    if (status != STATUS_OK) {
        claims_free(into, table);
    }
    return status;
}

/* ------------------------------------------------------------------ freeing */

static void free_items(void *of, const struct claim *claim)
{
    unsigned char *items;
    size_t count;
    memcpy(&items, at(of, claim->offset), sizeof(void *));
    memcpy(&count, at(of, claim->count_offset), sizeof count);
    for (size_t i = 0; items != NULL && i < count; i++) {
        claims_free(items + i * claim->size, claim->items);
    }
    free(items);
    memset(at(of, claim->offset), 0, sizeof items);
    memset(at(of, claim->count_offset), 0, sizeof count);
}

void claims_free(void *of, const struct claim *table)
{
    for (const struct claim *claim = table; claim->name != NULL; claim++) {
        void *member = at(of, claim->offset);
        if (claim->kind == CLAIM_TEXT) {
            memory_free(member);
            memset(member, 0, sizeof(char *));
        } else if (claim->kind == CLAIM_LIST) {
            char **list;
            memcpy(&list, member, sizeof(void *));
            carry_texts_free(list);
            memset(member, 0, sizeof(char **));
        } else if (claim->kind == CLAIM_BUFFER) {
            buffer_free(member);
        } else if (claim->kind == CLAIM_ITEMS) {
            free_items(of, claim);
        }
    }
}
