/* minisign_public: public keys for files and tokens, as people pass them on.
 *
 *     untrusted comment: minisign public key 0123456789ABCDEF
 *     base64 of: "Ed" | key id (8) | Ed25519 public key (32)
 */
#include "minisign_text.h"
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define RAW_SIZE (MINISIGN_ALGORITHM_SIZE + MINISIGN_KEY_ID_SIZE + SIGN_PUBLIC_SIZE)
_Static_assert(MINISIGN_PUBLIC_TEXT_SIZE ==
                   sodium_base64_ENCODED_LEN(RAW_SIZE, sodium_base64_VARIANT_ORIGINAL),
               "the text of a public key");

static bool parse(struct minisign_public *key, struct cursor text)
{
    unsigned char raw[RAW_SIZE];
    const char *comment = NULL;
    size_t comment_size = 0;
    if (text.left > MINISIGN_FILE_LIMIT) {
        return false;
    }
    /* Without a comment it is the line alone. */
    minisign_take_comment(&text, MINISIGN_COMMENT_START, &comment, &comment_size);
    if (!minisign_take_base64(&text, raw, sizeof(raw)) || text.left != 0 ||
        memcmp(raw, MINISIGN_ALGORITHM, MINISIGN_ALGORITHM_SIZE) != 0) {
        return false;
    }
    memcpy(key->key_id, raw + MINISIGN_ALGORITHM_SIZE, MINISIGN_KEY_ID_SIZE);
    memcpy(key->key, raw + MINISIGN_ALGORITHM_SIZE + MINISIGN_KEY_ID_SIZE, SIGN_PUBLIC_SIZE);
    /* A point of small order, or not in its one canonical form, would let two different texts be
     * the same person's key, or let anybody sign. */
    return crypto_core_ed25519_is_valid_point(key->key) == 1;
}

enum status minisign_public_parse(struct minisign_public *key, const char *text, size_t size,
                                  struct error *error)
{
    struct minisign_public parsed = {0};
    *key = parsed;
    if (!parse(&parsed, (struct cursor){.at = (const unsigned char *)text, .left = size})) {
        error_set(error, STATUS_CORRUPT, 0, "%s", _("this is not a minisign public key"));
        return error_set_hint(error, "%s",
                              _("It is the line of 56 characters that starts with RW, in the file "
                                "whose name ends in .pub."));
    }
    *key = parsed;
    return STATUS_OK;
}

enum status minisign_public_read(struct minisign_public *key, const char *path, struct error *error)
{
    CLEANUP(buffer_free) struct buffer content = {0};
    *key = (struct minisign_public){0};
    enum status status = file_read(&content, path, MINISIGN_FILE_LIMIT, error);
    if (status != STATUS_OK) {
        return status;
    }
    status = minisign_public_parse(key, (const char *)content.data, content.size, error);
    return status == STATUS_OK ? status : error_add_context(error, "%s", path);
}

void minisign_public_format(char text[MINISIGN_PUBLIC_TEXT_SIZE], const struct minisign_public *key)
{
    unsigned char raw[RAW_SIZE] = MINISIGN_ALGORITHM;
    memcpy(raw + MINISIGN_ALGORITHM_SIZE, key->key_id, MINISIGN_KEY_ID_SIZE);
    memcpy(raw + MINISIGN_ALGORITHM_SIZE + MINISIGN_KEY_ID_SIZE, key->key, SIGN_PUBLIC_SIZE);
    sodium_bin2base64(text, MINISIGN_PUBLIC_TEXT_SIZE, raw, sizeof(raw),
                      sodium_base64_VARIANT_ORIGINAL);
}

enum status minisign_public_compose(struct buffer *text, const struct minisign_public *key,
                                    struct error *error)
{
    char comment[64];
    char line[MINISIGN_PUBLIC_TEXT_SIZE];
    uint64_t number = 0;
    /* minisign shows a key id as a little-endian number, without leading zeros. */
    for (size_t i = MINISIGN_KEY_ID_SIZE; i > 0; i--) {
        number = number << 8 | key->key_id[i - 1];
    }
    snprintf(comment, sizeof(comment), "minisign public key %" PRIX64, number);
    minisign_public_format(line, key);
    enum status status = minisign_append_line(text, MINISIGN_COMMENT_START, comment, error);
    return status == STATUS_OK ? minisign_append_line(text, line, "", error) : status;
}
