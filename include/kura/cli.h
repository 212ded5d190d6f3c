/* cli: the commands. Words in, words out. */
#ifndef KURA_CLI_H
#define KURA_CLI_H

#include "kura/base.h"

/* What the program says to whoever started it. Scripts rely on these numbers. */
enum cli_exit {
    EXIT_DONE = 0,
    EXIT_FAILED = 1,
    EXIT_USAGE = 2,     /* wrong words on the command line or in the configuration */
    EXIT_WARNINGS = 3,  /* done, but a file could not be read or restored, or a source failed */
    EXIT_REFUSED = 4,   /* the policy or the gate for removable media forbids it */
    EXIT_INTEGRITY = 5, /* something is damaged, missing or not by whom it should be */
    EXIT_UNREACHABLE = 6,
};

struct cli_command;
extern const struct cli_command cmd_init, cmd_key_new, cmd_key_list, cmd_key_passwd, cmd_host_add,
    cmd_host_revoke, cmd_host_list, cmd_backup, cmd_snapshots, cmd_ls, cmd_find, cmd_diff,
    cmd_restore, cmd_dump, cmd_check, cmd_open, cmd_medium_explain, cmd_audit_verify,
    cmd_audit_show, cmd_audit_export, cmd_policy_check, cmd_policy_sign, cmd_policy_show,
    cmd_policy_trust, cmd_carry_request, cmd_carry_approve, cmd_carry_deny, cmd_carry_revoke,
    cmd_carry_export, cmd_carry_list, cmd_carry_show, cmd_carry_return, cmd_carry_lost,
    cmd_carry_found, cmd_medium_enrol, cmd_medium_label, cmd_medium_list, cmd_medium_retire,
    cmd_gate_serve, cmd_audit_clock, cmd_person_erase, cmd_person_keep, cmd_person_where;

/* Finds the command, reads its options, runs it, reports what went wrong. Returns an enum cli_exit.
 */
int cli_main(int argc, char **argv, const struct cli_command *const *commands, size_t count);

/* For whoever runs several commands in one process: what one command needs is not to bind the next.
 */
void cli_stay_unconfined(void);

#endif
