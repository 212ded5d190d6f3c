/* target_flush: what is restored goes to the disk while more comes, or the whole of it would wait
 * in memory for the end and be written while nothing else is done. How it ends is of no interest
 * here: target_finish makes sure, and hears of every failure by a descriptor of its own. */
#include "target_private.h"
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* So many bytes are worth a journal commit, and are written in a fraction of a second. */
#define PORTION ((uint64_t)32 * 1024 * 1024)

static void flush(void *context)
{
    struct target *target = context;
    if (atomic_load(&target->unflushed) >= PORTION) {
        atomic_store(&target->unflushed, 0);
        (void)syncfs(target->flush_fd);
    }
}

enum status target_flush_start(struct target *target, const char *path, struct error *error)
{
    target->flush_fd = openat(target->root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return target->flush_fd < 0 ? error_set_errno(error, errno, _("%s cannot be opened"), path)
                                : ticker_start(&target->flusher, flush, target, error);
}

void target_flush_stop(struct target *target)
{
    ticker_stop(target->flusher);
    target->flusher = NULL;
    file_close(&target->flush_fd);
}
