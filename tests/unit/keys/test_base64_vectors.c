/* Base64 as age's headers and armor have it: RFC 4648, section 10; and no byte but those of the
 * alphabet stands for another one, so that there is one text of each file. */
#include "../../../src/keys/age_private.h"
#include "keys_test.h"

#define ALPHABET "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

static void test_rfc_4648(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "Zg", "Zm8", "Zm9v", "Zm9vYg", "Zm9vYmE", "Zm9vYmFy"};
    for (size_t size = 0; size < LENGTH(texts); size++) {
        struct error error = {0};
        struct buffer text = {0};
        unsigned char bytes[8];
        assert_true(age_base64_decode(bytes, size, texts[size], strlen(texts[size])));
        assert_int_equal(memcmp(bytes, "foobar", size), 0);
        assert_ok(age_base64_append(&text, (const unsigned char *)"foobar", size, &error));
        assert_int_equal(text.size, strlen(texts[size]));
        assert_true(size == 0 || memcmp(text.data, texts[size], text.size) == 0);
        assert_false(age_base64_decode(bytes, size + 1, texts[size], strlen(texts[size])));
        buffer_free(&text);
    }
    unsigned char bytes[8];
    assert_false(age_base64_decode(bytes, 1, "Zg==", 4));
    assert_false(age_base64_decode(bytes, 1, "Zh", 2)); /* bits that say nothing */
    assert_false(age_base64_decode(bytes, 1, "Z", 1));
}

static void test_alphabet(void **state)
{
    (void)state;
    for (int byte = 0; byte < 256; byte++) {
        unsigned char bytes[3];
        const char text[4] = {'A', 'A', (char)byte, 'A'};
        bool expected = byte != 0 && strchr(ALPHABET, byte) != NULL;
        assert_int_equal(age_base64_decode(bytes, sizeof bytes, text, sizeof text), expected);
    }
}

/* Every byte of the base64 of an armored file, and of a header's, put to each that is none. */
static void test_file(void **state)
{
    (void)state;
    struct error error = {0};
    struct age_identity identity = {0};
    struct buffer sealed = {0};
    struct buffer text = {0};
    assert_ok(age_identity_generate(&identity, &error));
    assert_ok(age_seal_buffer(&sealed, "foo", 3, &identity.recipient, 1, NULL, &error));
    assert_ok(age_armor_append(&text, sealed.data, sealed.size, &error));
    struct buffer *const files[] = {&text, &sealed};
    for (size_t i = 0; i < LENGTH(files); i++) {
        struct buffer opened = {0};
        struct buffer *file = files[i];
        size_t end = i == 0 ? file->size : file->size - AGE_NONCE_SIZE - AGE_TAG_SIZE - 3;
        assert_ok(age_open_buffer(&opened, file->data, file->size, &identity, 1, 3, &error));
        for (size_t at = 0; at < end; at++) {
            unsigned char before = file->data[at];
            file->data[at] = (unsigned char)(before | 0x80);
            assert_int_equal(
                age_open_buffer(&opened, file->data, file->size, &identity, 1, 3, &error),
                STATUS_CORRUPT);
            file->data[at] = before == '/' ? 0xff : before;
            if (before == '/') {
                assert_int_equal(
                    age_open_buffer(&opened, file->data, file->size, &identity, 1, 3, &error),
                    STATUS_CORRUPT);
                file->data[at] = before;
            }
        }
        buffer_free(&opened);
    }
    buffer_free(&sealed);
    buffer_free(&text);
    age_identity_free(&identity);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rfc_4648),
        cmocka_unit_test(test_alphabet),
        cmocka_unit_test(test_file),
    };
    return cmocka_run_group_tests_name("base64 vectors", tests, in_fresh_folder, leave_folder);
}
