/* backup: the night. source -> pipeline -> repo. */
#ifndef KURA_BACKUP_H
#define KURA_BACKUP_H

#include "kura/config.h"
#include "kura/repo.h"
#include <signal.h>

struct backup_progress {
    const char *source;      /* being read now; NULL: waiting for the store, or publishing */
    uint64_t files;          /* entries seen */
    uint64_t bytes;          /* of content, read or known */
    uint64_t bytes_expected; /* what the last backup had; 0: unknown */
    uint64_t stored;         /* bytes off-site */
    uint64_t waiting;        /* bytes on their way */
};

/* Told as it happens. warn comes on the thread that called backup_run; progress comes about five
 * times a second from a thread of its own. Each may be NULL. */
struct backup_events {
    void *context;
    void (*progress)(void *context, const struct backup_progress *progress);
    /* path: NULL when the source as a whole is meant */
    void (*warn)(void *context, const char *source, const char *path, const struct error *problem);
    /* Something to know, and all is well; on the same thread. */
    void (*note)(void *context, const char *source, const char *path, const char *message);
    void (*waiting)(void *context); /* another backup holds the state */
};

struct backup_options {
    const struct config *config;
    const struct host_key *host;
    const struct age_recipient *recipients; /* the recovery recipient among them */
    size_t recipient_count;
    const char *const *sources; /* names, NULL-terminated; NULL: all */
    struct backup_events events;
    const volatile sig_atomic_t *cancelled; /* != 0: stop; may be NULL */
    /* Asked when all is counted and before anything is published, without which nobody can open
     * what was stored: how many persons would be in the snapshot (-1: nobody was counted), and
     * whether in one of its databases they were not counted. A failure ends the backup. NULL:
     * nobody minds. */
    enum status (*judge)(void *context, int64_t persons, bool uncounted, struct error *error);
    void *judge_context;
    /* The head of the machine's log before this run, for the statement; size 0: none. */
    uint64_t audit_size;
    const unsigned char *audit_root; /* 32 bytes */
};

struct backup_summary {
    struct statement statement; /* what was published */
    uint64_t files;
    uint64_t files_unchanged; /* not read again */
    uint64_t bytes;           /* of all sources */
    uint64_t bytes_read;
    uint64_t bytes_new; /* content that was not known */
    uint64_t stored;    /* bytes sent */
    uint64_t warnings;
    uint64_t erased_present; /* registered as erased, and still among the persons of a database */
    size_t failed_sources;
    struct problems problems; /* met in the repository or the state, and dealt with */
    double seconds;
};

/* Backs up and publishes one snapshot. If what is remembered of earlier nights proves wrong on the
 * way (damage in the store among it), it is forgotten and everything is read once more; the
 * problems tell it, and they are filled in any case. A source that fails is in the snapshot as
 * failed, and the status is still OK: the summary says it. If all fail, nothing is published:
 * STATUS_FAILED. */
MUST_USE enum status backup_run(struct backup_summary *summary, struct repo *repo,
                                const struct backup_options *options, struct error *error);
void backup_summary_free(struct backup_summary *summary);

/* Until when the rule keeps the snapshot `number` of those made at `times`, at the latest: the
 * moment from which on none of its parts needs it, if a backup is made at least once in each of the
 * periods until then. Of each day, week (from Monday), month and year, in local time, the last
 * snapshot is kept, for as many of these as the rule says. Not after times[number]: it may go now.
 * False: there is no rule, so nothing ever goes. */
MUST_USE bool retention_until(struct moment *until, const struct config_retention *rule,
                              const struct moment *times, size_t count, size_t number);

#endif
