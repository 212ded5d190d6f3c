/* carry_decide: what is allowed is allowed, and every rule refuses what it is there for. */
#include "carry_world.h"

#define CARRY "C-20261122-AAAAAA"

/* Everything that the facts point at, so that a case can change any of it. */
struct scene {
    struct world world;
    struct carry_ledger ledger;
    struct carry_attestation attestation;
    struct carry_approval approvals[2];
    struct carry_receipt receipt;
    unsigned char challenge[DIGEST_SIZE];
    struct place place;
    struct carry_facts facts;
    char *fields[3], *recipients[2];
};

static void scene_read_ledger(struct scene *scene)
{
    struct error must_error = {0};
    carry_ledger_free(&scene->ledger);
    MUST(carry_ledger_read(&scene->ledger, scene->world.audit, &must_error));
}

static void scene_approve(struct scene *scene, size_t number, const char *approver)
{
    struct carry_approval *approval = &scene->approvals[number];
    const struct moment now = scene->facts.now;
    *approval = (struct carry_approval){.issued = {.seconds = now.seconds - 60},
                                        .not_before = {.seconds = now.seconds - 60},
                                        .expires = {.seconds = now.seconds + 3600},
                                        .persons_max = 10,
                                        .documents_max = 5,
                                        .fields = scene->fields,
                                        .recipients = scene->recipients,
                                        .purpose = scene->attestation.purpose,
                                        .destination = scene->attestation.destination,
                                        .return_by = scene->attestation.return_by,
                                        .log = audit_head(scene->world.audit)};
    snprintf(approval->approver, sizeof approval->approver, "%s", approver);
    snprintf(approval->bearer, sizeof approval->bearer, "sato");
    snprintf(approval->id, sizeof approval->id, "%032zx", number + 1);
    snprintf(approval->carry, sizeof approval->carry, CARRY);
    snprintf(approval->medium, sizeof approval->medium, "M-001");
    snprintf(approval->medium_fingerprint, sizeof approval->medium_fingerprint, "%064d", 0);
    snprintf(approval->format, sizeof approval->format, "tar");
    memcpy(approval->host, scene->world.host.signing.public_key, SIGN_PUBLIC_SIZE);
    memcpy(approval->artefact, scene->attestation.artefact, DIGEST_SIZE);
    memcpy(approval->request, scene->facts.request, DIGEST_SIZE);
    approval->digest[0] = (unsigned char)(number + 1);
}

static void scene_attest(struct scene *scene)
{
    struct carry_attestation *attestation = &scene->attestation;
    scene->fields[0] = (char *)(uintptr_t) "id:opaque";
    scene->fields[1] = (char *)(uintptr_t) "name:name";
    scene->recipients[0] = (char *)(uintptr_t) "age1x";
    attestation->purpose = (char *)(uintptr_t) "出張点検";
    attestation->destination = (char *)(uintptr_t) "laptop";
    attestation->fields = scene->fields;
    attestation->recipients = scene->recipients;
    attestation->persons = 10;
    attestation->documents = 5;
    attestation->artefact_size = 1000;
    attestation->return_by.seconds = scene->facts.now.seconds + 86400;
    attestation->artefact[0] = 7;
    snprintf(attestation->carry, sizeof attestation->carry, CARRY);
    snprintf(attestation->requester, sizeof attestation->requester, "sato");
    snprintf(attestation->medium, sizeof attestation->medium, "M-001");
    snprintf(attestation->medium_fingerprint, sizeof attestation->medium_fingerprint, "%064d", 0);
    snprintf(attestation->format, sizeof attestation->format, "tar");
}

static void scene_make(struct scene *scene)
{
    *scene = (struct scene){0};
    struct world *world = &scene->world;
    struct carry_facts *facts = &scene->facts;
    world_make(world);
    world_record(
        world, "medium.enrol",
        json_pack("{s:s,s:s}", "medium", "M-001", "label", "00000000000000000000000000000001"));
    world_request(world, CARRY, "sato", "M-001", 10, "2026-12-01T00:00:00Z");
    facts->now = moment_now();
    facts->anchor = audit_head(world->audit);
    facts->anchor_time.seconds = facts->now.seconds - 3600;
    facts->has_anchor = true;
    facts->request[0] = 7;
    facts->artefact[0] = 7;
    facts->artefact_there = true;
    facts->persons = 10;
    facts->use = (struct carry_use){10, 10, 10, 10};
    facts->space_free = 1 << 30;
    scene->place.class = PLACE_REMOVABLE;
    snprintf(facts->medium_fingerprint, sizeof facts->medium_fingerprint, "%064d", 0);
    snprintf(facts->label, sizeof facts->label, "%032d", 1);
    scene_attest(scene);
    scene_approve(scene, 0, "yamada");
    scene_read_ledger(scene);
    snprintf(scene->receipt.bearer, sizeof scene->receipt.bearer, "sato");
    snprintf(scene->receipt.carry, sizeof scene->receipt.carry, CARRY);
    scene->receipt.approval[0] = 1;
    scene->challenge[0] = scene->receipt.challenge[0] = 9;
    facts->policy = &world->policy.policy;
    facts->host = world->host.signing.public_key;
    facts->log = world->audit;
    facts->ledger = &scene->ledger;
    facts->approvals = scene->approvals;
    facts->approval_count = 1;
    facts->attestation = &scene->attestation;
    facts->caller = "sato";
    facts->receipt = &scene->receipt;
    facts->challenge = scene->challenge;
    facts->place = &scene->place;
}

static void scene_free(struct scene *scene)
{
    carry_ledger_free(&scene->ledger);
    world_free(&scene->world);
}

static void set(char *target, const char *text)
{
    memcpy(target, text, strlen(text) + 1);
}

/* ------------------------------------------------------------------ one change each */

#define CHANGE(name, statement)                                                                    \
    static void name(struct scene *scene)                                                          \
    {                                                                                              \
        struct carry_facts *facts = &scene->facts;                                                 \
        struct carry_approval *approval = &scene->approvals[0];                                    \
        (void)facts, (void)approval;                                                               \
        statement;                                                                                 \
    }

CHANGE(no_token, facts->approval_count = 0)
CHANGE(no_anchor, facts->has_anchor = false)
CHANGE(anchor_ahead, facts->anchor.size += 1)
CHANGE(anchor_other, facts->anchor.root[0] ^= 1)
CHANGE(anchor_old, facts->anchor_time.seconds -= 36 * 3600)
CHANGE(anchor_early, facts->anchor_time.seconds = facts->now.seconds + 400)
CHANGE(clock_back, facts->now.seconds -= 3600)
CHANGE(token_log, approval->log.root[5] ^= 1)
CHANGE(staff_approves, set(approval->approver, "tanaka"))
CHANGE(self_approves, set(approval->approver, "sato");
       scene->world.policy.policy.people[STAFF].roles |= ROLE_DEPUTY)
CHANGE(approver_expired,
       scene->world.policy.policy.people[MANAGER].until.seconds = facts->now.seconds)
CHANGE(needs_second, facts->persons = scene->attestation.persons = approval->persons_max = 21)
CHANGE(same_twice, facts->approval_count = 2; scene_approve(scene, 1, "yamada"))
CHANGE(other_host, approval->host[0] ^= 1)
CHANGE(other_bearer, set(approval->bearer, "tanaka"))
CHANGE(other_caller, facts->caller = "tanaka")
CHANGE(bearer_expired, scene->world.policy.policy.people[STAFF].until.seconds = 1)
CHANGE(other_challenge, scene->receipt.challenge[0] ^= 1)
CHANGE(other_receipt, set(scene->receipt.bearer, "tanaka"))
CHANGE(receipt_token, scene->receipt.approval[0] ^= 1)
CHANGE(early, approval->not_before.seconds = facts->now.seconds + 600)
CHANGE(expired, approval->expires = facts->now)
CHANGE(too_long, approval->expires.seconds = approval->issued.seconds + 86400 + 1)
CHANGE(other_request, approval->request[0] ^= 1)
CHANGE(other_carry, set(approval->carry, "C-20261122-BBBBBB");
       set(scene->receipt.carry, "C-20261122-BBBBBB"))
CHANGE(other_purpose, approval->purpose = (char *)(uintptr_t) "車検の代行")
CHANGE(other_destination, approval->destination = (char *)(uintptr_t) "home")
CHANGE(other_format, set(approval->format, "zip"))
CHANGE(other_return, approval->return_by.seconds += 1)
CHANGE(artefact_gone, facts->artefact_there = false)
CHANGE(artefact_swapped, facts->artefact[0] ^= 1)
CHANGE(artefact_approved, approval->artefact[0] ^= 1)
CHANGE(persons_record, facts->persons = 9)
CHANGE(persons_approved, approval->persons_max = 9)
CHANGE(documents_approved, approval->documents_max = 4)
CHANGE(quota_bearer, facts->use.outstanding_bearer = 61)
CHANGE(quota_shop, facts->use.outstanding_shop = 101)
CHANGE(rolling_bearer, facts->use.rolling_bearer = 81)
CHANGE(rolling_shop, facts->use.rolling_shop = 121)
CHANGE(other_medium, set(approval->medium, "M-002"))
CHANGE(medium_swapped, facts->medium_fingerprint[3] = '1')
CHANGE(medium_unknown, facts->medium_fingerprint[0] = '\0')
CHANGE(medium_status, scene->world.policy.policy.media[0].status = MEDIUM_LOST)
CHANGE(label_old, facts->label[31] = '2')
CHANGE(label_none, facts->label[0] = '\0')
CHANGE(network, scene->place.class = PLACE_NETWORK)
CHANGE(medium_full, facts->space_free = 1000)
CHANGE(foreign, facts->foreign_files = true)

static void other_fields(struct scene *scene)
{
    static char *fields[] = {(char *)(uintptr_t) "id:opaque", NULL};
    scene->approvals[0].fields = fields;
}

static void sensitive(struct scene *scene)
{
    scene->fields[1] = (char *)(uintptr_t) "name:sensitive";
}

static void other_readers(struct scene *scene)
{
    static char *recipients[] = {(char *)(uintptr_t) "age1y", NULL};
    scene->approvals[0].recipients = recipients;
}

static void spent(struct scene *scene)
{
    world_record(
        &scene->world, "carry.reserve",
        json_pack("{s:s,s:s,s:[s]}", "carry", CARRY, "by", "sato", "jti", scene->approvals[0].id));
    scene_read_ledger(scene);
}

static void exported_with_another_token(struct scene *scene)
{
    world_record(&scene->world, "carry.reserve",
                 json_pack("{s:s,s:s,s:[s]}", "carry", CARRY, "by", "sato", "jti",
                           "ffffffffffffffffffffffffffffffff"));
    scene_read_ledger(scene);
}

static void denied(struct scene *scene)
{
    world_record(&scene->world, "carry.deny",
                 json_pack("{s:s,s:s}", "carry", CARRY, "by", "yamada"));
    scene_read_ledger(scene);
}

static void revoked(struct scene *scene)
{
    world_record(
        &scene->world, "carry.revoke",
        json_pack("{s:s,s:s,s:s}", "carry", CARRY, "by", "yamada", "jti", scene->approvals[0].id));
    scene_read_ledger(scene);
}

static void add_out(struct scene *scene, const char *by, const char *medium, const char *due)
{
    world_request(&scene->world, "C-20261101-CCCCCC", by, medium, 3, due);
    world_record(&scene->world, "carry.reserve",
                 json_pack("{s:s,s:s,s:[s]}", "carry", "C-20261101-CCCCCC", "by", by, "jti", "x"));
    scene_read_ledger(scene);
}

static void medium_out(struct scene *scene)
{
    add_out(scene, "tanaka", "M-001", "2099-12-01T00:00:00Z");
}

static void overdue(struct scene *scene)
{
    add_out(scene, "sato", "M-003", "2026-01-01T00:00:00Z");
}

static void medium_retired(struct scene *scene)
{
    world_record(&scene->world, "medium.retire", json_pack("{s:s}", "medium", "M-001"));
    scene_read_ledger(scene);
}

static const struct {
    const char *rule;
    void (*change)(struct scene *scene);
} cases[] = {
    {"[token-none]", no_token},
    {"[anchor-none]", no_anchor},
    {"[anchor-ahead]", anchor_ahead},
    {"[anchor-ahead]", anchor_other},
    {"[anchor-old]", anchor_old},
    {"[clock]", clock_back},
    {"[anchor-early]", anchor_early},
    {"[token-log]", token_log},
    {"[approver-role]", staff_approves},
    {"[self-approval]", self_approves},
    {"[approver-expired]", approver_expired},
    {"[second-approver]", needs_second},
    {"[second-approver]", same_twice},
    {"[other-host]", other_host},
    {"[other-bearer]", other_bearer},
    {"[other-bearer]", other_caller},
    {"[bearer-expired]", bearer_expired},
    {"[receipt]", other_challenge},
    {"[receipt]", other_receipt},
    {"[receipt]", receipt_token},
    {"[token-early]", early},
    {"[token-expired]", expired},
    {"[token-lifetime]", too_long},
    {"[token-spent]", spent},
    {"[token-spent]", revoked},
    {"[carry-state]", exported_with_another_token},
    {"[carry-state]", denied},
    {"[request]", other_request},
    {"[request]", other_carry},
    {"[purpose]", other_purpose},
    {"[destination]", other_destination},
    {"[recipients]", other_readers},
    {"[format]", other_format},
    {"[return-by]", other_return},
    {"[artefact-gone]", artefact_gone},
    {"[artefact]", artefact_swapped},
    {"[artefact]", artefact_approved},
    {"[fields]", other_fields},
    {"[sensitive]", sensitive},
    {"[persons-record]", persons_record},
    {"[persons-approved]", persons_approved},
    {"[documents-approved]", documents_approved},
    {"[quota-bearer]", quota_bearer},
    {"[quota-shop]", quota_shop},
    {"[rolling-bearer]", rolling_bearer},
    {"[rolling-shop]", rolling_shop},
    {"[medium]", other_medium},
    {"[medium-other]", medium_swapped},
    {"[medium-other]", medium_unknown},
    {"[medium-status]", medium_status},
    {"[medium-label]", label_old},
    {"[medium-label]", label_none},
    {"[medium-retired]", medium_retired},
    {"[medium-class]", network},
    {"[medium-out]", medium_out},
    {"[overdue]", overdue},
    {"[medium-full]", medium_full},
    {"[foreign-files]", foreign},
};

static void test_every_rule(void **state)
{
    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        struct scene scene;
        struct error error = {0};
        scene_make(&scene);
        cases[i].change(&scene);
        assert_int_equal(carry_decide(&scene.facts, &error), STATUS_REFUSED);
        if (strncmp(error.message, cases[i].rule, strlen(cases[i].rule)) != 0) {
            fail_msg("case %zu: %s, not %s", i, error.message, cases[i].rule);
        }
        scene_free(&scene);
    }
}

static void expect_allowed(struct scene *scene)
{
    struct error error = {0};
    if (carry_decide(&scene->facts, &error) != STATUS_OK) {
        fail_msg("%s", error.message);
    }
}

static void test_allowed(void **state)
{
    (void)state;
    struct scene scene;
    scene_make(&scene);
    expect_allowed(&scene);
    scene.facts.receipt = NULL; /* before the challenge */
    expect_allowed(&scene);
    scene.facts.caller = NULL; /* the service itself */
    expect_allowed(&scene);
    /* Its enrolment outweighs that the kernel shows no sign. */
    scene.place.class = PLACE_FIXED;
    expect_allowed(&scene);
    scene_free(&scene);
}

static void test_two_approvers(void **state)
{
    (void)state;
    struct scene scene;
    scene_make(&scene);
    needs_second(&scene);
    scene_approve(&scene, 1, "suzuki");
    scene.approvals[1].persons_max = 21;
    scene.facts.approval_count = 2;
    expect_allowed(&scene);
    scene_free(&scene);
}

/* The clock may be a little behind: the tolerance is the policy's. */
static void test_tolerance(void **state)
{
    (void)state;
    struct scene scene;
    scene_make(&scene);
    scene.facts.now.seconds = scene.ledger.newest.seconds - 299;
    expect_allowed(&scene);
    scene_free(&scene);
}

int main(void)
{
    struct error error = {0};
    if (base_start(&error) != STATUS_OK) {
        return 1;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_allowed),
        cmocka_unit_test(test_every_rule),
        cmocka_unit_test(test_two_approvers),
        cmocka_unit_test(test_tolerance),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
