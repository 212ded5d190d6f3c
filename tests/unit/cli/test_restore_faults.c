/* A restore while the store does one thing wrong, at every place where it can: it ends well or says
 * clearly why not or what is missing, whatever stands in the target is right, and the same command
 * without the fault goes on to the end. */
#include "support/fault_shop.h"

/* The same once more, without the fault. What an interrupted restore had finished is known to it;
 * what a finished one left out comes when the rest may be replaced. */
static void go_on(const struct shop *shop, const char *target, enum status first)
{
    bool ended = first == STATUS_OK;
    clean_restore(shop, shop->days[DAYS - 1], target, ended ? RESTORE_REPLACE : RESTORE_KEEP);
}

static void restore_with(struct shop *shop, const struct fault *fault, struct script *script,
                         const struct store_driver *driver)
{
    struct error error = {0};
    struct restored restored;
    char target[512];
    char truth[512];
    remove_tree(shop_path(target, shop, "target"));
    const struct restore_options options = {.target = target};
    alarm(DEADLINE_SECONDS);
    enum status status = try_restore(&restored, shop, driver, "latest", &options, &error);
    alarm(0);
    require_clear_end(fault, script, status, &error);
    /* Without the newest snapshot the one before is the latest: with a word why, unless it was
     * hidden, and always rightly. */
    bool newest = restored.sequence == 0 || restored.sequence == DAYS;
    require(newest || fault->deed == DEED_HIDE || restored.problems > 0);
    truth_path(truth, shop, newest ? DAYS - 1 : 0);
    if (access(target, F_OK) == 0) {
        require_part_of(target, truth);
    }
    bool whole = status == STATUS_OK && restored.summary.failed == 0;
    require(!whole || restored.summary.counts_match);
    if (newest && !whole) {
        go_on(shop, target, status);
        whole = true;
    }
    if (whole) {
        require_same(target, truth);
    }
}

static struct fault faults[] = {
    {"unreachable once", DEED_FAIL, STATUS_UNREACHABLE, SPAN_ONCE, 0},
    {"unreachable from then on", DEED_FAIL, STATUS_UNREACHABLE, SPAN_LASTING, 0},
    {"denied once", DEED_FAIL, STATUS_DENIED, SPAN_ONCE, 0},
    {"denied from then on", DEED_FAIL, STATUS_DENIED, SPAN_LASTING, 0},
    {"an object unreadable for good", DEED_FAIL, STATUS_FAILED, SPAN_OBJECT, 0},
    {"read short", DEED_TRUNCATE, STATUS_OK, SPAN_ONCE, 0},
    {"read short from then on", DEED_TRUNCATE, STATUS_OK, SPAN_LASTING, 0},
    {"read wrong", DEED_FLIP, STATUS_OK, SPAN_ONCE, 0},
    {"read wrong from then on", DEED_FLIP, STATUS_OK, SPAN_LASTING, 0},
    {"wrong size", DEED_SIZE, STATUS_OK, SPAN_ONCE, 0},
    {"hidden entry", DEED_HIDE, STATUS_OK, SPAN_ONCE, 0},
    {"hidden from then on", DEED_HIDE, STATUS_OK, SPAN_LASTING, 0},
    {"listed backwards", DEED_REORDER, STATUS_OK, SPAN_LASTING, 0},
    {"slow", DEED_DELAY, STATUS_OK, SPAN_ONCE, 0},
};

static int shop_start(void **state)
{
    (void)state;
    trial_shop = shop_open(DAYS);
    return 0;
}

int main(void)
{
    add_fault_tests(faults, LENGTH(faults), restore_with);
    return _cmocka_run_group_tests("faults of a restore", fault_tests, LENGTH(faults), shop_start,
                                   shop_end);
}
