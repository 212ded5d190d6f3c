/* postgres_extensions: pg_dump leaves the tables of an extension, with their rows, to its script,
 * but for those that the extension names for a dump. What the script makes is as the extension's
 * author meant it. But ALTER EXTENSION ... ADD TABLE makes any table one of those, and its rows
 * come back from no dump. */
#include "postgres.h"
#include <stdio.h>

/* Made by the script: belonging to the extension was written in the transaction that made the
 * table, and with it its columns of the system. Row security would keep us from looking. */
static const char MEMBERS[] =
    "SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname), e.extname, d.xmin <> a.xmin"
    " FROM pg_extension e JOIN pg_depend d ON d.refclassid = 'pg_extension'::regclass"
    " AND d.refobjid = e.oid AND d.classid = 'pg_class'::regclass AND d.deptype = 'e'"
    " JOIN pg_class c ON c.oid = d.objid JOIN pg_namespace n ON n.oid = c.relnamespace"
    " JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'ctid'"
    " WHERE e.oid >= " POSTGRES_FIRST_OID " AND c.relkind = 'r' AND c.relpersistence <> 't'"
    " AND NOT (c.relpersistence = 'u' AND pg_is_in_recovery())"
    " AND c.oid <> ALL (coalesce(e.extconfig, '{}'))"
    " AND has_table_privilege(c.oid, 'SELECT') AND NOT row_security_active(c.oid) ORDER BY 1";

static enum status has_rows(bool *has, struct postgres *postgres, const char *table,
                            struct error *error)
{
    CLEANUP(memory_free) char *sql = NULL;
    CLEANUP(memory_free) char *answer = NULL;
    if (asprintf(&sql, "SELECT EXISTS (SELECT FROM ONLY %s)", table) < 0) {
        sql = NULL;
        return error_set_memory(error);
    }
    enum status status = postgres_text(&answer, postgres, sql, error);
    *has = status == STATUS_OK && answer[0] == 't';
    return status == STATUS_OK ? status : error_add_context(error, _("table %s"), table);
}

static void tell(const struct source_sink *sink, const char *table, const char *extension,
                 bool added)
{
    struct error problem;
    error_set(&problem, STATUS_FAILED, 0,
              _("the rows of table %s are not in the dump: it belongs to the extension %s"), table,
              extension);
    error_set_hint(&problem, "%s",
                   _("ALTER EXTENSION ... DROP TABLE ... makes it a table of the database again; "
                     "nothing of it is lost by that."));
    if (added) {
        sink->warn(sink->context, POSTGRES_DUMP_NAME, &problem);
    } else if (sink->note != NULL) {
        sink->note(sink->context, POSTGRES_DUMP_NAME, problem.message);
    }
}

enum status postgres_tell_left_out(struct postgres *postgres, struct error *error)
{
    CLEANUP(postgres_clear) PGresult *members = NULL;
    enum status status = postgres_ask(&members, postgres, MEMBERS, error);
    for (int i = 0; status == STATUS_OK && i < PQntuples(members); i++) {
        const char *table = PQgetvalue(members, i, 0);
        bool has = false;
        status = has_rows(&has, postgres, table, error);
        if (status == STATUS_OK && has) {
            tell(postgres->sink, table, PQgetvalue(members, i, 1),
                 PQgetvalue(members, i, 2)[0] == 't');
        }
    }
    return status;
}
