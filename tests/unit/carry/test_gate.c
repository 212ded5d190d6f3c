/* gate: the whole way of a carry, from the request to the erased medium, with client and gate as
 * they are. */
#include "gate_shop.h"

static void write_identity(const struct shop *shop)
{
    struct error must_error = {0};
    CLEANUP(secret_text_free) struct secret_text text = {0};
    char path[128];
    snprintf(path, sizeof path, "%s/m.key", shop->folder);
    MUST(secret_text_new(&text, 128, &must_error));
    MUST(age_identity_format(&text, &shop->world.manager, &must_error));
    MUST(file_write(path, text.text, text.size, 0600, FILE_REPLACE_EXISTING, &must_error));
}

static void test_whole_way(void **state)
{
    struct shop *shop = *state;
    struct error must_error = {0};
    CLEANUP(asked_free) struct asked asked = {0};
    CLEANUP(buffer_free) struct buffer token = {0};
    const struct ask_for want = {.who = STAFF, .from = 1, .to = 12, .documents = true};
    MUST(shop_ask(&asked, shop, &want, &must_error));
    assert_int_equal(asked.sworn.persons, 12);
    assert_int_equal(asked.sworn.documents, 1);
    MUST(shop_approve(&token, shop, &asked, MANAGER, &must_error));
    expect_state(shop, asked.sworn.carry, CARRY_REQUESTED);
    MUST(shop_export(shop, &token, &must_error));
    expect_state(shop, asked.sworn.carry, CARRY_OUT);
    /* age opens what left; the staged copy is gone; nothing half-written is left. */
    write_identity(shop);
    shell("cd %s && mkdir out && age -d -i m.key stick/kura-%s.tar.age | tar -x -C out && "
          "test $(wc -l <out/data.csv) = 13 && grep -q 顧客12 out/data.csv && "
          "test \"$(cat out/documents/000001.pdf)\" = scan && test ! -e state/carry/%s/artefact && "
          "grep -q 03-0000-0000 stick/kura-%s-READ-ME.txt && test $(ls -A stick | wc -l) = 3",
          shop->folder, asked.sworn.carry, asked.sworn.carry, asked.sworn.carry);
    json_t *facts = NULL;
    MUST(shop_return(shop, asked.sworn.carry, OTHER, true, &facts, &must_error));
    assert_true(json_is_true(json_object_get(facts, "label_as_expected")));
    assert_non_null(strstr(json_string_value(json_object_get(facts, "certificate")), "消去証明書"));
    json_decref(facts);
    expect_state(shop, asked.sworn.carry, CARRY_ERASED);
    shell("test \"$(ls -A %s)\" = kura-label.txt", shop->medium);
    /* The log has everything and no customer's name. */
    shell("! grep -q 顧客 %s/audit/log", shop->state);
    for (const char *const *event = (const char *const[]){"request", "approve", "reserve", "write",
                                                          "out", "return", "erase", NULL};
         *event != NULL; event++) {
        shell("grep -q '\"event\":\"carry.%s\"' %s/audit/log", *event, shop->state);
    }
}

/* The next one can go onto the same medium, which has a new label. */
static void test_again(void **state)
{
    struct shop *shop = *state;
    struct error must_error = {0};
    for (unsigned i = 0; i < 2; i++) {
        CLEANUP(asked_free) struct asked asked = {0};
        CLEANUP(buffer_free) struct buffer token = {0};
        json_t *facts = NULL;
        shop_approved(&asked, &token, shop, 1, 5);
        MUST(shop_export(shop, &token, &must_error));
        MUST(shop_return(shop, asked.sworn.carry, DEPUTY, true, &facts, &must_error));
        json_decref(facts);
    }
}

/* A zip: the passphrase is nowhere on the medium and opens the file. */
static void test_zip(void **state)
{
    struct shop *shop = *state;
    struct error must_error = {0};
    CLEANUP(asked_free) struct asked asked = {0};
    CLEANUP(buffer_free) struct buffer token = {0};
    CLEANUP(exported_free) struct carry_exported exported = {0};
    CLEANUP(client_close) struct carry_client *client = shop_client(shop);
    CLEANUP(file_close) int folder = shop_folder(shop);
    char path[128];
    const struct ask_for want = {.who = STAFF, .from = 1, .to = 3, .zip = true};
    MUST(shop_ask(&asked, shop, &want, &must_error));
    MUST(shop_approve(&token, shop, &asked, MANAGER, &must_error));
    const struct carry_export_options options = {.approvals = &token,
                                                 .approval_count = 1,
                                                 .folder = folder,
                                                 .key = &shop->world.keys[STAFF]};
    MUST(carry_client_export(&exported, client, &options, &must_error));
    assert_int_equal(exported.persons, 3);
    write_identity(shop);
    snprintf(path, sizeof path, "%s/pass.age", shop->folder);
    MUST(file_write(path, exported.sealed_passphrase.data, exported.sealed_passphrase.size, 0600,
                    FILE_KEEP_EXISTING, &must_error));
    shell(
        "cd %s && age -d -i m.key pass.age >pass && 7z t -p\"$(cat pass)\" stick/%s >/dev/null && "
        "! grep -rqaF -f pass stick && ! grep -rqa 'AGE ENCRYPTED' stick && ! grep -rqaF -f pass "
        "state",
        shop->folder, exported.file);
}

static void test_two_approvers(void **state)
{
    struct shop *shop = *state;
    struct error must_error = {0}, error = {0};
    CLEANUP(asked_free) struct asked asked = {0};
    struct buffer tokens[2] = {{0}};
    const struct ask_for want = {.who = STAFF, .from = 1, .to = 21};
    MUST(shop_ask(&asked, shop, &want, &must_error));
    MUST(shop_approve(&tokens[0], shop, &asked, MANAGER, &must_error));
    expect_refusal(shop_export_as(shop, tokens, 1, STAFF, &error), &error, "[second-approver]");
    MUST(shop_approve(&tokens[1], shop, &asked, MANAGER, &must_error));
    expect_refusal(shop_export_as(shop, tokens, 2, STAFF, &error), &error, "[second-approver]");
    buffer_free(&tokens[1]);
    MUST(shop_approve(&tokens[1], shop, &asked, DEPUTY, &must_error));
    MUST(shop_export_as(shop, tokens, 2, STAFF, &must_error));
    expect_state(shop, asked.sworn.carry, CARRY_OUT);
    buffer_free(&tokens[0]);
    buffer_free(&tokens[1]);
}

static void test_lost_and_found(void **state)
{
    struct shop *shop = *state;
    struct error must_error = {0}, error = {0};
    CLEANUP(asked_free) struct asked asked = {0};
    CLEANUP(buffer_free) struct buffer token = {0};
    CLEANUP(client_close) struct carry_client *client = shop_client(shop);
    json_t *facts = NULL;
    shop_approved(&asked, &token, shop, 1, 4);
    const char *carry = asked.sworn.carry;
    expect_refusal(shop_tell(shop, WORD_LOST, carry, NULL, STAFF, &facts, &error), &error,
                   "[carry-state]");
    MUST(shop_export(shop, &token, &must_error));
    expect_refusal(shop_tell(shop, WORD_FOUND, carry, NULL, STAFF, &facts, &error), &error,
                   "[carry-state]");
    MUST(carry_client_report(client, WORD_LOST, carry, "駅で置き忘れ", &facts, &must_error));
    const char *report = json_string_value(json_object_get(facts, "report"));
    assert_non_null(report);
    assert_non_null(strstr(report, "駅で置き忘れ"));
    json_decref(facts);
    expect_state(shop, carry, CARRY_LOST);
    MUST(shop_tell(shop, WORD_FOUND, carry, NULL, STAFF, &facts, &must_error));
    json_decref(facts);
    MUST(shop_return(shop, carry, MANAGER, false, &facts, &must_error));
    assert_non_null(
        strstr(json_string_value(json_object_get(facts, "certificate")), "シュレッダー"));
    json_decref(facts);
    expect_state(shop, carry, CARRY_ERASED);
}

static void test_list_and_offers(void **state)
{
    struct shop *shop = *state;
    struct error must_error = {0};
    CLEANUP(asked_free) struct asked asked = {0};
    CLEANUP(buffer_free) struct buffer token = {0};
    CLEANUP(client_close) struct carry_client *client = shop_client(shop);
    json_t *offers = NULL, *list = NULL;
    MUST(carry_client_offers(&offers, client, &shop->world.keys[STAFF].public_key, &must_error));
    assert_string_equal(json_string_value(json_object_get(offers, "person")), "sato");
    assert_int_equal(json_array_size(json_object_get(offers, "media")), 1);
    json_decref(offers);
    shop_approved(&asked, &token, shop, 1, 4);
    MUST(shop_export(shop, &token, &must_error));
    MUST(carry_client_list(&list, client, &must_error));
    const json_t *carry = json_array_get(json_object_get(list, "carries"), 0);
    assert_string_equal(json_string_value(json_object_get(carry, "state")), "out");
    assert_int_equal(json_integer_value(json_object_get(carry, "persons")), 4);
    assert_true(json_is_false(json_object_get(carry, "overdue")));
    assert_true(
        json_is_true(json_object_get(json_array_get(json_object_get(list, "media"), 0), "out")));
    json_decref(list);
    clock_shift = 5 * 86400;
    MUST(carry_client_list(&list, client, &must_error));
    carry = json_array_get(json_object_get(list, "carries"), 0);
    assert_true(json_is_true(json_object_get(carry, "overdue")));
    json_decref(list);
    MUST(carry_client_offers(&offers, client, NULL, &must_error));
    assert_int_equal(json_array_size(json_object_get(offers, "media")), 0);
    json_decref(offers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(whole_way),     TEST(again),          TEST(zip),
        TEST(two_approvers), TEST(lost_and_found), TEST(list_and_offers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
