/* Tokens as the specification has them; every other text of one is refused. */
#include "keys/paseto.h"
#include "keys_test.h"
#include <jansson.h>

#define PAYLOAD "{\"jti\":\"1\",\"exp\":\"2026-12-01T00:00:00Z\"}"
#define IMPLICIT "carry-v1|host|digest"

static json_t *vectors(void)
{
    json_error_t where;
    json_t *loaded = json_load_file(KURA_TESTS "/vectors/paseto/v4.public.json", 0, &where);
    assert_non_null(loaded);
    return loaded;
}

static const char *field(const json_t *vector, const char *name)
{
    const char *text = json_string_value(json_object_get(vector, name));
    assert_non_null(text);
    return text;
}

static void test_vectors(void **state)
{
    (void)state;
    json_t *loaded = vectors();
    size_t count = json_array_size(json_object_get(loaded, "tokens"));
    assert_int_equal(count, 3);
    for (size_t i = 0; i < count; i++) {
        const json_t *vector = json_array_get(json_object_get(loaded, "tokens"), i);
        struct error error = {0};
        struct signing_key key = {0};
        struct buffer token = {0};
        struct buffer payload = {0};
        unsigned char seed[SIGN_SEED_SIZE];
        unsigned char public_key[SIGN_PUBLIC_SIZE];
        const char *wanted = field(vector, "token");
        assert_true(hex_decode(seed, sizeof(seed), field(vector, "seed"), 64));
        assert_true(hex_decode(public_key, sizeof(public_key), field(vector, "public"), 64));
        assert_ok(signing_key_from_seed(&key, seed, &error));
        assert_memory_equal(key.public_key, public_key, SIGN_PUBLIC_SIZE);
        const struct paseto_content content = {.payload = field(vector, "payload"),
                                               .payload_size = strlen(field(vector, "payload")),
                                               .footer = field(vector, "footer"),
                                               .footer_size = strlen(field(vector, "footer")),
                                               .implicit = field(vector, "implicit")};
        assert_ok(paseto_compose(&token, &key, &content, &error));
        assert_int_equal(token.size, strlen(wanted));
        assert_memory_equal(token.data, wanted, token.size);
        assert_ok(
            paseto_open(&payload, wanted, strlen(wanted), public_key, content.implicit, &error));
        assert_string_equal((const char *)payload.data, content.payload);
        assert_int_equal(paseto_open(&payload, wanted, strlen(wanted), public_key, "x", &error),
                         STATUS_UNAUTHENTIC);
        /* A footer that is not ours, or none. */
        assert_int_equal(
            paseto_verify(&payload, wanted, strlen(wanted), public_key, content.implicit, &error),
            STATUS_CORRUPT);
        signing_key_free(&key);
        buffer_free(&token);
        buffer_free(&payload);
    }
    json_decref(loaded);
}

static void test_key_id_vectors(void **state)
{
    (void)state;
    json_t *loaded = vectors();
    size_t count = json_array_size(json_object_get(loaded, "key_ids"));
    assert_int_equal(count, 3);
    for (size_t i = 0; i < count; i++) {
        const json_t *vector = json_array_get(json_object_get(loaded, "key_ids"), i);
        unsigned char key[SIGN_PUBLIC_SIZE];
        char id[PASERK_ID_SIZE];
        assert_true(hex_decode(key, sizeof(key), field(vector, "key"), 64));
        paserk_id(id, key);
        assert_string_equal(id, field(vector, "id"));
    }
    json_decref(loaded);
}

/* ------------------------------------------------------------------ a token of our own */

struct made {
    struct signing_key key;
    struct buffer token; /* terminated after its size */
};

static struct made make(const char *payload)
{
    struct error error = {0};
    struct made made = {0};
    assert_ok(signing_key_generate(&made.key, &error));
    assert_ok(paseto_sign(&made.token, &made.key, payload, strlen(payload), IMPLICIT, &error));
    assert_ok(buffer_append_u8(&made.token, 0, &error));
    made.token.size--;
    return made;
}

static void made_free(struct made *made)
{
    signing_key_free(&made->key);
    buffer_free(&made->token);
}

static enum status verify(const struct made *made, const char *token, size_t size)
{
    struct error error = {0};
    struct buffer payload = {0};
    enum status status =
        paseto_verify(&payload, token, size, made->key.public_key, IMPLICIT, &error);
    assert_int_equal(status, error.status);
    assert_true(status == STATUS_OK || (payload.data == NULL && error.message[0] != '\0'));
    buffer_free(&payload);
    return status;
}

static void test_round_trip(void **state)
{
    (void)state;
    struct error error = {0};
    struct made made = make(PAYLOAD);
    struct buffer payload = {0};
    char wanted[PASERK_ID_SIZE];
    char found[PASERK_ID_SIZE];
    const char *token = (const char *)made.token.data;
    paserk_id(wanted, made.key.public_key);
    assert_ok(paseto_key_id(found, token, made.token.size, &error));
    assert_string_equal(found, wanted);
    /* What was in the buffer before is not part of the payload. */
    assert_ok(buffer_append_text(&payload, "earlier", &error));
    assert_ok(
        paseto_verify(&payload, token, made.token.size, made.key.public_key, IMPLICIT, &error));
    assert_int_equal(payload.size, strlen(PAYLOAD));
    assert_string_equal((const char *)payload.data, PAYLOAD);
    buffer_free(&payload);
    made_free(&made);
}

/* Before anything is verified: the payload, whoever signed it. */
static void test_peek(void **state)
{
    (void)state;
    struct error error = {0};
    struct made made = make(PAYLOAD);
    struct buffer payload = {0};
    char *token = (char *)made.token.data;
    assert_ok(buffer_append_text(&payload, "earlier", &error));
    assert_ok(paseto_peek(&payload, token, made.token.size, &error));
    assert_string_equal((const char *)payload.data, PAYLOAD);
    assert_int_equal(payload.size, strlen(PAYLOAD));
    char *last = strrchr(token, '.') - 1;
    *last = *last == 'A' ? 'Q' : 'A';
    assert_int_equal(verify(&made, token, made.token.size), STATUS_UNAUTHENTIC);
    assert_ok(paseto_peek(&payload, token, made.token.size, &error));
    *last = '=';
    static const struct {
        const char *text;
        enum status status;
    } bad[] = {{"v4.local.AAAA", STATUS_UNSUPPORTED},
               {"v4.public.AAAA", STATUS_CORRUPT},
               {"v4.public.", STATUS_CORRUPT},
               {"", STATUS_CORRUPT}};
    assert_int_equal(paseto_peek(&payload, token, made.token.size, &error), STATUS_CORRUPT);
    for (size_t i = 0; i < LENGTH(bad); i++) {
        assert_ok(buffer_append_text(&payload, "earlier", &error));
        assert_int_equal(paseto_peek(&payload, bad[i].text, strlen(bad[i].text), &error),
                         bad[i].status);
        assert_int_equal(payload.size, 0);
    }
    buffer_free(&payload);
    made_free(&made);
}

static void test_another_key_or_assertion(void **state)
{
    (void)state;
    struct error error = {0};
    struct made made = make(PAYLOAD);
    struct made other = make(PAYLOAD);
    struct buffer payload = {0};
    const char *token = (const char *)made.token.data;
    assert_int_equal(verify(&other, token, made.token.size), STATUS_UNAUTHENTIC);
    assert_int_equal(
        paseto_verify(&payload, token, made.token.size, made.key.public_key, IMPLICIT "x", &error),
        STATUS_UNAUTHENTIC);
    assert_int_equal(
        paseto_verify(&payload, token, made.token.size, made.key.public_key, "", &error),
        STATUS_UNAUTHENTIC);
    assert_null(payload.data);
    /* The other's key id over this one's signature: as if one claimed the other's token. */
    const char *foot = strrchr((const char *)other.token.data, '.');
    const char *own_foot = strrchr(token, '.');
    char *mixed = NULL;
    assert_true(asprintf(&mixed, "%.*s%s", (int)(own_foot - token), token, foot) > 0);
    assert_int_equal(verify(&other, mixed, strlen(mixed)), STATUS_UNAUTHENTIC);
    assert_int_equal(verify(&made, mixed, strlen(mixed)), STATUS_UNAUTHENTIC);
    free(mixed);
    made_free(&made);
    made_free(&other);
}

/* No text but the one: neither another signature nor another spelling of this one. */
static void test_every_changed_byte(void **state)
{
    (void)state;
    static const char others[] = "AB-_.=+/ \n\0z";
    struct made made = make(PAYLOAD);
    char *token = (char *)made.token.data;
    for (size_t i = 0; i < made.token.size; i++) {
        char kept = token[i];
        for (size_t k = 0; k < sizeof(others) - 1 + 128; k++) {
            /* libsodium's decoder takes bytes above 127 for letters. */
            token[i] = k < 128 ? (char)(k + 128) : others[k - 128];
            enum status status = verify(&made, token, made.token.size);
            assert_true(token[i] == kept || status != STATUS_OK);
            assert_true(k >= 128 || status == STATUS_CORRUPT);
        }
        token[i] = kept;
        assert_int_not_equal(verify(&made, token, i), STATUS_OK);
    }
    assert_int_equal(verify(&made, token, made.token.size), STATUS_OK);
    made_free(&made);
}

static void assert_text(const struct made *made, enum status wanted, const char *format, ...)
    PRINTF_LIKE(3, 4);

static void assert_text(const struct made *made, enum status wanted, const char *format, ...)
{
    char *text = NULL;
    va_list arguments;
    va_start(arguments, format);
    /* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): it is initialised above */
    assert_true(vasprintf(&text, format, arguments) >= 0);
    va_end(arguments);
    enum status status = verify(made, text, strlen(text));
    if (status != wanted) {
        fail_msg("%.200s: %d, not %d", text, (int)status, (int)wanted);
    }
    free(text);
}

static void test_other_texts(void **state)
{
    (void)state;
    struct made made = make(PAYLOAD);
    const char *token = (const char *)made.token.data;
    const char *rest = token + strlen("v4.public.");
    const char *dot = strchr(rest, '.');
    int body = (int)(dot - rest);
    assert_text(&made, STATUS_OK, "%s", token);
    /* Other versions and purposes, with whatever follows. */
    assert_text(&made, STATUS_UNSUPPORTED, "v3.public.%s", rest);
    assert_text(&made, STATUS_UNSUPPORTED, "v2.public.%s", rest);
    assert_text(&made, STATUS_UNSUPPORTED, "v44.public.%s", rest);
    assert_text(&made, STATUS_UNSUPPORTED, "v4.local.%s", rest);
    assert_text(&made, STATUS_CORRUPT, "v.public.%s", rest);
    assert_text(&made, STATUS_CORRUPT, "V4.public.%s", rest);
    assert_text(&made, STATUS_CORRUPT, "%s", "");
    assert_text(&made, STATUS_CORRUPT, "%s", "v4.public");
    assert_text(&made, STATUS_CORRUPT, "%s", "v4.public.");
    assert_text(&made, STATUS_CORRUPT, "%s", "v4.public..");
    assert_text(&made, STATUS_CORRUPT, "v4.public.%s", dot);
    /* Dots, padding, white space. */
    assert_text(&made, STATUS_CORRUPT, "%s.", token);
    assert_text(&made, STATUS_CORRUPT, "%s.e30", token);
    assert_text(&made, STATUS_CORRUPT, "v4.public.%.*s", body, rest);
    assert_text(&made, STATUS_CORRUPT, "v4.public.%.*s.", body, rest);
    assert_text(&made, STATUS_CORRUPT, "v4.public.%.*s.%s", body, rest, dot);
    assert_text(&made, STATUS_CORRUPT, "%s=", token);
    assert_text(&made, STATUS_CORRUPT, "%s==", token);
    assert_text(&made, STATUS_CORRUPT, "v4.public.%.*s=%s", body, rest, dot);
    assert_text(&made, STATUS_CORRUPT, "%s\n", token);
    assert_text(&made, STATUS_CORRUPT, " %s", token);
    assert_text(&made, STATUS_CORRUPT, "v4.public. %s", rest);
    made_free(&made);
}

/* The last character of base64 holds unused bits: they must be zero. */
static void test_not_canonical(void **state)
{
    (void)state;
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    /* Payloads of three lengths, so that 0, 4 and 2 bits are unused. */
    for (size_t extra = 0; extra < 3; extra++) {
        char payload[8];
        snprintf(payload, sizeof(payload), "[%.*s1]", (int)extra, "   ");
        struct made made = make(payload);
        char *token = (char *)made.token.data;
        char *last = strrchr(token, '.') - 1;
        size_t body = (size_t)(last + 1 - token) - strlen("v4.public.");
        unsigned unused = body % 4 == 2 ? 15 : body % 4 == 3 ? 3 : 0;
        const char *at = strchr(alphabet, *last);
        size_t value = (size_t)(at - alphabet);
        assert_int_equal(value & unused, 0);
        for (size_t more = 1; more <= unused; more++) {
            *last = alphabet[value + more];
            assert_int_equal(verify(&made, token, made.token.size), STATUS_CORRUPT);
        }
        made_free(&made);
    }
}

/* Signed by the key, and yet not taken. */
static void assert_footer(enum status wanted, const struct signing_key *key, const char *footer)
{
    struct error error = {0};
    struct buffer token = {0};
    struct buffer payload = {0};
    const struct paseto_content content = {.payload = PAYLOAD,
                                           .payload_size = strlen(PAYLOAD),
                                           .footer = footer,
                                           .footer_size = strlen(footer),
                                           .implicit = IMPLICIT};
    assert_ok(paseto_compose(&token, key, &content, &error));
    const char *text = (const char *)token.data;
    assert_ok(paseto_open(&payload, text, token.size, key->public_key, IMPLICIT, &error));
    enum status status =
        paseto_verify(&payload, text, token.size, key->public_key, IMPLICIT, &error);
    if (status != wanted) {
        fail_msg("%s: %d, not %d", footer, (int)status, (int)wanted);
    }
    buffer_free(&token);
    buffer_free(&payload);
}

/* A footer of another form, even of the same meaning. */
static void test_other_footers(void **state)
{
    (void)state;
    static const struct {
        const char *start, *end;
    } forms[] = {
        {"{\"kid\":\"", "\"} "},
        {"{\"kid\": \"", "\"}"},
        {"{\"kid\":\"", "\",\"a\":1}"},
        {"{\"wpk\":\"", "\"}"},
        {"{\"KID\":\"", "\"}"},
        {"{\"kid\":\"", "\"]"},
        {"{\"kid\":\"", "AA\"}"},
        {"", ""},
        {"\"", "\""},
    };
    struct error error = {0};
    struct signing_key key = {0};
    char id[PASERK_ID_SIZE];
    char footer[256];
    assert_ok(signing_key_generate(&key, &error));
    paserk_id(id, key.public_key);
    for (size_t i = 0; i < LENGTH(forms); i++) {
        snprintf(footer, sizeof(footer), "%s%s%s", forms[i].start, id, forms[i].end);
        assert_footer(STATUS_CORRUPT, &key, footer);
    }
    snprintf(footer, sizeof(footer), "{\"kid\":\"%s\",\"kid\":\"%s\"}", id, id);
    assert_footer(STATUS_CORRUPT, &key, footer);
    snprintf(footer, sizeof(footer), "{\"kid\":\"k3.pid.%s\"}", id + strlen("k4.pid."));
    assert_footer(STATUS_CORRUPT, &key, footer);
    snprintf(footer, sizeof(footer), "{\"kid\":\"%.50s+\"}", id);
    assert_footer(STATUS_CORRUPT, &key, footer);
    assert_footer(STATUS_CORRUPT, &key, "{}");
    /* The id of another key: whoever looks it up would hold the token for that person's. */
    unsigned char other[SIGN_PUBLIC_SIZE] = {1};
    paserk_id(id, other);
    snprintf(footer, sizeof(footer), "{\"kid\":\"%s\"}", id);
    assert_footer(STATUS_UNAUTHENTIC, &key, footer);
    signing_key_free(&key);
}

/* A dot more, and no footer after it, is not the same token. */
static void test_empty_footer(void **state)
{
    (void)state;
    struct error error = {0};
    struct signing_key key = {0};
    struct buffer token = {0};
    struct buffer payload = {0};
    assert_ok(signing_key_generate(&key, &error));
    const struct paseto_content content = {
        .payload = PAYLOAD, .payload_size = strlen(PAYLOAD), .implicit = IMPLICIT};
    assert_ok(paseto_compose(&token, &key, &content, &error));
    assert_ok(paseto_open(&payload, (const char *)token.data, token.size, key.public_key, IMPLICIT,
                          &error));
    assert_ok(buffer_append_text(&token, ".", &error));
    assert_int_equal(paseto_open(&payload, (const char *)token.data, token.size, key.public_key,
                                 IMPLICIT, &error),
                     STATUS_CORRUPT);
    buffer_free(&token);
    buffer_free(&payload);
    signing_key_free(&key);
}

static void test_bounds(void **state)
{
    (void)state;
    struct error error = {0};
    struct made made = make(PAYLOAD);
    struct buffer token = {0};
    struct buffer payload = {0};
    char *large = malloc(PASETO_SIZE_LIMIT + 1);
    assert_non_null(large);
    memset(large, 'A', PASETO_SIZE_LIMIT + 1);
    /* The longest that can be made can be read. */
    assert_ok(paseto_sign(&token, &made.key, large, PASETO_SIZE_LIMIT / 2, IMPLICIT, &error));
    assert_true(token.size <= PASETO_SIZE_LIMIT);
    assert_ok(paseto_verify(&payload, (const char *)token.data, token.size, made.key.public_key,
                            IMPLICIT, &error));
    assert_int_equal(payload.size, PASETO_SIZE_LIMIT / 2);
    assert_int_equal(
        paseto_sign(&token, &made.key, large, PASETO_SIZE_LIMIT / 2 + 1, IMPLICIT, &error),
        STATUS_USAGE);
    memcpy(large, "v4.public.", 10);
    assert_int_equal(verify(&made, large, PASETO_SIZE_LIMIT), STATUS_CORRUPT);
    error_clear(&error);
    assert_int_equal(paseto_verify(&payload, large, PASETO_SIZE_LIMIT + 1, made.key.public_key,
                                   IMPLICIT, &error),
                     STATUS_CORRUPT);
    assert_non_null(strstr(error.message, "longer"));
    /* A footer that is longer than any. */
    large[5000] = '.';
    assert_int_equal(verify(&made, large, 5001 + 4 * PASETO_FOOTER_LIMIT), STATUS_CORRUPT);
    free(large);
    buffer_free(&token);
    buffer_free(&payload);
    made_free(&made);
}

/* No byte may move between payload, footer and assertion. */
static void test_pieces_do_not_run_together(void **state)
{
    (void)state;
    struct error error = {0};
    struct signing_key key = {0};
    struct buffer token = {0};
    struct buffer payload = {0};
    assert_ok(signing_key_generate(&key, &error));
    const struct paseto_content content = {
        .payload = "ab", .payload_size = 2, .footer = "cd", .footer_size = 2, .implicit = "ef"};
    assert_ok(paseto_compose(&token, &key, &content, &error));
    const char *text = (const char *)token.data;
    assert_ok(paseto_open(&payload, text, token.size, key.public_key, "ef", &error));
    /* The same signature under a footer "cde" and the assertion "f". */
    struct buffer moved = {0};
    assert_ok(buffer_append(&moved, text, token.size - 3, &error));
    assert_ok(buffer_append_text(&moved, "Y2Rl", &error));
    assert_int_equal(
        paseto_open(&payload, (const char *)moved.data, moved.size, key.public_key, "f", &error),
        STATUS_UNAUTHENTIC);
    buffer_free(&moved);
    buffer_free(&token);
    buffer_free(&payload);
    signing_key_free(&key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_key_id_vectors),
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_peek),
        cmocka_unit_test(test_another_key_or_assertion),
        cmocka_unit_test(test_every_changed_byte),
        cmocka_unit_test(test_other_texts),
        cmocka_unit_test(test_not_canonical),
        cmocka_unit_test(test_other_footers),
        cmocka_unit_test(test_empty_footer),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_pieces_do_not_run_together),
    };
    return sodium_init() < 0 ? 1 : cmocka_run_group_tests_name("paseto", tests, NULL, NULL);
}
