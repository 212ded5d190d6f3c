/* check_chunks: the chunks of one snapshot after another, noted and then opened. */
#ifndef REPO_CHECK_CHUNKS_H
#define REPO_CHECK_CHUNKS_H

#include "check.h"

struct opening {
    struct check *check;
    const struct statement *statement;
    struct snapshot *snapshot;
    const struct catalogue_source *source;
    size_t source_number;
    uint64_t unlocated;  /* chunks of the source */
    unsigned char *key;  /* CHUNK_KEY_SIZE, secret memory */
    sqlite3_stmt *known; /* of all below: under the check's lock */
    sqlite3_stmt *add;
    sqlite3_stmt *next;
    bool row; /* `next` stands on one */
};

/* Notes every chunk of `source` that was not noted before, at every place. */
MUST_USE enum status check_note_source(struct opening *opening, struct error *error);
/* Tells a problem of the snapshot's source; `context` is the opening. */
void check_tell_near(void *context, const char *path, const struct error *problem);

#endif
