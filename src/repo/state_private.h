/* state_private: the database behind the state, shared by its files. */
#ifndef REPO_STATE_PRIVATE_H
#define REPO_STATE_PRIVATE_H

#include "sql.h"
#include "state.h"

#define STATE_VERSION 1
#define STATE_APPLICATION 0x6b757261 /* "kura" */

enum state_query {
    QUERY_BEGIN,
    QUERY_COMMIT,
    QUERY_ROLLBACK,
    QUERY_FIND,
    QUERY_FIND_KEY,
    QUERY_DRAW,
    QUERY_ADD_CHUNK,
    QUERY_REMOVE_UNUSED,
    QUERY_ADD_PACK,
    QUERY_PACK_STORED,
    QUERY_GET_PACK,
    QUERY_NEXT_PACK,
    QUERY_NEXT_WAITING,
    QUERY_NEXT_UNSEEN,
    QUERY_ANY_STORED,
    QUERY_SEE_PACK,
    QUERY_PACK_USED,
    QUERY_REMOVE_CHUNKS,
    QUERY_REMOVE_PACK,
    QUERY_PACK_HASHES,
    QUERY_NEXT_FRESH,
    QUERY_NEXT_UNINDEXED,
    QUERY_ADD_INDEX,
    QUERY_PACKS_INDEXED,
    QUERY_INDEXES,
    QUERY_UNINDEX,
    QUERY_REMOVE_INDEX,
    QUERY_NEXT_UNNAMED,
    QUERY_SET_DIRECTORY,
    QUERY_USE,
    QUERY_ADDED,
    QUERY_REMOVED,
    QUERY_ALL,
    QUERY_IMPLAUSIBLE,
    QUERY_GET_META,
    QUERY_SET_META,
    QUERY_NEXT_COPY,
    QUERY_COUNT,
};

struct state {
    sqlite3 *database;
    sqlite3_stmt *statements[QUERY_COUNT];
    char *path;
    unsigned char proof_key[16];
    bool damaged; /* CORRUPT was seen while it was open */
};

/* A prepared statement, made when it is first wanted; borrowed. */
MUST_USE enum status state_query(sqlite3_stmt **statement, struct state *state,
                                 enum state_query query, struct error *error);
/* A statement without parameters and rows. */
MUST_USE enum status state_run(struct state *state, enum state_query query, struct error *error);
/* Remembers damage; returns status. */
enum status state_note(struct state *state, enum status status);

/* The end of a transaction: commit if all went well, else back to what was before. */
MUST_USE enum status state_finish(struct state *state, enum status status, struct error *error);

MUST_USE enum status state_get_meta(struct state *state, const char *name, struct buffer *value,
                                    struct error *error);
MUST_USE enum status state_set_meta(struct state *state, const char *name, const void *value,
                                    size_t size, struct error *error);
/* Inside of a transaction that the caller has begun. */
MUST_USE enum status state_forget_base_within(struct state *state, struct error *error);

#endif
