/* local_judge: no object is written into a folder that is refused. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "kura/store.h"
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char base[] = "/tmp/kura-test-XXXXXX";

struct judge {
    ino_t refused; /* folder */
    unsigned asked;
};

static enum status judge(void *context, int fd, struct error *error)
{
    struct judge *self = context;
    struct stat facts;
    assert_int_equal(fstat(fd, &facts), 0);
    self->asked++;
    return facts.st_ino == self->refused ? error_set(error, STATUS_REFUSED, 0, "refused")
                                         : STATUS_OK;
}

static ino_t number_of(const char *path)
{
    struct stat facts;
    assert_int_equal(stat(path, &facts), 0);
    return facts.st_ino;
}

static void every_folder_is_asked_about(void **state)
{
    (void)state;
    struct error error;
    struct store *store;
    struct judge self = {0};
    char vault[64];
    char packs[128];
    char object[160];
    snprintf(vault, sizeof vault, "%s/vault", base);
    const struct store_options options = {.url = vault, .judge = judge, .judge_context = &self};
    assert_int_equal(store_open(&store, &options, &error), STATUS_OK);
    assert_int_equal(store_make_folder(store, "packs", &error), STATUS_OK);
    assert_int_equal(self.asked, 1);
    assert_int_equal(store_put(store, "packs/one", "1", 1, &error), STATUS_OK);
    assert_int_equal(self.asked, 2);

    /* A medium that is mounted within the store is another folder. */
    snprintf(packs, sizeof packs, "%s/packs", vault);
    self.refused = number_of(packs);
    assert_int_equal(store_put(store, "packs/two", "2", 1, &error), STATUS_REFUSED);
    snprintf(object, sizeof object, "%s/two", packs);
    assert_int_equal(access(object, F_OK), -1);
    self.refused = number_of(vault);
    assert_int_equal(store_make_folder(store, "more", &error), STATUS_REFUSED);
    snprintf(object, sizeof object, "%s/more", vault);
    assert_int_equal(access(object, F_OK), -1);
    assert_int_equal(store_put(store, "three", "3", 1, &error), STATUS_REFUSED);
    store_free(store);
}

int main(void)
{
    struct error error;
    char command[64];
    if (base_start(&error) != STATUS_OK || mkdtemp(base) == NULL) {
        return 1;
    }
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_folder_is_asked_about)};
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    snprintf(command, sizeof command, "rm -rf %s", base);
    return system(command) != 0 || failed;
}
