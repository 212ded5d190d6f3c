/* policy_read: from the text of policy.yaml to a checked struct policy, and finding things in it.
 */
#include "policy_private.h"
#include <stdlib.h>
#include <string.h>

static enum status read_lines(struct policy *policy, const void *text, size_t size,
                              const struct config_lines *lines, struct error *error)
{
    void *loaded;
    enum status status = config_load(&loaded, &policy_schema, text, size, lines, error);
    policy->loaded = loaded;
    if (status != STATUS_OK) {
        return status;
    }
    const struct yaml_policy empty = {0};
    status = policy_take(policy, loaded == NULL ? &empty : loaded, lines, error);
    return status == STATUS_OK ? policy_check(policy, lines, error) : status;
}

enum status policy_parse(struct policy *policy, const void *text, size_t size, const char *name,
                         struct error *error)
{
    *policy = (struct policy){0};
    CLEANUP(config_lines_free) struct config_lines lines = {.file = name};
    if (size > POLICY_SIZE_LIMIT) {
        return error_set(error, STATUS_USAGE, 0, _("%s is larger than %zu bytes"), name,
                         POLICY_SIZE_LIMIT);
    }
    enum status status = config_lines_read(&lines, text, size, error);
    if (status == STATUS_OK) {
        status = read_lines(policy, text, size, &lines, error);
    }
    if (status != STATUS_OK) {
        policy_free(policy);
    }
    return status;
}

void policy_free(struct policy *policy)
{
    for (size_t i = 0; i < policy->data_set_count; i++) {
        free(policy->data_sets[i].parameters);
        free(policy->data_sets[i].persons);
        free(policy->data_sets[i].fields);
    }
    for (size_t i = 0; i < policy->destination_count; i++) {
        free(policy->destinations[i].recipients);
    }
    free(policy->people);
    free(policy->hosts);
    free(policy->purposes);
    free(policy->destinations);
    free(policy->classes);
    free(policy->data_sets);
    free(policy->person_kinds);
    free(policy->media);
    free(policy->disks);
    config_unload(policy->loaded, &policy_schema);
    *policy = (struct policy){0};
}

bool policy_may_approve(const struct policy_person *person)
{
    return person != NULL && (person->roles & (ROLE_DATA_MANAGER | ROLE_DEPUTY)) != 0;
}

bool policy_key_ended(const struct policy_person *person, struct moment now)
{
    return person->until.seconds != 0 && moment_compare(now, person->until) >= 0;
}

/* NULL fits nothing: what is not given is not the same as something else that is not given. */
static bool same(const char *a, const char *b)
{
    return a != NULL && b != NULL && strcmp(a, b) == 0;
}

#define FIND(items, count, member, wanted)                                                         \
    do {                                                                                           \
        for (size_t i = 0; i < (count); i++) {                                                     \
            if (same((items)[i].member, wanted)) {                                                 \
                return &(items)[i];                                                                \
            }                                                                                      \
        }                                                                                          \
        return NULL;                                                                               \
    } while (0)

const struct policy_person *policy_find_person(const struct policy *policy, const char *id)
{
    FIND(policy->people, policy->people_count, id, id);
}

const struct policy_person *policy_find_user(const struct policy *policy, const char *system_user)
{
    FIND(policy->people, policy->people_count, system_user, system_user);
}

const struct policy_host *policy_find_host(const struct policy *policy, const char *key)
{
    FIND(policy->hosts, policy->host_count, key, key);
}

const struct policy_data_set *policy_find_data_set(const struct policy *policy, const char *name)
{
    FIND(policy->data_sets, policy->data_set_count, name, name);
}

const struct policy_field_class *policy_find_class(const struct policy *policy, const char *name)
{
    FIND(policy->classes, policy->class_count, name, name);
}

const struct policy_destination *policy_find_destination(const struct policy *policy,
                                                         const char *name)
{
    FIND(policy->destinations, policy->destination_count, name, name);
}

const struct policy_medium *policy_find_medium(const struct policy *policy, const char *id)
{
    FIND(policy->media, policy->medium_count, id, id);
}

const struct policy_disk *policy_find_disk(const struct policy *policy, const char *fingerprint)
{
    FIND(policy->disks, policy->disk_count, fingerprint, fingerprint);
}
