/* policy: the text of policy.yaml, read and checked. Part of the room config: it knows nothing of
 * signatures, files or what is enforced where. The manual page policy.yaml.5 describes the file. */
#ifndef KURA_POLICY_H
#define KURA_POLICY_H

#include "kura/base.h"

#define POLICY_SIZE_LIMIT ((size_t)256 * 1024)
#define POLICY_NAME_SIZE 65 /* ids and names of people, data sets, media: at most 64 bytes */
#define POLICY_PERSONS_CEILING 1000 /* the law's threshold: no policy may allow more */

struct config;

enum policy_role { ROLE_DATA_MANAGER = 1, ROLE_DEPUTY = 2, ROLE_STAFF = 4 }; /* a set of bits */

struct policy_person {
    char *id; /* of one natural person; unique */
    char *name;
    unsigned roles;
    char *key;           /* minisign public key line; unique: nobody shares one */
    char *recipient;     /* age1…, or NULL; required of a data manager */
    char *system_user;   /* or NULL; unique */
    struct moment until; /* the key is not valid from then on; {0}: no end */
};

struct policy_host {
    char *name;
    char *key; /* the host's public signing key, 64 hexadecimal digits */
};

struct policy_limits {
    uint64_t max_persons_per_carry;
    uint64_t max_persons_outstanding; /* of one bearer, not returned yet */
    uint64_t max_persons_outstanding_shop;
    unsigned rolling_days;
    uint64_t max_persons_rolling_bearer;
    uint64_t max_persons_rolling_shop;
    uint64_t
        absolute_ceiling; /* at most POLICY_PERSONS_CEILING; nothing above it, whoever approves */
    uint64_t max_documents_per_carry;
    uint64_t max_persons_repository_copy; /* onto removable media; 0: never */
    uint64_t max_persons_restore;         /* onto removable media; 0: never */
};

struct policy_approval {
    unsigned approvers;      /* how many, 1 or 2 */
    uint64_t second_above;   /* persons above which a second one is needed; 0: always `approvers` */
    uint64_t token_lifetime; /* seconds, the longest */
    unsigned carry_days;     /* the longest time until return */
    unsigned overdue_grace_days;
};

enum policy_parameter_type { PARAMETER_TEXT, PARAMETER_INTEGER, PARAMETER_DATE };
struct policy_parameter {
    char *name;
    enum policy_parameter_type type;
};
/* A column that identifies a natural person. The same domain and value are the same person; two
 * domains never are. Empty and NULL values are nobody, unless `unlinked` counts each as one. */
struct policy_person_column {
    char *column;
    char *domain;
    bool unlinked; /* a row without a value counts as one person of its own */
};
/* Who is counted as a person in a backup of a database: config_person of config.h. */
struct policy_person_kind {
    char *domain;
    char *source; /* a database source of the configuration */
    char *sql;
};
struct policy_field {
    char *column;
    char *class; /* one of the policy's field classes */
};
struct policy_data_set {
    char *name;
    char *source; /* a database source of the configuration */
    char *sql;
    struct policy_parameter *parameters;
    size_t parameter_count;
    struct policy_person_column *persons;
    size_t person_count;
    struct policy_field *fields;
    size_t field_count;
    char *documents_source; /* a tree source of the configuration, or NULL */
    char *documents_path;   /* "kunden/{customer_id}": {column} is replaced per row; all beneath */
    char *documents_class;  /* one of the policy's field classes; of all that the documents show */
    uint64_t max_rows;
    unsigned timeout; /* seconds */
};

struct policy_field_class {
    char *name;
    bool sensitive; /* can never leave */
};

struct policy_destination {
    char *name;
    char **recipients; /* age1… of who reads there, NULL-terminated; at least one */
};

enum policy_medium_status { MEDIUM_ACTIVE, MEDIUM_RETIRED, MEDIUM_LOST };
struct policy_medium {
    char *id;
    char *fingerprint; /* 64 hexadecimal digits */
    enum policy_medium_status status;
    char *kept_at;
};

/* A disk or mount that may receive what its class alone would not: `roads` names them. */
struct policy_disk {
    char *name;
    char *fingerprint;
    bool store, output, staging;
};

struct policy {
    uint64_t version; /* from 1; only rises */
    struct moment valid_from;
    char *shop;          /* the company, as reports name it */
    char *manager_title; /* of the data manager in reports, or NULL */
    char *contact; /* on the notice for the finder: a telephone number or address of the company */
    uint64_t clock_tolerance; /* seconds */
    uint64_t anchor_age;      /* seconds the newest off-site anchor of the log may be old */
    struct policy_limits limits;
    struct policy_approval approval;
    struct policy_person *people;
    size_t people_count;
    struct policy_host *hosts;
    size_t host_count;
    char **purposes; /* NULL-terminated */
    struct policy_destination *destinations;
    size_t destination_count;
    struct policy_field_class *classes;
    size_t class_count;
    struct policy_data_set *data_sets;
    size_t data_set_count;
    struct policy_person_kind *person_kinds; /* none: the configuration says who is counted */
    size_t person_kind_count;
    struct policy_medium *media;
    size_t medium_count;
    struct policy_disk *disks;
    size_t disk_count;
    unsigned report_preliminary_days; /* 3..5; default 5 */
    void *loaded;                     /* holds the texts; private */
    unsigned report_final_days;       /* default 30; 60 if an improper purpose is possible */
};

/* Reads the text; `name` is for messages. STATUS_USAGE with line and key for: an unknown, missing,
 * mistyped or duplicate key; a limit above the ceilings; ids, keys or system users that two people
 * share; names that are not there (a class, a source's data set); a required data manager or
 * recipient that lacks; a manager alone where two approvers are asked for. */
MUST_USE enum status policy_parse(struct policy *policy, const void *text, size_t size,
                                  const char *name, struct error *error);
void policy_free(struct policy *policy);

/* Where the policy says who is counted as a person, that takes the place of what the configuration
 * says, for all of its sources; sources of other hosts are passed over. A source that is not a
 * database: STATUS_USAGE, and then nobody is counted. */
MUST_USE enum status policy_give_persons(struct config *config, const struct policy *policy,
                                         struct error *error);

/* Data manager or deputy; NULL is neither. */
bool policy_may_approve(const struct policy_person *person);
/* Past `until`: who has left signs nothing any more. */
bool policy_key_ended(const struct policy_person *person, struct moment now);

/* NULL if there is none. */
const struct policy_person *policy_find_person(const struct policy *policy, const char *id);
const struct policy_person *policy_find_user(const struct policy *policy, const char *system_user);
const struct policy_host *policy_find_host(const struct policy *policy, const char *key);
const struct policy_data_set *policy_find_data_set(const struct policy *policy, const char *name);
const struct policy_field_class *policy_find_class(const struct policy *policy, const char *name);
const struct policy_destination *policy_find_destination(const struct policy *policy,
                                                         const char *name);
const struct policy_medium *policy_find_medium(const struct policy *policy, const char *id);
const struct policy_disk *policy_find_disk(const struct policy *policy, const char *fingerprint);

#endif
