/* A check while the store does one thing wrong, at every place where it can: it never hangs, and
 * never says that all is well when it was given wrong bytes. */
#include "support/fault_shop.h"

static enum status try_check(struct check_report *report, const struct shop *shop,
                             const struct store_driver *driver, struct error *error)
{
    struct repo_access access = identity_access(&shop->world);
    access.store.driver = driver;
    struct repo *repo = NULL;
    const struct check_options options = {.read_percent = 100, .open_chunks = true};
    *report = (struct check_report){0};
    enum status status = repo_open(&repo, &access, error);
    status = status ? status : repo_check(report, repo, &options, error);
    repo_free(repo);
    return status;
}

/* What was wrong once can be right where it is looked at again, or was not needed. What is wrong
 * for good must be told: but the number of connections is no damage, nobody can know of a newest
 * snapshot that is hidden, references are read by their names whatever a listing shows, and of two
 * sealed copies of the secret one is enough. */
static bool may_look_clean(const struct shop *shop, const struct fault *fault,
                           const struct script *script)
{
    char newest[OBJECT_ID_TEXT_SIZE];
    hex_encode(newest, shop->days[DAYS - 1], OBJECT_ID_SIZE);
    bool references = strncmp(script->name, "references/", 11) == 0;
    return fault->span == SPAN_ONCE || strcmp(script->call, "open") == 0 ||
           strncmp(script->name, "keys/", 5) == 0 ||
           (fault->deed == DEED_HIDE && (references || strstr(script->name, newest) != NULL));
}

static void check_with(struct shop *shop, const struct fault *fault, struct script *script,
                       const struct store_driver *driver)
{
    struct error error = {0};
    struct check_report report;
    alarm(DEADLINE_SECONDS);
    enum status status = try_check(&report, shop, driver, &error);
    alarm(0);
    require_clear_end(fault, script, status, &error);
    bool clean = status == STATUS_OK && report.problems.count == 0;
    bool harmless = script->struck == 0 || fault->deed == DEED_REORDER;
    require(harmless ? clean : !clean || may_look_clean(shop, fault, script));
    check_report_free(&report);
}

static struct fault faults[] = {
    {"unreachable once", DEED_FAIL, STATUS_UNREACHABLE, SPAN_ONCE, 3},
    {"unreachable from then on", DEED_FAIL, STATUS_UNREACHABLE, SPAN_LASTING, 7},
    {"denied once", DEED_FAIL, STATUS_DENIED, SPAN_ONCE, 7},
    {"denied for good", DEED_FAIL, STATUS_DENIED, SPAN_OBJECT, 3},
    {"unreadable for good", DEED_FAIL, STATUS_FAILED, SPAN_OBJECT, 3},
    {"read short once", DEED_TRUNCATE, STATUS_OK, SPAN_ONCE, 0},
    {"read short for good", DEED_TRUNCATE, STATUS_OK, SPAN_OBJECT, 0},
    {"read wrong once", DEED_FLIP, STATUS_OK, SPAN_ONCE, 0},
    {"read wrong for good", DEED_FLIP, STATUS_OK, SPAN_OBJECT, 0},
    {"wrong size once", DEED_SIZE, STATUS_OK, SPAN_ONCE, 0},
    {"hidden once", DEED_HIDE, STATUS_OK, SPAN_ONCE, 0},
    {"hidden for good", DEED_HIDE, STATUS_OK, SPAN_OBJECT, 0},
    {"listed backwards", DEED_REORDER, STATUS_OK, SPAN_LASTING, 20},
    {"slow", DEED_DELAY, STATUS_OK, SPAN_ONCE, 20},
};

static int shop_start(void **state)
{
    (void)state;
    trial_shop = shop_open(DAYS);
    return 0;
}

int main(void)
{
    add_fault_tests(faults, LENGTH(faults), check_with);
    return _cmocka_run_group_tests("faults of a check", fault_tests, LENGTH(faults), shop_start,
                                   shop_end);
}
