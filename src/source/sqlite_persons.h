/* sqlite_persons: who is a person in the state that is delivered. */
#ifndef SOURCE_SQLITE_PERSONS_H
#define SOURCE_SQLITE_PERSONS_H

#include "kura/source.h"
#include "sqlite_open.h"

#define SQLITE_PERSONS_SECONDS 600 /* the longest that one definition may take */

/* Sends sink->person for every row of every definition, in the transaction that is open. A
 * definition that cannot be used, or takes too long: STATUS_USAGE, STATUS_FAILED. */
MUST_USE enum status sqlite_persons_send(const struct sqlite_database *database,
                                         const struct config_person *persons, size_t count,
                                         const struct source_sink *sink, struct error *error);

#endif
