/* target_flush: what is restored goes to the disk while more comes, or the whole of it would wait
 * in memory for the end and be written while nothing else is done. How it ends is of no interest
 * here: target_finish makes sure, and hears of every failure by a descriptor of its own. */
#include "target_private.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

/* So many bytes are worth a journal commit, and are written in a fraction of a second. */
#define PORTION ((uint64_t)32 * 1024 * 1024)

struct flusher {
    int folder; /* somewhere on the file system */
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    uint64_t waiting; /* bytes that were written since the last flush began */
    bool stopping;
};

static void *run(void *argument)
{
    struct flusher *flusher = argument;
    pthread_mutex_lock(&flusher->lock);
    while (!flusher->stopping) {
        if (flusher->waiting < PORTION) {
            pthread_cond_wait(&flusher->changed, &flusher->lock);
            continue;
        }
        flusher->waiting = 0;
        pthread_mutex_unlock(&flusher->lock);
        (void)syncfs(flusher->folder);
        pthread_mutex_lock(&flusher->lock);
    }
    pthread_mutex_unlock(&flusher->lock);
    return NULL;
}

enum status flusher_start(struct flusher **flusher, int folder, struct error *error)
{
    struct flusher *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return error_set_memory(error);
    }
    made->folder = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (made->folder < 0) {
        error_set_errno(error, errno, _("%s cannot be opened"), TARGET_STAGING "/..");
        free(made);
        return error->status;
    }
    pthread_mutex_init(&made->lock, NULL);
    pthread_cond_init(&made->changed, NULL);
    enum status status = thread_start(&made->thread, run, made, error);
    if (status != STATUS_OK) {
        file_close(&made->folder);
        free(made);
        return status;
    }
    *flusher = made;
    return STATUS_OK;
}

void flusher_wrote(struct flusher *flusher, size_t size)
{
    pthread_mutex_lock(&flusher->lock);
    flusher->waiting += size;
    if (flusher->waiting >= PORTION) {
        pthread_cond_signal(&flusher->changed);
    }
    pthread_mutex_unlock(&flusher->lock);
}

void flusher_stop(struct flusher *flusher)
{
    if (flusher == NULL) {
        return;
    }
    pthread_mutex_lock(&flusher->lock);
    flusher->stopping = true;
    pthread_cond_signal(&flusher->changed);
    pthread_mutex_unlock(&flusher->lock);
    pthread_join(flusher->thread, NULL);
    pthread_mutex_destroy(&flusher->lock);
    pthread_cond_destroy(&flusher->changed);
    file_close(&flusher->folder);
    free(flusher);
}
