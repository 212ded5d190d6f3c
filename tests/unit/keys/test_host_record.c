/* The recovery key's signed words about hosts. */
#include "keys_test.h"

static const unsigned char repository[REPOSITORY_ID_SIZE] = "0123456789abcde";

static struct host_record example(void)
{
    struct host_record record = {.verdict = HOST_REVOKED,
                                 .from_sequence = 42,
                                 .time = {.seconds = 1795312800},
                                 .name = "蔵-1 \"front desk\""};
    memset(record.public_key, 0x5a, sizeof(record.public_key));
    return record;
}

static void test_round_trip(void **state)
{
    (void)state;
    struct error error = {0};
    struct signing_key recovery = {0};
    struct buffer object = {0};
    struct host_record decoded = {0};
    struct host_record record = example();
    assert_ok(signing_key_generate(&recovery, &error));
    assert_ok(host_record_encode(&object, &record, repository, &recovery, &error));
    assert_ok(host_record_decode(&decoded, object.data, object.size, repository,
                                 recovery.public_key, &error));
    assert_memory_equal(decoded.public_key, record.public_key, SIGN_PUBLIC_SIZE);
    assert_int_equal(decoded.verdict, HOST_REVOKED);
    assert_int_equal(decoded.from_sequence, 42);
    assert_int_equal(moment_compare(decoded.time, record.time), 0);
    assert_string_equal(decoded.name, record.name);
    static const char start[] = "{\"from_sequence\":42,\"host\":\"5a5a";
    assert_memory_equal(object.data + SIGN_SIZE, start, strlen(start));
    buffer_free(&object);
    signing_key_free(&recovery);
}

static void test_not_authentic(void **state)
{
    (void)state;
    struct error error = {0};
    struct signing_key recovery = {0};
    struct signing_key other = {0};
    struct buffer object = {0};
    struct host_record decoded = {0};
    const struct host_record record = example();
    const unsigned char elsewhere[REPOSITORY_ID_SIZE] = "another id here";
    assert_ok(signing_key_generate(&recovery, &error));
    assert_ok(signing_key_generate(&other, &error));
    assert_ok(host_record_encode(&object, &record, repository, &recovery, &error));
    assert_int_equal(host_record_decode(&decoded, object.data, object.size, repository,
                                        other.public_key, &error),
                     STATUS_UNAUTHENTIC);
    assert_int_equal(host_record_decode(&decoded, object.data, object.size, elsewhere,
                                        recovery.public_key, &error),
                     STATUS_UNAUTHENTIC);
    for (size_t i = 0; i < object.size; i++) {
        object.data[i] ^= 1;
        assert_int_equal(host_record_decode(&decoded, object.data, object.size, repository,
                                            recovery.public_key, &error),
                         STATUS_UNAUTHENTIC);
        object.data[i] ^= 1;
    }
    for (size_t size = 0; size < object.size; size++) {
        enum status status = host_record_decode(&decoded, object.data, size, repository,
                                                recovery.public_key, &error);
        assert_int_equal(status, size <= SIGN_SIZE ? STATUS_CORRUPT : STATUS_UNAUTHENTIC);
        assert_int_equal(decoded.verdict, 0);
    }
    buffer_free(&object);
    signing_key_free(&recovery);
    signing_key_free(&other);
}

#define HOST "5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a"
#define REPOSITORY "30313233343536373839616263646500"
#define TIME "\"time\":\"2026-11-22T02:00:00Z\","
#define GOOD                                                                                       \
    "{\"from_sequence\":0,\"host\":\"" HOST "\",\"name\":\"n\",\"repository\":\"" REPOSITORY       \
    "\"," TIME "\"verdict\":\"added\",\"version\":1}"

static enum status decode_signed(const char *json)
{
    struct error error = {0};
    struct signing_key recovery = {0};
    struct buffer object = {0};
    struct host_record decoded = {0};
    unsigned char signature[SIGN_SIZE];
    assert_ok(signing_key_generate(&recovery, &error));
    assert_ok(sign(signature, &recovery, "kura/1 host", json, strlen(json), &error));
    assert_ok(buffer_append(&object, signature, sizeof(signature), &error));
    assert_ok(buffer_append_text(&object, json, &error));
    enum status status = host_record_decode(&decoded, object.data, object.size, repository,
                                            recovery.public_key, &error);
    buffer_free(&object);
    signing_key_free(&recovery);
    return status;
}

static void test_signed_but_wrong(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        enum status status;
    } cases[] = {
        {GOOD, STATUS_OK},
        {"", STATUS_CORRUPT},
        {"{}", STATUS_CORRUPT},
        {"[1]", STATUS_CORRUPT},
        {"{\"version\":2,\"more\":true}", STATUS_UNSUPPORTED},
        {GOOD "x", STATUS_CORRUPT},
        {"{\"from_sequence\":-1,\"host\":\"" HOST "\",\"name\":\"n\",\"repository\":\"" REPOSITORY
         "\"," TIME "\"verdict\":\"added\",\"version\":1}",
         STATUS_CORRUPT},
        {"{\"from_sequence\":0,\"host\":\"5a\",\"name\":\"n\",\"repository\":\"" REPOSITORY
         "\"," TIME "\"verdict\":\"added\",\"version\":1}",
         STATUS_CORRUPT},
        {"{\"from_sequence\":0,\"host\":\"" HOST "\",\"name\":\"n\",\"repository\":\"" REPOSITORY
         "\"," TIME "\"verdict\":\"maybe\",\"version\":1}",
         STATUS_CORRUPT},
        {"{\"from_sequence\":0,\"host\":\"" HOST "\",\"name\":\"n\",\"repository\":\"" REPOSITORY
         "\",\"time\":\"then\",\"verdict\":\"added\",\"version\":1}",
         STATUS_CORRUPT},
        {"{\"from_sequence\":0,\"host\":\"" HOST "\",\"name\":\"n\",\"repository\":\"" REPOSITORY
         "\"," TIME "\"verdict\":\"added\",\"version\":1,\"version\":1}",
         STATUS_CORRUPT},
        {"{\"extra\":0,\"from_sequence\":0,\"host\":\"" HOST
         "\",\"name\":\"n\",\"repository\":\"" REPOSITORY "\"," TIME
         "\"verdict\":\"added\",\"version\":1}",
         STATUS_CORRUPT},
    };
    for (size_t i = 0; i < LENGTH(cases); i++) {
        enum status status = decode_signed(cases[i].json);
        if (status != cases[i].status) {
            fail_msg("%s: %d", cases[i].json, (int)status);
        }
    }
}

static void test_long_name(void **state)
{
    (void)state;
    char json[1024];
    char name[200];
    memset(name, 'n', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    for (size_t length = 126; length < 130; length++) {
        snprintf(json, sizeof(json),
                 "{\"from_sequence\":0,\"host\":\"%s\",\"name\":\"%.*s\",\"repository\":\"%s\",%s"
                 "\"verdict\":\"added\",\"version\":1}",
                 HOST, (int)length, name, REPOSITORY, TIME);
        assert_int_equal(decode_signed(json), length < 128 ? STATUS_OK : STATUS_CORRUPT);
    }
}

static void test_what_cannot_be_said(void **state)
{
    (void)state;
    struct error error = {0};
    struct signing_key recovery = {0};
    struct buffer object = {0};
    struct host_record record = example();
    assert_ok(signing_key_generate(&recovery, &error));
    record.name[0] = '\xff';
    assert_int_equal(host_record_encode(&object, &record, repository, &recovery, &error),
                     STATUS_USAGE);
    record = example();
    record.from_sequence = UINT64_MAX;
    assert_int_equal(host_record_encode(&object, &record, repository, &recovery, &error),
                     STATUS_FAILED);
    assert_int_equal(object.size, 0);
    signing_key_free(&recovery);
}

static int start(void **state)
{
    (void)state;
    return sodium_init() < 0 ? -1 : 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),          cmocka_unit_test(test_not_authentic),
        cmocka_unit_test(test_signed_but_wrong),    cmocka_unit_test(test_long_name),
        cmocka_unit_test(test_what_cannot_be_said),
    };
    return cmocka_run_group_tests_name("host record", tests, start, NULL);
}
