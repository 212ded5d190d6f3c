/* gate: every way that we know to carry more than was approved, elsewhere, or twice. One test for
 * each; each names the rule that stops it. */
#include "gate_shop.h"

/* ------------------------------------------------------------------ tokens */

static void test_replay(void **state)
{
    struct shop *shop = *state;
    struct error must_error = {0}, error = {0};
    CLEANUP(asked_free) struct asked asked = {0};
    CLEANUP(buffer_free) struct buffer token = {0};
    shop_approved(&asked, &token, shop, 1, 5);
    MUST(shop_export(shop, &token, &must_error));
    expect_refusal(shop_export(shop, &token, &error), &error, "[token-spent]");
    expect_recorded(shop, "token-spent");
    /* Nor when the first medium is back. */
    shop_returned(shop, asked.sworn.carry);
    expect_refusal(shop_export(shop, &token, &error), &error, "[token-spent]");
    assert_int_equal(count_files(shop->medium, ".age"), 0);
    /* Nor with a second approval of the same request. */
    CLEANUP(buffer_free) struct buffer second = {0};
    MUST(shop_approve(&second, shop, &asked, DEPUTY, &must_error));
    expect_refusal(shop_export(shop, &second, &error), &error, "[carry-state]");
}

#define PROCESSES 8

/* N processes with one token: one of them exports, and the others are told why not. */
static void test_at_once(void **state)
{
    struct shop *shop = *state;
    CLEANUP(asked_free) struct asked asked = {0};
    CLEANUP(buffer_free) struct buffer token = {0};
    pid_t children[PROCESSES];
    unsigned exported = 0, spent = 0;
    int start[2];
    assert_int_equal(pipe(start), 0);
    shop_approved(&asked, &token, shop, 1, 5);
    for (size_t i = 0; i < PROCESSES; i++) {
        children[i] = fork();
        assert_true(children[i] >= 0);
        if (children[i] == 0) {
            struct error error = {0};
            char go;
            close(start[1]);
            (void)!read(start[0], &go, 1); /* all at once, when the parent lets go */
            enum status status = shop_export(shop, &token, &error);
            _exit(status == STATUS_OK ? 0 : strstr(error.message, "[token-spent]") != NULL ? 1 : 2);
        }
    }
    close(start[0]);
    close(start[1]);
    for (size_t i = 0; i < PROCESSES; i++) {
        int result;
        assert_int_equal(waitpid(children[i], &result, 0), children[i]);
        assert_true(WIFEXITED(result));
        exported += WEXITSTATUS(result) == 0;
        spent += WEXITSTATUS(result) == 1;
    }
    assert_int_equal(exported, 1);
    assert_int_equal(spent, PROCESSES - 1);
    assert_int_equal(count_files(shop->medium, ".tar.age"), 1);
    assert_int_equal(count_files(shop->medium, ".partial"), 0);
    shell("test $(grep -c '\"event\":\"carry.reserve\"' %s/audit/log) = 1", shop->state);
    expect_state(shop, asked.sworn.carry, CARRY_OUT);
}

static void test_self_approval(void **state)
{
    struct shop *shop = *state;
    struct error must_error = {0}, error = {0};
    CLEANUP(asked_free) struct asked asked = {0};
    CLEANUP(buffer_free) struct buffer token = {0};
    const struct ask_for want = {.who = MANAGER, .from = 1, .to = 2};
    MUST(shop_ask(&asked, shop, &want, &must_error));
    expect_refusal(shop_approve(&token, shop, &asked, MANAGER, &error), &error, "[self-approval]");
    /* The program of the approver was changed: the host refuses all the same. */
    CLEANUP(draft_free) struct draft draft = {0};
    MUST(draft_approval(&draft, shop, &asked, DEPUTY, &must_error));
    snprintf(draft.approval.approver, sizeof draft.approval.approver, "yamada");
    MUST(carry_approval_sign(&token, &draft.approval, &shop->world.keys[MANAGER].signing,
                             &must_error));
    expect_refusal(shop_export_as(shop, &token, 1, MANAGER, &error), &error, "[self-approval]");
    /* Signed by staff in the manager's name. */
    buffer_free(&token);
    MUST(carry_approval_sign(&token, &draft.approval, &shop->world.keys[STAFF].signing,
                             &must_error));
    expect_refusal(shop_export_as(shop, &token, 1, MANAGER, &error), &error, "[token-person]");
    /* And by staff in their own. */
    buffer_free(&token);
    snprintf(draft.approval.approver, sizeof draft.approval.approver, "tanaka");
    MUST(carry_approval_sign(&token, &draft.approval, &shop->world.keys[OTHER].signing,
                             &must_error));
    expect_refusal(shop_export_as(shop, &token, 1, MANAGER, &error), &error, "[approver-role]");
}

/* Stolen by a colleague, who signs the receipt with a key of their own. */
static void test_other_bearer(void **state)
{
    struct shop *shop = *state;
    struct error error = {0};
    CLEANUP(asked_free) struct asked asked = {0};
    CLEANUP(buffer_free) struct buffer token = {0};
    shop_approved(&asked, &token, shop, 1, 5);
    expect_refusal(shop_export_as(shop, &token, 1, OTHER, &error), &error, "[token-person]");
    assert_int_equal(count_files(shop->medium, ".age"), 0);
    expect_state(shop, asked.sworn.carry, CARRY_REQUESTED);
}

static void test_flipped(void **state)
{
    struct shop *shop = *state;
    CLEANUP(asked_free) struct asked asked = {0};
    CLEANUP(buffer_free) struct buffer token = {0};
    shop_approved(&asked, &token, shop, 1, 5);
    for (size_t at = 12; at < token.size; at += token.size / 7) {
        struct error error = {0};
        unsigned char before = token.data[at];
        token.data[at] = before == 'A' ? 'B' : 'A';
        expect_refusal(shop_export(shop, &token, &error), &error, "[");
        token.data[at] = before;
    }
    assert_int_equal(count_files(shop->medium, ".age"), 0);
}

static void test_revoked_and_denied(void **state)
{
    struct shop *shop = *state;
    struct error must_error = {0}, error = {0};
    CLEANUP(asked_free) struct asked asked = {0}, second = {0};
    CLEANUP(buffer_free) struct buffer token = {0}, later = {0};
    json_t *facts = NULL;
    shop_approved(&asked, &token, shop, 1, 5);
    expect_refusal(shop_tell(shop, WORD_REVOKE, asked.sworn.carry, NULL, STAFF, &facts, &error),
                   &error, "[role]");
    MUST(shop_tell(shop, WORD_REVOKE, asked.sworn.carry, NULL, DEPUTY, &facts, &must_error));
    json_decref(facts);
    expect_refusal(shop_export(shop, &token, &error), &error, "[carry-state]");
    shop_approved(&second, &later, shop, 1, 5);
    MUST(shop_tell(shop, WORD_DENY, second.sworn.carry, NULL, MANAGER, &facts, &must_error));
    json_decref(facts);
    expect_refusal(shop_export(shop, &later, &error), &error, "[carry-state]");
    /* What was staged is of no use any more, and gone. */
    shell("! ls %s/carry/C-*/artefact 2>/dev/null", shop->state);
}

/* ------------------------------------------------------------------ data */

static void test_artefact_swapped(void **state)
{
    struct shop *shop = *state;
    struct error error = {0};
    CLEANUP(asked_free) struct asked asked = {0}, large = {0};
    CLEANUP(buffer_free) struct buffer token = {0}, other = {0};
    shop_approved(&large, &other, shop, 1, 20);
    shop_approved(&asked, &token, shop, 1, 3);
    /* A larger one, sealed by this very host, in its place. */
    shell("cp %s/carry/%s/artefact %s/carry/%s/artefact", shop->state, large.sworn.carry,
          shop->state, asked.sworn.carry);
    expect_refusal(shop_export(shop, &token, &error), &error, "[artefact]");
    shell("printf x | dd of=%s/carry/%s/artefact bs=1 seek=300 conv=notrunc status=none",
          shop->state, large.sworn.carry);
    expect_refusal(shop_export(shop, &other, &error), &error, "[artefact]");
    shell("rm %s/carry/%s/artefact", shop->state, large.sworn.carry);
    expect_refusal(shop_export(shop, &other, &error), &error, "[artefact-gone]");
    assert_int_equal(count_files(shop->medium, ".age"), 0);
}

static void test_attestation_of_another(void **state)
{
    struct shop *shop = *state;
    struct error error = {0};
    CLEANUP(asked_free) struct asked asked = {0}, large = {0};
    CLEANUP(buffer_free) struct buffer token = {0}, other = {0};
    shop_approved(&large, &other, shop, 1, 20);
    shop_approved(&asked, &token, shop, 1, 3);
    shell("cd %s/carry && cp %s/attestation %s/attestation", shop->state, large.sworn.carry,
          asked.sworn.carry);
    expect_refusal(shop_export(shop, &token, &error), &error, "[attestation-record]");
    /* All of the larger carry's folder under the smaller one's name. */
    shell("cd %s/carry && cp %s/artefact %s/persons %s/", shop->state, large.sworn.carry,
          large.sworn.carry, asked.sworn.carry);
    expect_refusal(shop_export(shop, &token, &error), &error, "[attestation-record]");
    shell("rm %s/carry/%s/attestation", shop->state, asked.sworn.carry);
    expect_refusal(shop_export(shop, &token, &error), &error, "[attestation-record]");
}

static void test_persons_of_the_carry(void **state)
{
    struct shop *shop = *state;
    struct error error = {0};
    CLEANUP(asked_free) struct asked asked = {0}, small = {0};
    CLEANUP(buffer_free) struct buffer token = {0}, other = {0};
    shop_approved(&small, &other, shop, 1, 2);
    shop_approved(&asked, &token, shop, 1, 20);
    char *folder = NULL;
    assert_true(asprintf(&folder, "%s/carry/%s", shop->state, asked.sworn.carry) > 0);
    shell("cd %s && cp persons kept && cp ../%s/persons persons", folder, small.sworn.carry);
    expect_refusal(shop_export(shop, &token, &error), &error, "[persons-record]");
    shell("cd %s && cp kept persons && printf x | dd of=persons bs=1 seek=60 conv=notrunc "
          "status=none",
          folder);
    expect_refusal(shop_export(shop, &token, &error), &error, "[persons-record]");
    shell("cd %s && rm persons", folder);
    expect_refusal(shop_export(shop, &token, &error), &error, "[persons-record]");
    free(folder);
}

/* The set of an earlier carry is lost: its persons count in full, as if all were others. */
static void test_persons_of_another(void **state)
{
    struct shop *shop = *state;
    struct error must_error = {0}, error = {0};
    CLEANUP(asked_free) struct asked asked = {0}, again = {0}, more = {0};
    CLEANUP(buffer_free) struct buffer token = {0};
    shop->second_above = 50;
    shop->version = 2;
    shop_policy(shop);
    shop_approved(&asked, &token, shop, 1, 45);
    MUST(shop_export(shop, &token, &must_error));
    shop_returned(shop, asked.sworn.carry);
    /* The same persons again use nothing more of the rolling window of 80 … */
    const struct ask_for same = {.who = STAFF, .from = 1, .to = 45};
    MUST(shop_ask(&again, shop, &same, &must_error));
    assert_int_equal(again.sworn.use.rolling_bearer, 45);
    shell("printf x | dd of=%s/carry/%s/persons bs=1 seek=60 conv=notrunc status=none", shop->state,
          asked.sworn.carry);
    expect_refusal(shop_ask(&more, shop, &same, &error), &error, "[rolling-bearer]");
    shell("rm %s/carry/%s/persons", shop->state, asked.sworn.carry);
    expect_refusal(shop_ask(&more, shop, &same, &error), &error, "[rolling-bearer]");
    assert_non_null(strstr(error.message, "90"));
}

/* Many small ones instead of a large one. */
static void test_splitting(void **state)
{
    struct shop *shop = *state;
    struct error must_error = {0}, error = {0};
    CLEANUP(asked_free) struct asked large = {0}, last = {0};
    const struct ask_for too_many = {.who = STAFF, .from = 1, .to = 51};
    expect_refusal(shop_ask(&large, shop, &too_many, &error), &error, "[persons]");
    const struct ask_for everybody = {.who = STAFF, .from = 1, .to = 900};
    expect_refusal(shop_ask(&large, shop, &everybody, &error), &error, "[ceiling]");
    unsigned carried = 0;
    for (unsigned from = 1; from < 100; from += 20) {
        CLEANUP(asked_free) struct asked asked = {0};
        CLEANUP(buffer_free) struct buffer token = {0};
        const struct ask_for part = {.who = STAFF, .from = from, .to = from + 19};
        error_clear(&error);
        if (shop_ask(&asked, shop, &part, &error) != STATUS_OK) {
            break;
        }
        MUST(shop_approve(&token, shop, &asked, MANAGER, &must_error));
        MUST(shop_export(shop, &token, &must_error));
        shop_returned(shop, asked.sworn.carry);
        carried += 20;
    }
    expect_refusal(error.status, &error, "[rolling-bearer]");
    assert_int_equal(carried, 80);
    expect_recorded(shop, "rolling-bearer");
    /* Persons who were out already cost nothing. */
    const struct ask_for known = {.who = STAFF, .from = 70, .to = 80};
    MUST(shop_ask(&last, shop, &known, &must_error));
    /* When the window has passed they can be asked for again. */
    clock_shift = 8 * 86400;
    asked_free(&last);
    last = (struct asked){0};
    const struct ask_for others = {.who = STAFF, .from = 81, .to = 100};
    MUST(shop_ask(&last, shop, &others, &must_error));
}

/* Five approved at the same time, each within the limits then: what was carried meanwhile counts.
 */
static void test_splitting_in_parallel(void **state)
{
    struct shop *shop = *state;
    struct asked asked[5];
    struct buffer tokens[5];
    struct error error = {0};
    memset(asked, 0, sizeof asked);
    memset(tokens, 0, sizeof tokens);
    for (unsigned i = 0; i < 5; i++) {
        shop_approved(&asked[i], &tokens[i], shop, 1 + 20 * i, 20 + 20 * i);
    }
    for (unsigned i = 0; i < 4; i++) {
        struct error must_error = {0};
        MUST(shop_export(shop, &tokens[i], &must_error));
        shop_returned(shop, asked[i].sworn.carry);
    }
    expect_refusal(shop_export(shop, &tokens[4], &error), &error, "[rolling-bearer]");
    for (unsigned i = 0; i < 5; i++) {
        asked_free(&asked[i]);
        buffer_free(&tokens[i]);
    }
}

/* What was approved is carried, not what the database has become since. */
static void test_data_changed(void **state)
{
    struct shop *shop = *state;
    struct error must_error = {0};
    CLEANUP(asked_free) struct asked asked = {0};
    CLEANUP(buffer_free) struct buffer token = {0};
    char sum[2 * DIGEST_SIZE + 1];
    shop_approved(&asked, &token, shop, 1, 3);
    shell("sqlite3 %s \"UPDATE customers SET id = 2 WHERE id > 3\"", shop->database);
    MUST(shop_export(shop, &token, &must_error));
    shell("b2sum -l 256 %s/kura-%s.tar.age | grep -q ^%s", shop->medium, asked.sworn.carry,
          hex_encode(sum, asked.sworn.artefact, DIGEST_SIZE));
}

/* The request says 3 persons over an artefact with 900: only the host's own word counts. */
static void test_lying_request(void **state)
{
    struct shop *shop = *state;
    struct error must_error = {0}, error = {0};
    CLEANUP(asked_free) struct asked asked = {0};
    CLEANUP(buffer_free) struct buffer token = {0};
    CLEANUP(carry_request_free) struct carry_request request = {0};
    CLEANUP(carry_policy_free) struct carry_policy policy = {0};
    const struct ask_for want = {.who = STAFF, .from = 1, .to = 40};
    MUST(shop_ask(&asked, shop, &want, &must_error));
    MUST(carry_request_open(&request, &policy, (const char *)asked.request.data, asked.request.size,
                            &shop->world.keys[MANAGER].public_key, &must_error));
    request.attestation.persons = 3;
    const struct signing_key *const forgers[] = {&shop->world.keys[STAFF].signing,
                                                 &shop->world.keys[OTHER].signing};
    for (size_t i = 0; i < LENGTH(forgers); i++) {
        buffer_free(&request.attestation_token);
        buffer_free(&asked.request);
        MUST(carry_attestation_sign(&request.attestation_token, &request.attestation, forgers[i],
                                    &must_error));
        MUST(carry_request_sign(&asked.request, &request, &shop->world.keys[STAFF].signing,
                                &must_error));
        expect_refusal(shop_approve(&token, shop, &asked, MANAGER, &error), &error,
                       "[attestation-host]");
    }
}

/* The true attestation of a small carry, with the approval used for a large one. */
static void test_mixed_up(void **state)
{
    struct shop *shop = *state;
    struct error must_error = {0}, error = {0};
    CLEANUP(asked_free) struct asked small = {0}, large = {0};
    CLEANUP(buffer_free) struct buffer token = {0};
    CLEANUP(draft_free) struct draft draft = {0};
    const struct ask_for few = {.who = STAFF, .from = 1, .to = 3};
    const struct ask_for many = {.who = STAFF, .from = 1, .to = 20};
    MUST(shop_ask(&small, shop, &few, &must_error));
    MUST(shop_ask(&large, shop, &many, &must_error));
    MUST(draft_approval(&draft, shop, &small, MANAGER, &must_error));
    memcpy(draft.approval.carry, large.sworn.carry, sizeof draft.approval.carry);
    MUST(carry_approval_sign(&token, &draft.approval, &shop->world.keys[MANAGER].signing,
                             &must_error));
    expect_refusal(shop_export(shop, &token, &error), &error, "[request]");
    /* A second signed request for one attestation is not the one that the host recorded. */
    CLEANUP(buffer_free) struct buffer other = {0};
    buffer_free(&small.request);
    draft.request.issued.seconds++;
    MUST(carry_request_sign(&small.request, &draft.request, &shop->world.keys[STAFF].signing,
                            &must_error));
    MUST(shop_approve(&other, shop, &small, MANAGER, &must_error));
    expect_refusal(shop_export(shop, &other, &error), &error, "[request]");
}

/* ------------------------------------------------------------------ media */

static void test_other_medium(void **state)
{
    struct shop *shop = *state;
    struct error must_error = {0}, error = {0};
    CLEANUP(asked_free) struct asked asked = {0};
    CLEANUP(buffer_free) struct buffer token = {0};
    shop_approved(&asked, &token, shop, 1, 5);
    shop_plug(shop, STICK_SERIAL, "FFFF-0000", 13);
    expect_refusal(shop_export(shop, &token, &error), &error, "[medium-other]");
    shop_plug(shop, "1234", STICK_UUID, 13);
    expect_refusal(shop_export(shop, &token, &error), &error, "[medium-other]");
    shop_plug(shop, STICK_SERIAL, "", 13); /* has nothing that tells it from its copy */
    expect_refusal(shop_export(shop, &token, &error), &error, "[medium-other]");
    shop_plug(shop, STICK_SERIAL, STICK_UUID, 14);
    MUST(shop_export(shop, &token, &must_error));
}

/* Another medium of the policy, on which there is nothing of this approval. */
static void test_approved_for_another(void **state)
{
    struct shop *shop = *state;
    struct error must_error = {0}, error = {0};
    CLEANUP(asked_free) struct asked asked = {0};
    CLEANUP(buffer_free) struct buffer token = {0};
    shop_plug(shop, "2222", "2222-2222", 13);
    MUST(shop_enrol(shop, "M-002", shop->fingerprint2, &must_error));
    shop->version = 2;
    shop_policy(shop);
    shop_approved(&asked, &token, shop, 1, 5);
    expect_refusal(shop_export(shop, &token, &error), &error, "[medium-other]");
}

/* A copy of the medium, sector by sector, has the label of before the last carry. */
static void test_cloned_medium(void **state)
{
    struct shop *shop = *state;
    struct error must_error = {0}, error = {0};
    CLEANUP(asked_free) struct asked asked = {0}, second = {0};
    CLEANUP(buffer_free) struct buffer token = {0}, later = {0};
    shell("cp -a %s %s.clone", shop->medium, shop->medium);
    shop_approved(&asked, &token, shop, 1, 5);
    MUST(shop_export(shop, &token, &must_error));
    shop_returned(shop, asked.sworn.carry);
    shop_approved(&second, &later, shop, 1, 5);
    shell("mv %s %s.real && mv %s.clone %s", shop->medium, shop->medium, shop->medium,
          shop->medium);
    expect_refusal(shop_export(shop, &later, &error), &error, "[medium-label]");
    shell("rm %s/kura-label.txt", shop->medium);
    expect_refusal(shop_export(shop, &later, &error), &error, "[medium-label]");
    /* A label that somebody made with a key of their own. */
    CLEANUP(buffer_free) struct buffer label = {0};
    struct host_key own = {.signing = shop->world.keys[STAFF].signing};
    char nonce[LABEL_NONCE_SIZE], path[160];
    MUST(label_make(&label, nonce, "M-001", &own, &must_error));
    snprintf(path, sizeof path, "%s/kura-label.txt", shop->medium);
    MUST(file_write(path, label.data, label.size, 0644, FILE_REPLACE_EXISTING, &must_error));
    expect_refusal(shop_export(shop, &later, &error), &error, "[medium-label]");
    shell("rm -r %s && mv %s.real %s", shop->medium, shop->medium, shop->medium);
    MUST(shop_export(shop, &later, &must_error));
}

/* A copy is handed in as the return, and the real one kept. */
static void test_clone_returned(void **state)
{
    struct shop *shop = *state;
    struct error must_error = {0}, error = {0};
    CLEANUP(asked_free) struct asked asked = {0};
    CLEANUP(buffer_free) struct buffer token = {0};
    json_t *facts = NULL;
    shell("cp -a %s %s.clone", shop->medium, shop->medium);
    shop_approved(&asked, &token, shop, 1, 5);
    MUST(shop_export(shop, &token, &must_error));
    const char *carry = asked.sworn.carry;
    shop_plug(shop, "1234", STICK_UUID, 13);
    expect_refusal(shop_return(shop, carry, OTHER, true, &facts, &error), &error, "[medium-other]");
    shop_plug(shop, STICK_SERIAL, STICK_UUID, 14);
    shell("mv %s %s.real && mkdir %s", shop->medium, shop->medium, shop->medium);
    expect_refusal(shop_return(shop, carry, OTHER, true, &facts, &error), &error, "[medium-label]");
    shell("rmdir %s && mv %s.clone %s", shop->medium, shop->medium, shop->medium);
    expect_refusal(shop_return(shop, carry, OTHER, true, &facts, &error), &error, "[medium-label]");
    expect_state(shop, carry, CARRY_OUT);
    shell("rm -r %s && mv %s.real %s", shop->medium, shop->medium, shop->medium);
    shop_returned(shop, carry);
}

static void test_return_by_the_bearer(void **state)
{
    struct shop *shop = *state;
    struct error must_error = {0}, error = {0};
    CLEANUP(asked_free) struct asked asked = {0};
    CLEANUP(buffer_free) struct buffer token = {0};
    json_t *facts = NULL;
    shop_approved(&asked, &token, shop, 1, 5);
    expect_refusal(shop_return(shop, asked.sworn.carry, OTHER, true, &facts, &error), &error,
                   "[carry-state]");
    MUST(shop_export(shop, &token, &must_error));
    expect_refusal(shop_return(shop, asked.sworn.carry, STAFF, true, &facts, &error), &error,
                   "[self-confirm]");
    /* "It was destroyed", says a colleague. */
    expect_refusal(shop_return(shop, asked.sworn.carry, OTHER, false, &facts, &error), &error,
                   "[role]");
    expect_state(shop, asked.sworn.carry, CARRY_OUT);
}

static void test_medium_in_use(void **state)
{
    struct shop *shop = *state;
    struct error must_error = {0}, error = {0};
    CLEANUP(asked_free) struct asked asked = {0}, second = {0};
    CLEANUP(buffer_free) struct buffer token = {0}, later = {0};
    char fingerprint[MEDIUM_FINGERPRINT_SIZE];
    shop_approved(&asked, &token, shop, 1, 5);
    shop_approved(&second, &later, shop, 6, 9);
    MUST(shop_export(shop, &token, &must_error));
    expect_refusal(shop_export(shop, &later, &error), &error, "[medium-out]");
    expect_refusal(shop_enrol(shop, "M-001", fingerprint, &error), &error, "[medium-out]");
    /* It comes back too late, and its bearer asks for another one. */
    shop_plug(shop, "2222", "2222-2222", 13);
    shell("mv %s %s.first && mkdir %s", shop->medium, shop->medium, shop->medium);
    clock_shift = 4 * 86400 + 60;
    MUST(shop_enrol(shop, "M-002", shop->fingerprint2, &must_error));
    shop->version = 2;
    shop_policy(shop);
    CLEANUP(asked_free) struct asked third = {0};
    CLEANUP(buffer_free) struct buffer onto = {0};
    const struct ask_for want = {.who = STAFF, .from = 1, .to = 5, .medium = "M-002"};
    MUST(shop_ask(&third, shop, &want, &must_error));
    assert_int_equal(third.sworn.other_count, 1);
    MUST(shop_approve(&onto, shop, &third, MANAGER, &must_error));
    shop_backup(shop);
    expect_refusal(shop_export(shop, &onto, &error), &error, "[overdue]");
}

static void test_retired_medium(void **state)
{
    struct shop *shop = *state;
    struct error must_error = {0}, error = {0};
    CLEANUP(asked_free) struct asked asked = {0};
    CLEANUP(buffer_free) struct buffer token = {0};
    CLEANUP(client_close) struct carry_client *client = shop_client(shop);
    shop_approved(&asked, &token, shop, 1, 5);
    MUST(carry_client_retire(client, "M-001", &must_error));
    expect_refusal(shop_export(shop, &token, &error), &error, "[medium-retired]");
}

/* A stick without a file system of its own identity could be exchanged for any other. */
static void test_medium_without_identity(void **state)
{
    struct shop *shop = *state;
    struct error error = {0};
    CLEANUP(asked_free) struct asked asked = {0};
    CLEANUP(buffer_free) struct buffer token = {0};
    char fingerprint[MEDIUM_FINGERPRINT_SIZE];
    shop_approved(&asked, &token, shop, 1, 5);
    shop_plug(shop, STICK_SERIAL, "", 12);
    expect_refusal(shop_enrol(shop, "M-009", fingerprint, &error), &error, "[medium-unknown]");
    expect_recorded(shop, "\"rule\":\"medium-unknown\"");
    expect_refusal(shop_export(shop, &token, &error), &error, "[medium-other]");
}

static void test_foreign_files(void **state)
{
    struct shop *shop = *state;
    struct error must_error = {0}, error = {0};
    CLEANUP(asked_free) struct asked asked = {0};
    CLEANUP(buffer_free) struct buffer token = {0};
    shop_approved(&asked, &token, shop, 1, 5);
    for (const char *const *name =
             (const char *const[]){"pass.txt", ".hidden", "kura.txt", "kura-pass.txt", "...", NULL};
         *name != NULL; name++) {
        shell("echo x >'%s/%s'", shop->medium, *name);
        expect_refusal(shop_export(shop, &token, &error), &error, "[foreign-files]");
        shell("rm '%s/%s'", shop->medium, *name);
    }
    shell("mkdir '%s/System Volume Information'", shop->medium);
    MUST(shop_export(shop, &token, &must_error));
}

/* Symbolic links under the names that we write: nothing is written elsewhere. */
static void test_links_on_the_medium(void **state)
{
    struct shop *shop = *state;
    struct error must_error = {0}, error = {0};
    CLEANUP(asked_free) struct asked asked = {0};
    CLEANUP(buffer_free) struct buffer token = {0};
    shop_approved(&asked, &token, shop, 1, 5);
    const char *carry = asked.sworn.carry;
    shell("cd %s && mv kura-label.txt ../label && ln -s ../label kura-label.txt", shop->medium);
    assert_int_not_equal(shop_export(shop, &token, &error), STATUS_OK);
    shell("cd %s && rm kura-label.txt && mv ../label kura-label.txt", shop->medium);
    shell("echo kept >%s/victim && cd %s && ln -s ../victim .kura-%s.tar.age.partial", shop->folder,
          shop->medium, carry);
    MUST(shop_export(shop, &token, &must_error));
    shell("test \"$(cat %s/victim)\" = kept && test ! -L %s/kura-%s.tar.age", shop->folder,
          shop->medium, carry);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(replay),
        TEST(at_once),
        TEST(self_approval),
        TEST(other_bearer),
        TEST(flipped),
        TEST(revoked_and_denied),
        TEST(artefact_swapped),
        TEST(attestation_of_another),
        TEST(persons_of_the_carry),
        TEST(persons_of_another),
        TEST(splitting),
        TEST(splitting_in_parallel),
        TEST(data_changed),
        TEST(lying_request),
        TEST(mixed_up),
        TEST(other_medium),
        TEST(approved_for_another),
        TEST(cloned_medium),
        TEST(clone_returned),
        TEST(return_by_the_bearer),
        TEST(medium_in_use),
        TEST(retired_medium),
        TEST(medium_without_identity),
        TEST(foreign_files),
        TEST(links_on_the_medium),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
