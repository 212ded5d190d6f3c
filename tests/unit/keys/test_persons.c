/* persons: a set of pseudonyms: nobody twice, whatever comes in; one person one pseudonym. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "kura/keys.h"
#include <endian.h>
#include <stdio.h>
#include <string.h>

static const unsigned char secret[REPOSITORY_SECRET_SIZE] = {7};
static const unsigned char another[REPOSITORY_SECRET_SIZE] = {8};

static void add(struct persons *persons, const char *domain, unsigned number)
{
    struct error error = {0};
    char value[16];
    int size = snprintf(value, sizeof value, "%u", number);
    assert_int_equal(persons_add(persons, secret, domain, value, (size_t)size, &error), STATUS_OK);
}

static void test_a_person_is_the_same_everywhere(void **state)
{
    (void)state;
    unsigned char a[PERSON_SIZE], b[PERSON_SIZE], other[PERSON_SIZE];
    struct persons persons = {0};
    person_pseudonym(a, secret, "customer", "17", 2);
    person_pseudonym(b, secret, "customer", "17", 2);
    assert_memory_equal(a, b, PERSON_SIZE);
    add(&persons, "customer", 17);
    assert_true(persons_has(&persons, a));
    /* Neither the domain nor the secret nor where the value begins may be mistaken. */
    person_pseudonym(other, secret, "customer1", "7", 1);
    assert_memory_not_equal(a, other, PERSON_SIZE);
    person_pseudonym(other, secret, "contact", "17", 2);
    assert_false(persons_has(&persons, other));
    person_pseudonym(other, another, "customer", "17", 2);
    assert_false(persons_has(&persons, other));
    persons_free(&persons);
}

static void test_nobody_twice(void **state)
{
    (void)state;
    struct persons persons = {0};
    for (unsigned i = 0; i < 50000; i++) {
        add(&persons, "customer", i * 7 % 1000);
    }
    /* Fifty visits each: memory is for the persons, not for the visits. */
    assert_true(persons.capacity <= 8192);
    persons.unlinked = 3;
    persons_settle(&persons);
    assert_int_equal(persons_count(&persons), 1003);
    for (size_t i = 1; i < persons.count; i++) {
        assert_true(memcmp(persons.ids[i - 1], persons.ids[i], PERSON_SIZE) < 0);
    }
    persons_free(&persons);
}

static void test_a_union(void **state)
{
    (void)state;
    struct persons all = {0}, more = {0};
    struct error error = {0};
    unsigned char before[PERSONS_DIGEST_SIZE], after[PERSONS_DIGEST_SIZE];
    for (unsigned i = 0; i < 100; i++) {
        add(&all, "customer", i);
        add(&more, "customer", 50 + i);
    }
    more.unlinked = 2;
    persons_settle(&all);
    persons_settle(&more);
    persons_digest(before, &all);
    assert_int_equal(persons_unite(&all, &more, &error), STATUS_OK);
    assert_int_equal(persons_count(&all), 152);
    persons_digest(after, &all);
    assert_memory_not_equal(before, after, sizeof before);
    struct persons nobody = {0};
    assert_int_equal(persons_unite(&all, &nobody, &error), STATUS_OK);
    assert_int_equal(persons_unite(&nobody, &all, &error), STATUS_OK);
    persons_digest(before, &nobody);
    assert_memory_equal(before, after, sizeof before);
    persons_free(&all);
    persons_free(&more);
    persons_free(&nobody);
}

static void test_there_is_a_limit(void **state)
{
    (void)state;
    struct persons persons = {0};
    struct error error = {0};
    assert_int_equal(persons_append(&persons, secret, PERSONS_LIMIT + 1, &error),
                     STATUS_UNSUPPORTED);
    assert_int_equal(persons_append(&persons, secret, SIZE_MAX, &error), STATUS_UNSUPPORTED);
    persons_free(&persons);
}

/* Up to the limit; the one too many is told, not left out. */
static void test_a_full_set(void **state)
{
    (void)state;
    struct persons persons = {0};
    struct error error = {0};
    unsigned char block[1000][PERSON_SIZE] = {{0}};
    for (uint32_t i = 0; i < PERSONS_LIMIT; i += LENGTH(block)) {
        for (uint32_t k = 0; k < LENGTH(block); k++) {
            uint32_t number = htobe32(i + k); /* in order: nothing is to be sorted */
            memcpy(block[k], &number, sizeof number);
        }
        assert_int_equal(persons_append(&persons, block, LENGTH(block), &error), STATUS_OK);
    }
    assert_true(persons_settled(&persons));
    assert_int_equal(persons.count, PERSONS_LIMIT);
    assert_int_equal(persons.capacity, PERSONS_LIMIT);
    assert_int_equal(persons_append(&persons, block, 1, &error), STATUS_UNSUPPORTED);
    assert_int_equal(persons.count, PERSONS_LIMIT);
    persons_free(&persons);
}

static int start(void **state)
{
    (void)state;
    struct error error = {0};
    return base_start(&error) == STATUS_OK ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_person_is_the_same_everywhere),
        cmocka_unit_test(test_nobody_twice),
        cmocka_unit_test(test_a_union),
        cmocka_unit_test(test_there_is_a_limit),
        cmocka_unit_test(test_a_full_set),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
