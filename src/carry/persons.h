/* persons: who is in a carry (struct persons of keys.h), kept beside its record. */
#ifndef KURA_CARRY_PERSONS_H
#define KURA_CARRY_PERSONS_H

#include "kura/keys.h"

/* A sealed file (0600, XChaCha20-Poly1305 under a subkey, bound to the carry's id). Damaged:
 * STATUS_CORRUPT; absent: STATUS_NOT_FOUND; both count as disjoint. */
MUST_USE enum status persons_write(const char *path, const struct persons *persons,
                                   const struct host_key *host, const char *carry,
                                   struct error *error);
MUST_USE enum status persons_read(struct persons *persons, const char *path,
                                  const struct host_key *host, const char *carry,
                                  struct error *error);
#endif
