/* label: only this host's own word about this very medium is read, and each is new. */
#include "carry_world.h"
#include "carry/label.h"

static struct host_key host, other;

static int make(void **state)
{
    struct error error = {0};
    (void)state;
    return base_start(&error) == STATUS_OK &&
                   signing_key_generate(&host.signing, &error) == STATUS_OK &&
                   signing_key_generate(&other.signing, &error) == STATUS_OK
               ? 0
               : -1;
}

static int drop(void **state)
{
    (void)state;
    host_key_free(&host);
    host_key_free(&other);
    return 0;
}

static enum status read_it(const void *text, size_t size, const char *medium,
                           const struct host_key *by, char nonce[LABEL_NONCE_SIZE])
{
    struct error error = {0};
    return label_read(nonce, text, size, medium, by, &error);
}

static void test_label(void **state)
{
    (void)state;
    struct error must_error = {0};
    CLEANUP(buffer_free) struct buffer text = {0}, later = {0};
    char nonce[LABEL_NONCE_SIZE], second[LABEL_NONCE_SIZE], found[LABEL_NONCE_SIZE];
    MUST(label_make(&text, nonce, "M-001", &host, &must_error));
    MUST(label_make(&later, second, "M-001", &host, &must_error));
    assert_int_equal(strlen(nonce), LABEL_NONCE_SIZE - 1);
    assert_string_not_equal(nonce, second);
    assert_true(text.size < LABEL_SIZE_LIMIT);
    assert_int_equal(read_it(text.data, text.size, "M-001", &host, found), STATUS_OK);
    assert_string_equal(found, nonce);
    /* Another medium's, also where one id begins like the other; another host's. */
    assert_int_equal(read_it(text.data, text.size, "M-002", &host, found), STATUS_UNAUTHENTIC);
    assert_int_equal(read_it(text.data, text.size, "M-00", &host, found), STATUS_UNAUTHENTIC);
    assert_int_equal(read_it(text.data, text.size, "M-0012", &host, found), STATUS_UNAUTHENTIC);
    assert_int_equal(read_it(text.data, text.size, "M-001", &other, found), STATUS_UNAUTHENTIC);
}

static void test_changed(void **state)
{
    (void)state;
    struct error must_error = {0};
    CLEANUP(buffer_free) struct buffer text = {0};
    char nonce[LABEL_NONCE_SIZE], found[LABEL_NONCE_SIZE];
    MUST(label_make(&text, nonce, "M-001", &host, &must_error));
    for (size_t at = 0; at < text.size; at++) {
        text.data[at] ^= 1;
        if (read_it(text.data, text.size, "M-001", &host, found) == STATUS_OK) {
            fail_msg("byte %zu can be changed", at);
        }
        text.data[at] ^= 1;
        if (read_it(text.data, at, "M-001", &host, found) == STATUS_OK) {
            fail_msg("%zu bytes are enough", at);
        }
    }
}

/* What the host signs elsewhere is no label. */
static void test_other_notes(void **state)
{
    (void)state;
    static const char *const bodies[] = {
        "kura medium label\nM-001\n0123456789abcdef0123456789abcdef\nmore\n",
        "kura medium label\nM-001\n0123456789abcdef0123456789abcdeg\n",
        "kura medium label\nM-001\n0123456789abcdef\n",
        "kura medium mark\nM-001\n0123456789abcdef0123456789abcdef\n",
        "M-001\n",
    };
    char found[LABEL_NONCE_SIZE];
    for (size_t i = 0; i < LENGTH(bodies); i++) {
        struct error must_error = {0};
        CLEANUP(buffer_free) struct buffer text = {0};
        MUST(note_sign(&text, bodies[i], "kura-medium", &host.signing, &must_error));
        assert_int_equal(read_it(text.data, text.size, "M-001", &host, found), STATUS_UNAUTHENTIC);
    }
    struct error must_error = {0};
    CLEANUP(buffer_free) struct buffer text = {0};
    MUST(note_sign(&text, "kura medium label\nM-001\n0123456789abcdef0123456789abcdef\n", "kura/x",
                   &host.signing, &must_error));
    assert_int_equal(read_it(text.data, text.size, "M-001", &host, found), STATUS_UNAUTHENTIC);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_label),
        cmocka_unit_test(test_changed),
        cmocka_unit_test(test_other_notes),
    };
    return cmocka_run_group_tests(tests, make, drop);
}
