/* BLAKE2b and scrypt as keys are derived with them here, against RFC 7693 and RFC 7914 and against
 * another implementation. */
#include "keys_test.h"
#include "support/vectors.h"

static void test_blake2b(void **state)
{
    (void)state;
    struct vector vector;
    size_t count = 0;
    size_t derived = 0;
    FILE *file = vectors_open("blake2b");
    for (; vectors_next(file, &vector); count++) {
        unsigned char hash[crypto_generichash_BYTES_MAX];
        struct vector_bytes key = vector_hex(&vector, "key");
        struct vector_bytes message = vector_hex(&vector, "message");
        size_t size = vector_hex(&vector, "hash").size;
        assert_int_equal(crypto_generichash(hash, size, message.at, message.size,
                                            key.size == 0 ? NULL : key.at, key.size),
                         0);
        vector_same(&vector, "hash", hash);
        if (size == SUBKEY_SIZE && memcmp(message.at, "kura/1 ", 7) == 0) {
            char label[64] = "";
            memcpy(label, message.at, message.size);
            memset(hash, 0, sizeof hash);
            key_derive(hash, key.at, key.size, label);
            vector_same(&vector, "hash", hash);
            derived++;
        }
    }
    fclose(file);
    assert_int_equal(count, 6);
    assert_int_equal(derived, 2);
}

static void test_scrypt(void **state)
{
    (void)state;
    struct vector vector;
    size_t count = 0;
    FILE *file = vectors_open("scrypt");
    for (; vectors_next(file, &vector); count++) {
        unsigned char key[64];
        struct vector_bytes passphrase = vector_hex(&vector, "passphrase");
        struct vector_bytes salt = vector_hex(&vector, "salt");
        assert_int_equal(crypto_pwhash_scryptsalsa208sha256_ll(
                             passphrase.at, passphrase.size, salt.at, salt.size,
                             vector_number(&vector, "n"), (uint32_t)vector_number(&vector, "r"),
                             (uint32_t)vector_number(&vector, "p"), key, sizeof key),
                         0);
        vector_same(&vector, "key", key);
    }
    fclose(file);
    assert_int_equal(count, 3);
}

static int start(void **state)
{
    (void)state;
    return sodium_init() < 0 ? -1 : 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blake2b),
        cmocka_unit_test(test_scrypt),
    };
    return cmocka_run_group_tests_name("derivation vectors", tests, start, NULL);
}
