/* cli: the commands. Words in, words out. */
#ifndef KURA_CLI_H
#define KURA_CLI_H

#include "kura/base.h"

/* What the program says to whoever started it. Scripts rely on these numbers. 4 is kept for what
 * the gate for removable media refuses. */
enum cli_exit {
    EXIT_DONE = 0,
    EXIT_FAILED = 1,
    EXIT_USAGE = 2,     /* wrong words on the command line or in the configuration */
    EXIT_WARNINGS = 3,  /* done, but a file could not be read or restored, or a source failed */
    EXIT_INTEGRITY = 5, /* something is damaged, missing or not by whom it should be */
    EXIT_UNREACHABLE = 6,
};

struct cli_command;
extern const struct cli_command cmd_init, cmd_key_new, cmd_key_list, cmd_key_passwd, cmd_host_add,
    cmd_host_revoke, cmd_host_list, cmd_backup, cmd_snapshots, cmd_ls, cmd_find, cmd_diff,
    cmd_restore, cmd_dump, cmd_check, cmd_open;

/* Finds the command, reads its options, runs it, reports what went wrong. Returns an enum cli_exit.
 */
int cli_main(int argc, char **argv, const struct cli_command *const *commands, size_t count);

#endif
