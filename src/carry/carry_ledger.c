/* carry_ledger: the audit log, folded: which carries there are, in what state, and what is spent.
 * The log has been verified when it was opened; a record that does not fit is damage all the same.
 */
#include "kura/carry.h"
#include "shared.h"
#include <stdlib.h>
#include <string.h>

struct fold {
    struct carry_ledger *ledger;
    struct carry_record *carry; /* that the record is about, or NULL */
    const struct audit_record *record;
};

/* ------------------------------------------------------------------ facts */

static enum status bad_record(const struct fold *fold, const char *fact, struct error *error)
{
    return error_set(error, STATUS_CORRUPT, 0,
                     _("audit log: record %llu (%s) has no usable \"%s\""),
                     (unsigned long long)fold->record->number, fold->record->event, fact);
}

static const char *fact_text(const struct fold *fold, const char *name)
{
    return json_string_value(json_object_get(fold->record->json, name));
}

static enum status take_chars(char *target, size_t size, const struct fold *fold, const char *name,
                              struct error *error)
{
    const char *text = fact_text(fold, name);
    if (text == NULL || strlen(text) >= size) {
        return bad_record(fold, name, error);
    }
    memcpy(target, text, strlen(text) + 1);
    return STATUS_OK;
}

static enum status take_text(char **target, const struct fold *fold, const char *name,
                             struct error *error)
{
    const char *text = fact_text(fold, name);
    if (text == NULL) {
        return bad_record(fold, name, error);
    }
    free(*target);
    *target = strdup(text);
    return *target == NULL ? error_set_memory(error) : STATUS_OK;
}

static enum status take_number(uint64_t *target, const struct fold *fold, const char *name,
                               struct error *error)
{
    const json_t *value = json_object_get(fold->record->json, name);
    if (!json_is_integer(value) || json_integer_value(value) < 0) {
        return bad_record(fold, name, error);
    }
    *target = (uint64_t)json_integer_value(value);
    return STATUS_OK;
}

static enum status take_digest(unsigned char target[DIGEST_SIZE], const struct fold *fold,
                               const char *name, struct error *error)
{
    const char *text = fact_text(fold, name);
    return text != NULL && hex_decode(target, DIGEST_SIZE, text, strlen(text))
               ? STATUS_OK
               : bad_record(fold, name, error);
}

static enum status take_list(char ***target, const struct fold *fold, const char *name,
                             struct error *error)
{
    const json_t *array = json_object_get(fold->record->json, name);
    size_t count = json_array_size(array);
    if (!json_is_array(array)) {
        return bad_record(fold, name, error);
    }
    carry_texts_free(*target);
    *target = calloc(count + 1, sizeof **target);
    if (*target == NULL) {
        return error_set_memory(error);
    }
    for (size_t i = 0; i < count; i++) {
        const char *text = json_string_value(json_array_get(array, i));
        if (text == NULL) {
            return bad_record(fold, name, error);
        }
        (*target)[i] = strdup(text);
        if ((*target)[i] == NULL) {
            return error_set_memory(error);
        }
    }
    return STATUS_OK;
}

/* ------------------------------------------------------------------ growing */

/* Room for one more thing of `size` bytes, zeroed. */
static enum status grow(void *array, size_t count, size_t size, struct error *error)
{
    void *memory;
    memcpy(&memory, array, sizeof memory);
    if ((count & (count + 1)) == 0) { /* 0, 1, 3, 7, …: double */
        void *more = reallocarray(memory, 2 * count + 1, size);
        if (more == NULL) {
            return error_set_memory(error);
        }
        memory = more;
        memcpy(array, &memory, sizeof memory);
    }
    memset((unsigned char *)memory + count * size, 0, size);
    return STATUS_OK;
}

static enum status spend(struct carry_ledger *ledger, const char *jti, struct error *error)
{
    enum status status = grow(&ledger->spent, ledger->spent_count, sizeof *ledger->spent, error);
    if (status != STATUS_OK) {
        return status;
    }
    ledger->spent[ledger->spent_count] = strdup(jti);
    if (ledger->spent[ledger->spent_count] == NULL) {
        return error_set_memory(error);
    }
    ledger->spent_count++;
    return STATUS_OK;
}

static enum status find_medium(struct carry_medium_state **medium, struct fold *fold,
                               struct error *error)
{
    struct carry_ledger *ledger = fold->ledger;
    const struct carry_medium_state *found = carry_find_medium(ledger, fact_text(fold, "medium"));
    if (found != NULL) {
        *medium = &ledger->media[found - ledger->media];
        return STATUS_OK;
    }
    enum status status = grow(&ledger->media, ledger->medium_count, sizeof *ledger->media, error);
    if (status != STATUS_OK) {
        return status;
    }
    *medium = &ledger->media[ledger->medium_count++];
    return take_chars((*medium)->id, sizeof(*medium)->id, fold, "medium", error);
}

/* ------------------------------------------------------------------ events */

static enum status on_root(struct fold *fold, struct error *error)
{
    const char *text = fact_text(fold, "key");
    if (text == NULL ||
        minisign_public_parse(&fold->ledger->root, text, strlen(text), error) != STATUS_OK) {
        return bad_record(fold, "key", error);
    }
    fold->ledger->has_root = true;
    return STATUS_OK;
}

static enum status on_policy(struct fold *fold, struct error *error)
{
    uint64_t version = 0;
    enum status status = take_number(&version, fold, "version", error);
    if (status != STATUS_OK || version < fold->ledger->policy_version) {
        return status;
    }
    fold->ledger->policy_version = version;
    return take_digest(fold->ledger->policy_digest, fold, "digest", error);
}

static enum status take_counts(struct carry_record *carry, const struct fold *fold,
                               struct error *error)
{
    const struct {
        const char *name;
        uint64_t *target;
    } numbers[] = {{"persons", &carry->persons},
                   {"rows", &carry->rows},
                   {"documents", &carry->documents},
                   {"artefact_size", &carry->artefact_size}};
    enum status status = STATUS_OK;
    for (size_t i = 0; i < LENGTH(numbers) && status == STATUS_OK; i++) {
        status = take_number(numbers[i].target, fold, numbers[i].name, error);
    }
    if (status == STATUS_OK) {
        status = take_digest(carry->artefact, fold, "artefact", error);
    }
    return status == STATUS_OK ? take_digest(carry->request, fold, "request", error) : status;
}

static enum status take_words(struct carry_record *carry, const struct fold *fold,
                              struct error *error)
{
    enum status status = take_chars(carry->bearer, sizeof carry->bearer, fold, "by", error);
    if (status == STATUS_OK) {
        status = take_chars(carry->medium, sizeof carry->medium, fold, "medium", error);
    }
    if (status == STATUS_OK) {
        status = take_chars(carry->format, sizeof carry->format, fold, "format", error);
    }
    if (status == STATUS_OK) {
        status = take_text(&carry->data_set, fold, "data_set", error);
    }
    if (status == STATUS_OK) {
        status = take_text(&carry->purpose, fold, "purpose", error);
    }
    if (status == STATUS_OK) {
        status = take_text(&carry->destination, fold, "destination", error);
    }
    if (status == STATUS_OK) {
        status = take_list(&carry->fields, fold, "fields", error);
    }
    return status == STATUS_OK ? take_list(&carry->recipients, fold, "recipients", error) : status;
}

static enum status on_request(struct fold *fold, struct error *error)
{
    struct carry_ledger *ledger = fold->ledger;
    if (fold->carry != NULL) {
        return bad_record(fold, "carry", error);
    }
    enum status status = grow(&ledger->carries, ledger->count, sizeof *ledger->carries, error);
    if (status != STATUS_OK) {
        return status;
    }
    struct carry_record *carry = &ledger->carries[ledger->count++];
    carry->state = CARRY_REQUESTED;
    carry->requested = fold->record->time;
    status = take_chars(carry->id, sizeof carry->id, fold, "carry", error);
    if (status == STATUS_OK) {
        status = take_words(carry, fold, error);
    }
    if (status == STATUS_OK) {
        status = take_counts(carry, fold, error);
    }
    const char *due = fact_text(fold, "due");
    if (status == STATUS_OK && (due == NULL || !moment_parse(&carry->due, due))) {
        status = bad_record(fold, "due", error);
    }
    return status;
}

static enum status on_approve(struct fold *fold, struct error *error)
{
    struct carry_record *carry = fold->carry;
    const char *by = fact_text(fold, "by");
    /* The same person again: an export that ended between the approval's record and its own. */
    const bool again = by != NULL && strcmp(carry->approvers[0], by) == 0;
    size_t slot = carry->approvers[0][0] == '\0' || again ? 0 : 1;
    carry->approved = fold->record->time;
    carry->state = carry->state == CARRY_REQUESTED ? CARRY_APPROVED : carry->state;
    return take_chars(carry->approvers[slot], sizeof carry->approvers[slot], fold, "by", error);
}

static enum status on_reserve(struct fold *fold, struct error *error)
{
    const json_t *list = json_object_get(fold->record->json, "jti");
    if (!json_is_array(list)) {
        return bad_record(fold, "jti", error);
    }
    enum status status = STATUS_OK;
    for (size_t i = 0; i < json_array_size(list) && status == STATUS_OK; i++) {
        const char *jti = json_string_value(json_array_get(list, i));
        status = jti == NULL ? bad_record(fold, "jti", error) : spend(fold->ledger, jti, error);
    }
    fold->carry->state = CARRY_RESERVED;
    fold->carry->reserved = fold->record->time;
    return status;
}

static enum status on_word(struct fold *fold, struct error *error)
{
    const char *event = fold->record->event;
    struct carry_record *carry = fold->carry;
    const struct moment now = fold->record->time;
    if (strcmp(event, "carry.write") == 0) {
        carry->state = CARRY_WRITTEN;
    } else if (strcmp(event, "carry.out") == 0) {
        carry->state = CARRY_OUT;
        carry->out = now;
    } else if (strcmp(event, "carry.interrupt") == 0) {
        carry->state = CARRY_INTERRUPTED;
    } else if (strcmp(event, "carry.deny") == 0) {
        carry->state = CARRY_DENIED;
    } else if (strcmp(event, "carry.lost") == 0) {
        /* Told twice: the time when it was learned, from which the deadlines run, stays. */
        carry->lost = carry->state == CARRY_LOST ? carry->lost : now;
        carry->state = CARRY_LOST;
    } else if (strcmp(event, "carry.found") == 0) {
        carry->state = CARRY_FOUND;
        carry->found = now;
    } else {
        return bad_record(fold, "event", error);
    }
    return STATUS_OK;
}

/* A revocation kills the approval; what is out already stays out. */
static enum status on_revoke(struct fold *fold, struct error *error)
{
    const char *jti = fact_text(fold, "jti");
    if (fold->carry->state == CARRY_REQUESTED || fold->carry->state == CARRY_APPROVED) {
        fold->carry->state = CARRY_REVOKED;
    }
    return jti == NULL ? STATUS_OK : spend(fold->ledger, jti, error);
}

static enum status on_return(struct fold *fold, struct error *error)
{
    struct carry_record *carry = fold->carry;
    bool erased = strcmp(fold->record->event, "carry.erase") == 0;
    carry->state = erased ? CARRY_ERASED : CARRY_RETURNED;
    *(erased ? &carry->erased : &carry->returned) = fold->record->time;
    return take_chars(carry->confirmer, sizeof carry->confirmer, fold, "by", error);
}

static enum status on_label(struct fold *fold, struct error *error)
{
    struct carry_medium_state *medium = NULL;
    enum status status = find_medium(&medium, fold, error);
    if (status == STATUS_OK) {
        status = take_chars(medium->label, sizeof medium->label, fold, "label", error);
        medium->replaced[0] = '\0';
    }
    return status == STATUS_OK && fact_text(fold, "replaces") != NULL
               ? take_chars(medium->replaced, sizeof medium->replaced, fold, "replaces", error)
               : status;
}

static enum status on_retire(struct fold *fold, struct error *error)
{
    struct carry_medium_state *medium = NULL;
    enum status status = find_medium(&medium, fold, error);
    if (status == STATUS_OK) {
        medium->retired = true;
    }
    return status;
}

static const struct {
    const char *event;
    enum status (*fold)(struct fold *fold, struct error *error);
    bool about_carry; /* one that was requested before */
} events[] = {
    {"policy.root", on_root, false},      {"policy", on_policy, false},
    {"carry.request", on_request, false}, {"carry.approve", on_approve, true},
    {"carry.reserve", on_reserve, true},  {"carry.write", on_word, true},
    {"carry.out", on_word, true},         {"carry.interrupt", on_word, true},
    {"carry.deny", on_word, true},        {"carry.revoke", on_revoke, true},
    {"carry.return", on_return, true},    {"carry.erase", on_return, true},
    {"carry.lost", on_word, true},        {"carry.found", on_word, true},
    {"medium.enrol", on_label, false},    {"medium.label", on_label, false},
    {"medium.retire", on_retire, false},
};

static enum status visit(void *context, const struct audit_record *record, struct error *error)
{
    struct fold fold = {.ledger = context, .record = record};
    if (strcmp(record->event, "clock.accept") == 0 ||
        moment_compare(record->time, fold.ledger->newest) > 0) {
        fold.ledger->newest = record->time;
    }
    for (size_t i = 0; i < LENGTH(events); i++) {
        if (strcmp(events[i].event, record->event) != 0) {
            continue;
        }
        const struct carry_record *found = carry_find(fold.ledger, fact_text(&fold, "carry"));
        fold.carry = found == NULL ? NULL : &fold.ledger->carries[found - fold.ledger->carries];
        if (events[i].about_carry && fold.carry == NULL) {
            return bad_record(&fold, "carry", error);
        }
        return events[i].fold(&fold, error);
    }
    return STATUS_OK; /* not about carries */
}

/* ------------------------------------------------------------------ the ledger */

enum status carry_ledger_read(struct carry_ledger *ledger, const struct audit *audit,
                              struct error *error)
{
    *ledger = (struct carry_ledger){0};
    enum status status = audit_walk(audit, visit, ledger, error);
    if (status != STATUS_OK) {
        carry_ledger_free(ledger);
    }
    return status;
}

void carry_ledger_free(struct carry_ledger *ledger)
{
    for (size_t i = 0; i < ledger->count; i++) {
        struct carry_record *carry = &ledger->carries[i];
        free(carry->data_set);
        free(carry->purpose);
        free(carry->destination);
        carry_texts_free(carry->fields);
        carry_texts_free(carry->recipients);
    }
    for (size_t i = 0; i < ledger->spent_count; i++) {
        free(ledger->spent[i]);
    }
    free(ledger->carries);
    free(ledger->spent);
    free(ledger->media);
    *ledger = (struct carry_ledger){0};
}
