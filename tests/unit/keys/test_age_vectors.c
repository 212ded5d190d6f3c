/* Every vector of age's own test kit behaves as it says. */
#include "keys_test.h"
#include <dirent.h>

#define FOLDER KURA_TESTS "/vectors/age/testkit"
#define LIMIT 33554432

struct vector {
    char expect[32];
    unsigned char payload[32];
    bool has_payload;
    struct age_identity identities[4];
    size_t count;
    char passphrase[128];
    const unsigned char *file;
    size_t file_size;
};

static void load(struct buffer *content, const char *name)
{
    struct error error = {0};
    char path[512];
    size_t length = strlen(name);
    snprintf(path, sizeof(path), "%s/%s", FOLDER, name);
    if (length < 3 || strcmp(name + length - 3, ".gz") != 0) {
        assert_ok(file_read(content, path, LIMIT, &error));
        return;
    }
    char command[600];
    snprintf(command, sizeof(command), "gzip -dc '%s'", path);
    FILE *stream = popen(command, "r"); /* NOLINT(cert-env33-c): a fixed command */
    assert_non_null(stream);
    size_t got = 1;
    while (got > 0) {
        assert_ok(buffer_reserve(content, 65536, &error));
        got = fread(content->data + content->size, 1, 65536, stream);
        content->size += got;
    }
    assert_int_equal(pclose(stream), 0);
}

static void take_key(struct vector *vector, const char *key, const char *value)
{
    struct error error = {0};
    if (strcmp(key, "expect") == 0) {
        snprintf(vector->expect, sizeof(vector->expect), "%s", value);
    } else if (strcmp(key, "payload") == 0) {
        vector->has_payload = hex_decode(vector->payload, 32, value, strlen(value));
        assert_true(vector->has_payload);
    } else if (strcmp(key, "passphrase") == 0) {
        snprintf(vector->passphrase, sizeof(vector->passphrase), "%s", value);
    } else if (strcmp(key, "identity") == 0) {
        assert_true(vector->count < LENGTH(vector->identities));
        assert_ok(
            age_identity_parse(&vector->identities[vector->count++], value, strlen(value), &error));
    } else {
        assert_true(strcmp(key, "file key") == 0 || strcmp(key, "armored") == 0 ||
                    strcmp(key, "comment") == 0);
    }
}

static void parse(struct vector *vector, const struct buffer *content)
{
    const char *at = (const char *)content->data;
    const char *end = at + content->size;
    while (*at != '\n') {
        char line[512];
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        assert_non_null(newline);
        snprintf(line, sizeof(line), "%.*s", (int)(newline - at), at);
        char *value = strstr(line, ": ");
        assert_non_null(value);
        *value = '\0';
        take_key(vector, line, value + 2);
        at = newline + 1;
    }
    vector->file = (const unsigned char *)at + 1;
    vector->file_size = (size_t)(end - at) - 1;
}

struct served {
    const unsigned char *at;
    size_t left;
};

static enum status serve(void *context, void *target, size_t size, size_t *got, struct error *error)
{
    struct served *served = context;
    (void)error;
    *got = size < served->left ? size : served->left;
    memcpy(target, served->at, *got);
    served->at += *got;
    served->left -= *got;
    return STATUS_OK;
}

/* Opens, in pieces of an odd size; *opened tells whether the header was accepted. */
static enum status open_all(const struct vector *vector, unsigned char hash[32], bool *opened)
{
    struct error error = {0};
    struct served served = {.at = vector->file, .left = vector->file_size};
    char passphrase[sizeof(vector->passphrase)];
    memcpy(passphrase, vector->passphrase, sizeof(passphrase));
    const struct passphrase_source source = {.get = give_passphrase, .context = passphrase};
    struct age_reader *reader = NULL;
    crypto_hash_sha256_state state;
    crypto_hash_sha256_init(&state);
    enum status status = age_reader_open(
        &reader, (struct age_supply){.read = serve, .context = &served}, vector->identities,
        vector->count, passphrase[0] == '\0' ? NULL : &source, &error);
    *opened = status == STATUS_OK;
    size_t got = 1;
    while (status == STATUS_OK && got > 0) {
        unsigned char piece[50021];
        status = age_reader_read(reader, piece, sizeof(piece), &got, &error);
        if (status == STATUS_OK) {
            crypto_hash_sha256_update(&state, piece, got);
        }
    }
    crypto_hash_sha256_final(&state, hash);
    age_reader_free(reader);
    return status;
}

static void check(const struct vector *vector, const char *name)
{
    unsigned char hash[32];
    bool opened = false;
    enum status status = open_all(vector, hash, &opened);
    enum status wanted = STATUS_CORRUPT;
    bool wanted_opened = false;
    if (strcmp(vector->expect, "success") == 0) {
        wanted = STATUS_OK;
        wanted_opened = true;
    } else if (strcmp(vector->expect, "no match") == 0) {
        wanted = STATUS_DENIED;
    } else if (strcmp(vector->expect, "payload failure") == 0) {
        wanted_opened = true;
    } else if (strcmp(name, "version_unsupported") == 0 ||
               strcmp(name, "scrypt_work_factor_23") == 0 ||
               strcmp(name, "scrypt_work_factor_overflow") == 0) {
        wanted = STATUS_UNSUPPORTED;
    }
    if (strcmp(vector->expect, "armor failure") == 0) {
        wanted_opened = opened; /* the armor may be damaged anywhere */
    }
    if (status != wanted || opened != wanted_opened) {
        fail_msg("%s (%s): status %d, opened %d", name, vector->expect, (int)status, opened);
    }
    if (vector->has_payload && memcmp(hash, vector->payload, sizeof(hash)) != 0) {
        fail_msg("%s: not the payload that it should be", name);
    }
}

static void test_vectors(void **state)
{
    (void)state;
    DIR *folder = opendir(FOLDER);
    assert_non_null(folder);
    size_t count = 0;
    for (const struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        if (entry->d_name[0] == '.') {
            continue;
        }
        struct buffer content = {0};
        struct vector vector = {0};
        load(&content, entry->d_name);
        parse(&vector, &content);
        check(&vector, entry->d_name);
        for (size_t i = 0; i < vector.count; i++) {
            age_identity_free(&vector.identities[i]);
        }
        buffer_free(&content);
        count++;
    }
    closedir(folder);
    assert_int_equal(count, 124);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_vectors)};
    return cmocka_run_group_tests_name("age test kit", tests, in_fresh_folder, leave_folder);
}
