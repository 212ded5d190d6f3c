/* Keys and signatures go both ways between kura and the minisign program; what minisign could read
 * otherwise than we do is refused, and so is all that could be taken for a token. */
#include "keys/paseto.h"
#include "keys_test.h"
#include "kura/signed.h"
#include <sys/wait.h>

#define VECTORS KURA_TESTS "/vectors/minisign/"
#define WORK_FACTOR 10
#define PASSPHRASE "correct horse battery staple"
#define COMMENT "policy 7\tof 2026-11-22"

static int run(const char *format, ...) __attribute__((format(printf, 1, 2)));

static int run(const char *format, ...)
{
    char command[1024];
    va_list arguments;
    va_start(arguments, format);
    /* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): it is initialised above */
    vsnprintf(command, sizeof(command), format, arguments);
    va_end(arguments);
    int status = system(command); /* NOLINT(cert-env33-c,bugprone-command-processor): fixed words */
    return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

static void write_file(const char *path, const void *data, size_t size)
{
    struct error error = {0};
    assert_ok(file_write(path, data, size, 0600, FILE_REPLACE_EXISTING, &error));
}

static struct buffer content_of(const char *path)
{
    struct error error = {0};
    struct buffer content = {0};
    assert_ok(file_read(&content, path, 1048576, &error));
    return content;
}

static struct minisign_secret fresh_key(void)
{
    struct error error = {0};
    struct minisign_secret secret = {0};
    assert_ok(minisign_generate(&secret, &error));
    return secret;
}

static void remove_pair(const char *path)
{
    char public_path[64];
    snprintf(public_path, sizeof(public_path), "%s.pub", path);
    unlink(path);
    unlink(public_path);
}

static enum status write_pair(const char *path, const struct minisign_secret *secret)
{
    struct error error = {0};
    struct secret_text passphrase = secret_of(PASSPHRASE);
    enum status status = minisign_write_pair(path, secret, &passphrase, WORK_FACTOR, &error);
    secret_text_free(&passphrase);
    return status;
}

static enum status read_with(struct minisign_secret *secret, const char *path,
                             const char *passphrase)
{
    struct error error = {0};
    char given[64];
    snprintf(given, sizeof(given), "%s", passphrase == NULL ? "" : passphrase);
    const struct passphrase_source source = {.get = give_passphrase, .context = given};
    enum status status =
        minisign_read_secret(secret, path, passphrase == NULL ? NULL : &source, &error);
    assert_int_equal(status, error.status);
    assert_true(status == STATUS_OK || secret->signing.seed == NULL);
    return status;
}

static mode_t mode_of(const char *path)
{
    struct stat information;
    assert_int_equal(stat(path, &information), 0);
    return information.st_mode & 07777;
}

/* ------------------------------------------------------------------ keys */

static void test_pair(void **state)
{
    (void)state;
    struct error error = {0};
    struct minisign_secret secret = fresh_key();
    struct minisign_secret again = {0};
    struct minisign_public public_key = {0};
    remove_pair("pair");
    assert_int_equal(write_pair("pair", &secret), STATUS_OK);
    assert_int_equal(mode_of("pair"), 0600);
    assert_int_equal(mode_of("pair.pub"), 0644);
    assert_true(minisign_is_secret("pair"));
    assert_ok(minisign_public_read(&public_key, "pair.pub", &error));
    assert_memory_equal(&public_key, &secret.public_key, sizeof(public_key));
    assert_int_equal(read_with(&again, "pair", PASSPHRASE), STATUS_OK);
    assert_memory_equal(&again.public_key, &secret.public_key, sizeof(public_key));
    assert_memory_equal(again.signing.seed, secret.signing.seed, SIGN_SEED_SIZE);
    minisign_secret_free(&again);
    assert_int_equal(read_with(&again, "pair", "wrong"), STATUS_DENIED);
    assert_int_equal(read_with(&again, "pair", NULL), STATUS_DENIED);
    assert_int_equal(read_with(&again, "not there", PASSPHRASE), STATUS_NOT_FOUND);
    minisign_secret_free(&secret);
}

static void test_sealed_with_a_fresh_salt(void **state)
{
    (void)state;
    struct minisign_secret secret = fresh_key();
    remove_pair("one");
    remove_pair("two");
    assert_int_equal(write_pair("one", &secret), STATUS_OK);
    assert_int_equal(write_pair("two", &secret), STATUS_OK);
    struct buffer one = content_of("one");
    struct buffer two = content_of("two");
    assert_int_equal(one.size, two.size);
    assert_memory_not_equal(one.data, two.data, one.size);
    /* Nor does the seed stand in it. */
    char seed[64];
    sodium_bin2base64(seed, sizeof(seed), secret.signing.seed, SIGN_SEED_SIZE - 2,
                      sodium_base64_VARIANT_ORIGINAL);
    assert_null(memmem(one.data, one.size, seed, 8));
    buffer_free(&one);
    buffer_free(&two);
    minisign_secret_free(&secret);
}

static void test_never_over_another(void **state)
{
    (void)state;
    struct minisign_secret secret = fresh_key();
    remove_pair("kept");
    write_file("kept", "mine", 4);
    assert_int_equal(write_pair("kept", &secret), STATUS_EXISTS);
    assert_int_equal(access("kept.pub", F_OK), -1);
    struct buffer content = content_of("kept");
    assert_memory_equal(content.data, "mine", 4);
    buffer_free(&content);
    remove_pair("kept");
    write_file("kept.pub", "mine", 4);
    assert_int_equal(write_pair("kept", &secret), STATUS_EXISTS);
    assert_int_equal(access("kept", F_OK), -1);
    minisign_secret_free(&secret);
}

static void test_passphrase_and_factor(void **state)
{
    (void)state;
    struct error error = {0};
    struct minisign_secret secret = fresh_key();
    struct secret_text empty = secret_of("");
    struct secret_text passphrase = secret_of(PASSPHRASE);
    remove_pair("none");
    assert_int_equal(minisign_write_pair("none", &secret, &empty, WORK_FACTOR, &error),
                     STATUS_DENIED);
    static const unsigned factors[] = {0, 9, AGE_WORK_FACTOR_LIMIT + 1, 64};
    for (size_t i = 0; i < LENGTH(factors); i++) {
        assert_int_equal(minisign_write_pair("none", &secret, &passphrase, factors[i], &error),
                         STATUS_USAGE);
    }
    assert_int_equal(access("none", F_OK), -1);
    assert_int_equal(access("none.pub", F_OK), -1);
    secret_text_free(&empty);
    secret_text_free(&passphrase);
    minisign_secret_free(&secret);
}

static void test_another_passphrase(void **state)
{
    (void)state;
    struct error error = {0};
    struct minisign_secret secret = fresh_key();
    struct minisign_secret again = {0};
    struct secret_text other = secret_of("another one");
    remove_pair("changed");
    assert_int_equal(write_pair("changed", &secret), STATUS_OK);
    assert_int_equal(
        minisign_write_secret("changed", &secret, &other, WORK_FACTOR, FILE_KEEP_EXISTING, &error),
        STATUS_EXISTS);
    assert_ok(minisign_write_secret("changed", &secret, &other, WORK_FACTOR, FILE_REPLACE_EXISTING,
                                    &error));
    assert_int_equal(read_with(&again, "changed", PASSPHRASE), STATUS_DENIED);
    assert_int_equal(read_with(&again, "changed", "another one"), STATUS_OK);
    assert_memory_equal(again.signing.seed, secret.signing.seed, SIGN_SEED_SIZE);
    minisign_secret_free(&again);
    secret_text_free(&other);
    minisign_secret_free(&secret);
}

/* ------------------------------------------------------------------ hostile secret keys */

#define RAW_SIZE 158
#define AT_WORK 38
#define AT_MEMORY 46
#define AT_PUBLIC 94
#define AT_CHECKSUM 126

static void decode_key(unsigned char raw[RAW_SIZE], const char *path)
{
    struct buffer content = content_of(path);
    const char *line = memchr(content.data, '\n', content.size);
    size_t decoded = 0;
    assert_non_null(line);
    assert_int_equal(sodium_base642bin(raw, RAW_SIZE, line + 1, 212, NULL, &decoded, NULL,
                                       sodium_base64_VARIANT_ORIGINAL),
                     0);
    assert_int_equal(decoded, RAW_SIZE);
    buffer_free(&content);
}

static void write_key(const char *path, const unsigned char raw[RAW_SIZE])
{
    char line[256];
    char text[512];
    sodium_bin2base64(line, sizeof(line), raw, RAW_SIZE, sodium_base64_VARIANT_ORIGINAL);
    int size = snprintf(text, sizeof(text), "untrusted comment: x\n%s\n", line);
    write_file(path, text, (size_t)size);
}

static enum status never_asked(void *context, struct secret_text *passphrase, const char *what_for,
                               struct error *error)
{
    (void)context;
    (void)passphrase;
    (void)what_for;
    (void)error;
    fail_msg("asked for a passphrase");
    return STATUS_FAILED;
}

static void assert_refused(enum status wanted, const unsigned char raw[RAW_SIZE])
{
    static const struct passphrase_source source = {.get = never_asked};
    struct error error = {0};
    struct minisign_secret secret = {0};
    write_key("hostile", raw);
    assert_int_equal(minisign_read_secret(&secret, "hostile", &source, &error), wanted);
    assert_null(secret.signing.seed);
}

/* Judged before anybody is asked for a passphrase, and so before memory is spent. */
static void test_asks_for_too_much(void **state)
{
    (void)state;
    struct minisign_secret secret = fresh_key();
    unsigned char raw[RAW_SIZE];
    remove_pair("much");
    assert_int_equal(write_pair("much", &secret), STATUS_OK);
    static const struct {
        size_t at;
        uint64_t value;
    } cases[] = {{AT_MEMORY, (UINT64_C(1) << 30) + 1},
                 {AT_MEMORY, UINT64_MAX},
                 {AT_WORK, (UINT64_C(1) << 25) + 1},
                 {AT_WORK, UINT64_MAX}};
    for (size_t i = 0; i < LENGTH(cases); i++) {
        decode_key(raw, "much");
        for (size_t k = 0; k < 8; k++) {
            raw[cases[i].at + k] = (unsigned char)(cases[i].value >> (8 * k));
        }
        assert_refused(STATUS_UNSUPPORTED, raw);
    }
    minisign_secret_free(&secret);
}

static void test_other_algorithms(void **state)
{
    (void)state;
    struct minisign_secret secret = fresh_key();
    unsigned char raw[RAW_SIZE];
    remove_pair("other");
    assert_int_equal(write_pair("other", &secret), STATUS_OK);
    for (size_t at = 0; at < 6; at++) {
        decode_key(raw, "other");
        raw[at] ^= 0x20;
        assert_refused(STATUS_CORRUPT, raw);
    }
    minisign_secret_free(&secret);
}

/* A sealed key that was changed is told by its checksum; one without passphrase, too, if it has
 * one; and a public key that is not the seed's own is never signed beside. */
static void test_changed_keys(void **state)
{
    (void)state;
    struct minisign_secret secret = fresh_key();
    struct minisign_secret again = {0};
    unsigned char raw[RAW_SIZE];
    remove_pair("sealed");
    assert_int_equal(write_pair("sealed", &secret), STATUS_OK);
    static const size_t places[] = {6, 54, 62, AT_PUBLIC, AT_CHECKSUM, RAW_SIZE - 1};
    for (size_t i = 0; i < LENGTH(places); i++) {
        decode_key(raw, "sealed");
        raw[places[i]] ^= 1;
        write_key("hostile", raw);
        assert_int_equal(read_with(&again, "hostile", PASSPHRASE), STATUS_DENIED);
    }
    decode_key(raw, VECTORS "test-only.key");
    raw[AT_PUBLIC] ^= 1;
    assert_refused(STATUS_CORRUPT, raw);
    raw[AT_PUBLIC] ^= 1;
    raw[AT_CHECKSUM] ^= 1;
    assert_refused(STATUS_CORRUPT, raw);
    minisign_secret_free(&secret);
}

static void test_texts_of_secret_keys(void **state)
{
    (void)state;
    struct buffer good = content_of(VECTORS "test-only.key");
    const char *text = (const char *)good.data;
    const char *line = strchr(text, '\n') + 1;
    int length = (int)(good.size - (size_t)(line - text) - 1);
    char changed[1024];
    struct minisign_secret secret = {0};
    static const char *const forms[] = {
        "",
        "untrusted comment: x\n",
        "trusted comment: x\n%.*s\n",
        "%.*s\n",
        "untrusted comment: x\n%.*s=\n",
        "untrusted comment: x\n %.*s\n",
        "untrusted comment: x\n%.*s \n",
        "untrusted comment: x\n%.*s\n\n",
        "untrusted comment: x\n%.*s\nmore\n",
        "untrusted comment: x\ry\n%.*s\n",
    };
    for (size_t i = 0; i < LENGTH(forms); i++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        int size = snprintf(changed, sizeof(changed), forms[i], length, line);
#pragma GCC diagnostic pop
        write_file("changed.key", changed, (size_t)size);
        assert_int_equal(read_with(&secret, "changed.key", NULL), STATUS_CORRUPT);
    }
    int size = snprintf(changed, sizeof(changed), "untrusted comment: x\r\n%.*s", length, line);
    write_file("changed.key", changed, (size_t)size);
    assert_int_equal(read_with(&secret, "changed.key", NULL), STATUS_OK);
    minisign_secret_free(&secret);
    char *large = calloc(1, MINISIGN_FILE_LIMIT + 1);
    assert_non_null(large);
    write_file("changed.key", large, MINISIGN_FILE_LIMIT + 1);
    assert_int_equal(read_with(&secret, "changed.key", NULL), STATUS_CORRUPT);
    assert_false(minisign_is_secret("changed.key"));
    free(large);
    buffer_free(&good);
}

/* ------------------------------------------------------------------ public keys */

#define PUBLISHED "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3"

static enum status parse_public(const char *text, size_t size)
{
    struct error error = {0};
    struct minisign_public key = {0};
    return minisign_public_parse(&key, text, size, &error);
}

static void test_public_keys(void **state)
{
    (void)state;
    struct error error = {0};
    struct minisign_public key = {0};
    struct minisign_public line = {0};
    char text[MINISIGN_PUBLIC_TEXT_SIZE];
    assert_ok(minisign_public_read(&key, VECTORS "published.pub", &error));
    assert_ok(minisign_public_parse(&line, PUBLISHED, strlen(PUBLISHED), &error));
    assert_memory_equal(&key, &line, sizeof(key));
    minisign_public_format(text, &key);
    assert_string_equal(text, PUBLISHED);
    assert_int_equal(parse_public(PUBLISHED "\n", 57), STATUS_OK);
    assert_int_equal(parse_public(PUBLISHED "\r\n", 58), STATUS_OK);
    static const char *const bad[] = {
        "",
        "\n",
        PUBLISHED "\n\n",
        PUBLISHED "=",
        PUBLISHED "\n" PUBLISHED,
        " " PUBLISHED,
        PUBLISHED " ",
        "untrusted comment: x",
        "untrusted comment: x\n",
        "comment: x\n" PUBLISHED,
        "untrusted comment: x\nuntrusted comment: y\n" PUBLISHED,
        /* One character less, a prehashed "ED", the letters of base64url, no letters at all. */
        "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO",
        "RUQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3",
        "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GF-_",
        "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GF\xd7\xff",
        /* The neutral point, and one that is not in its canonical form. */
        "RWQAAAAAAAAAAAEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "RWQAAAAAAAAAAO7///////////////////////////////////////9/",
    };
    for (size_t i = 0; i < LENGTH(bad); i++) {
        assert_int_equal(parse_public(bad[i], strlen(bad[i])), STATUS_CORRUPT);
    }
    assert_int_equal(parse_public(PUBLISHED "\0", 57), STATUS_CORRUPT);
    assert_int_equal(minisign_public_read(&key, VECTORS "published.minisig", &error),
                     STATUS_CORRUPT);
}

/* The comment names the key id as minisign writes it, which drops leading zeros. */
static void test_public_comment(void **state)
{
    (void)state;
    struct minisign_secret secret = fresh_key();
    memcpy(secret.public_key.key_id, "\x21\x43\x65\x87\xa9\xcb\x0d\x00", MINISIGN_KEY_ID_SIZE);
    remove_pair("zeros");
    assert_int_equal(write_pair("zeros", &secret), STATUS_OK);
    struct buffer content = content_of("zeros.pub");
    static const char wanted[] = "untrusted comment: minisign public key DCBA987654321\n";
    assert_memory_equal(content.data, wanted, sizeof(wanted) - 1);
    buffer_free(&content);
    minisign_secret_free(&secret);
}

/* ------------------------------------------------------------------ signatures */

static struct minisign_secret test_only_key(void)
{
    struct minisign_secret secret = {0};
    assert_int_equal(read_with(&secret, VECTORS "test-only.key", NULL), STATUS_OK);
    return secret;
}

static enum status verify(const struct minisign_public *key, const void *signature, size_t size,
                          const char *data)
{
    struct error error = {0};
    return minisign_verify(NULL, key, signature, size, data, strlen(data), &error);
}

static void test_published_signature(void **state)
{
    (void)state;
    struct error error = {0};
    struct minisign_public key = {0};
    char comment[MINISIGN_COMMENT_SIZE];
    struct buffer signature = content_of(VECTORS "published.minisig");
    assert_ok(minisign_public_parse(&key, PUBLISHED, strlen(PUBLISHED), &error));
    assert_ok(minisign_verify(comment, &key, signature.data, signature.size, "test", 4, &error));
    assert_string_equal(comment, "timestamp:1633700835\tfile:test\tprehashed");
    assert_int_equal(verify(&key, signature.data, signature.size, "Test"), STATUS_UNAUTHENTIC);
    assert_int_equal(verify(&key, signature.data, signature.size, ""), STATUS_UNAUTHENTIC);
    buffer_free(&signature);
}

static void test_kura_signs_minisign_verifies(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 63, 64, 65, 100000};
    struct minisign_secret secret = fresh_key();
    remove_pair("signer");
    assert_int_equal(write_pair("signer", &secret), STATUS_OK);
    for (size_t i = 0; i < LENGTH(sizes); i++) {
        struct error error = {0};
        struct buffer signature = {0};
        unsigned char *data = sample(sizes[i]);
        assert_ok(minisign_sign(&signature, &secret, data, sizes[i], COMMENT, &error));
        write_file("data", data, sizes[i]);
        write_file("data.minisig", signature.data, signature.size);
        assert_int_equal(run("minisign -V -H -m data -p signer.pub > shown"), 0);
        assert_int_equal(run("grep -qxF 'Trusted comment: " COMMENT "' shown"), 0);
        assert_int_equal(run("printf x >> data; minisign -V -m data -p signer.pub 2>/dev/null"), 1);
        buffer_free(&signature);
        free(data);
    }
    minisign_secret_free(&secret);
}

static void test_minisign_signs_kura_verifies(void **state)
{
    (void)state;
    struct error error = {0};
    struct minisign_public key = {0};
    struct minisign_secret secret = {0};
    char comment[MINISIGN_COMMENT_SIZE];
    unlink("real");
    unlink("real.pub");
    assert_int_equal(run("minisign -G -W -s real -p real.pub > shown"), 0);
    write_file("data", "policy", 6);
    assert_int_equal(run("minisign -S -s real -m data -t 'by hand'"), 0);
    assert_ok(minisign_public_read(&key, "real.pub", &error));
    struct buffer signature = content_of("data.minisig");
    assert_ok(minisign_verify(comment, &key, signature.data, signature.size, "policy", 6, &error));
    assert_string_equal(comment, "by hand");
    assert_int_equal(verify(&key, signature.data, signature.size, "Policy"), STATUS_UNAUTHENTIC);
    /* And its secret key signs here. */
    assert_int_equal(read_with(&secret, "real", NULL), STATUS_OK);
    assert_memory_equal(&secret.public_key, &key, sizeof(key));
    buffer_clear(&signature);
    assert_ok(minisign_sign(&signature, &secret, "policy", 6, "", &error));
    write_file("data.minisig", signature.data, signature.size);
    assert_int_equal(run("minisign -V -m data -p real.pub > shown"), 0);
    buffer_free(&signature);
    minisign_secret_free(&secret);
}

static void test_every_changed_byte(void **state)
{
    (void)state;
    struct error error = {0};
    struct minisign_secret secret = test_only_key();
    struct buffer signature = {0};
    assert_ok(minisign_sign(&signature, &secret, "test", 4, COMMENT, &error));
    assert_int_equal(verify(&secret.public_key, signature.data, signature.size, "test"), STATUS_OK);
    const unsigned char *first_end = memchr(signature.data, '\n', signature.size);
    size_t first_line = (size_t)(first_end - signature.data);
    for (size_t i = first_line; i < signature.size - 1; i++) {
        static const char others[] = "AB/+= \n\r\0z";
        unsigned char kept = signature.data[i];
        for (size_t k = 0; k < sizeof(others) - 1 + 128; k++) {
            /* libsodium's decoder takes bytes above 127 for letters. */
            signature.data[i] = (unsigned char)(k < 128 ? (int)k + 128 : others[k - 128]);
            assert_true(signature.data[i] == kept || verify(&secret.public_key, signature.data,
                                                            signature.size, "test") != STATUS_OK);
        }
        signature.data[i] = kept;
        assert_int_not_equal(verify(&secret.public_key, signature.data, i, "test"), STATUS_OK);
    }
    /* Without the last newline it is whole; with more after it, not. */
    assert_int_equal(verify(&secret.public_key, signature.data, signature.size - 1, "test"),
                     STATUS_OK);
    assert_ok(buffer_append_text(&signature, "\n", &error));
    assert_int_equal(verify(&secret.public_key, signature.data, signature.size, "test"),
                     STATUS_CORRUPT);
    buffer_free(&signature);
    minisign_secret_free(&secret);
}

static void test_another_key(void **state)
{
    (void)state;
    struct error error = {0};
    struct minisign_secret secret = fresh_key();
    struct minisign_secret other = fresh_key();
    struct buffer signature = {0};
    assert_ok(minisign_sign(&signature, &secret, "test", 4, COMMENT, &error));
    assert_int_equal(verify(&other.public_key, signature.data, signature.size, "test"),
                     STATUS_UNAUTHENTIC);
    /* Key ids are chosen freely: the same one proves nothing. */
    memcpy(other.public_key.key_id, secret.public_key.key_id, MINISIGN_KEY_ID_SIZE);
    assert_int_equal(verify(&other.public_key, signature.data, signature.size, "test"),
                     STATUS_UNAUTHENTIC);
    buffer_free(&signature);
    minisign_secret_free(&secret);
    minisign_secret_free(&other);
}

/* A comment of one signature under another one by the same key. */
static void test_comment_belongs_to_its_signature(void **state)
{
    (void)state;
    struct error error = {0};
    struct minisign_secret secret = fresh_key();
    struct buffer one = {0};
    struct buffer two = {0};
    assert_ok(minisign_sign(&one, &secret, "one", 3, "version 1", &error));
    assert_ok(minisign_sign(&two, &secret, "two", 3, "version 2", &error));
    unsigned char *comment = memmem(one.data, one.size, "trusted comment: version", 24);
    unsigned char *from = memmem(two.data, two.size, "trusted comment: version", 24);
    assert_non_null(comment);
    assert_non_null(from);
    memcpy(comment, from, two.size - (size_t)(from - two.data));
    assert_int_equal(verify(&secret.public_key, one.data, one.size, "one"), STATUS_UNAUTHENTIC);
    buffer_free(&one);
    buffer_free(&two);
    minisign_secret_free(&secret);
}

static void test_comments(void **state)
{
    (void)state;
    struct error error = {0};
    struct minisign_secret secret = fresh_key();
    struct buffer signature = {0};
    char comment[MINISIGN_COMMENT_SIZE];
    char longest[MINISIGN_COMMENT_SIZE + 1];
    memset(longest, 'c', sizeof(longest));
    longest[MINISIGN_COMMENT_SIZE] = '\0';
    static const char *const bad[] = {"a\nb", "a\rb", "a\x1b[2J", "a\x7f"};
    for (size_t i = 0; i < LENGTH(bad); i++) {
        assert_int_equal(minisign_sign(&signature, &secret, "test", 4, bad[i], &error),
                         STATUS_USAGE);
    }
    assert_int_equal(minisign_sign(&signature, &secret, "test", 4, longest, &error), STATUS_USAGE);
    assert_int_equal(signature.size, 0);
    longest[MINISIGN_COMMENT_SIZE - 1] = '\0';
    assert_ok(minisign_sign(&signature, &secret, "test", 4, longest, &error));
    assert_ok(minisign_verify(comment, &secret.public_key, signature.data, signature.size, "test",
                              4, &error));
    assert_string_equal(comment, longest);
    buffer_free(&signature);
    minisign_secret_free(&secret);
}

/* A signature that is good but for a comment of this length. */
static enum status verify_commented(size_t length)
{
    struct error error = {0};
    struct minisign_secret secret = test_only_key();
    struct buffer signature = {0};
    struct buffer text = {0};
    assert_ok(minisign_sign(&signature, &secret, "test", 4, COMMENT, &error));
    const unsigned char *rest = memchr(signature.data, '\n', signature.size);
    assert_ok(buffer_append_text(&text, "untrusted comment: ", &error));
    for (size_t i = 0; i < length; i++) {
        assert_ok(buffer_append_u8(&text, 'x', &error));
    }
    assert_ok(buffer_append(&text, rest, signature.size - (size_t)(rest - signature.data), &error));
    enum status status = verify(&secret.public_key, text.data, text.size, "test");
    buffer_free(&signature);
    buffer_free(&text);
    minisign_secret_free(&secret);
    return status;
}

static void test_size_is_bounded(void **state)
{
    (void)state;
    struct minisign_secret secret = test_only_key();
    assert_int_equal(verify_commented(1000), STATUS_OK);
    assert_int_equal(verify_commented(MINISIGN_FILE_LIMIT), STATUS_CORRUPT);
    assert_int_equal(verify(&secret.public_key, NULL, 0, "test"), STATUS_CORRUPT);
    minisign_secret_free(&secret);
}

/* ------------------------------------------------------------------ one key for files and tokens
 */

static void test_legacy_is_refused(void **state)
{
    (void)state;
    struct minisign_secret secret = test_only_key();
    struct buffer signature = content_of(VECTORS "legacy.minisig");
    write_file("test", "test", 4);
    assert_int_equal(run("minisign -V -m test -x '" VECTORS "legacy.minisig' -p '" VECTORS
                         "test-only.pub' > shown"),
                     0);
    assert_int_equal(verify(&secret.public_key, signature.data, signature.size, "test"),
                     STATUS_UNSUPPORTED);
    buffer_free(&signature);
    minisign_secret_free(&secret);
}

/* What is signed for a token: the pre-authentication encoding of "v4.public.", "{}", its footer and
 * an empty assertion. */
static void compose_pre_image(struct buffer *image, const struct minisign_secret *secret)
{
    struct error error = {0};
    char id[PASERK_ID_SIZE];
    char footer[128];
    paserk_id(id, secret->public_key.key);
    snprintf(footer, sizeof(footer), "{\"kid\":\"%s\"}", id);
    const char *const pieces[] = {"v4.public.", "{}", footer, ""};
    assert_ok(buffer_append_u64(image, LENGTH(pieces), &error));
    for (size_t i = 0; i < LENGTH(pieces); i++) {
        assert_ok(buffer_append_u64(image, strlen(pieces[i]), &error));
        assert_ok(buffer_append_text(image, pieces[i], &error));
    }
}

/* "v4.public." with the payload "{}", this signature, and the footer of the other token. */
static void compose_token(struct buffer *token, const unsigned char signature[SIGN_SIZE],
                          const struct buffer *other)
{
    struct error error = {0};
    unsigned char body[2 + SIGN_SIZE] = "{}";
    char text[128];
    memcpy(body + 2, signature, SIGN_SIZE);
    sodium_bin2base64(text, sizeof(text), body, sizeof(body),
                      sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    const unsigned char *dot = memrchr(other->data, '.', other->size);
    assert_ok(buffer_append_text(token, "v4.public.", &error));
    assert_ok(buffer_append_text(token, text, &error));
    assert_ok(buffer_append(token, dot, other->size - (size_t)(dot - other->data), &error));
}

/* The second line of a .minisig file. */
static void take_signature(unsigned char signature[SIGN_SIZE], const struct buffer *file)
{
    unsigned char raw[2 + MINISIGN_KEY_ID_SIZE + SIGN_SIZE];
    size_t decoded = 0;
    const char *line = memchr(file->data, '\n', file->size);
    assert_int_equal(sodium_base642bin(raw, sizeof(raw), line + 1, 100, NULL, &decoded, NULL,
                                       sodium_base64_VARIANT_ORIGINAL),
                     0);
    assert_int_equal(decoded, sizeof(raw));
    memcpy(signature, raw + 2 + MINISIGN_KEY_ID_SIZE, SIGN_SIZE);
}

/* A file whose bytes are a token's pre-image: what minisign's old kind signs of it is the token's
 * own signature, which is why that kind is never made and never accepted; ours is not. */
static void test_no_file_signature_is_a_token(void **state)
{
    (void)state;
    struct error error = {0};
    struct minisign_secret secret = test_only_key();
    struct buffer image = {0};
    struct buffer token = {0};
    struct buffer forged = {0};
    struct buffer file = {0};
    struct buffer payload = {0};
    unsigned char signature[SIGN_SIZE];
    compose_pre_image(&image, &secret);
    assert_ok(paseto_sign(&token, &secret.signing, "{}", 2, "", &error));
    write_file("image", image.data, image.size);
    assert_int_equal(run("minisign -S -l -s '" VECTORS "test-only.key' -m image"), 0);
    struct buffer legacy = content_of("image.minisig");
    take_signature(signature, &legacy);
    compose_token(&forged, signature, &token);
    assert_int_equal(forged.size, token.size);
    assert_memory_equal(forged.data, token.data, token.size);
    assert_int_equal(minisign_verify(NULL, &secret.public_key, legacy.data, legacy.size, image.data,
                                     image.size, &error),
                     STATUS_UNSUPPORTED);
    /* The prehashed one over the same file. */
    assert_ok(minisign_sign(&file, &secret, image.data, image.size, "", &error));
    take_signature(signature, &file);
    buffer_clear(&forged);
    compose_token(&forged, signature, &token);
    assert_int_equal(paseto_verify(&payload, (const char *)forged.data, forged.size,
                                   secret.public_key.key, "", &error),
                     STATUS_UNAUTHENTIC);
    buffer_free(&image);
    buffer_free(&token);
    buffer_free(&forged);
    buffer_free(&file);
    buffer_free(&legacy);
    minisign_secret_free(&secret);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pair),
        cmocka_unit_test(test_sealed_with_a_fresh_salt),
        cmocka_unit_test(test_never_over_another),
        cmocka_unit_test(test_passphrase_and_factor),
        cmocka_unit_test(test_another_passphrase),
        cmocka_unit_test(test_asks_for_too_much),
        cmocka_unit_test(test_other_algorithms),
        cmocka_unit_test(test_changed_keys),
        cmocka_unit_test(test_texts_of_secret_keys),
        cmocka_unit_test(test_public_keys),
        cmocka_unit_test(test_public_comment),
        cmocka_unit_test(test_published_signature),
        cmocka_unit_test(test_kura_signs_minisign_verifies),
        cmocka_unit_test(test_minisign_signs_kura_verifies),
        cmocka_unit_test(test_every_changed_byte),
        cmocka_unit_test(test_another_key),
        cmocka_unit_test(test_comment_belongs_to_its_signature),
        cmocka_unit_test(test_comments),
        cmocka_unit_test(test_size_is_bounded),
        cmocka_unit_test(test_legacy_is_refused),
        cmocka_unit_test(test_no_file_signature_is_a_token),
    };
    return cmocka_run_group_tests_name("minisign", tests, in_fresh_folder, leave_folder);
}
