/* config_schema: the keys of kura.yaml, for libcyaml. Every
 * key is optional here: what must be there is config_check's affair, which knows better words. */
#include "config_private.h"

static const cyaml_schema_value_t text_item = {
    CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 0, CONFIG_TEXT_LIMIT),
};

/* libcyaml's own boolean takes every word but a few for true. */
static const cyaml_strval_t truths[] = {{"false", 0}, {"true", 1}, {"no", 0}, {"yes", 1}};
#define FIELD_TRUTH(type, member)                                                                  \
    CYAML_FIELD_ENUM(#member, CYAML_FLAG_OPTIONAL | CYAML_FLAG_STRICT, type, member, truths,       \
                     LENGTH(truths))

static const cyaml_schema_field_t store_fields[] = {
    FIELD_TEXT(struct yaml_store, name),          FIELD_TEXT(struct yaml_store, url),
    FIELD_TEXT(struct yaml_store, identity_file), FIELD_TEXT(struct yaml_store, known_hosts),
    FIELD_TEXT(struct yaml_store, ssh_config),    FIELD_NUMBER(struct yaml_store, connections),
    FIELD_NUMBER(struct yaml_store, timeout),     CYAML_FIELD_END,
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
    FIELD_NUMBER(struct yaml_source, timeout),
    FIELD_LIST(struct yaml_source, exclude, &text_item),
    FIELD_TRUTH(struct yaml_source, one_file_system),
    FIELD_TEXT(struct yaml_source, postgres),
    FIELD_TRUTH(struct yaml_source, large_objects),
    FIELD_TRUTH(struct yaml_source, globals),
    FIELD_NUMBER(struct yaml_source, lock_timeout),
    FIELD_NUMBER(struct yaml_source, remnant_days),
    FIELD_TEXT(struct yaml_source, pg_dump),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t source_item = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct yaml_source, source_fields),
};

static const cyaml_schema_field_t erasure_fields[] = {
    FIELD_TEXT(struct yaml_erasure, domain),
    FIELD_TEXT(struct yaml_erasure, source),
    FIELD_LIST(struct yaml_erasure, sql, &text_item),
    FIELD_LIST(struct yaml_erasure, paths, &text_item),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t erasure_item = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct yaml_erasure, erasure_fields),
};

static const cyaml_schema_field_t person_kind_fields[] = {
    FIELD_TEXT(struct yaml_person_kind, domain),
    FIELD_TEXT(struct yaml_person_kind, source),
    FIELD_TEXT(struct yaml_person_kind, sql),
    CYAML_FIELD_END,
};
const cyaml_schema_value_t person_kind_item = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct yaml_person_kind, person_kind_fields),
};

static const cyaml_schema_field_t retention_fields[] = {
    FIELD_NUMBER(struct config_retention, daily),
    FIELD_NUMBER(struct config_retention, weekly),
    FIELD_NUMBER(struct config_retention, monthly),
    FIELD_NUMBER(struct config_retention, yearly),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t together_fields[] = {
    FIELD_LIST(struct yaml_together, sources, &text_item),
    FIELD_LIST(struct yaml_together, before, &text_item),
    FIELD_LIST(struct yaml_together, after, &text_item),
    FIELD_NUMBER(struct yaml_together, timeout),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t config_fields[] = {
    CYAML_FIELD_MAPPING("repository", CYAML_FLAG_OPTIONAL, struct yaml_config, repository,
                        repository_fields),
    FIELD_LIST(struct yaml_config, sources, &source_item),
    FIELD_LIST(struct yaml_config, erasure, &erasure_item),
    FIELD_LIST(struct yaml_config, persons, &person_kind_item),
    FIELD_NUMBER(struct yaml_config, compression),
    CYAML_FIELD_MAPPING("retention", CYAML_FLAG_OPTIONAL, struct yaml_config, retention,
                        retention_fields),
    CYAML_FIELD_MAPPING("together", CYAML_FLAG_OPTIONAL, struct yaml_config, together,
                        together_fields),
    FIELD_NUMBER(struct yaml_config, due_hours),
    FIELD_TEXT(struct yaml_config, spool_limit),
    FIELD_TEXT(struct yaml_config, policy),
    FIELD_TEXT(struct yaml_config, gate),
    CYAML_FIELD_END,
};
const cyaml_schema_value_t config_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct yaml_config, config_fields),
};
