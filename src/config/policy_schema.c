/* policy_schema: the keys of policy.yaml, for libcyaml. Every key is optional here: what must be
 * there is policy_check's affair, which knows better words. */
#include "policy_private.h"

static const cyaml_schema_value_t text_item = {
    CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 0, CONFIG_TEXT_LIMIT),
};
static const cyaml_strval_t truths[] = {{"false", 0}, {"true", 1}, {"no", 0}, {"yes", 1}};

#define FIELD_TRUTH(type, member)                                                                  \
    CYAML_FIELD_ENUM(#member, CYAML_FLAG_OPTIONAL | CYAML_FLAG_STRICT, type, member, truths,       \
                     LENGTH(truths))
#define FIELD_GROUP(type, member, fields)                                                          \
    CYAML_FIELD_MAPPING(#member, CYAML_FLAG_OPTIONAL, type, member, fields)
#define ITEM(type, fields)                                                                         \
    {                                                                                              \
        CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, type, fields),                                     \
    }

static const cyaml_schema_field_t person_fields[] = {
    FIELD_TEXT(struct yaml_person, id),
    FIELD_TEXT(struct yaml_person, name),
    FIELD_LIST(struct yaml_person, roles, &text_item),
    FIELD_TEXT(struct yaml_person, key),
    FIELD_TEXT(struct yaml_person, recipient),
    FIELD_TEXT(struct yaml_person, system_user),
    FIELD_TEXT(struct yaml_person, until),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t person_item = ITEM(struct yaml_person, person_fields);

static const cyaml_schema_field_t host_fields[] = {
    FIELD_TEXT(struct yaml_host, name),
    FIELD_TEXT(struct yaml_host, key),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t host_item = ITEM(struct yaml_host, host_fields);

static const cyaml_schema_field_t limits_fields[] = {
    FIELD_NUMBER(struct policy_limits, max_persons_per_carry),
    FIELD_NUMBER(struct policy_limits, max_persons_outstanding),
    FIELD_NUMBER(struct policy_limits, max_persons_outstanding_shop),
    FIELD_NUMBER(struct policy_limits, rolling_days),
    FIELD_NUMBER(struct policy_limits, max_persons_rolling_bearer),
    FIELD_NUMBER(struct policy_limits, max_persons_rolling_shop),
    FIELD_NUMBER(struct policy_limits, absolute_ceiling),
    FIELD_NUMBER(struct policy_limits, max_documents_per_carry),
    FIELD_NUMBER(struct policy_limits, max_persons_repository_copy),
    FIELD_NUMBER(struct policy_limits, max_persons_restore),
    CYAML_FIELD_END,
};
static const cyaml_schema_field_t approval_fields[] = {
    FIELD_NUMBER(struct yaml_approval, approvers),
    FIELD_NUMBER(struct yaml_approval, second_above),
    FIELD_TEXT(struct yaml_approval, token_lifetime),
    FIELD_NUMBER(struct yaml_approval, carry_days),
    FIELD_NUMBER(struct yaml_approval, overdue_grace_days),
    CYAML_FIELD_END,
};
static const cyaml_schema_field_t report_fields[] = {
    FIELD_NUMBER(struct yaml_report, preliminary_days),
    FIELD_NUMBER(struct yaml_report, final_days),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t parameter_fields[] = {
    FIELD_TEXT(struct yaml_parameter, name),
    FIELD_TEXT(struct yaml_parameter, type),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t parameter_item = ITEM(struct yaml_parameter, parameter_fields);

static const cyaml_schema_field_t person_column_fields[] = {
    FIELD_TEXT(struct yaml_person_column, column),
    FIELD_TEXT(struct yaml_person_column, domain),
    FIELD_TRUTH(struct yaml_person_column, unlinked),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t person_column_item =
    ITEM(struct yaml_person_column, person_column_fields);

static const cyaml_schema_field_t field_fields[] = {
    FIELD_TEXT(struct yaml_field, column),
    FIELD_TEXT(struct yaml_field, class),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t field_item = ITEM(struct yaml_field, field_fields);

static const cyaml_schema_field_t data_set_fields[] = {
    FIELD_TEXT(struct yaml_data_set, name),
    FIELD_TEXT(struct yaml_data_set, source),
    FIELD_TEXT(struct yaml_data_set, sql),
    FIELD_LIST(struct yaml_data_set, parameters, &parameter_item),
    FIELD_LIST(struct yaml_data_set, persons, &person_column_item),
    FIELD_LIST(struct yaml_data_set, fields, &field_item),
    FIELD_TEXT(struct yaml_data_set, documents_source),
    FIELD_TEXT(struct yaml_data_set, documents_path),
    FIELD_TEXT(struct yaml_data_set, documents_class),
    FIELD_NUMBER(struct yaml_data_set, max_rows),
    FIELD_TEXT(struct yaml_data_set, timeout),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t data_set_item = ITEM(struct yaml_data_set, data_set_fields);

static const cyaml_schema_field_t class_fields[] = {
    FIELD_TEXT(struct yaml_class, name),
    FIELD_TRUTH(struct yaml_class, sensitive),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t class_item = ITEM(struct yaml_class, class_fields);

static const cyaml_schema_field_t destination_fields[] = {
    FIELD_TEXT(struct yaml_destination, name),
    FIELD_LIST(struct yaml_destination, recipients, &text_item),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t destination_item =
    ITEM(struct yaml_destination, destination_fields);

static const cyaml_schema_field_t medium_fields[] = {
    FIELD_TEXT(struct yaml_medium, id),
    FIELD_TEXT(struct yaml_medium, fingerprint),
    FIELD_TEXT(struct yaml_medium, status),
    FIELD_TEXT(struct yaml_medium, kept_at),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t medium_item = ITEM(struct yaml_medium, medium_fields);

static const cyaml_schema_field_t disk_fields[] = {
    FIELD_TEXT(struct yaml_disk, name),
    FIELD_TEXT(struct yaml_disk, fingerprint),
    FIELD_LIST(struct yaml_disk, roads, &text_item),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t disk_item = ITEM(struct yaml_disk, disk_fields);

static const cyaml_schema_field_t policy_fields[] = {
    FIELD_NUMBER(struct yaml_policy, version),
    FIELD_TEXT(struct yaml_policy, valid_from),
    FIELD_TEXT(struct yaml_policy, shop),
    FIELD_TEXT(struct yaml_policy, manager_title),
    FIELD_TEXT(struct yaml_policy, contact),
    FIELD_TEXT(struct yaml_policy, clock_tolerance),
    FIELD_TEXT(struct yaml_policy, anchor_age),
    FIELD_GROUP(struct yaml_policy, limits, limits_fields),
    FIELD_GROUP(struct yaml_policy, approval, approval_fields),
    FIELD_GROUP(struct yaml_policy, report, report_fields),
    FIELD_LIST(struct yaml_policy, people, &person_item),
    FIELD_LIST(struct yaml_policy, hosts, &host_item),
    FIELD_LIST(struct yaml_policy, purposes, &text_item),
    FIELD_LIST(struct yaml_policy, destinations, &destination_item),
    FIELD_LIST(struct yaml_policy, field_classes, &class_item),
    FIELD_LIST(struct yaml_policy, data_sets, &data_set_item),
    FIELD_LIST(struct yaml_policy, persons, &person_kind_item),
    FIELD_LIST(struct yaml_policy, media, &medium_item),
    FIELD_LIST(struct yaml_policy, fixed_disks, &disk_item),
    CYAML_FIELD_END,
};
const cyaml_schema_value_t policy_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct yaml_policy, policy_fields),
};
