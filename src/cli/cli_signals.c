/* cli_signals: a wish to stop is a flag that the work looks at. */
#include "cli.h"

static volatile sig_atomic_t stop_wanted;

static void note(int number)
{
    stop_wanted = number;
}

const volatile sig_atomic_t *cli_catch_signals(void)
{
    struct sigaction action = {.sa_handler = note, .sa_flags = (int)SA_RESETHAND};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    /* The terminal or the line is gone; under nohup that is meant to be no matter. */
    struct sigaction before;
    if (sigaction(SIGHUP, NULL, &before) == 0 && before.sa_handler != SIG_IGN) {
        sigaction(SIGHUP, &action, NULL);
    }
    return &stop_wanted;
}
