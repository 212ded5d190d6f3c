/* minisign: signatures of files in minisign's format, which minisign -V verifies.
 *
 *     untrusted comment: …
 *     base64 of: "ED" | key id (8) | Ed25519 over the data's BLAKE2b-512 (64)
 *     trusted comment: …
 *     base64 of: Ed25519 over the signature above and the trusted comment (64)
 *
 * Nothing else may stand in a signature file.
 */
#include "minisign_text.h"
#include "sign_bytes.h"
#include <sodium.h>
#include <string.h>

#define HASH_SIZE 64
#define RAW_SIZE (MINISIGN_ALGORITHM_SIZE + MINISIGN_KEY_ID_SIZE + SIGN_SIZE)
#define UNTRUSTED_COMMENT "signature from a kura signing key"

struct parts {
    unsigned char raw[RAW_SIZE];
    unsigned char of_comment[SIGN_SIZE];
    const char *comment;
    size_t comment_size;
};

static const unsigned char *key_id_of(const struct parts *parts)
{
    return parts->raw + MINISIGN_ALGORITHM_SIZE;
}

static const unsigned char *signature_of(const struct parts *parts)
{
    return key_id_of(parts) + MINISIGN_KEY_ID_SIZE;
}

static void hash_data(unsigned char hash[HASH_SIZE], const void *data, size_t size)
{
    crypto_generichash(hash, HASH_SIZE, data, size, NULL, 0);
}

/* One line, which a terminal may show. */
static bool comment_allowed(const char *comment, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        unsigned char byte = (unsigned char)comment[i];
        if ((byte < ' ' && byte != '\t') || byte == 0x7f) {
            return false;
        }
    }
    return size < MINISIGN_COMMENT_SIZE;
}

/* The signature and the comment after it, as the second signature covers them. */
static size_t join(unsigned char joined[SIGN_SIZE + MINISIGN_COMMENT_SIZE],
                   const struct parts *parts)
{
    memcpy(joined, signature_of(parts), SIGN_SIZE);
    memcpy(joined + SIGN_SIZE, parts->comment, parts->comment_size);
    return SIGN_SIZE + parts->comment_size;
}

/* ------------------------------------------------------------------ signing */

static enum status append(struct buffer *signature, const struct parts *parts, struct error *error)
{
    char line[sodium_base64_ENCODED_LEN(RAW_SIZE, sodium_base64_VARIANT_ORIGINAL)];
    sodium_bin2base64(line, sizeof(line), parts->raw, RAW_SIZE, sodium_base64_VARIANT_ORIGINAL);
    enum status status =
        minisign_append_line(signature, MINISIGN_COMMENT_START, UNTRUSTED_COMMENT, error);
    if (status == STATUS_OK) {
        status = minisign_append_line(signature, line, "", error);
    }
    if (status == STATUS_OK) {
        status = minisign_append_line(signature, MINISIGN_TRUSTED_START, parts->comment, error);
    }
    sodium_bin2base64(line, sizeof(line), parts->of_comment, SIGN_SIZE,
                      sodium_base64_VARIANT_ORIGINAL);
    return status == STATUS_OK ? minisign_append_line(signature, line, "", error) : status;
}

enum status minisign_sign(struct buffer *signature, const struct minisign_secret *secret,
                          const void *data, size_t size, const char *trusted_comment,
                          struct error *error)
{
    unsigned char hash[HASH_SIZE];
    unsigned char joined[SIGN_SIZE + MINISIGN_COMMENT_SIZE];
    struct parts parts = {.comment = trusted_comment, .comment_size = strlen(trusted_comment)};
    if (!comment_allowed(parts.comment, parts.comment_size)) {
        return error_set(error, STATUS_USAGE, 0,
                         _("a signature's comment is one line of at most %d bytes"),
                         MINISIGN_COMMENT_SIZE - 1);
    }
    memcpy(parts.raw, MINISIGN_ALGORITHM_HASHED, MINISIGN_ALGORITHM_SIZE);
    memcpy(parts.raw + MINISIGN_ALGORITHM_SIZE, secret->public_key.key_id, MINISIGN_KEY_ID_SIZE);
    hash_data(hash, data, size);
    enum status status =
        sign_bytes(parts.raw + RAW_SIZE - SIGN_SIZE, &secret->signing, hash, sizeof(hash), error);
    if (status == STATUS_OK) {
        size_t joined_size = join(joined, &parts);
        status = sign_bytes(parts.of_comment, &secret->signing, joined, joined_size, error);
    }
    return status == STATUS_OK ? append(signature, &parts, error) : status;
}

/* ------------------------------------------------------------------ verifying */

static enum status parse(struct parts *parts, const void *signature, size_t size,
                         struct error *error)
{
    struct cursor lines = {.at = signature, .left = size};
    const char *untrusted = NULL;
    size_t untrusted_size = 0;
    if (size > MINISIGN_FILE_LIMIT ||
        !minisign_take_comment(&lines, MINISIGN_COMMENT_START, &untrusted, &untrusted_size) ||
        !minisign_take_base64(&lines, parts->raw, RAW_SIZE) ||
        !minisign_take_comment(&lines, MINISIGN_TRUSTED_START, &parts->comment,
                               &parts->comment_size) ||
        !comment_allowed(parts->comment, parts->comment_size) ||
        !minisign_take_base64(&lines, parts->of_comment, SIGN_SIZE) || lines.left != 0) {
        return error_set(error, STATUS_CORRUPT, 0, "%s", _("this is not a minisign signature"));
    }
    /* Over the data itself: there a file could be signed whose bytes are those of a token. */
    if (memcmp(parts->raw, MINISIGN_ALGORITHM, MINISIGN_ALGORITHM_SIZE) == 0) {
        error_set(error, STATUS_UNSUPPORTED, 0, "%s",
                  _("the signature is of minisign's old kind, which is not accepted"));
        return error_set_hint(error, "%s",
                              _("Sign the file again with minisign -S and without -l."));
    }
    if (memcmp(parts->raw, MINISIGN_ALGORITHM_HASHED, MINISIGN_ALGORITHM_SIZE) != 0) {
        return error_set(error, STATUS_CORRUPT, 0, "%s", _("this is not a minisign signature"));
    }
    return STATUS_OK;
}

enum status minisign_verify(char trusted_comment[MINISIGN_COMMENT_SIZE],
                            const struct minisign_public *key, const void *signature,
                            size_t signature_size, const void *data, size_t size,
                            struct error *error)
{
    struct parts parts = {.comment = ""};
    unsigned char hash[HASH_SIZE];
    unsigned char joined[SIGN_SIZE + MINISIGN_COMMENT_SIZE];
    enum status status = parse(&parts, signature, signature_size, error);
    if (status != STATUS_OK) {
        return status;
    }
    if (memcmp(key_id_of(&parts), key->key_id, MINISIGN_KEY_ID_SIZE) != 0) {
        return error_set(error, STATUS_UNAUTHENTIC, 0, "%s", _("the signature is by another key"));
    }
    hash_data(hash, data, size);
    if (crypto_sign_verify_detached(signature_of(&parts), hash, sizeof(hash), key->key) != 0) {
        return error_set(error, STATUS_UNAUTHENTIC, 0, "%s",
                         _("the signature is not of these data"));
    }
    size_t joined_size = join(joined, &parts);
    if (crypto_sign_verify_detached(parts.of_comment, joined, joined_size, key->key) != 0) {
        return error_set(error, STATUS_UNAUTHENTIC, 0, "%s",
                         _("the comment of the signature was changed"));
    }
    if (trusted_comment != NULL) {
        memcpy(trusted_comment, parts.comment, parts.comment_size);
        trusted_comment[parts.comment_size] = '\0';
    }
    return STATUS_OK;
}
