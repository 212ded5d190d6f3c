/* gate_request: a request on its way through the gate. */
#ifndef KURA_CARRY_GATE_REQUEST_H
#define KURA_CARRY_GATE_REQUEST_H

#include "gate_private.h"

struct asking {
    struct gate *gate;
    const struct policy_person *bearer;
    const struct policy_data_set *set;
    const struct policy_destination *destination;
    const struct policy_medium *medium;
    char *purpose; /* the policy's */
    char **parameters;
    bool documents, zip;
    struct moment return_by;
    char id[CARRY_ID_SIZE];
    char *folder; /* STATE/carry/ID */
    bool made;    /* the folder, which nothing in the log speaks of yet */
    struct staged staged;
    struct carry_use use;
    struct buffer token; /* the attestation */
};

/* Fills what the client's first message says. Refuses what the policy does not have or allow. */
MUST_USE enum status gate_take_question(struct asking *asking, const json_t *json,
                                        struct error *error);

#endif
