/* gate: one connection: who calls, the step's surroundings, and what every step shares. */
#include "gate_private.h"
#include "shared.h"
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ANSWER_SECONDS 600 /* the longest that a client may think, or write to a slow medium */

static const struct gate_step steps[] = {
    {"request", NEED_POLICY, gate_step_request}, {"export", NEED_POLICY, gate_step_export},
    {"return", NEED_POLICY, gate_step_return},   {"tell", NEED_NOTHING, gate_step_tell},
    {"list", NEED_CALLER, gate_step_list},       {"enrol", NEED_CALLER, gate_step_enrol},
    {"retire", NEED_POLICY, gate_step_retire},   {"offers", NEED_POLICY, gate_step_offers},
    {"clock", NEED_POLICY, gate_step_clock},
};

/* ------------------------------------------------------------------ surroundings */

enum status gate_log_open(struct gate *gate, struct error *error)
{
    if (gate->audit != NULL) {
        return STATUS_OK;
    }
    CLEANUP(memory_free) char *folder = NULL;
    char origin[16 + 2 * REPOSITORY_ID_SIZE], id[2 * REPOSITORY_ID_SIZE + 1];
    snprintf(origin, sizeof origin, "kura/%s",
             hex_encode(id, gate->host->key->repository, REPOSITORY_ID_SIZE));
    enum status status = path_join(&folder, gate->host->config->state, "audit", error);
    if (status != STATUS_OK) {
        return status;
    }
    const struct audit_options options = {.folder = folder,
                                          .origin = origin,
                                          .public_key = gate->host->key->signing.public_key,
                                          .signing = &gate->host->key->signing};
    status = audit_open(&gate->audit, &options, error);
    if (status == STATUS_OK && !audit_extends(gate->audit, &gate->seen)) {
        audit_free(gate->audit);
        gate->audit = NULL;
        status = error_set(error, STATUS_CORRUPT, 0, "%s",
                           _("the audit log is not the one of a moment ago"));
    }
    if (status == STATUS_CORRUPT || status == STATUS_UNAUTHENTIC) {
        status = error->status = STATUS_REFUSED;
        error_add_context(error, "[log]");
    }
    return status;
}

void gate_log_close(struct gate *gate)
{
    if (gate->audit != NULL) {
        gate->seen = audit_head(gate->audit);
        audit_free(gate->audit);
        gate->audit = NULL;
    }
}

static enum status take_lock(struct gate *gate, struct error *error)
{
    CLEANUP(memory_free) char *folder = NULL;
    CLEANUP(memory_free) char *lock = NULL;
    enum status status = path_join(&folder, gate->host->config->state, "carry", error);
    if (status == STATUS_OK) {
        status = file_make_folders(folder, 0700, error);
    }
    if (status == STATUS_OK) {
        status = path_join(&lock, folder, "lock", error);
    }
    return status == STATUS_OK ? file_lock(&gate->lock, lock, true, error) : status;
}

enum status gate_refresh(struct gate *gate, struct error *error)
{
    carry_ledger_free(&gate->ledger);
    return carry_ledger_read(&gate->ledger, gate->audit, error);
}

/* We hold the lock, so whoever began these exports is gone. They count in full. */
static enum status mark_interrupted(struct gate *gate, struct error *error)
{
    bool marked = false;
    enum status status = STATUS_OK;
    for (size_t i = 0; i < gate->ledger.count && status == STATUS_OK; i++) {
        const struct carry_record *carry = &gate->ledger.carries[i];
        if (carry->state == CARRY_RESERVED || carry->state == CARRY_WRITTEN) {
            status = gate_record(
                gate, "carry.interrupt",
                json_pack("{s:s,s:s}", "carry", carry->id, "reason", "the process ended"), error);
            marked = true;
        }
    }
    return status == STATUS_OK && marked ? gate_refresh(gate, error) : status;
}

static enum status find_caller(struct gate *gate, enum gate_need need, struct error *error)
{
    const struct passwd *user = getpwuid(gate->caller_uid);
    gate->caller = user == NULL || !gate->has_policy
                       ? NULL
                       : policy_find_user(&gate->policy.policy, user->pw_name);
    snprintf(gate->login, sizeof gate->login, "%s", user == NULL ? "?" : user->pw_name);
    if (gate->caller == NULL && !gate->trusted && (gate->has_policy || need != NEED_NOTHING)) {
        return error_set(error, STATUS_REFUSED, 0,
                         _("[caller] the policy names nobody with the login \"%s\""), gate->login);
    }
    return STATUS_OK;
}

static enum status read_policy(struct gate *gate, enum gate_need need, struct error *error)
{
    const char *path = gate->host->policy_path;
    enum status status =
        path == NULL
            ? error_set(error, STATUS_NOT_FOUND, 0, "%s", _("the configuration names no policy"))
            : carry_policy_in_force(&gate->policy, path, gate->host->config->state, gate->audit,
                                    error);
    gate->has_policy = status == STATUS_OK;
    if (status == STATUS_NOT_FOUND || status == STATUS_USAGE) {
        status = error->status = STATUS_REFUSED;
        error_add_context(error, "[policy]");
    }
    if (status != STATUS_OK && (need == NEED_NOTHING || (need == NEED_CALLER && gate->trusted))) {
        gate->policy_problem = *error;
        error_clear(error);
        return STATUS_OK;
    }
    return status;
}

/* Takes the lock (rule 1), opens and verifies the log (3), marks what an earlier process left
 * unfinished, reads the policy (2), and finds the caller in it: who is neither trusted nor in the
 * policy is refused. */
static enum status begin_step(struct gate *gate, enum gate_need need, struct error *error)
{
    enum status status = take_lock(gate, error);
    if (status == STATUS_OK) {
        status = gate_log_open(gate, error);
    }
    if (status == STATUS_OK) {
        status = gate_refresh(gate, error);
    }
    if (status == STATUS_OK) {
        status = mark_interrupted(gate, error);
    }
    if (status == STATUS_OK) {
        status = read_policy(gate, need, error);
    }
    if (status == STATUS_OK && gate->has_policy) {
        gate_clear(gate);
    }
    if (status == STATUS_OK) {
        status = find_caller(gate, need, error);
    }
    return status;
}

static void end_step(struct gate *gate)
{
    carry_ledger_free(&gate->ledger);
    if (gate->has_policy) {
        carry_policy_free(&gate->policy);
    }
    gate_log_close(gate);
    file_close(&gate->lock);
    gate->seen = (struct audit_head){0};
    gate->caller = NULL;
    gate->has_policy = false;
    gate->lock = -1;
}

/* ------------------------------------------------------------------ records */

enum status gate_record(struct gate *gate, const char *event, json_t *facts, struct error *error)
{
    enum status status = facts == NULL ? error_set(error, STATUS_FAILED, 0, "%s",
                                                   _("a name is not valid UTF-8 text"))
                                       : gate_log_open(gate, error);
    if (status == STATUS_OK) {
        status = audit_append(gate->audit, event, facts, error);
    }
    json_decref(facts);
    return status;
}

void gate_record_refusal(struct gate *gate, const struct error *refusal, const char *carry,
                         const char *person)
{
    struct error ignored = {0};
    char rule[64] = "?";
    const char *begin = strchr(refusal->message, '[');
    const char *end = begin == NULL ? NULL : strchr(begin, ']');
    if (end != NULL && (size_t)(end - begin) < sizeof rule) {
        snprintf(rule, sizeof rule, "%.*s", (int)(end - begin - 1), begin + 1);
    }
    if (gate_record(gate, "carry.refuse",
                    json_pack("{s:s,s:s,s:s*,s:s}", "rule", rule, "reason", refusal->message,
                              "carry", carry, "by",
                              person == NULL ? gate_caller_name(gate) : person),
                    &ignored) != STATUS_OK) {
        return; /* the refusal itself stands; a log that cannot be written is told by the next step
                 */
    }
}

/* ------------------------------------------------------------------ people */

const char *gate_caller_name(const struct gate *gate)
{
    return gate->caller == NULL ? "-" : gate->caller->id;
}

enum status gate_find_bearer(const struct policy_person **person, const struct gate *gate,
                             const char *key, struct error *error)
{
    struct minisign_public wanted;
    if (key == NULL || minisign_public_parse(&wanted, key, strlen(key), error) != STATUS_OK) {
        return carry_refuse(error, "bearer-key", _("there is no usable public key of the bearer"));
    }
    *person = carry_key_owner(&gate->policy.policy, &wanted);
    if (*person == NULL) {
        return carry_refuse(error, "bearer-key", _("the policy names nobody with this key"));
    }
    return gate->trusted || *person == gate->caller
               ? STATUS_OK
               : carry_refuse(error, "other-bearer",
                              _("the key is another person's than the login"));
}

enum status gate_need_valid(const struct gate *gate, const char *person, struct error *error)
{
    const struct policy_person *found = policy_find_person(&gate->policy.policy, person);
    return found != NULL && !policy_key_ended(found, moment_now())
               ? STATUS_OK
               : error_set(error, STATUS_REFUSED, 0,
                           _("[key-expired] the key of \"%s\" is not "
                             "valid any more"),
                           person);
}

enum status gate_need_manager(const struct gate *gate, struct error *error)
{
    if (gate->trusted) {
        return STATUS_OK;
    }
    if (policy_may_approve(gate->caller)) {
        return gate_need_valid(gate, gate->caller->id, error);
    }
    return carry_refuse(error, "role", _("this is for the data manager or a deputy"));
}

/* ------------------------------------------------------------------ files of a carry */

enum status gate_path(char **path, const struct gate *gate, const char *carry, const char *file,
                      struct error *error)
{
    if (asprintf(path, "%s/carry/%s%s%s", gate->host->config->state, carry, file == NULL ? "" : "/",
                 file == NULL ? "" : file) < 0) {
        *path = NULL;
        return error_set_memory(error);
    }
    return STATUS_OK;
}

void gate_container_name(char name[GATE_CONTAINER_NAME], const char *carry, const char *format)
{
    snprintf(name, GATE_CONTAINER_NAME, "kura-%s.%s", carry,
             strcmp(format, "zip") == 0 ? "zip" : "tar.age");
}

enum status gate_read_attestation(struct carry_attestation *attestation, const struct gate *gate,
                                  const char *carry, struct error *error)
{
    CLEANUP(memory_free) char *path = NULL;
    CLEANUP(buffer_free) struct buffer token = {0};
    enum status status = gate_path(&path, gate, carry, "attestation", error);
    if (status == STATUS_OK) {
        status = file_read(&token, path, PASETO_SIZE_LIMIT, error);
    }
    if (status == STATUS_OK) {
        status = carry_attestation_open(attestation, (const char *)token.data, token.size,
                                        gate->host->key->signing.public_key, error);
    }
    if (status == STATUS_OK && strcmp(attestation->carry, carry) != 0) {
        carry_attestation_free(attestation);
        status = error_set(error, STATUS_UNAUTHENTIC, 0, _("%s is of another carry"), path);
    }
    if (status != STATUS_OK) {
        error->status = STATUS_REFUSED;
        error_add_context(error, "[attestation-record] %s",
                          _("this host's own record of the carry cannot be used"));
    }
    return status == STATUS_OK ? STATUS_OK : STATUS_REFUSED;
}

/* ------------------------------------------------------------------ a connection */

enum status gate_answer(const struct gate *gate, json_t *answer, struct error *error)
{
    return gate_send(gate->connection, answer, NULL, 0, error);
}

enum status gate_next(struct gate_message *message, struct gate *gate, const char *step,
                      struct error *error)
{
    gate_log_close(gate);
    enum status status = gate_receive(message, gate->connection, error);
    if (status != STATUS_OK) {
        return status;
    }
    const char *found = gate_text(message->json, "step", 32);
    if (found == NULL || strcmp(found, step) != 0) {
        gate_message_free(message);
        return error_set(error, STATUS_CORRUPT, 0, "%s",
                         _("a message to the gate comes out of turn"));
    }
    return gate_log_open(gate, error);
}

static enum status run_step(struct gate *gate, struct gate_message *message, struct error *error)
{
    const char *name = gate_text(message->json, "step", 32);
    for (size_t i = 0; i < LENGTH(steps); i++) {
        if (name != NULL && strcmp(steps[i].name, name) == 0) {
            enum status status = begin_step(gate, steps[i].need, error);
            if (status == STATUS_OK) {
                status = steps[i].run(gate, message, error);
            } else if (status == STATUS_REFUSED) {
                gate_record_refusal(gate, error, NULL, NULL);
            }
            end_step(gate);
            return status;
        }
    }
    return error_set(error, STATUS_UNSUPPORTED, 0, "%s", _("the gate does not know this step"));
}

static enum status find_peer(struct gate *gate, struct error *error)
{
    struct ucred peer;
    socklen_t size = sizeof peer;
    struct timeval limit = {.tv_sec = ANSWER_SECONDS};
    if (getsockopt(gate->connection, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0 ||
        setsockopt(gate->connection, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) != 0 ||
        setsockopt(gate->connection, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) != 0) {
        return error_set_errno(error, errno, "%s", _("cannot tell who calls the gate"));
    }
    gate->caller_uid = peer.uid;
    gate->trusted = peer.uid == 0 || peer.uid == geteuid();
    return STATUS_OK;
}

enum status gate_serve(int connection, const struct gate_host *host, struct error *error)
{
    struct gate gate = {.connection = connection, .host = host, .lock = -1};
    enum status status = find_peer(&gate, error);
    while (status == STATUS_OK) {
        CLEANUP(gate_message_free) struct gate_message message = {.fds = {-1, -1}};
        status = gate_receive(&message, connection, error);
        if (status == STATUS_NOT_FOUND) {
            error_clear(error);
            return STATUS_OK;
        }
        if (status != STATUS_OK) {
            return status;
        }
        struct error problem = {0};
        if (run_step(&gate, &message, &problem) != STATUS_OK) {
            status = gate_answer(&gate, gate_error_json(&problem), error);
        }
    }
    return status;
}
