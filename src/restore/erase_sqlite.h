/* erase_sqlite: the rules of the register, applied to the image of an SQLite database before
 * anybody sees it. What is erased is gone from tables, indexes and free pages. */
#ifndef RESTORE_ERASE_SQLITE_H
#define RESTORE_ERASE_SQLITE_H

#include "kura/restore.h"

struct erase_rules {
    const struct erasure_register *erasures;
    const struct statement_source *words;   /* what the backup said of the database */
    const volatile sig_atomic_t *cancelled; /* may be NULL */
};

/* An image in the making. Empty is {.fd = -1}. */
struct erase_image {
    int fd;   /* reads and writes it */
    void *db; /* the same file, open as a database */
};
/* Opens the file, which must be there. Until erase_image_run nothing of it is read, so it may still
 * be empty, and its name may go. */
MUST_USE enum status erase_image_open(struct erase_image *image, int folder, const char *name,
                                      struct error *error);
/* Counts the rows and holds them against what the backup said, runs every rule in one transaction,
 * rewrites the file so that nothing of the erased is left in it, counts again, and brings it to
 * stable storage. Closes the database; the descriptor stays. After a failure the image is of no
 * use. STATUS_CORRUPT: it is not what was backed up; STATUS_FAILED: a rule does not fit it. */
MUST_USE enum status erase_image_run(struct restore_erased *erased, struct erase_image *image,
                                     const struct erase_rules *rules, struct error *error);
void erase_image_close(struct erase_image *image);

#endif
