/* erase_trail: where triggers wrote while rules ran. A trigger that logs what is changed writes
 * down just what is erased; it may also be what takes the person's details away, so triggers are
 * not kept from running, but what they inserted, and no later rule removed from, is told. */
#ifndef RESTORE_ERASE_TRAIL_H
#define RESTORE_ERASE_TRAIL_H

#include "kura/restore.h"

struct trail_table {
    char *name;
    uint64_t inserted, deleted;               /* rows since the rules began */
    uint64_t inserted_before, deleted_before; /* up to the last statement */
    bool suspicious;
};
/* {0} to begin with. */
struct trail {
    struct trail_table *tables;
    size_t count;
};
void trail_free(struct trail *trail);
/* The table of this name, made if it is not known; NULL: out of memory. Valid until the next call.
 */
struct trail_table *trail_find(struct trail *trail, const char *name);
/* After each statement of a rule: who inserted without being told to by its text is suspected,
 * until a statement deletes from the same table. */
void trail_settle(struct trail *trail, const char *sql);
/* Adds what is still suspected. */
void trail_tell(const struct trail *trail, struct restore_erased *erased);

#endif
