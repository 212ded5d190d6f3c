/* persons: who is in a carry, as pseudonyms (person_pseudonym of keys.h). */
#ifndef KURA_CARRY_PERSONS_H
#define KURA_CARRY_PERSONS_H

#include "kura/keys.h"

struct persons {
    unsigned char (*ids)[PERSON_SIZE]; /* sorted and distinct after persons_settle */
    size_t count, capacity;
    uint64_t unlinked; /* rows that are tied to nobody: one person each */
};
void persons_free(struct persons *persons);
MUST_USE enum status persons_add(struct persons *persons, const struct host_key *host,
                                 const char *domain, const void *value, size_t size,
                                 struct error *error);
void persons_settle(struct persons *persons);          /* sorts, drops duplicates */
uint64_t persons_count(const struct persons *persons); /* distinct ones, unlinked added */

/* A sealed file (0600, XChaCha20-Poly1305 under a subkey, bound to the carry's id). Damaged:
 * STATUS_CORRUPT; absent: STATUS_NOT_FOUND; both count as disjoint. */
MUST_USE enum status persons_write(const char *path, const struct persons *persons,
                                   const struct host_key *host, const char *carry,
                                   struct error *error);
MUST_USE enum status persons_read(struct persons *persons, const char *path,
                                  const struct host_key *host, const char *carry,
                                  struct error *error);
/* Adds the set to a union, and settles that. */
MUST_USE enum status persons_unite(struct persons *all, const struct persons *more,
                                   struct error *error);

#endif
