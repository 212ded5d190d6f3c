/* gate_use: how much of every limit a carry would use, by the pseudonyms that this host keeps of
 * the earlier ones. */
#include "gate_private.h"
#include <stdlib.h>

struct earlier {
    struct limits_carry *carries;
    struct persons *sets;
    size_t count;
};

static void earlier_free(struct earlier *earlier)
{
    for (size_t i = 0; i < earlier->count; i++) {
        persons_free(&earlier->sets[i]);
    }
    free(earlier->carries);
    free(earlier->sets);
}

/* A set that cannot be read counts in full: losing it gains nothing. */
static enum status read_earlier(struct earlier *earlier, const struct gate *gate,
                                struct error *error)
{
    earlier->carries = calloc(gate->ledger.count + 1, sizeof *earlier->carries);
    earlier->sets = calloc(gate->ledger.count + 1, sizeof *earlier->sets);
    if (earlier->carries == NULL || earlier->sets == NULL) {
        return error_set_memory(error);
    }
    for (size_t i = 0; i < gate->ledger.count; i++) {
        const struct carry_record *carry = &gate->ledger.carries[i];
        CLEANUP(memory_free) char *path = NULL;
        if (gate_path(&path, gate, carry->id, "persons", error) != STATUS_OK) {
            return error->status;
        }
        bool there =
            persons_read(&earlier->sets[i], path, gate->host->key, carry->id, error) == STATUS_OK &&
            persons_count(&earlier->sets[i]) == carry->persons;
        earlier->carries[i] =
            (struct limits_carry){.record = carry, .persons = there ? &earlier->sets[i] : NULL};
        earlier->count = i + 1;
        error_clear(error);
    }
    return STATUS_OK;
}

enum status gate_use(struct carry_use *use, const struct gate *gate, const char *carry,
                     const char *bearer, const struct persons *persons, struct error *error)
{
    CLEANUP(earlier_free) struct earlier earlier = {0};
    enum status status = read_earlier(&earlier, gate, error);
    return status == STATUS_OK
               ? carry_limits_use(use, carry, bearer, persons, earlier.carries, earlier.count,
                                  &gate->policy.policy, moment_now(), error)
               : status;
}
