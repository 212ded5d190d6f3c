/* config_schema: the keys of kura.yaml, for libcyaml and for the messages about wrong ones. Every
 * key is optional here: what must be there is config_check's affair, which knows better words. */
#include "config_private.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_LIMIT 4096
#define LIST_LIMIT 1000

#define FIELD_TEXT(type, member)                                                                   \
    CYAML_FIELD_STRING_PTR(#member, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, type, member, 0,     \
                           TEXT_LIMIT)
#define FIELD_NUMBER(type, member) CYAML_FIELD_UINT(#member, CYAML_FLAG_OPTIONAL, type, member)
#define FIELD_LIST(type, member, items)                                                            \
    CYAML_FIELD_SEQUENCE(#member, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, type, member, items,   \
                         0, LIST_LIMIT)

static const cyaml_schema_value_t text_item = {
    CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 0, TEXT_LIMIT),
};

/* libcyaml's own boolean takes every word but a few for true. */
static const cyaml_strval_t truths[] = {{"false", 0}, {"true", 1}, {"no", 0}, {"yes", 1}};

static const cyaml_schema_field_t store_fields[] = {
    FIELD_TEXT(struct yaml_store, name),
    FIELD_TEXT(struct yaml_store, url),
    FIELD_TEXT(struct yaml_store, identity_file),
    FIELD_TEXT(struct yaml_store, known_hosts),
    FIELD_TEXT(struct yaml_store, ssh_config),
    FIELD_NUMBER(struct yaml_store, connections),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t store_item = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct yaml_store, store_fields),
};

static const cyaml_schema_field_t repository_fields[] = {
    FIELD_TEXT(struct yaml_repository, host_key),
    FIELD_TEXT(struct yaml_repository, state),
    FIELD_TEXT(struct yaml_repository, trusted_key),
    FIELD_LIST(struct yaml_repository, recipients, &text_item),
    FIELD_LIST(struct yaml_repository, stores, &store_item),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t source_fields[] = {
    FIELD_TEXT(struct yaml_source, name),
    FIELD_TEXT(struct yaml_source, sqlite),
    FIELD_TEXT(struct yaml_source, tree),
    FIELD_LIST(struct yaml_source, command, &text_item),
    FIELD_LIST(struct yaml_source, exclude, &text_item),
    CYAML_FIELD_ENUM("one_file_system", CYAML_FLAG_OPTIONAL | CYAML_FLAG_STRICT, struct yaml_source,
                     one_file_system, truths, LENGTH(truths)),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t source_item = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct yaml_source, source_fields),
};

static const cyaml_schema_field_t retention_fields[] = {
    FIELD_NUMBER(struct config_retention, daily),
    FIELD_NUMBER(struct config_retention, weekly),
    FIELD_NUMBER(struct config_retention, monthly),
    FIELD_NUMBER(struct config_retention, yearly),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t config_fields[] = {
    CYAML_FIELD_MAPPING("repository", CYAML_FLAG_OPTIONAL, struct yaml_config, repository,
                        repository_fields),
    FIELD_LIST(struct yaml_config, sources, &source_item),
    FIELD_NUMBER(struct yaml_config, compression),
    CYAML_FIELD_MAPPING("retention", CYAML_FLAG_OPTIONAL, struct yaml_config, retention,
                        retention_fields),
    FIELD_NUMBER(struct yaml_config, due_hours),
    FIELD_TEXT(struct yaml_config, spool_limit),
    CYAML_FIELD_END,
};
const cyaml_schema_value_t config_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct yaml_config, config_fields),
};

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
static const cyaml_schema_value_t *find_value(const char *place, size_t size)
{
    const cyaml_schema_value_t *value = &config_schema;
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

const char *config_schema_wants(const char *place)
{
    const cyaml_schema_value_t *value = find_value(place, strlen(place));
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

void config_schema_known(char *keys, size_t size, const char *place)
{
    const cyaml_schema_value_t *value = find_value(place, strlen(place));
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
