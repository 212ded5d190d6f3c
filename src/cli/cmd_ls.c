/* kura ls: what a snapshot holds. The sources are the first level. */
#include "cli.h"
#include <inttypes.h>
#include <string.h>

struct listing {
    struct cli_walk walk;
    struct cli_json_array array;
    const char *folder; /* what is listed */
};

static enum status print_entry(struct listing *listing, const char *name, const struct entry *entry,
                               struct error *error)
{
    const char *source = listing->walk.source->words.name;
    if (listing->walk.cli->arguments.json) {
        return cli_json_add(&listing->array, cli_json_entry(source, entry), error);
    }
    bool recursive = listing->walk.cli->arguments.recursive;
    CLEANUP(memory_free)
    char *path = recursive ? cli_format_path(source, name) : cli_format_path("", name);
    if (path == NULL) {
        return error_set_memory(error);
    }
    cli_print_entry(recursive ? path : path + 1, entry);
    return cli_check_output(error);
}

static enum status visit(void *context, const struct entry *entry, const struct content *content,
                         struct error *error)
{
    (void)content;
    struct listing *listing = context;
    size_t size = strlen(listing->folder);
    const char *below = entry->path + size;
    below += size > 0 && *below == '/' ? 1 : 0;
    if (listing->walk.cli->arguments.recursive) {
        return print_entry(listing, entry->path, entry, error);
    }
    if (*below == '\0') {
        const char *slash = strrchr(entry->path, '/');
        return entry->type == ENTRY_FOLDER
                   ? STATUS_OK
                   : print_entry(listing, slash == NULL ? entry->path : slash + 1, entry, error);
    }
    return strchr(below, '/') == NULL ? print_entry(listing, below, entry, error) : STATUS_OK;
}

static void on_problem(void *context, const char *near_path, const struct error *error)
{
    struct listing *listing = context;
    cli_walk_problem(&listing->walk, near_path, error);
}

static enum status list_path(struct listing *listing, struct snapshot *snapshot, const char *path,
                             struct error *error)
{
    listing->folder = path;
    const struct walk walk = {path, visit, on_problem, listing};
    return snapshot_walk(snapshot, listing->walk.source, &walk, error);
}

static enum status list_named(struct listing *listing, struct snapshot *snapshot, const char *text,
                              struct error *error)
{
    CLEANUP(memory_free) char *path = NULL;
    enum status status = cli_split_path(&listing->walk.source, &path, snapshot, text, '/', error);
    if (status == STATUS_OK && path[0] != '\0') {
        CLEANUP(entry_free) struct entry entry = {0};
        CLEANUP(content_free) struct content content = {0};
        status = snapshot_find(&entry, &content, snapshot, listing->walk.source, path, error);
    }
    return status == STATUS_OK ? list_path(listing, snapshot, path, error) : status;
}

static enum status print_source(struct listing *listing, const struct catalogue_source *source,
                                struct error *error)
{
    const struct statement_source *words = &source->words;
    if (listing->walk.cli->arguments.json) {
        json_t *object = json_object();
        json_object_set_new(object, "source", json_string(words->name));
        json_object_set_new(object, "path", json_string(""));
        json_object_set_new(object, "type", json_string("source"));
        json_object_set_new(object, "kind", json_string(words->kind));
        json_object_set_new(object, "entries", json_integer((json_int_t)words->entries));
        json_object_set_new(object, "bytes", json_integer((json_int_t)words->bytes));
        cli_json_set_counts(object, words);
        return cli_json_add(&listing->array, object, error);
    }
    printf("%-8s %10" PRIu64 " %14" PRIu64 " %s/  %s", words->kind, words->entries, words->bytes,
           words->name, cli_status_word(words->status));
    if (words->table_count > 0) {
        unsigned long rows = (unsigned long)cli_count_rows(words);
        printf(ngettext(", %lu row", ", %lu rows", rows), rows);
    }
    if (words->persons >= 0) {
        unsigned long persons = (unsigned long)words->persons;
        printf(ngettext(", %lu person", ", %lu persons", persons), persons);
    }
    putchar('\n');
    return cli_check_output(error);
}

static enum status list_all(struct listing *listing, struct snapshot *snapshot, struct error *error)
{
    enum status status = STATUS_OK;
    for (size_t i = 0; i < snapshot_source_count(snapshot) && status == STATUS_OK; i++) {
        listing->walk.source = snapshot_source(snapshot, i);
        status = listing->walk.cli->arguments.recursive
                     ? list_path(listing, snapshot, "", error)
                     : print_source(listing, listing->walk.source, error);
    }
    return status;
}

static enum status run(struct cli *cli, struct error *error)
{
    CLEANUP(cli_view_free) struct cli_view view = {0};
    struct listing listing = {.walk = {.cli = cli}};
    const struct cli_words *words = &cli->arguments.words;
    enum status status = cli_view_open(&view, cli, words->items[0], error);
    if (status == STATUS_OK) {
        status = words->count > 1 ? list_named(&listing, view.snapshot, words->items[1], error)
                                  : list_all(&listing, view.snapshot, error);
    }
    return status == STATUS_OK && cli->arguments.json ? cli_json_end(&listing.array, error)
                                                      : status;
}

const struct cli_command cmd_ls = {
    .name = "ls",
    .operands = N_("SNAPSHOT [SOURCE[/PATH]]"),
    .summary = N_("List what a snapshot holds."),
    .details = N_("SNAPSHOT is the beginning of an id, or \"latest\"."),
    .least = 1,
    .most = 2,
    .options = {OPTION_RECURSIVE, OPTION_JSON, OPTION_KIT, OPTION_IDENTITY, OPTION_PASSPHRASE_FILE,
                OPTION_PASSPHRASE_FD, OPTION_STORE, OPTION_SSH_KEY, OPTION_SSH_KEY_PASSPHRASE_FILE,
                OPTION_RETRY, OPTION_KNOWN_HOSTS, OPTION_END},
    .run = run,
};
