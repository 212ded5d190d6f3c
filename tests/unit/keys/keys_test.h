/* keys_test: what the tests of this room share. */
#ifndef KURA_TESTS_KEYS_TEST_H
#define KURA_TESTS_KEYS_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kura/keys.h"
#include <ftw.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define assert_ok(call)                                                                            \
    do {                                                                                           \
        enum status got_status_ = (call);                                                          \
        if (got_status_ != STATUS_OK) {                                                            \
            fail_msg("%s: status %d: %s", #call, (int)got_status_, error.message);                 \
        }                                                                                          \
    } while (0)

static inline int remove_entry(const char *path, const struct stat *information, int kind,
                               struct FTW *place)
{
    (void)information;
    (void)kind;
    (void)place;
    return remove(path);
}

static inline void folder_remove(const char *path)
{
    assert_int_equal(nftw(path, remove_entry, 8, FTW_DEPTH | FTW_PHYS), 0);
}

/* cmocka's group set-up and tear-down: a fresh folder of the test's own, in which it works. */
static inline int in_fresh_folder(void **state)
{
    char path[] = "/tmp/kura-keys-XXXXXX";
    if (sodium_init() < 0 || mkdtemp(path) == NULL || chdir(path) != 0) {
        return -1;
    }
    *state = strdup(path);
    return *state == NULL ? -1 : 0;
}

static inline int leave_folder(void **state)
{
    if (chdir("/") != 0) {
        return -1;
    }
    folder_remove(*state);
    free(*state);
    return 0;
}

static inline struct secret_text secret_of(const char *text)
{
    struct secret_text secret = {0};
    struct error error = {0};
    assert_ok(secret_text_new(&secret, strlen(text), &error));
    assert_ok(secret_text_append(&secret, text, strlen(text), &error));
    return secret;
}

/* A passphrase_source that gives the text in its context. */
static inline enum status give_passphrase(void *context, struct secret_text *passphrase,
                                          const char *what_for, struct error *error)
{
    assert_non_null(what_for);
    (void)error;
    *passphrase = secret_of(context);
    return STATUS_OK;
}

/* The same bytes every time, with no pattern of a chunk's length. */
static inline unsigned char *sample(size_t size)
{
    static const unsigned char seed[randombytes_SEEDBYTES] = "kura keys tests";
    unsigned char *bytes = malloc(size + 1);
    assert_non_null(bytes);
    randombytes_buf_deterministic(bytes, size, seed);
    return bytes;
}

#endif
