/* database_money: an amount of type money is in an archive as lc_monetary of the session that
 * dumped it wrote it, and is read as that of the session that loads says: "$99.95" is 9995 where
 * cents follow a comma, and nothing complains. A server's own lc_monetary is in no archive. But the
 * amounts of an archive were all written in one way, so one of them tells: what this session makes
 * of it is the same text again, or it was another currency's. */
#include "dump_entries.h"
#include "hidden.h"
#include <stdlib.h>
#include <string.h>

enum { TABLES_LIMIT = 20, LINE_LIMIT = 1024 * 1024 };

/* Table without its quotes, number of the column among those of its COPY, name, whether it is an
 * array. */
#define COLUMNS                                                                                    \
    "SELECT pg_catalog.replace(n.nspname || '.' || c.relname, '\"', ''), (SELECT count(*) FROM "   \
    "pg_catalog.pg_attribute b WHERE b.attrelid = c.oid AND b.attnum > 0 AND b.attnum < a.attnum " \
    "AND NOT b.attisdropped AND b.attgenerated = ''), c.relname, t.typcategory = 'A' FROM "        \
    "pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid JOIN "             \
    "pg_catalog.pg_namespace n ON n.oid = c.relnamespace JOIN pg_catalog.pg_type t ON t.oid = "    \
    "a.atttypid WHERE c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated " \
    "= '' AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND "                          \
    "'pg_catalog.money'::pg_catalog.regtype IN (t.oid, t.typbasetype, t.typelem)"
/* Of those that the transaction made. */
#define COLUMNS_OF_NEW COLUMNS " AND c.xmin = pg_catalog.pg_current_xact_id()::pg_catalog.xid"

struct search {
    const PGresult *columns;
    struct buffer line;
    bool skipping;     /* the rest of a line that is too long */
    const char *table; /* whose rows come; NULL: none */
    char *amount;      /* found; or NULL */
    bool array;
};

static void search_free(struct search *search)
{
    buffer_free(&search->line);
    free(search->amount);
}

static void take_header(struct search *search, char *line)
{
    char *to = line;
    for (const char *from = line; *from != '\0'; from++) {
        if (*from != '"') {
            *to++ = *from;
        }
    }
    *to = '\0';
    const char *table = line + strlen("COPY ");
    for (int i = 0; i < PQntuples(search->columns); i++) {
        const char *name = PQgetvalue(search->columns, i, 0);
        size_t size = strlen(name);
        if (strncmp(table, name, size) == 0 && strncmp(table + size, " (", 2) == 0) {
            search->table = name;
        }
    }
}

static enum status take_row(struct search *search, const char *line, struct error *error)
{
    for (int i = 0; search->amount == NULL && i < PQntuples(search->columns); i++) {
        unsigned long column = strtoul(PQgetvalue(search->columns, i, 1), NULL, 10);
        const char *field = line;
        if (strcmp(PQgetvalue(search->columns, i, 0), search->table) != 0) {
            continue;
        }
        for (; column > 0 && field != NULL; column--) {
            field = strchr(field, '\t');
            field = field == NULL ? NULL : field + 1;
        }
        size_t size = field == NULL ? 0 : strcspn(field, "\t");
        if (size > 0 && memchr(field, '\\', size) == NULL) { /* neither NULL nor escaped */
            search->array = PQgetvalue(search->columns, i, 3)[0] == 't';
            search->amount = strndup(field, size);
            return search->amount == NULL ? error_set_memory(error) : STATUS_OK;
        }
    }
    return STATUS_OK;
}

static enum status take_line(struct search *search, struct error *error)
{
    char *line = (char *)search->line.data;
    line[search->line.size - 1] = '\0';
    if (search->table == NULL && strncmp(line, "COPY ", 5) == 0) {
        take_header(search, line);
    } else if (search->table != NULL && strcmp(line, "\\.") == 0) {
        search->table = NULL;
    } else if (search->table != NULL && !search->skipping) {
        return take_row(search, line, error);
    }
    return STATUS_OK;
}

/* Ends the run of pg_restore when there is an amount. */
static enum status take_output(void *context, const char *data, size_t size, struct error *error)
{
    struct search *search = context;
    enum status status = STATUS_OK;
    while (status == STATUS_OK && size > 0 && search->amount == NULL) {
        const char *end = memchr(data, '\n', size);
        size_t part = end == NULL ? size : (size_t)(end - data) + 1;
        search->skipping |= search->line.size + part > LINE_LIMIT;
        if (search->skipping) {
            buffer_clear(&search->line);
        }
        size_t kept = search->skipping ? (end != NULL) : part;
        status = buffer_append(&search->line, data + part - kept, kept, error);
        if (status == STATUS_OK && end != NULL) {
            status = take_line(search, error);
            buffer_clear(&search->line);
            search->skipping = false;
        }
        data += part;
        size -= part;
    }
    return status == STATUS_OK && search->amount != NULL
               ? error_set(error, STATUS_CANCELLED, 0, "%s", _("pg_restore reads no more"))
               : status;
}

static enum status find_amount(struct search *search, struct hidden_database *database,
                               struct error *error)
{
    const char *words[TABLES_LIMIT + 4] = {"pg_restore", "--data-only", "--file=-"};
    char *names[TABLES_LIMIT] = {NULL};
    enum status status = STATUS_OK;
    for (int i = 0; status == STATUS_OK && i < PQntuples(search->columns) && i < TABLES_LIMIT;
         i++) {
        const char *name = PQgetvalue(search->columns, i, 2);
        if (asprintf(&names[i], "--table=%s", name) < 0) {
            names[i] = NULL;
            status = error_set_memory(error);
        }
        words[3 + i] = names[i];
    }
    if (status == STATUS_OK) {
        status = archive_run(database, words, -1, take_output, search, error);
    }
    if (search->amount != NULL) {
        error_clear(error);
        status = STATUS_OK;
    }
    for (size_t i = 0; i < LENGTH(names); i++) {
        free(names[i]);
    }
    return status;
}

static enum status refuse(struct hidden_database *database, const struct search *search,
                          struct error *error)
{
    CLEANUP(memory_free) char *here = NULL;
    struct error ignored = {0};
    (void)!postgres_text(&here, &database->inside,
                         "SELECT pg_catalog.current_setting('lc_monetary')", &ignored);
    error_set(error, STATUS_FAILED, 0,
              _("amounts of money such as %s would become others here: they were written under "
                "another lc_monetary than %s"),
              search->amount, here == NULL ? "?" : here);
    return error_set_hint(
        error, "%s",
        _("Make an empty database (createdb), say ALTER DATABASE … SET lc_monetary = '…' with what "
          "SHOW lc_monetary says in the database that was backed up, and restore into that."));
}

static enum status check_amount(struct hidden_database *database, const struct search *search,
                                struct error *error)
{
    const char *const values[] = {search->amount, search->amount, NULL};
    uint64_t same = 0;
    enum status status =
        hidden_number(&same, &database->inside,
                      search->array ? "SELECT (CAST(%L AS pg_catalog.money[])::pg_catalog.text = "
                                      "%L)::pg_catalog.int4"
                                    : "SELECT (CAST(%L AS pg_catalog.money)::pg_catalog.text = "
                                      "%L)::pg_catalog.int4",
                      values, error);
    bool same_or_unknown = status == STATUS_OK ? same == 1 : status != STATUS_USAGE;
    return same_or_unknown ? status : refuse(database, search, error);
}

enum status database_check_money(struct hidden_database *database, struct error *error)
{
    CLEANUP(postgres_clear) PGresult *columns = NULL;
    CLEANUP(search_free) struct search search = {0};
    bool alone = database->options->tables != NULL;
    enum status status =
        postgres_ask(&columns, &database->inside, alone ? COLUMNS_OF_NEW : COLUMNS, error);
    if (status != STATUS_OK || PQntuples(columns) == 0) {
        return status;
    }
    search.columns = columns;
    status = find_amount(&search, database, error);
    return status == STATUS_OK && search.amount != NULL ? check_amount(database, &search, error)
                                                        : status;
}

enum status database_take_encoding(struct hidden_database *database, const char *script,
                                   struct error *error)
{
    char encoding[DUMP_ENCODING_SIZE];
    dump_entries_encoding(encoding, script);
    const char *const values[] = {encoding, NULL};
    return encoding[0] == '\0'
               ? STATUS_OK
               : hidden_run(&database->inside, "SET client_encoding = %L", values, error);
}

/* In the session that has just loaded, or one that is set as that was: names and amounts are in the
 * archive's encoding. */
enum status database_check_loaded_money(struct hidden_database *database, struct error *error)
{
    const char *script = (const char *)database->script.data;
    enum status status = hidden_connect(&database->inside, database, database->name, error);
    if (status == STATUS_OK && database->script.size > 0) {
        status = database_take_encoding(database, script, error);
    }
    if (status == STATUS_OK) {
        status = database_check_money(database, error);
    }
    postgres_close(&database->inside);
    return status;
}
