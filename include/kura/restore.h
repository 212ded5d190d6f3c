/* restore: the way back. From an opened snapshot to files, to a stream, to a comparison. */
#ifndef KURA_RESTORE_H
#define KURA_RESTORE_H

#include "kura/register.h"
#include <signal.h>

struct restore_progress {
    uint64_t files_done, files_total;
    uint64_t bytes_done, bytes_total; /* of content */
};

struct restore_events {
    void *context;
    /* about five times a second from a thread of its own */
    void (*progress)(void *context, const struct restore_progress *progress);
    /* something that could not be brought back, or not wholly; never called at once from two
     * threads */
    void (*warn)(void *context, const char *source, const char *path, const struct error *problem);
};

/* What of a snapshot. An include is a path ("2024/05/scan.pdf": it and all below), or a pattern
 * with
 * * ? [ that is matched against the path and against the last component. */
struct selection {
    const char *const *sources;  /* NULL-terminated names; NULL: all */
    const char *const *includes; /* NULL-terminated; NULL: all */
};
bool selection_has_source(const struct selection *selection, const char *name);
/* False: all is meant. */
bool selection_digest(unsigned char digest[OBJECT_ID_SIZE], const struct selection *selection);
/* What is known of the path that was asked about last: nothing of its folders that the next one
 * shares is matched again, so that a walk takes time in proportion to the paths. {0} to begin with,
 * and of one selection and one source. */
struct selection_trail {
    char path[ENTRY_PATH_MAX + 1];
    size_t meant; /* length of the first of its folders, or of itself, that is meant; 0: none */
};
bool selection_has_path(const struct selection *selection, struct selection_trail *trail,
                        const char *path);

#define RESTORE_TABLE_SIZE 160
/* What of registered persons was not given back. */
struct restore_erased {
    uint64_t databases;    /* that rules were applied to */
    uint64_t rows;         /* that the rules changed or removed in them */
    uint64_t rows_removed; /* fewer in the counted tables than before */
    uint64_t files;        /* all but folders that were left out */
    uint64_t refused;      /* databases that are not given, because a rule does not fit them */
    uint64_t written; /* tables that triggers wrote to meanwhile, and what is erased may be in */
    char written_table[RESTORE_TABLE_SIZE]; /* the first of them, cut to fit */
};

enum restore_existing {
    RESTORE_KEEP,    /* an existing file is an error for that file (a warning), and stays */
    RESTORE_REPLACE, /* it is replaced, atomically */
};

struct restore_options {
    const char *target; /* folder; made if absent */
    struct selection selection;
    enum restore_existing existing;
    bool owners;                             /* set owner and group (root) */
    const struct erasure_register *erasures; /* opened and obeyed; NULL: all as it was */
    struct restore_events events;
    const volatile sig_atomic_t *cancelled;
    /* Whether the restored may lie in the opened target: asked before its first byte, and when all
     * is written. NULL: nobody minds. */
    enum status (*judge)(void *context, int fd, struct error *error);
    void *judge_context;
};

struct restore_summary {
    uint64_t files; /* entries restored */
    uint64_t bytes;
    uint64_t resumed;   /* files that an interrupted restore had finished already */
    uint64_t failed;    /* entries that were not restored wholly */
    bool counts_match;  /* entries, bytes and digest of every whole source as the statement says */
    size_t recounted;   /* databases whose rows and persons were counted once more, */
    bool recount_match; /* and all of these are as the backup said; */
    size_t recount_failed; /* those that could not be counted, of which a warning told */
    struct restore_erased erased;
    double seconds;
};

/* Writes DIR/<source>/<path>. Every path stays beneath the target whatever the snapshot says. Files
 * appear under their names only when they are whole; run again after an interruption it goes on.
 * What is damaged is told and left out, and the rest comes back: then STATUS_OK with failed > 0.
 * The register is obeyed before anything has its name: a database that a rule does not fit is told
 * and stays away (erased.refused). An interrupted restore that obeyed another register is not gone
 * on with: STATUS_EXISTS. */
MUST_USE enum status restore_run(struct restore_summary *summary, struct snapshot *snapshot,
                                 const struct statement *statement,
                                 const struct restore_options *options, struct error *error);

struct dump_options {
    const struct erasure_register *erasures; /* as for a restore */
    /* Folder where a database may lie, without a name, while it is erased from; may be NULL if
     * there are no rules for databases. */
    const char *temporary;
    const volatile sig_atomic_t *cancelled; /* may be NULL */
};
/* The content of one file to a descriptor, in order. path NULL: the only file of the source (a
 * database, a command's output). A folder is STATUS_USAGE: use restore_dump_tar. A file of somebody
 * who asked to be erased is STATUS_REFUSED [erased]. */
MUST_USE enum status restore_dump(struct restore_erased *erased, struct snapshot *snapshot,
                                  const char *source, const char *path, int fd,
                                  const struct dump_options *options, struct error *error);
/* A pax tar (POSIX.1-2001) of `path` and all below to a descriptor; without the files of those who
 * asked to be erased. */
MUST_USE enum status restore_dump_tar(struct restore_erased *erased, struct snapshot *snapshot,
                                      const char *source, const char *path, int fd,
                                      const struct dump_options *options, struct error *error);

/* Whether somebody who is registered is among these persons, which are sorted: no rule erased them.
 * The problem says so. */
bool restore_erased_left(struct error *problem, const struct persons *persons,
                         const struct erasure_register *erasures);
/* Whether somebody who is not registered was among the persons before the rules, and is not after
 * them: registered by another spelling of the id, or a rule goes too far. Both sets are sorted. */
bool restore_erased_others(struct error *problem, const struct persons *before,
                           const struct persons *after, const struct erasure_register *erasures);

/* ---- into a PostgreSQL database ---- */

/* The rules of the register for a source. */
struct restore_amendment {
    const struct erasure_register *erasures; /* opened; NULL: all as it was */
    const char *source;
    struct restore_erased erased; /* what they did */
};

struct database_options {
    const char *connection;    /* as libpq has it, or a database's name; with a password: refused */
    const char *source;        /* name in the snapshot */
    const char *const *tables; /* "NAME" or "SCHEMA.NAME", NULL-terminated; NULL: everything */
    bool replace;              /* a database that has tables: it is renamed, not removed */
    bool no_owner;             /* all belongs to who restores, and nobody is granted anything */
    struct restore_events events;
    const volatile sig_atomic_t *cancelled;
    /* What is erased, in one transaction, from what was loaded and proved before it is published.
     * Then all is written anew (VACUUM FULL), so that nothing of it stays in a file, and counted
     * again; who is still there is a warning. A rule that does not fit the database is
     * STATUS_FAILED. With `tables` it is done in the transaction that the tables came in. */
    struct restore_amendment *amendment;
};

struct database_summary {
    char *database;                 /* its name */
    char *kept_as;                  /* the name of what was there before, or NULL */
    struct statement_table *tables; /* as they were published */
    size_t table_count;
    bool proved;      /* the backup had counts, and they agree */
    int64_t persons;  /* in it, as published; -1: not counted */
    uint64_t rows;    /* of all tables, as they were published */
    uint64_t removed; /* rows that were loaded and then erased */
    uint64_t bytes;   /* of the archive */
    double seconds;
};
void database_summary_free(struct database_summary *summary);

/* The name of the database that the connection leads to, by which it may be told and recorded;
 * *name belongs to the caller. STATUS_USAGE for what libpq does not understand, and for a password:
 * it would stand in the list of processes. */
MUST_USE enum status restore_database_name(char **name, const char *connection,
                                           struct error *error);

/* Loads the archive of a source into a hidden database, holds the rows of every table against what
 * the catalogue says, and only then gives it its name: a database that is not there is made, an
 * empty one is filled. Whatever interrupts it, the old state stays, and at most a hidden database
 * that the next run removes. STATUS_EXISTS: the database has tables (or those that are asked for);
 * STATUS_CORRUPT: what was loaded is not what was counted. That other persons are in it, by the
 * definition of then, is a warning of STATUS_CORRUPT. */
MUST_USE enum status restore_into_database(struct database_summary *summary,
                                           struct snapshot *snapshot,
                                           const struct database_options *options,
                                           struct error *error);

enum difference { DIFFERENCE_ADDED, DIFFERENCE_REMOVED, DIFFERENCE_CONTENT, DIFFERENCE_METADATA };
typedef enum status (*difference_visit)(void *context, const char *source,
                                        enum difference difference, const struct entry *entry,
                                        struct error *error);
/* What changed from snapshot a to snapshot b, in the order of sources and paths. */
MUST_USE enum status restore_diff(struct snapshot *a, struct snapshot *b, difference_visit visit,
                                  void *context, struct error *error);

#endif
