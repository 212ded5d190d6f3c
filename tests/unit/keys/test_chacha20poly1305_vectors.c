/* ChaCha20-Poly1305 as age's stanzas and payload use it, against RFC 8439. */
#include "keys_test.h"
#include "support/vectors.h"

static void check(const struct vector *vector)
{
    unsigned char out[VECTOR_BYTES];
    unsigned long long size = 0;
    struct vector_bytes key = vector_hex(vector, "key");
    struct vector_bytes nonce = vector_hex(vector, "nonce");
    struct vector_bytes context = vector_hex(vector, "context");
    struct vector_bytes message = vector_hex(vector, "message");
    struct vector_bytes sealed = vector_hex(vector, "sealed");
    crypto_aead_chacha20poly1305_ietf_encrypt(out, &size, message.at, message.size, context.at,
                                              context.size, NULL, nonce.at, key.at);
    assert_int_equal(size, sealed.size);
    vector_same(vector, "sealed", out);
    assert_int_equal(crypto_aead_chacha20poly1305_ietf_decrypt(out, &size, NULL, sealed.at,
                                                               sealed.size, context.at,
                                                               context.size, nonce.at, key.at),
                     0);
    assert_int_equal(size, message.size);
    vector_same(vector, "message", out);
    for (size_t i = 0; i < sealed.size; i += 7) {
        sealed.at[i] ^= 1;
        assert_int_not_equal(
            crypto_aead_chacha20poly1305_ietf_decrypt(out, &size, NULL, sealed.at, sealed.size,
                                                      context.at, context.size, nonce.at, key.at),
            0);
        sealed.at[i] ^= 1;
    }
}

static void test_vectors(void **state)
{
    (void)state;
    struct vector vector;
    size_t count = 0;
    FILE *file = vectors_open("chacha20poly1305");
    while (vectors_next(file, &vector)) {
        if (vector_hex(&vector, "nonce").size == crypto_aead_chacha20poly1305_ietf_NPUBBYTES) {
            check(&vector);
            count++;
        }
    }
    fclose(file);
    assert_int_equal(count, 2);
}

static int start(void **state)
{
    (void)state;
    return sodium_init() < 0 ? -1 : 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_vectors)};
    return cmocka_run_group_tests_name("ChaCha20-Poly1305 vectors", tests, start, NULL);
}
