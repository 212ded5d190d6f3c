/* thread: threads that signals leave alone. A handler belongs on the main thread, which can act on
 * it; on another it would break off a transfer. */
#include "kura/base.h"
#include <signal.h>

enum status thread_start(pthread_t *thread, void *(*run)(void *), void *context,
                         struct error *error)
{
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int reason = pthread_create(thread, NULL, run, context);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (reason != 0) {
        return error_set_errno(error, reason, "%s", _("a thread cannot be started"));
    }
    return STATUS_OK;
}
