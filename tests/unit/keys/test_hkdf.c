/* HKDF-SHA-256 against the vectors of RFC 5869, appendix A. */
#include "keys_test.h"

#include "../../../src/keys/hkdf.h"

static void fill(unsigned char *target, unsigned char from, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        target[i] = (unsigned char)(from + i);
    }
}

static void expect(const struct hkdf_input *input, const char *expected)
{
    unsigned char output[82];
    char text[2 * sizeof(output) + 1];
    size_t size = strlen(expected) / 2;
    hkdf_sha256(output, size, input);
    assert_string_equal(hex_encode(text, output, size), expected);
}

static void test_case_1(void **state)
{
    (void)state;
    unsigned char key[22];
    unsigned char salt[13];
    unsigned char info[10];
    memset(key, 0x0b, sizeof(key));
    fill(salt, 0, sizeof(salt));
    fill(info, 0xf0, sizeof(info));
    expect(&(struct hkdf_input){key, sizeof(key), salt, sizeof(salt), info, sizeof(info)},
           "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865");
}

static void test_case_2(void **state)
{
    (void)state;
    unsigned char key[80];
    unsigned char salt[80];
    unsigned char info[80];
    fill(key, 0, sizeof(key));
    fill(salt, 0x60, sizeof(salt));
    fill(info, 0xb0, sizeof(info));
    expect(&(struct hkdf_input){key, sizeof(key), salt, sizeof(salt), info, sizeof(info)},
           "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c"
           "59045a99cac7827271cb41c65e590e09da3275600c2f09b8367793a9aca3db71"
           "cc30c58179ec3e87c14c01d5c1f3434f1d87");
}

static void test_case_3_empty_salt_and_info(void **state)
{
    (void)state;
    unsigned char key[22];
    memset(key, 0x0b, sizeof(key));
    expect(&(struct hkdf_input){.key = key, .key_size = sizeof(key)},
           "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_case_1),
        cmocka_unit_test(test_case_2),
        cmocka_unit_test(test_case_3_empty_salt_and_info),
    };
    return cmocka_run_group_tests_name("hkdf", tests, NULL, NULL);
}
