/* carry_ledger: every event leads to its state, and a record that does not fit is damage. */
#include "carry_world.h"

#define ID "C-20261122-AAAAAA"

static struct world world;

static int make(void **state)
{
    struct error error = {0};
    (void)state;
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

static void read_ledger(struct carry_ledger *ledger)
{
    struct error must_error = {0};
    MUST(carry_ledger_read(ledger, world.audit, &must_error));
}

static const struct carry_record *the_carry(const struct carry_ledger *ledger)
{
    const struct carry_record *carry = carry_find(ledger, ID);
    assert_non_null(carry);
    return carry;
}

static json_t *facts_by(const char *by)
{
    return json_pack("{s:s,s:s}", "carry", ID, "by", by);
}

static void test_every_event(void **state)
{
    (void)state;
    const struct {
        const char *event;
        json_t *facts;
        enum carry_state state;
        bool out;
    } steps[] = {
        {"carry.approve",
         json_pack("{s:s,s:s,s:s,s:i}", "carry", ID, "by", "yamada", "jti", "aa", "persons_max", 9),
         CARRY_APPROVED, false},
        {"carry.approve",
         json_pack("{s:s,s:s,s:s,s:i}", "carry", ID, "by", "suzuki", "jti", "bb", "persons_max", 9),
         CARRY_APPROVED, false},
        {"carry.reserve",
         json_pack("{s:s,s:s,s:[s,s]}", "carry", ID, "by", "sato", "jti", "bb", "aa"),
         CARRY_RESERVED, true},
        {"carry.write", facts_by("-"), CARRY_WRITTEN, true},
        {"carry.interrupt", facts_by("-"), CARRY_INTERRUPTED, true},
        {"carry.out", facts_by("-"), CARRY_OUT, true},
        {"carry.lost", facts_by("sato"), CARRY_LOST, true},
        {"carry.found", facts_by("sato"), CARRY_FOUND, true},
        {"carry.return", facts_by("tanaka"), CARRY_RETURNED, true},
        {"carry.erase", facts_by("tanaka"), CARRY_ERASED, false},
    };
    world_request(&world, ID, "sato", "M-001", 9, "2026-12-01T00:00:00Z");
    for (size_t i = 0; i < LENGTH(steps); i++) {
        CLEANUP(carry_ledger_free) struct carry_ledger ledger = {0};
        world_record(&world, steps[i].event, steps[i].facts);
        read_ledger(&ledger);
        assert_string_equal(carry_state_name(the_carry(&ledger)->state),
                            carry_state_name(steps[i].state));
        assert_int_equal(carry_is_out(the_carry(&ledger)), steps[i].out);
    }
    CLEANUP(carry_ledger_free) struct carry_ledger ledger = {0};
    read_ledger(&ledger);
    const struct carry_record *carry = the_carry(&ledger);
    assert_string_equal(carry->bearer, "sato");
    assert_string_equal(carry->approvers[0], "yamada");
    assert_string_equal(carry->approvers[1], "suzuki");
    assert_string_equal(carry->confirmer, "tanaka");
    assert_int_equal(carry->persons, 9);
    assert_string_equal(carry->fields[1], "name:name");
    const struct moment times[] = {carry->requested, carry->approved, carry->reserved,
                                   carry->out,       carry->lost,     carry->found,
                                   carry->returned,  carry->erased};
    for (size_t i = 0; i < LENGTH(times); i++) {
        assert_int_not_equal(times[i].seconds, 0);
    }
    assert_true(carry_is_spent(&ledger, "aa"));
    assert_true(carry_is_spent(&ledger, "bb"));
    assert_false(carry_is_spent(&ledger, "cc"));
    assert_null(carry_find(&ledger, "C-20261122-BBBBBB"));
}

/* A revoked approval is spent whatever the carry's state is; what is out stays out. */
static void test_denied_and_revoked(void **state)
{
    (void)state;
    static const struct {
        const char *before, *event;
        enum carry_state state;
    } cases[] = {
        {NULL, "carry.deny", CARRY_DENIED},
        {NULL, "carry.revoke", CARRY_REVOKED},
        {"carry.approve", "carry.revoke", CARRY_REVOKED},
        {"carry.out", "carry.revoke", CARRY_OUT},
        {"carry.interrupt", "carry.revoke", CARRY_INTERRUPTED},
    };
    for (size_t i = 0; i < LENGTH(cases); i++) {
        CLEANUP(carry_ledger_free) struct carry_ledger ledger = {0};
        char id[CARRY_ID_SIZE], jti[8];
        snprintf(id, sizeof id, "C-20261122-AAAA%02zu", i);
        snprintf(jti, sizeof jti, "j%zu", i);
        world_request(&world, id, "sato", "M-001", 1, "2026-12-01T00:00:00Z");
        if (cases[i].before != NULL) {
            world_record(&world, cases[i].before, json_pack("{s:s,s:s}", "carry", id, "by", "x"));
        }
        world_record(&world, cases[i].event,
                     json_pack("{s:s,s:s,s:s}", "carry", id, "by", "yamada", "jti", jti));
        read_ledger(&ledger);
        assert_int_equal(carry_find(&ledger, id)->state, cases[i].state);
        assert_int_equal(carry_is_spent(&ledger, jti), strcmp(cases[i].event, "carry.revoke") == 0);
    }
}

static void test_media_and_policy(void **state)
{
    (void)state;
    char key[MINISIGN_PUBLIC_TEXT_SIZE], digest[2 * DIGEST_SIZE + 1];
    const unsigned char bytes[DIGEST_SIZE] = {9};
    minisign_public_format(key, &world.keys[MANAGER].public_key);
    hex_encode(digest, bytes, sizeof bytes);
    {
        CLEANUP(carry_ledger_free) struct carry_ledger empty = {0};
        read_ledger(&empty);
        assert_false(empty.has_root);
        assert_int_equal(empty.policy_version, 0);
        assert_null(carry_find_medium(&empty, "M-001"));
    }
    world_record(&world, "policy.root", json_pack("{s:s}", "key", key));
    world_record(&world, "policy", json_pack("{s:i,s:s}", "version", 7, "digest", digest));
    world_record(&world, "policy", json_pack("{s:i,s:s}", "version", 3, "digest", "x"));
    world_record(&world, "medium.enrol", json_pack("{s:s,s:s}", "medium", "M-001", "label", "aa"));
    world_record(&world, "medium.enrol", json_pack("{s:s,s:s}", "medium", "M-002", "label", "bb"));
    world_record(&world, "medium.label", json_pack("{s:s,s:s}", "medium", "M-001", "label", "cc"));
    world_record(&world, "medium.retire", json_pack("{s:s}", "medium", "M-002"));
    world_record(&world, "backup", json_pack("{s:s}", "carry", ID)); /* says nothing to us */
    CLEANUP(carry_ledger_free) struct carry_ledger ledger = {0};
    read_ledger(&ledger);
    assert_true(ledger.has_root);
    assert_memory_equal(ledger.root.key, world.keys[MANAGER].public_key.key, SIGN_PUBLIC_SIZE);
    assert_int_equal(ledger.policy_version, 7); /* the highest, whatever came later */
    assert_memory_equal(ledger.policy_digest, bytes, DIGEST_SIZE);
    assert_string_equal(carry_find_medium(&ledger, "M-001")->label, "cc");
    assert_false(carry_find_medium(&ledger, "M-001")->retired);
    assert_true(carry_find_medium(&ledger, "M-002")->retired);
}

static void test_overdue(void **state)
{
    (void)state;
    CLEANUP(carry_ledger_free) struct carry_ledger ledger = {0};
    const struct policy *policy = &world.policy.policy; /* a day of grace */
    struct moment due;
    assert_true(moment_parse(&due, "2026-12-01T00:00:00Z"));
    world_request(&world, ID, "sato", "M-001", 9, "2026-12-01T00:00:00Z");
    world_record(&world, "carry.out", facts_by("-"));
    read_ledger(&ledger);
    const struct carry_record *carry = the_carry(&ledger);
    assert_false(carry_is_overdue(carry, policy, (struct moment){.seconds = due.seconds + 86400}));
    assert_true(carry_is_overdue(carry, policy, (struct moment){.seconds = due.seconds + 86401}));
    struct carry_record back = *carry;
    back.state = CARRY_RETURNED;
    assert_false(carry_is_overdue(&back, policy, (struct moment){.seconds = due.seconds + 999999}));
    back.state = CARRY_REQUESTED;
    assert_false(carry_is_overdue(&back, policy, (struct moment){.seconds = due.seconds + 999999}));
}

/* One record more, on a log of its own, and the ledger is damaged. */
static void expect_damage(const char *event, json_t *facts)
{
    CLEANUP(carry_ledger_free) struct carry_ledger ledger = {0};
    struct error error = {0};
    world_record(&world, event, facts);
    enum status status = carry_ledger_read(&ledger, world.audit, &error);
    if (status != STATUS_CORRUPT || strstr(error.message, event) == NULL) {
        fail_msg("%s: %d %s", event, (int)status, error.message);
    }
    assert_int_equal(ledger.count, 0);
}

static json_t *request_with(const char *name, json_t *value)
{
    char digest[2 * DIGEST_SIZE + 1];
    const unsigned char bytes[DIGEST_SIZE] = {7};
    hex_encode(digest, bytes, sizeof bytes);
    json_t *facts =
        json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:i,s:i,s:i,s:i,s:s,s:s,s:s,s:[s],s:[s]}", "carry",
                  ID, "by", "sato", "data_set", "visits", "purpose", "p", "destination", "d",
                  "medium", "M-001", "format", "tar", "persons", 1, "rows", 1, "documents", 0,
                  "artefact_size", 10, "artefact", digest, "request", digest, "due",
                  "2026-12-01T00:00:00Z", "fields", "id:opaque", "recipients", "age1x");
    assert_non_null(facts);
    if (value == NULL) {
        assert_int_equal(json_object_del(facts, name), 0);
    } else {
        assert_int_equal(json_object_set_new(facts, name, value), 0);
    }
    return facts;
}

static void test_damaged_requests(void **state)
{
    (void)state;
    static const char *const names[] = {"carry",       "by",        "data_set",      "purpose",
                                        "destination", "medium",    "format",        "persons",
                                        "rows",        "documents", "artefact_size", "artefact",
                                        "request",     "due",       "fields",        "recipients"};
    for (size_t i = 0; i < LENGTH(names); i++) {
        expect_damage("carry.request", request_with(names[i], NULL));
        drop(NULL);
        make(NULL);
        expect_damage("carry.request", request_with(names[i], json_null()));
        drop(NULL);
        make(NULL);
    }
    expect_damage("carry.request", request_with("persons", json_integer(-1)));
}

static void test_damaged_words(void **state)
{
    (void)state;
    char longer[POLICY_NAME_SIZE + 1];
    memset(longer, 'a', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    const struct {
        const char *event;
        json_t *facts;
        bool requested;
    } cases[] = {
        {"carry.request", request_with("rows", json_integer(2)), true}, /* the same number twice */
        {"carry.request", request_with("by", json_string(longer)), false},
        {"carry.request", request_with("carry", json_string("C-20261122-AAAAAA-AND-MORE")), false},
        {"carry.request", request_with("artefact", json_string("00")), false},
        {"carry.request", request_with("fields", json_string("id")), false},
        {"carry.request", request_with("fields", json_pack("[i]", 1)), false},
        {"carry.request", request_with("due", json_string("tomorrow")), false},
        {"carry.approve", json_pack("{s:s}", "by", "yamada"), true},
        {"carry.approve", json_pack("{s:s}", "carry", ID), true},
        {"carry.reserve", json_pack("{s:s,s:s}", "carry", ID, "jti", "aa"), true},
        {"carry.reserve", json_pack("{s:s,s:[i]}", "carry", ID, "jti", 1), true},
        {"carry.reserve", json_pack("{s:s,s:[s]}", "carry", ID, "jti", "aa"), false},
        {"carry.out", json_pack("{s:s}", "carry", ID), false},
        {"carry.out", json_object(), true},
        {"carry.erase", json_pack("{s:s}", "carry", ID), true},
        {"medium.label", json_pack("{s:s}", "medium", "M-001"), false},
        {"medium.label", json_pack("{s:s}", "label", "aa"), false},
        {"medium.label", json_pack("{s:s,s:s}", "medium", "M-001", "label", longer), false},
        {"medium.enrol", json_pack("{s:i,s:s}", "medium", 1, "label", "aa"), false},
        {"medium.retire", json_object(), false},
        {"policy", json_pack("{s:s,s:s}", "version", "7", "digest", "00"), false},
        {"policy", json_pack("{s:i,s:s}", "version", 7, "digest", "00"), false},
        {"policy.root", json_pack("{s:s}", "key", "RWQ"), false},
        {"policy.root", json_object(), false},
    };
    for (size_t i = 0; i < LENGTH(cases); i++) {
        if (cases[i].requested) {
            world_request(&world, ID, "sato", "M-001", 9, "2026-12-01T00:00:00Z");
        }
        expect_damage(cases[i].event, cases[i].facts);
        drop(NULL);
        make(NULL);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, make, drop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_event), TEST(denied_and_revoked), TEST(media_and_policy),
        TEST(overdue),     TEST(damaged_requests),   TEST(damaged_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
