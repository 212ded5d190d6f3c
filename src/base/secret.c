/* secret: memory that is locked, guarded and wiped; and a process that leaves no traces of it. */
#include "kura/base.h"
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

/* More than all secrets of one run together; measured at the most 150 KiB. */
#define LOCKED_SIZE ((size_t)512 * 1024)

/* Better said at the start than in the middle of the night. */
static enum status check_lockable(struct error *error)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_MEMLOCK, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_MEMLOCK, &limit); /* if not, the lock below says so */
    }
    void *probe = mmap(NULL, LOCKED_SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (probe == MAP_FAILED) {
        return error_set_memory(error);
    }
    /* Without access nothing is fetched: only the limit counts, and that answers ENOMEM or EPERM.
     */
    bool refused = mlock2(probe, LOCKED_SIZE, MLOCK_ONFAULT) != 0;
    int reason = errno;
    munmap(probe, LOCKED_SIZE);
    if (!refused) {
        return STATUS_OK;
    }
    error_set(error, STATUS_FAILED, reason, "%s", _("keys cannot be kept out of the swap space"));
    return error_set_hint(error,
                          _("Let the program lock %zu KiB of memory: ulimit -l %zu, or "
                            "LimitMEMLOCK=%zuK in a service of systemd."),
                          LOCKED_SIZE / 1024, LOCKED_SIZE / 1024, LOCKED_SIZE / 1024);
}

enum status base_start(struct error *error)
{
    struct rlimit none = {0, 0};
    if (setrlimit(RLIMIT_CORE, &none) != 0) {
        return error_set_errno(error, errno, "%s", _("core dumps cannot be turned off"));
    }
    if (prctl(PR_SET_DUMPABLE, 0) != 0) {
        return error_set_errno(error, errno, "%s",
                               _("the process cannot be hidden from debuggers"));
    }
    umask(077);
    if (sodium_init() < 0) {
        return error_set(error, STATUS_FAILED, 0, "%s", _("libsodium does not start"));
    }
    return check_lockable(error);
}

void *secret_new(size_t size)
{
    void *secret = sodium_malloc(size);
    /* libsodium locks as well, but goes on where it may not. */
    if (secret == NULL || mlock(secret, size) != 0) {
        fprintf(stderr, "kura: %s\n",
                _("no locked memory for a secret; raise the limit with ulimit -l"));
        exit(EXIT_FAILURE);
    }
    memset(secret, 0, size);
    return secret;
}

void secret_free(void *secret)
{
    sodium_free(secret);
}

void secret_free_pointer(void *pointer_to_pointer)
{
    void **pointer = pointer_to_pointer;
    secret_free(*pointer);
    *pointer = NULL;
}

enum status secret_text_new(struct secret_text *text, size_t capacity, struct error *error)
{
    if (capacity > 16 * 1024 * 1024) {
        return error_set_memory(error);
    }
    *text = (struct secret_text){.text = secret_new(capacity + 1), .capacity = capacity};
    return STATUS_OK;
}

enum status secret_text_append(struct secret_text *text, const void *data, size_t size,
                               struct error *error)
{
    if (text->capacity - text->size < size) {
        return error_set(error, STATUS_FAILED, 0, "%s", _("a secret is too long"));
    }
    memcpy(text->text + text->size, data, size);
    text->size += size;
    text->text[text->size] = '\0';
    return STATUS_OK;
}

void secret_text_free(struct secret_text *text)
{
    secret_free(text->text);
    *text = (struct secret_text){0};
}
