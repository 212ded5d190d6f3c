/* config_words: what a schema says of a place, for the messages about wrong keys. */
#include "config_private.h"
#include <stdio.h>
#include <string.h>

static const cyaml_schema_field_t *find_field(const cyaml_schema_field_t *fields, const char *key,
                                              size_t size)
{
    for (; fields->key != NULL; fields++) {
        if (strlen(fields->key) == size && memcmp(fields->key, key, size) == 0) {
            return fields;
        }
    }
    return NULL;
}

/* The schema at a place of `size` characters; NULL if there is none. */
static const cyaml_schema_value_t *find_value(const cyaml_schema_value_t *value, const char *place,
                                              size_t size)
{
    const char *end = place + size;
    while (place < end && value != NULL) {
        size_t part = 1 + strcspn(place + 1, ".[");
        part = part > (size_t)(end - place) ? (size_t)(end - place) : part;
        if (*place == '[') {
            value = value->type == CYAML_SEQUENCE ? value->sequence.entry : NULL;
        } else if (value->type == CYAML_MAPPING) {
            size_t dot = *place == '.' ? 1 : 0;
            const cyaml_schema_field_t *field =
                find_field(value->mapping.fields, place + dot, part - dot);
            value = field == NULL ? NULL : &field->value;
        } else {
            value = NULL;
        }
        place += part;
    }
    return value;
}

const char *config_schema_wants(const cyaml_schema_value_t *schema, const char *place)
{
    const cyaml_schema_value_t *value = find_value(schema, place, strlen(place));
    if (value == NULL) {
        return NULL;
    }
    switch (value->type) {
    case CYAML_UINT:
        return _("a whole number, 0 or more");
    case CYAML_ENUM:
        return _("true or false");
    case CYAML_SEQUENCE:
        return _("a list");
    case CYAML_MAPPING:
        return _("a group of keys");
    default:
        return _("a text of at most 4096 bytes");
    }
}

void config_schema_known(char *keys, size_t size, const cyaml_schema_value_t *schema,
                         const char *place)
{
    const cyaml_schema_value_t *value = find_value(schema, place, strlen(place));
    size_t used = 0;
    keys[0] = '\0';
    if (value == NULL || value->type != CYAML_MAPPING) {
        return;
    }
    for (const cyaml_schema_field_t *field = value->mapping.fields; field->key != NULL; field++) {
        int more = snprintf(keys + used, size - used, "%s%s", used == 0 ? "" : ", ", field->key);
        if (more < 0 || (size_t)more >= size - used) {
            return;
        }
        used += (size_t)more;
    }
}
