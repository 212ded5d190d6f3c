/* carry_state: what is asked of the ledger: where a carry stands, whether it counts, whether an
 * approval was used. */
#include "kura/carry.h"
#include <string.h>

const struct carry_record *carry_find(const struct carry_ledger *ledger, const char *id)
{
    for (size_t i = 0; i < ledger->count && id != NULL; i++) {
        if (strcmp(ledger->carries[i].id, id) == 0) {
            return &ledger->carries[i];
        }
    }
    return NULL;
}

bool carry_is_spent(const struct carry_ledger *ledger, const char *jti)
{
    for (size_t i = 0; i < ledger->spent_count; i++) {
        if (strcmp(ledger->spent[i], jti) == 0) {
            return true;
        }
    }
    return false;
}

const struct carry_medium_state *carry_find_medium(const struct carry_ledger *ledger,
                                                   const char *id)
{
    for (size_t i = 0; i < ledger->medium_count && id != NULL; i++) {
        if (strcmp(ledger->media[i].id, id) == 0) {
            return &ledger->media[i];
        }
    }
    return NULL;
}

/* ------------------------------------------------------------------ states */

bool carry_is_out(const struct carry_record *carry)
{
    switch (carry->state) {
    case CARRY_RESERVED:
    case CARRY_WRITTEN:
    case CARRY_OUT:
    case CARRY_INTERRUPTED:
    case CARRY_RETURNED: /* back, and not erased yet */
    case CARRY_LOST:
    case CARRY_FOUND:
        return true;
    default:
        return false;
    }
}

bool carry_is_overdue(const struct carry_record *carry, const struct policy *policy,
                      struct moment now)
{
    struct moment end = carry->due;
    end.seconds += (int64_t)policy->approval.overdue_grace_days * 86400;
    return carry_is_out(carry) && carry->state != CARRY_RETURNED && moment_compare(now, end) > 0;
}

static const struct {
    const char *name, *word;
} states[] = {
    [CARRY_REQUESTED] = {"requested", N_("requested")},
    [CARRY_APPROVED] = {"approved", N_("approved")},
    [CARRY_DENIED] = {"denied", N_("denied")},
    [CARRY_REVOKED] = {"revoked", N_("revoked")},
    [CARRY_RESERVED] = {"reserved", N_("export begun")},
    [CARRY_WRITTEN] = {"written", N_("written, not confirmed")},
    [CARRY_OUT] = {"out", N_("out")},
    [CARRY_INTERRUPTED] = {"interrupted", N_("interrupted")},
    [CARRY_RETURNED] = {"returned", N_("back, not erased")},
    [CARRY_ERASED] = {"erased", N_("erased")},
    [CARRY_LOST] = {"lost", N_("lost")},
    [CARRY_FOUND] = {"found", N_("found again")},
};

const char *carry_state_name(enum carry_state state)
{
    return states[state].name;
}

const char *carry_state_word(enum carry_state state)
{
    return _(states[state].word);
}
