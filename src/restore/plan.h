/* plan: what is still to be done, in a temporary database that spills to disk: which chunk goes
 * where, ordered by pack, so that every byte of the store is fetched once; and the entries whose
 * turn comes later. Thread-safe. One at a time in a process.
 *
 * Names are in it, so it spills beneath the open `folder` and nowhere else: that of the target,
 * which was judged, never a folder for temporary files that may lie on anything. The folder must
 * stay open as long. */
#ifndef RESTORE_PLAN_H
#define RESTORE_PLAN_H

#include "kura/repo.h"

struct plan;
MUST_USE enum status plan_new(struct plan **plan, int folder, struct error *error);
void plan_free(struct plan *plan);

/* PLAN_FILE: one that is to be written, or that an interrupted run finished. */
enum plan_kind { PLAN_FILE, PLAN_FOLDER, PLAN_LINK };

/* Remembers an entry of a source under a new number; a path only once among a source's files. */
MUST_USE enum status plan_add_entry(uint64_t *number, struct plan *plan, enum plan_kind kind,
                                    size_t source, const struct entry *entry, struct error *error);
MUST_USE enum status plan_get_entry(size_t *source, struct entry *entry, struct plan *plan,
                                    uint64_t number, struct error *error);

/* A piece of file `number` at `offset` comes from a chunk: `bytes` of it, behind the first `skip`.
 */
struct plan_wish {
    uint64_t number;
    uint64_t offset;
    uint32_t bytes, skip;
    size_t source;
    struct chunk_reference reference;
    struct location location;
};
MUST_USE enum status plan_add_wish(struct plan *plan, const struct plan_wish *wish,
                                   struct error *error);
/* After the last plan_add_wish: the next wishes that lie in one pack, at most `limit`; *count == 0
 * at the end. */
MUST_USE enum status plan_next_wishes(struct plan_wish *wishes, size_t limit, size_t *count,
                                      struct plan *plan, struct error *error);

/* Visits the folders last to first, so that what is inside is finished before. */
typedef enum status (*plan_visit_folder)(void *context, size_t source, const struct entry *folder,
                                         struct error *error);
MUST_USE enum status plan_each_folder(struct plan *plan, plan_visit_folder visit, void *context,
                                      struct error *error);
/* Visits the hard links in order, each with the file that it names, or NULL if that is not in the
 * plan. Takes time in proportion to links and files, but for sorting them. */
typedef enum status (*plan_visit_link)(void *context, size_t source, const struct entry *link,
                                       const struct entry *first, struct error *error);
MUST_USE enum status plan_each_link(struct plan *plan, plan_visit_link visit, void *context,
                                    struct error *error);

#endif
