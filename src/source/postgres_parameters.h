/* postgres_parameters: ":name" becomes "$1", as PostgreSQL wants it. */
#ifndef SOURCE_POSTGRES_PARAMETERS_H
#define SOURCE_POSTGRES_PARAMETERS_H

#include "kura/base.h"

#define POSTGRES_PARAMETERS_LIMIT 1000

struct postgres_parameter {
    const char *name; /* in the SQL that was read, behind the ':'; not terminated */
    size_t size;
    size_t at; /* where its " $n" stands in the new text */
};
struct postgres_parameters {
    struct buffer text;               /* the new SQL, terminated */
    struct postgres_parameter *items; /* items[n - 1] is $n: each place has a number of its own, so
                                       * that the server finds a type for each */
    size_t count;
};

/* What is in quotes, dollar quotes, comments or behind a second ':' is left alone. A "$1" that is
 * there already, or more than POSTGRES_PARAMETERS_LIMIT places: STATUS_USAGE. */
MUST_USE enum status postgres_parameters_read(struct postgres_parameters *parameters,
                                              const char *sql, struct error *error);
void postgres_parameters_free(struct postgres_parameters *parameters);

#endif
