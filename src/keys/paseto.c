/* paseto: PASETO v4.public tokens, of which the footer holds nothing but the key id.
 *
 *     v4.public. base64url(payload | signature (64)) . base64url({"kid":"k4.pid.…"})
 *
 * The signature is Ed25519 over the pre-authentication encoding of four pieces: "v4.public.",
 * payload, footer and implicit assertion. A token has one text only: base64url is without padding
 * and canonical, the footer is exactly these bytes, and nothing may follow. So the text of a token
 * identifies it, and no JSON is read here before it is authenticated.
 */
#include "paseto.h"
#include "sign_bytes.h"
#include <sodium.h>
#include <string.h>

#define HEADER "v4.public."
#define HEADER_SIZE (sizeof(HEADER) - 1)
#define PAYLOAD_LIMIT (PASETO_SIZE_LIMIT / 2)

#define ID_PREFIX "k4.pid."
#define ID_HASH_SIZE 33
#define FOOTER_START "{\"kid\":\""
#define FOOTER_END "\"}"
#define FOOTER_SIZE (sizeof(FOOTER_START) - 1 + PASERK_ID_SIZE - 1 + sizeof(FOOTER_END) - 1)
_Static_assert(PASERK_ID_SIZE - sizeof(ID_PREFIX) + 1 ==
                   sodium_base64_ENCODED_LEN(ID_HASH_SIZE,
                                             sodium_base64_VARIANT_URLSAFE_NO_PADDING),
               "a key id");

/* ------------------------------------------------------------------ pieces */

/* Appends base64url without padding. */
static enum status append_base64(struct buffer *text, const void *data, size_t size,
                                 struct error *error)
{
    size_t encoded_size = sodium_base64_encoded_len(size, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    enum status status = buffer_reserve(text, encoded_size, error);
    if (status == STATUS_OK) {
        sodium_bin2base64((char *)text->data + text->size, encoded_size, data, size,
                          sodium_base64_VARIANT_URLSAFE_NO_PADDING);
        text->size += encoded_size - 1;
    }
    return status;
}

/* Only canonical base64url is decoded: two texts of one token would be two tokens. */
static bool decode(void *target, size_t limit, size_t *decoded, const char *text, size_t size)
{
    return text_ascii(text, size) &&
           sodium_base642bin(target, limit, text, size, NULL, decoded, NULL,
                             sodium_base64_VARIANT_URLSAFE_NO_PADDING) == 0;
}

static enum status append_piece(struct buffer *encoded, const void *data, size_t size,
                                struct error *error)
{
    enum status status = buffer_append_u64(encoded, size, error);
    return status == STATUS_OK && size > 0 ? buffer_append(encoded, data, size, error) : status;
}

/* The pre-authentication encoding: the length of each piece stands before it, so that no bytes can
 * move from one to the next. */
static enum status encode(struct buffer *encoded, const struct paseto_content *content,
                          struct error *error)
{
    enum status status = buffer_append_u64(encoded, 4, error);
    if (status == STATUS_OK) {
        status = append_piece(encoded, HEADER, HEADER_SIZE, error);
    }
    if (status == STATUS_OK) {
        status = append_piece(encoded, content->payload, content->payload_size, error);
    }
    if (status == STATUS_OK) {
        status = append_piece(encoded, content->footer, content->footer_size, error);
    }
    return status == STATUS_OK
               ? append_piece(encoded, content->implicit, strlen(content->implicit), error)
               : status;
}

/* ------------------------------------------------------------------ the text of a token */

struct parts {
    const char *body;
    size_t body_size;
    const char *footer; /* NULL: none */
    size_t footer_size;
};

static enum status bad_token(struct error *error)
{
    return error_set(error, STATUS_CORRUPT, 0, "%s", _("this is not a well-formed token"));
}

/* "v", digits, ".local." or ".public.": a token, but not one of ours. */
static bool is_other_kind(const char *token, size_t size)
{
    size_t at = 1;
    if (size == 0 || token[0] != 'v') {
        return false;
    }
    while (at < size && token[at] >= '0' && token[at] <= '9') {
        at++;
    }
    const char *rest = token + at;
    size_t left = size - at;
    return at > 1 && ((left >= 7 && memcmp(rest, ".local.", 7) == 0) ||
                      (left >= 8 && memcmp(rest, ".public.", 8) == 0));
}

static enum status split(struct parts *parts, const char *token, size_t size, struct error *error)
{
    if (size > PASETO_SIZE_LIMIT) {
        return error_set(error, STATUS_CORRUPT, 0,
                         _("the token is longer than the %zu characters allowed"),
                         PASETO_SIZE_LIMIT);
    }
    if (size < HEADER_SIZE || memcmp(token, HEADER, HEADER_SIZE) != 0) {
        return is_other_kind(token, size)
                   ? error_set(error, STATUS_UNSUPPORTED, 0, "%s",
                               _("the token is not of the kind v4.public, the only one accepted"))
                   : bad_token(error);
    }
    const char *body = token + HEADER_SIZE;
    size_t left = size - HEADER_SIZE;
    const char *dot = memchr(body, '.', left);
    *parts = (struct parts){.body = body, .body_size = dot == NULL ? left : (size_t)(dot - body)};
    if (dot == NULL) {
        return STATUS_OK;
    }
    parts->footer = dot + 1;
    parts->footer_size = left - parts->body_size - 1;
    return parts->footer_size == 0 ? bad_token(error) : STATUS_OK;
}

/* ------------------------------------------------------------------ any token */

enum status paseto_compose(struct buffer *token, const struct signing_key *key,
                           const struct paseto_content *content, struct error *error)
{
    CLEANUP(buffer_free) struct buffer encoded = {0};
    CLEANUP(buffer_free) struct buffer body = {0};
    unsigned char signature[SIGN_SIZE];
    if (content->payload_size > PAYLOAD_LIMIT || content->footer_size > PASETO_FOOTER_LIMIT) {
        return error_set(error, STATUS_USAGE, 0, _("a token cannot hold more than %zu bytes"),
                         PAYLOAD_LIMIT);
    }
    enum status status = encode(&encoded, content, error);
    if (status == STATUS_OK) {
        status = sign_bytes(signature, key, encoded.data, encoded.size, error);
    }
    if (status == STATUS_OK) {
        status = buffer_append(&body, content->payload, content->payload_size, error);
    }
    if (status == STATUS_OK) {
        status = buffer_append(&body, signature, sizeof(signature), error);
    }
    if (status == STATUS_OK) {
        status = buffer_append_text(token, HEADER, error);
    }
    if (status == STATUS_OK) {
        status = append_base64(token, body.data, body.size, error);
    }
    if (status != STATUS_OK || content->footer_size == 0) {
        return status;
    }
    status = buffer_append_text(token, ".", error);
    return status == STATUS_OK ? append_base64(token, content->footer, content->footer_size, error)
                               : status;
}

static enum status verify(const struct paseto_content *content,
                          const unsigned char signature[SIGN_SIZE],
                          const unsigned char public_key[SIGN_PUBLIC_SIZE], struct error *error)
{
    CLEANUP(buffer_free) struct buffer encoded = {0};
    enum status status = encode(&encoded, content, error);
    if (status != STATUS_OK) {
        return status;
    }
    return crypto_sign_verify_detached(signature, encoded.data, encoded.size, public_key) == 0
               ? STATUS_OK
               : error_set(error, STATUS_UNAUTHENTIC, 0, "%s",
                           _("the token's signature is not valid"));
}

enum status paseto_open(struct buffer *payload, const char *token, size_t size,
                        const unsigned char public_key[SIGN_PUBLIC_SIZE], const char *implicit,
                        struct error *error)
{
    CLEANUP(buffer_free) struct buffer body = {0};
    unsigned char footer[PASETO_FOOTER_LIMIT];
    struct paseto_content content = {.footer = footer, .implicit = implicit};
    struct parts parts = {0};
    size_t body_size = 0;
    enum status status = split(&parts, token, size, error);
    if (status == STATUS_OK) {
        status = buffer_reserve(&body, parts.body_size + 1, error);
    }
    if (status != STATUS_OK) {
        return status;
    }
    if (!decode(body.data, body.capacity, &body_size, parts.body, parts.body_size) ||
        body_size < SIGN_SIZE ||
        (parts.footer != NULL &&
         !decode(footer, sizeof(footer), &content.footer_size, parts.footer, parts.footer_size))) {
        return bad_token(error);
    }
    content.payload = body.data;
    content.payload_size = body_size - SIGN_SIZE;
    status = verify(&content, body.data + content.payload_size, public_key, error);
    if (status != STATUS_OK) {
        return status;
    }
    buffer_clear(payload);
    status = buffer_reserve(payload, content.payload_size + 1, error);
    if (status == STATUS_OK) {
        memcpy(payload->data, body.data, content.payload_size);
        payload->data[content.payload_size] = '\0';
        payload->size = content.payload_size;
    }
    return status;
}

/* ------------------------------------------------------------------ our tokens */

void paserk_id(char id[PASERK_ID_SIZE], const unsigned char public_key[SIGN_PUBLIC_SIZE])
{
    /* BLAKE2b-264 over the prefix and the key's own PASERK. */
    char text[sizeof(ID_PREFIX "k4.public.") - 1 +
              sodium_base64_ENCODED_LEN(SIGN_PUBLIC_SIZE,
                                        sodium_base64_VARIANT_URLSAFE_NO_PADDING)] =
        ID_PREFIX "k4.public.";
    unsigned char hash[ID_HASH_SIZE];
    size_t size = strlen(text);
    sodium_bin2base64(text + size, sizeof(text) - size, public_key, SIGN_PUBLIC_SIZE,
                      sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    crypto_generichash(hash, sizeof(hash), (const unsigned char *)text, strlen(text), NULL, 0);
    memcpy(id, ID_PREFIX, sizeof(ID_PREFIX) - 1);
    sodium_bin2base64(id + sizeof(ID_PREFIX) - 1, PASERK_ID_SIZE - sizeof(ID_PREFIX) + 1, hash,
                      sizeof(hash), sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

/* Takes the id out of a footer of exactly our form. */
static bool take_id(char id[PASERK_ID_SIZE], const char *footer, size_t size)
{
    const char *found = footer + sizeof(FOOTER_START) - 1;
    const char *end = found + PASERK_ID_SIZE - 1;
    const char *hash_text = found + sizeof(ID_PREFIX) - 1;
    unsigned char hash[ID_HASH_SIZE];
    size_t hash_size = 0;
    if (size != FOOTER_SIZE || memcmp(footer, FOOTER_START, sizeof(FOOTER_START) - 1) != 0 ||
        memcmp(found, ID_PREFIX, sizeof(ID_PREFIX) - 1) != 0 ||
        !decode(hash, sizeof(hash), &hash_size, hash_text, (size_t)(end - hash_text)) ||
        memcmp(end, FOOTER_END, sizeof(FOOTER_END) - 1) != 0) {
        return false;
    }
    memcpy(id, found, PASERK_ID_SIZE - 1);
    id[PASERK_ID_SIZE - 1] = '\0';
    return true;
}

enum status paseto_sign(struct buffer *token, const struct signing_key *key, const void *payload,
                        size_t size, const char *implicit, struct error *error)
{
    char id[PASERK_ID_SIZE];
    char footer[FOOTER_SIZE + 1];
    paserk_id(id, key->public_key);
    snprintf(footer, sizeof(footer), FOOTER_START "%s" FOOTER_END, id);
    const struct paseto_content content = {.payload = payload,
                                           .payload_size = size,
                                           .footer = footer,
                                           .footer_size = FOOTER_SIZE,
                                           .implicit = implicit};
    return paseto_compose(token, key, &content, error);
}

enum status paseto_key_id(char id[PASERK_ID_SIZE], const char *token, size_t size,
                          struct error *error)
{
    struct parts parts = {0};
    char footer[PASETO_FOOTER_LIMIT];
    size_t footer_size = 0;
    enum status status = split(&parts, token, size, error);
    if (status != STATUS_OK) {
        return status;
    }
    if (parts.footer == NULL ||
        !decode(footer, sizeof(footer), &footer_size, parts.footer, parts.footer_size) ||
        !take_id(id, footer, footer_size)) {
        return error_set(error, STATUS_CORRUPT, 0, "%s",
                         _("the token's footer does not hold a key id alone"));
    }
    return STATUS_OK;
}

enum status paseto_verify(struct buffer *payload, const char *token, size_t size,
                          const unsigned char public_key[SIGN_PUBLIC_SIZE], const char *implicit,
                          struct error *error)
{
    char found[PASERK_ID_SIZE];
    char wanted[PASERK_ID_SIZE];
    enum status status = paseto_key_id(found, token, size, error);
    if (status != STATUS_OK) {
        return status;
    }
    paserk_id(wanted, public_key);
    if (strcmp(found, wanted) != 0) {
        return error_set(error, STATUS_UNAUTHENTIC, 0, "%s", _("the token is by another key"));
    }
    return paseto_open(payload, token, size, public_key, implicit, error);
}

enum status paseto_peek(struct buffer *payload, const char *token, size_t size, struct error *error)
{
    struct parts parts = {0};
    size_t body_size = 0;
    buffer_clear(payload);
    enum status status = split(&parts, token, size, error);
    if (status == STATUS_OK) {
        status = buffer_reserve(payload, parts.body_size + 1, error);
    }
    if (status != STATUS_OK) {
        return status;
    }
    if (!decode(payload->data, payload->capacity, &body_size, parts.body, parts.body_size) ||
        body_size < SIGN_SIZE) {
        return bad_token(error);
    }
    payload->size = body_size - SIGN_SIZE;
    payload->data[payload->size] = '\0';
    return STATUS_OK;
}
