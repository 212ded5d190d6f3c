/* database: the way back into PostgreSQL on one page. Look at everything first; load into a hidden
 * database; count; erase who asked for it, and count again; only then give it its name. */
#include "dump.h"
#include "hidden.h"
#include <stdlib.h>
#include <string.h>

/* The archive by its name; a command's dump has only one file. */
static enum status find_archive(struct hidden_database *database, struct error *error)
{
    const struct statement_source *words = &database->source->words;
    bool postgres = strcmp(words->kind, "postgres") == 0;
    if (!postgres && strcmp(words->kind, "command") != 0) {
        error_set(error, STATUS_USAGE, 0, _("the source %s is no PostgreSQL database (%s)"),
                  words->name, words->kind);
        return error_set_hint(error, "%s", _("kura restore --target DIR gives it back as files."));
    }
    return snapshot_find(&database->entry, &database->content, database->snapshot, database->source,
                         postgres ? POSTGRES_DUMP_NAME : "output", error);
}

/* These lines of the archive's list, or all of it. */
static enum status load_lines(struct hidden_database *database, const struct buffer *lines,
                              bool tablespaces, struct error *error)
{
    CLEANUP(memory_free) char *to = NULL;
    CLEANUP(file_close) int list = -1;
    const struct database_options *options = database->options;
    const char *words[16] = {"pg_restore", "--exit-on-error", "--no-password", "--dbname"};
    size_t count = 4;
    enum status status = postgres_complete(&to, options->connection, database->name, error);
    if (status == STATUS_OK && lines != NULL) {
        status = database_list_write(&list, lines, error);
    }
    if (status != STATUS_OK) {
        return status;
    }
    words[count++] = to;
    if (lines != NULL) {
        words[count++] = "--use-list=/dev/fd/3";
    }
    if (options->no_owner) {
        words[count++] = "--no-owner";
        words[count++] = "--no-privileges";
    }
    if (!tablespaces) {
        words[count++] = "--no-tablespaces";
    }
    return archive_run(database, words, list, NULL, NULL, error);
}

static enum status load(struct hidden_database *database, bool tablespaces, struct error *error)
{
    const struct database_parts *parts = &database->parts;
    enum status status = hidden_settle_for_load(database, error);
    return status == STATUS_OK
               ? load_lines(database, database_parts_differ(parts) ? &parts->loaded : NULL,
                            tablespaces, error)
               : status;
}

/* With the settings of the load once more: the database may be set to be read only. */
static enum status load_later(struct hidden_database *database, struct error *error)
{
    const struct buffer *later = &database->parts.later;
    if (later->size == 0) {
        return STATUS_OK;
    }
    postgres_close(&database->inside);
    enum status status = hidden_settle_for_load(database, error);
    if (status == STATUS_OK) {
        status = load_lines(database, later, true, error);
    }
    return status == STATUS_OK ? hidden_give_settings(database, false, error) : status;
}

/* In the words of pg_restore, which are the user's language. */
static bool is_about_tablespace(const struct error *error)
{
    return strstr(error->message, "tablespace") != NULL ||
           strstr(error->message, "テーブル空間") != NULL;
}

/* A new machine hardly has the tablespaces of the old one, or lets the role use them, and nobody is
 * to make them in the night of need. */
static enum status load_here(struct hidden_database *database, struct error *error)
{
    enum status status = load(database, true, error);
    if (status != STATUS_FAILED || !is_about_tablespace(error)) {
        return status;
    }
    error_set_hint(error, "%s",
                   _("All is restored into the database's own tablespace. ALTER TABLE … SET "
                     "TABLESPACE moves it, when the others are made."));
    hidden_warn(database, error);
    error_clear(error);
    hidden_drop(database);
    status = hidden_open_server(database, error); /* the lock went with the session */
    if (status == STATUS_OK) {
        status = hidden_create(database, error);
    }
    return status == STATUS_OK ? load(database, false, error) : status;
}

/* The server may have analysed a table while it was loaded, and does not again if it is empty now.
 * Only a superuser can help it. */
static enum status forget_statistics(struct hidden_database *database, struct error *error)
{
    CLEANUP(memory_free) char *superuser = NULL;
    enum status status = postgres_text(&superuser, &database->inside,
                                       "SELECT pg_catalog.current_setting('is_superuser')", error);
    return status == STATUS_OK && strcmp(superuser, "on") == 0
               ? postgres_script(&database->inside,
                                 "DELETE FROM pg_catalog.pg_statistic;"
                                 "DELETE FROM pg_catalog.pg_statistic_ext_data",
                                 error)
               : status;
}

/* As a whole, and so that nothing is left behind in views, statistics and files. */
static enum status amend(struct hidden_database *database, struct error *error)
{
    enum status status = postgres_script(&database->inside, "BEGIN", error);
    if (status == STATUS_OK) {
        status = database_amend(database, error);
    }
    if (status == STATUS_OK) {
        status = database_refresh_views(database, error);
    }
    if (status == STATUS_OK) {
        status = postgres_script(&database->inside, "COMMIT", error);
    }
    if (status == STATUS_OK) {
        status = forget_statistics(database, error);
    }
    if (status == STATUS_OK) {
        status = postgres_script(&database->inside, "ANALYZE", error);
    }
    if (status == STATUS_OK) {
        status = postgres_script(&database->inside, "VACUUM FULL", error);
    }
    if (status == STATUS_OK) {
        status = database_count(database, error);
    }
    return status == STATUS_OK ? database_persons(database, false, error) : status;
}

static enum status prove(struct hidden_database *database, struct error *error)
{
    struct database_summary *summary = database->summary;
    enum status status = hidden_connect(&database->inside, database, database->name, error);
    if (status == STATUS_OK) {
        status = database_count(database, error);
    }
    if (status == STATUS_OK) {
        status = database_compare(database, error);
    }
    bool erases = database_erases(database);
    if (status == STATUS_OK) {
        status = database_persons(database, true, error);
    }
    summary->proved = status == STATUS_OK && database->source->words.table_count > 0;
    uint64_t loaded = summary->rows;
    if (status == STATUS_OK && erases) {
        status = amend(database, error);
    }
    summary->removed = loaded > summary->rows ? loaded - summary->rows : 0;
    /* An archive has no statistics; without them the first day is slow. */
    return status == STATUS_OK ? postgres_script(&database->inside, "ANALYZE", error) : status;
}

static enum status restore_all(struct hidden_database *database, struct error *error)
{
    enum status status = hidden_check_target(database, error);
    if (status == STATUS_OK) {
        status = hidden_create(database, error);
    }
    if (status == STATUS_OK) {
        status = database_parts_read(&database->parts, database, error);
    }
    if (status == STATUS_OK) {
        status = load_here(database, error);
    }
    if (status == STATUS_OK) {
        status = database_check_loaded_money(database, error);
    }
    if (status == STATUS_OK) {
        status = hidden_give_settings(database, true, error);
    }
    if (status == STATUS_OK) {
        status = prove(database, error);
    }
    if (status == STATUS_OK) {
        status = load_later(database, error);
    }
    if (status == STATUS_OK) {
        database_parts_tell(database);
    }
    return status == STATUS_OK ? hidden_publish(database, error) : status;
}

enum status restore_database_name(char **name, const char *connection, struct error *error)
{
    CLEANUP(memory_free) char *words = NULL;
    enum status status = postgres_complete(&words, connection, NULL, error);
    if (status == STATUS_OK) {
        status = postgres_database_name(name, words, error);
    }
    return status == STATUS_OK ? status : error_add_context(error, "--database");
}

static enum status begin(struct hidden_database *database, struct error *error)
{
    const struct database_options *options = database->options;
    enum status status =
        dump_find_source(&database->source, database->snapshot, options->source, error);
    if (status == STATUS_OK) {
        status = find_archive(database, error);
    }
    if (status == STATUS_OK) {
        status = restore_database_name(&database->target, options->connection, error);
    }
    if (status == STATUS_OK && (database->summary->database = strdup(database->target)) == NULL) {
        status = error_set_memory(error);
    }
    database->summary->bytes = database->content.size;
    return status == STATUS_OK ? hidden_open_server(database, error) : status;
}

static void end(struct hidden_database *database)
{
    hidden_drop(database);
    postgres_close(&database->inside);
    postgres_close(&database->server);
    buffer_free(&database->script);
    database_parts_free(&database->parts);
    persons_free(&database->before);
    occupant_free(&database->old);
    entry_free(&database->entry);
    content_free(&database->content);
    free(database->target);
}

enum status restore_into_database(struct database_summary *summary, struct snapshot *snapshot,
                                  const struct database_options *options, struct error *error)
{
    double started = clock_monotonic();
    *summary = (struct database_summary){.persons = -1};
    struct hidden_database database = {
        .options = options, .snapshot = snapshot, .summary = summary};
    enum status status = begin(&database, error);
    if (status == STATUS_OK) {
        status = options->tables == NULL ? restore_all(&database, error)
                                         : database_restore_tables(&database, error);
    }
    end(&database);
    summary->seconds = clock_monotonic() - started;
    return status;
}
