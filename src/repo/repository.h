/* repository: the objects in repository/, the recovery key's word on what repository this is. */
#ifndef REPO_REPOSITORY_H
#define REPO_REPOSITORY_H

#include "repo_private.h"

/* What a repository/ object says. `check` commits to the repository secret, so that of several
 * objects in keys/ the right one is known without trusting the storage. */
struct repository_record {
    unsigned char id[REPOSITORY_ID_SIZE];
    unsigned char check[SUBKEY_SIZE];
};
void repository_secret_check(unsigned char check[SUBKEY_SIZE], const unsigned char *secret);
MUST_USE enum status repository_encode(struct buffer *object, const struct repo_creation *creation,
                                       struct error *error);
/* trusted: NULL where the signature cannot be proved. */
MUST_USE enum status repository_decode(struct repository_record *record,
                                       const struct buffer *object, const unsigned char *trusted,
                                       struct error *error);

/* ---- repo_small.c ---- */

/* One object with a random name: what it says is noted, or why it is set aside. */
typedef enum status (*small_read)(void *context, const struct buffer *object, struct error *error);

struct small_objects {
    struct repo *repo;
    struct name_list names;
    small_read read;
    void *context;
    pthread_mutex_t lock; /* of the context, the problems and what follows */
    size_t good;
    struct error first; /* why the first one was set aside */
    bool newer;         /* one is of a newer format */
    bool words;         /* they are the recovery key's, and kept */
};
/* Calls `read` for each object of the kind, one at a time. What is set aside is also the repo's
 * problem. The caller frees objects->names. */
MUST_USE enum status small_objects_read(struct small_objects *objects, enum object_kind kind,
                                        struct error *error);

/* ---- repo_identify.c ---- */

struct identification {
    struct repo *repo;
    const unsigned char *expected; /* or NULL */
    struct repository_record record;
    unsigned char (*checks)[SUBKEY_SIZE]; /* of all good objects */
    size_t count;
    bool lost;           /* none is good, and it is the expected one if a statement opens */
    struct error reason; /* why the first one is not good; status OK: there is none */
};
void identification_free(struct identification *found);
/* Fills repo->id. NOT_FOUND: no repository is there. */
MUST_USE enum status identify(struct identification *found, struct error *error);
bool is_the_secret(const struct identification *found, const unsigned char *secret);
/* Nothing there is of the expected repository. */
MUST_USE enum status identify_nothing(const struct identification *found, struct error *error);

/* ---- repo_witness.c ---- */

struct candidates {
    unsigned char *secrets; /* secret memory, REPOSITORY_SECRET_SIZE each */
    size_t count;
    size_t capacity;
};
void candidates_free(struct candidates *candidates);
MUST_USE enum status candidates_add(struct candidates *candidates, const unsigned char *secret,
                                    struct error *error);
/* Looks for one that opens a statement, and makes it the repository's. */
MUST_USE enum status witness_secret(bool *found, struct repo *repo,
                                    const struct candidates *candidates, struct error *error);

#endif
