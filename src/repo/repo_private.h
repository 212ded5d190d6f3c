/* repo_private: the opened repository from inside, and the room's small tools. */
#ifndef REPO_PRIVATE_H
#define REPO_PRIVATE_H

#include "object.h"
#include <pthread.h>

#define FORMAT_VERSION 1
#define CONNECTIONS_LIMIT 64
#define RANDOM_NAME_DIGITS 32
/* A hostile store may list any number of names: beyond these the listing is refused. */
#define OBJECT_COUNT_LIMIT 1000000
#define SMALL_COUNT_LIMIT 10000                /* in repository/, hosts/, keys/ */
#define REGISTER_COUNT_LIMIT 200000            /* in register/ */
#define SMALL_OBJECT_LIMIT (size_t)(64 * 1024) /* bytes of one of them */
/* A chunk's sealed length: a tag byte and 1 byte to CHUNK_MAXIMUM of content. */
#define SEALED_CHUNK_MINIMUM (SEAL_OVERHEAD + 2u)
#define SEALED_CHUNK_MAXIMUM (SEAL_OVERHEAD + 1u + CHUNK_MAXIMUM)

struct repo {
    struct repo_access access;
    unsigned char id[REPOSITORY_ID_SIZE];
    unsigned char *secret; /* REPOSITORY_SECRET_SIZE, secret memory */
    bool proved;           /* there is a root of trust */
    unsigned char trusted[SIGN_PUBLIC_SIZE];
    struct host_record *hosts; /* all signed by the root of trust */
    size_t host_count;
    struct word { /* a good object of repository/ or hosts/, as it is there */
        char name[OBJECT_NAME_SIZE];
        struct buffer bytes;
    } * words;
    size_t word_count;
    char anchor[OBJECT_NAME_SIZE]; /* an object that was there; "": none is known */
    struct problems problems;      /* found while opening */

    pthread_mutex_t lock; /* of all below */
    pthread_cond_t given;
    struct store *idle[CONNECTIONS_LIMIT];
    unsigned idle_count;
    unsigned open_count; /* idle or taken */
    unsigned allowed;    /* what the server lets us have of the limit */
    unsigned limit;      /* never changes */
    bool distant;        /* a round trip takes long; never changes */
};

/* UNREACHABLE if what was there is gone: the disk that the repository is on was unmounted, and
 * whatever is stored now would be hidden below its place. */
MUST_USE enum status repo_is_still_there(const struct repo *repo, struct store *store,
                                         struct error *error);
/* Adds what a hosts/ object says, if the root of trust signed it. */
MUST_USE enum status repo_take_host(struct repo *repo, const struct buffer *object,
                                    struct error *error);
/* A repo without id, secret and hosts: the connections alone. The first is opened at once. */
MUST_USE enum status repo_pool_open(struct repo **repo, const struct repo_access *access,
                                    struct error *error);
void repo_free_pointer(struct repo **repo); /* for CLEANUP */

/* Calls `work` on so many threads, with signals blocked, and waits for all. The first failure is
 * returned; it is for the work itself to stop the others. */
typedef enum status (*thread_work)(void *context, struct error *error);
MUST_USE enum status threads_run(size_t count, thread_work work, void *context,
                                 struct error *error);
/* Does the job for 0..count-1 on as many threads as there are connections, in no certain order.
 * The first failure stops all and is returned. The jobs lock what they share. The caller must hold
 * no connection. */
typedef enum status (*parallel_job)(void *context, struct store *store, size_t number,
                                    struct error *error);
MUST_USE enum status repo_parallel(struct repo *repo, size_t count, parallel_job job, void *context,
                                   struct error *error);

/* What is wrong with a folder as a whole outweighs what is wrong with a thousandth object in it. */
void problems_add_folder(struct problems *problems, const char *folder, const struct error *error);
void problems_sort(struct problems *problems); /* by object, then message */

/* Names of objects with random names, or ids of the others, collected from a listing. */
struct id_list {
    unsigned char (*ids)[OBJECT_ID_SIZE];
    size_t count;
    size_t capacity;
};
void id_list_free(struct id_list *list);
MUST_USE enum status id_list_add(struct id_list *list, const unsigned char id[OBJECT_ID_SIZE],
                                 struct error *error);
void id_list_sort(struct id_list *list); /* and removes what is there twice */
MUST_USE bool id_list_has(const struct id_list *list, const unsigned char id[OBJECT_ID_SIZE]);
/* The ids of a kind, sorted, each once. */
MUST_USE enum status object_list_ids(struct id_list *list, struct repo *repo,
                                     struct problems *problems, enum object_kind kind,
                                     struct error *error);
struct name_list {
    char (*names)[OBJECT_NAME_SIZE];
    size_t count;
    size_t capacity;
};
void name_list_free(struct name_list *list);
MUST_USE enum status object_list_names(struct name_list *list, struct repo *repo,
                                       struct store *store, struct problems *problems,
                                       enum object_kind kind, struct error *error);

/* The id in an object's name, which must be one of the kind's names. False: no such name. */
MUST_USE bool object_name_parse(unsigned char id[OBJECT_ID_SIZE], enum object_kind kind,
                                const char *name);
size_t object_limit(enum object_kind kind);
/* Its objects have random names: their content says what they are. */
bool object_is_nameless(enum object_kind kind);
/* Files that never became objects: of uploads on their way, or of killed runs. */
struct unfinished {
    uint64_t files;
    uint64_t bytes;
};
/* One folder of a kind: "index", or one of the 256 of the packs (shard 0..255, else 0).
 * unfinished: adds what lies there; NULL: nobody counts. */
MUST_USE enum status object_list_folder(struct store *store, enum object_kind kind, unsigned shard,
                                        struct problems *problems, struct unfinished *unfinished,
                                        object_visit visit, void *context, struct error *error);
unsigned object_folder_count(enum object_kind kind);
/* The object of one name: CORRUPT unless its bytes have the id. */
MUST_USE enum status object_read_verified(struct buffer *bytes, struct store *store,
                                          enum object_kind kind,
                                          const unsigned char id[OBJECT_ID_SIZE], const char *name,
                                          struct error *error);
MUST_USE enum status object_read_limited(struct buffer *bytes, struct store *store,
                                         const char *name, size_t limit, struct error *error);

/* "kura/1 index\n" | repository id: what a sealed object or directory is bound to. */
#define SEAL_CONTEXT_LIMIT 64
size_t seal_context(unsigned char context[SEAL_CONTEXT_LIMIT], const struct repo *repo,
                    enum object_kind kind);
/* The seal subkey of a kind, in secret memory. */
unsigned char *seal_key(const struct repo *repo, enum object_kind kind);

/* Lists all packs, and reads the directories of those that are not known; `visit` comes for each
 * that has one. Its id is the name's, not verified. No two of the calls come at once. */
struct pack_search {
    enum status (*is_known)(void *context, const unsigned char id[OBJECT_ID_SIZE], bool *known,
                            struct error *error);
    index_visit visit;
    void *context;
};
MUST_USE enum status pack_search(struct repo *repo, const struct pack_search *search,
                                 struct error *error);

/* Reads, verifies and unseals the named index objects; `visit` comes one at a time. */
typedef enum status (*index_content_visit)(void *context, const unsigned char id[OBJECT_ID_SIZE],
                                           const struct buffer *content, struct error *error);
struct index_reading {
    const struct id_list *ids;
    struct problems *problems; /* may be NULL */
    bool only_whole;           /* bytes that do not verify by their name are no problem */
    index_content_visit visit;
    void *context;
};
MUST_USE enum status index_read_each(struct repo *repo, const struct index_reading *wanted,
                                     struct error *error);

#endif
