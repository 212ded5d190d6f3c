/* road: every cell of the table. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "kura/medium.h"

#define OK VERDICT_ALLOWED
#define REC VERDICT_ALLOWED_RECORDED
#define NO VERDICT_REFUSED
#define ENROL VERDICT_NEEDS_ENROLMENT
#define WHY VERDICT_NEEDS_REASON
#define TOKEN VERDICT_NEEDS_TOKEN

struct row {
    enum road road;
    bool with_policy, enrolled;
    enum road_verdict fixed, network, unknown, removable;
    enum road_verdict own; /* removable, and the root file system is on it */
};

static const struct row rows[] = {
    {ROAD_CARRY, false, false, NO, NO, NO, ENROL, ENROL},
    {ROAD_CARRY, true, false, NO, NO, NO, ENROL, ENROL},
    {ROAD_CARRY, true, true, TOKEN, NO, TOKEN, TOKEN, TOKEN},
    {ROAD_STAGING, false, false, OK, NO, REC, NO, REC},
    {ROAD_STAGING, true, false, OK, NO, NO, NO, NO},
    {ROAD_STAGING, true, true, OK, OK, OK, OK, OK},
    {ROAD_STORE, false, false, OK, OK, OK, ENROL, ENROL},
    {ROAD_STORE, true, false, OK, OK, ENROL, ENROL, ENROL},
    {ROAD_STORE, true, true, OK, OK, OK, OK, OK},
    {ROAD_OUTPUT, false, false, OK, OK, REC, WHY, WHY},
    {ROAD_OUTPUT, true, false, OK, OK, REC, WHY, WHY},
    {ROAD_OUTPUT, true, true, OK, OK, OK, OK, OK},
    /* Only a policy enrols. */
    {ROAD_CARRY, false, true, NO, NO, NO, ENROL, ENROL},
    {ROAD_STAGING, false, true, OK, NO, REC, NO, REC},
    {ROAD_STORE, false, true, OK, OK, OK, ENROL, ENROL},
    {ROAD_OUTPUT, false, true, OK, OK, REC, WHY, WHY},
};

static enum road_verdict judge(const struct row *row, enum place_class class, bool on_root)
{
    const struct road_facts facts = {class, on_root, row->with_policy, row->enrolled};
    return road_judge(row->road, &facts);
}

static void every_cell(void **state)
{
    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        const struct row *row = &rows[i];
        print_message("road %d, policy %d, enrolled %d\n", row->road, row->with_policy,
                      row->enrolled);
        assert_int_equal(judge(row, PLACE_FIXED, true), row->fixed);
        assert_int_equal(judge(row, PLACE_NETWORK, false), row->network);
        assert_int_equal(judge(row, PLACE_UNKNOWN, false), row->unknown);
        assert_int_equal(judge(row, PLACE_REMOVABLE, false), row->removable);
        assert_int_equal(judge(row, PLACE_REMOVABLE, true), row->own);
        /* A system that runs from the network is no reason to stage there. */
        assert_int_equal(judge(row, PLACE_NETWORK, true), row->network);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_cell)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
