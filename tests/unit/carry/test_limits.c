/* persons and limits: what counts is the union of persons, never rows or carries. */
#include "carry_world.h"
#include <sys/stat.h>
#include <unistd.h>

static void add(struct persons *persons, const struct host_key *host, const char *domain, int first,
                int count)
{
    struct error must_error = {0};
    for (int i = first; i < first + count; i++) {
        char value[16];
        int size = snprintf(value, sizeof value, "%d", i);
        MUST(persons_add(persons, host->secret, domain, value, (size_t)size, &must_error));
    }
    persons_settle(persons);
}

static void test_distinct(void **state)
{
    (void)state;
    struct world world;
    struct persons persons = {0};
    world_make(&world);
    add(&persons, &world.host, "customer", 1, 10);
    add(&persons, &world.host, "customer", 6, 10); /* five of them again */
    assert_int_equal(persons_count(&persons), 15);
    add(&persons, &world.host, "contact", 1, 2); /* another domain is another person */
    assert_int_equal(persons_count(&persons), 17);
    persons.unlinked = 3;
    assert_int_equal(persons_count(&persons), 20);
    persons_free(&persons);
    world_free(&world);
}

static void test_sealed_file(void **state)
{
    (void)state;
    struct world world;
    struct persons persons = {.unlinked = 2}, read;
    struct error error = {0}, must_error = {0};
    char path[128];
    world_make(&world);
    snprintf(path, sizeof path, "%s/persons", world.folder);
    add(&persons, &world.host, "customer", 1, 100);
    MUST(persons_write(path, &persons, &world.host, "C-1", &must_error));
    struct stat facts;
    assert_int_equal(stat(path, &facts), 0);
    assert_int_equal(facts.st_mode & 0777, 0600);
    MUST(persons_read(&read, path, &world.host, "C-1", &must_error));
    assert_int_equal(persons_count(&read), 102);
    assert_memory_equal(read.ids, persons.ids, 100 * PERSON_SIZE);
    persons_free(&read);
    /* Another carry's set is not taken for this one's. */
    assert_int_equal(persons_read(&read, path, &world.host, "C-2", &error), STATUS_CORRUPT);
    FILE *file = fopen(path, "r+");
    fseek(file, 40, SEEK_SET);
    int byte = fgetc(file);
    fseek(file, 40, SEEK_SET);
    fputc(byte ^ 1, file);
    fclose(file);
    assert_int_equal(persons_read(&read, path, &world.host, "C-1", &error), STATUS_CORRUPT);
    assert_int_equal(truncate(path, 10), 0);
    assert_int_equal(persons_read(&read, path, &world.host, "C-1", &error), STATUS_CORRUPT);
    unlink(path);
    assert_int_equal(persons_read(&read, path, &world.host, "C-1", &error), STATUS_NOT_FOUND);
    persons_free(&persons);
    world_free(&world);
}

/* Three carries of the same twenty people are twenty people; of others, sixty. */
static void test_splitting_gains_nothing(void **state)
{
    (void)state;
    struct world world;
    struct carry_use use;
    struct error error = {0}, must_error = {0};
    struct persons sets[4] = {0};
    struct moment now = moment_now();
    struct carry_record records[3] = {0};
    struct limits_carry earlier[3];
    world_make(&world);
    for (int i = 0; i < 4; i++) {
        add(&sets[i], &world.host, "customer", 20 * i, 20);
    }
    for (int i = 0; i < 3; i++) {
        snprintf(records[i].id, sizeof records[i].id, "C-%d", i);
        snprintf(records[i].bearer, sizeof records[i].bearer, i == 2 ? "tanaka" : "sato");
        records[i].state = CARRY_OUT;
        records[i].reserved = records[i].out = now;
        records[i].persons = 20;
        earlier[i] = (struct limits_carry){&records[i], &sets[i]};
    }
    MUST(carry_limits_use(&use, "C-9", "sato", &sets[0], earlier, 3, &world.policy.policy, now,
                          &must_error));
    assert_int_equal(use.outstanding_bearer, 40);
    assert_int_equal(use.outstanding_shop, 60);
    MUST(carry_limits_use(&use, "C-9", "sato", &sets[3], earlier, 3, &world.policy.policy, now,
                          &must_error));
    assert_int_equal(use.outstanding_bearer, 60);
    assert_int_equal(use.rolling_bearer, 60);
    assert_int_equal(use.rolling_shop, 80);
    /* Erased, they are out no more, and still count in the window. */
    records[0].state = records[1].state = CARRY_ERASED;
    MUST(carry_limits_use(&use, "C-9", "sato", &sets[3], earlier, 3, &world.policy.policy, now,
                          &must_error));
    assert_int_equal(use.outstanding_bearer, 20);
    assert_int_equal(use.rolling_bearer, 60);
    /* After the window they do not. */
    records[0].reserved.seconds -= 8 * 86400;
    MUST(carry_limits_use(&use, "C-9", "sato", &sets[3], earlier, 3, &world.policy.policy, now,
                          &must_error));
    assert_int_equal(use.rolling_bearer, 40);
    /* A set that is lost counts in full, though it is the very same people. */
    earlier[1] = (struct limits_carry){&records[1], NULL};
    MUST(carry_limits_use(&use, "C-9", "sato", &sets[1], earlier, 3, &world.policy.policy, now,
                          &must_error));
    assert_int_equal(use.rolling_bearer, 40);
    (void)error;
    for (int i = 0; i < 4; i++) {
        persons_free(&sets[i]);
    }
    world_free(&world);
}

static void test_refusals_say_the_numbers(void **state)
{
    (void)state;
    struct world world;
    world_make(&world);
    const struct {
        const char *says;
        uint64_t persons, documents;
        struct carry_use use;
    } cases[] = {
        {"[ceiling]", 301, 0, {1, 1, 1, 1}},
        {"[persons]", 51, 0, {1, 1, 1, 1}},
        {"[documents]", 50, 11, {1, 1, 1, 1}},
        {"[quota-bearer]", 50, 10, {61, 1, 1, 1}},
        {"[quota-shop]", 50, 10, {60, 101, 1, 1}},
        {"[rolling-bearer]", 50, 10, {60, 100, 81, 1}},
        {"[rolling-shop]", 50, 10, {60, 100, 80, 121}},
    };
    for (size_t i = 0; i < LENGTH(cases); i++) {
        struct error error = {0};
        assert_int_equal(carry_limits_check(&cases[i].use, cases[i].persons, cases[i].documents,
                                            &world.policy.policy, &error),
                         STATUS_REFUSED);
        assert_true(strncmp(error.message, cases[i].says, strlen(cases[i].says)) == 0);
    }
    const struct carry_use full = {60, 100, 80, 120};
    struct error must_error = {0};
    MUST(carry_limits_check(&full, 50, 10, &world.policy.policy, &must_error));
    world_free(&world);
}

int main(void)
{
    struct error error = {0};
    if (base_start(&error) != STATUS_OK) {
        return 1;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_distinct),
        cmocka_unit_test(test_sealed_file),
        cmocka_unit_test(test_splitting_gains_nothing),
        cmocka_unit_test(test_refusals_say_the_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
