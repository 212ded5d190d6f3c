/* Bech32 against the vectors of BIP 173, but for its limit on length, which age does not have. */
#include "keys_test.h"

#include "../../../src/keys/age_bech32.h"

static bool decodes(const char *text, unsigned char *data, size_t *size, size_t *prefix_size)
{
    return bech32_decode(data, 128, size, prefix_size, text, strlen(text));
}

static void test_valid(void **state)
{
    (void)state;
    static const char *const valid[] = {
        "A12UEL5L",
        "a12uel5l",
        "an83characterlonghumanreadablepartthatcontainsthenumber1andtheexcludedcharactersbio1"
        "tt5tgs",
        "abcdef1qpzry9x8gf2tvdw0s3jn54khce6mua7lmqqqxw",
        "11qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqc82"
        "47j",
        "split1checkupstagehandshakeupstreamerranterredcaperred2y9e3w",
        "?1ezyfcl",
    };
    for (size_t i = 0; i < LENGTH(valid); i++) {
        unsigned char data[128];
        char again[256];
        char prefix[128];
        size_t size = 0;
        size_t prefix_size = 0;
        if (!decodes(valid[i], data, &size, &prefix_size)) {
            fail_msg("%s is valid", valid[i]);
        }
        snprintf(prefix, sizeof(prefix), "%.*s", (int)prefix_size, valid[i]);
        bech32_encode(again, prefix, data, size);
        again[BECH32_TEXT_SIZE(prefix_size, size)] = '\0';
        assert_int_equal(strlen(again), strlen(valid[i]));
        /* A prefix without letters tells no case: it comes out in lower case. */
        assert_string_equal(again, valid[i]);
    }
}

static void test_invalid(void **state)
{
    (void)state;
    static const char *const invalid[] = {
        " 1nwldj5", /* prefix character out of range */
        "\1771axkwrx",
        "\2001eym55h",
        "pzry9x0s0muk",  /* no separator */
        "1pzry9x0s0muk", /* empty prefix */
        "x1b4n0q5v",     /* not a data character */
        "li1dgmt3",      /* checksum too short */
        "de1lg7wt\xff",  /* not a checksum character */
        "A1G7SGD8",      /* checksum of the upper-case form */
        "10a06t8",       /* empty prefix */
        "1qzzfhee",
        "A12uEL5L", /* both cases */
        "a12uel5m", /* one character changed */
        "",
        "1",
    };
    for (size_t i = 0; i < LENGTH(invalid); i++) {
        unsigned char data[128];
        size_t size = 0;
        size_t prefix_size = 0;
        if (decodes(invalid[i], data, &size, &prefix_size)) {
            fail_msg("%s is not valid", invalid[i]);
        }
    }
}

static void test_surplus_bits(void **state)
{
    (void)state;
    unsigned char data[128];
    size_t size = 0;
    size_t prefix_size = 0;
    /* All have right checksums. One byte is two characters, the last two bits of them zero. */
    assert_true(decodes("age1qqpexly5", data, &size, &prefix_size));
    assert_int_equal(size, 1);
    assert_false(decodes("age1qpu0j2ex", data, &size, &prefix_size));  /* bits left over: 01 */
    assert_false(decodes("age1qzju8uhe", data, &size, &prefix_size));  /* 10 */
    assert_false(decodes("age1qdd35qf", data, &size, &prefix_size));   /* five, and no byte */
    assert_false(decodes("age1qqqyst3gn", data, &size, &prefix_size)); /* seven */
}

static void test_capacity(void **state)
{
    (void)state;
    unsigned char data[21] = {0};
    size_t size = 0;
    size_t prefix_size = 0;
    const char *text = "abcdef1qpzry9x8gf2tvdw0s3jn54khce6mua7lmqqqxw";
    assert_false(bech32_decode(data, 19, &size, &prefix_size, text, strlen(text)));
    data[20] = 0xa5;
    assert_true(bech32_decode(data, 20, &size, &prefix_size, text, strlen(text)));
    assert_int_equal(size, 20);
    assert_int_equal(data[20], 0xa5);
}

static void test_age_example(void **state)
{
    (void)state;
    /* The example of the age specification: an identity of 32 bytes 0x42, and its recipient. */
    unsigned char key[AGE_KEY_SIZE];
    char text[AGE_RECIPIENT_TEXT_SIZE];
    struct age_identity identity = {0};
    struct error error = {0};
    const char *given =
        "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX";
    memset(key, 0x42, sizeof(key));
    assert_ok(age_identity_parse(&identity, given, strlen(given), &error));
    assert_memory_equal(identity.secret_key, key, sizeof(key));
    age_recipient_format(text, &identity.recipient);
    assert_string_equal(text, "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj");
    age_identity_free(&identity);
}

static int start(void **state)
{
    (void)state;
    return sodium_init() < 0 ? -1 : 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_valid),        cmocka_unit_test(test_invalid),
        cmocka_unit_test(test_surplus_bits), cmocka_unit_test(test_capacity),
        cmocka_unit_test(test_age_example),
    };
    return cmocka_run_group_tests_name("bech32", tests, start, NULL);
}
