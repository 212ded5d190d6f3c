/* writer_private: a backup in progress, from inside.
 *
 *   recognise/store -> draft (sealed chunks) -> pack -> queue: memory | spool -> uploaders -> store
 *                                                                                    |
 *                                                             state: pack and chunks recorded
 *
 * One lock guards everything below it, the state included. No I/O to the store, no building of
 * packs and no writing of spool files happens under it.
 */
#ifndef REPO_WRITER_PRIVATE_H
#define REPO_WRITER_PRIVATE_H

#include "register_private.h"
#include "repo_private.h"
#include "state.h"

/* Bytes of a pack at most, a size that needs no padding. With four connections six packs are in
 * memory at most, and two drafts: larger ones would take memory. Over a long line each costs some
 * round trips, but four connections at once make up for them. */
#define PACK_TARGET ((size_t)2 * 1024 * 1024)
/* Blocks from this size on go back to the system when they are freed. */
#define LARGE_BLOCK (1024 * 1024)
#define SPARE_PACKS 2
#define PACK_CHUNKS 8192u /* at most in a pack: bounds the memory for tiny chunks */
#define SAMPLE_COUNT 16u  /* reused chunks that are fetched and opened each night */
#define INDEX_SAMPLES 2u  /* indexes that are read each night */
#define FULL_REFERENCES_EVERY 32u

/* In secret memory. */
struct writer_keys {
    unsigned char hash[SUBKEY_SIZE];
    unsigned char chunker[SUBKEY_SIZE];
    unsigned char nodes[SUBKEY_SIZE];
    unsigned char chunk_secret[SUBKEY_SIZE];
    unsigned char file[AGE_FILE_KEY_SIZE];
};

/* A chunk that was told to be new and whose pack is not recorded yet. */
struct pending_chunk {
    struct pending_chunk *next; /* in its bucket */
    struct state_chunk chunk;
    unsigned char id[CHUNK_ID_SIZE];
    size_t at; /* in the draft's arena */
};
#define PENDING_BUCKETS 16384u
struct pending {
    struct pending_chunk **buckets;
};
MUST_USE enum status pending_open(struct pending *pending, struct error *error);
void pending_close(struct pending *pending);
struct pending_chunk *pending_find(const struct pending *pending,
                                   const unsigned char hash[CHUNK_HASH_SIZE]);
/* NULL: no memory. */
struct pending_chunk *pending_add(struct pending *pending,
                                  const unsigned char hash[CHUNK_HASH_SIZE]);
void pending_remove(struct pending *pending, struct pending_chunk *chunk); /* and frees it */

/* Sealed chunks that become a pack. */
struct draft {
    unsigned char *arena;
    size_t used;
    uint32_t count;
    struct pending_chunk *members[PACK_CHUNKS];
};
struct draft *draft_new(size_t target); /* NULL: no memory */
void draft_free(struct draft *draft);   /* NULL: nothing */

/* A whole pack on its way. */
struct pack_job {
    struct pack_job *next;
    struct buffer bytes; /* empty while it is in the spool */
    struct index_pack pack;
    struct pending_chunk **members; /* in the order of pack.chunks; NULL once recorded */
    bool spooled;
    int64_t no; /* in the state, once recorded */
};
void pack_job_free(struct pack_job *job);

/* A chunk in a pack, or an index. */
struct sample {
    enum object_kind kind;
    struct state_chunk chunk;
    unsigned char object[OBJECT_ID_SIZE];
    struct error damage; /* status OK: it opened */
};

struct writer {
    struct repo *repo;
    char *folder;
    char *spool;
    int lock_file;
    struct problems problems;
    struct writer_keys *keys;
    struct age_recipient *recipients;
    size_t recipient_count;
    uint64_t spool_limit;
    size_t pack_target;

    struct state_base base;
    unsigned char (*parents)[OBJECT_ID_SIZE];
    size_t parent_count;
    uint64_t sequence; /* of this backup */
    struct erasure_register erased;
    struct erasure_ids erasures; /* for the statement */
    char *memory;                /* NULL if there is none */
    char *new_memory;
    char new_memory_name[MEMORY_NAME_SIZE];
    bool published;
    bool distrusted; /* what it began with proved wrong; the state is put right */

    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct state *state;
    bool failed;
    struct error failure;

    struct pending pending;
    uint64_t next_chunk;
    struct draft *draft;
    bool sending; /* a full draft is being made into a pack */
    /* Memory that was used and is used again: fresh pages would cost as much as sealing. */
    struct draft *spare_draft;
    struct buffer spare_packs[SPARE_PACKS];

    struct pack_job *queue;
    unsigned held;       /* packs whose bytes are in memory, in the queue or under way */
    unsigned held_limit; /* beyond it they go to the spool */
    unsigned under_way;
    uint64_t spooled; /* bytes, reserved or written */
    bool spool_broken;
    bool hurried; /* the store fell behind: what has no room in memory is spooled at once */

    struct sample samples[SAMPLE_COUNT + INDEX_SAMPLES];
    unsigned sample_count;
    unsigned samples_taken;
    unsigned samples_done;

    pthread_t *threads;
    unsigned thread_count;
    bool stopping;

    uint64_t stored;  /* bytes of packs off-site */
    uint64_t waiting; /* bytes of packs on their way */
    uint64_t written; /* bytes of other objects */
};

/* With the lock held: remembers the first failure, which every later call returns. */
enum status writer_fail(struct writer *writer, const struct error *error);
/* With the lock held: the failure, if there was one. */
MUST_USE enum status writer_check(const struct writer *writer, struct error *error);

/* writer_chunk.c */
void writer_keeper(struct writer *writer, struct pipeline_keeper *keeper);

/* writer_pack.c */
/* Without the lock: the memory of a pack, empty, for the next one. */
void writer_spare_pack(struct writer *writer, struct buffer *bytes);
/* Without the lock: makes a pack of the draft, which it takes, and queues it. */
MUST_USE enum status writer_send(struct writer *writer, struct draft *draft, struct error *error);
/* Sends the open draft and waits until nothing is on its way and all samples are judged. */
MUST_USE enum status writer_flush(struct writer *writer, struct error *error);

/* writer_spool.c */
MUST_USE enum status spool_write(const struct writer *writer, const struct pack_job *job,
                                 struct error *error);
/* Verified against the pack's id: CORRUPT if it is not what was written. */
MUST_USE enum status spool_read(const struct writer *writer, struct pack_job *job,
                                struct error *error);
void spool_remove(const struct writer *writer, const unsigned char id[OBJECT_ID_SIZE]);
/* Queues what an interrupted run left, and clears away what cannot be used. */
MUST_USE enum status spool_recover(struct writer *writer, struct error *error);

/* writer_upload.c */
MUST_USE enum status uploaders_start(struct writer *writer, struct error *error);
void uploaders_stop(struct writer *writer);

/* writer_sample.c */
MUST_USE enum status samples_draw(struct writer *writer, struct error *error);
/* CORRUPT or NOT_FOUND speak of the sample's object. */
MUST_USE enum status sample_try(const struct sample *sample, struct writer *writer,
                                struct store *store, struct error *error);
/* Once all are taken: what did not open is told and forgotten, and the backup is not published. */
MUST_USE enum status samples_judge(struct writer *writer, struct error *error);
/* Fetches a chunk as it lies in a pack and opens it; `plain` gets the tagged form. CORRUPT or
 * NOT_FOUND speak of the pack. */
MUST_USE enum status sealed_fetch(struct buffer *plain, struct repo *repo, struct store *store,
                                  const unsigned char pack[OBJECT_ID_SIZE],
                                  const struct state_chunk *chunk, struct error *error);

/* writer_trust.c */
/* Holds the state against the repository: what is not there any more is forgotten. Fills parents,
 * sequence and base. */
MUST_USE enum status trust_check(struct writer *writer, struct error *error);
/* writer_reindex.c: what packs of lost indexes say of themselves is ready for the next index. */
MUST_USE enum status reindex_packs(struct writer *writer, struct error *error);
/* Without a base, nothing says that what the map knows is still there: every index is read, and
 * every pack looked for. */
MUST_USE enum status trust_indexes(struct writer *writer, struct error *error);
MUST_USE enum status trust_packs(struct writer *writer, struct error *error);

/* writer_copies.c */
/* Stores again which of the recovery key's words the storage has lost, and keeps those it has. */
MUST_USE enum status copies_settle(struct writer *writer, struct error *error);

/* writer_recipients.c */
/* Seals the repository's secret to all recipients, if some joined since it was last done, or if the
 * storage has lost what was sealed then. */
MUST_USE enum status recipients_cover(struct writer *writer, struct error *error);

/* expectation.c */
/* Notes in the state folder what was published last. */
MUST_USE enum status expectation_write(const char *folder, const struct repo *repo,
                                       const struct statement *statement, struct error *error);

/* writer_memory.c */
MUST_USE enum status memory_open(struct writer *writer, struct error *error);
/* Removes every memory folder except the one named. */
MUST_USE enum status memory_sweep(const struct writer *writer, const char *keep,
                                  struct error *error);

/* publish_*.c */
MUST_USE enum status publish_indexes(struct writer *writer, struct store *store,
                                     struct error *error);
MUST_USE enum status publish_references(struct writer *writer, struct store *store,
                                        struct statement *statement, bool *full,
                                        struct error *error);
MUST_USE enum status publish_snapshot(struct writer *writer, struct store *store,
                                      struct statement *statement,
                                      const struct publication *publication, struct error *error);

#endif
