/* main: the table of commands. */
#include "kura/cli.h"

static const struct cli_command *const commands[] = {
    &cmd_init, &cmd_key_new,  &cmd_key_list,    &cmd_key_passwd, &cmd_backup, &cmd_snapshots,
    &cmd_ls,   &cmd_find,     &cmd_diff,        &cmd_restore,    &cmd_dump,   &cmd_check,
    &cmd_open, &cmd_host_add, &cmd_host_revoke, &cmd_host_list,
};

int main(int argc, char **argv)
{
    return cli_main(argc, argv, commands, LENGTH(commands));
}
