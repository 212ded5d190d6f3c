/* policy, private: policy.yaml as libcyaml delivers it: every key may be missing. */
#ifndef KURA_POLICY_PRIVATE_H
#define KURA_POLICY_PRIVATE_H

#include "config_private.h"
#include "kura/policy.h"

struct yaml_person {
    char *id, *name, *key, *recipient, *system_user, *until;
    char **roles;
    unsigned roles_count;
};
struct yaml_host {
    char *name, *key;
};
struct yaml_approval {
    unsigned approvers, carry_days, overdue_grace_days;
    uint64_t second_above;
    char *token_lifetime;
};
struct yaml_parameter {
    char *name, *type;
};
struct yaml_person_column {
    char *column, *domain;
    int unlinked;
};
struct yaml_field {
    char *column, *class;
};
struct yaml_data_set {
    char *name, *source, *sql, *documents_source, *documents_path, *documents_class, *timeout;
    struct yaml_parameter *parameters;
    struct yaml_person_column *persons;
    struct yaml_field *fields;
    unsigned parameters_count, persons_count, fields_count;
    uint64_t max_rows;
};
struct yaml_class {
    char *name;
    int sensitive;
};
struct yaml_destination {
    char *name;
    char **recipients;
    unsigned recipients_count;
};
struct yaml_medium {
    char *id, *fingerprint, *status, *kept_at;
};
struct yaml_disk {
    char *name, *fingerprint;
    char **roads;
    unsigned roads_count;
};
struct yaml_report {
    unsigned preliminary_days, final_days;
};
struct yaml_policy {
    uint64_t version;
    char *valid_from, *shop, *manager_title, *contact, *clock_tolerance, *anchor_age;
    struct policy_limits limits;
    struct yaml_approval approval;
    struct yaml_report report;
    struct yaml_person *people;
    struct yaml_host *hosts;
    char **purposes;
    struct yaml_destination *destinations;
    struct yaml_class *field_classes;
    struct yaml_data_set *data_sets;
    struct yaml_person_kind *persons;
    struct yaml_medium *media;
    struct yaml_disk *fixed_disks;
    unsigned people_count, hosts_count, purposes_count, destinations_count, field_classes_count,
        data_sets_count, persons_count, media_count, fixed_disks_count;
};

extern const cyaml_schema_value_t policy_schema;

/* Fills the policy, which borrows the texts of `yaml`; words that stand for something else (times,
 * spans, roles, types) are read here, and a wrong one is named with its line. */
MUST_USE enum status policy_take(struct policy *policy, const struct yaml_policy *yaml,
                                 const struct config_lines *lines, struct error *error);
/* What must be there, what must differ, and what must fit together. */
MUST_USE enum status policy_check(const struct policy *policy, const struct config_lines *lines,
                                  struct error *error);

#endif
