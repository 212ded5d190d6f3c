/* The host key's file: private, strict, never written over. */
#include "keys_test.h"

static struct host_key made;

static int make(void **state)
{
    struct error error = {0};
    struct age_identity recovery = {0};
    if (in_fresh_folder(state) != 0 || signing_key_generate(&made.signing, &error) != STATUS_OK ||
        age_identity_generate(&recovery, &error) != STATUS_OK) {
        return -1;
    }
    made.secret = secret_new(REPOSITORY_SECRET_SIZE);
    randombytes_buf(made.secret, REPOSITORY_SECRET_SIZE);
    randombytes_buf(made.repository, sizeof(made.repository));
    randombytes_buf(made.trusted, sizeof(made.trusted));
    made.recovery = recovery.recipient;
    age_identity_free(&recovery);
    return host_key_write("host.key", &made, &error) == STATUS_OK ? 0 : -1;
}

static int end(void **state)
{
    host_key_free(&made);
    return leave_folder(state);
}

static void test_round_trip(void **state)
{
    (void)state;
    struct error error = {0};
    struct host_key read = {0};
    struct stat information;
    assert_int_equal(stat("host.key", &information), 0);
    assert_int_equal(information.st_mode & 07777, 0600);
    assert_ok(host_key_read(&read, "host.key", &error));
    assert_memory_equal(read.repository, made.repository, sizeof(made.repository));
    assert_memory_equal(read.secret, made.secret, REPOSITORY_SECRET_SIZE);
    assert_memory_equal(read.signing.seed, made.signing.seed, SIGN_SEED_SIZE);
    assert_memory_equal(read.signing.public_key, made.signing.public_key, SIGN_PUBLIC_SIZE);
    assert_memory_equal(read.trusted, made.trusted, sizeof(made.trusted));
    assert_memory_equal(&read.recovery, &made.recovery, sizeof(made.recovery));
    host_key_free(&read);
}

static void test_never_over_an_existing_one(void **state)
{
    (void)state;
    struct error error = {0};
    assert_int_equal(host_key_write("host.key", &made, &error), STATUS_EXISTS);
}

static void test_readable_by_others(void **state)
{
    (void)state;
    static const mode_t modes[] = {0640, 0604, 0620, 0601, 0644};
    struct error error = {0};
    struct host_key read = {0};
    for (size_t i = 0; i < LENGTH(modes); i++) {
        assert_int_equal(chmod("host.key", modes[i]), 0);
        assert_int_equal(host_key_read(&read, "host.key", &error), STATUS_DENIED);
        assert_non_null(strstr(error.hint, "chmod 600"));
        assert_null(read.secret);
    }
    assert_int_equal(chmod("host.key", 0600), 0);
}

static void test_absent_or_not_a_file(void **state)
{
    (void)state;
    struct error error = {0};
    struct host_key read = {0};
    assert_int_equal(host_key_read(&read, "none.key", &error), STATUS_NOT_FOUND);
    assert_int_equal(mkfifo("pipe.key", 0600), 0);
    assert_int_equal(host_key_read(&read, "pipe.key", &error), STATUS_DENIED);
}

static enum status read_text(const char *text, size_t size)
{
    struct error error = {0};
    struct host_key read = {0};
    FILE *file = fopen("changed.key", "we");
    assert_non_null(file);
    assert_int_equal(fchmod(fileno(file), 0600), 0);
    assert_int_equal(fwrite(text, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
    enum status status = host_key_read(&read, "changed.key", &error);
    assert_true((read.secret == NULL) == (status != STATUS_OK));
    host_key_free(&read);
    return status;
}

static void test_every_change_is_refused(void **state)
{
    (void)state;
    struct error error = {0};
    struct buffer content = {0};
    assert_ok(file_read(&content, "host.key", 4096, &error));
    const char *text = (const char *)content.data;
    assert_int_equal(read_text(text, content.size), STATUS_OK);
    for (size_t size = 0; size < content.size; size++) {
        assert_int_equal(read_text(text, size), STATUS_CORRUPT);
    }
    for (size_t i = 0; i < content.size; i++) {
        unsigned char before = content.data[i];
        content.data[i] = before >= 'a' && before <= 'f' ? 'G' : ' ';
        if (content.data[i] != before) {
            enum status status = read_text(text, content.size);
            assert_true(status == STATUS_CORRUPT || status == STATUS_UNSUPPORTED);
        }
        content.data[i] = before;
    }
    buffer_wipe(&content);
}

static void test_more_or_newer(void **state)
{
    (void)state;
    struct error error = {0};
    struct buffer content = {0};
    assert_ok(file_read(&content, "host.key", 4096, &error));
    char *newer = strndup((const char *)content.data, content.size);
    newer[strlen("kura host key ")] = '2';
    assert_int_equal(read_text(newer, content.size), STATUS_UNSUPPORTED);
    free(newer);
    assert_ok(buffer_append_text(&content, "more: 1\n", &error));
    assert_int_equal(read_text((const char *)content.data, content.size), STATUS_CORRUPT);
    buffer_wipe(&content);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_never_over_an_existing_one),
        cmocka_unit_test(test_readable_by_others),
        cmocka_unit_test(test_absent_or_not_a_file),
        cmocka_unit_test(test_every_change_is_refused),
        cmocka_unit_test(test_more_or_newer),
    };
    return cmocka_run_group_tests_name("host key", tests, make, end);
}
