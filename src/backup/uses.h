/* uses: the hashes of chunks that came into, or went out of, one source's part of a snapshot. They
 * are logged while the source is read and count only when it succeeded. */
#ifndef BACKUP_USES_H
#define BACKUP_USES_H

#include "kura/repo.h"
#include <stdio.h>

struct uses {
    FILE *added;
    FILE *dropped;
};
/* The logs have no names and vanish with the process. */
MUST_USE enum status uses_open(struct uses *uses, const char *folder, struct error *error);
MUST_USE enum status uses_add(struct uses *uses, const unsigned char hash[CHUNK_HASH_SIZE],
                              struct error *error);
MUST_USE enum status uses_drop(struct uses *uses, const unsigned char hash[CHUNK_HASH_SIZE],
                               struct error *error);
MUST_USE enum status uses_apply(struct uses *uses, struct writer *writer, struct error *error);
void uses_close(struct uses *uses);

#endif
