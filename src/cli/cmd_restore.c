/* kura restore: the way back, on a bare machine with the kit alone, or with an identity. */
#include "cli_audit.h"
#include "cmd_restore.h"
#include <ctype.h>
#include <string.h>

/* Codes are copied from paper: case and blanks do not matter. */
static bool same_code(const char *a, const char *b)
{
    for (;;) {
        while (*a == '-' || isspace((unsigned char)*a)) {
            a++;
        }
        while (*b == '-' || isspace((unsigned char)*b)) {
            b++;
        }
        if (toupper((unsigned char)*a) != toupper((unsigned char)*b)) {
            return false;
        }
        if (*a == '\0') {
            return true;
        }
        a++;
        b++;
    }
}

static enum status check_head(struct cli *cli, const struct snapshot_list *list, bool *fresh,
                              struct error *error)
{
    char code[HEAD_CODE_SIZE];
    const char *expected = cli->arguments.expect_head;
    *fresh = false;
    if (expected == NULL) {
        return STATUS_OK;
    }
    snapshot_list_head_code(code, list);
    *fresh = same_code(code, expected);
    if (*fresh) {
        return STATUS_OK;
    }
    error_set(error, STATUS_UNAUTHENTIC, 0,
              _("the head code of this storage is %s, not %s as expected"), code, expected);
    return error_set_hint(
        error, "%s",
        _("Either backups newer than these are hidden or lost, or the code is not "
          "that of the last backup. Without --expect-head the restore goes on."));
}

/* Storage can hide its newest part: say what is known, so that a person can judge. */
static void tell_age(struct cli *cli, const struct snapshot_list *list, bool fresh)
{
    char time[MOMENT_TEXT_SIZE];
    char due[MOMENT_TEXT_SIZE];
    const struct statement *newest = &list->items[list->count - 1];
    cli_say(cli, _("The newest snapshot here is of %s; the next one was due by %s."),
            moment_format_local(time, newest->time), moment_format_local(due, newest->due));
    if (fresh) {
        cli_say(cli, "%s", _("The head code matches: nothing newer is hidden."));
    } else {
        cli_say(cli, "%s",
                _("The storage alone cannot prove that nothing newer existed; a head code that was "
                  "kept elsewhere can (--expect-head)."));
    }
}

static void warn_elsewhere(struct cli *cli, const struct statement *statement, const char *name)
{
    char id[OBJECT_ID_TEXT_SIZE];
    char time[MOMENT_TEXT_SIZE];
    struct error told = {0};
    error_set(&told, STATUS_NOT_FOUND, 0,
              _("%s is not in this snapshot; the newest one that holds it is %s of %s"), name,
              cli_format_id(id, statement->id), moment_format_local(time, statement->time));
    error_set_hint(&told, _("Restore it as well, with --source %s."), name);
    cli_report_warning(&told);
    cli_note(cli, EXIT_WARNINGS);
}

/* The latest snapshot may be that of one source, or of another host: whoever wants everything back
 * must learn what lies elsewhere. With --before, `chosen` is the last that counts. */
static void tell_elsewhere(struct cli *cli, const struct snapshot_list *list, size_t chosen)
{
    for (size_t i = chosen; i > 0; i--) {
        const struct statement *other = &list->items[i - 1];
        for (size_t k = 0; k < other->source_count; k++) {
            const char *name = other->sources[k].name;
            size_t newer = i;
            while (newer <= chosen && !cli_holds_source(&list->items[newer], name)) {
                newer++;
            }
            if (newer > chosen && cli_holds_source(other, name)) {
                warn_elsewhere(cli, other, name);
            }
        }
    }
}

static void tell_choice(struct cli *cli, const struct cli_view *view)
{
    if (!cli_is_latest(cli->arguments.snapshot)) {
        return;
    }
    if (cli->arguments.sources.count == 0 && cli->arguments.database != NULL) {
        return; /* one source is wanted, not everything */
    }
    if (cli->arguments.sources.count == 0) {
        tell_elsewhere(cli, &view->list, (size_t)(view->statement - view->list.items));
    } else if (view->statement != &view->list.items[view->list.count - 1]) {
        char id[OBJECT_ID_TEXT_SIZE];
        char time[MOMENT_TEXT_SIZE];
        cli_say(cli, _("Taken is snapshot %s of %s, the newest one that holds what was asked for."),
                cli_format_id(id, view->statement->id),
                moment_format_local(time, view->statement->time));
    }
}

static enum status check_words(const struct cli_arguments *arguments, struct error *error)
{
    if (arguments->target == NULL && arguments->database == NULL) {
        error_set(error, STATUS_USAGE, 0, "%s",
                  _("kura restore needs --target DIR or --database CONNECTION"));
        error_set_hint(error, "%s",
                       _("Restore into a new folder; each source becomes a folder in it."));
        return STATUS_USAGE;
    }
    if (arguments->database == NULL) {
        return arguments->tables.count == 0 && !arguments->no_owner
                   ? STATUS_OK
                   : error_set(error, STATUS_USAGE, 0, "%s",
                               _("--table and --no-owner belong to --database"));
    }
    return arguments->target == NULL && arguments->includes.count == 0
               ? STATUS_OK
               : error_set(error, STATUS_USAGE, 0, "%s",
                           _("--database does not go with --target or --include"));
}

static enum status prepare(struct cli_view *view, bool *fresh, struct cli *cli, struct error *error)
{
    const struct cli_arguments *arguments = &cli->arguments;
    enum status status = check_words(arguments, error);
    if (status == STATUS_OK) {
        status = cli_view_open(view, cli, arguments->snapshot, error);
    }
    if (status == STATUS_OK) {
        status = cli_check_origin(&view->access, arguments, error);
    }
    if (status == STATUS_OK) {
        status = check_head(cli, &view->list, fresh, error);
    }
    if (status == STATUS_OK) {
        tell_age(cli, &view->list, *fresh);
        tell_choice(cli, view);
    }
    return status;
}

/* A pattern may be a customer's name: only how many there are is told. */
static void set_facts(struct cli *cli, const struct cli_view *view)
{
    cli_json_set_id(cli->facts, "snapshot", view->statement->id, OBJECT_ID_SIZE);
    cli_json_set_words(cli->facts, "sources", &cli->arguments.sources);
    cli_json_set_count(cli->facts, "patterns", cli->arguments.includes.count);
}

static enum status run(struct cli *cli, struct error *error)
{
    CLEANUP(cli_view_free) struct cli_view view = {.access.work = CLI_WORK_RESTORE};
    CLEANUP(cli_road_end) struct cli_road road;
    CLEANUP(cli_register_free) struct cli_register obeyed = {0};
    bool fresh = false;
    cli_road_begin(&road, cli, ROAD_OUTPUT);
    view.access.log_folder = cli_record_folder(cli);
    enum status status = prepare(&view, &fresh, cli, error);
    if (status == STATUS_OK) {
        status = cli_register_open(&obeyed, cli, &view.access, &view.list, error);
    }
    if (status != STATUS_OK) {
        return status;
    }
    set_facts(cli, &view);
    cli_road_unlock_access(&road, &view.access);
    return cli->arguments.database == NULL
               ? cmd_restore_into_folder(&road, &view, &obeyed, fresh, error)
               : cmd_restore_into_database(&road, &view, &obeyed, fresh, error);
}

const struct cli_command cmd_restore = {
    .name = "restore",
    .event = "restore",
    .operands = "",
    .summary = N_("Give everything back, or what is named, into a folder or a database."),
    .details =
        N_("With --kit no configuration is needed: the kit knows where the storage is. Existing\n"
           "files stay unless --overwrite is given. An interrupted restore goes on when it is\n"
           "run again. The exit code is 3 if something could not be written, 5 if something is\n"
           "damaged; everything else is restored all the same. Persons who asked to be erased\n"
           "(kura person erase) do not come back: a database gets its name only when they are\n"
           "gone from it. If a rule does not fit it, it stays away and the exit code is 1.\n"
           "\n"
           "With --database a PostgreSQL source is loaded into a database that is new or empty:\n"
           "under another name first, and it gets its own when the rows of every table are as\n"
           "the backup counted them. With --overwrite a database that has tables is replaced;\n"
           "the old one stays as NAME.before-TIME."),
    .options = {OPTION_TARGET,
                OPTION_SNAPSHOT,
                OPTION_BEFORE,
                OPTION_SOURCE,
                OPTION_INCLUDE,
                OPTION_OVERWRITE,
                OPTION_ONTO_REMOVABLE,
                OPTION_KIT,
                OPTION_IDENTITY,
                OPTION_PASSPHRASE_FILE,
                OPTION_PASSPHRASE_FD,
                OPTION_EXPECT_HEAD,
                OPTION_UNTRUSTED,
                OPTION_STORE,
                OPTION_SSH_KEY,
                OPTION_SSH_KEY_PASSPHRASE_FILE,
                OPTION_RETRY,
                OPTION_KNOWN_HOSTS,
                OPTION_JSON,
                OPTION_AS_IT_WAS,
                OPTION_REASON,
                OPTION_KEY,
                OPTION_KEY_PASSPHRASE_FILE,
                OPTION_DATABASE,
                OPTION_TABLE,
                OPTION_NO_OWNER,
                OPTION_END},
    .retry = CLI_RETRY_PATIENT,
    .run = run,
};
