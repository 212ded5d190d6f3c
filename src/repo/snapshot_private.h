/* snapshot_private: an opened snapshot from inside. */
#ifndef REPO_SNAPSHOT_PRIVATE_H
#define REPO_SNAPSHOT_PRIVATE_H

#include "catalogue.h"
#include "node.h"
#include "repo_private.h"

/* ---- lookup: where chunks lie, on disk beyond a bounded cache. Not thread-safe. ---- */
struct lookup;
/* Reads all index objects. Damaged ones are told as problems. */
MUST_USE enum status lookup_open(struct lookup **lookup, struct repo *repo,
                                 struct problems *problems, struct error *error);
void lookup_free(struct lookup *lookup);
/* What one index says of a chunk. */
struct place {
    struct location location;
    int64_t pack;   /* the lookup's number of this pack in this index */
    int64_t origin; /* its number of the index */
};
#define PLACES_AT_ONCE 8
/* The likeliest places of a chunk, or, in an order of their own, those after one place; the first
 * of all comes after one of zeros. Fewer than PLACES_AT_ONCE: there are no more. */
MUST_USE enum status lookup_find(struct lookup *lookup, const unsigned char id[CHUNK_ID_SIZE],
                                 const struct place *after, struct place places[PLACES_AT_ONCE],
                                 size_t *count, struct error *error);
/* The chunk is not there: what this index says is likely from now on only when all others fail. */
MUST_USE enum status lookup_doubt(struct lookup *lookup, const struct place *place,
                                  struct error *error);

/* Adds, the first time, what packs that no index names say of themselves; and what `all` others
 * say, which takes long in a large repository. *after: their places come after this one. */
MUST_USE enum status lookup_search(struct lookup *lookup, struct repo *repo, bool all,
                                   struct place *after, struct error *error);

/* ---- nodes that a walk will want next (node_ahead.c); one walk's, not thread-safe ---- */
#define NODE_AHEAD_LIMIT 16
struct node_ahead {
    struct ahead_node {
        struct chunk_reference reference;
        struct buffer content; /* empty: not got, or taken */
    } nodes[NODE_AHEAD_LIMIT];
    size_t count; /* that are wanted */
};
/* Whether the line is so long that it saves time. */
bool node_ahead_pays(const struct snapshot *snapshot);
/* Fetches the `count` nodes. Those that cannot be got are left out. */
void node_ahead_fetch(struct node_ahead *ahead, struct snapshot *snapshot,
                      const struct catalogue_source *source);
/* True: the node was there, and its content is the caller's. */
bool node_ahead_take(struct buffer *node, struct node_ahead *ahead,
                     const struct chunk_reference *reference);
void node_ahead_free(struct node_ahead *ahead);

/* ---- the snapshot ---- */
struct snapshot {
    struct repo *repo;
    struct catalogue catalogue;

    pthread_mutex_t lookup_lock;
    struct lookup *lookup; /* NULL until it is wanted */
    struct problems problems;

    pthread_mutex_t dictionary_lock;
    struct dictionary **dictionaries; /* of all sources, one after another */

    pthread_mutex_t node_lock;
    struct chunk_reader *nodes;

    /* Told of every node that a walk comes to, in its thread; NULL: nobody. */
    enum status (*on_node)(void *context, const struct chunk_reference *reference,
                           struct error *error);
    void *on_node_context;
};

/* As lookup_find; NOT_FOUND if there is no place at all, in no pack that no index names either.
 * Thread-safe; the caller holds no connection. */
MUST_USE enum status snapshot_places(struct place places[PLACES_AT_ONCE], size_t *count,
                                     struct snapshot *snapshot,
                                     const struct chunk_reference *reference,
                                     const struct place *after, struct error *error);
/* As lookup_search, of those that no index names. Thread-safe; the caller holds no connection. */
MUST_USE enum status snapshot_search_packs(struct snapshot *snapshot, struct place *after,
                                           struct error *error);
/* As lookup_doubt. Thread-safe. */
MUST_USE enum status snapshot_doubt(struct snapshot *snapshot, const struct place *place,
                                    struct error *error);
/* The dictionary with zstd's id among those of the source; loaded once. Thread-safe; borrowed. */
MUST_USE enum status snapshot_dictionary(const struct dictionary **dictionary,
                                         struct snapshot *snapshot,
                                         const struct catalogue_source *source, uint32_t id,
                                         struct error *error);
/* A walk has come to this node. */
MUST_USE enum status snapshot_tell_node(const struct snapshot *snapshot,
                                        const struct chunk_reference *reference,
                                        struct error *error);
/* The content of a node. Thread-safe. */
MUST_USE enum status snapshot_node(struct buffer *node, struct snapshot *snapshot,
                                   const struct catalogue_source *source,
                                   const struct chunk_reference *reference, struct error *error);

#endif
