/* snapshot_persons: a list that is not what the statement says of it is never believed. */
#include "backup_world.h"

struct lie {
    unsigned char list[3][PERSON_SIZE];
    size_t count;      /* of the list */
    uint64_t unlinked; /* as the census says */
    int64_t persons;   /* as the words say */
    int64_t total;
    bool digest; /* it is that of the list */
};

/* Publishes one source without entries that counts as the lie says; opens it. */
static enum status tell(struct snapshot **snapshot, struct repo **repo, const struct world *world,
                        const struct lie *lie, struct error *error)
{
    struct night night;
    struct statement statement;
    struct person_kind kind = {(char[]){"customer"}, (char[]){"SELECT id FROM customers"}};
    struct catalogue_source source = {
        .words = {.name = (char[]){"d"}, .kind = (char[]){"sqlite"}, .persons = lie->persons},
        .census = {.kinds = &kind, .kind_count = 1, .unlinked = lie->unlinked}};
    struct persons persons = {0};
    assert_fine(persons_append(&persons, lie->list, lie->count, error));
    persons_digest(source.words.persons_digest, &persons);
    source.words.persons_digest[0] ^= !lie->digest;
    persons_free(&persons);
    source.census.list = (struct content){.size = lie->count * PERSON_SIZE, .inlined = true};
    assert_fine(
        buffer_append(&source.census.list.data, lie->list, lie->count * PERSON_SIZE, error));
    struct publication publication = {.sources = &source,
                                      .source_count = 1,
                                      .persons = lie->total,
                                      .time = {1763773200, 5},
                                      .due = {1763859600, 0}};
    night_open(&night, world);
    assert_fine(writer_publish(&statement, night.writer, &publication, error));
    night_close(&night);
    buffer_free(&source.census.list.data);
    struct repo_access access = identity_access(world);
    assert_fine(repo_open(repo, &access, error));
    enum status status = snapshot_open(snapshot, *repo, &statement, error);
    statement_free(&statement);
    return status;
}

static const struct lie truth = {
    .list = {{1}, {2}, {3}}, .count = 3, .unlinked = 1, .persons = 4, .total = 4, .digest = true};

/* What the snapshot and the check answer to it. */
static void expect(struct world *world, const struct lie *lie, bool good)
{
    struct error error = {0};
    struct snapshot *snapshot;
    struct repo *repo;
    struct persons persons;
    struct check_report report;
    const struct check_options options = {.open_chunks = true};
    assert_int_equal(tell(&snapshot, &repo, world, lie, &error), STATUS_OK);
    enum status status = snapshot_persons(&persons, snapshot, NULL, &error);
    assert_int_equal(status, good ? STATUS_OK : STATUS_CORRUPT);
    if (good) {
        assert_int_equal(persons_count(&persons), lie->persons);
        persons_free(&persons);
    }
    snapshot_free(snapshot);
    assert_good(repo_check(&report, repo, &options, &error));
    assert_int_equal(report.problems.count, good ? 0 : 1);
    check_report_free(&report);
    repo_free(repo);
    world_clear((void *[]){world});
    char command[256];
    snprintf(command, sizeof command, "rm -rf '%s/state'", world->folder);
    assert_int_equal(system(command), 0);
}

static void test_lies(void **state)
{
    struct world *world = *state;
    expect(world, &truth, true);
    struct lie lie = truth;
    lie.digest = false;
    expect(world, &lie, false);
    lie = truth;
    lie.list[1][0] = 9; /* not sorted */
    expect(world, &lie, false);
    lie = truth;
    lie.list[1][0] = 1; /* somebody twice */
    expect(world, &lie, false);
    lie = truth;
    lie.total = 3; /* all together are others than one and one */
    expect(world, &lie, false);
}

/* What the catalogue itself cannot mean is refused when it is opened. */
static void test_numbers_that_contradict(void **state)
{
    struct world *world = *state;
    struct error error = {0};
    struct snapshot *snapshot;
    struct repo *repo;
    struct lie lie = truth;
    lie.persons = 5;
    assert_int_equal(tell(&snapshot, &repo, world, &lie, &error), STATUS_CORRUPT);
    repo_free(repo);
    lie = truth;
    lie.unlinked = 5;
    assert_int_equal(tell(&snapshot, &repo, world, &lie, &error), STATUS_CORRUPT);
    repo_free(repo);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_lies, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_numbers_that_contradict, world_setup, world_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
