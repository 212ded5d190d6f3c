/* Sealing, the references' keys and ids, and the padding. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "pipeline/seal.h"
#include <sodium.h>
#include <string.h>

static const unsigned char KEY[CHUNK_KEY_SIZE] = {7};

static void test_seal_opens_only_as_sealed(void **state)
{
    (void)state;
    struct error error;
    CLEANUP(buffer_free) struct buffer sealed = {0};
    char opened[5];
    assert_int_equal(buffer_append_text(&sealed, "ab", &error), STATUS_OK);
    assert_int_equal(seal(&sealed, KEY, "hello", 5, "here", 4, &error), STATUS_OK);
    assert_int_equal(sealed.size, 2 + 5 + SEAL_OVERHEAD);
    unsigned char *bytes = sealed.data + 2;
    size_t size = sealed.size - 2;
    assert_int_equal(seal_open(opened, KEY, bytes, size, "here", 4, &error), STATUS_OK);
    assert_memory_equal(opened, "hello", 5);
    assert_int_equal(seal_open(opened, KEY, bytes, size, "her", 3, &error), STATUS_CORRUPT);
    assert_int_equal(seal_open(opened, KEY, bytes, size, "hers", 4, &error), STATUS_CORRUPT);
    const unsigned char other[CHUNK_KEY_SIZE] = {8};
    assert_int_equal(seal_open(opened, other, bytes, size, "here", 4, &error), STATUS_CORRUPT);
    for (size_t cut = 0; cut < size; cut++) {
        assert_int_equal(seal_open(opened, KEY, bytes, cut, "here", 4, &error), STATUS_CORRUPT);
    }
    for (size_t bit = 0; bit < size * 8; bit++) {
        bytes[bit / 8] ^= (unsigned char)(1u << bit % 8);
        assert_int_equal(seal_open(opened, KEY, bytes, size, "here", 4, &error), STATUS_CORRUPT);
        bytes[bit / 8] ^= (unsigned char)(1u << bit % 8);
    }
}

static void test_seal_never_repeats(void **state)
{
    (void)state;
    struct error error;
    CLEANUP(buffer_free) struct buffer one = {0};
    CLEANUP(buffer_free) struct buffer two = {0};
    assert_int_equal(seal(&one, KEY, "same", 4, NULL, 0, &error), STATUS_OK);
    assert_int_equal(seal(&two, KEY, "same", 4, NULL, 0, &error), STATUS_OK);
    assert_memory_not_equal(one.data, two.data, 24);
    assert_memory_not_equal(one.data + 24, two.data + 24, 4);
}

static void test_seal_of_nothing(void **state)
{
    (void)state;
    struct error error;
    CLEANUP(buffer_free) struct buffer sealed = {0};
    char opened;
    assert_int_equal(seal(&sealed, KEY, "", 0, "x", 1, &error), STATUS_OK);
    assert_int_equal(sealed.size, SEAL_OVERHEAD);
    assert_int_equal(seal_open(&opened, KEY, sealed.data, sealed.size, "x", 1, &error), STATUS_OK);
}

/* libsodium's own XChaCha20-Poly1305 is the judge, in both directions. */
static void test_as_libsodium_does(void **state)
{
    (void)state;
    static unsigned char plain[70000];
    static unsigned char opened[70000 + 16];
    const size_t sizes[] = {0, 1, 15, 16, 17, 63, 64, 65, 1000, 65535, 70000};
    randombytes_buf(plain, sizeof plain);
    for (size_t i = 0; i < LENGTH(sizes); i++) {
        struct error error;
        CLEANUP(buffer_free) struct buffer sealed = {0};
        unsigned long long size = 0;
        size_t first = sizes[i] < 1 ? 0 : 1;
        const struct seal_part parts[2] = {{plain, first}, {plain + first, sizes[i] - first}};
        assert_int_equal(seal_parts(&sealed, KEY, parts, (struct seal_part){"here", 4}, &error),
                         STATUS_OK);
        assert_int_equal(sealed.size, sizes[i] + SEAL_OVERHEAD);
        assert_int_equal(crypto_aead_xchacha20poly1305_ietf_decrypt(
                             opened, &size, NULL, sealed.data + 24, sealed.size - 24,
                             (const unsigned char *)"here", 4, sealed.data, KEY),
                         0);
        assert_int_equal(size, sizes[i]);
        assert_memory_equal(opened, plain, sizes[i]);
        crypto_aead_xchacha20poly1305_ietf_encrypt(sealed.data + 24, &size, plain, sizes[i], NULL,
                                                   0, NULL, sealed.data, KEY);
        assert_int_equal(seal_open(opened, KEY, sealed.data, sealed.size, NULL, 0, &error),
                         STATUS_OK);
        assert_memory_equal(opened, plain, sizes[i]);
    }
}

/* Made with Python's hashlib.blake2b: the format must not change. */
static void test_reference_vectors(void **state)
{
    (void)state;
    struct chunk_reference reference = {.size = 1};
    unsigned char secret[CHUNK_KEY_SIZE];
    unsigned char key[CHUNK_KEY_SIZE];
    unsigned char id[CHUNK_ID_SIZE];
    char text[2 * CHUNK_KEY_SIZE + 1];
    for (size_t i = 0; i < sizeof secret; i++) {
        secret[i] = (unsigned char)i;
    }
    memcpy(reference.key, secret, sizeof secret);
    chunk_reference_id(id, &reference);
    assert_string_equal(hex_encode(text, id, sizeof id), "7c2757ae55d743acffcf3e0f049fa303");
    chunk_key_derive(key, secret, 0x0102030405060708);
    assert_string_equal(hex_encode(text, key, sizeof key),
                        "be4634e8ceb2e52613ad8f37006f168f679d4348c5f654fa2cf4a88592f0dd79");
}

static void test_context_names_everything(void **state)
{
    (void)state;
    unsigned char context[CHUNK_CONTEXT_SIZE];
    chunk_context(context, (const unsigned char *)"repositoryrepos1",
                  (const unsigned char *)"identityidentit2");
    assert_memory_equal(context, "kura/1 chunkrepositoryrepos1identityidentit2", sizeof context);
}

static void test_padme(void **state)
{
    (void)state;
    /* From the paper's definition. */
    static const uint64_t known[][2] = {{0, 0},       {1, 1},       {2, 2},        {3, 3},
                                        {8, 8},       {9, 10},      {100, 104},    {1000, 1024},
                                        {1024, 1024}, {1025, 1088}, {65537, 67584}};
    for (size_t i = 0; i < LENGTH(known); i++) {
        assert_int_equal(padme(known[i][0]), known[i][1]);
    }
    uint64_t before = 0;
    for (uint64_t size = 2; size < 300000; size++) {
        uint64_t padded = padme(size);
        assert_true(padded >= size && padded - size <= size * 12 / 100);
        assert_true(padded >= before && padme(padded) == padded);
        before = padded;
    }
    assert_int_equal(padme(UINT64_MAX), UINT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_seal_opens_only_as_sealed),
        cmocka_unit_test(test_seal_never_repeats),
        cmocka_unit_test(test_seal_of_nothing),
        cmocka_unit_test(test_as_libsodium_does),
        cmocka_unit_test(test_reference_vectors),
        cmocka_unit_test(test_context_names_everything),
        cmocka_unit_test(test_padme),
    };
    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
