/* database_views: materialized views hold rows of their own, which were computed while the archive
 * was loaded: with everybody who was then erased from the tables. */
#include "hidden.h"

/* In the order in which they were made: none draws on a later one. All are emptied first, so that
 * one that draws on another in a way that the server does not know of (a function) fails instead of
 * keeping what was erased. */
#define VIEWS(end)                                                                                 \
    "SELECT 'REFRESH MATERIALIZED VIEW ' || c.oid::pg_catalog.regclass || '" end "'"               \
    " FROM pg_catalog.pg_class c WHERE c.relkind = 'm' AND c.relispopulated ORDER BY c.oid"

static enum status run_all(struct hidden_database *database, const PGresult *statements,
                           struct error *error)
{
    enum status status = STATUS_OK;
    for (int i = 0; status == STATUS_OK && i < PQntuples(statements); i++) {
        status = postgres_script(&database->inside, PQgetvalue(statements, i, 0), error);
    }
    return status;
}

enum status database_refresh_views(struct hidden_database *database, struct error *error)
{
    CLEANUP(postgres_clear) PGresult *empty = NULL;
    CLEANUP(postgres_clear) PGresult *fill = NULL;
    enum status status = postgres_ask(&empty, &database->inside, VIEWS(" WITH NO DATA"), error);
    status = status ? status : postgres_ask(&fill, &database->inside, VIEWS(""), error);
    status = status ? status : run_all(database, empty, error);
    status = status ? status : run_all(database, fill, error);
    return status == STATUS_OK
               ? status
               : error_add_context(error, "%s",
                                   _("the materialized views could not be computed anew, and the "
                                     "erased would still be in them"));
}
