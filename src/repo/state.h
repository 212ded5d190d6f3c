/* state: what this host remembers between nights, in `state.db` of the state folder. Which content
 * is in the repository already and under which key (the content map), which packs are off-site and
 * which wait in the spool, and what the last published backup was.
 *
 * It covers the newest backup and the one in progress: it opens nothing that this machine's own
 * disk does not hold now. Losing it costs a night of storing everything again, nothing else.
 *
 * Not thread-safe: the writer's lock guards it.
 */
#ifndef REPO_STATE_H
#define REPO_STATE_H

#include "object.h"

#define MEMORY_NAME_SIZE 48 /* "memory-<32 digits>" */

struct state;

/* Opens or makes folder/state.db. A damaged, foreign or newer one is removed, for its keys open
 * what may be gone from this machine by now; that is told as a problem, and an empty one takes its
 * place. */
MUST_USE enum status state_open(struct state **state, const char *folder,
                                const unsigned char repository[REPOSITORY_ID_SIZE],
                                struct problems *problems, struct error *error);
/* Closes; removes the file if damage was found while it was open. */
void state_free(struct state *state);

/* ---- the content map ---- */

struct state_chunk {
    unsigned char hash[CHUNK_HASH_SIZE];
    struct chunk_reference reference;
    int64_t pack; /* its number here */
    uint32_t offset;
    uint32_t sealed; /* bytes */
};
MUST_USE enum status state_find(struct state *state, const unsigned char hash[CHUNK_HASH_SIZE],
                                struct state_chunk *chunk, bool *found, struct error *error);
/* By its key instead: reads the whole map. */
MUST_USE enum status state_find_reference(struct state *state,
                                          const struct chunk_reference *reference,
                                          struct state_chunk *chunk, bool *found,
                                          struct error *error);
/* A chunk that the last backup used, drawn at random. */
MUST_USE enum status state_draw(struct state *state, struct state_chunk *chunk, bool *found,
                                struct error *error);

/* ---- packs ---- */

struct state_pack {
    int64_t no;
    unsigned char id[OBJECT_ID_SIZE];
    uint64_t size;
    bool stored; /* off-site and verified; else it waits in the spool */
};
/* Records a pack and its chunks in one step. chunks[i] belongs to pack->chunks[i]; offset and size
 * are taken from there. */
MUST_USE enum status state_add_pack(struct state *state, const struct index_pack *pack,
                                    const struct state_chunk *const *chunks, bool stored,
                                    int64_t *no, struct error *error);
MUST_USE enum status state_pack_stored(struct state *state, int64_t no, struct error *error);
MUST_USE enum status state_get_pack(struct state *state, int64_t no, struct state_pack *pack,
                                    struct error *error);
/* Visits all packs, or those that wait in the spool; the visit may change the state. */
typedef enum status (*state_pack_visit)(void *context, const struct state_pack *pack,
                                        struct error *error);
MUST_USE enum status state_each_pack(struct state *state, bool only_waiting, state_pack_visit visit,
                                     void *context, struct error *error);
/* Forgets a pack and its chunks. If the last backup used one of them, its memory is forgotten,
 * too: what it says of unchanged files would name chunks that are not there. */
MUST_USE enum status state_drop_pack(struct state *state, int64_t no, struct error *error);
/* A pack that waited and was never part of a published backup. */
MUST_USE enum status state_drop_waiting(struct state *state, int64_t no, struct error *error);

/* Comparing with a listing: a pack is seen where there is an object of its id and size. Then all
 * stored ones that were not seen are visited and, in one step, forgotten with their chunks and with
 * what was remembered of the last backup. */
MUST_USE enum status state_has_stored_packs(struct state *state, bool *any, struct error *error);
MUST_USE enum status state_see_pack(struct state *state, const unsigned char id[OBJECT_ID_SIZE],
                                    uint64_t size, struct error *error);
MUST_USE enum status state_drop_unseen(struct state *state, state_pack_visit visit, void *context,
                                       struct error *error);

/* ---- index objects ---- */

/* Hands out the encoded directories of packs that no index names, up to `limit` bytes after the
 * first; *last is the number of the last pack taken, 0 if there is none. */
MUST_USE enum status state_unindexed(struct state *state, int64_t after, size_t limit,
                                     struct buffer *directories, uint32_t *count, int64_t *last,
                                     struct error *error);
/* An index object with the directories of (first, last] is off-site. */
MUST_USE enum status state_indexed(struct state *state, const unsigned char id[OBJECT_ID_SIZE],
                                   int64_t after, int64_t last, struct error *error);
/* The index objects that no published statement names yet, or all. The caller frees. */
MUST_USE enum status state_indexes(struct state *state, bool unpublished,
                                   unsigned char (**ids)[OBJECT_ID_SIZE], size_t *count,
                                   struct error *error);
/* Forgets an index object: from now on its packs are named by none, with no directory at hand. */
MUST_USE enum status state_lose_index(struct state *state, const unsigned char id[OBJECT_ID_SIZE],
                                      struct error *error);
/* Visits those packs. */
MUST_USE enum status state_each_unnamed_pack(struct state *state, state_pack_visit visit,
                                             void *context, struct error *error);
/* What such a pack says of itself, for the next index object. */
MUST_USE enum status state_set_directory(struct state *state, int64_t no,
                                         const struct index_pack *pack, struct error *error);

/* ---- uses and publication ---- */

MUST_USE enum status state_use(struct state *state, const unsigned char hash[CHUNK_HASH_SIZE],
                               int change, struct error *error);
enum state_references {
    STATE_ADDED,   /* unused before, used now */
    STATE_REMOVED, /* used before, unused now */
    STATE_ALL,     /* used now */
};
typedef enum status (*state_id_visit)(void *context, const unsigned char id[CHUNK_ID_SIZE],
                                      struct error *error);
MUST_USE enum status state_each_reference(struct state *state, enum state_references which,
                                          state_id_visit visit, void *context, struct error *error);
/* False if the counts cannot be true: a use of what the map does not know, or less than none. */
MUST_USE enum status state_uses_plausible(struct state *state, bool *plausible,
                                          struct error *error);

struct state_base { /* the last backup that was published from here */
    bool present;
    unsigned char statement[OBJECT_ID_SIZE];
    uint64_t sequence;
    uint64_t depth;                /* differences since the last full list of references */
    char memory[MEMORY_NAME_SIZE]; /* "" if there is none */
};
MUST_USE enum status state_get_base(struct state *state, struct state_base *base,
                                    struct error *error);
/* Makes the deltas the truth, forgets what is unused, and names the new base: one transaction that
 * is on the disk when this returns. */
MUST_USE enum status state_publish(struct state *state, const struct state_base *base,
                                   struct error *error);
/* Keeps the map, forgets base, memory and uses: the next backup reads everything, and its list of
 * references is full. */
MUST_USE enum status state_forget_base(struct state *state, struct error *error);
/* Forgets the map, too: the next backup stores everything anew. */
MUST_USE enum status state_forget_all(struct state *state, struct error *error);

/* Copies of small objects under their names. */
MUST_USE enum status state_keep_copy(struct state *state, const char *name,
                                     const struct buffer *bytes, struct error *error);
typedef enum status (*state_copy_visit)(void *context, const char *name, const struct buffer *bytes,
                                        struct error *error);
MUST_USE enum status state_each_copy(struct state *state, state_copy_visit visit, void *context,
                                     struct error *error);

/* The recipients to whom this host has sealed the repository's secret: public keys, one after
 * another; empty if it has not. */
MUST_USE enum status state_get_recipients(struct state *state, struct buffer *keys,
                                          struct error *error);
MUST_USE enum status state_set_recipients(struct state *state, const struct buffer *keys,
                                          struct error *error);
/* How this host knows the object of keys/ again that it stored last; empty: it stored none. */
MUST_USE enum status state_get_sealed_secret(struct state *state, struct buffer *told,
                                             struct error *error);
MUST_USE enum status state_set_sealed_secret(struct state *state, const struct buffer *told,
                                             struct error *error);

#endif
