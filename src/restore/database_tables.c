/* database_tables: some tables go into a database that lives. pg_restore writes SQL and the rows;
 * all of it is done in one transaction of ours, which counts before it commits. A table that is
 * there already ends it, and leaves nothing. */
#include "dump_entries.h"
#include "hidden.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define SQL_LIMIT (1024 * 1024) /* of what stands between the rows */

/* ------------------------------------------------------------------ the rows */

/* The data section line by line:
 *
 *     COPY public.customers (id, name) FROM stdin;
 *     1	山田
 *     \.
 *
 * and between such blocks settings and the values of sequences. */
struct rows {
    struct hidden_database *database;
    struct buffer line;   /* what is there of it */
    struct buffer header; /* of a COPY, up to where it ends: a column's name may have a newline */
    struct buffer sql;
    bool copying;
    bool begun; /* a part of this line has gone on already: what is left of it is never an end mark
                 */
};

static void rows_free(struct rows *rows)
{
    buffer_free(&rows->line);
    buffer_free(&rows->header);
    buffer_free(&rows->sql);
}

/* "COPY " and a name as SQL quotes it. */
static enum status remember_table(struct hidden_database *database, const char *line,
                                  struct error *error)
{
    struct database_summary *summary = database->summary;
    const char *name = line + strlen("COPY ");
    size_t size = 0;
    for (bool quoted = false; name[size] != '\0' && (quoted || name[size] != ' '); size++) {
        quoted ^= name[size] == '"';
    }
    struct statement_table *grown =
        realloc(summary->tables, (summary->table_count + 1) * sizeof *grown);
    if (grown == NULL) {
        return error_set_memory(error);
    }
    summary->tables = grown;
    grown[summary->table_count] = (struct statement_table){.name = strndup(name, size)};
    return grown[summary->table_count++].name == NULL ? error_set_memory(error) : STATUS_OK;
}

static enum status run_sql(struct rows *rows, struct error *error)
{
    enum status status = buffer_append_u8(&rows->sql, '\0', error);
    if (status == STATUS_OK) {
        status = postgres_script(&rows->database->inside, (const char *)rows->sql.data, error);
    }
    buffer_clear(&rows->sql);
    return status;
}

static bool ends_with(const char *line, const char *end)
{
    size_t size = strlen(line);
    size_t tail = strlen(end);
    return size >= tail && strcmp(line + size - tail, end) == 0;
}

static enum status too_long(struct error *error)
{
    return error_set(error, STATUS_CORRUPT, 0, "%s",
                     _("the description of the tables is too long"));
}

static enum status append_sql(struct rows *rows, const char *sql, struct error *error)
{
    enum status status = rows->sql.size + strlen(sql) > SQL_LIMIT
                             ? too_long(error)
                             : buffer_append_text(&rows->sql, sql, error);
    return status == STATUS_OK ? buffer_append_u8(&rows->sql, '\n', error) : status;
}

/* Names in quotes are whole, and the words behind them are there. */
static bool is_whole_header(const char *header)
{
    bool quoted = false;
    for (const char *at = header; *at != '\0'; at++) {
        quoted ^= *at == '"';
    }
    return !quoted && ends_with(header, " FROM stdin;");
}

/* One more line of a COPY. */
static enum status take_header(struct rows *rows, const char *line, struct error *error)
{
    if (rows->header.size > 0) {
        rows->header.data[rows->header.size - 1] = '\n';
    }
    enum status status = rows->header.size + strlen(line) > SQL_LIMIT
                             ? too_long(error)
                             : buffer_append(&rows->header, line, strlen(line) + 1, error);
    const char *header = (const char *)rows->header.data;
    if (status != STATUS_OK || !is_whole_header(header)) {
        return status;
    }
    status = remember_table(rows->database, header, error);
    status = status ? status : append_sql(rows, header, error);
    status = status ? status : run_sql(rows, error);
    buffer_clear(&rows->header);
    rows->copying = status == STATUS_OK;
    return status;
}

/* What pg_restore writes between the rows. Anything else would be a row that was taken for SQL. */
static bool is_expected(const char *line)
{
    static const char *const beginnings[] = {"--", "SET ", "SELECT pg_catalog."};
    for (size_t i = 0; i < LENGTH(beginnings); i++) {
        if (strncmp(line, beginnings[i], strlen(beginnings[i])) == 0) {
            return true;
        }
    }
    return line[0] == '\0';
}

/* A whole line, without its end. */
static enum status take_sql(struct rows *rows, const char *line, struct error *error)
{
    if (rows->header.size > 0 || strncmp(line, "COPY ", 5) == 0) {
        return take_header(rows, line, error);
    }
    if (line[0] == '\\') {
        return STATUS_OK; /* \restrict: for psql */
    }
    return is_expected(line) ? append_sql(rows, line, error)
                             : error_set(error, STATUS_CORRUPT, 0, "%s",
                                         _("among the rows of the tables is something that "
                                           "pg_restore does not write there"));
}

static enum status take_line(struct rows *rows, struct error *error)
{
    const char *line = (const char *)rows->line.data;
    size_t size = rows->line.size;
    if (rows->copying && (rows->begun || size != 3 || memcmp(line, "\\.\n", 3) != 0)) {
        return postgres_copy(&rows->database->inside, line, size, error);
    }
    if (rows->copying) {
        rows->copying = false;
        return postgres_copy_end(&rows->database->inside, error);
    }
    rows->line.data[size - 1] = '\0';
    return take_sql(rows, line, error);
}

/* A row may be as long as PostgreSQL lets it be: what is there of it goes on at once. */
static enum status take_part(struct rows *rows, struct error *error)
{
    rows->begun = true;
    return rows->copying ? postgres_copy(&rows->database->inside, (const char *)rows->line.data,
                                         rows->line.size, error)
                         : too_long(error);
}

static enum status take_output(void *context, const char *data, size_t size, struct error *error)
{
    struct rows *rows = context;
    enum status status = STATUS_OK;
    while (status == STATUS_OK && size > 0) {
        const char *end = memchr(data, '\n', size);
        size_t part = end == NULL ? size : (size_t)(end - data) + 1;
        status = buffer_append(&rows->line, data, part, error);
        if (status == STATUS_OK && end != NULL) {
            status = take_line(rows, error);
            buffer_clear(&rows->line);
            rows->begun = false;
        } else if (status == STATUS_OK && rows->line.size > SQL_LIMIT) {
            status = take_part(rows, error);
            buffer_clear(&rows->line);
        }
        data += part;
        size -= part;
    }
    return status;
}

/* ------------------------------------------------------------------ what is around them */

/* Two lines are for psql: the first and the last that begin so. They become comments. */
static void take_out_restriction(char *script)
{
    char *first = strstr(script, "\n\\restrict ");
    char *last = NULL;
    for (char *at = strstr(script, "\n\\unrestrict "); at != NULL;
         at = strstr(at + 1, "\n\\unrestrict ")) {
        last = at;
    }
    if (first != NULL) {
        first[1] = first[2] = '-';
    }
    if (last != NULL) {
        last[1] = last[2] = '-';
    }
}

struct part {
    struct hidden_database *database;
    int list;
};

static void words_for(const char *words[10], const struct part *part, const char *section)
{
    size_t count = 0;
    words[count++] = "pg_restore";
    words[count++] = "--use-list=/dev/fd/3";
    words[count++] = section;
    words[count++] = "--file=-";
    words[count++] = "--no-tablespaces"; /* those of the source need not be here */
    if (part->database->options->no_owner) {
        words[count++] = "--no-owner";
        words[count++] = "--no-privileges";
    }
    words[count] = NULL;
}

/* The archive's SQL is right; what it is about is missing here, or not allowed. */
static enum status fail_section(struct error *error)
{
    enum status status = error->status;
    bool about_here =
        status == STATUS_USAGE || status == STATUS_DENIED || status == STATUS_NOT_FOUND;
    if (status == STATUS_FAILED ? error->hint[0] != '\0' : !about_here) {
        return status;
    }
    error->status = STATUS_FAILED;
    error_add_context(error, "%s", _("the table, or what belongs to it, cannot be made here"));
    return error_set_hint(
        error, "%s",
        _("Make first what the table needs and the database lacks: its schema, types, functions "
          "(those of triggers, too) and, without --no-owner, roles; and the role that restores "
          "must "
          "be allowed to make tables there. Or restore without --table, into a database of its "
          "own."));
}

static enum status do_section(const struct part *part, const char *section, struct error *error)
{
    CLEANUP(buffer_free) struct buffer script = {0};
    const char *words[10];
    words_for(words, part, section);
    enum status status = archive_read(&script, part->database, words, part->list, error);
    if (status == STATUS_OK) {
        take_out_restriction((char *)script.data);
        /* Before the whole script goes to the server, which reads all of it in the session's
         * encoding. */
        status = database_take_encoding(part->database, (const char *)script.data, error);
    }
    if (status == STATUS_OK) {
        status = postgres_script(&part->database->inside, (const char *)script.data, error);
        status = status == STATUS_OK ? status : fail_section(error);
    }
    return status;
}

static enum status do_rows(const struct part *part, struct error *error)
{
    CLEANUP(rows_free) struct rows rows = {.database = part->database};
    const char *words[10];
    words_for(words, part, "--section=data");
    enum status status = archive_run(part->database, words, part->list, take_output, &rows, error);
    if (status == STATUS_OK && rows.copying) {
        status = error_set(error, STATUS_CORRUPT, 0, "%s", _("the rows of a table have no end"));
    }
    return status == STATUS_OK ? run_sql(&rows, error) : status;
}

/* ------------------------------------------------------------------ all */

static void tell_left(const struct hidden_database *database, size_t left)
{
    const struct restore_events *events = &database->options->events;
    struct error told = {0};
    if (left == 0 || events->warn == NULL) {
        return;
    }
    error_set(
        &told, STATUS_UNSUPPORTED, 0,
        _("%zu foreign keys, defaults or the like refer to other tables or sequences and were "
          "left out"),
        left);
    events->warn(events->context, database->options->source, NULL, &told);
}

/* The names of the tables came in the archive's encoding. */
static enum status back_to_utf8(struct hidden_database *database, struct error *error)
{
    struct database_summary *summary = database->summary;
    struct postgres *inside = &database->inside;
    bool other = strcmp(pg_encoding_to_char(PQclientEncoding(inside->connection)), "UTF8") != 0;
    enum status status = STATUS_OK;
    for (size_t i = 0; other && status == STATUS_OK && i < summary->table_count; i++) {
        char *name = NULL;
        status = hidden_encode(&name, inside, summary->tables[i].name, "UTF8", error);
        if (status == STATUS_OK) {
            free(summary->tables[i].name);
            summary->tables[i].name = name;
        }
    }
    return status == STATUS_OK && other
               ? postgres_script(inside, "SET client_encoding = 'UTF8'", error)
               : status;
}

static enum status transact(struct hidden_database *database, int list, struct error *error)
{
    const struct part part = {database, list};
    enum status status = postgres_script(&database->inside, "BEGIN", error);
    if (status == STATUS_OK) {
        status = do_section(&part, "--section=pre-data", error);
    }
    if (status == STATUS_OK) {
        status = do_rows(&part, error);
    }
    if (status == STATUS_OK) {
        status = database_check_money(database, error);
    }
    if (status == STATUS_OK) {
        status = do_section(&part, "--section=post-data", error);
    }
    if (status == STATUS_OK) {
        status = back_to_utf8(database, error);
    }
    if (status == STATUS_OK) {
        status = database_count_again(database, error);
    }
    if (status == STATUS_OK) {
        status = database_compare(database, error);
    }
    database->summary->proved = status == STATUS_OK && database->source->words.table_count > 0;
    uint64_t loaded = database->summary->rows;
    if (status == STATUS_OK && database_erases(database)) {
        status = database_look_before(database, error);
        if (status == STATUS_OK) {
            status = database_amend(database, error);
        }
        if (status == STATUS_OK) {
            status = database_count_again(database, error);
        }
    }
    if (status == STATUS_OK) {
        uint64_t now = database->summary->rows;
        database->summary->removed = loaded > now ? loaded - now : 0;
        status =
            postgres_script(&database->inside, "SET LOCAL synchronous_commit = on; COMMIT", error);
    }
    return status;
}

/* The rows as they were loaded are still in the files, though nobody sees them. */
static enum status rewrite_files(struct hidden_database *database, struct error *error)
{
    const struct database_summary *summary = database->summary;
    enum status status = STATUS_OK;
    for (size_t i = 0; status == STATUS_OK && i < summary->table_count; i++) {
        CLEANUP(buffer_free) struct buffer sql = {0};
        status = buffer_append_text(&sql, "VACUUM FULL ", error);
        status = status ? status : buffer_append_text(&sql, summary->tables[i].name, error);
        status = status ? status : buffer_append_u8(&sql, '\0', error);
        status =
            status ? status : postgres_script(&database->inside, (const char *)sql.data, error);
    }
    return status == STATUS_OK ? status
                               : error_add_context(error, "%s",
                                                   _("the tables are restored and erased from, but "
                                                     "their files could not be rewritten"));
}

enum status database_restore_tables(struct hidden_database *database, struct error *error)
{
    CLEANUP(file_close) int list = -1;
    size_t left = 0;
    enum status status = database_choose(&list, &left, database, error);
    if (status == STATUS_OK) {
        status = hidden_connect(&database->inside, database, NULL, error);
    }
    if (status == STATUS_OK) {
        status = hidden_settle_currency(database, error);
    }
    if (status == STATUS_OK) {
        status = transact(database, list, error);
    }
    if (status == STATUS_OK && database_erases(database)) {
        status = rewrite_files(database, error);
    }
    if (status == STATUS_OK) {
        tell_left(database, left);
        database_tell_left(database);
    }
    return status;
}
