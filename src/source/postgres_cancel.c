/* postgres_cancel: what still runs would keep its locks until it is ready. libpq asks for its end
 * by a connection of its own and waits for the answer without limit, so a server that hangs would
 * hang us: a thread waits in our place. */
#include "postgres.h"
#include <pthread.h>
#include <time.h>

enum { SECONDS = 2, WORDS_SIZE = 256 };

static void *ask(void *context)
{
    PGcancel *cancel = context;
    char words[WORDS_SIZE];
    (void)PQcancel(cancel, words, sizeof words);
    PQfreeCancel(cancel);
    return NULL;
}

void postgres_cancel(PGconn *connection)
{
    PGcancel *cancel = PQgetCancel(connection);
    pthread_t thread;
    if (cancel == NULL) {
        return;
    }
    if (pthread_create(&thread, NULL, ask, cancel) != 0) {
        PQfreeCancel(cancel);
        return;
    }
    struct timespec end;
    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_sec += SECONDS;
    if (pthread_clockjoin_np(thread, NULL, CLOCK_MONOTONIC, &end) != 0) {
        (void)pthread_detach(thread); /* it holds nothing of ours */
    }
}
