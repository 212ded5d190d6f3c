/* check: what its parts share. Which chunks and packs there are, and who needs them, is kept in a
 * temporary database, so that memory stays bounded whatever the size of the repository. */
#ifndef REPO_CHECK_H
#define REPO_CHECK_H

#include "repo_private.h"
#include "sql.h"

struct check {
    struct repo *repo;
    const struct check_options *options;
    struct snapshot_list list;
    pthread_mutex_t lock; /* of all below, while several threads work */
    struct check_report *report;
    sqlite3 *sets;
    sqlite3_stmt *add_pack;
    sqlite3_stmt *find_pack;
    sqlite3_stmt *add_chunk;
    sqlite3_stmt *need_chunk;
    sqlite3_stmt *see_pack;
    sqlite3_stmt *claim_pack;
    uint64_t done; /* bytes, of this part of the work */
    uint64_t total;
};

/* ---- check_sets.c; the caller holds the lock ---- */

MUST_USE enum status check_sets_open(struct check *check, struct error *error);
void check_sets_close(struct check *check);
/* BLAKE2b-256 of the pack's size and the directory's entries by offset: what index and pack must
 * agree on. Sorts them. */
void check_directory_digest(unsigned char digest[OBJECT_ID_SIZE], const struct index_pack *pack);
/* What the index `origin` says; zeros: the pack itself. */
MUST_USE enum status check_add_pack(struct check *check, const unsigned char origin[OBJECT_ID_SIZE],
                                    const struct index_pack *pack, struct error *error);
/* *known: an index names the pack. */
MUST_USE enum status check_has_pack(struct check *check, const unsigned char id[OBJECT_ID_SIZE],
                                    bool *known, struct error *error);
/* The snapshot (position in the list) needs the chunk; *located: an index knows it. */
MUST_USE enum status check_need_chunk(struct check *check, const unsigned char id[CHUNK_ID_SIZE],
                                      size_t snapshot, bool *located, struct error *error);
/* A listing shows a pack; *known: an index names it. */
MUST_USE enum status check_see_pack(struct check *check, const unsigned char id[OBJECT_ID_SIZE],
                                    uint64_t size, bool *known, struct error *error);
/* *due: the pack is there and was not read whole yet; from now on it counts as read. */
MUST_USE enum status check_claim_pack(struct check *check, const unsigned char id[OBJECT_ID_SIZE],
                                      bool *due, struct error *error);
/* Tells a damaged pack as a problem, once, with the oldest snapshot that needs something in it. */
MUST_USE enum status check_tell_pack(struct check *check, const unsigned char id[OBJECT_ID_SIZE],
                                     const struct error *damage, struct error *error);
/* The first column of the first row as a number; 0 if there is none. */
MUST_USE enum status check_number(uint64_t *number, struct check *check, const char *query,
                                  struct error *error);

/* ---- check_lies.c: indexes that say what is not so; the caller holds the lock ---- */

/* What the pack `number` is said to be, when another index has said otherwise of it. */
MUST_USE enum status check_contradiction(struct check *check, int64_t number,
                                         const unsigned char origin[OBJECT_ID_SIZE], uint64_t size,
                                         const unsigned char digest[OBJECT_ID_SIZE],
                                         struct error *error);
/* The pack was read whole, and this is what its own directory says: tells the indexes that say
 * otherwise. */
MUST_USE enum status check_settle(struct check *check, const unsigned char id[OBJECT_ID_SIZE],
                                  const unsigned char digest[OBJECT_ID_SIZE], struct error *error);
/* A chunk does not open at the place that an index names for it, and another one has it. If the
 * pack is whole and its indexes agree with it, pack and index were made up together: tells them. */
MUST_USE enum status check_empty_place(struct check *check, const unsigned char id[OBJECT_ID_SIZE],
                                       struct error *error);
/* Tells the contradictions that no pack has settled. */
MUST_USE enum status check_tell_contradictions(struct check *check, struct error *error);

void check_tell(struct check *check, enum object_kind kind, const unsigned char id[OBJECT_ID_SIZE],
                const struct error *problem);
void check_progress(struct check *check, uint64_t bytes);

/* ---- the parts ---- */

MUST_USE enum status check_keys(struct check *check, struct error *error);
/* The lists of persons of one opened snapshot. */
MUST_USE enum status check_persons(struct check *check, struct snapshot *snapshot,
                                   const struct statement *statement, struct error *error);
MUST_USE enum status check_structure(struct check *check, struct error *error);
MUST_USE enum status check_snapshots(struct check *check, struct error *error);
MUST_USE enum status check_pack_listing(struct check *check, struct error *error);
/* Reads the packs that are asked for and were not read yet. */
MUST_USE enum status check_data(struct check *check, struct error *error);
/* Without the lock: reads a claimed pack whole into `bytes`, which stay empty if it is damaged;
 * that is told then. */
MUST_USE enum status check_whole_pack(struct buffer *bytes, struct check *check,
                                      struct store *store, const unsigned char id[OBJECT_ID_SIZE],
                                      struct error *error);
MUST_USE enum status check_chunks(struct check *check, struct error *error);

#endif
