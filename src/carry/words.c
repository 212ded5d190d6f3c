/* words: what is said in signed tokens, and by whom. The tables are the format; README.md has the
 * story. Every kind has an implicit assertion of its own, so that no token can serve as another. */
#include "claims.h"
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ------------------------------------------------------------------ tables */

#define OUT(kind, name, member) CLAIM_MEMBER(struct carry_out, kind, name, member)
static const struct claim out_claims[] = {
    CLAIM_CHARS(struct carry_out, "carry", carry),
    CLAIM_CHARS(struct carry_out, "medium", medium),
    OUT(CLAIM_NUMBER, "persons", persons),
    OUT(CLAIM_MOMENT, "due", due),
    {0},
};

#define ATTESTED(kind, name, member) CLAIM_MEMBER(struct carry_attestation, kind, name, member)
static const struct claim attestation_claims[] = {
    CLAIM_CHARS(struct carry_attestation, "carry", carry),
    CLAIM_HEX(struct carry_attestation, "host", host),
    ATTESTED(CLAIM_TEXT, "host_name", host_name),
    ATTESTED(CLAIM_MOMENT, "iat", issued),
    CLAIM_CHARS(struct carry_attestation, "sub", requester),
    ATTESTED(CLAIM_TEXT, "data_set", data_set),
    ATTESTED(CLAIM_TEXT, "purpose", purpose),
    ATTESTED(CLAIM_TEXT, "destination", destination),
    ATTESTED(CLAIM_LIST, "parameters", parameters),
    CLAIM_CHARS(struct carry_attestation, "medium", medium),
    CLAIM_CHARS(struct carry_attestation, "medium_fingerprint", medium_fingerprint),
    CLAIM_CHARS(struct carry_attestation, "format", format),
    ATTESTED(CLAIM_MOMENT, "return_by", return_by),
    CLAIM_HEX(struct carry_attestation, "artefact", artefact),
    ATTESTED(CLAIM_NUMBER, "artefact_size", artefact_size),
    ATTESTED(CLAIM_NUMBER, "persons", persons),
    ATTESTED(CLAIM_NUMBER, "rows", rows),
    ATTESTED(CLAIM_NUMBER, "documents", documents),
    ATTESTED(CLAIM_LIST, "fields", fields),
    ATTESTED(CLAIM_LIST, "recipients", recipients),
    CLAIM_MAYBE(struct carry_attestation, CLAIM_TEXT, "sealed_passphrase", sealed_passphrase),
    ATTESTED(CLAIM_NUMBER, "outstanding_bearer", use.outstanding_bearer),
    ATTESTED(CLAIM_NUMBER, "outstanding_shop", use.outstanding_shop),
    ATTESTED(CLAIM_NUMBER, "rolling_bearer", use.rolling_bearer),
    ATTESTED(CLAIM_NUMBER, "rolling_shop", use.rolling_shop),
    {"others", CLAIM_ITEMS, offsetof(struct carry_attestation, others), sizeof(struct carry_out),
     false, out_claims, offsetof(struct carry_attestation, other_count)},
    CLAIM_HEX(struct carry_attestation, "policy", policy),
    ATTESTED(CLAIM_NUMBER, "policy_version", policy_version),
    ATTESTED(CLAIM_NUMBER, "log_size", log.size),
    CLAIM_HEX(struct carry_attestation, "log_root", log.root),
    {0},
};

#define REQUESTED(kind, name, member) CLAIM_MEMBER(struct carry_request, kind, name, member)
static const struct claim request_claims[] = {
    CLAIM_CHARS(struct carry_request, "sub", requester),
    REQUESTED(CLAIM_MOMENT, "iat", issued),
    REQUESTED(CLAIM_BUFFER, "attestation", attestation_token),
    REQUESTED(CLAIM_BUFFER, "policy", policy_text),
    REQUESTED(CLAIM_BUFFER, "policy_signature", policy_signature),
    {0},
};

#define APPROVED(kind, name, member) CLAIM_MEMBER(struct carry_approval, kind, name, member)
static const struct claim approval_claims[] = {
    CLAIM_CHARS(struct carry_approval, "iss", approver),
    CLAIM_CHARS(struct carry_approval, "sub", bearer),
    CLAIM_HEX(struct carry_approval, "aud", host),
    APPROVED(CLAIM_MOMENT, "iat", issued),
    APPROVED(CLAIM_MOMENT, "nbf", not_before),
    APPROVED(CLAIM_MOMENT, "exp", expires),
    CLAIM_CHARS(struct carry_approval, "jti", id),
    CLAIM_CHARS(struct carry_approval, "carry", carry),
    CLAIM_HEX(struct carry_approval, "request", request),
    CLAIM_HEX(struct carry_approval, "artefact", artefact),
    CLAIM_HEX(struct carry_approval, "policy", policy),
    APPROVED(CLAIM_NUMBER, "persons_max", persons_max),
    APPROVED(CLAIM_NUMBER, "documents_max", documents_max),
    APPROVED(CLAIM_LIST, "fields", fields),
    APPROVED(CLAIM_LIST, "recipients", recipients),
    CLAIM_CHARS(struct carry_approval, "medium", medium),
    CLAIM_CHARS(struct carry_approval, "medium_fingerprint", medium_fingerprint),
    CLAIM_CHARS(struct carry_approval, "format", format),
    APPROVED(CLAIM_TEXT, "purpose", purpose),
    APPROVED(CLAIM_TEXT, "destination", destination),
    APPROVED(CLAIM_MOMENT, "return_by", return_by),
    APPROVED(CLAIM_NUMBER, "log_size", log.size),
    CLAIM_HEX(struct carry_approval, "log_root", log.root),
    {0},
};

static const struct claim receipt_claims[] = {
    CLAIM_CHARS(struct carry_receipt, "sub", bearer),
    CLAIM_CHARS(struct carry_receipt, "carry", carry),
    CLAIM_HEX(struct carry_receipt, "approval", approval),
    CLAIM_HEX(struct carry_receipt, "challenge", challenge),
    CLAIM_MEMBER(struct carry_receipt, CLAIM_MOMENT, "iat", issued),
    {0},
};

/* A word with its kind as text. */
struct word {
    struct carry_word word;
    char kind[16];
};
static const struct claim word_claims[] = {
    CLAIM_CHARS(struct word, "word", kind),
    CLAIM_CHARS(struct word, "sub", word.person),
    CLAIM_CHARS(struct word, "carry", word.carry),
    CLAIM_MAYBE(struct word, CLAIM_ARRAY, "approval", word.approval),
    CLAIM_MAYBE(struct word, CLAIM_TEXT, "note", word.note),
    CLAIM_MEMBER(struct word, CLAIM_MOMENT, "iat", word.issued),
    {0},
};
static const char *const word_kinds[] = {
    [WORD_DENY] = "deny", [WORD_REVOKE] = "revoke", [WORD_RETURN] = "return",
    [WORD_LOST] = "lost", [WORD_FOUND] = "found",   [WORD_CLOCK] = "clock"};

#define ATTESTATION "kura/carry/1 attestation"
#define REQUEST "kura/carry/1 request"
#define RECEIPT "kura/carry/1 receipt"
#define WORD "kura/carry/1 word"

/* ------------------------------------------------------------------ signing and opening */

static enum status sign_claims(struct buffer *token, const void *from, const struct claim *table,
                               const struct signing_key *key, const char *implicit,
                               struct error *error)
{
    CLEANUP(buffer_free) struct buffer json = {0};
    enum status status = claims_encode(&json, from, table, error);
    return status == STATUS_OK ? paseto_sign(token, key, json.data, json.size, implicit, error)
                               : status;
}

/* What the keys room says of a token, as a rule of the gate. */
static enum status refuse_token(struct error *error)
{
    const char *rule = error->status == STATUS_UNAUTHENTIC   ? "token-forged"
                       : error->status == STATUS_UNSUPPORTED ? "token-version"
                                                             : "token-malformed";
    if (error->status == STATUS_CORRUPT || error->status == STATUS_UNAUTHENTIC ||
        error->status == STATUS_UNSUPPORTED) {
        error->status = STATUS_REFUSED;
        error_add_context(error, "[%s]", rule);
    }
    return error->status;
}

/* `into` is zeroed first. */
static enum status open_claims(void *into, size_t into_size, const struct claim *table,
                               const char *token, size_t size,
                               const unsigned char key[SIGN_PUBLIC_SIZE], const char *implicit,
                               struct error *error)
{
    CLEANUP(buffer_free) struct buffer payload = {0};
    memset(into, 0, into_size);
    enum status status = paseto_verify(&payload, token, size, key, implicit, error);
    return status == STATUS_OK ? claims_decode(into, table, payload.data, payload.size, error)
                               : refuse_token(error);
}

static void digest(unsigned char target[DIGEST_SIZE], const char *token, size_t size)
{
    crypto_generichash(target, DIGEST_SIZE, (const unsigned char *)token, size, NULL, 0);
}

/* Who in the policy signed it: by the token's kid. */
static enum status find_signer(const struct policy_person **person, struct minisign_public *key,
                               const struct policy *policy, const char *token, size_t size,
                               struct error *error)
{
    char wanted[PASERK_ID_SIZE], found[PASERK_ID_SIZE];
    if (paseto_key_id(wanted, token, size, error) != STATUS_OK) {
        return refuse_token(error);
    }
    for (size_t i = 0; i < policy->people_count; i++) {
        const char *text = policy->people[i].key;
        if (minisign_public_parse(key, text, strlen(text), error) != STATUS_OK) {
            return error->status;
        }
        paserk_id(found, key->key);
        if (strcmp(wanted, found) == 0) {
            *person = &policy->people[i];
            return STATUS_OK;
        }
    }
    error_set(error, STATUS_REFUSED, 0, "[token-key] %s",
              _("nobody in the policy has the key that signed this"));
    return error_set_hint(error, "%s", _("Sign with the key that the policy names for you."));
}

/* Opens what a person of the policy signed, and that `claimed`, a member of it, is that person. */
static enum status open_personal(void *into, size_t into_size, const struct claim *table,
                                 const char *claimed, const char *token, size_t size,
                                 const struct policy *policy, const char *implicit,
                                 struct error *error)
{
    const struct policy_person *person = NULL;
    struct minisign_public key;
    enum status status = find_signer(&person, &key, policy, token, size, error);
    if (status != STATUS_OK || person == NULL) {
        return status;
    }
    status = open_claims(into, into_size, table, token, size, key.key, implicit, error);
    if (status == STATUS_OK && strcmp(claimed, person->id) != 0) {
        claims_free(into, table);
        status =
            error_set(error, STATUS_REFUSED, 0,
                      _("[token-person] \"%s\" signed in the name of \"%s\""), person->id, claimed);
    }
    return status;
}

/* ------------------------------------------------------------------ attestation and request */

enum status carry_attestation_sign(struct buffer *token,
                                   const struct carry_attestation *attestation,
                                   const struct signing_key *host, struct error *error)
{
    return sign_claims(token, attestation, attestation_claims, host, ATTESTATION, error);
}

enum status carry_attestation_open(struct carry_attestation *attestation, const char *token,
                                   size_t size, const unsigned char host[SIGN_PUBLIC_SIZE],
                                   struct error *error)
{
    return open_claims(attestation, sizeof *attestation, attestation_claims, token, size, host,
                       ATTESTATION, error);
}

enum status carry_attestation_peek(struct carry_attestation *attestation,
                                   const struct buffer *payload, struct error *error)
{
    *attestation = (struct carry_attestation){0};
    return claims_decode(attestation, attestation_claims, payload->data, payload->size, error);
}

enum status carry_approval_peek(char bearer[POLICY_NAME_SIZE],
                                unsigned char token_digest[DIGEST_SIZE], const struct buffer *token,
                                struct error *error)
{
    CLEANUP(carry_approval_free) struct carry_approval approval = {0};
    CLEANUP(buffer_free) struct buffer payload = {0};
    const char *text = (const char *)token->data;
    if (paseto_peek(&payload, text, token->size, error) != STATUS_OK) {
        return refuse_token(error);
    }
    enum status status =
        claims_decode(&approval, approval_claims, payload.data, payload.size, error);
    if (status == STATUS_OK) {
        memcpy(bearer, approval.bearer, POLICY_NAME_SIZE);
        digest(token_digest, text, token->size);
    }
    return status;
}

enum status carry_request_sign(struct buffer *token, const struct carry_request *request,
                               const struct signing_key *staff, struct error *error)
{
    return sign_claims(token, request, request_claims, staff, REQUEST, error);
}

/* A request names its own judge of form: the policy inside. So its claims are read twice: first to
 * find the policy, which the root verifies; then with the requester's key by that policy. */
static enum status peek_policy(struct carry_policy *policy, const char *token, size_t size,
                               const struct minisign_public *root, struct error *error)
{
    CLEANUP(carry_request_free) struct carry_request peeked = {0};
    CLEANUP(buffer_free) struct buffer payload = {0};
    if (paseto_peek(&payload, token, size, error) != STATUS_OK) {
        return refuse_token(error);
    }
    enum status status = claims_decode(&peeked, request_claims, payload.data, payload.size, error);
    return status == STATUS_OK
               ? carry_policy_verify(policy, peeked.policy_text.data, peeked.policy_text.size,
                                     peeked.policy_signature.data, peeked.policy_signature.size,
                                     root, error)
               : status;
}

/* The attestation's host must be in the policy; which one it is, its kid says. */
static enum status open_attestation(struct carry_request *request, const struct policy *policy,
                                    struct error *error)
{
    const char *token = (const char *)request->attestation_token.data;
    size_t size = request->attestation_token.size;
    char wanted[PASERK_ID_SIZE], found[PASERK_ID_SIZE];
    if (paseto_key_id(wanted, token, size, error) != STATUS_OK) {
        return refuse_token(error);
    }
    for (size_t i = 0; i < policy->host_count; i++) {
        unsigned char key[SIGN_PUBLIC_SIZE];
        const char *text = policy->hosts[i].key;
        if (!hex_decode(key, sizeof key, text, strlen(text))) {
            continue;
        }
        paserk_id(found, key);
        if (strcmp(wanted, found) == 0) {
            enum status status =
                carry_attestation_open(&request->attestation, token, size, key, error);
            return status == STATUS_OK && memcmp(request->attestation.host, key, sizeof key) != 0
                       ? error_set(error, STATUS_REFUSED, 0, "[attestation] %s",
                                   _("a host swears in another host's name"))
                       : status;
        }
    }
    return error_set(error, STATUS_REFUSED, 0, "[attestation-host] %s",
                     _("the host that swears to the request is not in the policy"));
}

static enum status check_request(const struct carry_request *request,
                                 const struct carry_policy *policy, struct error *error)
{
    const struct carry_attestation *attestation = &request->attestation;
    if (strcmp(attestation->requester, request->requester) != 0) {
        return error_set(error, STATUS_REFUSED, 0, "[attestation] %s",
                         _("the host swears to another person's request"));
    }
    if (memcmp(attestation->policy, policy->digest, DIGEST_SIZE) != 0) {
        return error_set(error, STATUS_REFUSED, 0, "[attestation] %s",
                         _("the request carries another policy than the host had"));
    }
    return STATUS_OK;
}

enum status carry_request_open(struct carry_request *request, struct carry_policy *policy,
                               const char *token, size_t size, const struct minisign_public *root,
                               struct error *error)
{
    *request = (struct carry_request){0};
    *policy = (struct carry_policy){0};
    enum status status = peek_policy(policy, token, size, root, error);
    if (status == STATUS_OK) {
        status = open_personal(request, sizeof *request, request_claims, request->requester, token,
                               size, &policy->policy, REQUEST, error);
    }
    if (status == STATUS_OK) {
        status = open_attestation(request, &policy->policy, error);
    }
    if (status == STATUS_OK) {
        status = check_request(request, policy, error);
    }
    if (status != STATUS_OK) {
        carry_request_free(request);
        carry_policy_free(policy);
        return status;
    }
    digest(request->digest, token, size);
    return STATUS_OK;
}

/* ------------------------------------------------------------------ approval */

/* The host and the policy that a token is for are not in it but under it: one for another host or
 * an older policy does not verify. */
static void approval_implicit(char *implicit, size_t size, const unsigned char *host,
                              const unsigned char *policy)
{
    char host_hex[2 * SIGN_PUBLIC_SIZE + 1], policy_hex[2 * DIGEST_SIZE + 1];
    snprintf(implicit, size, "carry-v1|%s|%s", hex_encode(host_hex, host, SIGN_PUBLIC_SIZE),
             hex_encode(policy_hex, policy, DIGEST_SIZE));
}

enum status carry_approval_sign(struct buffer *token, const struct carry_approval *approval,
                                const struct signing_key *approver, struct error *error)
{
    char implicit[160];
    approval_implicit(implicit, sizeof implicit, approval->host, approval->policy);
    return sign_claims(token, approval, approval_claims, approver, implicit, error);
}

/* A token for another host or under another policy does not verify. What it claims of itself may
 * choose the words of the refusal, for that grants nothing. */
static void explain_forged(const char *token, size_t size, const unsigned char *host,
                           const unsigned char *policy, struct error *error)
{
    CLEANUP(carry_approval_free) struct carry_approval claimed = {0};
    CLEANUP(buffer_free) struct buffer payload = {0};
    struct error ignored = {0};
    if (strstr(error->message, "[token-forged]") == NULL ||
        paseto_peek(&payload, token, size, &ignored) != STATUS_OK ||
        claims_decode(&claimed, approval_claims, payload.data, payload.size, &ignored) !=
            STATUS_OK) {
        return;
    }
    if (memcmp(claimed.host, host, SIGN_PUBLIC_SIZE) != 0) {
        error_set(error, STATUS_REFUSED, 0, "[other-host] %s",
                  _("the approval is for another host"));
    } else if (memcmp(claimed.policy, policy, DIGEST_SIZE) != 0) {
        error_set(error, STATUS_REFUSED, 0, "[token-policy] %s",
                  _("the policy was changed since the approval was given"));
        error_set_hint(error, "%s", _("Ask for the carry and for its approval anew."));
    }
}

enum status carry_approval_open(struct carry_approval *approval, const char *token, size_t size,
                                const struct policy *policy,
                                const unsigned char host[SIGN_PUBLIC_SIZE],
                                const unsigned char policy_digest[DIGEST_SIZE], struct error *error)
{
    char implicit[160];
    approval_implicit(implicit, sizeof implicit, host, policy_digest);
    enum status status = open_personal(approval, sizeof *approval, approval_claims,
                                       approval->approver, token, size, policy, implicit, error);
    if (status != STATUS_OK) {
        explain_forged(token, size, host, policy_digest, error);
        return error->status;
    }
    digest(approval->digest, token, size);
    return STATUS_OK;
}

/* ------------------------------------------------------------------ receipt and word */

enum status carry_receipt_sign(struct buffer *token, const struct carry_receipt *receipt,
                               const struct signing_key *bearer, struct error *error)
{
    return sign_claims(token, receipt, receipt_claims, bearer, RECEIPT, error);
}

enum status carry_receipt_open(struct carry_receipt *receipt, const char *token, size_t size,
                               const struct policy *policy, struct error *error)
{
    return open_personal(receipt, sizeof *receipt, receipt_claims, receipt->bearer, token, size,
                         policy, RECEIPT, error);
}

enum status carry_word_sign(struct buffer *token, const struct carry_word *word,
                            const struct signing_key *person, struct error *error)
{
    struct word written = {.word = *word};
    snprintf(written.kind, sizeof written.kind, "%s", word_kinds[word->kind]);
    return sign_claims(token, &written, word_claims, person, WORD, error);
}

enum status carry_word_open(struct carry_word *word, const char *token, size_t size,
                            const struct policy *policy, struct error *error)
{
    struct word read = {0};
    *word = (struct carry_word){0};
    enum status status = open_personal(&read, sizeof read, word_claims, read.word.person, token,
                                       size, policy, WORD, error);
    if (status != STATUS_OK) {
        return status;
    }
    for (size_t i = 0; i < LENGTH(word_kinds); i++) {
        if (strcmp(read.kind, word_kinds[i]) == 0) {
            *word = read.word;
            word->kind = (enum carry_word_kind)i;
            return STATUS_OK;
        }
    }
    claims_free(&read, word_claims);
    return error_set(error, STATUS_REFUSED, 0, "[claims] %s", _("the word is unknown"));
}

/* ------------------------------------------------------------------ freeing */

void carry_attestation_free(struct carry_attestation *attestation)
{
    claims_free(attestation, attestation_claims);
}

void carry_request_free(struct carry_request *request)
{
    claims_free(request, request_claims);
    carry_attestation_free(&request->attestation);
}

void carry_approval_free(struct carry_approval *approval)
{
    claims_free(approval, approval_claims);
}

void carry_word_free(struct carry_word *word)
{
    memory_free(&word->note);
    word->note = NULL;
}
