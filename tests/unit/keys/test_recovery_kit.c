/* The recovery kit: it comes back whole, fits a sheet, and opens without kura. */
#include "pty_test.h"
#include <locale.h>
#include <wchar.h>

#define PASSPHRASE "0123-4567-89ab-cdef-ghjk"
#define HOST_KEY "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJv8vq3aUVKzGZ2QxH0bqM4m9mMZ0d0Gk5t6z2Xn7Lq1"

static struct recovery_kit made;
static struct secret_text passphrase;
static char passphrase_given[] = PASSPHRASE;
static const struct passphrase_source source = {.get = give_passphrase,
                                                .context = passphrase_given};

static int make(void **state)
{
    struct error error = {0};
    if (in_fresh_folder(state) != 0 || setlocale(LC_CTYPE, "C.UTF-8") == NULL ||
        age_identity_generate(&made.identity, &error) != STATUS_OK ||
        signing_key_generate(&made.signing, &error) != STATUS_OK) {
        return -1;
    }
    passphrase = secret_of(PASSPHRASE);
    randombytes_buf(made.repository, sizeof(made.repository));
    randombytes_buf(made.host_public, sizeof(made.host_public));
    made.login_seed = secret_new(32);
    randombytes_buf(made.login_seed, 32);
    made.url = strdup("sftp://kura-read@storage.example.net:2222/volume1/kura/repository");
    made.host_key_line = strdup(HOST_KEY);
    made.created = (struct moment){.seconds = 1795312800};
    return recovery_kit_write("kit.txt", &made, &passphrase, 10, &error) == STATUS_OK ? 0 : -1;
}

static int end(void **state)
{
    secret_text_free(&passphrase);
    recovery_kit_free(&made);
    return leave_folder(state);
}

static void assert_same(const struct recovery_kit *kit)
{
    assert_memory_equal(kit->repository, made.repository, sizeof(made.repository));
    assert_string_equal(kit->url, made.url);
    assert_memory_equal(kit->identity.secret_key, made.identity.secret_key, AGE_KEY_SIZE);
    assert_memory_equal(&kit->identity.recipient, &made.identity.recipient, AGE_KEY_SIZE);
    assert_memory_equal(kit->signing.seed, made.signing.seed, SIGN_SEED_SIZE);
    assert_memory_equal(kit->signing.public_key, made.signing.public_key, SIGN_PUBLIC_SIZE);
    assert_memory_equal(kit->host_public, made.host_public, SIGN_PUBLIC_SIZE);
    assert_int_equal(moment_compare(kit->created, made.created), 0);
}

static void test_round_trip(void **state)
{
    (void)state;
    struct error error = {0};
    struct recovery_kit kit = {0};
    struct stat information;
    assert_ok(recovery_kit_read(&kit, "kit.txt", &source, &error));
    assert_same(&kit);
    assert_string_equal(kit.host_key_line, HOST_KEY);
    assert_memory_equal(kit.login_seed, made.login_seed, 32);
    recovery_kit_free(&kit);
    assert_int_equal(stat("kit.txt", &information), 0);
    assert_int_equal(information.st_mode & 07777, 0600);
    assert_int_equal(recovery_kit_write("kit.txt", &made, &passphrase, 10, &error), STATUS_EXISTS);
}

static void test_without_login(void **state)
{
    (void)state;
    struct error error = {0};
    struct recovery_kit kit = {0};
    struct recovery_kit local = made;
    local.login_seed = NULL;
    local.host_key_line = NULL;
    assert_ok(recovery_kit_write("local.txt", &local, &passphrase, 10, &error));
    assert_ok(recovery_kit_read(&kit, "local.txt", &source, &error));
    assert_same(&kit);
    assert_null(kit.login_seed);
    assert_null(kit.host_key_line);
    recovery_kit_free(&kit);
}

static void test_fits_a_sheet(void **state)
{
    (void)state;
    FILE *file = fopen("kit.txt", "re");
    char line[1024];
    wchar_t wide[1024];
    int lines = 0;
    assert_non_null(file);
    while (fgets(line, sizeof(line), file) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        size_t length = mbstowcs(wide, line, LENGTH(wide));
        assert_true(length != (size_t)-1);
        int width = wcswidth(wide, length);
        if (width < 0 || width > 76) {
            fail_msg("%d columns: %s", width, line);
        }
        lines++;
    }
    fclose(file);
    assert_in_range(lines, 40, 60);
}

static void test_opens_with_age(void **state)
{
    (void)state;
    static const char *const command[] = {
        "sh", "-c", "sed -n '/BEGIN AGE/,/END AGE/p' kit.txt | age -d > opened.txt", NULL};
    static const char *const on_the_sheet[] = {
        "sh", "-c",
        "command=$(grep '^  sed' kit.txt | sort -u); eval \"$command\" | "
        "sed -n 's/^identity: //p' > identity.txt && age-keygen -y identity.txt > public.txt",
        NULL};
    struct error error = {0};
    struct buffer content = {0};
    assert_int_equal(pty_passphrase(command, PASSPHRASE, 1), 0);
    assert_ok(file_read(&content, "opened.txt", 4096, &error));
    const char *start = "kura recovery kit 1\nrepository: ";
    assert_memory_equal(content.data, start, strlen(start));
    buffer_wipe(&content);
    assert_int_equal(pty_passphrase(on_the_sheet, PASSPHRASE, 1), 0);
    content = (struct buffer){0};
    assert_ok(file_read(&content, "public.txt", 4096, &error));
    char expected[AGE_RECIPIENT_TEXT_SIZE];
    age_recipient_format(expected, &made.identity.recipient);
    assert_memory_equal(content.data, expected, strlen(expected));
    buffer_free(&content);
}

static enum status read_bytes(const void *data, size_t size)
{
    struct error error = {0};
    struct recovery_kit kit = {0};
    assert_ok(file_write("changed.txt", data, size, 0600, FILE_REPLACE_EXISTING, &error));
    enum status status = recovery_kit_read(&kit, "changed.txt", &source, &error);
    assert_true((kit.url != NULL) == (status == STATUS_OK));
    recovery_kit_free(&kit);
    return status;
}

static void test_armor_anywhere(void **state)
{
    (void)state;
    struct error error = {0};
    struct buffer content = {0};
    struct buffer changed = {0};
    assert_ok(file_read(&content, "kit.txt", 65536, &error));
    unsigned char *armor = memmem(content.data, content.size, "-----BEGIN", 10);
    assert_non_null(armor);
    size_t before = (size_t)(armor - content.data);
    assert_int_equal(read_bytes(armor, content.size - before), STATUS_OK);
    assert_ok(buffer_append(&changed, content.data, content.size, &error));
    assert_ok(buffer_append_text(&changed, "written by hand below\n", &error));
    assert_int_equal(read_bytes(changed.data, changed.size), STATUS_OK);
    /* Lines that end as on another system. */
    buffer_clear(&changed);
    for (size_t i = 0; i < content.size; i++) {
        if (content.data[i] == '\n') {
            assert_ok(buffer_append_u8(&changed, '\r', &error));
        }
        assert_ok(buffer_append_u8(&changed, content.data[i], &error));
    }
    assert_int_equal(read_bytes(changed.data, changed.size), STATUS_OK);
    assert_int_equal(read_bytes(content.data, before), STATUS_FAILED); /* no seal at all */
    assert_int_equal(read_bytes(content.data, content.size - 40), STATUS_CORRUPT);
    armor[200] ^= 1;
    assert_int_not_equal(read_bytes(content.data, content.size), STATUS_OK);
    buffer_free(&content);
    buffer_free(&changed);
}

static void test_wrong_passphrase_or_size(void **state)
{
    (void)state;
    struct error error = {0};
    struct recovery_kit kit = {0};
    char wrong[] = "0123-4567-89ab-cdef-ghjm";
    const struct passphrase_source other = {.get = give_passphrase, .context = wrong};
    assert_int_equal(recovery_kit_read(&kit, "kit.txt", &other, &error), STATUS_DENIED);
    assert_int_equal(recovery_kit_read(&kit, "kit.txt", NULL, &error), STATUS_DENIED);
    assert_int_equal(recovery_kit_read(&kit, "none.txt", &source, &error), STATUS_NOT_FOUND);
    unsigned char *large = sample(65537);
    assert_int_equal(read_bytes(large, 65537), STATUS_FAILED);
    free(large);
}

static struct buffer sealed;

static enum status collect(void *context, const void *data, size_t size, struct error *error)
{
    (void)context;
    return buffer_append(&sealed, data, size, error);
}

/* The text, sealed and armored by hand. */
static enum status read_sealed(const char *text)
{
    struct error error = {0};
    struct age_writer *writer = NULL;
    struct buffer file = {0};
    char line[66];
    assert_ok(age_writer_open_passphrase(&writer, (struct age_sink){.write = collect}, &passphrase,
                                         1, &error));
    assert_ok(age_writer_write(writer, text, strlen(text), &error));
    assert_ok(age_writer_finish(writer, &error));
    assert_ok(buffer_append_text(&file, "-----BEGIN AGE ENCRYPTED FILE-----\n", &error));
    for (size_t at = 0; at < sealed.size; at += 48) {
        size_t part = sealed.size - at < 48 ? sealed.size - at : 48;
        sodium_bin2base64(line, sizeof(line), sealed.data + at, part,
                          sodium_base64_VARIANT_ORIGINAL);
        assert_ok(buffer_append_text(&file, line, &error));
        assert_ok(buffer_append_text(&file, "\n", &error));
    }
    assert_ok(buffer_append_text(&file, "-----END AGE ENCRYPTED FILE-----\n", &error));
    enum status status = read_bytes(file.data, file.size);
    age_writer_free(writer);
    buffer_free(&file);
    buffer_free(&sealed);
    sealed = (struct buffer){0};
    return status;
}

#define ID "30313233343536373839616263646500"
#define HEX ID ID
#define IDENTITY "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX"
#define FIRST "kura recovery kit 1\nrepository: " ID "\n"
#define REST                                                                                       \
    "identity: " IDENTITY "\nsigning-seed: " HEX "\nhost-public: " HEX                             \
    "\ncreated: 2026-11-22T02:00:00Z\n"

static void test_lines(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum status status;
    } cases[] = {
        {FIRST "url: /backup\n" REST, STATUS_OK},
        {FIRST "url: /backup\nhost-key: ssh-ed25519 AAAA\nlogin-seed: " HEX "\n" REST, STATUS_OK},
        {"", STATUS_FAILED}, /* not a kit at all */
        {"kura recovery kit 2\n", STATUS_UNSUPPORTED},
        {"kura host key 1\n", STATUS_FAILED},
        {FIRST REST, STATUS_CORRUPT},                                 /* no address */
        {FIRST "url: \n" REST, STATUS_CORRUPT},                       /* an empty one */
        {FIRST "url: /b\nurl: /c\n" REST, STATUS_CORRUPT},            /* two */
        {FIRST "url: /b\x1b[2J\n" REST, STATUS_CORRUPT},              /* control */
        {FIRST "url: /b\nlogin-seed: " ID "\n" REST, STATUS_CORRUPT}, /* too short */
        {FIRST "url: /b\nlogin-seed: " HEX "\nhost-key: x\n" REST, STATUS_CORRUPT}, /* order */
        {FIRST "url: /b\n" REST "more: 1\n", STATUS_CORRUPT},
        {FIRST "url: /b\nidentity: " IDENTITY "\n", STATUS_CORRUPT},
    };
    for (size_t i = 0; i < LENGTH(cases); i++) {
        enum status status = read_sealed(cases[i].text);
        if (status != cases[i].status) {
            fail_msg("case %zu: status %d", i, (int)status);
        }
    }
}

static void test_does_not_fit(void **state)
{
    (void)state;
    struct error error = {0};
    struct recovery_kit long_one = made;
    char url[1024];
    memset(url, 'a', sizeof(url));
    url[0] = '/';
    url[sizeof(url) - 1] = '\0';
    long_one.url = url;
    assert_int_equal(recovery_kit_write("long.txt", &long_one, &passphrase, 10, &error),
                     STATUS_USAGE);
    url[5] = '\n';
    url[9] = '\0';
    assert_int_equal(recovery_kit_write("long.txt", &long_one, &passphrase, 10, &error),
                     STATUS_USAGE);
    assert_int_not_equal(access("long.txt", F_OK), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),     cmocka_unit_test(test_without_login),
        cmocka_unit_test(test_fits_a_sheet),   cmocka_unit_test(test_opens_with_age),
        cmocka_unit_test(test_armor_anywhere), cmocka_unit_test(test_wrong_passphrase_or_size),
        cmocka_unit_test(test_lines),          cmocka_unit_test(test_does_not_fit),
    };
    return cmocka_run_group_tests_name("recovery kit", tests, make, end);
}
