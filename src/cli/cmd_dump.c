/* kura dump: one file, database or command's output to standard output, or a folder as tar. */
#include "cli_audit.h"
#include "cli_register.h"
#include "cli_road.h"
#include <stdlib.h>
#include <string.h>

static enum status send(struct cli *cli, struct cli_view *view, const struct cli_register *obeyed,
                        const char *source, const char *path, int fd, struct error *error)
{
    struct restore_erased erased = {0};
    const struct dump_options options = {.erasures = cli_register_entries(obeyed),
                                         .temporary = getenv("SQLITE_TMPDIR"),
                                         .cancelled = cli_catch_signals()};
    enum status status =
        cli->arguments.tar
            ? restore_dump_tar(&erased, view->snapshot, source, path, fd, &options, error)
            : restore_dump(&erased, view->snapshot, source, path[0] == '\0' ? NULL : path, fd,
                           &options, error);
    if (status == STATUS_OK) {
        cli_register_tell(obeyed, cli, &erased, NULL);
    }
    return status;
}

static enum status dump(struct cli_road *road, struct cli_view *view,
                        const struct cli_register *obeyed, int fd, struct error *error)
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
    cli_register_check_source(obeyed, cli, view->snapshot, source);
    if (register_erases_rows(cli_register_entries(obeyed), name)) {
        status = cli_road_choose_temporary(cli, error);
    }
    if (status == STATUS_OK) {
        status = send(cli, view, obeyed, name, path, fd, error);
    }
    if (status == STATUS_FAILED) {
        cli_register_tell_hosts(obeyed, view->statement, name);
    }
    return status == STATUS_USAGE && error->hint[0] == '\0'
               ? error_set_hint(error, "%s", _("--tar writes a folder with everything below."))
               : status;
}

static enum status run(struct cli *cli, struct error *error)
{
    CLEANUP(cli_view_free) struct cli_view view = {0};
    CLEANUP(cli_register_free) struct cli_register obeyed = {0};
    CLEANUP(cli_road_end) struct cli_road road;
    cli_road_begin(&road, cli, ROAD_OUTPUT);
    enum status status = cli_view_open(&view, cli, cli->arguments.words.items[0], error);
    if (status == STATUS_OK) {
        status = cli_check_origin(&view.access, &cli->arguments, error);
    }
    if (status == STATUS_OK) {
        status = cli_register_open(&obeyed, cli, &view.access, &view.list, error);
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
        status = dump(&road, &view, &obeyed, fd, error);
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
           "written to a terminal. Persons who asked to be erased (kura person erase) are left\n"
           "out: a database is erased from in a file without a name, a file of theirs is\n"
           "refused."),
    .least = 2,
    .most = 2,
    .options = {OPTION_TAR, OPTION_KIT, OPTION_IDENTITY, OPTION_PASSPHRASE_FILE,
                OPTION_PASSPHRASE_FD, OPTION_ONTO_REMOVABLE, OPTION_UNTRUSTED, OPTION_STORE,
                OPTION_SSH_KEY, OPTION_SSH_KEY_PASSPHRASE_FILE, OPTION_RETRY, OPTION_KNOWN_HOSTS,
                OPTION_AS_IT_WAS, OPTION_REASON, OPTION_KEY, OPTION_KEY_PASSPHRASE_FILE,
                OPTION_END},
    .run = run,
};
