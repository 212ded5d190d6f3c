/* age_scrypt: opening a file with a passphrase.
 *
 *     -> scrypt SALT FACTOR      N = 2^FACTOR, r = 8, p = 1: 2^FACTOR KiB of memory
 *     file key under the wrap key
 *
 * Everything about the stanza is judged before the memory that it asks for is spent.
 */
#include "age_private.h"
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define SALT_PREFIX "age-encryption.org/v1/scrypt"
#define SALT_SIZE 16
#define BLOCK_FACTOR 8 /* r */

static const unsigned char zero_nonce[crypto_aead_chacha20poly1305_IETF_NPUBBYTES];

static enum status derive_wrap_key(unsigned char *wrap_key, const unsigned char salt[SALT_SIZE],
                                   unsigned work_factor, const struct secret_text *passphrase,
                                   struct error *error)
{
    unsigned char labelled[sizeof(SALT_PREFIX) - 1 + SALT_SIZE];
    memcpy(labelled, SALT_PREFIX, sizeof(SALT_PREFIX) - 1);
    memcpy(labelled + sizeof(SALT_PREFIX) - 1, salt, SALT_SIZE);
    if (crypto_pwhash_scryptsalsa208sha256_ll(
            (const unsigned char *)passphrase->text, passphrase->size, labelled, sizeof(labelled),
            UINT64_C(1) << work_factor, BLOCK_FACTOR, 1, wrap_key, AGE_KEY_SIZE) == 0) {
        return STATUS_OK;
    }
    error_set(error, STATUS_FAILED, errno,
              _("the passphrase cannot be tried with %u MiB of memory"),
              work_factor > 10 ? 1U << (work_factor - 10) : 1U);
    return error_set_hint(error, "%s", _("Give the machine more memory, or use another one."));
}

enum status age_scrypt_wrap(struct buffer *header, const struct secret_text *passphrase,
                            unsigned work_factor, const unsigned char *file_key,
                            struct error *error)
{
    if (passphrase->size == 0) {
        return error_set(error, STATUS_DENIED, 0, "%s", _("an empty passphrase protects nothing"));
    }
    if (work_factor < 1 || work_factor > AGE_WORK_FACTOR_LIMIT) {
        return error_set(error, STATUS_USAGE, 0, _("the work factor %u is not between 1 and %d"),
                         work_factor, AGE_WORK_FACTOR_LIMIT);
    }
    unsigned char salt[SALT_SIZE];
    unsigned char body[AGE_BODY_SIZE];
    CLEANUP(secret_free_pointer) unsigned char *wrap_key = secret_new(AGE_KEY_SIZE);
    randombytes_buf(salt, sizeof(salt));
    enum status status = derive_wrap_key(wrap_key, salt, work_factor, passphrase, error);
    if (status != STATUS_OK) {
        return status;
    }
    crypto_aead_chacha20poly1305_ietf_encrypt(body, NULL, file_key, AGE_FILE_KEY_SIZE, NULL, 0,
                                              NULL, zero_nonce, wrap_key);
    char text[32];
    char arguments[AGE_LINE_LENGTH];
    sodium_bin2base64(text, sizeof(text), salt, sizeof(salt),
                      sodium_base64_VARIANT_ORIGINAL_NO_PADDING);
    snprintf(arguments, sizeof(arguments), "scrypt %s %u", text, work_factor);
    return age_header_append_stanza(header, arguments, body, error);
}

/* Decimal digits without a leading zero; what does not fit counts as too much. */
static bool parse_work_factor(unsigned *work_factor, const char *text, size_t size)
{
    if (size == 0 || text[0] == '0') {
        return false;
    }
    *work_factor = 0;
    for (size_t i = 0; i < size; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return false;
        }
        if (*work_factor <= AGE_WORK_FACTOR_LIMIT) {
            *work_factor = *work_factor * 10 + (unsigned)(text[i] - '0');
        }
    }
    return true;
}

static enum status parse(unsigned char salt[SALT_SIZE], unsigned *work_factor,
                         const struct age_stanza *stanza, struct error *error)
{
    const char *text = NULL;
    const char *factor = NULL;
    size_t text_size = 0;
    size_t factor_size = 0;
    /* The body's length: as for X25519, against the partitioning oracle. */
    if (stanza->argument_count != 3 || !age_stanza_argument(stanza, 1, &text, &text_size) ||
        !age_stanza_argument(stanza, 2, &factor, &factor_size) ||
        !age_base64_decode(salt, SALT_SIZE, text, text_size) ||
        !parse_work_factor(work_factor, factor, factor_size) ||
        stanza->body_size != AGE_BODY_SIZE) {
        return age_header_bad(error, _("the passphrase's entry is not as it should be"));
    }
    /* A hostile file must not be able to ask for all memory and hours of time. */
    if (*work_factor > AGE_WORK_FACTOR_LIMIT) {
        return error_set(error, STATUS_UNSUPPORTED, 0,
                         _("the file asks for more work on its passphrase than 2^%d, which is "
                           "refused"),
                         AGE_WORK_FACTOR_LIMIT);
    }
    return STATUS_OK;
}

enum status age_scrypt_check(const struct age_stanza *stanza, struct error *error)
{
    unsigned char salt[SALT_SIZE];
    unsigned work_factor = 0;
    return parse(salt, &work_factor, stanza, error);
}

enum status age_scrypt_unwrap(unsigned char *file_key, bool *opened,
                              const struct age_stanza *stanza, const struct secret_text *passphrase,
                              struct error *error)
{
    unsigned char salt[SALT_SIZE];
    unsigned work_factor = 0;
    CLEANUP(secret_free_pointer) unsigned char *wrap_key = secret_new(AGE_KEY_SIZE);
    *opened = false;
    enum status status = parse(salt, &work_factor, stanza, error);
    if (status == STATUS_OK) {
        status = derive_wrap_key(wrap_key, salt, work_factor, passphrase, error);
    }
    if (status == STATUS_OK) {
        *opened = crypto_aead_chacha20poly1305_ietf_decrypt(file_key, NULL, NULL, stanza->body,
                                                            AGE_BODY_SIZE, NULL, 0, zero_nonce,
                                                            wrap_key) == 0;
    }
    return status;
}
