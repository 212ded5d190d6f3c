/* database_views: materialized views hold rows of their own, which were computed while the archive
 * was loaded: with everybody who was then erased from the tables. */
#include "hidden.h"

/* As statements, each behind those of the views that it draws on, however many other views lie
 * between: it draws on all that they do, and on them besides, so on more. */
static const char REFRESHES[] =
    "WITH RECURSIVE directly(view, source) AS ("
    " SELECT DISTINCT r.ev_class, d.refobjid"
    " FROM pg_catalog.pg_rewrite r JOIN pg_catalog.pg_depend d"
    " ON d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND d.objid = r.oid"
    " WHERE d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass"
    " AND d.refobjid <> r.ev_class), "
    "draws(view, source) AS (SELECT view, source FROM directly"
    " UNION SELECT w.view, y.source FROM draws w JOIN directly y ON y.view = w.source) "
    "SELECT 'REFRESH MATERIALIZED VIEW ' || c.oid::pg_catalog.regclass"
    " FROM pg_catalog.pg_class c WHERE c.relkind = 'm' AND c.relispopulated"
    " ORDER BY (SELECT count(*) FROM draws w WHERE w.view = c.oid)";

enum status database_refresh_views(struct hidden_database *database, struct error *error)
{
    CLEANUP(postgres_clear) PGresult *statements = NULL;
    enum status status = postgres_ask(&statements, &database->inside, REFRESHES, error);
    for (int i = 0; status == STATUS_OK && i < PQntuples(statements); i++) {
        status = postgres_script(&database->inside, PQgetvalue(statements, i, 0), error);
    }
    return status == STATUS_OK
               ? status
               : error_add_context(error, "%s",
                                   _("the materialized views could not be computed anew, and the "
                                     "erased would still be in them"));
}
