/* A backup onto a store that confirms an object and does not keep it, at every publication. No
 * backup can know. But what was stored before stays good, a check names the object, and the next
 * nights come upon it and store anew what it held. */
#include "support/fault_shop.h"

/* A night looks at a few chunks by chance; that so many all miss the lost one does not happen. */
#define NIGHTS 60

static bool names(const struct problems *problems, const char *object)
{
    bool found = false;
    for (size_t i = 0; i < problems->count; i++) {
        const char *named = problems->items[i].object;
        /* A catalogue lies under the name of its snapshot and one of its own. */
        size_t size = strncmp(object, "snapshots/", 10) == 0 ? strcspn(object, ".") : SIZE_MAX;
        found = found || strncmp(named, object, size) == 0;
    }
    return found;
}

/* As the machine itself checks, which knows what it published last. */
static void require_named(const struct shop *shop, const char *object)
{
    struct error error = {0};
    struct repo_access access = identity_access(&shop->world);
    struct repo *repo = NULL;
    struct check_report report = {0};
    const struct check_options options = {
        .state = shop->state, .read_percent = 100, .open_chunks = true};
    must(repo_open(&repo, &access, &error));
    must(repo_check(&report, repo, &options, &error));
    repo_free(repo);
    require(names(&report.problems, object));
    check_report_free(&report);
}

/* *told: the night met something. */
static void next_night(const struct shop *shop, bool *told)
{
    struct error error = {0};
    struct backup_summary summary;
    must(try_backup(&summary, shop, NULL, &error));
    require(summary.failed_sources == 0);
    *told = *told || summary.problems.count > 0;
    backup_summary_free(&summary);
}

static bool newest_is_whole(const struct shop *shop)
{
    struct error error = {0};
    struct restored restored;
    char target[512];
    char truth[512];
    remove_tree(shop_path(target, shop, "target"));
    const struct restore_options options = {.target = target};
    enum status status = try_restore(&restored, shop, NULL, "latest", &options, &error);
    require(restored.sequence == 0 || restored.sequence > DAYS - 1);
    bool whole = status == STATUS_OK && restored.summary.failed == 0;
    if (access(target, F_OK) == 0) {
        require_part_of(target, truth_path(truth, shop, DAYS - 1));
    }
    if (whole) {
        require_same(target, truth_path(truth, shop, DAYS - 1));
    }
    return whole;
}

static void require_healing(const struct shop *shop, const struct script *script)
{
    bool told = false;
    unsigned nights = 0;
    do {
        require(nights < NIGHTS);
        alarm(DEADLINE_SECONDS);
        next_night(shop, &told);
        alarm(0);
        nights++;
    } while (!newest_is_whole(shop));
    bool missed = nights > 1 || strncmp(script->name, "statements/", 11) == 0;
    require(told || !missed);
}

static void back_up_on_a_liar(struct shop *shop, const struct fault *fault, struct script *script,
                              const struct store_driver *driver)
{
    struct error error = {0};
    struct backup_summary summary;
    begin_anew(shop);
    alarm(DEADLINE_SECONDS);
    enum status status = try_backup(&summary, shop, driver, &error);
    alarm(0);
    require_clear_end(fault, script, status, &error);
    require(status == STATUS_OK); /* or there would be no lie */
    require(summary.problems.count == 0);
    backup_summary_free(&summary);
    require_day(shop, shop->days[0], 0);
    if (script->struck > 0) {
        require_named(shop, script->name);
    }
    require_healing(shop, script);
    require_day(shop, shop->days[0], 0);
}

static struct fault faults[] = {
    {"confirmed, and nothing stored", DEED_LOSE, STATUS_OK, SPAN_ONCE, 0},
    {"confirmed, and stored empty", DEED_EMPTY, STATUS_OK, SPAN_ONCE, 0},
    {"confirmed, and half stored", DEED_SHORTEN, STATUS_OK, SPAN_ONCE, 0},
};

static int shop_start(void **state)
{
    (void)state;
    trial_shop = shop_open(1);
    return 0;
}

int main(void)
{
    add_fault_tests(faults, LENGTH(faults), back_up_on_a_liar);
    return _cmocka_run_group_tests("a store that lies to a backup", fault_tests, LENGTH(faults),
                                   shop_start, shop_end);
}
