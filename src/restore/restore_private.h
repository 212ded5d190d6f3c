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

/* Walks the snapshot: folders, links and small files are made, the rest becomes the plan
 * (restore_walk.c). */
MUST_USE enum status restore_walk_source(struct restore *restore, size_t source,
                                         struct error *error);
/* Counts rows and persons of a database that came back whole, by the definition in the catalogue,
 * and holds them against what the backup said. A difference is told, and the database is given back
 * all the same. Other sources: nothing. number: of the file in the making; NULL: an interrupted run
 * has published it (restore_recount.c). */
void restore_recount(struct restore *restore, const struct catalogue_source *source,
                     const struct entry *entry, const uint64_t *number);
/* Carries out the plan on all connections (restore_fetch.c). */
MUST_USE enum status restore_fetch(struct restore *restore, struct error *error);

#endif
