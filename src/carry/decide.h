/* decide: whether an export may go on. Pure: facts in, the first broken rule out. The order is
 * fixed and explained in README.md, with the attack that each rule stops. */
#ifndef KURA_CARRY_DECIDE_H
#define KURA_CARRY_DECIDE_H

#include "kura/carry.h"
#include "limits.h"

/* What the gate found out, for the rules 2 to 15. Borrowed. */
struct carry_facts {
    struct moment now;
    const struct policy
        *policy;               /* in force: signature, version and digest were checked in opening */
    const unsigned char *host; /* this host's public key */
    const struct audit *log;   /* whole: verified in opening */
    const struct carry_ledger *ledger;
    bool has_anchor;
    struct audit_head anchor; /* newest off-site */
    struct moment anchor_time;
    const struct carry_approval *approvals; /* opened: signature, claims, host and policy hold */
    size_t approval_count;
    const struct carry_attestation *attestation; /* this host's own record of the carry */
    unsigned char request[DIGEST_SIZE];          /* of the request as it was recorded */
    const char *caller; /* person id by peer credentials, or NULL: root or service account */
    const struct carry_receipt *receipt; /* NULL: not asked for yet, rule 7 without it */
    const unsigned char *challenge;
    bool artefact_there;
    unsigned char artefact[DIGEST_SIZE]; /* of the staged file as it is now */
    uint64_t persons;                    /* recounted from the host's own sealed set */
    struct carry_use use;
    const struct place *place;                        /* of the medium's folder */
    char medium_fingerprint[MEDIUM_FINGERPRINT_SIZE]; /* empty: could not be had */
    char label[33];                                   /* on the medium, verified; else empty */
    uint64_t space_free;
    bool foreign_files; /* the folder holds something that no carry of ours put there */
};
/* STATUS_OK, or STATUS_REFUSED with the rule. */
MUST_USE enum status carry_decide(const struct carry_facts *facts, struct error *error);

#endif
