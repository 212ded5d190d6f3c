/* age_recipient: who may open a file, by X25519.
 *
 *     -> X25519 SHARE            an ephemeral public key, fresh for each stanza
 *     file key under the wrap key
 *
 * The wrap key is HKDF-SHA-256 of the shared secret, salted with both public keys. Points of low
 * order, with which the shared secret would be known to all, are refused on both ways.
 */
#include "age_bech32.h"
#include "age_private.h"
#include "hkdf.h"
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PREFIX "age"
#define RECIPIENTS_FILE_LIMIT 65536
#define X25519_INFO "age-encryption.org/v1/X25519"

static const unsigned char zero_nonce[crypto_aead_chacha20poly1305_IETF_NPUBBYTES];

static void derive_wrap_key(unsigned char *wrap_key, const unsigned char *shared,
                            const unsigned char share[AGE_KEY_SIZE],
                            const unsigned char recipient[AGE_KEY_SIZE])
{
    unsigned char salt[2 * AGE_KEY_SIZE];
    memcpy(salt, share, AGE_KEY_SIZE);
    memcpy(salt + AGE_KEY_SIZE, recipient, AGE_KEY_SIZE);
    hkdf_sha256(wrap_key, AGE_KEY_SIZE,
                &(struct hkdf_input){.key = shared,
                                     .key_size = AGE_KEY_SIZE,
                                     .salt = salt,
                                     .salt_size = sizeof(salt),
                                     .info = X25519_INFO,
                                     .info_size = strlen(X25519_INFO)});
}

enum status age_recipient_wrap(struct buffer *header, const struct age_recipient *recipient,
                               const unsigned char *file_key, struct error *error)
{
    CLEANUP(secret_free_pointer) unsigned char *ephemeral = secret_new(AGE_KEY_SIZE);
    CLEANUP(secret_free_pointer) unsigned char *shared = secret_new(AGE_KEY_SIZE);
    CLEANUP(secret_free_pointer) unsigned char *wrap_key = secret_new(AGE_KEY_SIZE);
    unsigned char share[AGE_KEY_SIZE];
    randombytes_buf(ephemeral, AGE_KEY_SIZE);
    if (crypto_scalarmult_base(share, ephemeral) != 0 ||
        crypto_scalarmult(shared, ephemeral, recipient->public_key) != 0) {
        return error_set(error, STATUS_DENIED, 0, "%s",
                         _("a recipient is not a usable public key; nothing is sealed to it"));
    }
    derive_wrap_key(wrap_key, shared, share, recipient->public_key);
    unsigned char body[AGE_BODY_SIZE];
    crypto_aead_chacha20poly1305_ietf_encrypt(body, NULL, file_key, AGE_FILE_KEY_SIZE, NULL, 0,
                                              NULL, zero_nonce, wrap_key);
    char text[AGE_LINE_LENGTH];
    char arguments[AGE_LINE_LENGTH + 8];
    sodium_bin2base64(text, sizeof(text), share, sizeof(share),
                      sodium_base64_VARIANT_ORIGINAL_NO_PADDING);
    snprintf(arguments, sizeof(arguments), "X25519 %s", text);
    return age_header_append_stanza(header, arguments, body, error);
}

enum status age_recipient_unwrap(unsigned char *file_key, bool *opened,
                                 const struct age_stanza *stanza,
                                 const struct age_identity *identity, struct error *error)
{
    const char *text = NULL;
    size_t size = 0;
    unsigned char share[AGE_KEY_SIZE];
    *opened = false;
    /* The body's length is checked so that no file opens to several keys of different lengths
     * (partitioning oracle). */
    if (stanza->argument_count != 2 || !age_stanza_argument(stanza, 1, &text, &size) ||
        !age_base64_decode(share, sizeof(share), text, size) ||
        stanza->body_size != AGE_BODY_SIZE) {
        return age_header_bad(error, _("an X25519 recipient is not as it should be"));
    }
    CLEANUP(secret_free_pointer) unsigned char *shared = secret_new(AGE_KEY_SIZE);
    CLEANUP(secret_free_pointer) unsigned char *wrap_key = secret_new(AGE_KEY_SIZE);
    /* Fails when the shared secret is all zero: a share of low order, with which anyone could make
     * a file that every identity opens. */
    if (crypto_scalarmult(shared, identity->secret_key, share) != 0) {
        return age_header_bad(error, _("an X25519 recipient is not as it should be"));
    }
    derive_wrap_key(wrap_key, shared, share, identity->recipient.public_key);
    *opened =
        crypto_aead_chacha20poly1305_ietf_decrypt(file_key, NULL, NULL, stanza->body, AGE_BODY_SIZE,
                                                  NULL, 0, zero_nonce, wrap_key) == 0;
    return STATUS_OK;
}

static bool is_low_order(const unsigned char public_key[AGE_KEY_SIZE])
{
    static const unsigned char any_scalar[AGE_KEY_SIZE] = {8};
    unsigned char product[AGE_KEY_SIZE];
    return crypto_scalarmult(product, any_scalar, public_key) != 0;
}

static bool parse_recipient(struct age_recipient *recipient, const char *text, size_t size)
{
    size_t decoded = 0;
    size_t prefix_size = 0;
    return bech32_decode(recipient->public_key, sizeof(recipient->public_key), &decoded,
                         &prefix_size, text, size) &&
           decoded == AGE_KEY_SIZE && prefix_size == strlen(PREFIX) &&
           memcmp(text, PREFIX, prefix_size) == 0 && !is_low_order(recipient->public_key);
}

enum status age_recipient_parse(struct age_recipient *recipient, const char *text,
                                struct error *error)
{
    if (parse_recipient(recipient, text, strlen(text))) {
        return STATUS_OK;
    }
    error_set(error, STATUS_USAGE, 0, "%s", _("this is not an age recipient"));
    return error_set_hint(error, "%s",
                          _("A recipient starts with age1 and is 62 characters long. If it was "
                            "typed in, compare each character."));
}

void age_recipient_format(char text[AGE_RECIPIENT_TEXT_SIZE], const struct age_recipient *recipient)
{
    _Static_assert(BECH32_TEXT_SIZE(sizeof(PREFIX) - 1, AGE_KEY_SIZE) + 1 ==
                       AGE_RECIPIENT_TEXT_SIZE,
                   "the text of a recipient must fit");
    bech32_encode(text, PREFIX, recipient->public_key, AGE_KEY_SIZE);
    text[AGE_RECIPIENT_TEXT_SIZE - 1] = '\0';
}

static enum status append(struct age_recipient **recipients, size_t *count,
                          const struct age_recipient *recipient, struct error *error)
{
    struct age_recipient *grown = reallocarray(*recipients, *count + 1, sizeof(*grown));
    if (grown == NULL) {
        return error_set_memory(error);
    }
    grown[(*count)++] = *recipient;
    *recipients = grown;
    return STATUS_OK;
}

static enum status take_line(struct age_recipient **recipients, size_t *count, const char *line,
                             size_t size, struct error *error)
{
    struct age_recipient recipient;
    if (size > 0 && line[size - 1] == '\r') {
        size--;
    }
    if (size == 0 || line[0] == '#') {
        return STATUS_OK;
    }
    if (!parse_recipient(&recipient, line, size)) {
        return error_set(error, STATUS_USAGE, 0, "%s", _("this is not an age recipient"));
    }
    if (*count >= AGE_STANZAS_LIMIT) {
        return error_set(error, STATUS_USAGE, 0, _("there are more than %d recipients"),
                         AGE_STANZAS_LIMIT);
    }
    return append(recipients, count, &recipient, error);
}

enum status age_recipients_read(struct age_recipient **recipients, size_t *count, const char *path,
                                struct error *error)
{
    CLEANUP(buffer_free) struct buffer content = {0};
    enum status status = file_read(&content, path, RECIPIENTS_FILE_LIMIT, error);
    const char *at = (const char *)content.data;
    size_t left = content.size;
    for (size_t number = 1; status == STATUS_OK && left > 0; number++) {
        const char *end = memchr(at, '\n', left);
        size_t size = end == NULL ? left : (size_t)(end - at);
        status = take_line(recipients, count, at, size, error);
        if (status != STATUS_OK) {
            return error_add_context(error, _("%s, line %zu"), path, number);
        }
        size_t used = end == NULL ? size : size + 1;
        at += used;
        left -= used;
    }
    return status;
}
