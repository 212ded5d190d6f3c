/* A backup while the store does one thing wrong, at every place where it can: it ends well or says
 * clearly why not, nothing that was stored before is lost, and the next night all is well. */
#include "support/fault_shop.h"

static void require_listed(const struct shop *shop, const unsigned char id[OBJECT_ID_SIZE])
{
    struct error error = {0};
    struct repo_access access = identity_access(&shop->world);
    struct repo *repo = NULL;
    struct snapshot_list list = {0};
    bool found = false;
    must(repo_open(&repo, &access, &error));
    must(repo_list(&list, repo, &error));
    for (size_t i = 0; i < list.count; i++) {
        found = found || memcmp(list.items[i].id, id, OBJECT_ID_SIZE) == 0;
    }
    snapshot_list_free(&list);
    repo_free(repo);
    require(found);
}

/* All is well, but for the half of an object that a broken upload left under its name: a check may
 * tell of that. */
static void require_clean(const struct shop *shop, const struct fault *fault,
                          const struct script *script)
{
    struct check_report report = {0};
    clean_check(shop, &report);
    for (size_t i = 0; i < report.problems.count; i++) {
        const struct problem *problem = &report.problems.items[i];
        if (fault->deed != DEED_PARTIAL || strcmp(script->name, problem->object) != 0) {
            fail_msg("%s: %s: %s", trying, problem->object, problem->message);
        }
    }
    require(report.problems.dropped == 0);
    check_report_free(&report);
}

static void back_up_with(struct shop *shop, const struct fault *fault, struct script *script,
                         const struct store_driver *driver)
{
    struct error error = {0};
    struct backup_summary summary;
    unsigned char next[OBJECT_ID_SIZE];
    begin_anew(shop);
    alarm(DEADLINE_SECONDS);
    enum status status = try_backup(&summary, shop, driver, &error);
    alarm(0);
    require_clear_end(fault, script, status, &error);
    if (status == STATUS_OK && summary.failed_sources == 0) {
        require_day(shop, summary.statement.id, 1);
    }
    clean_backup(shop, next);
    require_listed(shop, shop->days[0]);
    if (script->at % 4 == 1) {
        require_day(shop, shop->days[0], 0); /* the check opens it every time */
    }
    require_day(shop, next, 1);
    require_clean(shop, fault, script);
    backup_summary_free(&summary);
}

static struct fault faults[] = {
    {"unreachable once", DEED_FAIL, STATUS_UNREACHABLE, SPAN_ONCE, 0},
    {"unreachable from then on", DEED_FAIL, STATUS_UNREACHABLE, SPAN_LASTING, 0},
    {"no space once", DEED_FAIL, STATUS_NO_SPACE, SPAN_ONCE, 2},
    {"denied once", DEED_FAIL, STATUS_DENIED, SPAN_ONCE, 2},
    {"denied from then on", DEED_FAIL, STATUS_DENIED, SPAN_LASTING, 3},
    {"an object unreadable for good", DEED_FAIL, STATUS_FAILED, SPAN_OBJECT, 2},
    {"stored, not confirmed", DEED_DENY_ACK, STATUS_UNREACHABLE, SPAN_ONCE, 0},
    {"half stored", DEED_PARTIAL, STATUS_UNREACHABLE, SPAN_ONCE, 0},
    {"read short", DEED_TRUNCATE, STATUS_OK, SPAN_ONCE, 0},
    {"read wrong", DEED_FLIP, STATUS_OK, SPAN_ONCE, 0},
    {"wrong size", DEED_SIZE, STATUS_OK, SPAN_ONCE, 0},
    {"hidden entry", DEED_HIDE, STATUS_OK, SPAN_ONCE, 0},
    {"listed backwards", DEED_REORDER, STATUS_OK, SPAN_LASTING, 0},
    {"slow", DEED_DELAY, STATUS_OK, SPAN_ONCE, 4},
};

static int shop_start(void **state)
{
    (void)state;
    trial_shop = shop_open(1);
    return 0;
}

int main(void)
{
    add_fault_tests(faults, LENGTH(faults), back_up_with);
    return _cmocka_run_group_tests("faults of a backup", fault_tests, LENGTH(faults), shop_start,
                                   shop_end);
}
