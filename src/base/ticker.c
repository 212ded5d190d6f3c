/* ticker: does something five times a second while everybody else is busy. */
#include "kura/base.h"
#include <stdlib.h>
#include <time.h>

#define TICK_NANOSECONDS 200000000L

struct ticker {
    void (*tick)(void *context);
    void *context;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t stop;
    bool stopping;
};

static void *run(void *argument)
{
    struct ticker *ticker = argument;
    pthread_mutex_lock(&ticker->lock);
    while (!ticker->stopping) {
        struct timespec next;
        clock_gettime(CLOCK_MONOTONIC, &next);
        next.tv_nsec += TICK_NANOSECONDS;
        if (next.tv_nsec >= 1000000000L) {
            next.tv_sec++;
            next.tv_nsec -= 1000000000L;
        }
        pthread_cond_clockwait(&ticker->stop, &ticker->lock, CLOCK_MONOTONIC, &next);
        if (!ticker->stopping) {
            ticker->tick(ticker->context);
        }
    }
    pthread_mutex_unlock(&ticker->lock);
    return NULL;
}

enum status ticker_start(struct ticker **ticker, void (*tick)(void *context), void *context,
                         struct error *error)
{
    struct ticker *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return error_set_memory(error);
    }
    made->tick = tick;
    made->context = context;
    pthread_mutex_init(&made->lock, NULL);
    pthread_cond_init(&made->stop, NULL);
    enum status status = thread_start(&made->thread, run, made, error);
    if (status != STATUS_OK) {
        free(made);
        return status;
    }
    *ticker = made;
    return STATUS_OK;
}

void ticker_stop(struct ticker *ticker)
{
    if (ticker == NULL) {
        return;
    }
    pthread_mutex_lock(&ticker->lock);
    ticker->stopping = true;
    pthread_cond_signal(&ticker->stop);
    pthread_mutex_unlock(&ticker->lock);
    pthread_join(ticker->thread, NULL);
    pthread_mutex_destroy(&ticker->lock);
    pthread_cond_destroy(&ticker->stop);
    free(ticker);
}
