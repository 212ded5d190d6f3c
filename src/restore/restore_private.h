/* What the parts of one restore share. */
#ifndef RESTORE_PRIVATE_H
#define RESTORE_PRIVATE_H

#include "kura/restore.h"
#include "plan.h"
#include "target.h"
#include <stdatomic.h>

struct restore {
    const struct restore_options *options;
    struct snapshot *snapshot;
    struct plan *plan;
    struct target *target;

    pthread_mutex_t lock; /* of what follows, and of the events */
    struct buffer left;   /* per file number: uint32_t pieces that are still missing */
    atomic_uint_fast64_t files_done;
    atomic_uint_fast64_t bytes_done;
    atomic_uint_fast64_t files_total;
    atomic_uint_fast64_t bytes_total;
    struct restore_summary *summary;
};

/* The pieces of a file that failed are marked so in `left`. */
#define PIECES_FAILED UINT32_MAX

MUST_USE enum status restore_check_cancelled(const struct restore *restore, struct error *error);
void restore_warn(struct restore *restore, const char *source, const char *path,
                  const struct error *problem);
/* An entry did not come back, or not wholly. */
void restore_fail(struct restore *restore, const char *source, const char *path,
                  const struct error *problem);
/* What publishing an entry gave: STATUS_UNSUPPORTED (an attribute is missing) is only a warning. */
void restore_settle(struct restore *restore, const char *source, const char *path,
                    enum status status, const struct error *problem);

/* Publishes a whole file; a database is counted again, and erased from if the register has rules
 * for it, before (restore_erase.c). */
MUST_USE enum status restore_finish_file(struct restore *restore, uint64_t number, size_t source,
                                         const struct entry *entry, struct error *error);
/* Whether the entry is not to come back. */
bool restore_leaves_out(const struct erasure_register *erasures, const char *source,
                        const struct entry *entry);
/* Whether the file of a database source is to be erased from before it is given. */
bool restore_erases_from(const struct erasure_register *erasures,
                         const struct statement_source *words, const char *path);
/* STATUS_FAILED if it is, and cannot: it is no SQLite database. */
MUST_USE enum status restore_check_rules(const struct erasure_register *erasures,
                                         const struct statement_source *words, const char *path,
                                         struct error *error);
/* The way out when a rule does not fit; returns error->status. */
enum status restore_hint_as_it_was(const char *source, struct error *error);
/* Which entries are obeyed; zeros for none. */
#define RULES_DIGEST_SIZE 32
void restore_rules_digest(unsigned char digest[RULES_DIGEST_SIZE],
                          const struct erasure_register *erasures);

/* Walks the snapshot: folders, links and small files are made, the rest becomes the plan
 * (restore_walk.c). */
MUST_USE enum status restore_walk_source(struct restore *restore, size_t source,
                                         struct error *error);
/* Counts rows and persons of a database that came back whole, by the definition in the catalogue,
 * and holds them against what the backup said. A difference is told, and the database is given back
 * all the same. Other sources: nothing. number: of the file in the making; NULL: an interrupted run
 * has published it. *persons, {0} before: who is in it, settled; may be NULL (restore_recount.c).
 */
void restore_recount(struct persons *persons, struct restore *restore,
                     const struct catalogue_source *source, const struct entry *entry,
                     const uint64_t *number);
/* Tells if somebody who is registered as erased still counts as a person in a database from which
 * its rules have erased, or somebody else, who did before, no more (restore_recount.c). */
void restore_look_for_erased(const struct persons *before, struct restore *restore,
                             const struct catalogue_source *source, const struct entry *entry,
                             uint64_t number);
/* Carries out the plan on all connections (restore_fetch.c). */
MUST_USE enum status restore_fetch(struct restore *restore, struct error *error);

#endif
