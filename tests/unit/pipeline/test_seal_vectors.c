/* What is sealed here against the XChaCha20-Poly1305 of the draft, and a chunk against one made by
 * other means from the written format. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "kura/pipeline.h"
#include "support/vectors.h"
#include <sodium.h>

static void test_xchacha20poly1305(void **state)
{
    (void)state;
    struct vector vector;
    size_t count = 0;
    FILE *file = vectors_open("chacha20poly1305");
    while (vectors_next(file, &vector)) {
        struct vector_bytes nonce = vector_hex(&vector, "nonce");
        if (nonce.size != crypto_aead_xchacha20poly1305_ietf_NPUBBYTES) {
            continue;
        }
        struct error error = {0};
        unsigned char sealed[VECTOR_BYTES];
        unsigned char opened[VECTOR_BYTES];
        struct vector_bytes key = vector_hex(&vector, "key");
        struct vector_bytes context = vector_hex(&vector, "context");
        struct vector_bytes rest = vector_hex(&vector, "sealed");
        memcpy(sealed, nonce.at, nonce.size);
        memcpy(sealed + nonce.size, rest.at, rest.size);
        assert_int_equal(seal_open(opened, key.at, sealed, nonce.size + rest.size, context.at,
                                   context.size, &error),
                         STATUS_OK);
        vector_same(&vector, "message", opened);
        sealed[0] ^= 1;
        assert_int_equal(seal_open(opened, key.at, sealed, nonce.size + rest.size, context.at,
                                   context.size, &error),
                         STATUS_CORRUPT);
        count++;
    }
    fclose(file);
    assert_int_equal(count, 1);
}

static void test_chunk(void **state)
{
    (void)state;
    struct error error = {0};
    struct vector vector;
    FILE *file = vectors_open("chunk");
    assert_true(vectors_next(file, &vector));
    fclose(file);
    struct chunk_reference reference = {.size = 5};
    unsigned char id[CHUNK_ID_SIZE];
    unsigned char context[CHUNK_CONTEXT_SIZE];
    unsigned char opened[VECTOR_BYTES];
    struct vector_bytes sealed = vector_hex(&vector, "sealed");
    chunk_key_derive(reference.key, vector_hex(&vector, "secret").at,
                     vector_number(&vector, "number"));
    vector_same(&vector, "key", reference.key);
    chunk_reference_id(id, &reference);
    vector_same(&vector, "id", id);
    chunk_context(context, vector_hex(&vector, "repository").at, id);
    assert_int_equal(
        seal_open(opened, reference.key, sealed.at, sealed.size, context, sizeof context, &error),
        STATUS_OK);
    vector_same(&vector, "message", opened);
}

static int start(void **state)
{
    (void)state;
    return sodium_init() < 0 ? -1 : 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_xchacha20poly1305),
        cmocka_unit_test(test_chunk),
    };
    return cmocka_run_group_tests_name("seal vectors", tests, start, NULL);
}
