/* papers: what is written for people: the numbers and dates are right, what is not known says so,
 * and no customer is named. */
#include "carry_world.h"
#include "carry/papers.h"

static struct world world;
static char *fields[] = {(char *)(uintptr_t) "id:opaque", (char *)(uintptr_t) "name:name",
                         (char *)(uintptr_t) "kana:name", NULL};
static char *recipients[] = {(char *)(uintptr_t) "age1reader", NULL};

static int make(void **state)
{
    struct error error = {0};
    (void)state;
    setenv("TZ", "Asia/Tokyo", 1);
    tzset();
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

static struct moment at(const char *text)
{
    struct moment moment;
    assert_true(moment_parse(&moment, text));
    return moment;
}

static struct carry_record record(void)
{
    struct carry_record carry = {.id = "C-20261122-AAAAAA",
                                 .state = CARRY_OUT,
                                 .bearer = "sato",
                                 .approvers = {"yamada", "suzuki"},
                                 .data_set = (char *)(uintptr_t) "visits",
                                 .purpose = (char *)(uintptr_t) "出張点検",
                                 .destination = (char *)(uintptr_t) "laptop",
                                 .medium = "M-001",
                                 .format = "tar",
                                 .persons = 37,
                                 .rows = 52,
                                 .documents = 4,
                                 .artefact_size = 123456,
                                 .fields = fields,
                                 .recipients = recipients};
    carry.requested = at("2026-11-22T01:00:00Z");
    carry.out = at("2026-11-22T05:05:00Z");
    carry.due = at("2026-11-25T14:59:59Z");
    return carry;
}

static char *incident(const struct carry_record *carry, struct moment learned, const char *note)
{
    struct error must_error = {0};
    CLEANUP(buffer_free) struct buffer text = {0};
    MUST(paper_incident(&text, &world.policy.policy, carry, learned, note, &must_error));
    char *copy = strndup((const char *)text.data, text.size);
    assert_non_null(copy);
    return copy;
}

static void expect_says(const char *text, const char *words)
{
    if (strstr(text, words) == NULL) {
        fail_msg("no word of \"%s\" in:\n%s", words, text);
    }
}

static unsigned count(const char *text, const char *words)
{
    unsigned found = 0;
    for (const char *here = strstr(text, words); here != NULL; here = strstr(here + 1, words)) {
        found++;
    }
    return found;
}

static void test_incident(void **state)
{
    (void)state;
    const struct carry_record carry = record();
    CLEANUP(memory_free)
    char *text = incident(&carry, at("2026-11-24T23:30:00Z"), "駅で置き忘れ");
    static const char *const words[] = {
        "山田自動車", "C-20261122-AAAAAA", "37 人", "行数 52", "書類 4", "出張点検", "laptop",
        "M-001", "駅で置き忘れ", "sato", "yamada", "suzuki", "id", "name、kana", "age1reader",
        "123456 バイト", "age1reader（調査中）", "X25519",
        "個人データ管理責任者: ", "2026年11月22日 14時05分", "2026年11月25日 08時30分",
        /* the nine facts */
        "1. 概要", "2. ", "3. 本人の数", "4. 原因", "5. 二次被害", "6. 本人への対応", "7. 公表",
        "8. 再発防止", "9. その他",
        /* 3 to 5 days after the day in Japan, 30 and 60 */
        "遅くとも2026年11月30日まで", "3日目は2026年11月28日", "2026年12月25日まで（30日以内）",
        "2027年1月24日まで（60日以内）", "判断しません", "1000人を超えるか"};
    for (size_t i = 0; i < LENGTH(words); i++) {
        expect_says(text, words[i]);
    }
    assert_true(count(text, "調査中") >= 5);
}

static void test_month_ends(void **state)
{
    (void)state;
    static const struct {
        const char *learned, *early, *last, *final, *improper;
    } cases[] = {
        {"2027-01-30T03:00:00Z", "3日目は2027年2月2日", "2027年2月4日まで", "2027年3月1日まで",
         "2027年3月31日まで"},
        {"2028-02-27T03:00:00Z", "3日目は2028年3月1日", "2028年3月3日まで", "2028年3月28日まで",
         "2028年4月27日まで"},
        {"2026-12-29T15:00:00Z", "3日目は2027年1月2日", "2027年1月4日まで", "2027年1月29日まで",
         "2027年2月28日まで"}, /* the 30th in Japan */
    };
    const struct carry_record carry = record();
    for (size_t i = 0; i < LENGTH(cases); i++) {
        CLEANUP(memory_free) char *text = incident(&carry, at(cases[i].learned), NULL);
        expect_says(text, cases[i].early);
        expect_says(text, cases[i].last);
        expect_says(text, cases[i].final);
        expect_says(text, cases[i].improper);
    }
}

/* What the log does not know is 調査中 and never empty or invented. */
static void test_unknown(void **state)
{
    (void)state;
    struct carry_record carry = record();
    carry.out = (struct moment){0};
    carry.approvers[0][0] = carry.approvers[1][0] = '\0';
    snprintf(carry.medium, sizeof carry.medium, "M-009");
    CLEANUP(memory_free) char *text = incident(&carry, at("2026-11-24T00:00:00Z"), NULL);
    expect_says(text, "持ち出し: 調査中");
    expect_says(text, "承認した者: 調査中");
    expect_says(text, "保管場所: 調査中");
    expect_says(text, "経緯: 調査中");
    assert_null(strstr(text, "1970年"));
    assert_null(strstr(text, "(null)"));
}

/* Without a policy: the days of the law, numbers for names, and nothing invented. */
static void test_no_policy(void **state)
{
    (void)state;
    struct error must_error = {0};
    CLEANUP(buffer_free) struct buffer text = {0};
    const struct policy none = {0};
    const struct carry_record carry = record();
    MUST(paper_incident(&text, &none, &carry, at("2026-11-24T23:30:00Z"), NULL, &must_error));
    MUST(buffer_append_u8(&text, '\0', &must_error));
    const char *paper = (const char *)text.data;
    static const char *const words[] = {"事業者: 調査中",
                                        "番号のみ",
                                        "個人データ管理責任者: 調査中",
                                        "持ち出した者: sato",
                                        "遅くとも2026年11月30日まで",
                                        "2026年12月25日まで（30日以内）",
                                        "37 人"};
    for (size_t i = 0; i < LENGTH(words); i++) {
        expect_says(paper, words[i]);
    }
    assert_null(strstr(paper, "(null)"));
}

/* Whose the keys are that open it. */
static void test_holders(void **state)
{
    (void)state;
    struct carry_record carry = record();
    char *own[] = {world.policy.policy.destinations[0].recipients[0], NULL};
    carry.recipients = own;
    CLEANUP(memory_free) char *text = incident(&carry, at("2026-11-24T00:00:00Z"), NULL);
    char wanted[256];
    const char *holder = "laptop";
    for (size_t i = 0; i < world.policy.policy.people_count; i++) {
        const struct policy_person *person = &world.policy.policy.people[i];
        if (person->recipient != NULL && strcmp(person->recipient, own[0]) == 0) {
            holder = person->name;
            break;
        }
    }
    snprintf(wanted, sizeof wanted, "%s（%s）", own[0], holder);
    expect_says(text, wanted);
}

static void test_zip(void **state)
{
    (void)state;
    struct carry_record carry = record();
    snprintf(carry.format, sizeof carry.format, "zip");
    CLEANUP(memory_free) char *text = incident(&carry, at("2026-11-24T00:00:00Z"), NULL);
    expect_says(text, "WinZip-AES");
    expect_says(text, "媒体には書き込んでいません");
    assert_null(strstr(text, "X25519"));
}

static void test_certificate(void **state)
{
    (void)state;
    struct error must_error = {0};
    struct carry_record carry = record();
    CLEANUP(buffer_free) struct buffer text = {0}, destroyed = {0}, absent = {0};
    carry.returned = at("2026-11-24T01:00:00Z");
    carry.erased = at("2026-11-24T01:01:00Z");
    snprintf(carry.confirmer, sizeof carry.confirmer, "tanaka");
    MUST(paper_certificate(&text, &world.policy.policy, &carry, ERASURE_OVERWRITTEN, NULL,
                           &must_error));
    MUST(buffer_append_u8(&text, 0, &must_error));
    static const char *const words[] = {
        "消去証明書", "C-20261122-AAAAAA",       "37 人",          "4 件",  "M-001", "sato",
        "tanaka",     "2026年11月24日 10時01分", "証明できません", "上書き"};
    for (size_t i = 0; i < LENGTH(words); i++) {
        expect_says((char *)text.data, words[i]);
    }
    MUST(paper_certificate(&destroyed, &world.policy.policy, &carry, ERASURE_DESTROYED, "破砕した",
                           &must_error));
    MUST(buffer_append_u8(&destroyed, 0, &must_error));
    expect_says((char *)destroyed.data, "破砕した");
    assert_null(strstr((char *)destroyed.data, "上書きして削除"));
    assert_null(strstr((char *)destroyed.data, "新しいラベルを書き込みました"));
    MUST(paper_certificate(&absent, &world.policy.policy, &carry, ERASURE_NOT_FOUND, NULL,
                           &must_error));
    MUST(buffer_append_u8(&absent, 0, &must_error));
    expect_says((char *)absent.data, "上書きしていません");
    assert_null(strstr((char *)absent.data, "上書きして削除"));
}

/* The finder learns whom to call and nothing of what is inside. */
static void test_notice(void **state)
{
    (void)state;
    struct error must_error = {0};
    CLEANUP(buffer_free) struct buffer text = {0};
    MUST(paper_notice(&text, &world.policy.policy, "C-20261122-AAAAAA", &must_error));
    MUST(buffer_append_u8(&text, 0, &must_error));
    const char *notice = (const char *)text.data;
    assert_int_equal(count(notice, "03-0000-0000"), 2); /* in both languages */
    assert_int_equal(count(notice, "C-20261122-AAAAAA"), 2);
    static const char *const never[] = {"sato",     "yamada", "visits", "人",
                                        "出張点検", "laptop", "age",    "M-001"};
    for (size_t i = 0; i < LENGTH(never); i++) {
        if (strstr(notice, never[i]) != NULL) {
            fail_msg("the notice says %s", never[i]);
        }
    }
    for (const char *here = strchr(notice, '\n'); here != NULL; here = strchr(here + 1, '\n')) {
        assert_int_equal(here[-1], '\r'); /* for Windows' editor */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_incident),    cmocka_unit_test(test_month_ends),
        cmocka_unit_test(test_unknown),     cmocka_unit_test(test_no_policy),
        cmocka_unit_test(test_holders),     cmocka_unit_test(test_zip),
        cmocka_unit_test(test_certificate), cmocka_unit_test(test_notice),
    };
    return cmocka_run_group_tests(tests, make, drop);
}
