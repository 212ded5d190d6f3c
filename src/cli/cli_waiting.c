/* cli_waiting: nobody waits for the storage without a word, and nobody at a terminal for long. */
#include "cli.h"

#define TELL_SECONDS 5.0
/* Not heard of for so long, there was a connection in between. Longer than one attempt can take. */
#define FORGET_SECONDS 90.0

static void tell(struct cli_waiting *waiting)
{
    waiting->told = true;
    if (!waiting->quiet) {
        fprintf(stderr, _("kura: no connection to %s yet; trying again\n"), waiting->url);
    }
}

static bool on_waiting(void *context)
{
    struct cli_waiting *waiting = context;
    pthread_mutex_lock(&waiting->lock);
    double now = clock_monotonic();
    if (now - waiting->last > FORGET_SECONDS) {
        waiting->since = now;
        waiting->told = false;
    }
    waiting->last = now;
    double waited = now - waiting->since;
    if (waited >= TELL_SECONDS && !waiting->told) {
        tell(waiting);
    }
    bool go_on = waiting->connected || waited < (double)waiting->first_retry;
    pthread_mutex_unlock(&waiting->lock);
    return go_on;
}

void cli_waiting_begin(struct cli_waiting *waiting, struct store_options *store,
                       const struct cli_arguments *arguments)
{
    *waiting = (struct cli_waiting){
        .lock = PTHREAD_MUTEX_INITIALIZER,
        .url = store->url,
        .first_retry = arguments->first_retry == 0 ? 1 : arguments->first_retry,
        .quiet = arguments->quiet,
        .last = -FORGET_SECONDS,
    };
    store->waiting = on_waiting;
    store->waiting_context = waiting;
}

void cli_waiting_connected(struct cli_waiting *waiting)
{
    pthread_mutex_lock(&waiting->lock);
    waiting->connected = true;
    pthread_mutex_unlock(&waiting->lock);
}
