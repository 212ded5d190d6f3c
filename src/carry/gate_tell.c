/* gate_tell: words about a carry that change no bytes: denied, revoked, lost, found; and the list
 * of all carries. */
#include "gate_private.h"
#include "papers.h"
#include "shared.h"
#include <stdlib.h>
#include <string.h>

struct telling {
    struct gate *gate;
    struct carry_word word;
    char by[POLICY_NAME_SIZE];
    bool manager; /* who says it is data manager or deputy */
};

static void telling_end(struct telling *telling)
{
    carry_word_free(&telling->word);
}

/* A loss must be told at once, by whoever is there: without a key, the login says who it was. It
 * needs no policy either: what stops carries must not keep a report back. */
static enum status take_unsigned(struct telling *telling, const json_t *json, struct error *error)
{
    const char *kind = gate_text(json, "word_kind", 16);
    const char *carry = gate_text(json, "carry", CARRY_ID_SIZE - 1);
    const char *note = gate_text(json, "note", 4096);
    if (kind == NULL || carry == NULL ||
        (strcmp(kind, "lost") != 0 && strcmp(kind, "found") != 0)) {
        return gate_malformed(error);
    }
    telling->word.kind = strcmp(kind, "lost") == 0 ? WORD_LOST : WORD_FOUND;
    telling->word.note = note == NULL ? NULL : strdup(note);
    memcpy(telling->word.carry, carry, strlen(carry) + 1);
    memcpy(telling->by, gate_caller_name(telling->gate),
           strlen(gate_caller_name(telling->gate)) + 1);
    telling->manager = telling->gate->trusted;
    return STATUS_OK;
}

static enum status need_policy(const struct telling *telling, struct error *error)
{
    if (!telling->gate->has_policy) {
        *error = telling->gate->policy_problem;
        return error->status;
    }
    return STATUS_OK;
}

static enum status take_word(struct telling *telling, const json_t *json, struct error *error)
{
    const char *token = gate_text(json, "word", PASETO_SIZE_LIMIT);
    const struct policy *policy = &telling->gate->policy.policy;
    enum status status =
        token == NULL ? take_unsigned(telling, json, error) : need_policy(telling, error);
    if (token == NULL) {
        return status == STATUS_OK && telling->word.kind != WORD_LOST ? need_policy(telling, error)
                                                                      : status;
    }
    if (status == STATUS_OK) {
        status = carry_word_open(&telling->word, token, strlen(token), policy, error);
    }
    if (status != STATUS_OK) {
        return status;
    }
    const struct policy_person *person = policy_find_person(policy, telling->word.person);
    telling->manager = policy_may_approve(person);
    memcpy(telling->by, telling->word.person, sizeof telling->by);
    return STATUS_OK;
}

static const struct {
    const char *event;
    bool managers_only, must_be_out;
} kinds[] = {
    [WORD_DENY] = {"carry.deny", true, false}, [WORD_REVOKE] = {"carry.revoke", true, false},
    [WORD_RETURN] = {NULL, false, false}, /* a step of its own */
    [WORD_LOST] = {"carry.lost", false, true}, [WORD_FOUND] = {"carry.found", false, true},
    [WORD_CLOCK] = {NULL, false, false}, /* a step of its own, too */
};

static enum status check(const struct telling *telling, struct error *error)
{
    const enum carry_word_kind kind = telling->word.kind;
    const struct carry_record *carry = carry_find(&telling->gate->ledger, telling->word.carry);
    if (kinds[kind].event == NULL) {
        return carry_refuse(error, "word", _("the signed word is for something else"));
    }
    if (carry == NULL) {
        return carry_refuse(error, "carry-state", _("this host does not know the carry"));
    }
    if (kinds[kind].managers_only && !telling->manager) {
        return carry_refuse(error, "role", _("this is for the data manager or a deputy"));
    }
    if (kinds[kind].managers_only &&
        gate_need_valid(telling->gate, telling->word.person, error) != STATUS_OK) {
        return error->status;
    }
    if (kinds[kind].must_be_out && !carry_is_out(carry)) {
        return carry_refuse(error, "carry-state", _("this carry is not out"));
    }
    if (kind == WORD_FOUND && carry->state != CARRY_LOST) {
        return carry_refuse(error, "carry-state", _("this carry was not lost"));
    }
    if (kind == WORD_DENY && carry->state != CARRY_REQUESTED && carry->state != CARRY_APPROVED) {
        return carry_refuse(error, "carry-state", _("this carry is not waiting for approval"));
    }
    return STATUS_OK;
}

/* Denied or revoked, the staged artefact is of no use any more. */
static enum status drop_artefact(const struct telling *telling, struct error *error)
{
    CLEANUP(memory_free) char *path = NULL;
    const struct carry_record *carry = carry_find(&telling->gate->ledger, telling->word.carry);
    if (carry == NULL || (carry->state != CARRY_DENIED && carry->state != CARRY_REVOKED)) {
        return STATUS_OK;
    }
    enum status status = gate_path(&path, telling->gate, telling->word.carry, "artefact", error);
    return status == STATUS_OK && remove(path) == 0 ? STATUS_OK : status;
}

static enum status answer(const struct telling *telling, struct error *error)
{
    CLEANUP(buffer_free) struct buffer report = {0};
    const struct gate *gate = telling->gate;
    const struct carry_record *carry = carry_find(&gate->ledger, telling->word.carry);
    if (telling->word.kind != WORD_LOST) {
        return gate_answer(
            gate,
            json_pack("{s:s,s:s}", "carry", carry->id, "state", carry_state_name(carry->state)),
            error);
    }
    enum status status = paper_incident(&report, &gate->policy.policy, carry, carry->lost,
                                        telling->word.note, error);
    return status == STATUS_OK
               ? gate_answer(gate,
                             json_pack("{s:s,s:s,s:s%}", "carry", carry->id, "state",
                                       carry_state_name(carry->state), "report",
                                       (const char *)report.data, report.size),
                             error)
               : status;
}

static enum status run(struct telling *telling, const json_t *json, struct error *error)
{
    const char *jti = NULL;
    enum status status = take_word(telling, json, error);
    if (status == STATUS_OK) {
        status = check(telling, error);
    }
    if (status == STATUS_OK) {
        jti = telling->word.approval[0] == '\0' ? NULL : telling->word.approval;
        const char *login = telling->word.person[0] == '\0' ? telling->gate->login : NULL;
        status = gate_record(telling->gate, kinds[telling->word.kind].event,
                             json_pack("{s:s,s:s,s:s*,s:s*,s:s*}", "carry", telling->word.carry,
                                       "by", telling->by, "login", login, "jti", jti, "note",
                                       telling->word.note),
                             error);
    }
    if (status == STATUS_OK) {
        status = gate_refresh(telling->gate, error);
    }
    if (status == STATUS_OK) {
        status = drop_artefact(telling, error);
    }
    return status == STATUS_OK ? answer(telling, error) : status;
}

enum status gate_step_tell(struct gate *gate, struct gate_message *message, struct error *error)
{
    CLEANUP(telling_end) struct telling telling = {.gate = gate};
    enum status status = run(&telling, message->json, error);
    if (status == STATUS_REFUSED) {
        gate_record_refusal(gate, error, NULL, telling.by[0] == '\0' ? NULL : telling.by);
    }
    return status;
}

/* ------------------------------------------------------------------ list */

static void set_moment(json_t *object, const char *name, struct moment moment)
{
    char text[MOMENT_TEXT_SIZE];
    if (moment.seconds != 0) {
        json_object_set_new(object, name, json_string(moment_format(text, moment)));
    }
}

static json_t *json_carry(const struct carry_record *carry, const struct gate *gate)
{
    json_t *approvers = json_array();
    for (size_t i = 0; i < LENGTH(carry->approvers) && carry->approvers[i][0] != '\0'; i++) {
        json_array_append_new(approvers, json_string(carry->approvers[i]));
    }
    json_t *object = json_pack(
        "{s:s,s:s,s:s,s:o,s:s,s:s,s:s,s:s,s:s,s:I,s:I,s:I,s:o,s:b,s:b}", "id", carry->id, "state",
        carry_state_name(carry->state), "bearer", carry->bearer, "approvers", approvers, "data_set",
        carry->data_set, "purpose", carry->purpose, "destination", carry->destination, "medium",
        carry->medium, "format", carry->format, "persons", (json_int_t)carry->persons, "rows",
        (json_int_t)carry->rows, "documents", (json_int_t)carry->documents, "fields",
        carry_texts_json(carry->fields), "outstanding", carry_is_out(carry), "overdue",
        gate->has_policy && carry_is_overdue(carry, &gate->policy.policy, moment_now()));
    if (object != NULL) {
        set_moment(object, "requested", carry->requested);
        set_moment(object, "approved", carry->approved);
        set_moment(object, "reserved", carry->reserved);
        set_moment(object, "out", carry->out);
        set_moment(object, "due", carry->due);
        set_moment(object, "returned", carry->returned);
        set_moment(object, "erased", carry->erased);
        set_moment(object, "lost", carry->lost);
        set_moment(object, "found", carry->found);
        if (carry->confirmer[0] != '\0') {
            json_object_set_new(object, "confirmer", json_string(carry->confirmer));
        }
    }
    return object;
}

static json_t *json_medium(const struct policy_medium *medium, const struct gate *gate)
{
    static const char *const words[] = {
        [MEDIUM_ACTIVE] = "active", [MEDIUM_RETIRED] = "retired", [MEDIUM_LOST] = "lost"};
    const struct carry_medium_state *state = carry_find_medium(&gate->ledger, medium->id);
    const char *carry = NULL;
    for (size_t i = 0; i < gate->ledger.count; i++) {
        const struct carry_record *record = &gate->ledger.carries[i];
        if (carry_is_out(record) && strcmp(record->medium, medium->id) == 0) {
            carry = record->id;
        }
    }
    return json_pack("{s:s,s:s,s:s,s:s*,s:b,s:b,s:s*}", "id", medium->id, "fingerprint",
                     medium->fingerprint, "status",
                     state != NULL && state->retired ? "retired" : words[medium->status], "kept_at",
                     medium->kept_at, "labelled", state != NULL && state->label[0] != '\0', "out",
                     carry != NULL, "carry", carry);
}

enum status gate_step_list(struct gate *gate, struct gate_message *message, struct error *error)
{
    (void)message;
    json_t *carries = json_array(), *media = json_array();
    for (size_t i = 0; i < gate->ledger.count; i++) {
        json_array_append_new(carries, json_carry(&gate->ledger.carries[i], gate));
    }
    for (size_t i = 0; gate->has_policy && i < gate->policy.policy.medium_count; i++) {
        json_array_append_new(media, json_medium(&gate->policy.policy.media[i], gate));
    }
    return gate_answer(gate, json_pack("{s:o,s:o}", "carries", carries, "media", media), error);
}
