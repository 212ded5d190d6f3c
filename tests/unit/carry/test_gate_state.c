/* gate: what it rests on is changed under it: the policy, the audit log, the state folder, the
 * clock, the account that calls. */
#include "gate_shop.h"
#include "support/skip.h"

/* ------------------------------------------------------------------ policy */

static void expect_stopped(const struct shop *shop, const struct buffer *token, const char *rule)
{
    struct error error = {0};
    CLEANUP(asked_free) struct asked asked = {0};
    const struct ask_for want = {.who = STAFF, .from = 1, .to = 2};
    expect_refusal(shop_export(shop, token, &error), &error, rule);
    expect_recorded(shop, "carry.refuse");
    expect_refusal(shop_ask(&asked, shop, &want, &error), &error, rule);
    assert_int_equal(count_files(shop->medium, ".age"), 0);
}

static void test_policy_edited(void **state)
{
    struct shop *shop = *state;
    struct error must_error = {0};
    CLEANUP(asked_free) struct asked asked = {0};
    CLEANUP(buffer_free) struct buffer token = {0};
    shop_approved(&asked, &token, shop, 1, 5);
    const char *path = shop->policy_path;
    shell("cp %s %s.kept && sed -i 's/max_persons_per_carry: 50/max_persons_per_carry: 500/' %s",
          path, path, path);
    expect_stopped(shop, &token, "[policy-changed]");
    shell("cp %s.kept %s && mv %s.minisig %s.kept.minisig", path, path, path, path);
    expect_stopped(shop, &token, "[policy-unsigned]");
    shell("echo x >%s.minisig", path);
    expect_stopped(shop, &token, "[policy-unsigned]");
    shop_policy_by(shop, DEPUTY); /* signed, but not by the root */
    expect_stopped(shop, &token, "[policy-");
    shell("rm %s", path);
    expect_stopped(shop, &token, "[policy]");
    shell("mv %s.kept %s && mv %s.kept.minisig %s.minisig", path, path, path, path);
    MUST(shop_export(shop, &token, &must_error));
}

static void test_policy_older(void **state)
{
    struct shop *shop = *state;
    CLEANUP(asked_free) struct asked asked = {0}, second = {0};
    CLEANUP(buffer_free) struct buffer token = {0}, later = {0};
    struct error error = {0};
    const char *path = shop->policy_path;
    shop_approved(&asked, &token, shop, 1, 5);
    shell("cp %s %s.old && cp %s.minisig %s.old.minisig", path, path, path, path);
    shop->version = 2;
    shop->second_above = 2; /* stricter */
    shop_policy(shop);
    /* What was approved under the older policy is not good under the new one. */
    expect_refusal(shop_export(shop, &token, &error), &error, "[token-policy]");
    shop_approved(&second, &later, shop, 1, 2);
    shell("cp %s.old %s && cp %s.old.minisig %s.minisig", path, path, path, path);
    expect_stopped(shop, &token, "[policy-rolled-back]");
    expect_stopped(shop, &later, "[policy-rolled-back]");
    /* Another text under the same version. */
    shop->second_above = 20;
    shop_policy(shop);
    expect_stopped(shop, &later, "[policy-changed]");
}

static void test_policy_early(void **state)
{
    struct shop *shop = *state;
    CLEANUP(asked_free) struct asked asked = {0};
    CLEANUP(buffer_free) struct buffer token = {0};
    shop_approved(&asked, &token, shop, 1, 5);
    shop->version = 2;
    shop->valid_from = "2999-01-01";
    shop_policy(shop);
    expect_stopped(shop, &token, "[policy-early]");
    shell("! grep -q '\"event\":\"policy\",.*\"version\":2' %s/audit/log", shop->state);
}

/* The root was replaced together with the policy. */
static void test_policy_root(void **state)
{
    struct shop *shop = *state;
    CLEANUP(asked_free) struct asked asked = {0};
    CLEANUP(buffer_free) struct buffer token = {0};
    char key[MINISIGN_PUBLIC_TEXT_SIZE];
    shop_approved(&asked, &token, shop, 1, 5);
    minisign_public_format(key, &shop->world.keys[OTHER].public_key);
    shell("cp %s/policy/root.pub %s/root.kept && printf 'untrusted comment: x\\n%s\\n' "
          ">%s/policy/root.pub",
          shop->state, shop->state, key, shop->state);
    shop_policy_by(shop, OTHER);
    expect_stopped(shop, &token, "[policy-root]");
    /* Removed: the log still knows it. */
    shell("rm %s/policy/root.pub", shop->state);
    expect_stopped(shop, &token, "[policy-");
    struct error must_error = {0};
    shop_policy(shop);
    MUST(shop_export(shop, &token, &must_error));
}

/* A field of the data set becomes sensitive after the approval: no token of before is good. */
static void test_field_becomes_sensitive(void **state)
{
    struct shop *shop = *state;
    struct error error = {0};
    CLEANUP(asked_free) struct asked asked = {0}, second = {0};
    CLEANUP(buffer_free) struct buffer token = {0};
    shop_approved(&asked, &token, shop, 1, 5);
    shop->version = 2;
    shop->name_class = "sensitive";
    shop_policy(shop);
    expect_refusal(shop_export(shop, &token, &error), &error, "[token-policy]");
    const struct ask_for want = {.who = STAFF, .from = 1, .to = 5};
    expect_refusal(shop_ask(&second, shop, &want, &error), &error, "[sensitive]");
    expect_recorded(shop, "\"rule\":\"sensitive\"");
    shop->version = 3;
    shop->name_class = "name";
    shop->documents_class = "sensitive";
    shop_policy(shop);
    const struct ask_for scans = {.who = STAFF, .from = 1, .to = 5, .documents = true};
    expect_refusal(shop_ask(&second, shop, &scans, &error), &error, "[sensitive]");
    struct error must_error = {0};
    MUST(shop_ask(&second, shop, &want, &must_error)); /* the table alone may */
}

/* An older policy, more generous, is shown to the approver. */
static void test_older_policy_shown(void **state)
{
    struct shop *shop = *state;
    struct error must_error = {0}, error = {0};
    CLEANUP(asked_free) struct asked before = {0}, asked = {0};
    CLEANUP(buffer_free) struct buffer token = {0};
    CLEANUP(carry_request_free) struct carry_request old = {0}, request = {0};
    CLEANUP(carry_policy_free) struct carry_policy generous = {0}, strict = {0};
    const struct ask_for want = {.who = STAFF, .from = 1, .to = 5};
    const struct minisign_public *root = &shop->world.keys[MANAGER].public_key;
    MUST(shop_ask(&before, shop, &want, &must_error));
    shop->version = 2;
    shop->second_above = 3;
    shop_policy(shop);
    MUST(shop_ask(&asked, shop, &want, &must_error));
    MUST(carry_request_open(&old, &generous, (const char *)before.request.data, before.request.size,
                            root, &must_error));
    MUST(carry_request_open(&request, &strict, (const char *)asked.request.data, asked.request.size,
                            root, &must_error));
    /* The staff member signs the new attestation with the old policy beside it. */
    struct carry_request forged = {.issued = request.issued,
                                   .attestation_token = request.attestation_token,
                                   .policy_text = old.policy_text,
                                   .policy_signature = old.policy_signature};
    snprintf(forged.requester, sizeof forged.requester, "sato");
    buffer_free(&asked.request);
    MUST(
        carry_request_sign(&asked.request, &forged, &shop->world.keys[STAFF].signing, &must_error));
    expect_refusal(shop_approve(&token, shop, &asked, MANAGER, &error), &error, "[attestation]");
    /* Old policy and old attestation fit each other: the host does not take the approval. */
    MUST(shop_approve(&token, shop, &before, MANAGER, &must_error));
    expect_refusal(shop_export(shop, &token, &error), &error, "[token-policy]");
}

/* ------------------------------------------------------------------ audit log */

static void test_state_put_back(void **state)
{
    struct shop *shop = *state;
    struct error must_error = {0}, error = {0};
    CLEANUP(asked_free) struct asked asked = {0};
    CLEANUP(buffer_free) struct buffer token = {0};
    shop_approved(&asked, &token, shop, 1, 5);
    shell("cp -a %s %s.old", shop->state, shop->state);
    shell("cp -a %s %s.old", shop->medium, shop->medium);
    MUST(shop_export(shop, &token, &must_error));
    shop_returned(shop, asked.sworn.carry);
    shop_backup(shop);
    /* The whole state and the medium as they were before: the token seems unspent. */
    shell("rm -r %s && mv %s.old %s", shop->state, shop->state, shop->state);
    shell("rm -r %s && mv %s.old %s", shop->medium, shop->medium, shop->medium);
    expect_refusal(shop_export(shop, &token, &error), &error, "[anchor-ahead]");
    assert_int_equal(count_files(shop->medium, ".age"), 0);
}

/* Put back to before the request: the token itself knows a longer log. */
static void test_token_ahead(void **state)
{
    struct shop *shop = *state;
    struct error must_error = {0}, error = {0};
    CLEANUP(asked_free) struct asked first = {0}, asked = {0};
    CLEANUP(buffer_free) struct buffer token = {0};
    const struct ask_for want = {.who = STAFF, .from = 1, .to = 5};
    MUST(shop_ask(&first, shop, &want, &must_error));
    shell("cp -a %s/audit %s.old", shop->state, shop->state);
    shop_approved(&asked, &token, shop, 1, 5);
    CLEANUP(asked_free) struct asked third = {0};
    CLEANUP(buffer_free) struct buffer later = {0};
    shop_approved(&third, &later, shop, 1, 5);
    shell("rm -r %s/audit && mv %s.old %s/audit", shop->state, shop->state, shop->state);
    expect_refusal(shop_export(shop, &later, &error), &error, "[carry-state]");
}

static void test_anchors(void **state)
{
    struct shop *shop = *state;
    struct error error = {0};
    CLEANUP(asked_free) struct asked asked = {0};
    CLEANUP(buffer_free) struct buffer token = {0};
    shop_approved(&asked, &token, shop, 1, 5);
    shop->anchor_status = STATUS_NOT_FOUND;
    expect_refusal(shop_export(shop, &token, &error), &error, "[anchor-none]");
    shop->anchor_status = STATUS_UNREACHABLE;
    assert_int_equal(shop_export(shop, &token, &error), STATUS_UNREACHABLE);
    shop->anchor_status = STATUS_OK;
    shop->anchor_time = in_days(-2);
    expect_refusal(shop_export(shop, &token, &error), &error, "[anchor-old]");
    shop->host.anchor = NULL; /* a host that nobody gave a way to ask */
    expect_refusal(shop_export(shop, &token, &error), &error, "[anchor-none]");
    assert_int_equal(count_files(shop->medium, ".age"), 0);
}

/* Every step refuses; nothing is done on a log that does not hold. */
static void expect_log_refused(const struct shop *shop, const struct buffer *token,
                               const char *carry)
{
    struct error error = {0};
    json_t *facts = NULL;
    CLEANUP(asked_free) struct asked asked = {0};
    CLEANUP(client_close) struct carry_client *client = shop_client(shop);
    char fingerprint[MEDIUM_FINGERPRINT_SIZE];
    const struct ask_for want = {.who = STAFF, .from = 1, .to = 2};
    expect_refusal(shop_export(shop, token, &error), &error, "[log]");
    expect_refusal(shop_ask(&asked, shop, &want, &error), &error, "[log]");
    expect_refusal(shop_return(shop, carry, OTHER, true, &facts, &error), &error, "[log]");
    expect_refusal(shop_tell(shop, WORD_LOST, carry, NULL, STAFF, &facts, &error), &error, "[log]");
    expect_refusal(shop_enrol((struct shop *)(uintptr_t)shop, "M-003", fingerprint, &error), &error,
                   "[log]");
    expect_refusal(carry_client_retire(client, "M-001", &error), &error, "[log]");
    expect_refusal(carry_client_list(&facts, client, &error), &error, "[log]");
    expect_refusal(carry_client_offers(&facts, client, NULL, &error), &error, "[log]");
}

static void test_log_changed(void **state)
{
    struct shop *shop = *state;
    static const char *const edits[] = {
        "sed -i '/carry.refuse/d' log",                /* removed */
        "sed -i 's/\"persons\":5/\"persons\":1/' log", /* edited */
        "sed -i '$d' log",                             /* truncated */
        "sed -i '1h;1d;2G' log",                       /* reordered */
        "sed -i '2p' log",                             /* inserted */
        "rm checkpoint",                               /* nothing signs it */
        "printf x >>checkpoint",                       /* and this neither */
        ": >log",
    };
    struct error error = {0};
    CLEANUP(asked_free) struct asked asked = {0};
    CLEANUP(buffer_free) struct buffer token = {0};
    shop_approved(&asked, &token, shop, 1, 5);
    expect_refusal(shop_export_as(shop, &token, 1, OTHER, &error), &error, "[");
    shell("cp -a %s/audit %s/audit.kept", shop->state, shop->state);
    for (size_t i = 0; i < LENGTH(edits); i++) {
        shell("cd %s/audit && %s && ! diff -r . ../audit.kept >/dev/null", shop->state, edits[i]);
        expect_log_refused(shop, &token, asked.sworn.carry);
        shell("cd %s && rm -r audit && cp -a audit.kept audit", shop->state);
    }
    struct error must_error = {0};
    MUST(shop_export(shop, &token, &must_error));
}

/* Deleted altogether, and the policy's root with it: then nobody is trusted any more. */
static void test_log_deleted(void **state)
{
    struct shop *shop = *state;
    CLEANUP(asked_free) struct asked asked = {0};
    CLEANUP(buffer_free) struct buffer token = {0};
    struct error error = {0};
    shop_approved(&asked, &token, shop, 1, 5);
    shell("rm -r %s/audit/*", shop->state);
    assert_int_equal(shop_export(shop, &token, &error), STATUS_REFUSED);
    assert_int_equal(count_files(shop->medium, ".age"), 0);
}

/* ------------------------------------------------------------------ clock */

static void test_clock(void **state)
{
    struct shop *shop = *state;
    struct error must_error = {0}, error = {0};
    CLEANUP(asked_free) struct asked asked = {0}, second = {0};
    CLEANUP(buffer_free) struct buffer token = {0};
    const struct ask_for want = {.who = STAFF, .from = 1, .to = 2};
    shop_approved(&asked, &token, shop, 1, 5);
    clock_shift = -3600;
    expect_refusal(shop_export(shop, &token, &error), &error, "[clock]");
    expect_refusal(shop_ask(&second, shop, &want, &error), &error, "[clock]");
    clock_shift = 25 * 3600;
    expect_refusal(shop_export(shop, &token, &error), &error, "[token-expired]");
    /* That refusal is a record of tomorrow: setting the clock back does not make it good again. */
    clock_shift = 0;
    expect_refusal(shop_export(shop, &token, &error), &error, "[clock]");
    clock_shift = 25 * 3600;
    CLEANUP(buffer_free) struct buffer again = {0};
    MUST(shop_approve(&again, shop, &asked, MANAGER, &must_error));
    MUST(shop_export(shop, &again, &must_error));
}

static enum status accept_clock(const struct shop *shop, enum world_person who, int64_t off,
                                struct error *error)
{
    CLEANUP(client_close) struct carry_client *client = shop_client(shop);
    json_t *facts = NULL;
    struct carry_clock clock = {
        .now = moment_now(), .key = &shop->world.keys[who], .person = world_ids[who]};
    clock.now.seconds += off;
    enum status status = carry_client_clock(&facts, client, &clock, error);
    json_decref(facts);
    return status;
}

/* Once the clock was ten years ahead. The manager says that it is right now, and no clock before
 * that is taken. */
static void test_clock_was_ahead(void **state)
{
    struct shop *shop = *state;
    struct error must_error = {0}, error = {0};
    CLEANUP(asked_free) struct asked asked = {0};
    CLEANUP(buffer_free) struct buffer token = {0};
    shop_approved(&asked, &token, shop, 1, 5);
    expect_refusal(accept_clock(shop, MANAGER, 0, &error), &error, "nothing to accept");
    clock_shift = (int64_t)10 * 365 * 86400;
    expect_refusal(shop_export(shop, &token, &error), &error, "[");
    clock_shift = 0;
    expect_refusal(shop_export(shop, &token, &error), &error, "[clock]");
    expect_refusal(accept_clock(shop, STAFF, 0, &error), &error, "[role]");
    expect_refusal(accept_clock(shop, MANAGER, 3600, &error), &error, "[clock]");
    expect_refusal(accept_clock(shop, MANAGER, -3600, &error), &error, "[clock]");
    expect_recorded(shop, "\"rule\":\"clock\"");
    expect_refusal(shop_export(shop, &token, &error), &error, "[clock]");
    MUST(accept_clock(shop, DEPUTY, 60, &must_error));
    expect_recorded(shop, "\"event\":\"clock.accept\"");
    clock_shift = -3600;
    expect_refusal(shop_export(shop, &token, &error), &error, "[clock]");
    clock_shift = 0;
    /* What was staged went with the false time. */
    expect_refusal(shop_export(shop, &token, &error), &error, "[artefact-gone]");
    CLEANUP(asked_free) struct asked again = {0};
    CLEANUP(buffer_free) struct buffer second = {0};
    shop_approved(&again, &second, shop, 1, 5);
    MUST(shop_export(shop, &second, &must_error));
}

/* A signed word about the clock is good for one challenge. */
static void test_clock_word_replayed(void **state)
{
    struct shop *shop = *state;
    struct error must_error = {0}, error = {0};
    CLEANUP(buffer_free) struct buffer token = {0};
    struct audit *audit = NULL;
    struct carry_word word = {.kind = WORD_CLOCK, .carry = "-", .issued = moment_now()};
    word.issued.nanoseconds = 0;
    snprintf(word.person, sizeof word.person, "%s", world_ids[MANAGER]);
    snprintf(word.approval, sizeof word.approval, "%032d", 0);
    MUST(carry_word_sign(&token, &word, &shop->world.keys[MANAGER].signing, &must_error));
    clock_shift = 86400;
    MUST(shop_log(&audit, shop, true, &must_error));
    MUST(audit_append(audit, "backup", NULL, &must_error));
    audit_free(audit);
    clock_shift = 0;
    struct raw raw;
    CLEANUP(gate_message_free) struct gate_message question = {.fds = {-1, -1}};
    CLEANUP(gate_message_free) struct gate_message answer = {.fds = {-1, -1}};
    raw_open(&raw, shop);
    MUST(raw_ask(&question, &raw, json_pack("{s:s}", "step", "clock"), -1, &must_error));
    expect_refusal(raw_ask(&answer, &raw,
                           json_pack("{s:s,s:s%}", "step", "word", "word", (const char *)token.data,
                                     token.size),
                           -1, &error),
                   &error, "[word]");
    raw_close(&raw);
    CLEANUP(client_close) struct carry_client *client = shop_client(shop);
    json_t *facts = NULL;
    expect_refusal(carry_client_tell(client, (const char *)token.data, token.size, &facts, &error),
                   &error, "[word]");
}

static void test_token_early(void **state)
{
    struct shop *shop = *state;
    struct error must_error = {0}, error = {0};
    CLEANUP(asked_free) struct asked asked = {0};
    CLEANUP(buffer_free) struct buffer token = {0};
    const struct ask_for want = {.who = STAFF, .from = 1, .to = 5};
    MUST(shop_ask(&asked, shop, &want, &must_error));
    clock_shift = 7200; /* the approver's clock */
    MUST(shop_approve(&token, shop, &asked, MANAGER, &must_error));
    clock_shift = 0;
    expect_refusal(shop_export(shop, &token, &error), &error, "[token-early]");
}

static void test_return_date(void **state)
{
    struct shop *shop = *state;
    struct error error = {0};
    CLEANUP(asked_free) struct asked asked = {0};
    const struct ask_for late = {.who = STAFF, .from = 1, .to = 2, .days = 9};
    const struct ask_for past = {.who = STAFF, .from = 1, .to = 2, .days = -1};
    expect_refusal(shop_ask(&asked, shop, &late, &error), &error, "[return-by]");
    expect_refusal(shop_ask(&asked, shop, &past, &error), &error, "[return-by]");
}

/* The token is good for a day, and the medium was to be back before: nothing leaves overdue. */
static void test_due_before_export(void **state)
{
    struct shop *shop = *state;
    struct error must_error = {0}, error = {0};
    CLEANUP(asked_free) struct asked asked = {0};
    CLEANUP(buffer_free) struct buffer token = {0};
    const struct ask_for want = {.who = STAFF, .from = 1, .to = 5, .days = 1};
    MUST(shop_ask(&asked, shop, &want, &must_error));
    clock_shift = 86400 + 60;
    MUST(shop_approve(&token, shop, &asked, MANAGER, &must_error));
    shop_backup(shop);
    expect_refusal(shop_export(shop, &token, &error), &error, "[return-by]");
}

/* Who has left the company: no key of theirs does anything but tell of a loss. */
static void test_keys_that_ended(void **state)
{
    struct shop *shop = *state;
    struct error must_error = {0}, error = {0};
    CLEANUP(asked_free) struct asked out = {0}, waiting = {0}, third = {0};
    CLEANUP(buffer_free) struct buffer token = {0}, later = {0};
    json_t *facts = NULL;
    shop_approved(&out, &token, shop, 1, 5);
    MUST(shop_export(shop, &token, &must_error));
    const struct ask_for want = {.who = STAFF, .from = 1, .to = 5};
    MUST(shop_ask(&waiting, shop, &want, &must_error));
    shop->version = 2;
    shop->ended[DEPUTY] = shop->ended[OTHER] = true;
    shop_policy(shop);
    expect_refusal(shop_return(shop, out.sworn.carry, OTHER, true, &facts, &error), &error,
                   "[key-expired]");
    expect_refusal(shop_tell(shop, WORD_DENY, waiting.sworn.carry, NULL, DEPUTY, &facts, &error),
                   &error, "[key-expired]");
    expect_refusal(shop_tell(shop, WORD_REVOKE, waiting.sworn.carry, NULL, DEPUTY, &facts, &error),
                   &error, "[key-expired]");
    const struct ask_for own = {.who = OTHER, .from = 1, .to = 5};
    expect_refusal(shop_ask(&third, shop, &own, &error), &error, "[bearer-expired]");
    MUST(shop_ask(&third, shop, &want, &must_error));
    expect_refusal(shop_approve(&later, shop, &third, DEPUTY, &error), &error,
                   "[approver-expired]");
    MUST(shop_tell(shop, WORD_LOST, out.sworn.carry, NULL, OTHER, &facts, &must_error));
    json_decref(facts);
}

/* ------------------------------------------------------------------ what is kept */

static bool is_kept(const struct shop *shop, const char *carry, const char *file)
{
    char path[256];
    snprintf(path, sizeof path, "%s/carry/%s/%s", shop->state, carry, file);
    return access(path, F_OK) == 0;
}

/* Staged data that cannot leave any more is not kept, nor are pseudonyms that count nowhere. */
static void test_nothing_is_kept_longer(void **state)
{
    struct shop *shop = *state;
    struct error must_error = {0};
    CLEANUP(asked_free) struct asked never = {0}, carried = {0}, next = {0}, last = {0};
    CLEANUP(buffer_free) struct buffer token = {0};
    const struct ask_for want = {.who = STAFF, .from = 1, .to = 5, .days = 1};
    MUST(shop_ask(&never, shop, &want, &must_error));
    shop_approved(&carried, &token, shop, 1, 5);
    MUST(shop_export(shop, &token, &must_error));
    shop_returned(shop, carried.sworn.carry);
    shell("mkdir %s/carry/C-20260101-BBBBBBBB && echo x >%s/carry/C-20260101-BBBBBBBB/artefact",
          shop->state, shop->state);
    MUST(shop_ask(&next, shop, &want, &must_error));
    shell("test ! -e %s/carry/C-20260101-BBBBBBBB", shop->state);
    assert_true(is_kept(shop, never.sworn.carry, "artefact"));
    assert_true(is_kept(shop, carried.sworn.carry, "persons")); /* in the window of seven days */
    clock_shift = 8 * 86400;
    MUST(shop_ask(&last, shop, &want, &must_error));
    assert_false(is_kept(shop, never.sworn.carry, "artefact"));
    assert_false(is_kept(shop, never.sworn.carry, "persons"));
    assert_false(is_kept(shop, carried.sworn.carry, "persons"));
    assert_true(is_kept(shop, last.sworn.carry, "artefact"));
    assert_true(is_kept(shop, last.sworn.carry, "persons"));
}

/* ------------------------------------------------------------------ callers */

/* What a process of this account meets, over a real socket. */
static void as_user(const struct shop *shop, uid_t uid,
                    int (*run)(struct carry_client *client, const struct shop *shop,
                               const struct asked *asked),
                    const struct asked *asked)
{
    char folder[] = "/tmp/kura-gate-XXXXXX";
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    assert_non_null(mkdtemp(folder));
    assert_int_equal(chmod(folder, 0755), 0);
    snprintf(address.sun_path, sizeof address.sun_path, "%s/gate", folder);
    int listening = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(listening, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(chmod(address.sun_path, 0666), 0);
    assert_int_equal(listen(listening, 1), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct error error = {0};
        struct carry_client *client = NULL;
        if (setgroups(0, NULL) != 0 || setgid(uid) != 0 || setuid(uid) != 0 ||
            carry_client_open(&client, address.sun_path, NULL, &error) != STATUS_OK) {
            _exit(100);
        }
        int result = run(client, shop, asked);
        carry_client_free(client);
        _exit(result);
    }
    struct error must_error = {0};
    CLEANUP(file_close) int connection = accept(listening, NULL, NULL);
    assert_true(connection >= 0);
    MUST(gate_serve(connection, &shop->host, &must_error));
    close(listening);
    int result;
    assert_int_equal(waitpid(child, &result, 0), child);
    world_remove(folder);
    assert_true(WIFEXITED(result));
    assert_int_equal(WEXITSTATUS(result), 0);
}

static int refused_as(enum status status, const struct error *error, const char *rule,
                      int otherwise)
{
    if (status == STATUS_REFUSED && strstr(error->message, rule) != NULL) {
        return 0;
    }
    fprintf(stderr, "%s: %d %s\n", rule, (int)status, error->message);
    return otherwise;
}

#define UID_DAEMON 1 /* tanaka in the policy */
#define UID_GAMES 5  /* nobody in the policy */
#define UID_NOBODY 65534

/* Not in the policy: nothing at all, not even the list. */
static int is_nobody(struct carry_client *client, const struct shop *shop,
                     const struct asked *asked)
{
    struct error error = {0};
    json_t *facts = NULL;
    (void)shop;
    int result = refused_as(carry_client_list(&facts, client, &error), &error, "[caller]", 1);
    result += refused_as(carry_client_offers(&facts, client, NULL, &error), &error, "[caller]", 2);
    result +=
        refused_as(carry_client_report(client, WORD_LOST, asked->sworn.carry, NULL, &facts, &error),
                   &error, "[caller]", 4);
    result += refused_as(carry_client_retire(client, "M-001", &error), &error, "[caller]", 8);
    return result;
}

/* The policy cannot be used: a loss can be told, and nothing else. */
static int is_nobody_without_policy(struct carry_client *client, const struct shop *shop,
                                    const struct asked *asked)
{
    struct error error = {0};
    json_t *facts = NULL;
    (void)shop;
    const char *carry = asked->sworn.carry;
    int result = refused_as(carry_client_list(&facts, client, &error), &error, "[policy", 1);
    result += refused_as(carry_client_report(client, WORD_FOUND, carry, NULL, &facts, &error),
                         &error, "[policy", 2);
    if (carry_client_report(client, WORD_LOST, carry, "電車", &facts, &error) != STATUS_OK) {
        fprintf(stderr, "%s\n", error.message);
        return result + 4;
    }
    const char *report = json_string_value(json_object_get(facts, "report"));
    result += strstr(report, carry) != NULL && strstr(report, "5 人") != NULL &&
                      strstr(report, "（30日以内）") != NULL && strstr(report, "(null)") == NULL
                  ? 0
                  : 8;
    json_decref(facts);
    return result;
}

static void test_lost_without_policy(void **state)
{
    struct shop *shop = *state;
    struct error must_error = {0}, error = {0};
    CLEANUP(asked_free) struct asked asked = {0};
    CLEANUP(buffer_free) struct buffer token = {0};
    json_t *facts = NULL;
    if (geteuid() != 0) {
        SKIP_BECAUSE("needs root to become another user");
    }
    shop_approved(&asked, &token, shop, 1, 5);
    MUST(shop_export(shop, &token, &must_error));
    shell("chmod 755 %s && echo '#' >>%s", shop->folder, shop->policy_path);
    expect_refusal(shop_tell(shop, WORD_LOST, asked.sworn.carry, NULL, MANAGER, &facts, &error),
                   &error, "[policy");
    as_user(shop, UID_GAMES, is_nobody_without_policy, &asked);
    expect_recorded(shop, "\"login\":\"games\"");
    expect_state(shop, asked.sworn.carry, CARRY_LOST);
}

static enum status ask_with(struct carry_client *client, const struct minisign_secret *key,
                            struct asked *asked, struct error *error)
{
    static const char *const parameters[] = {"from=1", "to=2", NULL};
    const struct carry_ask ask = {.data_set = "visits",
                                  .parameters = parameters,
                                  .purpose = "出張点検",
                                  .destination = "laptop",
                                  .medium = "M-001",
                                  .return_by = in_days(2),
                                  .key = key};
    return carry_client_request(&asked->request, &asked->sworn, client, &ask, error);
}

/* A member of staff with a colleague's key, and at what is for managers. */
static int is_other_staff(struct carry_client *client, const struct shop *shop,
                          const struct asked *asked)
{
    struct error error = {0};
    CLEANUP(asked_free) struct asked own = {0}, foreign = {0};
    json_t *facts = NULL;
    int result = refused_as(ask_with(client, &shop->world.keys[STAFF], &foreign, &error), &error,
                            "[other-bearer]", 1);
    result +=
        refused_as(carry_client_offers(&facts, client, &shop->world.keys[STAFF].public_key, &error),
                   &error, "[other-bearer]", 2);
    result += refused_as(carry_client_retire(client, "M-001", &error), &error, "[role]", 4);
    result += ask_with(client, &shop->world.keys[OTHER], &own, &error) == STATUS_OK ? 0 : 8;
    (void)asked;
    return result;
}

/* With the bearer's key and the token, which is in the place of the request. */
static enum status export_with(struct carry_client *client, const struct shop *shop,
                               const struct asked *asked, struct error *error)
{
    CLEANUP(exported_free) struct carry_exported exported = {0};
    CLEANUP(file_close) int folder = shop_folder(shop);
    const struct carry_export_options options = {.approvals = &asked->request,
                                                 .approval_count = 1,
                                                 .folder = folder,
                                                 .key = &shop->world.keys[STAFF]};
    return carry_client_export(&exported, client, &options, error);
}

/* The thief has token and key of a colleague, and not the login. */
static int is_thief(struct carry_client *client, const struct shop *shop, const struct asked *asked)
{
    struct error error = {0};
    return refused_as(export_with(client, shop, asked, &error), &error, "[other-bearer]", 1);
}

static int is_bearer(struct carry_client *client, const struct shop *shop,
                     const struct asked *asked)
{
    struct error error = {0};
    if (export_with(client, shop, asked, &error) == STATUS_OK) {
        return 0;
    }
    fprintf(stderr, "%s\n", error.message);
    return 1;
}

/* Staged artefacts of one person cannot fill the disk; what is denied makes room. */
static void test_many_requests(void **state)
{
    struct shop *shop = *state;
    struct error must_error = {0}, error = {0};
    const struct ask_for want = {.who = STAFF, .from = 1, .to = 2};
    CLEANUP(asked_free) struct asked last = {0};
    json_t *facts = NULL;
    for (unsigned i = 0; i < 20; i++) {
        asked_free(&last);
        last = (struct asked){0};
        MUST(shop_ask(&last, shop, &want, &must_error));
    }
    CLEANUP(asked_free) struct asked more = {0}, other = {0};
    expect_refusal(shop_ask(&more, shop, &want, &error), &error, "[waiting]");
    expect_recorded(shop, "\"rule\":\"waiting\"");
    const struct ask_for others = {.who = OTHER, .from = 1, .to = 2};
    MUST(shop_ask(&other, shop, &others, &must_error));
    MUST(shop_tell(shop, WORD_DENY, last.sworn.carry, NULL, MANAGER, &facts, &must_error));
    json_decref(facts);
    MUST(shop_ask(&more, shop, &want, &must_error));
}

static void test_callers(void **state)
{
    struct shop *shop = *state;
    CLEANUP(asked_free) struct asked asked = {0};
    struct asked with_token = {.request = {0}};
    if (geteuid() != 0) {
        SKIP_BECAUSE("needs root to become another user");
    }
    shop_approved(&asked, &with_token.request, shop, 1, 5);
    memcpy(with_token.sworn.carry, asked.sworn.carry, sizeof asked.sworn.carry);
    /* Open to all, as a stick that the desktop mounted is to who sits there. */
    shell("chmod 755 %s && chmod 777 %s && chmod 644 %s/kura-label.txt", shop->folder, shop->medium,
          shop->medium);
    as_user(shop, UID_GAMES, is_nobody, &asked);
    as_user(shop, UID_DAEMON, is_other_staff, &asked);
    as_user(shop, UID_DAEMON, is_thief, &with_token);
    expect_state(shop, asked.sworn.carry, CARRY_REQUESTED);
    shell("rm -f %s/.kura-C*", shop->medium);
    as_user(shop, UID_NOBODY, is_bearer, &with_token);
    expect_state(shop, asked.sworn.carry, CARRY_OUT);
    buffer_free(&with_token.request);
    shop_returned(shop, asked.sworn.carry);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(policy_edited),
        TEST(policy_older),
        TEST(policy_early),
        TEST(policy_root),
        TEST(field_becomes_sensitive),
        TEST(older_policy_shown),
        TEST(state_put_back),
        TEST(token_ahead),
        TEST(anchors),
        TEST(log_changed),
        TEST(log_deleted),
        TEST(clock),
        TEST(clock_was_ahead),
        TEST(clock_word_replayed),
        TEST(token_early),
        TEST(return_date),
        TEST(due_before_export),
        TEST(keys_that_ended),
        TEST(nothing_is_kept_longer),
        TEST(callers),
        TEST(lost_without_policy),
        TEST(many_requests),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
