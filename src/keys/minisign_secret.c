/* minisign_secret: signing keys of people and the files in which they lie.
 *
 *     untrusted comment: …
 *     base64 of:
 *     "Ed" | "Sc" or two zero bytes | "B2" | salt (32) | opslimit (8) | memlimit (8)
 *          | key id (8) | Ed25519 seed (32) and public key (32) | checksum (32)
 *
 * The last three are XORed with scrypt(passphrase, salt) unless the second field is zero; the
 * checksum is the BLAKE2b-256 of "Ed" and the two before it. Integers are little-endian. Opened, a
 * key is in secret memory only. All of a file is judged before a passphrase is asked for and memory
 * is spent on it.
 */
#include "minisign_text.h"
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KDF_SCRYPT "Sc"
#define KDF_NONE "\0\0"
#define CHECKSUM_BLAKE2B "B2"
#define TAG_SIZE 2
#define SALT_SIZE crypto_pwhash_scryptsalsa208sha256_SALTBYTES
#define CHECKSUM_SIZE 32
#define SEALED_SIZE (MINISIGN_KEY_ID_SIZE + crypto_sign_SECRETKEYBYTES + CHECKSUM_SIZE)
#define AT_LIMITS (3 * TAG_SIZE + SALT_SIZE)
#define RAW_SIZE (AT_LIMITS + 8 + 8 + SEALED_SIZE)
#define RAW_TEXT_SIZE sodium_base64_ENCODED_LEN(RAW_SIZE, sodium_base64_VARIANT_ORIGINAL)
_Static_assert(RAW_SIZE == 158, "the layout above");
_Static_assert(crypto_sign_SECRETKEYBYTES == SIGN_SEED_SIZE + SIGN_PUBLIC_SIZE, "seed, public key");

/* What minisign itself writes, and the most that is read: 2^20 times r = 8 is 1 GiB. */
#define MEMORY_LIMIT crypto_pwhash_scryptsalsa208sha256_MEMLIMIT_SENSITIVE
#define WORK_LIMIT crypto_pwhash_scryptsalsa208sha256_OPSLIMIT_SENSITIVE
/* libsodium takes no less work than that of this factor. */
#define WORK_FACTOR_LEAST 10

#define SECRET_COMMENT "kura signing key, sealed with a passphrase"

void minisign_secret_free(struct minisign_secret *secret)
{
    signing_key_free(&secret->signing);
    *secret = (struct minisign_secret){0};
}

enum status minisign_generate(struct minisign_secret *secret, struct error *error)
{
    *secret = (struct minisign_secret){0};
    enum status status = signing_key_generate(&secret->signing, error);
    if (status == STATUS_OK) {
        randombytes_buf(secret->public_key.key_id, MINISIGN_KEY_ID_SIZE);
        memcpy(secret->public_key.key, secret->signing.public_key, SIGN_PUBLIC_SIZE);
    }
    return status;
}

/* ------------------------------------------------------------------ the sealed part */

/* The fields of a file; the pointers are into the RAW_SIZE bytes, which are secret memory. */
struct fields {
    unsigned char *kdf;
    unsigned char *salt;
    uint64_t work;
    uint64_t memory;
    unsigned char *sealed; /* SEALED_SIZE */
};

static struct fields fields_in(unsigned char *raw)
{
    return (struct fields){.kdf = raw + TAG_SIZE,
                           .salt = raw + (size_t)3 * TAG_SIZE,
                           .sealed = raw + RAW_SIZE - SEALED_SIZE};
}

static void compute_checksum(unsigned char checksum[CHECKSUM_SIZE], const unsigned char *opened)
{
    crypto_generichash_state state;
    crypto_generichash_init(&state, NULL, 0, CHECKSUM_SIZE);
    crypto_generichash_update(&state, (const unsigned char *)MINISIGN_ALGORITHM,
                              MINISIGN_ALGORITHM_SIZE);
    crypto_generichash_update(&state, opened, SEALED_SIZE - CHECKSUM_SIZE);
    crypto_generichash_final(&state, checksum, CHECKSUM_SIZE);
    sodium_memzero(&state, sizeof(state));
}

static bool checksum_fits(const unsigned char *opened)
{
    unsigned char checksum[CHECKSUM_SIZE];
    compute_checksum(checksum, opened);
    bool fits = sodium_memcmp(checksum, opened + SEALED_SIZE - CHECKSUM_SIZE, CHECKSUM_SIZE) == 0;
    sodium_memzero(checksum, sizeof(checksum));
    return fits;
}

/* XORs the sealed part with what the passphrase gives: seals and opens. */
static enum status apply_passphrase(const struct fields *fields,
                                    const struct secret_text *passphrase, struct error *error)
{
    CLEANUP(secret_free_pointer) unsigned char *stream = secret_new(SEALED_SIZE);
    if (crypto_pwhash_scryptsalsa208sha256(stream, SEALED_SIZE, passphrase->text, passphrase->size,
                                           fields->salt, fields->work, fields->memory) != 0) {
        error_set(error, STATUS_FAILED, errno,
                  _("the passphrase cannot be tried with %u MiB of memory"),
                  (unsigned)(fields->memory >> 20) + 1);
        return error_set_hint(error, "%s", _("Give the machine more memory, or use another one."));
    }
    for (size_t i = 0; i < SEALED_SIZE; i++) {
        fields->sealed[i] ^= stream[i];
    }
    return STATUS_OK;
}

/* ------------------------------------------------------------------ reading */

static enum status bad_key(struct error *error)
{
    return error_set(error, STATUS_CORRUPT, 0, "%s", _("this is not a minisign secret key"));
}

static enum status parse(struct fields *fields, unsigned char *raw, const struct secret_text *text,
                         struct error *error)
{
    struct cursor lines = {.at = (const unsigned char *)text->text, .left = text->size};
    struct cursor limits = {.at = raw + AT_LIMITS, .left = 16};
    const char *comment = NULL;
    size_t comment_size = 0;
    if (!minisign_take_comment(&lines, MINISIGN_COMMENT_START, &comment, &comment_size) ||
        !minisign_take_base64(&lines, raw, RAW_SIZE) || lines.left != 0 ||
        memcmp(raw, MINISIGN_ALGORITHM, TAG_SIZE) != 0 ||
        memcmp(raw + (size_t)2 * TAG_SIZE, CHECKSUM_BLAKE2B, TAG_SIZE) != 0 ||
        !cursor_u64(&limits, &fields->work) || !cursor_u64(&limits, &fields->memory)) {
        return bad_key(error);
    }
    return STATUS_OK;
}

/* A hostile file must not be able to ask for all memory and hours of time. */
static enum status check_work(const struct fields *fields, struct error *error)
{
    if (fields->memory <= MEMORY_LIMIT && fields->work <= WORK_LIMIT) {
        return STATUS_OK;
    }
    error_set(error, STATUS_UNSUPPORTED, 0, "%s",
              _("the signing key asks for more work on its passphrase than is allowed"));
    return error_set_hint(error, "%s",
                          _("Allowed is what minisign itself asks for: 1 GiB of memory."));
}

static enum status open_sealed(const struct fields *fields, const char *name,
                               const struct passphrase_source *passphrase, struct error *error)
{
    CLEANUP(secret_text_free) struct secret_text text = {0};
    if (passphrase == NULL) {
        return error_set(error, STATUS_DENIED, 0, "%s",
                         _("the file is sealed with a passphrase, and none was given"));
    }
    enum status status = passphrase->get(passphrase->context, &text, name, error);
    if (status == STATUS_OK) {
        status = apply_passphrase(fields, &text, error);
    }
    if (status != STATUS_OK) {
        return status;
    }
    if (!checksum_fits(fields->sealed)) {
        return error_set(error, STATUS_DENIED, 0, "%s", _("the passphrase is wrong"));
    }
    return STATUS_OK;
}

/* minisign -G -W leaves the checksum of an unsealed key zero. */
static enum status check_unsealed(const struct fields *fields, struct error *error)
{
    const unsigned char *checksum = fields->sealed + SEALED_SIZE - CHECKSUM_SIZE;
    return sodium_is_zero(checksum, CHECKSUM_SIZE) == 1 || checksum_fits(fields->sealed)
               ? STATUS_OK
               : bad_key(error);
}

static enum status take_key(struct minisign_secret *secret, const unsigned char *opened,
                            struct error *error)
{
    const unsigned char *seed = opened + MINISIGN_KEY_ID_SIZE;
    enum status status = signing_key_from_seed(&secret->signing, seed, error);
    if (status != STATUS_OK) {
        return status;
    }
    /* Signing beside a public key that is not the seed's own would give the seed away. */
    if (memcmp(secret->signing.public_key, seed + SIGN_SEED_SIZE, SIGN_PUBLIC_SIZE) != 0) {
        minisign_secret_free(secret);
        return bad_key(error);
    }
    memcpy(secret->public_key.key_id, opened, MINISIGN_KEY_ID_SIZE);
    memcpy(secret->public_key.key, secret->signing.public_key, SIGN_PUBLIC_SIZE);
    return STATUS_OK;
}

static enum status read_text(struct minisign_secret *secret, const struct secret_text *text,
                             const char *name, const struct passphrase_source *passphrase,
                             struct error *error)
{
    CLEANUP(secret_free_pointer) unsigned char *raw = secret_new(RAW_SIZE);
    struct fields fields = fields_in(raw);
    enum status status = parse(&fields, raw, text, error);
    if (status != STATUS_OK) {
        return status;
    }
    if (memcmp(fields.kdf, KDF_SCRYPT, TAG_SIZE) == 0) {
        status = check_work(&fields, error);
        if (status == STATUS_OK) {
            status = open_sealed(&fields, name, passphrase, error);
        }
    } else if (memcmp(fields.kdf, KDF_NONE, TAG_SIZE) == 0) {
        status = check_unsealed(&fields, error);
    } else {
        status = bad_key(error);
    }
    return status == STATUS_OK ? take_key(secret, fields.sealed, error) : status;
}

enum status minisign_read_secret(struct minisign_secret *secret, const char *path,
                                 const struct passphrase_source *passphrase, struct error *error)
{
    *secret = (struct minisign_secret){0};
    CLEANUP(file_close) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) {
        return error_set_errno(error, errno, _("%s cannot be opened"), path);
    }
    CLEANUP(secret_text_free) struct secret_text text = {0};
    enum status status = file_read_descriptor_secret(&text, fd, MINISIGN_FILE_LIMIT, error);
    if (status == STATUS_OK) {
        status = read_text(secret, &text, path, passphrase, error);
    }
    return status == STATUS_OK ? status : error_add_context(error, "%s", path);
}

bool minisign_is_secret(const char *path)
{
    char start[sizeof(MINISIGN_COMMENT_START) - 1];
    CLEANUP(file_close) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    return fd >= 0 && pread(fd, start, sizeof(start), 0) == (ssize_t)sizeof(start) &&
           memcmp(start, MINISIGN_COMMENT_START, sizeof(start)) == 0;
}

/* ------------------------------------------------------------------ writing */

static void put_u64(unsigned char target[8], uint64_t value)
{
    for (size_t i = 0; i < 8; i++) {
        target[i] = (unsigned char)(value >> (8 * i));
    }
}

/* Fills the file's fields, and the sealed part as it is before it is sealed. */
static struct fields compose(unsigned char *raw, const struct minisign_secret *secret,
                             unsigned work_factor)
{
    struct fields fields = fields_in(raw);
    unsigned char *key = fields.sealed + MINISIGN_KEY_ID_SIZE;
    /* N = 2^factor, r = 8, p = 1: what libsodium makes of these two. */
    fields.work = UINT64_C(32) << work_factor;
    fields.memory = UINT64_C(1024) << work_factor;
    memcpy(raw, MINISIGN_ALGORITHM KDF_SCRYPT CHECKSUM_BLAKE2B, (size_t)3 * TAG_SIZE);
    randombytes_buf(fields.salt, SALT_SIZE);
    put_u64(raw + AT_LIMITS, fields.work);
    put_u64(raw + AT_LIMITS + 8, fields.memory);
    memcpy(fields.sealed, secret->public_key.key_id, MINISIGN_KEY_ID_SIZE);
    memcpy(key, secret->signing.seed, SIGN_SEED_SIZE);
    memcpy(key + SIGN_SEED_SIZE, secret->signing.public_key, SIGN_PUBLIC_SIZE);
    compute_checksum(key + crypto_sign_SECRETKEYBYTES, fields.sealed);
    return fields;
}

static enum status seal(struct buffer *text, const struct minisign_secret *secret,
                        const struct secret_text *passphrase, unsigned work_factor,
                        struct error *error)
{
    CLEANUP(secret_free_pointer) unsigned char *raw = secret_new(RAW_SIZE);
    char line[RAW_TEXT_SIZE];
    if (passphrase->size == 0) {
        return error_set(error, STATUS_DENIED, 0, "%s", _("an empty passphrase protects nothing"));
    }
    if (work_factor < WORK_FACTOR_LEAST || work_factor > AGE_WORK_FACTOR_LIMIT) {
        return error_set(error, STATUS_USAGE, 0, _("the work factor %u is not between %d and %d"),
                         work_factor, WORK_FACTOR_LEAST, AGE_WORK_FACTOR_LIMIT);
    }
    const struct fields fields = compose(raw, secret, work_factor);
    enum status status = apply_passphrase(&fields, passphrase, error);
    if (status != STATUS_OK) {
        return status;
    }
    sodium_bin2base64(line, sizeof(line), raw, RAW_SIZE, sodium_base64_VARIANT_ORIGINAL);
    status = minisign_append_line(text, MINISIGN_COMMENT_START, SECRET_COMMENT, error);
    return status == STATUS_OK ? minisign_append_line(text, line, "", error) : status;
}

enum status minisign_write_secret(const char *path, const struct minisign_secret *secret,
                                  const struct secret_text *passphrase, unsigned work_factor,
                                  enum file_replace replace, struct error *error)
{
    CLEANUP(buffer_free) struct buffer text = {0};
    enum status status = seal(&text, secret, passphrase, work_factor, error);
    return status == STATUS_OK ? file_write(path, text.data, text.size, 0600, replace, error)
                               : status;
}

enum status minisign_write_pair(const char *path, const struct minisign_secret *secret,
                                const struct secret_text *passphrase, unsigned work_factor,
                                struct error *error)
{
    CLEANUP(memory_free) char *public_path = NULL;
    CLEANUP(buffer_free) struct buffer public_text = {0};
    CLEANUP(buffer_free) struct buffer text = {0};
    if (asprintf(&public_path, "%s.pub", path) < 0) {
        public_path = NULL;
        return error_set_memory(error);
    }
    enum status status = minisign_public_compose(&public_text, &secret->public_key, error);
    if (status == STATUS_OK) {
        status = seal(&text, secret, passphrase, work_factor, error);
    }
    /* The public part comes first: after an interruption it alone is harmless. */
    if (status == STATUS_OK) {
        status = file_write(public_path, public_text.data, public_text.size, 0644,
                            FILE_KEEP_EXISTING, error);
    }
    if (status != STATUS_OK) {
        return status;
    }
    status = file_write(path, text.data, text.size, 0600, FILE_KEEP_EXISTING, error);
    if (status != STATUS_OK) {
        unlink(public_path);
    }
    return status;
}
