/* words: what is signed comes back, and nothing else does. */
#include "carry_world.h"

static struct world world;

static int make(void **state)
{
    (void)state;
    struct error error = {0};
    if (base_start(&error) != STATUS_OK) {
        return -1;
    }
    world_make(&world);
    return 0;
}

static int drop(void **state)
{
    (void)state;
    world_free(&world);
    return 0;
}

static char *fields[] = {(char *)(uintptr_t) "id:opaque", (char *)(uintptr_t) "name:name", NULL};
static char *recipients[] = {(char *)(uintptr_t) "age1x", NULL};
static char *parameters[] = {(char *)(uintptr_t) "from=2026-11-01", NULL};

static struct carry_attestation attested(void)
{
    static struct carry_out others[] = {{"C-20261101-CCCCCC", "M-002", 3, {.seconds = 1800000000}}};
    struct carry_attestation attestation = {
        .carry = "C-20261122-AAAAAA",
        .host_name = (char *)(uintptr_t) "office",
        .issued = {.seconds = 1795000000},
        .requester = "sato",
        .data_set = (char *)(uintptr_t) "visits",
        .purpose = (char *)(uintptr_t) "出張点検",
        .destination = (char *)(uintptr_t) "laptop",
        .parameters = parameters,
        .medium = "M-001",
        .format = "tar",
        .return_by = {.seconds = 1795100000},
        .artefact_size = 4711,
        .persons = 12,
        .rows = 30,
        .documents = 2,
        .fields = fields,
        .recipients = recipients,
        .use = {12, 13, 14, 15},
        .others = others,
        .other_count = 1,
        .policy_version = 3,
        .log = {.size = 9},
    };
    snprintf(attestation.medium_fingerprint, sizeof attestation.medium_fingerprint, "%064d", 0);
    memcpy(attestation.host, world.host.signing.public_key, SIGN_PUBLIC_SIZE);
    memcpy(attestation.policy, world.policy.digest, DIGEST_SIZE);
    return attestation;
}

/* ------------------------------------------------------------------ attestation and request */

static void test_attestation(void **state)
{
    (void)state;
    CLEANUP(buffer_free) struct buffer token = {0};
    CLEANUP(carry_attestation_free) struct carry_attestation read = {0};
    struct error must_error = {0}, error = {0};
    const struct carry_attestation sworn = attested();
    MUST(carry_attestation_sign(&token, &sworn, &world.host.signing, &must_error));
    MUST(carry_attestation_open(&read, (const char *)token.data, token.size,
                                world.host.signing.public_key, &must_error));
    assert_string_equal(read.purpose, "出張点検");
    assert_string_equal(read.fields[1], "name:name");
    assert_null(read.fields[2]);
    assert_string_equal(read.parameters[0], "from=2026-11-01");
    assert_int_equal(read.persons, 12);
    assert_int_equal(read.use.rolling_shop, 15);
    assert_int_equal(read.other_count, 1);
    assert_int_equal(read.others[0].persons, 3);
    assert_int_equal(read.return_by.seconds, 1795100000);
    assert_null(read.sealed_passphrase);
    /* Another key, and another kind of word by the same key. */
    carry_attestation_free(&read);
    assert_int_equal(carry_attestation_open(&read, (const char *)token.data, token.size,
                                            world.keys[STAFF].public_key.key, &error),
                     STATUS_REFUSED);
    struct carry_receipt receipt;
    assert_int_equal(carry_receipt_open(&receipt, (const char *)token.data, token.size,
                                        &world.policy.policy, &error),
                     STATUS_REFUSED);
}

static void make_request(struct buffer *token, const struct carry_attestation *sworn,
                         const struct carry_policy *policy, enum world_person signer,
                         const char *claimed)
{
    struct error must_error = {0};
    CLEANUP(carry_request_free) struct carry_request request = {.issued = {.seconds = 1795000001}};
    snprintf(request.requester, sizeof request.requester, "%s", claimed);
    MUST(carry_attestation_sign(&request.attestation_token, sworn, &world.host.signing,
                                &must_error));
    MUST(buffer_append(&request.policy_text, policy->text.data, policy->text.size, &must_error));
    MUST(buffer_append(&request.policy_signature, policy->signature.data, policy->signature.size,
                       &must_error));
    MUST(carry_request_sign(token, &request, &world.keys[signer].signing, &must_error));
}

static void expect_request(const struct buffer *token, const char *rule)
{
    CLEANUP(carry_request_free) struct carry_request request = {0};
    CLEANUP(carry_policy_free) struct carry_policy policy = {0};
    struct error error = {0};
    enum status status = carry_request_open(&request, &policy, (const char *)token->data,
                                            token->size, &world.keys[MANAGER].public_key, &error);
    if (rule == NULL ? status != STATUS_OK : strstr(error.message, rule) == NULL) {
        fail_msg("%s: %s", rule == NULL ? "good" : rule, error.message);
    }
    if (rule == NULL) {
        assert_int_equal(request.attestation.persons, 12);
        assert_int_equal(policy.policy.version, 3);
    }
}

static void test_request(void **state)
{
    (void)state;
    const struct {
        const char *rule;
        enum world_person signer;
        const char *claimed, *sworn_for;
        bool other_policy, other_host;
    } cases[] = {
        {NULL, STAFF, "sato", "sato", false, false},
        {"[token-person]", OTHER, "sato", "sato", false, false},
        {"[attestation]", OTHER, "tanaka", "sato", false, false},
        {"[attestation]", STAFF, "sato", "sato", true, false},
        {"[attestation]", STAFF, "sato", "sato", false, true},
    };
    for (size_t i = 0; i < LENGTH(cases); i++) {
        CLEANUP(buffer_free) struct buffer token = {0};
        struct carry_attestation sworn = attested();
        snprintf(sworn.requester, sizeof sworn.requester, "%s", cases[i].sworn_for);
        sworn.policy[0] ^= cases[i].other_policy;
        sworn.host[0] ^= cases[i].other_host;
        make_request(&token, &sworn, &world.policy, cases[i].signer, cases[i].claimed);
        expect_request(&token, cases[i].rule);
    }
}

/* A requester who brings a policy of their own, signed by themselves, or the real one changed. */
static void test_request_with_another_policy(void **state)
{
    (void)state;
    struct error must_error = {0};
    const struct carry_attestation sworn = attested();
    CLEANUP(buffer_free) struct buffer token = {0};
    CLEANUP(buffer_free) struct buffer other = {0};
    struct carry_policy forged = {.text = world.policy.text};
    MUST(minisign_sign(&forged.signature, &world.keys[STAFF], forged.text.data, forged.text.size,
                       "mine", &must_error));
    make_request(&token, &sworn, &forged, STAFF, "sato");
    expect_request(&token, "[policy-");
    buffer_free(&forged.signature);

    struct carry_policy changed = {.signature = world.policy.signature};
    MUST(buffer_append(&changed.text, world.policy.text.data, world.policy.text.size, &must_error));
    changed.text.data[9] = '4'; /* the version */
    make_request(&other, &sworn, &changed, STAFF, "sato");
    expect_request(&other, "[policy-");
    buffer_free(&changed.text);
}

/* ------------------------------------------------------------------ approval */

static struct carry_approval approved(void)
{
    struct carry_approval approval = {
        .approver = "yamada",
        .bearer = "sato",
        .issued = {.seconds = 1795000100},
        .not_before = {.seconds = 1795000100},
        .expires = {.seconds = 1795003600},
        .id = "00112233445566778899aabbccddeeff",
        .carry = "C-20261122-AAAAAA",
        .persons_max = 12,
        .documents_max = 2,
        .fields = fields,
        .recipients = recipients,
        .medium = "M-001",
        .format = "tar",
        .purpose = (char *)(uintptr_t) "出張点検",
        .destination = (char *)(uintptr_t) "laptop",
        .return_by = {.seconds = 1795100000},
    };
    memcpy(approval.host, world.host.signing.public_key, SIGN_PUBLIC_SIZE);
    memcpy(approval.policy, world.policy.digest, DIGEST_SIZE);
    return approval;
}

static enum status open_approval(const struct buffer *token, const unsigned char *host,
                                 const unsigned char *policy, struct error *error)
{
    CLEANUP(carry_approval_free) struct carry_approval read = {0};
    enum status status = carry_approval_open(&read, (const char *)token->data, token->size,
                                             &world.policy.policy, host, policy, error);
    if (status == STATUS_OK) {
        assert_string_equal(read.approver, "yamada");
        assert_int_equal(read.persons_max, 12);
        assert_string_equal(read.id, "00112233445566778899aabbccddeeff");
    }
    return status;
}

static void test_approval(void **state)
{
    (void)state;
    struct error must_error = {0}, error = {0};
    CLEANUP(buffer_free) struct buffer token = {0};
    const struct carry_approval approval = approved();
    unsigned char other[DIGEST_SIZE] = {1};
    MUST(carry_approval_sign(&token, &approval, &world.keys[MANAGER].signing, &must_error));
    MUST(open_approval(&token, world.host.signing.public_key, world.policy.digest, &must_error));
    /* For another host, and after the policy was changed, it does not even verify. */
    assert_int_equal(open_approval(&token, other, world.policy.digest, &error), STATUS_REFUSED);
    assert_non_null(strstr(error.message, "[other-host]"));
    assert_int_equal(open_approval(&token, world.host.signing.public_key, other, &error),
                     STATUS_REFUSED);
    assert_non_null(strstr(error.message, "[token-policy]"));
    /* Signed by a key of somebody else in the policy, or of nobody. */
    CLEANUP(buffer_free) struct buffer by_deputy = {0};
    CLEANUP(buffer_free) struct buffer by_nobody = {0};
    MUST(carry_approval_sign(&by_deputy, &approval, &world.keys[DEPUTY].signing, &must_error));
    assert_int_equal(
        open_approval(&by_deputy, world.host.signing.public_key, world.policy.digest, &error),
        STATUS_REFUSED);
    assert_non_null(strstr(error.message, "[token-person]"));
    MUST(carry_approval_sign(&by_nobody, &approval, &world.host.signing, &must_error));
    assert_int_equal(
        open_approval(&by_nobody, world.host.signing.public_key, world.policy.digest, &error),
        STATUS_REFUSED);
    assert_non_null(strstr(error.message, "[token-key]"));
}

/* A payload made by hand, signed by the manager. */
static void expect_claims_refused(const char *from, const char *to)
{
    struct error must_error = {0}, error = {0};
    CLEANUP(buffer_free) struct buffer token = {0};
    CLEANUP(buffer_free) struct buffer payload = {0};
    CLEANUP(buffer_free) struct buffer forged = {0};
    CLEANUP(memory_free) char *text = NULL;
    char implicit[160], host[2 * SIGN_PUBLIC_SIZE + 1], digest[2 * DIGEST_SIZE + 1];
    const struct carry_approval approval = approved();
    MUST(carry_approval_sign(&token, &approval, &world.keys[MANAGER].signing, &must_error));
    MUST(paseto_peek(&payload, (const char *)token.data, token.size, &must_error));
    const char *json = (const char *)payload.data, *at = strstr(json, from);
    assert_non_null(at);
    assert_true(asprintf(&text, "%.*s%s%s", (int)(at - json), json, to, at + strlen(from)) > 0);
    snprintf(implicit, sizeof implicit, "carry-v1|%s|%s",
             hex_encode(host, approval.host, SIGN_PUBLIC_SIZE),
             hex_encode(digest, approval.policy, DIGEST_SIZE));
    MUST(paseto_sign(&forged, &world.keys[MANAGER].signing, text, strlen(text), implicit,
                     &must_error));
    assert_int_equal(
        open_approval(&forged, world.host.signing.public_key, world.policy.digest, &error),
        STATUS_REFUSED);
    if (strstr(error.message, "[claims]") == NULL) {
        fail_msg("%s -> %s: %s", from, to, error.message);
    }
}

static void test_claims(void **state)
{
    (void)state;
    expect_claims_refused("\"persons_max\":12", "\"persons_max\":12,\"more\":1"); /* unknown */
    expect_claims_refused("\"persons_max\":12", "\"persons_max\":12,\"persons_max\":900");
    expect_claims_refused("\"persons_max\":12,", "");
    expect_claims_refused("\"persons_max\":12", "\"persons_max\":\"12\"");
    expect_claims_refused("\"persons_max\":12", "\"persons_max\":-1");
    expect_claims_refused("\"persons_max\":12", "\"persons_max\":12.5");
    expect_claims_refused("\"format\":\"tar\"", "\"format\":\"tar-and-much-more-than-fits\"");
    expect_claims_refused("\"format\":\"tar\"", "\"format\":\"t\\u0000r\"");
    expect_claims_refused("Z\",\"fields\"", "+09:00\",\"fields\""); /* exp in local time */
    expect_claims_refused("\"fields\":[", "\"fields\":[1,");
}

static void test_bad_tokens(void **state)
{
    (void)state;
    struct error error = {0};
    static const char *const texts[] = {"",  "v4.public.",        "v4.local.AAAA", "v3.public.AAAA",
                                        "x", "v4.public.!!!!.e30"};
    for (size_t i = 0; i < LENGTH(texts); i++) {
        struct buffer token = {.data = (unsigned char *)(uintptr_t)texts[i],
                               .size = strlen(texts[i])};
        assert_int_equal(
            open_approval(&token, world.host.signing.public_key, world.policy.digest, &error),
            STATUS_REFUSED);
        assert_int_equal(error.message[0], '[');
    }
    CLEANUP(memory_free) char *huge = malloc(PASETO_SIZE_LIMIT + 2);
    memset(huge, 'A', PASETO_SIZE_LIMIT + 2);
    memcpy(huge, "v4.public.", 10);
    struct buffer token = {.data = (unsigned char *)huge, .size = PASETO_SIZE_LIMIT + 2};
    assert_int_equal(
        open_approval(&token, world.host.signing.public_key, world.policy.digest, &error),
        STATUS_REFUSED);
}

/* ------------------------------------------------------------------ approving */

static enum status approve(enum world_person who, struct carry_attestation sworn, uint64_t most,
                           struct error *error)
{
    CLEANUP(carry_approval_free) struct carry_approval approval = {0};
    struct carry_request request = {.requester = "sato", .attestation = sworn};
    const struct carry_approve_options options = {
        .persons_max = most, .lifetime = 999999, .now = {.seconds = 1795000200}};
    enum status status = carry_approve(&approval, &request, &world.policy,
                                       &world.keys[who].public_key, &options, error);
    if (status == STATUS_OK) {
        /* The policy's longest, whatever was asked for. */
        assert_int_equal(approval.expires.seconds - approval.issued.seconds, 86400);
        assert_string_equal(approval.bearer, "sato");
    }
    return status;
}

static void test_approve(void **state)
{
    (void)state;
    struct error error = {0};
    struct carry_attestation sworn = attested();
    sworn.use = (struct carry_use){12, 12, 12, 12};
    assert_int_equal(approve(MANAGER, sworn, 0, &error), STATUS_OK);
    assert_int_equal(approve(DEPUTY, sworn, 12, &error), STATUS_OK);
    assert_int_equal(approve(OTHER, sworn, 0, &error), STATUS_REFUSED);
    assert_non_null(strstr(error.message, "[approver-role]"));
    assert_int_equal(approve(MANAGER, sworn, 11, &error), STATUS_REFUSED);
    assert_non_null(strstr(error.message, "[persons-approved]"));
    sworn.use.rolling_shop = 121;
    assert_int_equal(approve(MANAGER, sworn, 0, &error), STATUS_REFUSED);
    assert_non_null(strstr(error.message, "[rolling-shop]"));
    world.policy.policy.people[STAFF].roles |= ROLE_DEPUTY;
    sworn.use.rolling_shop = 12;
    assert_int_equal(approve(STAFF, sworn, 0, &error), STATUS_REFUSED);
    assert_non_null(strstr(error.message, "[self-approval]"));
    world.policy.policy.people[STAFF].roles = ROLE_STAFF;
}

static void test_word(void **state)
{
    (void)state;
    struct error must_error = {0};
    for (enum carry_word_kind kind = WORD_DENY; kind <= WORD_CLOCK; kind++) {
        CLEANUP(buffer_free) struct buffer token = {0};
        CLEANUP(carry_word_free) struct carry_word read = {0};
        const struct carry_word word = {.kind = kind,
                                        .person = "yamada",
                                        .carry = "C-20261122-AAAAAA",
                                        .note = kind == WORD_DENY ? (char *)(uintptr_t) "多すぎる"
                                                                  : NULL,
                                        .issued = {.seconds = 1795000000}};
        MUST(carry_word_sign(&token, &word, &world.keys[MANAGER].signing, &must_error));
        MUST(carry_word_open(&read, (const char *)token.data, token.size, &world.policy.policy,
                             &must_error));
        assert_int_equal(read.kind, kind);
        assert_string_equal(read.person, "yamada");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_attestation),
        cmocka_unit_test(test_request),
        cmocka_unit_test(test_request_with_another_policy),
        cmocka_unit_test(test_approval),
        cmocka_unit_test(test_claims),
        cmocka_unit_test(test_bad_tokens),
        cmocka_unit_test(test_approve),
        cmocka_unit_test(test_word),
    };
    return cmocka_run_group_tests(tests, make, drop);
}
