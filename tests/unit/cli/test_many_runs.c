/* many runs of the library in one process: backups of a shop that changes a little, restores and
 * checks, one after the other. Descriptors and threads are as many after the last as after the
 * first, and memory does not grow. */
#include "support/fault_shop.h"

#include <malloc.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif

/* A sanitizer keeps what was freed for a while: its own checker looks for leaks there. */
#ifdef SANITIZED
#define ROUNDS 24
#else
#define ROUNDS 200
#endif
#define WARM 20        /* rounds after which every cache is as full as it gets */
#define RESTORE_EACH 4 /* a restore and a check each so many backups */
#define ANEW_EACH 10   /* the repository goes back to its beginning: it is not what may grow */
#define GROWTH_LIMIT ((size_t)2 * 1024 * 1024)

struct holdings {
    size_t descriptors;
    size_t threads;
    size_t resident; /* bytes */
    size_t heap;     /* bytes in use of malloc's own accounts */
};

static size_t count_entries(const char *path)
{
    size_t count = 0;
    DIR *directory = opendir(path);
    require(directory != NULL);
    while (readdir(directory) != NULL) {
        count++;
    }
    closedir(directory);
    return count;
}

static size_t resident_bytes(void)
{
    unsigned long total = 0;
    unsigned long resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    require(file != NULL);
    require(fscanf(file, "%lu %lu", &total, &resident) == 2);
    fclose(file);
    return resident * (size_t)sysconf(_SC_PAGESIZE);
}

static struct holdings holdings_now(void)
{
    malloc_trim(0); /* what is free is nobody's leak */
    return (struct holdings){.descriptors = count_entries("/proc/self/fd"),
                             .threads = count_entries("/proc/self/task"),
                             .resident = resident_bytes(),
                             .heap = mallinfo2().uordblks + mallinfo2().hblkhd};
}

static void change_a_little(const struct shop *shop, unsigned round)
{
    char sql[128];
    write_document(shop, "opening-hours.txt", 300 + round % 7, round);
    snprintf(sql, sizeof sql, "UPDATE customers SET notes = 'round %u' WHERE id = %u;", round,
             round % 800 + 1);
    run_sql(shop, sql);
}

static void look_back(struct shop *shop, const unsigned char id[OBJECT_ID_SIZE])
{
    char target[512];
    struct check_report report = {0};
    shop_path(target, shop, "target");
    remove_tree(target);
    clean_restore(shop, id, target, RESTORE_KEEP);
    clean_check(shop, &report);
    require(report.problems.count == 0);
    check_report_free(&report);
}

static void test_nothing_piles_up(void **state)
{
    (void)state;
    struct shop *shop = shop_open(DAYS);
    struct holdings early = {0};
    unsigned char id[OBJECT_ID_SIZE];
    for (unsigned round = 1; round <= ROUNDS; round++) {
        snprintf(trying, sizeof trying, "round %u", round);
        alarm(DEADLINE_SECONDS);
        if (round % ANEW_EACH == 1) {
            begin_anew(shop);
        }
        change_a_little(shop, round);
        clean_backup(shop, id);
        if (round % RESTORE_EACH == 0) {
            look_back(shop, id);
        }
        if (round == WARM) {
            early = holdings_now();
        }
    }
    alarm(0);
    struct holdings late = holdings_now();
    print_message("after %d and %d rounds: descriptors %zu %zu, threads %zu %zu, resident KiB %zu "
                  "%zu, heap KiB %zu %zu\n",
                  WARM, ROUNDS, early.descriptors, late.descriptors, early.threads, late.threads,
                  early.resident / 1024, late.resident / 1024, early.heap / 1024, late.heap / 1024);
    require(late.descriptors == early.descriptors);
    require(late.threads == early.threads);
#ifndef SANITIZED
    require(late.resident < early.resident + GROWTH_LIMIT);
    require(late.heap < early.heap + GROWTH_LIMIT);
#endif
    shop_free(shop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_nothing_piles_up)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
