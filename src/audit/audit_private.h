/* audit, private: what its files share. */
#ifndef KURA_AUDIT_PRIVATE_H
#define KURA_AUDIT_PRIVATE_H

#include "kura/audit.h"
#include "kura/signed.h"

/* ------------------------------------------------------------------ the tree */

#define TREE_LEVELS 40

/* The RFC 6962 tree over the lines so far: the roots of all its whole subtrees, level by level, so
 * that the root of any earlier size is a matter of a few hashes. 64 bytes a record. */
struct tree {
    struct buffer levels[TREE_LEVELS];
};
MUST_USE enum status tree_add(struct tree *tree, const void *line, size_t size,
                              struct error *error);
/* Takes the newest leaf away again. */
void tree_cut(struct tree *tree, uint64_t size);
uint64_t tree_size(const struct tree *tree);
/* size: at most that of the tree */
void tree_root(unsigned char root[AUDIT_ROOT_SIZE], const struct tree *tree, uint64_t size);
/* Whether the line is leaf `number`. */
MUST_USE bool tree_holds(const struct tree *tree, uint64_t number, const void *line, size_t size);
void tree_free(struct tree *tree);

/* ------------------------------------------------------------------ lines */

/* Appends the line with its newline: compact JSON in ASCII, keys sorted. */
MUST_USE enum status line_compose(struct buffer *line, const struct audit_record *record,
                                  const json_t *facts, struct error *error);
/* Reads a line without its newline, which must be record `number`. The json belongs to the caller
 * and carries the event. */
MUST_USE enum status line_parse(json_t **json, struct audit_record *record, uint64_t number,
                                const char *line, size_t size, struct error *error);

/* Calls visit for the first `count` lines of the file, without their newlines; *end is the offset
 * behind the last. A line that is too long, or an end before that: STATUS_CORRUPT. */
MUST_USE enum status lines_each(uint64_t *end, int fd, uint64_t count,
                                enum status (*visit)(void *context, uint64_t number,
                                                     const char *line, size_t size,
                                                     struct error *error),
                                void *context, struct error *error);

/* ------------------------------------------------------------------ checkpoints */

MUST_USE enum status checkpoint_compose(struct buffer *note, const struct audit_options *options,
                                        const struct audit_head *head, struct error *error);
MUST_USE enum status checkpoint_parse(struct audit_head *head, const void *note, size_t size,
                                      const struct audit_options *options, struct error *error);

/* ------------------------------------------------------------------ files */

/* The files of a folder, relative to its descriptor. */
#define LOG_FILE "log"
#define CHECKPOINT_FILE "checkpoint"
#define NEXT_FILE "next"
#define LOCK_FILE "lock"

/* The whole of a small file; none there: STATUS_NOT_FOUND. */
MUST_USE enum status folder_read(struct buffer *content, int folder, const char *name,
                                 struct error *error);
/* Temporary file → fsync → rename → fsync of the folder. */
MUST_USE enum status folder_write(int folder, const char *name, const struct buffer *content,
                                  struct error *error);
MUST_USE enum status folder_remove(int folder, const char *name, struct error *error);
MUST_USE enum status folder_sync(int folder, struct error *error);
/* The log for reading, or also writing; made if absent where `make` says so. */
MUST_USE enum status folder_open_log(int *fd, int folder, bool writing, bool make,
                                     struct error *error);
/* An exclusive lock, waiting for a while: STATUS_LOCKED. */
MUST_USE enum status folder_lock(int *fd, int folder, struct error *error);
/* A shared one, tried once. Whether nobody can be appending meanwhile. */
MUST_USE bool folder_lock_shared(int *fd, int folder);

/* ------------------------------------------------------------------ the log */

struct audit {
    struct audit_options options; /* what is pointed to, but for `signing`, is its own */
    char *folder_name;
    char *origin;
    unsigned char public_key[SIGN_PUBLIC_SIZE];
    int folder;
    int lock;
    int log;
    uint64_t log_size; /* bytes of the verified lines */
    struct tree tree;
    struct moment newest;
    bool broken; /* an append failed half way: only a new opening can tell what is there */
};

/* What an append that was interrupted meant to do: FOLDER/next, the line and the checkpoint that
 * belongs to it. */
struct intent {
    bool present;
    struct buffer content; /* the line with its newline, then the checkpoint */
    size_t line_size;      /* with its newline */
    struct audit_head head;
};
/* Not by the host key, or malformed: an error. None there: present is false. */
MUST_USE enum status intent_read(struct intent *intent, const struct audit *audit,
                                 struct error *error);
void intent_free(struct intent *intent);

/* An empty log and its checkpoint, if there is nothing yet. */
MUST_USE enum status audit_make(struct audit *audit, struct error *error);
/* Opens the log and verifies it against its checkpoint. Behind it may stand what the intent
 * explains, and nothing else. STATUS_NOT_FOUND if there is nothing at all. */
MUST_USE enum status audit_verify(struct audit *audit, const struct intent *intent,
                                  struct error *error);
/* Finishes what the intent says, or clears it away if it is done already. To be called after
 * audit_verify found that it fits. */
MUST_USE enum status audit_recover(struct audit *audit, const struct intent *intent,
                                   struct error *error);

#endif
