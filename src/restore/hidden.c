/* hidden: making the hidden database as the dump wants it, and removing it. */
#include "dump_entries.h"
#include "hidden.h"
#include <stdio.h>
#include <string.h>

/* ------------------------------------------------------------------ as the dump wants it */

static bool is_ascii(const char *text)
{
    while (*text != '\0' && (*text & 0x80) == 0) {
        text++;
    }
    return *text == '\0';
}

static enum status append_line(struct buffer *text, struct postgres *server, const char *line,
                               const char *encoding, struct error *error)
{
    CLEANUP(postgres_clear) PGresult *row = NULL;
    size_t size;
    char *bytes = (char *)PQescapeByteaConn(server->connection, (const unsigned char *)line,
                                            strlen(line), &size);
    const char *const values[] = {bytes, encoding, NULL};
    enum status status =
        bytes == NULL
            ? error_set_memory(error)
            : hidden_ask(&row, server, "SELECT pg_catalog.convert_from(%L::pg_catalog.bytea, %L)",
                         values, error);
    PQfreemem(bytes);
    return status == STATUS_OK ? buffer_append_text(text, PQgetvalue(row, 0, 0), error) : status;
}

/* What belongs to the database speaks in its encoding; names of roles and settings, which belong to
 * the server, in that of whoever wrote them. What is in neither is told when the server cannot read
 * it. */
static enum status convert(struct buffer *text, struct postgres *server, char *script,
                           struct error *error)
{
    char encoding[DUMP_ENCODING_SIZE];
    enum status status = STATUS_OK;
    dump_entries_encoding(encoding, script);
    for (char *line = script, *end; status == STATUS_OK && *line != '\0'; line = end) {
        end = line + strcspn(line, "\n");
        bool last = *end == '\0';
        *end = '\0';
        const char *const encodings[] = {"UTF8", encoding};
        status = STATUS_USAGE;
        for (size_t i = 0; i < LENGTH(encodings) && status == STATUS_USAGE && !is_ascii(line);
             i++) {
            error_clear(error);
            status = append_line(text, server, line, encodings[i], error);
        }
        if (status == STATUS_USAGE) {
            error_clear(error);
            status = buffer_append_text(text, line, error);
        }
        status = status ? status : buffer_append_text(text, "\n", error);
        end += !last;
    }
    return status == STATUS_OK ? buffer_append_u8(text, '\0', error) : status;
}

/* What is not known of the archive's database is told, unless that of the replaced one is taken. */
static enum status take_cut_script(struct hidden_database *database, const struct buffer *text,
                                   enum status status, struct error *error)
{
    if (status != STATUS_FAILED || text->data == NULL ||
        !hidden_own_name_has_lines((const char *)text->data)) {
        return status;
    }
    database->script_cut = true;
    error_clear(error);
    if (!database->old.exists && database->options->tables == NULL) {
        struct error told = {0};
        error_set(&told, STATUS_UNSUPPORTED, 0, "%s",
                  _("the name of the database that was backed up has more than one line: its "
                    "settings, privileges, connection limit and comment could not be taken over"));
        error_set_hint(&told, "%s",
                       _("Only its owner and superusers may connect: say GRANT CONNECT ON DATABASE "
                         "… for the others."));
        hidden_warn(database, &told);
    }
    return STATUS_OK;
}

enum status hidden_read_script(struct hidden_database *database, struct error *error)
{
    /* A schema that cannot be: what is left is the database itself, which --create always gives. */
    const char *const words[] = {"pg_restore", "--create", "--schema-only",
                                 "--schema=/", "--file=-", NULL};
    CLEANUP(buffer_free) struct buffer text = {0};
    struct buffer *script = &database->script;
    enum status status = archive_read(&text, database, words, -1, error);
    status = take_cut_script(database, &text, status, error);
    buffer_clear(script);
    if (status == STATUS_OK) {
        status = convert(script, &database->server, (char *)text.data, error);
    }
    return status;
}

/* ------------------------------------------------------------------ its life */

/* Nobody gets in before all others are shut out: who is in would stay. */
#define CREATE "CREATE DATABASE %I WITH ALLOW_CONNECTIONS = false TEMPLATE ="

static enum status create(struct hidden_database *database, const struct buffer *options,
                          const char *tablespace, struct error *error)
{
    CLEANUP(buffer_free) struct buffer sql = {0};
    const char *const values[] = {database->name, tablespace, NULL};
    enum status status = buffer_append_text(&sql, CREATE " template0", error);
    if (status == STATUS_OK && options->size > 0) {
        status = buffer_append(&sql, options->data, options->size, error);
    }
    if (status == STATUS_OK && tablespace != NULL) {
        status = buffer_append_text(&sql, " TABLESPACE = %I", error);
    }
    if (status == STATUS_OK) {
        status = buffer_append_u8(&sql, '\0', error);
    }
    if (status == STATUS_OK) {
        status = hidden_run(&database->server, (const char *)sql.data, values, error);
        database->made = status == STATUS_OK || postgres_is_lost(&database->server);
    }
    return status;
}

/* Who may own a database in a tablespace need not be allowed to make one there. */
static enum status create_where_it_may_be(struct hidden_database *database,
                                          const struct buffer *options, struct error *error)
{
    const char *tablespace = database->old.exists ? database->old.tablespace : NULL;
    struct error problem = {0};
    enum status status = create(database, options, tablespace, &problem);
    if (status != STATUS_DENIED || tablespace == NULL) {
        if (status != STATUS_OK) {
            *error = problem;
        }
        return status;
    }
    error_set_hint(&problem, "%s",
                   _("ALTER DATABASE … SET TABLESPACE moves it, said by a role that has CREATE on "
                     "the tablespace."));
    status = create(database, options, NULL, error);
    return status == STATUS_OK
               ? hidden_settle(database, problem.status, &problem, _("tablespace"), error)
               : status;
}

static enum status create_as_dumped(struct hidden_database *database, struct error *error)
{
    CLEANUP(buffer_free) struct buffer options = {0};
    enum status status = hidden_take_options(&options, (const char *)database->script.data, error);
    if (status == STATUS_OK) {
        status = create_where_it_may_be(database, &options, error);
    }
    if (status == STATUS_USAGE) { /* by the server: the words are the archive's */
        error->status = STATUS_FAILED;
        error_set_hint(error, "%s",
                       _("If this server does not know the locale: make an empty database with "
                         "another one (createdb --template=template0 --locale=…) and restore into "
                         "that."));
    }
    return status == STATUS_OK ? status : error->status;
}

/* An empty one keeps its encoding, its locale, and the extensions that an administrator put there.
 */
static enum status create_like_old(struct hidden_database *database, struct error *error)
{
    const char *const values[] = {database->name, database->target, NULL};
    enum status status = hidden_run(&database->server, CREATE " %I", values, error);
    database->made = status == STATUS_OK || postgres_is_lost(&database->server);
    return status;
}

/* Rights that the old one gives on whatever is made in it come on top of the archive's. */
static enum status tell_default_privileges(struct hidden_database *database, struct error *error)
{
    CLEANUP(postgres_close) struct postgres look = {0};
    struct error told = {0};
    uint64_t count = 0;
    enum status status = hidden_connect(&look, database, database->name, error);
    if (status == STATUS_OK) {
        status = hidden_number(&count, &look, "SELECT count(*) FROM pg_catalog.pg_default_acl",
                               NULL, error);
    }
    if (status == STATUS_OK && count > 0) {
        error_set(&told, STATUS_UNSUPPORTED, 0,
                  _("the empty database %s has default privileges (ALTER DEFAULT PRIVILEGES): what "
                    "is restored into it is granted to others besides what the backup says"),
                  database->target);
        error_set_hint(&told, "%s",
                       _("\\ddp and \\dp of psql tell what they are; REVOKE takes it back. A "
                         "database that kura restore makes itself has none."));
        hidden_warn(database, &told);
    }
    return status;
}

/* In one transaction. What is loaded has not been erased from yet, and a kill leaves it here. Who
 * is a member of the owner's role has its rights, so it has none of its own until the publication.
 */
static enum status open_to_us(struct hidden_database *database, struct error *error)
{
    const char *name = database->name;
    const char *const values[] = {name, name, name, name, name, NULL};
    return hidden_run(&database->server,
                      "REVOKE ALL ON DATABASE %I FROM PUBLIC;"
                      "REVOKE CONNECT ON DATABASE %I FROM CURRENT_USER;"
                      "GRANT CONNECT ON DATABASE %I TO SESSION_USER;"
                      "ALTER DATABASE %I WITH ALLOW_CONNECTIONS = true;"
                      "COMMENT ON DATABASE %I IS 'kura restore: unfinished. The next kura "
                      "restore into this database removes it.'",
                      values, error);
}

enum status hidden_create(struct hidden_database *database, struct error *error)
{
    hidden_name_make(database->name, database->target);
    bool like_old = database->old.exists && database->old.empty;
    enum status status = hidden_read_script(database, error);
    if (status == STATUS_OK) {
        status = like_old ? create_like_old(database, error) : create_as_dumped(database, error);
    }
    if (status == STATUS_OK) {
        status = open_to_us(database, error);
    }
    if (status == STATUS_OK && like_old) {
        status = tell_default_privileges(database, error);
    }
    return status == STATUS_OK
               ? status
               : error_add_context(error, "%s", _("no database could be made for the restore"));
}

void hidden_drop(struct hidden_database *database)
{
    struct error problem = {0};
    const char *const values[] = {database->name, NULL};
    const struct database_options *options = database->options;
    const struct restore_events *events = &options->events;
    if (!database->made) {
        return;
    }
    postgres_close(&database->inside);
    /* Also when the user wants to stop, and when the last statement did not end. */
    struct database_options patient = *options;
    patient.cancelled = NULL;
    database->options = &patient;
    enum status status = hidden_reopen_server(database, &problem);
    if (status == STATUS_OK) {
        status = hidden_run(&database->server, "DROP DATABASE IF EXISTS %I WITH (FORCE)", values,
                            &problem);
    }
    database->options = options;
    if (status != STATUS_OK && events->warn != NULL) {
        error_add_context(&problem, _("the unfinished database %s remains"), database->name);
        error_set_hint(&problem, "%s", _("The next restore into the same database removes it."));
        events->warn(events->context, database->options->source, NULL, &problem);
    }
    database->made = status != STATUS_OK;
}
