/* kura dump: one file, database or command's output to standard output, or a folder as tar. */
#include "cli_audit.h"
#include "cli_road.h"
#include "kura/restore.h"

static enum status dump(struct cli_road *road, struct cli_view *view, int fd, struct error *error)
{
    struct cli *cli = road->cli;
    const struct catalogue_source *source;
    CLEANUP(memory_free) char *path = NULL;
    enum status status =
        cli_split_path(&source, &path, view->snapshot, cli->arguments.words.items[1], ':', error);
    if (status != STATUS_OK) {
        return status;
    }
    status = cli_road_check_persons(road, source->words.persons,
                                    statement_source_is_uncounted(&source->words), error);
    if (status != STATUS_OK) {
        return status;
    }
    const char *name = source->words.name;
    cli_json_set_id(cli->facts, "snapshot", view->statement->id, OBJECT_ID_SIZE);
    cli_json_set_bytes(cli->facts, "source", name);
    json_object_set_new(cli->facts, "whole_source", json_boolean(path[0] == '\0'));
    cli_record_begin(cli);
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
    CLEANUP(cli_road_end) struct cli_road road;
    cli_road_begin(&road, cli, ROAD_OUTPUT);
    enum status status = cli_view_open(&view, cli, cli->arguments.words.items[0], error);
    if (status == STATUS_OK) {
        status = cli_check_origin(&view.access, &cli->arguments, error);
    }
    if (status == STATUS_OK) {
        cli_road_unlock_access(&road, &view.access);
        status = cli_road_check_output(&road, error);
    }
    if (status != STATUS_OK) {
        return status;
    }
    struct cli_output *output = NULL;
    int fd = -1;
    status = cli_output_open(&output, &fd, error);
    if (status == STATUS_OK) {
        status = dump(&road, &view, fd, error);
    }
    status = cli_output_close(output, status, error);
    return status == STATUS_OK ? cli_road_check_output(&road, error) : status;
}

const struct cli_command cmd_dump = {
    .name = "dump",
    .event = "dump",
    .operands = N_("SNAPSHOT SOURCE[:PATH]"),
    .summary = N_("Write one file of a snapshot, or a folder as tar, to standard output."),
    .details =
        N_("A source that is a database or a command needs no PATH. What is not text is not\n"
           "written to a terminal."),
    .least = 2,
    .most = 2,
    .options = {OPTION_TAR, OPTION_KIT, OPTION_IDENTITY, OPTION_PASSPHRASE_FILE,
                OPTION_PASSPHRASE_FD, OPTION_ONTO_REMOVABLE, OPTION_UNTRUSTED, OPTION_STORE,
                OPTION_SSH_KEY, OPTION_SSH_KEY_PASSPHRASE_FILE, OPTION_RETRY, OPTION_KNOWN_HOSTS,
                OPTION_END},
    .run = run,
};
