/* policy_check: what must be there, what must differ, and what must fit together. Every message
 * names line and key. Keys and recipients are looked into by the room carry, which knows them. */
#include "policy_private.h"
#include <stdio.h>
#include <string.h>

#define PLACE_SIZE 96
#define FINGERPRINT_BYTES 32

/* One check of an item: the place is "people[3]" until a key is appended. */
struct check {
    const struct policy *policy;
    const struct config_lines *lines;
    char item[PLACE_SIZE - 32];
};

static enum status wrong(const struct check *check, const char *key, struct error *error,
                         const char *what)
{
    char place[PLACE_SIZE];
    snprintf(place, sizeof place, "%s%s%s", check->item, check->item[0] == '\0' ? "" : ".", key);
    return config_error(check->lines, place, error, "\"%s\": %s", place, what);
}

static enum status need(const struct check *check, const char *key, const char *value,
                        struct error *error)
{
    return value == NULL || value[0] == '\0' ? wrong(check, key, error, _("is missing or empty"))
                                             : STATUS_OK;
}

/* An id goes into tokens, file names and the log. */
static enum status need_id(const struct check *check, const char *key, const char *value,
                           struct error *error)
{
    enum status status = need(check, key, value, error);
    if (status != STATUS_OK) {
        return status;
    }
    size_t size = strlen(value);
    if (size >= POLICY_NAME_SIZE || value[0] == '.' ||
        strspn(value, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") !=
            size) {
        wrong(check, key, error, _("is not a good name"));
        return error_set_hint(error, _("A name has 1 to 64 letters, digits, '.', '_' or '-' and "
                                       "does not begin with a dot."));
    }
    return STATUS_OK;
}

static enum status need_hex(const struct check *check, const char *key, const char *value,
                            struct error *error)
{
    unsigned char bytes[FINGERPRINT_BYTES];
    enum status status = need(check, key, value, error);
    if (status == STATUS_OK && !hex_decode(bytes, sizeof bytes, value, strlen(value))) {
        return wrong(check, key, error, _("must be 64 hexadecimal digits"));
    }
    return status;
}

static enum status within(const struct check *check, const char *key, uint64_t value,
                          uint64_t least, uint64_t most, struct error *error)
{
    if (value >= least && value <= most) {
        return STATUS_OK;
    }
    char place[PLACE_SIZE];
    snprintf(place, sizeof place, "%s%s%s", check->item, check->item[0] == '\0' ? "" : ".", key);
    return config_error(check->lines, place, error, _("\"%s\" must be from %llu to %llu"), place,
                        (unsigned long long)least, (unsigned long long)most);
}

/* ------------------------------------------------------------------ people */

static enum status check_differs(const struct check *check, const struct policy_person *person,
                                 const struct policy_person *other, struct error *error)
{
    const struct {
        const char *key, *a, *b, *words;
    } pairs[] = {
        {"id", person->id, other->id, _("somebody else has the same id")},
        {"key", person->key, other->key, _("somebody else has the same key; nobody shares one")},
        {"system_user", person->system_user, other->system_user,
         _("somebody else has the same system user; nobody shares one")},
    };
    for (size_t i = 0; i < LENGTH(pairs); i++) {
        if (pairs[i].a != NULL && pairs[i].b != NULL && strcmp(pairs[i].a, pairs[i].b) == 0) {
            return wrong(check, pairs[i].key, error, pairs[i].words);
        }
    }
    return STATUS_OK;
}

static enum status check_person(const struct check *check, size_t number, struct error *error)
{
    const struct policy_person *person = &check->policy->people[number];
    enum status status = need_id(check, "id", person->id, error);
    if (status == STATUS_OK) {
        status = need(check, "name", person->name, error);
    }
    if (status == STATUS_OK) {
        status = need(check, "key", person->key, error);
    }
    if (status == STATUS_OK && person->roles == 0) {
        status = wrong(check, "roles", error, _("is missing or empty"));
    }
    if (status == STATUS_OK && (person->roles & ROLE_DATA_MANAGER) != 0) {
        status = need(check, "recipient", person->recipient, error);
    }
    for (size_t i = 0; i < number && status == STATUS_OK; i++) {
        status = check_differs(check, person, &check->policy->people[i], error);
    }
    return status;
}

static enum status check_roles(const struct check *check, struct error *error)
{
    size_t managers = 0, approvers = 0;
    for (size_t i = 0; i < check->policy->people_count; i++) {
        const struct policy_person *person = &check->policy->people[i];
        managers += (person->roles & ROLE_DATA_MANAGER) != 0;
        approvers += policy_may_approve(person);
    }
    const struct policy_approval *approval = &check->policy->approval;
    if (managers == 0) {
        return wrong(check, "people", error, _("there is no data_manager"));
    }
    if ((approval->approvers > 1 || approval->second_above > 0) && approvers < 2) {
        wrong(check, "people", error, _("two approvers are asked for, and there is only one"));
        return error_set_hint(error, "%s", _("Name a deputy."));
    }
    return STATUS_OK;
}

static enum status check_host(const struct check *check, size_t number, struct error *error)
{
    const struct policy_host *host = &check->policy->hosts[number];
    enum status status = need_id(check, "name", host->name, error);
    if (status == STATUS_OK) {
        status = need_hex(check, "key", host->key, error);
    }
    for (size_t i = 0; i < number && status == STATUS_OK; i++) {
        if (strcmp(check->policy->hosts[i].key, host->key) == 0) {
            status = wrong(check, "key", error, _("another host has the same key"));
        }
    }
    return status;
}

/* ------------------------------------------------------------------ data sets */

/* One person has one pseudonym everywhere: a carry counts in the domains that backups count in, so
 * that its persons can be found in them. */
static bool has_domain(const struct policy *policy, const char *domain)
{
    bool found = policy->person_kind_count == 0;
    for (size_t i = 0; i < policy->person_kind_count && !found; i++) {
        const char *known = policy->person_kinds[i].domain;
        found = known != NULL && strcmp(known, domain) == 0;
    }
    return found;
}

static enum status check_person_kind(const struct check *check, size_t number, struct error *error)
{
    const struct policy_person_kind *kind = &check->policy->person_kinds[number];
    enum status status = need_id(check, "domain", kind->domain, error);
    if (status == STATUS_OK) {
        status = need_id(check, "source", kind->source, error);
    }
    return status == STATUS_OK && config_sql_is_empty(kind->sql)
               ? wrong(check, "sql", error, _("is missing or empty"))
               : status;
}

/* Names of SQL parameters and columns, which stand in "NAME=VALUE" and "{column}". */
static enum status check_columns(struct check *check, const struct policy_data_set *set,
                                 struct error *error)
{
    enum status status = STATUS_OK;
    size_t base = strlen(check->item);
    for (size_t i = 0; i < set->parameter_count && status == STATUS_OK; i++) {
        snprintf(check->item + base, sizeof check->item - base, ".parameters[%zu]", i);
        status = need_id(check, "name", set->parameters[i].name, error);
    }
    for (size_t i = 0; i < set->person_count && status == STATUS_OK; i++) {
        snprintf(check->item + base, sizeof check->item - base, ".persons[%zu]", i);
        status = need(check, "column", set->persons[i].column, error);
        if (status == STATUS_OK) {
            status = need_id(check, "domain", set->persons[i].domain, error);
        }
        if (status == STATUS_OK && !has_domain(check->policy, set->persons[i].domain)) {
            status = wrong(check, "domain", error, _("no such domain is in persons"));
        }
    }
    for (size_t i = 0; i < set->field_count && status == STATUS_OK; i++) {
        snprintf(check->item + base, sizeof check->item - base, ".fields[%zu]", i);
        status = need(check, "column", set->fields[i].column, error);
        if (status == STATUS_OK) {
            status = need(check, "class", set->fields[i].class, error);
        }
        if (status == STATUS_OK && policy_find_class(check->policy, set->fields[i].class) == NULL) {
            status = wrong(check, "class", error, _("no such class is in field_classes"));
        }
        /* Of two, only the first would be looked at: the other may be the sensitive one. */
        for (size_t j = 0; j < i && status == STATUS_OK; j++) {
            if (strcmp(set->fields[j].column, set->fields[i].column) == 0) {
                status = wrong(check, "column", error, _("another one has the same name"));
            }
        }
    }
    check->item[base] = '\0';
    return status;
}

/* A scan can show what no column may: its class stands for all of it. */
static enum status check_documents(const struct check *check, const struct policy_data_set *set,
                                   struct error *error)
{
    const bool there = set->documents_source != NULL;
    if ((set->documents_path != NULL) != there) {
        return wrong(check, "documents_path", error,
                     _("documents_source and documents_path go together"));
    }
    if ((set->documents_class != NULL) != there) {
        return wrong(check, "documents_class", error,
                     there ? _("is missing: the documents need a class, as every column does")
                           : _("there are no documents that it is of"));
    }
    return there && policy_find_class(check->policy, set->documents_class) == NULL
               ? wrong(check, "documents_class", error, _("no such class is in field_classes"))
               : STATUS_OK;
}

static enum status check_data_set(const struct check *check, size_t number, struct error *error)
{
    struct check columns = *check;
    const struct policy_data_set *set = &check->policy->data_sets[number];
    enum status status = need_id(check, "name", set->name, error);
    if (status == STATUS_OK) {
        status = need_id(check, "source", set->source, error);
    }
    if (status == STATUS_OK) {
        status = need(check, "sql", set->sql, error);
    }
    if (status == STATUS_OK && set->person_count == 0) {
        status = wrong(check, "persons", error,
                       _("is missing: say which columns identify natural persons"));
    }
    if (status == STATUS_OK && set->field_count == 0) {
        status = wrong(check, "fields", error, _("is missing: every column needs a class"));
    }
    if (status == STATUS_OK) {
        status = check_documents(check, set, error);
    }
    if (status == STATUS_OK) {
        status = within(check, "max_rows", set->max_rows, 1, 1000000, error);
    }
    for (size_t i = 0; i < number && status == STATUS_OK; i++) {
        if (strcmp(check->policy->data_sets[i].name, set->name) == 0) {
            status = wrong(check, "name", error, _("another data set has the same name"));
        }
    }
    return status == STATUS_OK ? check_columns(&columns, set, error) : status;
}

static enum status check_class(const struct check *check, size_t number, struct error *error)
{
    const struct policy_field_class *classes = check->policy->classes;
    enum status status = need_id(check, "name", classes[number].name, error);
    for (size_t i = 0; i < number && status == STATUS_OK; i++) {
        if (strcmp(classes[i].name, classes[number].name) == 0) {
            status = wrong(check, "name", error, _("another one has the same name"));
        }
    }
    return status;
}

/* ------------------------------------------------------------------ places */

static enum status check_destination(const struct check *check, size_t number, struct error *error)
{
    const struct policy_destination *destination = &check->policy->destinations[number];
    enum status status = need(check, "name", destination->name, error);
    if (status == STATUS_OK && destination->recipients[0] == NULL) {
        status = wrong(check, "recipients", error, _("is missing: who reads there?"));
    }
    for (size_t i = 0; i < number && status == STATUS_OK; i++) {
        if (strcmp(check->policy->destinations[i].name, destination->name) == 0) {
            status = wrong(check, "name", error, _("another one has the same name"));
        }
    }
    return status;
}

static enum status check_medium(const struct check *check, size_t number, struct error *error)
{
    const struct policy_medium *medium = &check->policy->media[number];
    enum status status = need_id(check, "id", medium->id, error);
    if (status == STATUS_OK) {
        status = need_hex(check, "fingerprint", medium->fingerprint, error);
    }
    for (size_t i = 0; i < number && status == STATUS_OK; i++) {
        const struct policy_medium *other = &check->policy->media[i];
        if (strcmp(other->id, medium->id) == 0) {
            status = wrong(check, "id", error, _("another medium has the same id"));
        } else if (strcmp(other->fingerprint, medium->fingerprint) == 0) {
            status = wrong(check, "fingerprint", error, _("another medium has the same one"));
        }
    }
    return status;
}

static enum status check_disk(const struct check *check, size_t number, struct error *error)
{
    const struct policy_disk *disk = &check->policy->disks[number];
    enum status status = need(check, "name", disk->name, error);
    if (status == STATUS_OK) {
        status = need_hex(check, "fingerprint", disk->fingerprint, error);
    }
    if (status == STATUS_OK && !disk->store && !disk->output && !disk->staging) {
        status = wrong(check, "roads", error, _("is missing or empty"));
    }
    return status;
}

/* ------------------------------------------------------------------ all */

static enum status check_limits(struct check *check, struct error *error)
{
    const struct policy_limits *limits = &check->policy->limits;
    const struct policy_approval *approval = &check->policy->approval;
    const uint64_t ceiling = limits->absolute_ceiling;
    snprintf(check->item, sizeof check->item, "limits");
    enum status status =
        within(check, "absolute_ceiling", ceiling, 1, POLICY_PERSONS_CEILING, error);
    const struct {
        const char *key;
        uint64_t value, least, most;
    } limited[] = {
        {"max_persons_per_carry", limits->max_persons_per_carry, 1, ceiling},
        {"max_persons_outstanding", limits->max_persons_outstanding, 1, ceiling},
        {"max_persons_outstanding_shop", limits->max_persons_outstanding_shop, 1, ceiling},
        {"rolling_days", limits->rolling_days, 1, 366},
        {"max_persons_rolling_bearer", limits->max_persons_rolling_bearer, 1, ceiling},
        {"max_persons_rolling_shop", limits->max_persons_rolling_shop, 1, ceiling},
        {"max_documents_per_carry", limits->max_documents_per_carry, 0, 100000},
        {"max_persons_repository_copy", limits->max_persons_repository_copy, 0, UINT32_MAX},
        {"max_persons_restore", limits->max_persons_restore, 0, UINT32_MAX},
    };
    for (size_t i = 0; i < LENGTH(limited) && status == STATUS_OK; i++) {
        status = within(check, limited[i].key, limited[i].value, limited[i].least, limited[i].most,
                        error);
    }
    snprintf(check->item, sizeof check->item, "approval");
    if (status == STATUS_OK) {
        status = within(check, "approvers", approval->approvers, 1, 2, error);
    }
    if (status == STATUS_OK) {
        status = within(check, "carry_days", approval->carry_days, 1, 366, error);
    }
    if (status == STATUS_OK) {
        status = within(check, "overdue_grace_days", approval->overdue_grace_days, 0, 366, error);
    }
    check->item[0] = '\0';
    return status;
}

static enum status check_settings(struct check *check, struct error *error)
{
    const struct policy *policy = check->policy;
    enum status status = within(check, "version", policy->version, 1, INT64_MAX, error);
    if (status == STATUS_OK) {
        status = need(check, "shop", policy->shop, error);
    }
    if (status == STATUS_OK) {
        status = need(check, "contact", policy->contact, error);
    }
    if (status == STATUS_OK) {
        status =
            within(check, "report.preliminary_days", policy->report_preliminary_days, 3, 5, error);
    }
    if (status == STATUS_OK) {
        status = within(check, "report.final_days", policy->report_final_days, 1, 60, error);
    }
    if (status == STATUS_OK && policy->purposes[0] == NULL) {
        status = wrong(check, "purposes", error, _("is missing or empty"));
    }
    return status == STATUS_OK ? check_limits(check, error) : status;
}

enum status policy_check(const struct policy *policy, const struct config_lines *lines,
                         struct error *error)
{
    struct check check = {.policy = policy, .lines = lines};
    const struct {
        const char *list;
        size_t count;
        enum status (*item)(const struct check *check, size_t number, struct error *error);
    } lists[] = {
        {"people", policy->people_count, check_person},
        {"hosts", policy->host_count, check_host},
        {"field_classes", policy->class_count, check_class},
        {"destinations", policy->destination_count, check_destination},
        {"persons", policy->person_kind_count, check_person_kind},
        {"data_sets", policy->data_set_count, check_data_set},
        {"media", policy->medium_count, check_medium},
        {"fixed_disks", policy->disk_count, check_disk},
    };
    enum status status = check_settings(&check, error);
    for (size_t i = 0; i < LENGTH(lists) && status == STATUS_OK; i++) {
        for (size_t j = 0; j < lists[i].count && status == STATUS_OK; j++) {
            snprintf(check.item, sizeof check.item, "%s[%zu]", lists[i].list, j);
            status = lists[i].item(&check, j, error);
        }
    }
    check.item[0] = '\0';
    return status == STATUS_OK ? check_roles(&check, error) : status;
}
