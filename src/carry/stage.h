/* stage: a data set, counted and sealed into the staging folder. What is approved later is exactly
 * these bytes. */
#ifndef KURA_CARRY_STAGE_H
#define KURA_CARRY_STAGE_H

#include "kura/carry.h"
#include "persons.h"

struct stage_options {
    const struct config *config;
    const struct host_key *host;
    const struct policy *policy;
    const struct policy_data_set *set;
    const struct policy_destination *destination;
    const char *const *parameters; /* "name=value", NULL-terminated */
    bool documents;
    bool zip;
    const char *carry;  /* the id; also neutral names inside */
    const char *folder; /* exists, 0700; `artefact` is made in it */
};
struct staged {
    unsigned char digest[DIGEST_SIZE];
    uint64_t size, rows, documents;
    struct persons persons;  /* settled */
    char **fields;           /* "column:class", NULL-terminated */
    char **recipients;       /* the destination's and every data manager's, NULL-terminated */
    char *sealed_passphrase; /* armored age, or NULL */
};
/* Refuses: [sensitive] a column classed sensitive; [unclassed] one without a class; [rows] more
 * than max_rows; [parameters] one that lacks, is unknown or of another type. Nothing is left in the
 * folder after a failure. No plaintext reaches a file. */
MUST_USE enum status carry_stage(struct staged *staged, const struct stage_options *options,
                                 struct error *error);
void staged_free(struct staged *staged);

#endif
