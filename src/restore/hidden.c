/* hidden: making the hidden database as the dump wants it, and removing it. */
#include "hidden.h"
#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* ------------------------------------------------------------------ as the dump wants it */

/* The archive's own words for its database:
 *
 *     CREATE DATABASE shop WITH TEMPLATE = template0 ENCODING = 'UTF8' LOCALE = 'ja_JP.UTF-8';
 *
 * Only these options are taken over, and only if they are an option, '=', and a word or a quoted
 * text: a tablespace of the old server means nothing here. */
static const char *const options_kept[] = {"ENCODING", "LOCALE_PROVIDER", "LOCALE",
                                           "LC_COLLATE", "LC_CTYPE", "ICU_LOCALE",
                                           "ICU_RULES", "BUILTIN_LOCALE"};

static bool is_kept(const char *name, size_t size)
{
    for (size_t i = 0; i < LENGTH(options_kept); i++) {
        if (strlen(options_kept[i]) == size && strncmp(options_kept[i], name, size) == 0) {
            return true;
        }
    }
    return false;
}

/* The length of a word or of a quoted text ('' within it is a quote); 0: neither. */
static size_t value_size(const char *text)
{
    size_t size = 1;
    if (text[0] != '\'') {
        return strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_");
    }
    while (text[size] != '\0' && text[size] != '\n') {
        if (text[size] != '\'') {
            size++;
        } else if (text[size + 1] == '\'') {
            size += 2;
        } else {
            return size + 1;
        }
    }
    return 0;
}

enum status hidden_take_options(struct buffer *options, const char *script, struct error *error)
{
    static const char begin[] = "\nCREATE DATABASE ";
    static const char template[] = " WITH TEMPLATE = template0";
    const char *at = strstr(script, begin);
    const char *end = at == NULL ? NULL : strchr(at + 1, '\n');
    at = at == NULL ? NULL : strstr(at, template);
    if (at == NULL || end == NULL || at > end) {
        return STATUS_OK; /* an archive without it: the server's own */
    }
    at += strlen(template);
    enum status status = STATUS_OK;
    while (status == STATUS_OK && *at == ' ') {
        const char *name = at + 1;
        size_t name_size = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_");
        const char *value = name + name_size + 3;
        if (name_size == 0 || strncmp(name + name_size, " = ", 3) != 0 || value_size(value) == 0) {
            break;
        }
        if (is_kept(name, name_size)) {
            status = buffer_append(options, at, (size_t)(value - at) + value_size(value), error);
        }
        at = value + value_size(value);
    }
    return status;
}

static enum status read_options(struct buffer *options, struct hidden_database *database,
                                struct error *error)
{
    /* A schema that cannot be: what is left is the database itself, which --create always gives. */
    const char *const words[] = {"pg_restore", "--create", "--schema-only", "--schema=/",
                                 "--file=-", NULL};
    CLEANUP(buffer_free) struct buffer script = {0};
    enum status status = archive_read(&script, database, words, error);
    return status == STATUS_OK
               ? hidden_take_options(options, (const char *)script.data, error)
               : status;
}

/* ------------------------------------------------------------------ its life */

static enum status create_as_dumped(struct hidden_database *database, struct error *error)
{
    CLEANUP(buffer_free) struct buffer sql = {0};
    const char *values[] = {database->name, NULL, NULL};
    enum status status =
        buffer_append_text(&sql, "CREATE DATABASE %I WITH TEMPLATE = template0", error);
    if (status == STATUS_OK) {
        status = read_options(&sql, database, error);
    }
    if (status == STATUS_OK && database->old.exists) {
        values[1] = database->old.tablespace;
        status = buffer_append_text(&sql, " TABLESPACE = %I", error);
    }
    if (status == STATUS_OK) {
        status = buffer_append_u8(&sql, '\0', error);
    }
    if (status == STATUS_OK) {
        status = session_run_with(&database->server, (const char *)sql.data, values, error);
        database->made = status == STATUS_OK || status == STATUS_UNREACHABLE;
    }
    if (status == STATUS_FAILED && error->hint[0] == '\0') {
        error_set_hint(error, "%s",
                       _("If this server does not know the locale: make an empty database with "
                         "another one (createdb --template=template0 --locale=…) and restore into "
                         "that."));
    }
    return status;
}

/* An empty one keeps its encoding, its locale, and the extensions that an administrator put there. */
static enum status create_like_old(struct hidden_database *database, struct error *error)
{
    const char *const values[] = {database->name, database->target, NULL};
    enum status status =
        session_run_with(&database->server, "CREATE DATABASE %I WITH TEMPLATE = %I", values, error);
    database->made = status == STATUS_OK || status == STATUS_UNREACHABLE;
    return status;
}

enum status hidden_create(struct hidden_database *database, struct error *error)
{
    hidden_name_make(database->name, database->target);
    const char *const values[] = {database->name, database->target, NULL};
    enum status status = database->old.exists && database->old.empty
                             ? create_like_old(database, error)
                             : create_as_dumped(database, error);
    if (status != STATUS_OK) {
        return error_add_context(error, "%s", _("no database could be made for the restore"));
    }
    return session_run_with(&database->server,
                            "COMMENT ON DATABASE %I IS 'kura restore: unfinished. The next kura "
                            "restore into this database removes it.'",
                            values, error);
}

void hidden_drop(struct hidden_database *database)
{
    struct error problem = {0};
    const char *const values[] = {database->name, NULL};
    const struct restore_events *events = &database->options->events;
    if (!database->made) {
        return;
    }
    session_close(&database->inside);
    database->server.cancelled = NULL;
    enum status status = STATUS_OK;
    if (PQstatus(database->server.connection) != CONNECTION_OK) {
        status = hidden_reopen_server(database, &problem);
    }
    if (status == STATUS_OK) {
        status = session_run_with(&database->server, "DROP DATABASE IF EXISTS %I WITH (FORCE)",
                                  values, &problem);
    }
    if (status != STATUS_OK && events->warn != NULL) {
        error_add_context(&problem, _("the unfinished database %s remains"), database->name);
        error_set_hint(&problem, "%s", _("The next restore into the same database removes it."));
        events->warn(events->context, database->options->source, NULL, &problem);
    }
    database->made = status != STATUS_OK;
}
