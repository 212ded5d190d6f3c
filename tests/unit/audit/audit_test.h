/* audit_test: what the tests of this room share: a folder of their own, a key, a log in it. */
#ifndef KURA_TESTS_AUDIT_TEST_H
#define KURA_TESTS_AUDIT_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kura/audit.h"
#include "support/scratch.h"
#include <ftw.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ORIGIN "kura/00112233445566778899aabbccddeeff"
#define UNUSED __attribute__((unused))

#define assert_ok(call)                                                                            \
    do {                                                                                           \
        enum status got_status_ = (call);                                                          \
        if (got_status_ != STATUS_OK) {                                                            \
            fail_msg("%s: status %d: %s", #call, (int)got_status_, error.message);                 \
        }                                                                                          \
    } while (0)

static struct signing_key key;

static inline int remove_entry(const char *path, const struct stat *information, int kind,
                               struct FTW *place)
{
    (void)information;
    (void)kind;
    (void)place;
    return remove(path);
}

/* cmocka's group set-up and tear-down: a fresh folder of the test's own, in which it works. */
UNUSED static int in_fresh_folder(void **state)
{
    struct error error = {0};
    char path[64];
    if (sodium_init() < 0 || signing_key_generate(&key, &error) != STATUS_OK ||
        scratch_make(path, sizeof path) != 0 || chdir(path) != 0) {
        return -1;
    }
    *state = strdup(path);
    return *state == NULL ? -1 : 0;
}

UNUSED static int leave_folder(void **state)
{
    int failed = chdir("/") != 0 || nftw(*state, remove_entry, 8, FTW_DEPTH | FTW_PHYS) != 0;
    free(*state);
    signing_key_free(&key);
    return failed;
}

/* Before each test: no log. */
UNUSED static int no_log(void **state)
{
    (void)state;
    struct stat information;
    return stat("audit", &information) == 0 ? nftw("audit", remove_entry, 8, FTW_DEPTH | FTW_PHYS)
                                            : 0;
}

UNUSED static struct audit_options audit_test_options(bool append)
{
    return (struct audit_options){.folder = "audit",
                                  .origin = ORIGIN,
                                  .public_key = key.public_key,
                                  .signing = append ? &key : NULL};
}

UNUSED static enum status open_log(struct audit **audit, bool append, struct error *error)
{
    struct audit_options options = audit_test_options(append);
    *audit = NULL;
    error_clear(error);
    return audit_open(audit, &options, error);
}

/* Appends records with the facts {"number": its number}. */
UNUSED static void append_records(uint64_t count)
{
    struct error error = {0};
    struct audit *audit;
    assert_ok(open_log(&audit, true, &error));
    for (uint64_t i = 0; i < count; i++) {
        json_t *facts = json_pack("{s:I}", "number", (json_int_t)audit_head(audit).size);
        assert_ok(audit_append(audit, "test", facts, &error));
        json_decref(facts);
    }
    audit_free(audit);
}

UNUSED static struct buffer read_file(const char *path)
{
    struct error error = {0};
    struct buffer content = {0};
    assert_ok(file_read(&content, path, 1 << 24, &error));
    assert_ok(buffer_append_u8(&content, '\0', &error));
    content.size--;
    return content;
}

UNUSED static void write_file(const char *path, const void *data, size_t size)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

#endif
