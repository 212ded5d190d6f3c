/* What the tests of the SFTP store share: opening one with good defaults, and telling what came of
 * it. */
#ifndef TESTS_SUPPORT_SFTP_H
#define TESTS_SUPPORT_SFTP_H

#include "kura/store.h"
#include "support/sshd.h"

/* libssh2 1.10 loses the server's key, 51 bytes, at every new key exchange, and OpenSSL objects of
 * failed handshakes and ecdsa keys. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define TESTS_LEAKS
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define TESTS_LEAKS
#endif
#ifdef TESTS_LEAKS
#include <sanitizer/lsan_interface.h>
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:CRYPTO_zalloc\n";
}
static inline void sftp_ignore_leaks(bool ignore)
{
    if (ignore) {
        __lsan_disable();
    } else {
        __lsan_enable();
    }
}
#else
static inline void sftp_ignore_leaks(bool ignore)
{
    (void)ignore;
}
#endif

/* The rest of `options` is as the caller set it. */
static inline enum status sftp_try(const struct sshd *sshd, struct store_options options,
                                   struct error *error)
{
    error_clear(error);
    options.url = options.url == NULL ? sshd->url : options.url;
    options.ssh_config = options.ssh_config == NULL ? "none" : options.ssh_config;
    options.deadline_seconds = options.deadline_seconds == 0 ? 10 : options.deadline_seconds;
    options.retry_seconds = options.retry_seconds == 0 ? 3 : options.retry_seconds;
    struct store *store = NULL;
    enum status status = store_open(&store, &options, error);
    if (status == STATUS_OK) {
        uint64_t size = 0;
        status = store_size(store, "nothing", &size, error);
        status = status == STATUS_NOT_FOUND ? STATUS_OK : status;
    }
    store_free(store);
    return status;
}

static inline void sftp_expect(enum status wanted, enum status status, const struct error *error,
                               const char *text)
{
    bool said =
        text == NULL || strstr(error->message, text) != NULL || strstr(error->hint, text) != NULL;
    if (status != wanted || !said) {
        print_error("status %d (wanted %d): %s (%s)\n", (int)status, (int)wanted, error->message,
                    error->hint);
    }
    assert_int_equal(status, wanted);
    assert_true(said);
}

#endif
