/* Until when the rule keeps a snapshot. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "kura/backup.h"
#include <stdlib.h>
#include <time.h>

#define NIGHTS 400

static struct moment nights[NIGHTS]; /* at 02:00, from 2026-01-01, a Thursday */

static struct moment day(const char *text)
{
    struct moment moment;
    assert_true(moment_parse(&moment, text));
    return moment;
}

static int set_up(void **state)
{
    (void)state;
    setenv("TZ", "Asia/Tokyo", 1);
    tzset();
    nights[0] = day("2026-01-01 02:00");
    for (size_t i = 1; i < NIGHTS; i++) {
        nights[i].seconds = nights[i - 1].seconds + 86400;
    }
    return 0;
}

static void expect(struct config_retention rule, size_t count, size_t number, const char *wanted)
{
    struct moment until;
    char text[MOMENT_TEXT_SIZE];
    assert_true(retention_until(&until, &rule, nights, count, number));
    if (moment_compare(until, day(wanted)) != 0) {
        fail_msg("night %zu of %zu: until %s and not %s", number, count,
                 moment_format_local(text, until), wanted);
    }
}

static void test_no_rule_keeps_all(void **state)
{
    (void)state;
    const struct config_retention none = {0};
    struct moment until;
    assert_false(retention_until(&until, &none, nights, 10, 3));
}

static void test_days(void **state)
{
    (void)state;
    expect((struct config_retention){.daily = 7}, 10, 3, "2026-01-11");
    expect((struct config_retention){.daily = 1}, 10, 3, "2026-01-05");
}

static void test_the_last_of_a_period_stays_longest(void **state)
{
    (void)state;
    const struct config_retention rule = {.daily = 3, .weekly = 2, .monthly = 12, .yearly = 2};
    /* Saturday the 3rd: Sunday the 4th is the last of that week. */
    expect(rule, NIGHTS, 2, "2026-01-06");
    expect(rule, NIGHTS, 3, "2026-01-12");   /* the week from December 29 on, and one more */
    expect(rule, NIGHTS, 30, "2027-01-01");  /* January 31: twelve months */
    expect(rule, NIGHTS, 364, "2028-01-01"); /* December 31: two years */
    expect(rule, 3, 2, "2028-01-01");        /* the newest may be the last of its year */
}

static void test_two_in_one_day(void **state)
{
    (void)state;
    struct moment twice[] = {day("2026-03-01 02:00"), day("2026-03-01 14:00")};
    const struct config_retention rule = {.daily = 2};
    struct moment until;
    assert_true(retention_until(&until, &rule, twice, 2, 0));
    assert_int_equal(moment_compare(until, twice[0]), 0); /* the other one stands for the day */
    assert_true(retention_until(&until, &rule, twice, 2, 1));
    assert_int_equal(moment_compare(until, day("2026-03-03")), 0);
}

static void test_summer_time(void **state)
{
    (void)state;
    setenv("TZ", "Europe/Berlin", 1);
    tzset();
    const struct moment before[] = {day("2026-03-28 02:00")};
    const struct config_retention rule = {.daily = 2};
    struct moment until;
    assert_true(retention_until(&until, &rule, before, 1, 0));
    assert_int_equal(moment_compare(until, day("2026-03-30 00:00")), 0); /* 47 hours later */
    setenv("TZ", "Asia/Tokyo", 1);
    tzset();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_rule_keeps_all),
        cmocka_unit_test(test_days),
        cmocka_unit_test(test_the_last_of_a_period_stays_longest),
        cmocka_unit_test(test_two_in_one_day),
        cmocka_unit_test(test_summer_time),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
