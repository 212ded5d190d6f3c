/* Ed25519 as it is used here, against RFC 8032 and against signatures of another implementation. */
#include "keys_test.h"
#include "support/vectors.h"

static struct signing_key key_of(const struct vector *vector)
{
    struct error error = {0};
    struct signing_key key = {0};
    struct vector_bytes seed = vector_hex(vector, "seed");
    assert_int_equal(seed.size, SIGN_SEED_SIZE);
    assert_ok(signing_key_from_seed(&key, seed.at, &error));
    vector_same(vector, "public", key.public_key);
    return key;
}

static void check_bare(const struct vector *vector, const struct signing_key *key)
{
    unsigned char public_key[crypto_sign_PUBLICKEYBYTES];
    unsigned char secret_key[crypto_sign_SECRETKEYBYTES];
    unsigned char signature[SIGN_SIZE];
    struct vector_bytes message = vector_hex(vector, "message");
    crypto_sign_seed_keypair(public_key, secret_key, key->seed);
    crypto_sign_detached(signature, NULL, message.at, message.size, secret_key);
    vector_same(vector, "signature", signature);
    assert_int_equal(
        crypto_sign_verify_detached(signature, message.at, message.size, key->public_key), 0);
    /* What is signed in no domain holds in none. */
    assert_false(sign_verify(signature, key->public_key, "", message.at, message.size));
}

static void check_in_domain(const struct vector *vector, const struct signing_key *key)
{
    struct error error = {0};
    unsigned char signature[SIGN_SIZE];
    const char *domain = vector_text(vector, "domain");
    struct vector_bytes message = vector_hex(vector, "message");
    struct vector_bytes expected = vector_hex(vector, "signature");
    assert_ok(sign(signature, key, domain, message.at, message.size, &error));
    vector_same(vector, "signature", signature);
    assert_true(sign_verify(expected.at, key->public_key, domain, message.at, message.size));
    expected.at[5] ^= 1;
    assert_false(sign_verify(expected.at, key->public_key, domain, message.at, message.size));
}

static void test_vectors(void **state)
{
    (void)state;
    struct vector vector;
    size_t count = 0;
    FILE *file = vectors_open("ed25519");
    for (; vectors_next(file, &vector); count++) {
        struct signing_key key = key_of(&vector);
        if (vector_find(&vector, "domain") != NULL) {
            check_in_domain(&vector, &key);
        } else {
            check_bare(&vector, &key);
        }
        signing_key_free(&key);
    }
    fclose(file);
    assert_int_equal(count, 7);
}

static int start(void **state)
{
    (void)state;
    return sodium_init() < 0 ? -1 : 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_vectors)};
    return cmocka_run_group_tests_name("Ed25519 vectors", tests, start, NULL);
}
