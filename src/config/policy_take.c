/* policy_take: from libcyaml's structs to struct policy. Texts stay where libcyaml put them. */
#include "policy_private.h"
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PLACE_SIZE 96 /* "data_sets[999].parameters[999].type" */

#define DEFAULT_CLOCK_TOLERANCE 300
#define DEFAULT_ANCHOR_AGE (UINT64_C(36) * 3600)
#define DEFAULT_TOKEN_LIFETIME (UINT64_C(24) * 3600)
#define DEFAULT_TIMEOUT 60
#define DEFAULT_MAX_ROWS 10000
#define DEFAULT_PRELIMINARY_DAYS 5
#define DEFAULT_FINAL_DAYS 30

/* "90s", "15m", "24h", "7d" in seconds. */
static bool parse_span(uint64_t *seconds, const char *text)
{
    static const struct {
        char letter;
        uint64_t seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
    char *end;
    errno = 0;
    unsigned long long number = strtoull(text, &end, 10);
    if (!isdigit((unsigned char)text[0]) || errno != 0 || number > 1000000) {
        return false;
    }
    for (size_t i = 0; i < LENGTH(units); i++) {
        if (end[0] == units[i].letter && end[1] == '\0') {
            *seconds = number * units[i].seconds;
            return true;
        }
    }
    return false;
}

static enum status take_span(uint64_t *seconds, const char *text, uint64_t otherwise,
                             const char *place, const struct config_lines *lines,
                             struct error *error)
{
    *seconds = otherwise;
    if (text != NULL && !parse_span(seconds, text)) {
        config_error(lines, place, error, _("\"%s\": \"%s\" is not a span of time"), place, text);
        return error_set_hint(error, "%s", _("Write a number and s, m, h or d: 36h."));
    }
    return STATUS_OK;
}

static enum status take_moment(struct moment *moment, const char *text, const char *place,
                               const struct config_lines *lines, struct error *error)
{
    if (text != NULL && !moment_parse(moment, text)) {
        return config_error(lines, place, error, _("\"%s\": \"%s\" is not a date"), place, text);
    }
    return STATUS_OK;
}

/* A word of a few; its index. */
static enum status take_word(unsigned *index, const char *text, const char *const *words,
                             const char *place, const struct config_lines *lines,
                             struct error *error)
{
    char known[128] = "";
    for (unsigned i = 0; words[i] != NULL; i++) {
        if (strcmp(text, words[i]) == 0) {
            *index = i;
            return STATUS_OK;
        }
        size_t used = strlen(known);
        snprintf(known + used, sizeof known - used, "%s%s", i == 0 ? "" : ", ", words[i]);
    }
    return config_error(lines, place, error, _("\"%s\": \"%s\" is none of %s"), place, text, known);
}

static enum status take_list(char ***list, char *const *items, unsigned count, struct error *error)
{
    *list = calloc((size_t)count + 1, sizeof **list);
    if (*list == NULL) {
        return error_set_memory(error);
    }
    if (count > 0) {
        memcpy(*list, items, count * sizeof **list);
    }
    return STATUS_OK;
}

/* An array of so many things, zeroed; NULL without memory, which `error` says. */
static void *new_array(size_t *count, unsigned wanted, size_t size, struct error *error)
{
    void *array = calloc((size_t)wanted + 1, size);
    if (array == NULL) {
        error_set_memory(error);
        return NULL;
    }
    *count = wanted;
    return array;
}

/* ------------------------------------------------------------------ people and hosts */

static enum status take_person(struct policy_person *person, const struct yaml_person *yaml,
                               unsigned number, const struct config_lines *lines,
                               struct error *error)
{
    static const char *const roles[] = {"data_manager", "deputy", "staff", NULL};
    char place[PLACE_SIZE];
    *person = (struct policy_person){.id = yaml->id,
                                     .name = yaml->name,
                                     .key = yaml->key,
                                     .recipient = yaml->recipient,
                                     .system_user = yaml->system_user};
    for (unsigned i = 0; i < yaml->roles_count; i++) {
        unsigned index = 0;
        snprintf(place, sizeof place, "people[%u].roles[%u]", number, i);
        enum status status = take_word(&index, yaml->roles[i], roles, place, lines, error);
        if (status != STATUS_OK) {
            return status;
        }
        person->roles |= 1U << index;
    }
    snprintf(place, sizeof place, "people[%u].until", number);
    return take_moment(&person->until, yaml->until, place, lines, error);
}

static enum status take_people(struct policy *policy, const struct yaml_policy *yaml,
                               const struct config_lines *lines, struct error *error)
{
    policy->people =
        new_array(&policy->people_count, yaml->people_count, sizeof *policy->people, error);
    enum status status = policy->people == NULL ? error->status : STATUS_OK;
    for (unsigned i = 0; i < yaml->people_count && status == STATUS_OK; i++) {
        status = take_person(&policy->people[i], &yaml->people[i], i, lines, error);
    }
    if (status == STATUS_OK) {
        policy->hosts =
            new_array(&policy->host_count, yaml->hosts_count, sizeof *policy->hosts, error);
        status = policy->hosts == NULL ? error->status : STATUS_OK;
    }
    for (unsigned i = 0; i < yaml->hosts_count && status == STATUS_OK; i++) {
        policy->hosts[i] = (struct policy_host){yaml->hosts[i].name, yaml->hosts[i].key};
    }
    return status;
}

/* ------------------------------------------------------------------ data sets */

static enum status take_parameters(struct policy_data_set *set, const struct yaml_data_set *yaml,
                                   unsigned number, const struct config_lines *lines,
                                   struct error *error)
{
    static const char *const types[] = {"text", "integer", "date", NULL};
    set->parameters =
        new_array(&set->parameter_count, yaml->parameters_count, sizeof *set->parameters, error);
    enum status status = set->parameters == NULL ? error->status : STATUS_OK;
    for (unsigned i = 0; i < yaml->parameters_count && status == STATUS_OK; i++) {
        const struct yaml_parameter *from = &yaml->parameters[i];
        unsigned type = PARAMETER_TEXT;
        char place[PLACE_SIZE];
        snprintf(place, sizeof place, "data_sets[%u].parameters[%u].type", number, i);
        if (from->type != NULL) {
            status = take_word(&type, from->type, types, place, lines, error);
        }
        set->parameters[i] =
            (struct policy_parameter){from->name, (enum policy_parameter_type)type};
    }
    return status;
}

static enum status take_columns(struct policy_data_set *set, const struct yaml_data_set *yaml,
                                struct error *error)
{
    set->persons = new_array(&set->person_count, yaml->persons_count, sizeof *set->persons, error);
    enum status status = set->persons == NULL ? error->status : STATUS_OK;
    for (unsigned i = 0; i < yaml->persons_count && status == STATUS_OK; i++) {
        const struct yaml_person_column *from = &yaml->persons[i];
        set->persons[i] =
            (struct policy_person_column){from->column, from->domain, from->unlinked != 0};
    }
    if (status == STATUS_OK) {
        set->fields = new_array(&set->field_count, yaml->fields_count, sizeof *set->fields, error);
        status = set->fields == NULL ? error->status : STATUS_OK;
    }
    for (unsigned i = 0; i < yaml->fields_count && status == STATUS_OK; i++) {
        set->fields[i] = (struct policy_field){yaml->fields[i].column, yaml->fields[i].class};
    }
    return status;
}

static enum status take_data_set(struct policy_data_set *set, const struct yaml_data_set *yaml,
                                 unsigned number, const struct config_lines *lines,
                                 struct error *error)
{
    char place[PLACE_SIZE];
    *set = (struct policy_data_set){
        .name = yaml->name,
        .source = yaml->source,
        .sql = yaml->sql,
        .documents_source = yaml->documents_source,
        .documents_path = yaml->documents_path,
        .documents_class = yaml->documents_class,
        .max_rows = yaml->max_rows == 0 ? DEFAULT_MAX_ROWS : yaml->max_rows,
    };
    uint64_t seconds = 0;
    snprintf(place, sizeof place, "data_sets[%u].timeout", number);
    enum status status = take_span(&seconds, yaml->timeout, DEFAULT_TIMEOUT, place, lines, error);
    set->timeout = seconds > 86400 ? 86400 : (unsigned)seconds;
    if (status == STATUS_OK) {
        status = take_parameters(set, yaml, number, lines, error);
    }
    return status == STATUS_OK ? take_columns(set, yaml, error) : status;
}

static enum status take_data_sets(struct policy *policy, const struct yaml_policy *yaml,
                                  const struct config_lines *lines, struct error *error)
{
    policy->classes =
        new_array(&policy->class_count, yaml->field_classes_count, sizeof *policy->classes, error);
    enum status status = policy->classes == NULL ? error->status : STATUS_OK;
    for (unsigned i = 0; i < yaml->field_classes_count && status == STATUS_OK; i++) {
        policy->classes[i] = (struct policy_field_class){yaml->field_classes[i].name,
                                                         yaml->field_classes[i].sensitive != 0};
    }
    if (status == STATUS_OK) {
        policy->data_sets = new_array(&policy->data_set_count, yaml->data_sets_count,
                                      sizeof *policy->data_sets, error);
        status = policy->data_sets == NULL ? error->status : STATUS_OK;
    }
    for (unsigned i = 0; i < yaml->data_sets_count && status == STATUS_OK; i++) {
        status = take_data_set(&policy->data_sets[i], &yaml->data_sets[i], i, lines, error);
    }
    return status;
}

/* ------------------------------------------------------------------ places */

static enum status take_destinations(struct policy *policy, const struct yaml_policy *yaml,
                                     struct error *error)
{
    policy->destinations = new_array(&policy->destination_count, yaml->destinations_count,
                                     sizeof *policy->destinations, error);
    enum status status = policy->destinations == NULL ? error->status : STATUS_OK;
    for (unsigned i = 0; i < yaml->destinations_count && status == STATUS_OK; i++) {
        const struct yaml_destination *from = &yaml->destinations[i];
        policy->destinations[i].name = from->name;
        status = take_list(&policy->destinations[i].recipients, from->recipients,
                           from->recipients_count, error);
    }
    return status;
}

static enum status take_media(struct policy *policy, const struct yaml_policy *yaml,
                              const struct config_lines *lines, struct error *error)
{
    static const char *const words[] = {"active", "retired", "lost", NULL};
    policy->media =
        new_array(&policy->medium_count, yaml->media_count, sizeof *policy->media, error);
    enum status status = policy->media == NULL ? error->status : STATUS_OK;
    for (unsigned i = 0; i < yaml->media_count && status == STATUS_OK; i++) {
        const struct yaml_medium *from = &yaml->media[i];
        unsigned index = MEDIUM_ACTIVE;
        char place[PLACE_SIZE];
        snprintf(place, sizeof place, "media[%u].status", i);
        if (from->status != NULL) {
            status = take_word(&index, from->status, words, place, lines, error);
        }
        policy->media[i] = (struct policy_medium){.id = from->id,
                                                  .fingerprint = from->fingerprint,
                                                  .status = (enum policy_medium_status)index,
                                                  .kept_at = from->kept_at};
    }
    return status;
}

static enum status take_disks(struct policy *policy, const struct yaml_policy *yaml,
                              const struct config_lines *lines, struct error *error)
{
    static const char *const roads[] = {"store", "output", "staging", NULL};
    policy->disks =
        new_array(&policy->disk_count, yaml->fixed_disks_count, sizeof *policy->disks, error);
    enum status status = policy->disks == NULL ? error->status : STATUS_OK;
    for (unsigned i = 0; i < yaml->fixed_disks_count && status == STATUS_OK; i++) {
        const struct yaml_disk *from = &yaml->fixed_disks[i];
        struct policy_disk *disk = &policy->disks[i];
        bool *const flags[] = {&disk->store, &disk->output, &disk->staging};
        disk->name = from->name;
        disk->fingerprint = from->fingerprint;
        for (unsigned j = 0; j < from->roads_count && status == STATUS_OK; j++) {
            unsigned index = 0;
            char place[PLACE_SIZE];
            snprintf(place, sizeof place, "fixed_disks[%u].roads[%u]", i, j);
            status = take_word(&index, from->roads[j], roads, place, lines, error);
            *flags[index] = status == STATUS_OK;
        }
    }
    return status;
}

/* ------------------------------------------------------------------ all */

static enum status take_settings(struct policy *policy, const struct yaml_policy *yaml,
                                 const struct config_lines *lines, struct error *error)
{
    policy->version = yaml->version;
    policy->shop = yaml->shop;
    policy->manager_title = yaml->manager_title;
    policy->contact = yaml->contact;
    policy->limits = yaml->limits;
    policy->approval = (struct policy_approval){
        .approvers = yaml->approval.approvers == 0 ? 1 : yaml->approval.approvers,
        .second_above = yaml->approval.second_above,
        .carry_days = yaml->approval.carry_days,
        .overdue_grace_days = yaml->approval.overdue_grace_days,
    };
    policy->report_preliminary_days = yaml->report.preliminary_days == 0
                                          ? DEFAULT_PRELIMINARY_DAYS
                                          : yaml->report.preliminary_days;
    policy->report_final_days =
        yaml->report.final_days == 0 ? DEFAULT_FINAL_DAYS : yaml->report.final_days;
    enum status status =
        take_moment(&policy->valid_from, yaml->valid_from, "valid_from", lines, error);
    if (status == STATUS_OK) {
        status = take_span(&policy->clock_tolerance, yaml->clock_tolerance, DEFAULT_CLOCK_TOLERANCE,
                           "clock_tolerance", lines, error);
    }
    if (status == STATUS_OK) {
        status = take_span(&policy->anchor_age, yaml->anchor_age, DEFAULT_ANCHOR_AGE, "anchor_age",
                           lines, error);
    }
    if (status == STATUS_OK) {
        status = take_span(&policy->approval.token_lifetime, yaml->approval.token_lifetime,
                           DEFAULT_TOKEN_LIFETIME, "approval.token_lifetime", lines, error);
    }
    return status;
}

static enum status take_person_kinds(struct policy *policy, const struct yaml_policy *yaml,
                                     struct error *error)
{
    policy->person_kinds = new_array(&policy->person_kind_count, yaml->persons_count,
                                     sizeof *policy->person_kinds, error);
    if (policy->person_kinds == NULL) {
        return error->status;
    }
    for (unsigned i = 0; i < yaml->persons_count; i++) {
        const struct yaml_person_kind *kind = &yaml->persons[i];
        policy->person_kinds[i] =
            (struct policy_person_kind){kind->domain, kind->source, kind->sql};
    }
    return STATUS_OK;
}

enum status policy_take(struct policy *policy, const struct yaml_policy *yaml,
                        const struct config_lines *lines, struct error *error)
{
    enum status status = take_settings(policy, yaml, lines, error);
    if (status == STATUS_OK) {
        status = take_people(policy, yaml, lines, error);
    }
    if (status == STATUS_OK) {
        status = take_list(&policy->purposes, yaml->purposes, yaml->purposes_count, error);
    }
    if (status == STATUS_OK) {
        status = take_destinations(policy, yaml, error);
    }
    if (status == STATUS_OK) {
        status = take_data_sets(policy, yaml, lines, error);
    }
    if (status == STATUS_OK) {
        status = take_person_kinds(policy, yaml, error);
    }
    if (status == STATUS_OK) {
        status = take_media(policy, yaml, lines, error);
    }
    return status == STATUS_OK ? take_disks(policy, yaml, lines, error) : status;
}
