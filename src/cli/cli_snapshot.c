/* cli_snapshot: which snapshot is meant, and what in it. */
#include "cli.h"
#include <stdlib.h>
#include <string.h>

enum status cli_list(struct snapshot_list *list, struct cli *cli, struct cli_access *access,
                     struct error *error)
{
    enum status status = repo_list(list, access->repo, error);
    if (status == STATUS_OK) {
        cli_report_problems(cli, access, &list->problems);
    }
    return status;
}

bool cli_is_latest(const char *name)
{
    return name == NULL || strcmp(name, "latest") == 0;
}

enum status cli_find(const struct statement **found, const struct snapshot_list *list,
                     const char *name, const char *before, struct error *error)
{
    struct moment limit;
    if (before != NULL && !moment_parse(&limit, before)) {
        error_set(error, STATUS_USAGE, 0, _("\"%s\" is not a time"), before);
        return error_set_hint(error, "%s",
                              _("Write it like 2026-11-22, \"2026-11-22 02:00\" or "
                                "2026-11-22T02:00:00Z."));
    }
    enum status status = snapshot_list_find(found, list, name == NULL ? "latest" : name,
                                            before == NULL ? NULL : &limit, error);
    return status == STATUS_NOT_FOUND && error->hint[0] == '\0'
               ? error_set_hint(error, "%s", _("kura snapshots shows all snapshots."))
               : status;
}

bool cli_holds_source(const struct statement *statement, const char *name)
{
    for (size_t i = 0; i < statement->source_count; i++) {
        const struct statement_source *source = &statement->sources[i];
        if (source->status != SOURCE_FAILED && strcmp(source->name, name) == 0) {
            return true;
        }
    }
    return false;
}

static bool holds_all(const struct statement *statement, const struct cli_words *names)
{
    for (size_t i = 0; i < names->count; i++) {
        if (!cli_holds_source(statement, names->items[i])) {
            return false;
        }
    }
    return true;
}

/* A night that backed up other sources only, or another host's, must not hide the named ones: goes
 * back to the newest snapshot that holds them all, and stays where it is if there is none. */
static const struct statement *newest_holding(const struct statement *latest,
                                              const struct snapshot_list *list,
                                              const struct cli_words *names, const char *before)
{
    struct moment limit;
    bool limited = before != NULL && moment_parse(&limit, before);
    for (const struct statement *at = latest; at >= list->items; at--) {
        if (holds_all(at, names) && (!limited || moment_compare(at->time, limit) <= 0)) {
            return at;
        }
    }
    return latest;
}

enum status cli_check_origin(const struct cli_access *access, const struct cli_arguments *arguments,
                             struct error *error)
{
    if (access->access.trusted != NULL || arguments->untrusted) {
        return STATUS_OK;
    }
    error_set(error, STATUS_UNAUTHENTIC, 0, "%s",
              _("origin not proved: nothing here says which key may have signed the backups"));
    return error_set_hint(error, "%s",
                          _("Use the recovery kit (--kit), or set repository.trusted_key in the "
                            "configuration; --untrusted goes on all the same."));
}

static enum status fail_source(const struct snapshot *snapshot, const char *name,
                               struct error *error)
{
    char names[512] = "";
    size_t used = 0;
    for (size_t i = 0; i < snapshot_source_count(snapshot) && used < sizeof names; i++) {
        used += (size_t)snprintf(names + used, sizeof names - used, "%s%s", i == 0 ? "" : ", ",
                                 snapshot_source(snapshot, i)->words.name);
    }
    error_set(error, STATUS_USAGE, 0, _("the snapshot has no source %s"), name);
    return error_set_hint(error, _("It has: %s."), names);
}

enum status cli_find_source(const struct catalogue_source **source, const struct snapshot *snapshot,
                            const char *name, struct error *error)
{
    *source = snapshot_find_source(snapshot, name);
    return *source == NULL ? fail_source(snapshot, name, error) : STATUS_OK;
}

enum status cli_split_path(const struct catalogue_source **source, char **path,
                           const struct snapshot *snapshot, const char *text, char separator,
                           struct error *error)
{
    *path = NULL;
    CLEANUP(memory_free) char *name = strdup(text);
    if (name == NULL) {
        return error_set_memory(error);
    }
    char *end = strchr(name, separator);
    char *rest = end == NULL ? name + strlen(name) : end + 1;
    if (end != NULL) {
        *end = '\0';
    }
    rest += strspn(rest, "/");
    size_t size = strlen(rest);
    while (size > 0 && rest[size - 1] == '/') {
        rest[--size] = '\0';
    }
    enum status status = cli_find_source(source, snapshot, name, error);
    if (status != STATUS_OK) {
        return status;
    }
    if (!entry_path_valid(rest)) {
        return error_set(error, STATUS_USAGE, 0, _("%s is not a path in a source"), rest);
    }
    *path = strdup(rest);
    return *path == NULL ? error_set_memory(error) : STATUS_OK;
}

enum status cli_view_open(struct cli_view *view, struct cli *cli, const char *name,
                          struct error *error)
{
    enum status status = cli_access_open(&view->access, &cli->arguments, CLI_NEED_IDENTITY, error);
    if (status == STATUS_OK) {
        status = cli_list(&view->list, cli, &view->access, error);
    }
    if (status == STATUS_OK) {
        status = cli_find(&view->statement, &view->list, name, cli->arguments.before, error);
    }
    if (status == STATUS_OK && cli_is_latest(name)) {
        view->statement = newest_holding(view->statement, &view->list, &cli->arguments.sources,
                                         cli->arguments.before);
    }
    if (status == STATUS_OK) {
        status = snapshot_open(&view->snapshot, view->access.repo, view->statement, error);
        if (status == STATUS_NOT_FOUND) { /* of an object that a good statement names */
            cli_note(cli, EXIT_INTEGRITY);
        }
    }
    return status;
}

void cli_view_free(struct cli_view *view)
{
    snapshot_free(view->snapshot);
    snapshot_list_free(&view->list);
    cli_access_free(&view->access);
}

void cli_walk_problem(struct cli_walk *walk, const char *near_path, const struct error *error)
{
    cli_report_entry(walk->source->words.name, near_path, error);
    cli_note(walk->cli, EXIT_INTEGRITY);
}
