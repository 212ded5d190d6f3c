/* policy_parse: the example is good; every broken rule is named with its line. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "kura/config.h"
#include "kura/policy.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct buffer example;

static int read_example(void **state)
{
    (void)state;
    struct error error = {0};
    return file_read(&example, KURA_SOURCE "/scripts/examples/policy.yaml", POLICY_SIZE_LIMIT,
                     &error) == STATUS_OK
               ? 0
               : -1;
}

static int free_example(void **state)
{
    (void)state;
    buffer_free(&example);
    return 0;
}

/* The example with the first `from` replaced by `to`; the caller frees it. */
static char *changed(const char *from, const char *to)
{
    char *text = strndup((const char *)example.data, example.size);
    const char *at = strstr(text, from);
    assert_non_null(at);
    char *result;
    assert_true(asprintf(&result, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from)) > 0);
    free(text);
    return result;
}

static void test_example(void **state)
{
    (void)state;
    struct policy policy;
    struct error error = {0};
    if (policy_parse(&policy, example.data, example.size, "policy.yaml", &error) != STATUS_OK) {
        fail_msg("%s", error.message);
    }
    assert_int_equal(policy.version, 1);
    assert_int_equal(policy.people_count, 3);
    assert_int_equal(policy.people[0].roles, ROLE_DATA_MANAGER);
    assert_int_equal(policy.approval.token_lifetime, 86400);
    assert_int_equal(policy.clock_tolerance, 300);
    assert_int_equal(policy.anchor_age, 36 * 3600);
    assert_string_equal(policy_find_user(&policy, "sato")->id, "sato");
    assert_null(policy_find_user(&policy, "nobody"));
    assert_string_equal(policy.purposes[1], "車検の代行");
    const struct policy_data_set *set = policy_find_data_set(&policy, "inspection_visits");
    assert_non_null(set);
    assert_int_equal(set->parameters[0].type, PARAMETER_DATE);
    assert_int_equal(set->timeout, 30);
    assert_int_equal(set->field_count, 7);
    assert_true(policy_find_class(&policy, "sensitive")->sensitive);
    assert_int_equal(policy_find_medium(&policy, "M-001")->status, MEDIUM_ACTIVE);
    policy_free(&policy);
}

static void test_broken(void **state)
{
    (void)state;
    static const struct {
        const char *from, *to, *says;
    } cases[] = {
        {"version: 1  ", "versoin: 1  ", "unknown key \"versoin\""},
        {"version: 1  ", "version: 0  ", "\"version\" must be from 1"},
        {"version: 1  ", "version: x  ", "\"version\" must be a whole number"},
        {"valid_from: 2026-11-22", "valid_from: soon", "\"soon\" is not a date"},
        {"anchor_age: 36h", "anchor_age: 36", "is not a span of time"},
        {"absolute_ceiling: 300", "absolute_ceiling: 1001",
         "\"limits.absolute_ceiling\" must be from 1 to 1000"},
        {"max_persons_per_carry: 50", "max_persons_per_carry: 301",
         "\"limits.max_persons_per_carry\" must be from 1 to 300"},
        {"rolling_days: 7", "rolling_days: 0", "\"limits.rolling_days\" must be"},
        {"max_persons_outstanding: 50", "max_persons_outstanding: 50\n  version: 3",
         "unknown key \"version\""},
        {"id: suzuki", "id: yamada", "\"people[1].id\": somebody else has the same id"},
        {"RWQB", "RWQA", "\"people[1].key\": somebody else has the same key"},
        {"system_user: suzuki", "system_user: yamada",
         "\"people[1].system_user\": somebody else has the same system user"},
        {"roles: [staff]", "roles: [boss]", "\"boss\" is none of data_manager, deputy, staff"},
        {"roles: [staff]", "roles: []", "\"people[2].roles\": is missing"},
        {"roles: [data_manager]", "roles: [deputy]", "there is no data_manager"},
        {"roles: [deputy]", "roles: [staff]", "two approvers are asked for"},
        {"id: sato", "id: ../sato", "\"people[2].id\": is not a good name"},
        {"sql: SELECT id FROM customers }", "sql: ' ' }",
         "\"persons[0].sql\": is missing or empty"},
        {"domain: customer, source: customers", "domain: customer, source: ../x",
         "\"persons[0].source\": is not a good name"},
        {"column: customer_id, domain: customer", "column: customer_id, domain: contact",
         "\"data_sets[0].persons[0].domain\": no such domain is in persons"},
        {"class: vehicle", "class: car", "no such class is in field_classes"},
        {"source: customers ", "sauce: customers ", "unknown key \"sauce\""},
        {"type: date", "type: time", "\"time\" is none of text, integer, date"},
        {"max_rows: 500", "documents_path: a/{customer_id}", "go together"},
        {"max_rows: 500", "documents_source: d\n    documents_path: a/{customer_id}",
         "documents_class\": is missing"},
        {"max_rows: 500", "documents_source: d\n    documents_path: a\n    documents_class: secret",
         "documents_class\": no such class"},
        {"max_rows: 500", "documents_class: name", "there are no documents"},
        {"recipients: [age1", "recipients: []\n  - name: x\n    recipients: [age1",
         "\"destinations[0].recipients\": is missing"},
        {"- id: M-001\n    fingerprint: \"0", "- id: M-001\n    fingerprint: \"",
         "must be 64 hexadecimal digits"},
        {"preliminary_days: 5", "preliminary_days: 9",
         "\"report.preliminary_days\" must be from 3 to 5"},
        {"shop: 山田自動車", "shop: 山田自動車\nshop: 田中自動車", "shop"},
        {"purposes: [出張点検, 車検の代行, 保険会社への説明]", "purposes: []",
         "\"purposes\": is missing"},
    };
    for (size_t i = 0; i < LENGTH(cases); i++) {
        char *text = changed(cases[i].from, cases[i].to);
        struct policy policy;
        struct error error = {0};
        assert_int_equal(policy_parse(&policy, text, strlen(text), "policy.yaml", &error),
                         STATUS_USAGE);
        if (strstr(error.message, cases[i].says) == NULL ||
            strstr(error.message, "policy.yaml: line ") == NULL) {
            fail_msg("case %zu (%s): %s", i, cases[i].to, error.message);
        }
        free(text);
    }
}

/* A policy that does not say who is a person minds no domain of a data set. */
static void test_no_persons(void **state)
{
    (void)state;
    char *without =
        changed("persons:\n  - { domain: customer, source: customers, sql: SELECT id FROM "
                "customers }\n  - { domain: customer, source: customers, sql: SELECT "
                "customer FROM vehicles }\n",
                "");
    struct policy policy;
    struct error error = {0};
    assert_int_equal(policy_parse(&policy, without, strlen(without), "p", &error), STATUS_OK);
    assert_int_equal(policy.person_kind_count, 0);
    struct config_person own = {strdup("own"), strdup("SELECT 1")};
    struct config_source source = {.name = (char[]){"customers"},
                                   .kind = SOURCE_SQLITE,
                                   .persons = malloc(sizeof own),
                                   .person_count = 1};
    struct config config = {.sources = &source, .source_count = 1};
    source.persons[0] = own;
    assert_int_equal(policy_give_persons(&config, &policy, &error), STATUS_OK);
    assert_int_equal(source.person_count, 1); /* the configuration's stays */
    assert_string_equal(source.persons[0].domain, "own");
    policy_free(&policy);
    free(without);

    assert_int_equal(policy_parse(&policy, example.data, example.size, "p", &error), STATUS_OK);
    assert_int_equal(policy_give_persons(&config, &policy, &error), STATUS_OK);
    assert_int_equal(source.person_count, 2);
    assert_string_equal(source.persons[1].sql, "SELECT customer FROM vehicles");
    /* Of another host is passed over; what is no database counts nobody. */
    source.name = (char[]){"others"};
    assert_int_equal(policy_give_persons(&config, &policy, &error), STATUS_OK);
    assert_int_equal(source.person_count, 0);
    source.name = (char[]){"customers"};
    source.kind = SOURCE_TREE;
    assert_int_equal(policy_give_persons(&config, &policy, &error), STATUS_USAGE);
    assert_int_equal(source.person_count, 0);
    policy_free(&policy);
}

static void test_empty(void **state)
{
    (void)state;
    struct policy policy;
    struct error error = {0};
    assert_int_equal(policy_parse(&policy, "", 0, "p", &error), STATUS_USAGE);
    assert_int_equal(policy_parse(&policy, "- 1\n", 4, "p", &error), STATUS_USAGE);
    assert_non_null(strstr(error.message, "group of keys"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_example),
        cmocka_unit_test(test_broken),
        cmocka_unit_test(test_no_persons),
        cmocka_unit_test(test_empty),
    };
    return cmocka_run_group_tests(tests, read_example, free_example);
}
