/* erase_trail: where triggers wrote while rules ran. A trigger that logs what is changed writes
 * down just what is erased; it may also be what takes the person's details away, so triggers are
 * not kept from running, but what they inserted or updated, and no later rule for the same person
 * removed from, is told. */
#ifndef RESTORE_ERASE_TRAIL_H
#define RESTORE_ERASE_TRAIL_H

#include "kura/restore.h"

struct trail_counts {
    uint64_t inserted, updated, deleted; /* rows since the rules began */
};
struct trail_table {
    char *name; /* as it is shown, */
    char *bare; /* and without a schema and quotes */
    struct trail_counts now;
    struct trail_counts before; /* up to the last statement */
    struct {
        bool insert, update; /* by a trigger */
        bool erase;          /* by its own words */
    } may;                   /* of the statement that runs, if the database tells it */
    bool expected;           /* that the statement updates it, though its text does not name it */
    unsigned char (*suspects)[PERSON_SIZE]; /* of whom something may be in it */
    size_t suspect_count;
};
/* {0} to begin with. */
struct trail {
    struct trail_table *tables;
    size_t count;
};
void trail_free(struct trail *trail);
/* The table of this name, made if it is not known; NULL: out of memory. Valid until the next call.
 */
struct trail_table *trail_find(struct trail *trail, const char *name, const char *bare);
/* Whether the SQL inserts into a table of this bare name, as a whole word or in quotes; or, with
 * inserts false, inserts, updates or deletes there. */
bool trail_names(const char *sql, const char *bare, bool inserts);
/* After each statement of a rule, or with "" of nobody's, for this person: a table that was
 * inserted into or updated without being told to by its text is suspected, until a statement for
 * the same person deletes from it; one for the next person takes nothing of this one away. */
MUST_USE enum status trail_settle(struct trail *trail, const char *sql,
                                  const unsigned char person[PERSON_SIZE], struct error *error);
/* Adds what is still suspected. */
void trail_tell(const struct trail *trail, struct restore_erased *erased);

#endif
