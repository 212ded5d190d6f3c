/* Persons through whole nights: how many, who, what a changed night costs, and what is gone when
 * they are counted no more. */
#include "unit/repo/repo_world.h"

#include "kura/backup.h"
#include "kura/source.h"
#include <sqlite3.h>

#define CUSTOMERS 20000u
#define LEADS 300u /* of whom the first 100 are customers, too */

struct shop {
    struct world world;
    char state[128];
    char customers[128];
    char leads[128];
};

static void sql_run(const char *path, const char *sql)
{
    sqlite3 *db = NULL;
    char *message = NULL;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK) {
        fail_msg("%s: %s", sql, message);
    }
    sqlite3_close(db);
}

static int set_up(void **state)
{
    struct shop *shop = calloc(1, sizeof *shop);
    char sql[512];
    assert_non_null(shop);
    world_start(&shop->world);
    snprintf(shop->state, sizeof shop->state, "%s/state", shop->world.folder);
    snprintf(shop->customers, sizeof shop->customers, "%s/customers.db", shop->world.folder);
    snprintf(shop->leads, sizeof shop->leads, "%s/leads.db", shop->world.folder);
    snprintf(sql, sizeof sql,
             "CREATE TABLE customers(id INTEGER PRIMARY KEY, name TEXT);"
             "CREATE TABLE visits(customer);"
             "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %u)"
             "INSERT INTO customers SELECT i, 'name ' || i FROM n;"
             "INSERT INTO visits SELECT id FROM customers UNION ALL SELECT id FROM customers;"
             "INSERT INTO visits VALUES (NULL), (NULL);",
             CUSTOMERS);
    sql_run(shop->customers, sql);
    snprintf(sql, sizeof sql,
             "CREATE TABLE leads(id);"
             "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %u)"
             "INSERT INTO leads SELECT CASE WHEN i <= 100 THEN i ELSE 'L' || i END FROM n;",
             LEADS);
    sql_run(shop->leads, sql);
    *state = shop;
    return 0;
}

static int tear_down(void **state)
{
    struct shop *shop = *state;
    world_end(&shop->world);
    free(shop);
    return 0;
}

static struct backup_summary back_up_shop(struct shop *shop, bool counting)
{
    struct config_person customers[] = {
        {(char[]){"customer"}, (char[]){"SELECT id FROM customers"}},
        {(char[]){"customer"}, (char[]){"SELECT customer FROM visits"}},
    };
    struct config_person leads = {(char[]){"customer"}, (char[]){"SELECT id FROM leads"}};
    struct config_source sources[] = {
        {.name = (char[]){"customers"}, .path = shop->customers, .persons = customers},
        {.name = (char[]){"leads"}, .path = shop->leads, .persons = &leads},
    };
    sources[0].person_count = counting ? 2 : 0;
    sources[1].person_count = counting ? 1 : 0;
    const struct config config = {.path = (char[]){"kura.yaml"},
                                  .state = shop->state,
                                  .compression = 1,
                                  .spool_limit = 64u << 20,
                                  .due_hours = 26,
                                  .sources = sources,
                                  .source_count = 2};
    const struct backup_options options = {.config = &config,
                                           .host = &shop->world.host,
                                           .recipients = &shop->world.identity.recipient,
                                           .recipient_count = 1};
    struct backup_summary summary;
    struct error error = {0};
    assert_good(backup_run(&summary, shop->world.repo, &options, &error));
    assert_int_equal(summary.failed_sources, 0);
    return summary;
}

static struct snapshot *open_newest(struct repo **repo, const struct shop *shop)
{
    struct error error = {0};
    struct snapshot_list list;
    struct snapshot *snapshot;
    struct repo_access access = identity_access(&shop->world);
    assert_good(repo_open(repo, &access, &error));
    assert_good(repo_list(&list, *repo, &error));
    assert_int_equal(list.problems.count, 0);
    assert_good(snapshot_open(&snapshot, *repo, &list.items[list.count - 1], &error));
    snapshot_list_free(&list);
    return snapshot;
}

static void check_all(const struct shop *shop)
{
    struct error error = {0};
    struct repo *repo;
    struct check_report report;
    struct repo_access access = identity_access(&shop->world);
    const struct check_options options = {.read_percent = 100, .open_chunks = true};
    assert_good(repo_open(&repo, &access, &error));
    assert_good(repo_check(&report, repo, &options, &error));
    print_problems(&report.problems);
    assert_int_equal(report.problems.count, 0);
    check_report_free(&report);
    repo_free(repo);
}

static bool find(struct snapshot *snapshot, const struct shop *shop, const char *value)
{
    struct error error = {0};
    unsigned char pseudonym[PERSON_SIZE];
    bool found, complete;
    person_pseudonym(pseudonym, shop->world.host.secret, "customer", value, strlen(value));
    assert_good(snapshot_has_person(&found, &complete, snapshot, "customer", pseudonym, &error));
    assert_true(complete);
    /* Nobody looked for this kind: that is not "nobody". */
    person_pseudonym(pseudonym, shop->world.host.secret, "custmer", value, strlen(value));
    bool other;
    assert_good(snapshot_has_person(&other, &complete, snapshot, "custmer", pseudonym, &error));
    assert_false(other || complete);
    return found;
}

static void test_who_is_in_it(void **state)
{
    struct shop *shop = *state;
    struct error error = {0};
    struct backup_summary summary = back_up_shop(shop, true);
    assert_int_equal(summary.statement.sources[0].persons, CUSTOMERS + 2);
    assert_int_equal(summary.statement.sources[1].persons, LEADS);
    assert_int_equal(summary.statement.persons, CUSTOMERS + 2 + LEADS - 100);
    backup_summary_free(&summary);

    struct repo *repo;
    struct snapshot *snapshot = open_newest(&repo, shop);
    struct persons persons;
    const struct catalogue_source *customers = snapshot_source(snapshot, 0);
    assert_false(customers->census.list.inlined);
    assert_int_equal(customers->census.kind_count, 2);
    assert_string_equal(customers->census.kinds[1].sql, "SELECT customer FROM visits");
    assert_good(snapshot_persons(&persons, snapshot, customers, &error));
    assert_int_equal(persons.count, CUSTOMERS);
    assert_int_equal(persons.unlinked, 2);
    persons_free(&persons);
    assert_good(snapshot_persons(&persons, snapshot, NULL, &error));
    assert_int_equal(persons_count(&persons), CUSTOMERS + 2 + LEADS - 100);
    persons_free(&persons);
    for (unsigned i = 1; i <= CUSTOMERS; i += 97) {
        char value[16];
        snprintf(value, sizeof value, "%u", i);
        assert_true(find(snapshot, shop, value));
        snprintf(value, sizeof value, "%u", CUSTOMERS + i);
        assert_false(find(snapshot, shop, value));
    }
    assert_true(find(snapshot, shop, "L300"));
    assert_false(find(snapshot, shop, "L301"));
    snapshot_free(snapshot);
    repo_free(repo);
    check_all(shop);
}

static void test_a_night_costs_what_changed(void **state)
{
    struct shop *shop = *state;
    struct backup_summary summary = back_up_shop(shop, true);
    /* The pseudonyms alone are 320,000 bytes. */
    assert_true(summary.bytes_new >= summary.bytes + 16u * CUSTOMERS);
    backup_summary_free(&summary);
    summary = back_up_shop(shop, true);
    assert_int_equal(summary.bytes_new, 0);
    backup_summary_free(&summary);
    sql_run(shop->customers, "INSERT INTO customers VALUES (NULL, 'one more')");
    summary = back_up_shop(shop, true);
    assert_int_equal(summary.statement.sources[0].persons, CUSTOMERS + 3);
    assert_in_range(summary.bytes_new, 16, 160000);
    backup_summary_free(&summary);
    check_all(shop);
}

/* Nothing that only the lists held is referred to any more, and everything else still is. */
static void test_counted_no_more(void **state)
{
    struct shop *shop = *state;
    struct error error = {0};
    struct backup_summary summary = back_up_shop(shop, true);
    backup_summary_free(&summary);
    summary = back_up_shop(shop, false);
    assert_int_equal(summary.statement.persons, -1);
    assert_int_equal(summary.bytes_new, 0);
    assert_true(statement_source_is_uncounted(&summary.statement.sources[0]));
    backup_summary_free(&summary);
    struct repo *repo;
    struct snapshot *snapshot = open_newest(&repo, shop);
    struct persons persons;
    bool found, complete;
    unsigned char anybody[PERSON_SIZE] = {0};
    assert_int_equal(snapshot_persons(&persons, snapshot, NULL, &error), STATUS_NOT_FOUND);
    assert_int_equal(snapshot_persons(&persons, snapshot, snapshot_source(snapshot, 0), &error),
                     STATUS_NOT_FOUND);
    assert_good(snapshot_has_person(&found, &complete, snapshot, "customer", anybody, &error));
    assert_false(found || complete);
    snapshot_free(snapshot);
    repo_free(repo);
    /* The chunks of the lists were forgotten: counting again stores them again. */
    summary = back_up_shop(shop, true);
    assert_true(summary.bytes_new >= 16u * CUSTOMERS);
    backup_summary_free(&summary);
    check_all(shop);
}

struct judging {
    int64_t persons;
    bool uncounted;
};

static enum status refuse(void *context, int64_t persons, bool uncounted, struct error *error)
{
    struct judging *judging = context;
    *judging = (struct judging){persons, uncounted};
    return error_set(error, STATUS_REFUSED, 0, "too many");
}

static void test_the_judge_comes_before_publication(void **state)
{
    struct shop *shop = *state;
    struct judging judging = {0};
    struct config_person leads = {(char[]){"customer"}, (char[]){"SELECT id FROM leads"}};
    struct config_source sources[] = {
        {.name = (char[]){"customers"}, .path = shop->customers},
        {.name = (char[]){"leads"}, .path = shop->leads, .persons = &leads, .person_count = 1},
    };
    const struct config config = {.path = (char[]){"kura.yaml"},
                                  .state = shop->state,
                                  .compression = 1,
                                  .spool_limit = 64u << 20,
                                  .sources = sources,
                                  .source_count = 2};
    const struct backup_options options = {.config = &config,
                                           .host = &shop->world.host,
                                           .recipients = &shop->world.identity.recipient,
                                           .recipient_count = 1,
                                           .judge = refuse,
                                           .judge_context = &judging};
    struct backup_summary summary;
    struct error error = {0};
    assert_int_equal(backup_run(&summary, shop->world.repo, &options, &error), STATUS_REFUSED);
    assert_int_equal(judging.persons, LEADS);
    assert_true(judging.uncounted);
    assert_int_equal(count_objects(&shop->world, "statements"), 0);
    assert_int_equal(count_objects(&shop->world, "snapshots"), 0);
    backup_summary_free(&summary);
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(who_is_in_it),
        TEST(a_night_costs_what_changed),
        TEST(counted_no_more),
        TEST(the_judge_comes_before_publication),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
