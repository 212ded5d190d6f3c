/* Identities and recipients as texts and files. */
#include "keys_test.h"

#define ONE "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX"
#define ITS_RECIPIENT "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj"

static void write_text(const char *path, const char *text)
{
    struct error error = {0};
    assert_ok(file_write(path, text, strlen(text), 0600, FILE_REPLACE_EXISTING, &error));
}

static void test_round_trip(void **state)
{
    (void)state;
    struct error error = {0};
    struct age_identity identity = {0};
    struct age_identity parsed = {0};
    struct age_recipient recipient;
    struct secret_text text = {0};
    char formatted[AGE_RECIPIENT_TEXT_SIZE];
    assert_ok(age_identity_generate(&identity, &error));
    assert_ok(secret_text_new(&text, 74, &error));
    assert_ok(age_identity_format(&text, &identity, &error));
    assert_ok(age_identity_parse(&parsed, text.text, text.size, &error));
    assert_memory_equal(parsed.secret_key, identity.secret_key, AGE_KEY_SIZE);
    age_recipient_format(formatted, &identity.recipient);
    assert_ok(age_recipient_parse(&recipient, formatted, &error));
    assert_memory_equal(&recipient, &parsed.recipient, sizeof(recipient));
    secret_text_free(&text);
    age_identity_free(&parsed);
    age_identity_free(&identity);
}

static void test_not_an_identity(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",
        "AGE-SECRET-KEY-1",
        "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEY",
        "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEXX",
        "age-secret-key-1gfpyysjzgfpyysjzgfpyysjzgfpyysjzgfpyysjzgfpyysjzgfpq4egaex",
        ITS_RECIPIENT,
        (" " ONE),
        (ONE " "),
    };
    for (size_t i = 0; i < LENGTH(wrong); i++) {
        struct error error = {0};
        struct age_identity identity = {0};
        assert_int_equal(age_identity_parse(&identity, wrong[i], strlen(wrong[i]), &error),
                         STATUS_CORRUPT);
        assert_null(identity.secret_key);
        /* What is wrong with a key is never shown: most of it may be right. */
        assert_null(strstr(error.message, "GFPYYS"));
    }
}

static void test_not_a_recipient(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",
        "age1",
        ONE,
        (ITS_RECIPIENT "j"),
        "AGE1ZVKYG2LQZRAA2LNJVQEJ32NKUU0UES2S82HZRYE869XEEXVN73EQUNUJWJ",
        "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwk",
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI",
    };
    for (size_t i = 0; i < LENGTH(wrong); i++) {
        struct error error = {0};
        struct age_recipient recipient;
        assert_int_equal(age_recipient_parse(&recipient, wrong[i], &error), STATUS_USAGE);
    }
}

static void test_recipients_file(void **state)
{
    (void)state;
    struct error error = {0};
    struct age_recipient *recipients = NULL;
    size_t count = 0;
    write_text("some.txt", "# the manager\n" ITS_RECIPIENT "\r\n\n# again\n" ITS_RECIPIENT);
    assert_ok(age_recipients_read(&recipients, &count, "some.txt", &error));
    assert_ok(age_recipients_read(&recipients, &count, "some.txt", &error));
    assert_int_equal(count, 4);
    char text[AGE_RECIPIENT_TEXT_SIZE];
    age_recipient_format(text, &recipients[3]);
    assert_string_equal(text, ITS_RECIPIENT);
    write_text("wrong.txt", ITS_RECIPIENT "\n" ITS_RECIPIENT " x\n");
    assert_int_equal(age_recipients_read(&recipients, &count, "wrong.txt", &error), STATUS_USAGE);
    assert_non_null(strstr(error.message, "wrong.txt, line 2"));
    assert_int_equal(age_recipients_read(&recipients, &count, "none.txt", &error),
                     STATUS_NOT_FOUND);
    free(recipients);
}

static void test_too_many_recipients(void **state)
{
    (void)state;
    struct error error = {0};
    struct buffer text = {0};
    struct age_recipient *recipients = NULL;
    size_t count = 0;
    for (size_t i = 0; i <= AGE_STANZAS_LIMIT; i++) {
        assert_ok(buffer_append_text(&text, ITS_RECIPIENT "\n", &error));
    }
    assert_ok(file_write("many.txt", text.data, text.size, 0600, FILE_REPLACE_EXISTING, &error));
    assert_int_equal(age_recipients_read(&recipients, &count, "many.txt", &error), STATUS_USAGE);
    assert_int_equal(count, AGE_STANZAS_LIMIT);
    free(recipients);
    buffer_free(&text);
}

static enum status read_text(const char *text)
{
    struct error error = {0};
    struct age_identity identity = {0};
    write_text("identity.txt", text);
    enum status status = age_identity_read(&identity, "identity.txt", NULL, &error);
    assert_true((identity.secret_key != NULL) == (status == STATUS_OK));
    age_identity_free(&identity);
    return status;
}

static void test_plain_files(void **state)
{
    (void)state;
    assert_int_equal(read_text(ONE), STATUS_OK);
    assert_int_equal(read_text("# made today\r\n\r\n" ONE "\r\n"), STATUS_OK);
    assert_int_equal(read_text(""), STATUS_CORRUPT);
    assert_int_equal(read_text("# nothing\n"), STATUS_CORRUPT);
    assert_int_equal(read_text(ONE "\n" ONE "\n"), STATUS_USAGE);
    assert_int_equal(read_text(ONE "\nmore\n"), STATUS_USAGE);
    assert_int_equal(read_text("more\n" ONE "\n"), STATUS_CORRUPT);
    assert_int_equal(read_text("AGE-PLUGIN-YUBIKEY-1AAAA\n"), STATUS_UNSUPPORTED);
}

static void test_sealed_file(void **state)
{
    (void)state;
    struct error error = {0};
    struct age_identity identity = {0};
    struct age_identity read = {0};
    struct stat information;
    char right[] = "the right one";
    char wrong[] = "the wrong one";
    struct passphrase_source source = {.get = give_passphrase, .context = right};
    struct secret_text passphrase = secret_of(right);
    assert_ok(age_identity_generate(&identity, &error));
    assert_ok(
        age_identity_write("locked.txt", &identity, &passphrase, 8, FILE_KEEP_EXISTING, &error));
    assert_int_equal(stat("locked.txt", &information), 0);
    assert_int_equal(information.st_mode & 07777, 0600);
    assert_int_equal(
        age_identity_write("locked.txt", &identity, &passphrase, 8, FILE_KEEP_EXISTING, &error),
        STATUS_EXISTS);
    assert_ok(age_identity_read(&read, "locked.txt", &source, &error));
    assert_memory_equal(read.secret_key, identity.secret_key, AGE_KEY_SIZE);
    age_identity_free(&read);
    source.context = wrong;
    assert_int_equal(age_identity_read(&read, "locked.txt", &source, &error), STATUS_DENIED);
    assert_int_equal(age_identity_read(&read, "locked.txt", NULL, &error), STATUS_DENIED);
    assert_null(read.secret_key);
    secret_text_free(&passphrase);
    age_identity_free(&identity);
}

static enum status no_passphrase(void *context, struct secret_text *passphrase,
                                 const char *what_for, struct error *error)
{
    (void)context;
    (void)passphrase;
    return error_set(error, STATUS_CANCELLED, 0, "not for %s", what_for);
}

static void test_passphrase_cancelled(void **state)
{
    (void)state;
    struct error error = {0};
    struct age_identity read = {0};
    const struct passphrase_source source = {.get = no_passphrase};
    assert_int_equal(age_identity_read(&read, "locked.txt", &source, &error), STATUS_CANCELLED);
    assert_non_null(strstr(error.message, "not for locked.txt"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),          cmocka_unit_test(test_not_an_identity),
        cmocka_unit_test(test_not_a_recipient),     cmocka_unit_test(test_recipients_file),
        cmocka_unit_test(test_too_many_recipients), cmocka_unit_test(test_plain_files),
        cmocka_unit_test(test_sealed_file),         cmocka_unit_test(test_passphrase_cancelled),
    };
    return cmocka_run_group_tests_name("age identity", tests, in_fresh_folder, leave_folder);
}
