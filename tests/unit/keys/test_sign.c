/* Signatures hold in their domain only; derived keys are keyed BLAKE2b. */
#include "keys_test.h"

static void test_sign_and_verify(void **state)
{
    (void)state;
    struct error error = {0};
    struct signing_key key = {0};
    unsigned char signature[SIGN_SIZE];
    assert_ok(signing_key_generate(&key, &error));
    assert_ok(sign(signature, &key, "kura/1 test", "data", 4, &error));
    assert_true(sign_verify(signature, key.public_key, "kura/1 test", "data", 4));
    assert_false(sign_verify(signature, key.public_key, "kura/1 other", "data", 4));
    assert_false(sign_verify(signature, key.public_key, "kura/1 test", "date", 4));
    assert_false(sign_verify(signature, key.public_key, "kura/1 test", "data", 3));
    for (size_t i = 0; i < sizeof(signature); i++) {
        signature[i] ^= 1;
        assert_false(sign_verify(signature, key.public_key, "kura/1 test", "data", 4));
        signature[i] ^= 1;
    }
    signing_key_free(&key);
}

static void test_domain_and_data_do_not_run_together(void **state)
{
    (void)state;
    struct error error = {0};
    struct signing_key key = {0};
    unsigned char signature[SIGN_SIZE];
    assert_ok(signing_key_generate(&key, &error));
    assert_ok(sign(signature, &key, "ab", "c", 1, &error));
    assert_false(sign_verify(signature, key.public_key, "a", "bc", 2));
    assert_ok(sign(signature, &key, "a", NULL, 0, &error));
    assert_true(sign_verify(signature, key.public_key, "a", NULL, 0));
    signing_key_free(&key);
}

static void test_bytes_signed(void **state)
{
    (void)state;
    /* What is signed is plain Ed25519 over domain, zero byte, data: anyone can check it. */
    struct error error = {0};
    struct signing_key key = {0};
    unsigned char signature[SIGN_SIZE];
    unsigned char seed[SIGN_SEED_SIZE];
    memset(seed, 7, sizeof(seed));
    assert_ok(signing_key_from_seed(&key, seed, &error));
    assert_ok(sign(signature, &key, "domain", "data", 4, &error));
    assert_int_equal(crypto_sign_verify_detached(signature, (const unsigned char *)"domain\0data",
                                                 11, key.public_key),
                     0);
    struct signing_key again = {0};
    assert_ok(signing_key_from_seed(&again, key.seed, &error));
    assert_memory_equal(again.public_key, key.public_key, SIGN_PUBLIC_SIZE);
    signing_key_free(&again);
    signing_key_free(&key);
}

static void test_another_key(void **state)
{
    (void)state;
    struct error error = {0};
    struct signing_key key = {0};
    struct signing_key other = {0};
    unsigned char signature[SIGN_SIZE];
    assert_ok(signing_key_generate(&key, &error));
    assert_ok(signing_key_generate(&other, &error));
    assert_memory_not_equal(key.seed, other.seed, SIGN_SEED_SIZE);
    assert_ok(sign(signature, &key, "d", "x", 1, &error));
    assert_false(sign_verify(signature, other.public_key, "d", "x", 1));
    /* The neutral point verifies anything where it is not refused. */
    unsigned char neutral[SIGN_PUBLIC_SIZE] = {1};
    unsigned char forged[SIGN_SIZE] = {1};
    assert_false(sign_verify(forged, neutral, "d", "x", 1));
    signing_key_free(&key);
    signing_key_free(&other);
}

static void test_derive(void **state)
{
    (void)state;
    unsigned char secret[REPOSITORY_SECRET_SIZE];
    unsigned char expected[SUBKEY_SIZE];
    unsigned char subkey[SUBKEY_SIZE];
    memset(secret, 9, sizeof(secret));
    crypto_generichash(expected, sizeof(expected), (const unsigned char *)"kura/1 index", 12,
                       secret, sizeof(secret));
    key_derive(subkey, secret, sizeof(secret), "kura/1 index");
    assert_memory_equal(subkey, expected, sizeof(expected));
    key_derive(subkey, secret, sizeof(secret), "kura/1 pack");
    assert_memory_not_equal(subkey, expected, sizeof(expected));
    key_derive(subkey, secret, AGE_FILE_KEY_SIZE, "kura/1 index");
    assert_memory_not_equal(subkey, expected, sizeof(expected));
}

static int start(void **state)
{
    (void)state;
    return sodium_init() < 0 ? -1 : 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sign_and_verify),
        cmocka_unit_test(test_domain_and_data_do_not_run_together),
        cmocka_unit_test(test_bytes_signed),
        cmocka_unit_test(test_another_key),
        cmocka_unit_test(test_derive),
    };
    return cmocka_run_group_tests_name("sign", tests, start, NULL);
}
