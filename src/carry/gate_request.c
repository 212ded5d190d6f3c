/* gate_request: the host's part in asking. It counts and seals itself, swears to what it saw, and
 * records the request when the signed one comes back. */
#include "gate_request.h"
#include "shared.h"
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static void asking_end(struct asking *asking)
{
    if (asking->made) {
        gate_drop_folder(asking->gate, asking->id);
    }
    carry_texts_free(asking->parameters);
    free(asking->folder);
    staged_free(&asking->staged);
    buffer_free(&asking->token);
}

/* ------------------------------------------------------------------ counting and sealing */

static void make_id(char id[CARRY_ID_SIZE])
{
    static const char letters[] = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
    struct tm day;
    time_t now = (time_t)moment_now().seconds;
    localtime_r(&now, &day);
    size_t used = strftime(id, CARRY_ID_SIZE, "C-%Y%m%d-", &day);
    for (; used < CARRY_ID_SIZE - 1; used++) {
        id[used] = letters[randombytes_uniform(sizeof letters - 1)];
    }
    id[used] = '\0';
}

/* Personal data, sealed or not, is staged on a disk that stays in the house. */
static enum status make_folder(struct asking *asking, struct error *error)
{
    struct place place;
    enum road_verdict verdict;
    make_id(asking->id);
    enum status status = gate_path(&asking->folder, asking->gate, asking->id, NULL, error);
    if (status == STATUS_OK) {
        status = place_judge_path(&place, asking->folder, asking->gate->host->roots, error);
    }
    if (status == STATUS_OK) {
        status = carry_road_check(&verdict, &place, ROAD_STAGING, &asking->gate->policy.policy,
                                  NULL, error);
    }
    if (status != STATUS_OK) {
        return status;
    }
    if (mkdir(asking->folder, 0700) != 0) {
        return error_set_errno(error, errno, _("cannot make %s"), asking->folder);
    }
    asking->made = true;
    return STATUS_OK;
}

static enum status stage(struct asking *asking, struct error *error)
{
    const struct gate_host *host = asking->gate->host;
    const struct stage_options options = {
        .config = host->config,
        .host = host->key,
        .policy = &asking->gate->policy.policy,
        .set = asking->set,
        .destination = asking->destination,
        .parameters = (const char *const *)asking->parameters,
        .documents = asking->documents,
        .zip = asking->zip,
        .carry = asking->id,
        .folder = asking->folder,
    };
    CLEANUP(memory_free) char *path = NULL;
    gate_log_close(asking->gate);
    enum status status = carry_stage(&asking->staged, &options, error);
    if (status == STATUS_OK) {
        status = gate_log_open(asking->gate, error);
    }
    if (status == STATUS_OK) {
        status = gate_use(&asking->use, asking->gate, asking->id, asking->bearer->id,
                          &asking->staged.persons, error);
    }
    if (status == STATUS_OK) {
        status = carry_limits_check(&asking->use, persons_count(&asking->staged.persons),
                                    asking->staged.documents, &asking->gate->policy.policy, error);
    }
    if (status == STATUS_OK) {
        status = gate_path(&path, asking->gate, asking->id, "persons", error);
    }
    return status == STATUS_OK
               ? persons_write(path, &asking->staged.persons, host->key, asking->id, error)
               : status;
}

/* ------------------------------------------------------------------ swearing */

/* What else the bearer has out, for the approver to see. */
static enum status collect_others(struct carry_attestation *attestation,
                                  const struct asking *asking, struct error *error)
{
    const struct carry_ledger *ledger = &asking->gate->ledger;
    attestation->others = calloc(ledger->count + 1, sizeof *attestation->others);
    if (attestation->others == NULL) {
        return error_set_memory(error);
    }
    for (size_t i = 0; i < ledger->count; i++) {
        const struct carry_record *carry = &ledger->carries[i];
        if (carry_is_out(carry) && strcmp(carry->bearer, asking->bearer->id) == 0) {
            struct carry_out *out = &attestation->others[attestation->other_count++];
            memcpy(out->carry, carry->id, sizeof out->carry);
            memcpy(out->medium, carry->medium, sizeof out->medium);
            out->persons = carry->persons;
            out->due = carry->due;
        }
    }
    return STATUS_OK;
}

static enum status write_attestation(struct asking *asking,
                                     const struct carry_attestation *attestation,
                                     struct error *error)
{
    CLEANUP(memory_free) char *path = NULL;
    enum status status = carry_attestation_sign(&asking->token, attestation,
                                                &asking->gate->host->key->signing, error);
    if (status == STATUS_OK) {
        status = gate_path(&path, asking->gate, asking->id, "attestation", error);
    }
    return status == STATUS_OK ? file_write(path, asking->token.data, asking->token.size, 0600,
                                            FILE_KEEP_EXISTING, error)
                               : status;
}

static enum status swear(struct asking *asking, struct error *error)
{
    const struct gate *gate = asking->gate;
    const struct staged *staged = &asking->staged;
    char host_hex[2 * SIGN_PUBLIC_SIZE + 1];
    hex_encode(host_hex, gate->host->key->signing.public_key, SIGN_PUBLIC_SIZE);
    const struct policy_host *host = policy_find_host(&gate->policy.policy, host_hex);
    if (host == NULL) {
        error_set(error, STATUS_REFUSED, 0, "[attestation-host] %s",
                  _("this host is not in the policy, so that nobody would believe its word"));
        return error_set_hint(error, _("The data manager adds it under hosts with the key %s."),
                              host_hex);
    }
    struct carry_attestation attestation = {
        .host_name = host->name,
        .issued = {.seconds = moment_now().seconds},
        .data_set = asking->set->name,
        .purpose = asking->purpose,
        .destination = asking->destination->name,
        .parameters = asking->parameters,
        .return_by = asking->return_by,
        .artefact_size = staged->size,
        .persons = persons_count(&staged->persons),
        .rows = staged->rows,
        .documents = staged->documents,
        .fields = staged->fields,
        .recipients = staged->recipients,
        .sealed_passphrase = staged->sealed_passphrase,
        .use = asking->use,
        .policy_version = gate->policy.policy.version,
        .log = audit_head(gate->audit),
    };
    memcpy(attestation.carry, asking->id, sizeof attestation.carry);
    memcpy(attestation.host, gate->host->key->signing.public_key, SIGN_PUBLIC_SIZE);
    memcpy(attestation.artefact, staged->digest, DIGEST_SIZE);
    memcpy(attestation.policy, gate->policy.digest, DIGEST_SIZE);
    snprintf(attestation.requester, sizeof attestation.requester, "%s", asking->bearer->id);
    snprintf(attestation.medium, sizeof attestation.medium, "%s", asking->medium->id);
    snprintf(attestation.medium_fingerprint, sizeof attestation.medium_fingerprint, "%s",
             asking->medium->fingerprint);
    snprintf(attestation.format, sizeof attestation.format, "%s", asking->zip ? "zip" : "tar");
    enum status status = collect_others(&attestation, asking, error);
    if (status == STATUS_OK) {
        status = write_attestation(asking, &attestation, error);
    }
    free(attestation.others);
    return status;
}

/* ------------------------------------------------------------------ the signed request comes back
 */

static enum status record(struct asking *asking, const struct carry_request *request,
                          struct error *error)
{
    const struct carry_attestation *sworn = &request->attestation;
    char artefact[2 * DIGEST_SIZE + 1], digest[2 * DIGEST_SIZE + 1], due[MOMENT_TEXT_SIZE];
    json_t *facts = json_pack(
        "{s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:I,s:I,s:I,s:I,s:s,s:s,s:s,s:o,s:o}", "carry", sworn->carry,
        "by", sworn->requester, "data_set", sworn->data_set, "purpose", sworn->purpose,
        "destination", sworn->destination, "medium", sworn->medium, "format", sworn->format,
        "persons", (json_int_t)sworn->persons, "rows", (json_int_t)sworn->rows, "documents",
        (json_int_t)sworn->documents, "artefact_size", (json_int_t)sworn->artefact_size, "artefact",
        hex_encode(artefact, sworn->artefact, DIGEST_SIZE), "request",
        hex_encode(digest, request->digest, DIGEST_SIZE), "due",
        moment_format(due, sworn->return_by), "fields", carry_texts_json(sworn->fields),
        "recipients", carry_texts_json(sworn->recipients));
    enum status status = gate_record(asking->gate, "carry.request", facts, error);
    asking->made = asking->made && status != STATUS_OK; /* the log speaks of it now */
    return status;
}

static enum status take_signed(struct asking *asking, struct error *error)
{
    CLEANUP(gate_message_free) struct gate_message message = {.fds = {-1, -1}};
    CLEANUP(carry_request_free) struct carry_request request = {0};
    CLEANUP(carry_policy_free) struct carry_policy policy = {0};
    struct minisign_public root;
    enum status status = gate_next(&message, asking->gate, "signed", error);
    if (status != STATUS_OK) {
        return status;
    }
    const char *token = gate_text(message.json, "request", PASETO_SIZE_LIMIT);
    if (token == NULL) {
        return gate_malformed(error);
    }
    status = carry_root_read(&root, asking->gate->host->config->state, asking->gate->audit, error);
    if (status == STATUS_OK) {
        status = carry_request_open(&request, &policy, token, strlen(token), &root, error);
    }
    if (status == STATUS_OK && (strcmp(request.attestation.carry, asking->id) != 0 ||
                                strcmp(request.requester, asking->bearer->id) != 0)) {
        status = carry_refuse(error, "request", _("the signed request is for something else"));
    }
    return status == STATUS_OK ? record(asking, &request, error) : status;
}

static enum status answer_sworn(struct asking *asking, struct error *error)
{
    const struct carry_policy *policy = &asking->gate->policy;
    return gate_answer(asking->gate,
                       json_pack("{s:s,s:s%,s:s%,s:s%}", "carry", asking->id, "attestation",
                                 (const char *)asking->token.data, asking->token.size, "policy",
                                 (const char *)policy->text.data, policy->text.size,
                                 "policy_signature", (const char *)policy->signature.data,
                                 policy->signature.size),
                       error);
}

static enum status run(struct asking *asking, const json_t *json, struct error *error)
{
    enum status status = gate_take_question(asking, json, error);
    if (status == STATUS_OK) {
        status = make_folder(asking, error);
    }
    if (status == STATUS_OK) {
        status = stage(asking, error);
    }
    if (status == STATUS_OK) {
        status = swear(asking, error);
    }
    if (status == STATUS_OK) {
        status = answer_sworn(asking, error);
    }
    return status == STATUS_OK ? take_signed(asking, error) : status;
}

enum status gate_step_request(struct gate *gate, struct gate_message *message, struct error *error)
{
    CLEANUP(asking_end) struct asking asking = {.gate = gate};
    enum status status = run(&asking, message->json, error);
    if (status == STATUS_REFUSED) {
        gate_record_refusal(gate, error, NULL, asking.bearer == NULL ? NULL : asking.bearer->id);
    }
    return status == STATUS_OK ? gate_answer(gate, json_pack("{s:b}", "recorded", true), error)
                               : status;
}
