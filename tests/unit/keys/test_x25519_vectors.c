/* X25519 as it is used here, against RFC 7748; and every point of low order is refused. */
#include "../../../src/keys/age_bech32.h"
#include "../../../src/keys/age_private.h"
#include "keys_test.h"
#include "support/vectors.h"
#include <ctype.h>

static void check_product(const struct vector *vector)
{
    static const unsigned char base[AGE_KEY_SIZE] = {9};
    unsigned char product[AGE_KEY_SIZE];
    struct vector_bytes scalar = vector_hex(vector, "scalar");
    struct vector_bytes point = vector_hex(vector, "point");
    assert_int_equal(crypto_scalarmult(product, scalar.at, point.at), 0);
    vector_same(vector, "product", product);
    if (memcmp(point.at, base, sizeof base) == 0) {
        assert_int_equal(crypto_scalarmult_base(product, scalar.at), 0);
        vector_same(vector, "product", product);
    }
}

/* The recipient of an identity is its key's product with the base point. */
static void check_identity(const struct vector *vector)
{
    struct error error = {0};
    struct age_identity identity = {0};
    char text[BECH32_TEXT_SIZE(sizeof "age-secret-key-" - 1, AGE_KEY_SIZE)];
    bech32_encode(text, "age-secret-key-", vector_hex(vector, "scalar").at, AGE_KEY_SIZE);
    for (size_t i = 0; i < sizeof text; i++) {
        text[i] = (char)toupper((unsigned char)text[i]);
    }
    assert_ok(age_identity_parse(&identity, text, sizeof text, &error));
    vector_same(vector, "product", identity.recipient.public_key);
    age_identity_free(&identity);
}

static void check_iterations(const struct vector *vector)
{
    unsigned char scalar[AGE_KEY_SIZE] = {9};
    unsigned char point[AGE_KEY_SIZE] = {9};
    unsigned char product[AGE_KEY_SIZE];
    for (uint64_t i = 0; i < vector_number(vector, "iterations"); i++) {
        assert_int_equal(crypto_scalarmult(product, scalar, point), 0);
        memcpy(point, scalar, sizeof point);
        memcpy(scalar, product, sizeof scalar);
    }
    vector_same(vector, "product", product);
}

/* With such a point the secret of both would be zero: anybody could open what is sealed to it, or
 * make a file that every identity opens. */
static void check_refused(const struct vector *vector)
{
    struct error error = {0};
    struct age_recipient recipient;
    struct buffer header = {0};
    unsigned char file_key[AGE_FILE_KEY_SIZE] = {0};
    char text[AGE_RECIPIENT_TEXT_SIZE];
    memcpy(recipient.public_key, vector_hex(vector, "refused").at, AGE_KEY_SIZE);
    assert_int_equal(age_recipient_wrap(&header, &recipient, file_key, &error), STATUS_DENIED);
    age_recipient_format(text, &recipient);
    assert_int_equal(age_recipient_parse(&recipient, text, &error), STATUS_USAGE);

    char arguments[AGE_LINE_LENGTH + 8] = "X25519 ";
    struct age_stanza stanza = {.arguments = arguments, .argument_count = 2, .body_size = 32};
    struct age_identity identity = {0};
    bool opened = true;
    sodium_bin2base64(arguments + 7, sizeof arguments - 7, vector_hex(vector, "refused").at,
                      AGE_KEY_SIZE, sodium_base64_VARIANT_ORIGINAL_NO_PADDING);
    stanza.arguments_size = strlen(arguments);
    assert_ok(age_identity_generate(&identity, &error));
    assert_int_equal(age_recipient_unwrap(file_key, &opened, &stanza, &identity, &error),
                     STATUS_CORRUPT);
    assert_false(opened);
    age_identity_free(&identity);
    buffer_free(&header);
}

static void test_vectors(void **state)
{
    (void)state;
    struct vector vector;
    size_t count = 0;
    size_t identities = 0;
    FILE *file = vectors_open("x25519");
    for (; vectors_next(file, &vector); count++) {
        if (vector_find(&vector, "refused") != NULL) {
            check_refused(&vector);
        } else if (vector_find(&vector, "iterations") != NULL) {
            check_iterations(&vector);
        } else {
            check_product(&vector);
        }
        if (strcmp(vector_text(&vector, "name"), "section 6.1, Alice") == 0 ||
            strcmp(vector_text(&vector, "name"), "section 6.1, Bob") == 0) {
            check_identity(&vector);
            identities++;
        }
    }
    fclose(file);
    assert_int_equal(count, 15);
    assert_int_equal(identities, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_vectors)};
    return cmocka_run_group_tests_name("X25519 vectors", tests, in_fresh_folder, leave_folder);
}
