/* What kura seals the age program opens, and the other way round: binary and armored, to recipients
 * and with a passphrase, at sizes around every border of the format (a base64 group, a line of
 * armor, a chunk) and of some megabytes.
 *
 * The age program spends a second on each passphrase: KURA_INTERCHANGE=long tries all sizes that
 * way, too. */
#include "../../../src/keys/age_private.h"
#include "pty_test.h"

static const size_t sizes[] = {0,    1,     47,    48,    49,     63,     64,     65,     1023,
                               1024, 65535, 65536, 65537, 131071, 131072, 131073, 3145735};
static const size_t few_sizes[] = {65536};
#define FILE_LIMIT ((size_t)8 * 1024 * 1024)

static void run(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void run(const char *format, ...)
{
    char command[512];
    va_list arguments;
    va_start(arguments, format);
    /* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): it is initialised above */
    vsnprintf(command, sizeof(command), format, arguments);
    va_end(arguments);
    int status = system(command); /* NOLINT(cert-env33-c,bugprone-command-processor): fixed words */
    if (status != 0) {
        fail_msg("%s: %d", command, status);
    }
}

static void write_file(const char *path, const void *data, size_t size)
{
    struct error error = {0};
    assert_ok(file_write(path, data, size, 0600, FILE_REPLACE_EXISTING, &error));
}

static void assert_file(const char *path, const void *expected, size_t size)
{
    struct error error = {0};
    struct buffer content = {0};
    assert_ok(file_read(&content, path, FILE_LIMIT, &error));
    assert_int_equal(content.size, size);
    if (size > 0) {
        assert_memory_equal(content.data, expected, size);
    }
    buffer_free(&content);
}

static struct age_identity age_made_identity(const char *path)
{
    struct error error = {0};
    struct age_identity identity = {0};
    unlink(path);
    run("age-keygen -o %s 2>/dev/null", path);
    assert_ok(age_identity_read(&identity, path, NULL, &error));
    return identity;
}

/* Of all sizes, where each costs little, or where everything was asked for. */
static size_t chosen_sizes(const size_t **chosen, bool cheap)
{
    const char *how = getenv("KURA_INTERCHANGE");
    bool all = cheap || (how != NULL && strcmp(how, "long") == 0);
    *chosen = all ? sizes : few_sizes;
    return all ? LENGTH(sizes) : LENGTH(few_sizes);
}

/* sealed.age, armored or as it is. */
static void write_sealed(const struct buffer *sealed, bool armored)
{
    struct error error = {0};
    struct buffer text = {0};
    if (armored) {
        assert_ok(age_armor_append(&text, sealed->data, sealed->size, &error));
    }
    const struct buffer *written = armored ? &text : sealed;
    write_file("sealed.age", written->data, written->size);
    buffer_free(&text);
}

static void kura_seals_age_opens(bool armored)
{
    struct age_identity identity = age_made_identity("one.txt");
    struct age_identity other = age_made_identity("two.txt");
    const struct age_recipient recipients[] = {other.recipient, identity.recipient};
    for (size_t i = 0; i < LENGTH(sizes); i++) {
        struct error error = {0};
        struct buffer sealed = {0};
        unsigned char *plain = sample(sizes[i]);
        assert_ok(age_seal_buffer(&sealed, plain, sizes[i], recipients, 2, NULL, &error));
        write_sealed(&sealed, armored);
        run("age -d -i one.txt sealed.age > opened");
        assert_file("opened", plain, sizes[i]);
        run("age -d -i two.txt sealed.age > opened");
        assert_file("opened", plain, sizes[i]);
        buffer_free(&sealed);
        free(plain);
    }
    age_identity_free(&identity);
    age_identity_free(&other);
}

static void test_kura_seals_age_opens(void **state)
{
    (void)state;
    kura_seals_age_opens(false);
}

static void test_kura_seals_armored_age_opens(void **state)
{
    (void)state;
    kura_seals_age_opens(true);
}

static void age_seals_kura_opens(const char *options)
{
    struct age_identity identity = age_made_identity("one.txt");
    char recipient[AGE_RECIPIENT_TEXT_SIZE];
    age_recipient_format(recipient, &identity.recipient);
    for (size_t i = 0; i < LENGTH(sizes); i++) {
        struct error error = {0};
        struct buffer sealed = {0};
        struct buffer opened = {0};
        unsigned char *plain = sample(sizes[i]);
        write_file("plain", plain, sizes[i]);
        run("age %s -r %s -o sealed.age plain", options, recipient);
        assert_ok(file_read(&sealed, "sealed.age", FILE_LIMIT, &error));
        assert_ok(
            age_open_buffer(&opened, sealed.data, sealed.size, &identity, 1, sizes[i], &error));
        assert_int_equal(opened.size, sizes[i]);
        if (sizes[i] > 0) {
            assert_memory_equal(opened.data, plain, sizes[i]);
        }
        buffer_free(&sealed);
        buffer_free(&opened);
        free(plain);
    }
    age_identity_free(&identity);
}

static void test_age_seals_kura_opens(void **state)
{
    (void)state;
    age_seals_kura_opens("");
}

static void test_age_seals_armored_kura_opens(void **state)
{
    (void)state;
    age_seals_kura_opens("-a");
}

static void test_recipients(void **state)
{
    (void)state;
    struct error error = {0};
    struct age_identity identity = {0};
    struct secret_text text = {0};
    char recipient[AGE_RECIPIENT_TEXT_SIZE];
    char line[AGE_RECIPIENT_TEXT_SIZE + 1];
    assert_ok(age_identity_generate(&identity, &error));
    assert_ok(secret_text_new(&text, 128, &error));
    assert_ok(age_identity_format(&text, &identity, &error));
    write_file("made.txt", text.text, text.size);
    run("age-keygen -y made.txt > recipient.txt");
    age_recipient_format(recipient, &identity.recipient);
    snprintf(line, sizeof(line), "%s\n", recipient);
    assert_file("recipient.txt", line, strlen(line));
    secret_text_free(&text);
    age_identity_free(&identity);
}

static struct buffer collected;

static enum status collect(void *context, const void *data, size_t size, struct error *error)
{
    (void)context;
    return buffer_append(&collected, data, size, error);
}

static void kura_seals_with_passphrase_age_opens(bool armored)
{
    static const char *const command[] = {"sh", "-c", "age -d sealed.age > opened", NULL};
    struct secret_text passphrase = secret_of("ひみつの言葉 for two");
    const size_t *chosen = NULL;
    size_t count = chosen_sizes(&chosen, !armored);
    for (size_t i = 0; i < count; i++) {
        struct error error = {0};
        struct age_writer *writer = NULL;
        unsigned char *plain = sample(chosen[i]);
        assert_ok(age_writer_open_passphrase(&writer, (struct age_sink){.write = collect},
                                             &passphrase, 10, &error));
        assert_ok(age_writer_write(writer, plain, chosen[i], &error));
        assert_ok(age_writer_finish(writer, &error));
        write_sealed(&collected, armored);
        assert_int_equal(pty_passphrase(command, passphrase.text, 1), 0);
        assert_file("opened", plain, chosen[i]);
        age_writer_free(writer);
        buffer_free(&collected);
        collected = (struct buffer){0};
        free(plain);
    }
    secret_text_free(&passphrase);
}

static void test_kura_seals_with_passphrase_age_opens(void **state)
{
    (void)state;
    kura_seals_with_passphrase_age_opens(false);
}

static void test_kura_seals_armored_with_passphrase_age_opens(void **state)
{
    (void)state;
    kura_seals_with_passphrase_age_opens(true);
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

static char words[] = "correct horse battery";

static void open_with_words(const char *path, const unsigned char *expected, size_t size)
{
    struct error error = {0};
    struct buffer sealed = {0};
    struct age_reader *reader = NULL;
    const struct passphrase_source source = {.get = give_passphrase, .context = words};
    unsigned char piece[50021];
    size_t at = 0;
    size_t got = 1;
    assert_ok(file_read(&sealed, path, FILE_LIMIT, &error));
    struct served served = {.at = sealed.data, .left = sealed.size};
    assert_ok(age_reader_open(&reader, (struct age_supply){.read = serve, .context = &served}, NULL,
                              0, &source, &error));
    while (got > 0) {
        assert_ok(age_reader_read(reader, piece, sizeof(piece), &got, &error));
        assert_true(at + got <= size);
        assert_memory_equal(piece, expected + at, got);
        at += got;
    }
    assert_int_equal(at, size);
    age_reader_free(reader);
    buffer_free(&sealed);
}

static void age_seals_with_passphrase_kura_opens(const char *const *command)
{
    const size_t *chosen = NULL;
    size_t count = chosen_sizes(&chosen, false);
    for (size_t i = 0; i < count; i++) {
        unsigned char *plain = sample(chosen[i]);
        write_file("plain", plain, chosen[i]);
        assert_int_equal(pty_passphrase(command, words, 2), 0);
        open_with_words("sealed.age", plain, chosen[i]);
        free(plain);
    }
}

static void test_age_seals_with_passphrase_kura_opens(void **state)
{
    (void)state;
    static const char *const command[] = {"age", "-p", "-o", "sealed.age", "plain", NULL};
    age_seals_with_passphrase_kura_opens(command);
}

static void test_age_seals_armored_with_passphrase_kura_opens(void **state)
{
    (void)state;
    static const char *const command[] = {"age", "-p", "-a", "-o", "sealed.age", "plain", NULL};
    age_seals_with_passphrase_kura_opens(command);
}

static void test_identity_file_of_kura_for_age(void **state)
{
    (void)state;
    static const char *const command[] = {"age", "-d",         "-i",         "locked.txt",
                                          "-o",  "opened.txt", "sealed.age", NULL};
    struct error error = {0};
    struct age_identity identity = {0};
    struct buffer sealed = {0};
    struct secret_text passphrase = secret_of("a passphrase");
    assert_ok(age_identity_generate(&identity, &error));
    assert_ok(
        age_identity_write("locked.txt", &identity, &passphrase, 10, FILE_KEEP_EXISTING, &error));
    assert_ok(age_seal_buffer(&sealed, "content", 7, &identity.recipient, 1, NULL, &error));
    write_file("sealed.age", sealed.data, sealed.size);
    assert_int_equal(pty_passphrase(command, "a passphrase", 1), 0);
    assert_file("opened.txt", "content", 7);
    buffer_free(&sealed);
    secret_text_free(&passphrase);
    age_identity_free(&identity);
}

static void test_identity_file_of_age_for_kura(void **state)
{
    (void)state;
    static const char *const command[] = {"age", "-p", "-a", "-o", "locked.age", "one.txt", NULL};
    struct error error = {0};
    struct age_identity identity = age_made_identity("one.txt");
    struct age_identity read = {0};
    char passphrase[] = "a passphrase";
    const struct passphrase_source source = {.get = give_passphrase, .context = passphrase};
    assert_int_equal(pty_passphrase(command, passphrase, 2), 0);
    assert_ok(age_identity_read(&read, "locked.age", &source, &error));
    assert_memory_equal(read.secret_key, identity.secret_key, AGE_KEY_SIZE);
    age_identity_free(&read);
    age_identity_free(&identity);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kura_seals_age_opens),
        cmocka_unit_test(test_kura_seals_armored_age_opens),
        cmocka_unit_test(test_age_seals_kura_opens),
        cmocka_unit_test(test_age_seals_armored_kura_opens),
        cmocka_unit_test(test_recipients),
        cmocka_unit_test(test_kura_seals_with_passphrase_age_opens),
        cmocka_unit_test(test_kura_seals_armored_with_passphrase_age_opens),
        cmocka_unit_test(test_age_seals_with_passphrase_kura_opens),
        cmocka_unit_test(test_age_seals_armored_with_passphrase_kura_opens),
        cmocka_unit_test(test_identity_file_of_kura_for_age),
        cmocka_unit_test(test_identity_file_of_age_for_kura),
    };
    return cmocka_run_group_tests_name("age interchange", tests, in_fresh_folder, leave_folder);
}
