/* postgres_tables: the tables of a state, held and counted.
 *
 *     look -> BEGIN, lock each -> export the snapshot -> look again: the same tables? -> count
 *
 * The locks come before the snapshot: a table that was emptied or rewritten by ALTER TABLE in
 * between would look empty in an older one. What was made or dropped meanwhile is why it is tried
 * several times. */
#include "postgres.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TRIES 5

/* What pg_dump takes with its rows: not the system's, not temporary ones, of an extension's (not
 * one that comes with the server) those that it names for this, and of their rows those that its
 * condition leaves. */
#define TABLES                                                                                     \
    "SELECT c.oid, quote_ident(n.nspname) || '.' || quote_ident(c.relname), c.relkind = 'r',"      \
    " x.condition"                                                                                 \
    " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"                               \
    " LEFT JOIN (SELECT t.id, t.condition FROM pg_extension e,"                                    \
    " unnest(e.extconfig, e.extcondition) AS t (id, condition)"                                    \
    " WHERE e.oid >= " POSTGRES_FIRST_OID ") x ON x.id = c.oid"                                    \
    " WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't'"                                   \
    " AND NOT (c.relpersistence = 'u' AND pg_is_in_recovery())"                                    \
    " AND (x.id IS NOT NULL"                                                                       \
    " OR n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'"                                \
    " AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass"              \
    " AND d.objid = c.oid AND d.deptype = 'e')) ORDER BY n.nspname, c.relname"

void postgres_tables_free(struct postgres_tables *tables)
{
    for (size_t i = 0; i < tables->count; i++) {
        free(tables->items[i].oid);
        free(tables->items[i].name);
        free(tables->items[i].condition);
    }
    free(tables->items);
    *tables = (struct postgres_tables){0};
}

static enum status add_table(void *context, PGresult *row, struct error *error)
{
    struct postgres_tables *tables = context;
    if (PQntuples(row) == 0) {
        return STATUS_OK;
    }
    struct postgres_table *grown = realloc(tables->items, (tables->count + 1) * sizeof *grown);
    if (grown == NULL) {
        return error_set_memory(error);
    }
    tables->items = grown;
    struct postgres_table *table = &grown[tables->count++];
    *table = (struct postgres_table){.oid = strdup(PQgetvalue(row, 0, 0)),
                                     .name = strdup(PQgetvalue(row, 0, 1)),
                                     .counted = PQgetvalue(row, 0, 2)[0] == 't'};
    bool of_extension = PQgetisnull(row, 0, 3) == 0;
    if (of_extension) {
        table->condition = strdup(PQgetvalue(row, 0, 3));
    }
    return table->oid == NULL || table->name == NULL || (of_extension && table->condition == NULL)
               ? error_set_memory(error)
               : STATUS_OK;
}

enum status postgres_tables_read(struct postgres_tables *tables, struct postgres *postgres,
                                 struct error *error)
{
    postgres_tables_free(tables);
    return postgres_run(postgres, TABLES, add_table, tables, error);
}

static bool same_tables(const struct postgres_tables *a, const struct postgres_tables *b)
{
    bool same = a->count == b->count;
    for (size_t i = 0; same && i < a->count; i++) {
        same = strcmp(a->items[i].oid, b->items[i].oid) == 0 &&
               strcmp(a->items[i].name, b->items[i].name) == 0;
    }
    return same;
}

/* One after another: so the message can name the table. */
static enum status lock_all(struct postgres *postgres, const struct postgres_tables *tables,
                            struct error *error)
{
    enum status status = STATUS_OK;
    for (size_t i = 0; i < tables->count && status == STATUS_OK; i++) {
        CLEANUP(memory_free) char *sql = NULL;
        if (asprintf(&sql, "LOCK TABLE ONLY %s IN ACCESS SHARE MODE", tables->items[i].name) < 0) {
            sql = NULL;
            return error_set_memory(error);
        }
        status = postgres_run(postgres, sql, NULL, NULL, error);
        if (status != STATUS_OK) {
            error_add_context(error, _("table %s"), tables->items[i].name);
        }
    }
    return status;
}

/* *agreed: the tables that are held are those of the snapshot. */
static enum status try(bool *agreed, struct postgres_tables *tables, char **snapshot,
                       struct postgres *postgres, struct error *error)
{
    CLEANUP(postgres_tables_free) struct postgres_tables held = {0};
    *agreed = false;
    enum status status = postgres_tables_read(&held, postgres, error);
    if (status == STATUS_OK) {
        status = postgres_run(postgres, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", NULL,
                              NULL, error);
    }
    if (status == STATUS_OK) { /* no SELECT: it would take the snapshot before the locks */
        status = postgres_run(postgres, "SET LOCAL row_security = off", NULL, NULL, error);
    }
    if (status == STATUS_OK) {
        status = lock_all(postgres, &held, error);
        if (status == STATUS_NOT_FOUND) { /* dropped since */
            return STATUS_OK;
        }
    }
    if (status == STATUS_OK) {
        status = postgres_text(snapshot, postgres, "SELECT pg_export_snapshot()", error);
    }
    if (status == STATUS_OK) {
        status = postgres_tables_read(tables, postgres, error);
    }
    *agreed = status == STATUS_OK && same_tables(&held, tables);
    return status;
}

enum status postgres_begin(struct postgres_tables *tables, char **snapshot,
                           struct postgres *postgres, struct error *error)
{
    for (unsigned i = 0; i < TRIES; i++) {
        bool agreed;
        enum status status = try(&agreed, tables, snapshot, postgres, error);
        if (status != STATUS_OK || agreed) {
            return status;
        }
        free(*snapshot);
        *snapshot = NULL;
        status = postgres_run(postgres, "ROLLBACK", NULL, NULL, error);
        if (status != STATUS_OK) {
            return status;
        }
    }
    error_set(error, STATUS_FAILED, 0, "%s",
              _("tables are made, renamed or dropped again and again while they are to be held"));
    return error_set_hint(error, "%s", _("Make the backup when no program does so."));
}

enum status postgres_count_table(uint64_t *rows, struct postgres *postgres,
                                 const struct postgres_table *table, struct error *error)
{
    CLEANUP(memory_free) char *sql = NULL;
    CLEANUP(memory_free) char *text = NULL;
    /* As pg_dump reads them: a condition is looked at in tables that inherit, too. */
    bool some = table->condition != NULL && table->condition[0] != '\0';
    if (asprintf(&sql, "SELECT count(*) FROM %s%s%s%s", some ? "" : "ONLY ", table->name,
                 some ? " " : "", some ? table->condition : "") < 0) {
        sql = NULL;
        return error_set_memory(error);
    }
    enum status status = postgres_text(&text, postgres, sql, error);
    if (status == STATUS_OK) {
        *rows = strtoull(text, NULL, 10);
    }
    return status;
}

enum status postgres_count_rows(uint64_t *rows, struct postgres *postgres, const char *table,
                                struct error *error)
{
    CLEANUP(memory_free) char *name = strdup(table);
    const struct postgres_table all = {.name = name};
    return name == NULL ? error_set_memory(error)
                        : postgres_count_table(rows, postgres, &all, error);
}

enum status postgres_count(struct postgres *postgres, const struct postgres_tables *tables,
                           struct error *error)
{
    const struct source_sink *sink = postgres->sink;
    for (size_t i = 0; i < tables->count; i++) {
        const struct postgres_table *table = &tables->items[i];
        uint64_t rows = 0;
        if (!table->counted) {
            continue;
        }
        if (postgres_count_table(&rows, postgres, table, error) != STATUS_OK) {
            return error_add_context(error, _("table %s"), table->name);
        }
        if (sink->rows(sink->context, table->name, rows, error) != STATUS_OK) {
            return error->status;
        }
    }
    return STATUS_OK;
}

enum status postgres_still_there(struct postgres *postgres, struct error *error)
{
    CLEANUP(memory_free) char *one = NULL;
    if (postgres_text(&one, postgres, "SELECT 1", error) != STATUS_OK) {
        return error_add_context(error, "%s",
                                 _("the session that held the state of the dump was lost"));
    }
    return PQtransactionStatus(postgres->connection) == PQTRANS_INTRANS
               ? STATUS_OK
               : error_set(error, STATUS_FAILED, 0, "%s",
                           _("the transaction that held the state of the dump was ended"));
}
