/* sqlite_identity: the calling thread touches files as the owner of a database. */
#ifndef SOURCE_SQLITE_IDENTITY_H
#define SOURCE_SQLITE_IDENTITY_H

#include "kura/base.h"
#include <sys/stat.h>

/* {0} is the thread's own identity. */
struct sqlite_identity {
    bool assumed;
    bool grouped;  /* the groups were changed, too */
    gid_t *groups; /* the thread's own */
    int group_count;
};

/* From here on the calling thread, and no other, opens, makes and removes files as the owner of the
 * file that `facts` describes. Nothing changes for the owner itself. Whoever is neither that owner
 * nor root: STATUS_DENIED. `path` is for messages. */
MUST_USE enum status sqlite_identity_assume(struct sqlite_identity *identity,
                                            const struct stat *facts, const char *path,
                                            struct error *error);
/* Back to the thread's own; silent if none was assumed. For CLEANUP. */
void sqlite_identity_restore(struct sqlite_identity *identity);

#endif
