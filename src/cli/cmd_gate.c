/* kura gate serve: the gate as a service, for members of staff under their own logins. */
#include "cli_carry.h"

static enum status run(struct cli *cli, struct error *error)
{
    CLEANUP(cli_gate_close) struct cli_gate gate = {0};
    enum status status = cli_gate_load(&gate, cli, error);
    return status == STATUS_OK ? gate_listen(gate.config.gate, &gate.host, error) : status;
}

const struct cli_command cmd_gate_serve = {
    .name = "gate serve",
    .operands = "",
    .summary = N_("Serve the gate for carries on its socket, as the service account."),
    .details = N_("Listens on gate: of the configuration, or on the socket that systemd hands\n"
                  "over. Who calls is known by the login, which the policy must name."),
    .options = {OPTION_SSH_KEY_PASSPHRASE_FILE, OPTION_RETRY, OPTION_END},
    .run = run,
};
