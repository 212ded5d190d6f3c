/* journey: what the parts of one backup share. */
#ifndef BACKUP_JOURNEY_H
#define BACKUP_JOURNEY_H

#include "kura/backup.h"
#include "kura/source.h"
#include "memory.h"
#include <stdatomic.h>

struct journey {
    const struct backup_options *options;
    struct repo *repo;
    struct writer *writer;
    struct pipeline *pipeline;
    unsigned char *memory_key; /* SUBKEY_SIZE, secret memory */
    int level;                 /* zstd */
    struct moment time;        /* of the snapshot in progress */

    /* Read by the progress thread. */
    _Atomic(const char *) source;
    atomic_uint_fast64_t files;
    atomic_uint_fast64_t bytes;
    uint64_t bytes_expected;

    struct persons persons; /* of all sources that were read */
    bool persons_counted;   /* in one of them at least */

    uint64_t files_unchanged;
    uint64_t bytes_read;
    uint64_t bytes_new;
    uint64_t warnings;
};

/* Tells the user about one thing that went wrong and goes on. */
void journey_warn(struct journey *journey, const char *source, const char *path,
                  const struct error *problem);
/* STATUS_CANCELLED once the user asked to stop. */
MUST_USE enum status journey_check_cancelled(const struct journey *journey, struct error *error);

/* What was done for a source before its turn; NULL: nothing. */
struct preparation {
    struct source_held *held; /* its state; or NULL */
    struct error failure;     /* or why it cannot be read */
};

/* Backs up one source into the snapshot in progress. *catalogue is filled in any case but a fatal
 * one; a source that failed has its reason there. Only what makes the whole backup impossible (the
 * store, the state, a cancellation) is returned. */
MUST_USE enum status backup_source(struct catalogue_source *catalogue, struct journey *journey,
                                   const struct config_source *source,
                                   const struct preparation *preparation, struct error *error);

/* Backs up the sources of the configuration's group that are in `catalogues` (NULL where a source
 * is not wanted), as of one moment (together.c). */
MUST_USE enum status backup_together(struct catalogue_source *const *catalogues,
                                     struct journey *journey, struct error *error);

/* Carries over what is remembered of a source that is not part of this backup, or failed, so that
 * its next backup need not begin anew. */
MUST_USE enum status memory_carry_over(struct journey *journey, const char *source,
                                       struct error *error);
/* Gives up the uses of all that is remembered of sources that are no longer configured. */
MUST_USE enum status memory_forget_absent(struct journey *journey, struct error *error);

#endif
