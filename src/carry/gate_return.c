/* gate_return: the medium comes back. The container is gone from it, its label and other files were
 * looked at, and somebody other than the bearer signed for it. Then the persons count no more. */
#include "gate_private.h"
#include "papers.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct returning {
    struct gate *gate;
    const struct carry_record *carry; /* in the ledger */
    struct carry_word word;
    struct gate_folder folder;
    bool at_hand;      /* the medium; else it was destroyed, says the word */
    bool label_newest; /* the one that this host wrote last */
    char name[GATE_CONTAINER_NAME];
};

static void returning_end(struct returning *returning)
{
    carry_word_free(&returning->word);
}

static enum status refuse(struct error *error, const char *rule, const char *words)
{
    return error_set(error, STATUS_REFUSED, 0, "[%s] %s", rule, words);
}

static enum status find_carry(struct returning *returning, struct error *error)
{
    returning->carry = carry_find(&returning->gate->ledger, returning->word.carry);
    if (returning->carry == NULL) {
        return refuse(error, "carry-state", _("this host does not know the carry"));
    }
    snprintf(returning->name, sizeof returning->name, "kura-%s.%s", returning->carry->id,
             strcmp(returning->carry->format, "zip") == 0 ? "zip" : "tar.age");
    return carry_is_out(returning->carry)
               ? STATUS_OK
               : refuse(error, "carry-state", _("this carry is not out"));
}

/* Whoever carried would otherwise confirm what they did with it. */
static enum status check_confirmer(const struct returning *returning, struct error *error)
{
    if (returning->word.kind != WORD_RETURN) {
        return refuse(error, "word", _("the signed word is not about a return"));
    }
    if (strcmp(returning->word.person, returning->carry->bearer) == 0) {
        refuse(error, "self-confirm", _("the bearer cannot confirm the return"));
        return error_set_hint(error, "%s", _("Let somebody else sign it with their key."));
    }
    if (gate_need_valid(returning->gate, returning->word.person, error) != STATUS_OK) {
        return error->status;
    }
    const struct policy_person *person =
        policy_find_person(&returning->gate->policy.policy, returning->word.person);
    const bool manager = person != NULL && (person->roles & (ROLE_DATA_MANAGER | ROLE_DEPUTY)) != 0;
    if (!returning->at_hand && !manager) {
        return refuse(error, "role",
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
    char nonce[LABEL_NONCE_SIZE];
    struct error ignored = {0};
    if (medium == NULL || strcmp(medium->fingerprint, returning->folder.fingerprint) != 0) {
        return refuse(error, "medium-other", _("what is plugged in is another medium"));
    }
    /* An interrupted export may have changed the label without the log's knowing. */
    if (label == NULL || label_read(nonce, label, strlen(label), returning->carry->medium,
                                    gate->host->key, &ignored) != STATUS_OK) {
        return refuse(error, "medium-label", _("the label on the medium is not by this host"));
    }
    returning->label_newest = state != NULL && strcmp(state->label, nonce) == 0;
    /* A copy that was made before the carry is handed in, and the real one kept. */
    if (!returning->label_newest && returning->carry->out.seconds != 0) {
        return refuse(error, "medium-label",
                      _("the label on the medium is not the one that this host wrote last"));
    }
    return STATUS_OK;
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
        status = gate_folder_find(&found, returning->folder.fd, returning->name, error);
    }
    return status == STATUS_OK && found
               ? error_set(error, STATUS_FAILED, 0, "%s", _("the container is still on the medium"))
               : status;
}

static enum status new_label(struct returning *returning, struct error *error)
{
    CLEANUP(gate_message_free) struct gate_message message = {.fds = {-1, -1}};
    CLEANUP(buffer_free) struct buffer label = {0};
    char nonce[LABEL_NONCE_SIZE];
    struct gate *gate = returning->gate;
    enum status status =
        label_make(&label, nonce, returning->carry->medium, gate->host->key, error);
    if (status == STATUS_OK) {
        status = gate_answer(
            gate, json_pack("{s:s%}", "label", (const char *)label.data, label.size), error);
    }
    if (status == STATUS_OK) {
        status = gate_next(&message, gate, "labelled", error);
    }
    return status == STATUS_OK ? gate_record(gate, "medium.label",
                                             json_pack("{s:s,s:s}", "medium",
                                                       returning->carry->medium, "label", nonce),
                                             error)
                               : status;
}

static enum status record(struct returning *returning, const char *event, struct error *error)
{
    const struct carry_word *word = &returning->word;
    return gate_record(returning->gate, event,
                       json_pack("{s:s,s:s,s:b,s:b,s:s*}", "carry", word->carry, "by", word->person,
                                 "medium_at_hand", returning->at_hand, "label_as_expected",
                                 returning->label_newest, "note", word->note),
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
    status = paper_certificate(&paper, &returning->gate->policy.policy, carry,
                               returning->at_hand ? NULL : returning->word.note, error);
    if (status != STATUS_OK) {
        return status;
    }
    return gate_answer(returning->gate,
                       json_pack("{s:s,s:s,s:b,s:s,s:s%}", "carry", id, "state",
                                 carry_state_name(carry->state), "label_as_expected",
                                 returning->label_newest, "foreign", returning->folder.foreign,
                                 "certificate", (const char *)paper.data, paper.size),
                       error);
}

static enum status run(struct returning *returning, struct gate_message *message,
                       struct error *error)
{
    struct gate *gate = returning->gate;
    const char *token = gate_text(message->json, "word", PASETO_SIZE_LIMIT);
    if (token == NULL) {
        return error_set(error, STATUS_CORRUPT, 0, "%s", _("a message to the gate is malformed"));
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
