/* gate_write: the sealed bytes onto the medium, and back from it for comparison. */
#ifndef KURA_CARRY_GATE_WRITE_H
#define KURA_CARRY_GATE_WRITE_H

#include "gate_private.h"

/* BLAKE2b-256 of a file. Absent: STATUS_NOT_FOUND. */
MUST_USE enum status gate_digest(unsigned char digest[DIGEST_SIZE], const char *path,
                                 struct error *error);
/* Copies the staged artefact into the empty file, fsync, drops the page cache, reads it back and
 * compares: with the digest on the way out, too, so that a file swapped meanwhile is noticed. */
MUST_USE enum status gate_write(int target, const char *artefact,
                                const unsigned char digest[DIGEST_SIZE], struct error *error);
/* That the descriptor is a new, empty, writable file on the folder's own mount. */
MUST_USE enum status gate_check_target(int target, const struct gate_folder *folder,
                                       const struct gate *gate, struct error *error);

#endif
