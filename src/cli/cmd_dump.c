/* kura dump: one file, database or command's output to standard output, or a folder as tar. */
#include "cli.h"
#include "kura/restore.h"

static enum status dump(struct cli *cli, struct cli_view *view, int fd, struct error *error)
{
    const struct catalogue_source *source;
    CLEANUP(memory_free) char *path = NULL;
    enum status status =
        cli_split_path(&source, &path, view->snapshot, cli->arguments.words.items[1], ':', error);
    if (status != STATUS_OK) {
        return status;
    }
    const char *name = source->words.name;
    if (cli->arguments.tar) {
        return restore_dump_tar(view->snapshot, name, path, fd, error);
    }
    status = restore_dump(view->snapshot, name, path[0] == '\0' ? NULL : path, fd, error);
    return status == STATUS_USAGE && error->hint[0] == '\0'
               ? error_set_hint(error, "%s", _("--tar writes a folder with everything below."))
               : status;
}

static enum status run(struct cli *cli, struct error *error)
{
    CLEANUP(cli_view_free) struct cli_view view = {0};
    enum status status = cli_view_open(&view, cli, cli->arguments.words.items[0], error);
    if (status == STATUS_OK) {
        status = cli_check_origin(&view.access, &cli->arguments, error);
    }
    if (status != STATUS_OK) {
        return status;
    }
    struct cli_output *output = NULL;
    int fd = -1;
    status = cli_output_open(&output, &fd, error);
    if (status == STATUS_OK) {
        status = dump(cli, &view, fd, error);
    }
    return cli_output_close(output, status, error);
}

const struct cli_command cmd_dump = {
    .name = "dump",
    .operands = N_("SNAPSHOT SOURCE[:PATH]"),
    .summary = N_("Write one file of a snapshot, or a folder as tar, to standard output."),
    .details =
        N_("A source that is a database or a command needs no PATH. What is not text is not\n"
           "written to a terminal."),
    .least = 2,
    .most = 2,
    .options = {OPTION_TAR, OPTION_KIT, OPTION_IDENTITY, OPTION_PASSPHRASE_FILE,
                OPTION_PASSPHRASE_FD, OPTION_UNTRUSTED, OPTION_STORE, OPTION_SSH_KEY,
                OPTION_SSH_KEY_PASSPHRASE_FILE, OPTION_RETRY, OPTION_KNOWN_HOSTS, OPTION_END},
    .run = run,
};
