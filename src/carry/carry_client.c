/* carry_client: connects to the gate, or runs it in this process over a socket pair; asks for a
 * carry, lists, and hands on signed words. */
#include "client_private.h"
#include "shared.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static void *serve(void *context)
{
    struct carry_client *client = context;
    struct error ignored = {0};
    if (gate_serve(client->other_end, client->host, &ignored) != STATUS_OK) {
        error_clear(&ignored); /* our own half notices the broken connection */
    }
    file_close(&client->other_end);
    return NULL;
}

static enum status open_in_process(struct carry_client *client, struct error *error)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
        return error_set_errno(error, errno, "%s", _("cannot make a socket pair"));
    }
    client->connection = ends[0];
    client->other_end = ends[1];
    enum status status = thread_start(&client->thread, serve, client, error);
    client->in_process = status == STATUS_OK;
    if (status != STATUS_OK) {
        file_close(&client->other_end);
    }
    return status;
}

static enum status connect_to(struct carry_client *client, const char *path, struct error *error)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path) {
        return error_set(error, STATUS_USAGE, 0, _("the socket's path %s is too long"), path);
    }
    memcpy(address.sun_path, path, strlen(path) + 1);
    client->connection = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (client->connection < 0 ||
        connect(client->connection, (struct sockaddr *)&address, sizeof address) != 0) {
        error_set_errno(error, errno, _("cannot reach the gate at %s"), path);
        return error_set_hint(error, "%s",
                              _("Is the service kura-gate started, and are you in its group?"));
    }
    return STATUS_OK;
}

enum status carry_client_open(struct carry_client **client, const char *socket_path,
                              const struct gate_host *host, struct error *error)
{
    *client = calloc(1, sizeof **client);
    if (*client == NULL) {
        return error_set_memory(error);
    }
    (*client)->connection = -1;
    (*client)->other_end = -1;
    (*client)->host = host;
    enum status status =
        host != NULL ? open_in_process(*client, error) : connect_to(*client, socket_path, error);
    if (status != STATUS_OK) {
        carry_client_free(*client);
        *client = NULL;
    }
    return status;
}

void carry_client_free(struct carry_client *client)
{
    if (client == NULL) {
        return;
    }
    file_close(&client->connection);
    if (client->in_process) {
        pthread_join(client->thread, NULL);
    }
    free(client);
}

enum status client_malformed(struct error *error)
{
    return error_set(error, STATUS_CORRUPT, 0, "%s", _("an answer of the gate is malformed"));
}

enum status client_ask(struct gate_message *answer, struct carry_client *client, json_t *message,
                       int fd, struct error *error)
{
    *answer = (struct gate_message){.fds = {-1, -1}};
    enum status status = gate_send(client->connection, message, &fd, fd < 0 ? 0 : 1, error);
    if (status == STATUS_OK) {
        status = gate_receive(answer, client->connection, error);
    }
    if (status == STATUS_NOT_FOUND) {
        error->status = STATUS_UNREACHABLE;
        return STATUS_UNREACHABLE;
    }
    return status == STATUS_OK ? gate_error_take(answer->json, error) : status;
}

/* ------------------------------------------------------------------ request */

static json_t *json_ask(const struct carry_ask *ask)
{
    json_t *parameters = json_array();
    for (const char *const *item = ask->parameters; item != NULL && *item != NULL; item++) {
        if (json_array_append_new(parameters, json_string(*item)) != 0) {
            json_decref(parameters);
            return NULL; /* not UTF-8 */
        }
    }
    char key[MINISIGN_PUBLIC_TEXT_SIZE], due[MOMENT_TEXT_SIZE];
    minisign_public_format(key, &ask->key->public_key);
    return json_pack("{s:s,s:s,s:o,s:b,s:b,s:s,s:s,s:s,s:s,s:s}", "step", "request", "data_set",
                     ask->data_set, "parameters", parameters, "documents", ask->documents, "zip",
                     ask->zip, "purpose", ask->purpose, "destination", ask->destination, "medium",
                     ask->medium, "return_by", moment_format(due, ask->return_by), "key", key);
}

static enum status take_text(struct buffer *target, const json_t *json, const char *name,
                             struct error *error)
{
    const char *text = gate_text(json, name, PASETO_SIZE_LIMIT);
    return text == NULL ? client_malformed(error) : buffer_append_text(target, text, error);
}

/* What the requester signs. The requester's own id comes from the sworn policy: under a forged one
 * the gate and the approver refuse. */
static enum status sign_request(struct buffer *token, const json_t *answer,
                                const struct carry_ask *ask, struct error *error)
{
    CLEANUP(carry_request_free)
    struct carry_request request = {.issued = {.seconds = moment_now().seconds}};
    CLEANUP(policy_free) struct policy policy = {0};
    enum status status = take_text(&request.attestation_token, answer, "attestation", error);
    if (status == STATUS_OK) {
        status = take_text(&request.policy_text, answer, "policy", error);
    }
    if (status == STATUS_OK) {
        status = take_text(&request.policy_signature, answer, "policy_signature", error);
    }
    if (status == STATUS_OK) {
        status = policy_parse(&policy, request.policy_text.data, request.policy_text.size,
                              "policy.yaml", error);
    }
    if (status != STATUS_OK) {
        return status;
    }
    const struct policy_person *person = carry_key_owner(&policy, &ask->key->public_key);
    if (person == NULL) {
        return carry_refuse(error, "bearer-key", _("the policy names nobody with this key"));
    }
    snprintf(request.requester, sizeof request.requester, "%s", person->id);
    return carry_request_sign(token, &request, &ask->key->signing, error);
}

static enum status open_sworn(struct carry_attestation *attestation, const json_t *answer,
                              struct error *error)
{
    /* The host's own key: of this machine, or as the gate names it; for showing only. */
    CLEANUP(buffer_free) struct buffer payload = {0};
    CLEANUP(buffer_free) struct buffer token = {0};
    enum status status = take_text(&token, answer, "attestation", error);
    if (status == STATUS_OK) {
        status = paseto_peek(&payload, (const char *)token.data, token.size, error);
    }
    return status == STATUS_OK ? carry_attestation_peek(attestation, &payload, error) : status;
}

enum status carry_client_request(struct buffer *token, struct carry_attestation *attestation,
                                 struct carry_client *client, const struct carry_ask *ask,
                                 struct error *error)
{
    CLEANUP(gate_message_free) struct gate_message sworn = {.fds = {-1, -1}};
    CLEANUP(gate_message_free) struct gate_message recorded = {.fds = {-1, -1}};
    enum status status = client_ask(&sworn, client, json_ask(ask), -1, error);
    if (status == STATUS_OK) {
        status = sign_request(token, sworn.json, ask, error);
    }
    if (status == STATUS_OK) {
        status = client_ask(&recorded, client,
                            json_pack("{s:s,s:s%}", "step", "signed", "request",
                                      (const char *)token->data, token->size),
                            -1, error);
    }
    return status == STATUS_OK ? open_sworn(attestation, sworn.json, error) : status;
}

/* ------------------------------------------------------------------ list and words */

enum status carry_client_list(json_t **list, struct carry_client *client, struct error *error)
{
    CLEANUP(gate_message_free) struct gate_message answer = {.fds = {-1, -1}};
    enum status status = client_ask(&answer, client, json_pack("{s:s}", "step", "list"), -1, error);
    if (status == STATUS_OK) {
        *list = json_incref(answer.json);
    }
    return status;
}

enum status carry_client_offers(json_t **offers, struct carry_client *client,
                                const struct minisign_public *key, struct error *error)
{
    CLEANUP(gate_message_free) struct gate_message answer = {.fds = {-1, -1}};
    char text[MINISIGN_PUBLIC_TEXT_SIZE] = "";
    if (key != NULL) {
        minisign_public_format(text, key);
    }
    enum status status = client_ask(
        &answer, client,
        json_pack("{s:s,s:s*}", "step", "offers", "key", key == NULL ? NULL : text), -1, error);
    if (status == STATUS_OK) {
        *offers = json_incref(answer.json);
    }
    return status;
}

enum status carry_client_tell(struct carry_client *client, const char *token, size_t size,
                              json_t **facts, struct error *error)
{
    CLEANUP(gate_message_free) struct gate_message answer = {.fds = {-1, -1}};
    enum status status = client_ask(
        &answer, client, json_pack("{s:s,s:s%}", "step", "tell", "word", token, size), -1, error);
    if (status == STATUS_OK) {
        *facts = json_incref(answer.json);
    }
    return status;
}

static enum status sign_clock(struct buffer *token, const char *challenge,
                              const struct carry_clock *clock, struct error *error)
{
    CLEANUP(memory_free) char *note = clock->note == NULL ? NULL : strdup(clock->note);
    struct carry_word word = {
        .kind = WORD_CLOCK, .carry = "-", .note = note, .issued = {.seconds = clock->now.seconds}};
    snprintf(word.person, sizeof word.person, "%s", clock->person);
    snprintf(word.approval, sizeof word.approval, "%s", challenge);
    return carry_word_sign(token, &word, &clock->key->signing, error);
}

enum status carry_client_clock(json_t **facts, struct carry_client *client,
                               const struct carry_clock *clock, struct error *error)
{
    CLEANUP(gate_message_free) struct gate_message question = {.fds = {-1, -1}};
    CLEANUP(gate_message_free) struct gate_message done = {.fds = {-1, -1}};
    CLEANUP(buffer_free) struct buffer token = {0};
    enum status status =
        client_ask(&question, client, json_pack("{s:s}", "step", "clock"), -1, error);
    const char *challenge = gate_text(question.json, "challenge", 32);
    if (status == STATUS_OK && challenge == NULL) {
        status = client_malformed(error);
    }
    if (status == STATUS_OK) {
        status = sign_clock(&token, challenge, clock, error);
    }
    if (status == STATUS_OK) {
        status = client_ask(
            &done, client,
            json_pack("{s:s,s:s%}", "step", "word", "word", (const char *)token.data, token.size),
            -1, error);
    }
    if (status == STATUS_OK) {
        *facts = json_pack("{s:O}", "newest", json_object_get(question.json, "newest"));
    }
    return status == STATUS_OK && *facts == NULL ? client_malformed(error) : status;
}

enum status carry_client_report(struct carry_client *client, enum carry_word_kind kind,
                                const char *carry, const char *note, json_t **facts,
                                struct error *error)
{
    CLEANUP(gate_message_free) struct gate_message answer = {.fds = {-1, -1}};
    enum status status =
        client_ask(&answer, client,
                   json_pack("{s:s,s:s,s:s,s:s*}", "step", "tell", "word_kind",
                             kind == WORD_LOST ? "lost" : "found", "carry", carry, "note", note),
                   -1, error);
    if (status == STATUS_OK) {
        *facts = json_incref(answer.json);
    }
    return status;
}
