/* gate_export: the host's part in exporting. Every check again, in the order of decide.c; then a
 * durable reservation before the first byte. Whatever happens after it, the token is spent and the
 * persons count in full. */
#include "gate_write.h"
#include "papers.h"
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define APPROVALS_LIMIT 2

struct exporting {
    struct gate *gate;
    struct gate_folder folder;
    struct carry_approval approvals[APPROVALS_LIMIT];
    size_t approval_count;
    struct carry_attestation attestation;
    struct persons persons;
    char *artefact; /* path */
    char label[LABEL_NONCE_SIZE];
    unsigned char challenge[DIGEST_SIZE];
    struct carry_receipt receipt;
    struct carry_facts facts;
    struct gate_message receipt_message; /* holds the target file */
    char name[GATE_CONTAINER_NAME];      /* of the container on the medium */
    bool reserved, out;
};

static void export_end(struct exporting *exporting)
{
    for (size_t i = 0; i < exporting->approval_count; i++) {
        carry_approval_free(&exporting->approvals[i]);
    }
    carry_attestation_free(&exporting->attestation);
    persons_free(&exporting->persons);
    gate_message_free(&exporting->receipt_message);
    free(exporting->artefact);
}

/* ------------------------------------------------------------------ facts */

static enum status open_approvals(struct exporting *exporting, const json_t *list,
                                  struct error *error)
{
    const struct gate *gate = exporting->gate;
    size_t count = json_array_size(list);
    if (count == 0 || count > APPROVALS_LIMIT) {
        return gate_malformed(error);
    }
    for (size_t i = 0; i < count; i++) {
        const json_t *item = json_array_get(list, i);
        const char *token = json_string_value(item);
        if (token == NULL) {
            return gate_malformed(error);
        }
        enum status status = carry_approval_open(
            &exporting->approvals[i], token, json_string_length(item), &gate->policy.policy,
            gate->host->key->signing.public_key, gate->policy.digest, error);
        if (status != STATUS_OK) {
            return status;
        }
        exporting->approval_count = i + 1;
    }
    return STATUS_OK;
}

/* The label tells which medium it is; a wrong one is a fact, not a failure. */
static void read_label(struct exporting *exporting, const char *text)
{
    struct error ignored = {0};
    if (text == NULL ||
        label_read(exporting->label, text, strlen(text), exporting->attestation.medium,
                   exporting->gate->host->key, &ignored) != STATUS_OK) {
        exporting->label[0] = '\0';
    }
}

static enum status find_anchor(struct exporting *exporting, struct error *error)
{
    const struct gate_host *host = exporting->gate->host;
    struct carry_facts *facts = &exporting->facts;
    if (host->anchor == NULL) {
        return STATUS_OK;
    }
    enum status status = host->anchor(host->context, &facts->anchor, &facts->anchor_time, error);
    facts->has_anchor = status == STATUS_OK;
    if (status == STATUS_NOT_FOUND) {
        error_clear(error);
        return STATUS_OK;
    }
    return status;
}

/* They are forgotten when the carry counts no more; that it was denied or is over is a rule of its
 * own, and no persons at all fit no attestation. */
static enum status read_persons(struct exporting *exporting, const char *path, struct error *error)
{
    enum status status = persons_read(&exporting->persons, path, exporting->gate->host->key,
                                      exporting->approvals[0].carry, error);
    if (status == STATUS_NOT_FOUND) {
        error_clear(error);
        return STATUS_OK;
    }
    if (status != STATUS_OK) {
        error->status = STATUS_REFUSED;
        return error_add_context(error, "[persons-record]");
    }
    return STATUS_OK;
}

static enum status read_record(struct exporting *exporting, struct error *error)
{
    const struct gate *gate = exporting->gate;
    const char *carry = exporting->approvals[0].carry;
    CLEANUP(memory_free) char *persons = NULL;
    enum status status = carry_find(&gate->ledger, carry) != NULL
                             ? gate_read_attestation(&exporting->attestation, gate, carry, error)
                             : error_set(error, STATUS_REFUSED, 0, "[carry-state] %s",
                                         _("this host does not know the carry"));
    if (status == STATUS_OK) {
        status = gate_path(&persons, gate, carry, "persons", error);
    }
    if (status == STATUS_OK) {
        status = read_persons(exporting, persons, error);
    }
    if (status == STATUS_OK) {
        status = gate_path(&exporting->artefact, gate, carry, "artefact", error);
    }
    return status;
}

static enum status look_at_artefact(struct exporting *exporting, struct error *error)
{
    enum status status = gate_digest(exporting->facts.artefact, exporting->artefact, error);
    exporting->facts.artefact_there = status == STATUS_OK;
    if (status == STATUS_NOT_FOUND) {
        error_clear(error);
        return STATUS_OK;
    }
    return status;
}

/* What takes time, the log being closed. It is opened after the anchor was asked for: so it cannot
 * lack what a backup took away meanwhile. */
static enum status look_outside(struct exporting *exporting, struct error *error)
{
    gate_log_close(exporting->gate);
    enum status status = look_at_artefact(exporting, error);
    if (status == STATUS_OK) {
        status = find_anchor(exporting, error);
    }
    if (status == STATUS_OK) {
        status = gate_log_open(exporting->gate, error);
    }
    exporting->facts.log = exporting->gate->audit;
    return status;
}

static enum status collect(struct exporting *exporting, struct error *error)
{
    const struct gate *gate = exporting->gate;
    struct carry_facts *facts = &exporting->facts;
    const struct carry_record *record = carry_find(&gate->ledger, exporting->attestation.carry);
    facts->now = moment_now();
    facts->policy = &gate->policy.policy;
    facts->host = gate->host->key->signing.public_key;
    facts->ledger = &gate->ledger;
    facts->approvals = exporting->approvals;
    facts->approval_count = exporting->approval_count;
    facts->attestation = &exporting->attestation;
    /* The service may export for whoever signs the receipt. */
    facts->caller = gate->trusted || gate->caller == NULL ? NULL : gate->caller->id;
    facts->challenge = exporting->challenge;
    facts->persons = persons_count(&exporting->persons);
    facts->place = &exporting->folder.place;
    facts->space_free = exporting->folder.space_free;
    facts->foreign_files = exporting->folder.foreign[0] != '\0';
    memcpy(facts->request, record->request, DIGEST_SIZE);
    memcpy(facts->medium_fingerprint, exporting->folder.fingerprint,
           sizeof facts->medium_fingerprint);
    memcpy(facts->label, exporting->label, sizeof facts->label);
    enum status status = look_outside(exporting, error);
    return status == STATUS_OK
               ? gate_use(&facts->use, gate, exporting->attestation.carry,
                          exporting->attestation.requester, &exporting->persons, error)
               : status;
}

static enum status prepare(struct exporting *exporting, struct gate_message *message,
                           struct error *error)
{
    enum status status =
        open_approvals(exporting, json_object_get(message->json, "approvals"), error);
    if (status == STATUS_OK) {
        status = read_record(exporting, error);
    }
    if (status == STATUS_OK) {
        status = gate_folder_look(&exporting->folder, message->fds[0], exporting->attestation.carry,
                                  exporting->gate, error);
    }
    if (status == STATUS_OK) {
        read_label(exporting, gate_text(message->json, "label", LABEL_SIZE_LIMIT));
        randombytes_buf(exporting->challenge, sizeof exporting->challenge);
        gate_container_name(exporting->name, exporting->attestation.carry,
                            exporting->attestation.format);
        status = collect(exporting, error);
    }
    return status == STATUS_OK ? carry_decide(&exporting->facts, error) : status;
}

/* ------------------------------------------------------------------ challenge and receipt */

static enum status send_challenge(const struct exporting *exporting, struct error *error)
{
    char challenge[2 * DIGEST_SIZE + 1], due[MOMENT_TEXT_SIZE];
    return gate_answer(
        exporting->gate,
        json_pack("{s:s,s:s,s:s,s:I,s:s}", "carry", exporting->attestation.carry, "challenge",
                  hex_encode(challenge, exporting->challenge, DIGEST_SIZE), "file", exporting->name,
                  "persons", (json_int_t)exporting->attestation.persons, "due",
                  moment_format(due, exporting->attestation.return_by)),
        error);
}

static enum status take_receipt(struct exporting *exporting, struct error *error)
{
    struct gate *gate = exporting->gate;
    struct gate_message *message = &exporting->receipt_message;
    enum status status = gate_next(message, gate, "receipt", error);
    if (status != STATUS_OK) {
        return status;
    }
    const char *token = gate_text(message->json, "receipt", PASETO_SIZE_LIMIT);
    if (token == NULL) {
        return gate_malformed(error);
    }
    status =
        carry_receipt_open(&exporting->receipt, token, strlen(token), &gate->policy.policy, error);
    if (status == STATUS_OK) {
        exporting->facts.receipt = &exporting->receipt;
        status = gate_check_target(message->fds[0], &exporting->folder, gate, error);
    }
    /* All of it once more: the client had time to change what it could. */
    if (status == STATUS_OK) {
        status = collect(exporting, error);
    }
    return status == STATUS_OK ? carry_decide(&exporting->facts, error) : status;
}

/* ------------------------------------------------------------------ reserving and writing */

static enum status reserve(struct exporting *exporting, struct error *error)
{
    const char *carry = exporting->attestation.carry;
    json_t *spent = json_array();
    enum status status = STATUS_OK;
    for (size_t i = 0; i < exporting->approval_count && status == STATUS_OK; i++) {
        const struct carry_approval *approval = &exporting->approvals[i];
        json_array_append_new(spent, json_string(approval->id));
        status = gate_record(exporting->gate, "carry.approve",
                             json_pack("{s:s,s:s,s:s,s:I}", "carry", carry, "by",
                                       approval->approver, "jti", approval->id, "persons_max",
                                       (json_int_t)approval->persons_max),
                             error);
    }
    if (status != STATUS_OK) {
        json_decref(spent);
        return status;
    }
    status = gate_record(
        exporting->gate, "carry.reserve",
        json_pack("{s:s,s:s,s:o}", "carry", carry, "by", exporting->receipt.bearer, "jti", spent),
        error);
    exporting->reserved = status == STATUS_OK;
    return status;
}

/* The same mount of the same medium as before, or it was pulled and another one put in. */
static enum status check_still_there(struct exporting *exporting, struct error *error)
{
    struct place now;
    enum status status =
        place_judge(&now, exporting->folder.fd, exporting->gate->host->roots, error);
    if (status == STATUS_OK && !place_same(&now, &exporting->folder.place)) {
        status = error_set(error, STATUS_REFUSED, 0, "[medium-changed] %s",
                           _("the medium was exchanged or mounted anew meanwhile"));
    }
    return status;
}

static enum status write_artefact(struct exporting *exporting, struct error *error)
{
    enum status status = check_still_there(exporting, error);
    gate_log_close(exporting->gate);
    if (status == STATUS_OK) {
        status = gate_write(exporting->receipt_message.fds[0], exporting->artefact,
                            exporting->attestation.artefact, error);
    }
    if (status == STATUS_OK) {
        status = check_still_there(exporting, error);
    }
    return status == STATUS_OK
               ? gate_record(exporting->gate, "carry.write",
                             json_pack("{s:s,s:s}", "carry", exporting->attestation.carry, "file",
                                       exporting->name),
                             error)
               : status;
}

/* ------------------------------------------------------------------ the last step */

static enum status send_papers(struct exporting *exporting, char nonce[LABEL_NONCE_SIZE],
                               struct error *error)
{
    CLEANUP(buffer_free) struct buffer label = {0};
    CLEANUP(buffer_free) struct buffer notice = {0};
    const struct gate *gate = exporting->gate;
    enum status status =
        label_make(&label, nonce, exporting->attestation.medium, gate->host->key, error);
    if (status == STATUS_OK) {
        status = paper_notice(&notice, &gate->policy.policy, exporting->attestation.carry, error);
    }
    return status == STATUS_OK
               ? gate_answer(gate,
                             json_pack("{s:s%,s:s%}", "label", (const char *)label.data, label.size,
                                       "notice", (const char *)notice.data, notice.size),
                             error)
               : status;
}

static enum status confirm(struct exporting *exporting, const char *nonce, struct error *error)
{
    CLEANUP(gate_message_free) struct gate_message message = {.fds = {-1, -1}};
    struct gate *gate = exporting->gate;
    const char *carry = exporting->attestation.carry;
    bool found = false;
    enum status status = gate_next(&message, gate, "renamed", error);
    if (status == STATUS_OK) {
        status = gate_folder_find(&found, exporting->folder.fd, exporting->name, error);
    }
    if (status == STATUS_OK && !found) {
        status = error_set(error, STATUS_FAILED, 0, "%s",
                           _("the container did not get its name on the medium"));
    }
    if (status == STATUS_OK) {
        status = check_still_there(exporting, error);
    }
    if (status == STATUS_OK) {
        /* First, so that of a carry that is out the log knows the label. */
        status = gate_record(
            exporting->gate, "medium.label",
            json_pack("{s:s,s:s}", "medium", exporting->attestation.medium, "label", nonce), error);
    }
    if (status == STATUS_OK) {
        status =
            gate_record(exporting->gate, "carry.out",
                        json_pack("{s:s,s:s}", "carry", carry, "file", exporting->name), error);
    }
    if (status == STATUS_OK) {
        exporting->out = true;
        unlink(exporting->artefact); /* it has left; the persons stay for the limits */
    }
    return status;
}

static enum status answer_done(const struct exporting *exporting, struct error *error)
{
    char due[MOMENT_TEXT_SIZE];
    const struct carry_attestation *sworn = &exporting->attestation;
    return gate_answer(exporting->gate,
                       json_pack("{s:s,s:s,s:s,s:I,s:s*}", "carry", sworn->carry, "file",
                                 exporting->name, "due", moment_format(due, sworn->return_by),
                                 "persons", (json_int_t)sworn->persons, "sealed_passphrase",
                                 sworn->sealed_passphrase),
                       error);
}

static enum status run(struct exporting *exporting, struct gate_message *message,
                       struct error *error)
{
    char nonce[LABEL_NONCE_SIZE];
    enum status status = prepare(exporting, message, error);
    if (status == STATUS_OK) {
        status = send_challenge(exporting, error);
    }
    if (status == STATUS_OK) {
        status = take_receipt(exporting, error);
    }
    if (status == STATUS_OK) {
        status = reserve(exporting, error);
    }
    if (status == STATUS_OK) {
        status = write_artefact(exporting, error);
    }
    if (status == STATUS_OK) {
        status = send_papers(exporting, nonce, error);
    }
    if (status == STATUS_OK) {
        status = confirm(exporting, nonce, error);
    }
    return status == STATUS_OK ? answer_done(exporting, error) : status;
}

enum status gate_step_export(struct gate *gate, struct gate_message *message, struct error *error)
{
    CLEANUP(export_end)
    struct exporting exporting = {.gate = gate, .receipt_message = {.fds = {-1, -1}}};
    enum status status = run(&exporting, message, error);
    const char *carry = exporting.approval_count == 0 ? NULL : exporting.approvals[0].carry;
    if (status != STATUS_OK && exporting.reserved && !exporting.out) {
        struct error ignored = {0};
        error_set_hint(error, "%s",
                       _("The carry counts in full until the medium is returned with kura carry "
                         "return. Ask for a new one."));
        if (gate_record(gate, "carry.interrupt",
                        json_pack("{s:s,s:s}", "carry", carry, "reason", error->message),
                        &ignored) != STATUS_OK) {
            return status; /* the next step marks it */
        }
    } else if (status == STATUS_REFUSED) {
        gate_record_refusal(gate, error, carry,
                            exporting.approval_count == 0 ? NULL : exporting.approvals[0].bearer);
    }
    return status;
}
