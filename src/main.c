/* main: the table of commands. */
#include "kura/cli.h"

static const struct cli_command *const commands[] = {
    &cmd_init,           &cmd_key_new,       &cmd_key_list,     &cmd_key_passwd,
    &cmd_backup,         &cmd_snapshots,     &cmd_ls,           &cmd_find,
    &cmd_diff,           &cmd_restore,       &cmd_dump,         &cmd_check,
    &cmd_open,           &cmd_host_add,      &cmd_host_revoke,  &cmd_host_list,
    &cmd_medium_explain, &cmd_audit_verify,  &cmd_audit_show,   &cmd_audit_export,
    &cmd_policy_check,   &cmd_policy_sign,   &cmd_policy_show,  &cmd_policy_trust,
    &cmd_carry_request,  &cmd_carry_approve, &cmd_carry_deny,   &cmd_carry_revoke,
    &cmd_carry_export,   &cmd_carry_list,    &cmd_carry_show,   &cmd_carry_return,
    &cmd_carry_lost,     &cmd_carry_found,   &cmd_medium_enrol, &cmd_medium_label,
    &cmd_medium_list,    &cmd_medium_retire, &cmd_gate_serve,   &cmd_audit_clock,
    &cmd_person_erase,   &cmd_person_keep,   &cmd_person_where,
};

int main(int argc, char **argv)
{
    return cli_main(argc, argv, commands, LENGTH(commands));
}
