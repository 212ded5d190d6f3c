/* The key stream made ahead is the one that OpenSSL's own cipher makes, however it is asked for. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "store/sftp_session.h"
#include <openssl/evp.h>
#include <openssl/provider.h>
#include <openssl/rand.h>
#include <string.h>

#define SIZE 20000u

static const unsigned char KEY[32] = {1, 2, 3};
/* The counter runs over in the very first blocks. */
static const unsigned char COUNTER[16] = {255, 255, 255, 255, 255, 255, 255, 255,
                                          255, 255, 255, 255, 255, 255, 255, 254};

static EVP_CIPHER_CTX *start(const EVP_CIPHER *cipher)
{
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    assert_non_null(context);
    assert_int_equal(EVP_CipherInit(context, cipher, KEY, COUNTER, 1), 1);
    return context;
}

static const char *provider_of(const EVP_CIPHER_CTX *context)
{
    return OSSL_PROVIDER_get0_name(EVP_CIPHER_get0_provider(EVP_CIPHER_CTX_get0_cipher(context)));
}

/* As OpenSSL's own cipher does it, in one call. */
static void expect_stream(unsigned char *expected, const unsigned char *plain)
{
    EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, "AES-128-CTR", "provider=default");
    assert_non_null(cipher);
    EVP_CIPHER_CTX *context = start(cipher);
    assert_string_equal(provider_of(context), "default");
    int done = 0;
    assert_int_equal(EVP_CipherUpdate(context, expected, &done, plain, (int)SIZE), 1);
    assert_int_equal(done, (int)SIZE);
    EVP_CIPHER_CTX_free(context);
    EVP_CIPHER_free(cipher);
}

static void expect_in_pieces(size_t piece)
{
    unsigned char plain[SIZE];
    unsigned char expected[SIZE];
    for (size_t i = 0; i < SIZE; i++) {
        plain[i] = (unsigned char)(i * 7 + i / 256);
    }
    expect_stream(expected, plain);
    EVP_CIPHER_CTX *context = start(EVP_aes_128_ctr());
    assert_string_equal(provider_of(context), "kura");
    for (size_t at = 0; at < SIZE;) {
        size_t next = piece != 0 ? piece : 1 + at % 5003;
        next = next < SIZE - at ? next : SIZE - at;
        assert_true(EVP_Cipher(context, plain + at, plain + at, (unsigned)next) >= 0);
        at += next;
    }
    EVP_CIPHER_CTX_free(context);
    assert_memory_equal(plain, expected, SIZE);
}

static void test_same_stream(void **state)
{
    (void)state;
    expect_in_pieces(16); /* as libssh2 asks */
    expect_in_pieces(1);
    expect_in_pieces(17);
    expect_in_pieces(4096);
    expect_in_pieces(SIZE);
    expect_in_pieces(0);
}

static void test_other_ciphers_stay(void **state)
{
    (void)state;
    const EVP_CIPHER *others[] = {EVP_aes_192_ctr(), EVP_aes_256_ctr(), EVP_aes_128_cbc()};
    for (size_t i = 0; i < LENGTH(others); i++) {
        EVP_CIPHER_CTX *context = start(others[i]);
        assert_string_equal(provider_of(context), "default");
        EVP_CIPHER_CTX_free(context);
    }
    unsigned char random[32] = {0};
    assert_int_equal(RAND_bytes(random, sizeof random), 1);
    assert_memory_not_equal(random, (unsigned char[32]){0}, sizeof random);
}

static void test_wrong_sizes_are_refused(void **state)
{
    (void)state;
    EVP_CIPHER_CTX *context = start(EVP_aes_128_ctr());
    assert_int_equal(EVP_CIPHER_CTX_get_key_length(context), 16);
    assert_int_equal(EVP_CIPHER_CTX_get_iv_length(context), 16);
    assert_int_equal(EVP_CIPHER_CTX_get_block_size(context), 1);
    assert_int_equal(EVP_CIPHER_CTX_set_key_length(context, 24), 0);
    EVP_CIPHER_CTX_free(context);
}

static int prefer(void **state)
{
    (void)state;
    sftp_keystream_prefer();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_stream),
        cmocka_unit_test(test_other_ciphers_stay),
        cmocka_unit_test(test_wrong_sizes_are_refused),
    };
    return cmocka_run_group_tests(tests, prefer, NULL);
}
