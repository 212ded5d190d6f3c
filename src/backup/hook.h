/* hook: a command of the configuration that prepares a night or ends it. */
#ifndef BACKUP_HOOK_H
#define BACKUP_HOOK_H

#include "kura/base.h"
#include <signal.h>

/* Runs the words, no shell, its standard output thrown away, for at most so many seconds; then it
 * is ended by force. Anything but exit code 0 is STATUS_FAILED with its last words. *cancelled:
 * ended when the user wants to stop; NULL: never. */
MUST_USE enum status hook_run(char *const *words, unsigned timeout,
                              const volatile sig_atomic_t *cancelled, struct error *error);

#endif
