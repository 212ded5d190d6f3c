/* limits: how much a carry would use of every limit. Pure. */
#ifndef KURA_CARRY_LIMITS_H
#define KURA_CARRY_LIMITS_H

#include "kura/carry.h"
#include "persons.h"

/* One earlier carry that still counts, with its persons; NULL: cannot be read, counts as disjoint
 * with record->persons. */
struct limits_carry {
    const struct carry_record *record;
    const struct persons *persons;
};
/* The union of the new carry's persons with those that are out (of the bearer, of the shop) and
 * with those taken out in the last rolling_days, each person once. A carry with the same id as
 * `self` is left out. */
MUST_USE enum status carry_limits_use(struct carry_use *use, const char *self, const char *bearer,
                                      const struct persons *persons,
                                      const struct limits_carry *earlier, size_t count,
                                      const struct policy *policy, struct moment now,
                                      struct error *error);
/* Refuses with the numbers: [persons], [documents], [ceiling], [quota-bearer], [quota-shop],
 * [rolling-bearer], [rolling-shop]. */
MUST_USE enum status carry_limits_check(const struct carry_use *use, uint64_t persons,
                                        uint64_t documents, const struct policy *policy,
                                        struct error *error);

#endif
