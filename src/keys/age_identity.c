/* age_identity: the key that opens files, and the files in which it lies. From the moment it is
 * made or read it is in secret memory only.
 */
#include "age_bech32.h"
#include "age_private.h"
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define PREFIX "AGE-SECRET-KEY-"
#define TEXT_SIZE BECH32_TEXT_SIZE(sizeof(PREFIX) - 1, AGE_KEY_SIZE)
#define FILE_LIMIT 65536

static enum status complete(struct age_identity *identity, unsigned char **secret_key,
                            struct error *error)
{
    *identity = (struct age_identity){0};
    if (crypto_scalarmult_base(identity->recipient.public_key, *secret_key) != 0) {
        return error_set(error, STATUS_CORRUPT, 0, "%s", _("this is not an age identity"));
    }
    identity->secret_key = *secret_key;
    *secret_key = NULL;
    return STATUS_OK;
}

enum status age_identity_generate(struct age_identity *identity, struct error *error)
{
    CLEANUP(secret_free_pointer) unsigned char *secret_key = secret_new(AGE_KEY_SIZE);
    randombytes_buf(secret_key, AGE_KEY_SIZE);
    return complete(identity, &secret_key, error);
}

enum status age_identity_parse(struct age_identity *identity, const char *text, size_t size,
                               struct error *error)
{
    CLEANUP(secret_free_pointer) unsigned char *secret_key = secret_new(AGE_KEY_SIZE);
    size_t decoded = 0;
    size_t prefix_size = 0;
    *identity = (struct age_identity){0};
    if (!bech32_decode(secret_key, AGE_KEY_SIZE, &decoded, &prefix_size, text, size) ||
        decoded != AGE_KEY_SIZE || prefix_size != strlen(PREFIX) ||
        memcmp(text, PREFIX, prefix_size) != 0) {
        error_set(error, STATUS_CORRUPT, 0, "%s", _("this is not an age identity"));
        return error_set_hint(error, "%s",
                              _("An identity starts with AGE-SECRET-KEY-1 and is 74 characters "
                                "long. If it was typed in, compare each character."));
    }
    return complete(identity, &secret_key, error);
}

enum status age_identity_format(struct secret_text *text, const struct age_identity *identity,
                                struct error *error)
{
    CLEANUP(secret_free_pointer) char *formatted = secret_new(TEXT_SIZE);
    bech32_encode(formatted, PREFIX, identity->secret_key, AGE_KEY_SIZE);
    return secret_text_append(text, formatted, TEXT_SIZE, error);
}

void age_identity_free(struct age_identity *identity)
{
    secret_free(identity->secret_key);
    *identity = (struct age_identity){0};
}

/* ------------------------------------------------------------------ identity files */

static bool starts_with(const char *text, size_t size, const char *start)
{
    return size >= strlen(start) && memcmp(text, start, strlen(start)) == 0;
}

static enum status take_line(struct age_identity *identity, const char *line, size_t size,
                             struct error *error)
{
    if (size > 0 && line[size - 1] == '\r') {
        size--;
    }
    if (size == 0 || line[0] == '#') {
        return STATUS_OK;
    }
    if (starts_with(line, size, "AGE-PLUGIN-") || starts_with(line, size, PREFIX "PQ-")) {
        return error_set(error, STATUS_UNSUPPORTED, 0, "%s",
                         _("an identity of this kind is not supported; only X25519 is"));
    }
    if (identity->secret_key != NULL) {
        return error_set(error, STATUS_USAGE, 0, "%s", _("it holds more than one identity"));
    }
    return age_identity_parse(identity, line, size, error);
}

static enum status take_lines(struct age_identity *identity, const struct secret_text *content,
                              struct error *error)
{
    const char *at = content->text;
    size_t left = content->size;
    CLEANUP(age_identity_free) struct age_identity found = {0};
    while (left > 0) {
        const char *end = memchr(at, '\n', left);
        size_t size = end == NULL ? left : (size_t)(end - at);
        enum status status = take_line(&found, at, size, error);
        if (status != STATUS_OK) {
            return status;
        }
        size_t used = end == NULL ? size : size + 1;
        at += used;
        left -= used;
    }
    if (found.secret_key == NULL) {
        return error_set(error, STATUS_CORRUPT, 0, "%s", _("it holds no identity"));
    }
    *identity = found;
    found = (struct age_identity){0};
    return STATUS_OK;
}

static bool is_sealed(const struct secret_text *content)
{
    return starts_with(content->text, content->size, "age-encryption.org/") ||
           strstr(content->text, AGE_ARMOR_BEGIN) != NULL;
}

enum status age_identity_read(struct age_identity *identity, const char *path,
                              const struct passphrase_source *passphrase, struct error *error)
{
    *identity = (struct age_identity){0};
    CLEANUP(secret_text_free) struct secret_text content = {0};
    enum status status = file_read_secret(&content, path, FILE_LIMIT, error);
    if (status != STATUS_OK) {
        return status;
    }
    if (!is_sealed(&content)) {
        status = take_lines(identity, &content, error);
        return status == STATUS_OK ? status : error_add_context(error, "%s", path);
    }
    CLEANUP(secret_text_free) struct secret_text opened = {0};
    const struct age_keys keys = {.passphrase = passphrase, .what_for = path};
    status = age_open_secret(&opened, content.text, content.size, &keys, error);
    if (status == STATUS_OK) {
        status = take_lines(identity, &opened, error);
    }
    return status == STATUS_OK ? status : error_add_context(error, "%s", path);
}

/* The lines that age-keygen writes. */
static enum status compose(struct secret_text *content, const struct age_identity *identity,
                           struct error *error)
{
    char comments[256];
    char created[MOMENT_TEXT_SIZE];
    char recipient[AGE_RECIPIENT_TEXT_SIZE];
    age_recipient_format(recipient, &identity->recipient);
    int length = snprintf(comments, sizeof(comments), "# created: %s\n# public key: %s\n",
                          moment_format(created, moment_now()), recipient);
    enum status status = secret_text_append(content, comments, (size_t)length, error);
    if (status == STATUS_OK) {
        status = age_identity_format(content, identity, error);
    }
    return status == STATUS_OK ? secret_text_append(content, "\n", 1, error) : status;
}

enum status age_identity_write(const char *path, const struct age_identity *identity,
                               const struct secret_text *passphrase, unsigned work_factor,
                               enum file_replace replace, struct error *error)
{
    CLEANUP(secret_text_free) struct secret_text content = {0};
    CLEANUP(buffer_free) struct buffer sealed = {0};
    enum status status = secret_text_new(&content, 512, error);
    if (status == STATUS_OK) {
        status = compose(&content, identity, error);
    }
    if (status == STATUS_OK) {
        status = age_seal_armored(&sealed, &content, passphrase, work_factor, error);
    }
    return status == STATUS_OK ? file_write(path, sealed.data, sealed.size, 0600, replace, error)
                               : status;
}
