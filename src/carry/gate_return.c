/* gate_return: the medium comes back. The container is gone from it, its label and other files were
 * looked at, and somebody other than the bearer signed for it. Then the persons count no more. */
#include "gate_private.h"
#include "papers.h"
#include "shared.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct returning {
    struct gate *gate;
    const struct carry_record *carry; /* in the ledger */
    struct carry_word word;
    struct gate_folder folder;
    bool at_hand;                 /* the medium; else it was destroyed, says the word */
    char label[LABEL_NONCE_SIZE]; /* on the medium */
    bool label_newest;            /* the one that this host wrote last */
    bool container_found;         /* or what an export left of it, before anything is erased */
    char name[GATE_CONTAINER_NAME];
};

static void returning_end(struct returning *returning)
{
    carry_word_free(&returning->word);
}

static enum status find_carry(struct returning *returning, struct error *error)
{
    returning->carry = carry_find(&returning->gate->ledger, returning->word.carry);
    if (returning->carry == NULL) {
        return carry_refuse(error, "carry-state", _("this host does not know the carry"));
    }
    gate_container_name(returning->name, returning->carry->id, returning->carry->format);
    return carry_is_out(returning->carry)
               ? STATUS_OK
               : carry_refuse(error, "carry-state", _("this carry is not out"));
}

/* Whoever carried would otherwise confirm what they did with it. */
static enum status check_confirmer(const struct returning *returning, struct error *error)
{
    if (returning->word.kind != WORD_RETURN) {
        return carry_refuse(error, "word", _("the signed word is not about a return"));
    }
    if (strcmp(returning->word.person, returning->carry->bearer) == 0) {
        carry_refuse(error, "self-confirm", _("the bearer cannot confirm the return"));
        return error_set_hint(error, "%s", _("Let somebody else sign it with their key."));
    }
    if (gate_need_valid(returning->gate, returning->word.person, error) != STATUS_OK) {
        return error->status;
    }
    if (!returning->at_hand && (returning->word.note == NULL || returning->word.note[0] == '\0')) {
        return carry_refuse(error, "note", _("say how the medium was destroyed, with --note TEXT"));
    }
    if (!returning->at_hand && !policy_may_approve(policy_find_person(
                                   &returning->gate->policy.policy, returning->word.person))) {
        return carry_refuse(error, "role",
                            _("that a medium was destroyed is for the data manager or a "
                              "deputy to say"));
    }
    return STATUS_OK;
}

static enum status check_medium(struct returning *returning, const char *label, struct error *error)
{
    const struct gate *gate = returning->gate;
    const struct policy_medium *medium =
        policy_find_medium(&gate->policy.policy, returning->carry->medium);
    const struct carry_medium_state *state =
        carry_find_medium(&gate->ledger, returning->carry->medium);
    struct error ignored = {0};
    if (medium == NULL || strcmp(medium->fingerprint, returning->folder.fingerprint) != 0) {
        return carry_refuse(error, "medium-other", _("what is plugged in is another medium"));
    }
    /* An interrupted export may have changed the label without the log's knowing. */
    if (label == NULL ||
        label_read(returning->label, label, strlen(label), returning->carry->medium,
                   gate->host->key, &ignored) != STATUS_OK) {
        return carry_refuse(error, "medium-label",
                            _("the label on the medium is not by this host"));
    }
    returning->label_newest = state != NULL && strcmp(state->label, returning->label) == 0;
    /* A return was cut off before the new label was on the medium. */
    const bool begun = state != NULL && strcmp(state->replaced, returning->label) == 0;
    /* A copy that was made before the carry is handed in, and the real one kept. */
    if (!returning->label_newest && !begun && returning->carry->out.seconds != 0) {
        return carry_refuse(error, "medium-label",
                            _("the label on the medium is not the one that this host wrote last"));
    }
    return STATUS_OK;
}

/* Under its name, or under the one that it has until it is whole. */
static enum status find_container(bool *found, const struct returning *returning,
                                  struct error *error)
{
    char partial[GATE_CONTAINER_NAME + 16];
    snprintf(partial, sizeof partial, ".%s.partial", returning->name);
    enum status status = gate_folder_find(found, returning->folder.fd, returning->name, error);
    return status == STATUS_OK && !*found
               ? gate_folder_find(found, returning->folder.fd, partial, error)
               : status;
}

static enum status let_erase(struct returning *returning, struct error *error)
{
    CLEANUP(gate_message_free) struct gate_message message = {.fds = {-1, -1}};
    bool found = false;
    enum status status =
        gate_answer(returning->gate, json_pack("{s:s}", "erase", returning->name), error);
    if (status == STATUS_OK) {
        status = gate_next(&message, returning->gate, "erased", error);
    }
    if (status == STATUS_OK) {
        status = find_container(&found, returning, error);
    }
    return status == STATUS_OK && found
               ? error_set(error, STATUS_FAILED, 0, "%s", _("the container is still on the medium"))
               : status;
}

/* Recorded before the client has it: a client that is cut off after writing it would leave a label
 * on the medium that nobody knows, and the carry could never be returned. */
static enum status new_label(struct returning *returning, struct error *error)
{
    CLEANUP(gate_message_free) struct gate_message message = {.fds = {-1, -1}};
    CLEANUP(buffer_free) struct buffer label = {0};
    char nonce[LABEL_NONCE_SIZE];
    struct gate *gate = returning->gate;
    enum status status =
        label_make(&label, nonce, returning->carry->medium, gate->host->key, error);
    if (status == STATUS_OK) {
        status = gate_record(gate, "medium.label",
                             json_pack("{s:s,s:s,s:s}", "medium", returning->carry->medium, "label",
                                       nonce, "replaces", returning->label),
                             error);
    }
    if (status == STATUS_OK) {
        status = gate_answer(
            gate, json_pack("{s:s%}", "label", (const char *)label.data, label.size), error);
    }
    return status == STATUS_OK ? gate_next(&message, gate, "labelled", error) : status;
}

static enum status record(struct returning *returning, const char *event, struct error *error)
{
    const struct carry_word *word = &returning->word;
    return gate_record(returning->gate, event,
                       json_pack("{s:s,s:s,s:b,s:b,s:b,s:s*}", "carry", word->carry, "by",
                                 word->person, "medium_at_hand", returning->at_hand,
                                 "label_as_expected", returning->label_newest, "container_found",
                                 returning->container_found, "note", word->note),
                       error);
}

static enum status answer(struct returning *returning, struct error *error)
{
    CLEANUP(buffer_free) struct buffer paper = {0};
    char id[CARRY_ID_SIZE];
    memcpy(id, returning->carry->id, sizeof id);
    enum status status = gate_refresh(returning->gate, error);
    if (status != STATUS_OK) {
        return status;
    }
    const struct carry_record *carry = carry_find(&returning->gate->ledger, id);
    const enum paper_erasure how = !returning->at_hand          ? ERASURE_DESTROYED
                                   : returning->container_found ? ERASURE_OVERWRITTEN
                                                                : ERASURE_NOT_FOUND;
    status = paper_certificate(&paper, &returning->gate->policy.policy, carry, how,
                               returning->word.note, error);
    if (status != STATUS_OK) {
        return status;
    }
    return gate_answer(returning->gate,
                       json_pack("{s:s,s:s,s:b,s:b,s:s,s:s%}", "carry", id, "state",
                                 carry_state_name(carry->state), "label_as_expected",
                                 returning->label_newest, "container_found",
                                 returning->container_found, "foreign", returning->folder.foreign,
                                 "certificate", (const char *)paper.data, paper.size),
                       error);
}

static enum status run(struct returning *returning, struct gate_message *message,
                       struct error *error)
{
    struct gate *gate = returning->gate;
    const char *token = gate_text(message->json, "word", PASETO_SIZE_LIMIT);
    if (token == NULL) {
        return gate_malformed(error);
    }
    returning->at_hand = message->fds[0] >= 0;
    enum status status =
        carry_word_open(&returning->word, token, strlen(token), &gate->policy.policy, error);
    if (status == STATUS_OK) {
        status = find_carry(returning, error);
    }
    if (status == STATUS_OK && returning->carry != NULL) {
        status = check_confirmer(returning, error);
    }
    if (status == STATUS_OK && returning->at_hand) {
        status = gate_folder_look(&returning->folder, message->fds[0], returning->carry->id, gate,
                                  error);
    }
    if (status == STATUS_OK && returning->at_hand) {
        status =
            check_medium(returning, gate_text(message->json, "label", LABEL_SIZE_LIMIT), error);
    }
    if (status == STATUS_OK && returning->at_hand) {
        status = find_container(&returning->container_found, returning, error);
    }
    if (status == STATUS_OK) {
        status = record(returning, "carry.return", error);
    }
    if (status == STATUS_OK && returning->at_hand) {
        status = let_erase(returning, error);
    }
    if (status == STATUS_OK && returning->at_hand) {
        status = new_label(returning, error);
    }
    if (status == STATUS_OK) {
        status = record(returning, "carry.erase", error);
    }
    return status == STATUS_OK ? answer(returning, error) : status;
}

enum status gate_step_return(struct gate *gate, struct gate_message *message, struct error *error)
{
    CLEANUP(returning_end) struct returning returning = {.gate = gate};
    enum status status = run(&returning, message, error);
    if (status == STATUS_REFUSED) {
        gate_record_refusal(gate, error, returning.carry == NULL ? NULL : returning.word.carry,
                            returning.word.person[0] == '\0' ? NULL : returning.word.person);
    }
    return status;
}
