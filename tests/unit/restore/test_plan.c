/* plan: what does not fit into memory goes beneath the folder that it was given, and leaves
 * nothing.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "restore/plan.h"
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char base[] = "/dev/shm/kura-test-XXXXXX";

/* Open files of this process that were removed, and how many of them lie beneath the folder. */
static void count_spilled(unsigned *all, unsigned *beneath)
{
    char link[64];
    char path[4096];
    DIR *folder = opendir("/proc/self/fd");
    struct dirent *file;
    *all = *beneath = 0;
    assert_non_null(folder);
    while ((file = readdir(folder)) != NULL) {
        snprintf(link, sizeof link, "/proc/self/fd/%.32s", file->d_name);
        ssize_t size = readlink(link, path, sizeof path - 1);
        path[size < 0 ? 0 : size] = '\0';
        if (strstr(path, " (deleted)") != NULL) {
            (*all)++;
            *beneath += strncmp(path, base, strlen(base)) == 0;
        }
    }
    closedir(folder);
}

static void it_spills_beneath_its_folder(void **state)
{
    (void)state;
    struct error error;
    struct plan *plan;
    char path[400];
    unsigned all;
    unsigned beneath;
    uint64_t number;
    int folder = open(base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(plan_new(&plan, folder, &error), STATUS_OK);
    memset(path, 'n', sizeof path);
    for (unsigned i = 0; i < 30000; i++) {
        snprintf(path + 300, sizeof path - 300, "%u", i);
        struct entry entry = {.path = path, .type = ENTRY_FOLDER, .mode = 0755};
        assert_int_equal(plan_add_entry(&number, plan, PLAN_FOLDER, 0, &entry, &error), STATUS_OK);
    }
    count_spilled(&all, &beneath);
    assert_true(beneath > 0);
    assert_int_equal(all, beneath);
    plan_free(plan);
    count_spilled(&all, &beneath);
    assert_int_equal(all, 0);
    close(folder);
    assert_int_equal(rmdir(base), 0);
}

int main(void)
{
    struct error error;
    if (base_start(&error) != STATUS_OK || mkdtemp(base) == NULL) {
        return 1;
    }
    const struct CMUnitTest tests[] = {cmocka_unit_test(it_spills_beneath_its_folder)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
