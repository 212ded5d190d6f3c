/* audit: the log of everything that was done with personal data, and the proof that no line of it
 * was changed.
 *
 *   FOLDER/log         one JSON object a line; only ever longer
 *   FOLDER/checkpoint  size and root of the RFC 6962 tree over the lines, a C2SP checkpoint
 *                      (signed note) by the host key
 *
 * Format: src/audit/FORMAT.md. A line is {"n":0,"time":"2026-11-22T02:00:00Z","event":"backup",
 * …facts}. No name of a customer is ever in it.
 *
 * An append is durable when it returns, and all or nothing: whatever was interrupted, the next
 * opening finds the log with the record or without it, and the checkpoint fits. */
#ifndef KURA_AUDIT_H
#define KURA_AUDIT_H

#include "kura/keys.h"
#include <jansson.h>

#define AUDIT_ROOT_SIZE 32
#define AUDIT_LINE_LIMIT ((size_t)64 * 1024)
#define AUDIT_LOG_LIMIT ((uint64_t)1024 * 1024 * 1024)

struct audit_head {
    uint64_t size; /* records; 0: an empty log */
    unsigned char root[AUDIT_ROOT_SIZE];
};

struct audit_options {
    const char *folder;
    const char *origin;              /* of the checkpoint: "kura/" and the repository's id in hex */
    const unsigned char *public_key; /* SIGN_PUBLIC_SIZE bytes: the host's */
    const struct signing_key *signing; /* to append; NULL: only read */
};

/* Opens and verifies all of it: every line's form, number and the root under the checkpoint. To
 * append, an exclusive lock is held until audit_free, an absent log is made, and an interrupted
 * append is finished or undone. Changed, cut or reordered lines: STATUS_CORRUPT; a checkpoint by
 * another key: STATUS_UNAUTHENTIC; no log and only reading: STATUS_NOT_FOUND. The error names the
 * first record that is wrong where that can be told. */
struct audit;
MUST_USE enum status audit_open(struct audit **audit, const struct audit_options *options,
                                struct error *error);
void audit_free(struct audit *audit);

/* Adds {"n", "time", "event"} and the facts (borrowed; an object, or NULL). The time is now. */
MUST_USE enum status audit_append(struct audit *audit, const char *event, const json_t *facts,
                                  struct error *error);

struct audit_head audit_head(const struct audit *audit);
/* Whether the head is of this log as it was once: what an anchor off-site or in a token must be.
 * Size 0 always is. */
MUST_USE bool audit_extends(const struct audit *audit, const struct audit_head *head);
/* The latest time of any record; {0} for an empty log. A clock before it was set back; a record
 * that was made since then does not lower it. */
struct moment audit_newest(const struct audit *audit);

struct audit_record {
    uint64_t number;
    struct moment time;
    const char *event;
    const json_t *json; /* all of it */
    const char *line;   /* as it stands in the log, without the newline */
};
/* Every record from the first to the last. What visit returns other than STATUS_OK ends it. */
MUST_USE enum status audit_walk(const struct audit *audit,
                                enum status (*visit)(void *context,
                                                     const struct audit_record *record,
                                                     struct error *error),
                                void *context, struct error *error);

#endif
