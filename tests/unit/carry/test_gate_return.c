/* gate: a medium comes back other than it should: without its container, cut off in the middle, or
 * not at all. */
#include "gate_shop.h"

static void label_path(char path[160], const struct shop *shop)
{
    snprintf(path, 160, "%s/kura-label.txt", shop->medium);
}

static char *label_text(const struct shop *shop)
{
    struct error must_error = {0};
    CLEANUP(buffer_free) struct buffer text = {0};
    char path[160];
    label_path(path, shop);
    MUST(file_read(&text, path, LABEL_SIZE_LIMIT, &must_error));
    char *copy = strndup((const char *)text.data, text.size);
    assert_non_null(copy);
    return copy;
}

static void out_begin(struct asked *asked, const struct shop *shop)
{
    struct error must_error = {0};
    CLEANUP(buffer_free) struct buffer token = {0};
    shop_approved(asked, &token, shop, 1, 5);
    MUST(shop_export(shop, &token, &must_error));
}

/* The bearer removed the container: the certificate does not say that it was overwritten. */
static void test_removed_before(void **state)
{
    struct shop *shop = *state;
    struct error must_error = {0};
    CLEANUP(asked_free) struct asked asked = {0};
    json_t *facts = NULL;
    out_begin(&asked, shop);
    /* A name that is no text, and longer than what is kept of it, does not spoil the answer. */
    shell("cd %s && rm kura-%s.tar.age && : >\"$(printf "
          "'a顧客顧客顧客顧客顧客顧客顧客顧客顧客顧客顧客\\377')\"",
          shop->medium, asked.sworn.carry);
    MUST(shop_return(shop, asked.sworn.carry, OTHER, true, &facts, &must_error));
    const char *paper = json_string_value(json_object_get(facts, "certificate"));
    assert_non_null(strstr(paper, "上書きしていません"));
    assert_non_null(strstr(json_string_value(json_object_get(facts, "foreign")), "顧客"));
    json_decref(facts);
    expect_recorded(shop, "\"container_found\":false");
    expect_state(shop, asked.sworn.carry, CARRY_ERASED);
}

/* Up to the new label, which is written or not; then the client is gone. */
static void cut_off(const struct shop *shop, const char *carry, bool written)
{
    struct error must_error = {0};
    struct raw raw;
    CLEANUP(file_close) int folder = shop_folder(shop);
    CLEANUP(buffer_free) struct buffer token = {0};
    CLEANUP(gate_message_free) struct gate_message erase = {.fds = {-1, -1}};
    CLEANUP(gate_message_free) struct gate_message label = {.fds = {-1, -1}};
    CLEANUP(memory_free) char *old = label_text(shop);
    struct carry_word word = {.kind = WORD_RETURN, .issued = {.seconds = moment_now().seconds}};
    snprintf(word.person, sizeof word.person, "%s", world_ids[OTHER]);
    snprintf(word.carry, sizeof word.carry, "%s", carry);
    MUST(carry_word_sign(&token, &word, &shop->world.keys[OTHER].signing, &must_error));
    raw_open(&raw, shop);
    MUST(raw_ask(&erase, &raw,
                 json_pack("{s:s,s:s%,s:s}", "step", "return", "word", (const char *)token.data,
                           token.size, "label", old),
                 folder, &must_error));
    shell("rm -f %s/kura-C*", shop->medium);
    MUST(raw_ask(&label, &raw, json_pack("{s:s}", "step", "erased"), -1, &must_error));
    if (written) {
        char path[160];
        const char *text = json_string_value(json_object_get(label.json, "label"));
        label_path(path, shop);
        MUST(file_write(path, text, strlen(text), 0644, FILE_REPLACE_EXISTING, &must_error));
    }
    raw_close(&raw);
    expect_state(shop, carry, CARRY_RETURNED);
}

/* However often and wherever it is cut off, the return can be done again; a copy of the medium from
 * before the carry, and of before the return, cannot take its place. */
static void test_cut_off(void **state)
{
    struct shop *shop = *state;
    struct error must_error = {0}, error = {0};
    CLEANUP(asked_free) struct asked asked = {0};
    CLEANUP(memory_free) char *before = label_text(shop);
    char path[160];
    json_t *facts = NULL;
    label_path(path, shop);
    out_begin(&asked, shop);
    CLEANUP(memory_free) char *out = label_text(shop);
    static const bool written[] = {false, false, true, false, true, true, false};
    for (size_t i = 0; i < LENGTH(written); i++) {
        cut_off(shop, asked.sworn.carry, written[i]);
    }
    CLEANUP(memory_free) char *now = label_text(shop);
    const char *const copies[] = {before, out};
    for (size_t i = 0; i < LENGTH(copies); i++) {
        MUST(file_write(path, copies[i], strlen(copies[i]), 0644, FILE_REPLACE_EXISTING,
                        &must_error));
        expect_refusal(shop_return(shop, asked.sworn.carry, OTHER, true, &facts, &error), &error,
                       "[medium-label]");
    }
    MUST(file_write(path, now, strlen(now), 0644, FILE_REPLACE_EXISTING, &must_error));
    MUST(shop_return(shop, asked.sworn.carry, OTHER, true, &facts, &must_error));
    json_decref(facts);
    expect_state(shop, asked.sworn.carry, CARRY_ERASED);
    /* And the medium can go out again. */
    CLEANUP(asked_free) struct asked next = {0};
    out_begin(&next, shop);
}

/* "It was destroyed", without a word how. */
static void test_destroyed_without_a_word(void **state)
{
    struct shop *shop = *state;
    struct error error = {0};
    CLEANUP(asked_free) struct asked asked = {0};
    CLEANUP(client_close) struct carry_client *client = shop_client(shop);
    json_t *facts = NULL;
    out_begin(&asked, shop);
    const struct carry_back back = {.carry = asked.sworn.carry,
                                    .folder = -1,
                                    .confirmer = &shop->world.keys[MANAGER],
                                    .person = world_ids[MANAGER]};
    expect_refusal(carry_client_return(&facts, client, &back, &error), &error, "[note]");
    expect_state(shop, asked.sworn.carry, CARRY_OUT);
}

/* A note that is no text is said to be that, and changes nothing. */
static void test_note_is_no_text(void **state)
{
    struct shop *shop = *state;
    struct error error = {0};
    CLEANUP(asked_free) struct asked asked = {0};
    CLEANUP(client_close) struct carry_client *client = shop_client(shop);
    json_t *facts = NULL;
    out_begin(&asked, shop);
    assert_int_equal(
        carry_client_report(client, WORD_LOST, asked.sworn.carry, "\xff", &facts, &error),
        STATUS_FAILED);
    assert_non_null(strstr(error.message, "UTF-8"));
    expect_state(shop, asked.sworn.carry, CARRY_OUT);
}

/* The deadlines run from the first time. */
static void test_lost_twice(void **state)
{
    struct shop *shop = *state;
    struct error must_error = {0};
    CLEANUP(asked_free) struct asked asked = {0};
    CLEANUP(client_close) struct carry_client *client = shop_client(shop);
    char *reports[2] = {NULL, NULL};
    out_begin(&asked, shop);
    for (size_t i = 0; i < LENGTH(reports); i++) {
        json_t *facts = NULL;
        MUST(
            carry_client_report(client, WORD_LOST, asked.sworn.carry, "電車", &facts, &must_error));
        reports[i] = strdup(json_string_value(json_object_get(facts, "report")));
        json_decref(facts);
        clock_shift += 86400;
    }
    assert_string_equal(reports[0], reports[1]);
    free(reports[0]);
    free(reports[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(removed_before),  TEST(cut_off),    TEST(destroyed_without_a_word),
        TEST(note_is_no_text), TEST(lost_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
