/* papers: what is written for people. Texts in UTF-8; whoever calls writes them to files. */
#ifndef KURA_CARRY_PAPERS_H
#define KURA_CARRY_PAPERS_H

#include "kura/carry.h"

/* Lies beside the container, Japanese and English, for whoever finds the medium: what to do, the
 * contact of the policy, the carry's id. No personal data, nothing about the contents. */
MUST_USE enum status paper_notice(struct buffer *text, const struct policy *policy,
                                  const char *carry, struct error *error);
/* The incident report for a lost medium, in Japanese: the facts that the authority's form asks
 * (Act on the Protection of Personal Information art. 26, Rule 8), unknown ones 調査中; deadlines
 * computed; whether to report is left to the manager. Says how it was encrypted and where the keys
 * are. The policy may be zeroed: a loss is reported also where none can be read. */
MUST_USE enum status paper_incident(struct buffer *text, const struct policy *policy,
                                    const struct carry_record *carry, struct moment learned,
                                    const char *note, struct error *error);
enum paper_erasure {
    ERASURE_OVERWRITTEN,
    ERASURE_NOT_FOUND, /* the medium was at hand, and no container on it */
    ERASURE_DESTROYED, /* the medium, as the note says */
};
/* The erasure certificate for a returned medium, in Japanese: what was erased, how, by whom
 * confirmed; that overwriting flash proves nothing and the sealing does. The note is the
 * confirmer's, or NULL. */
MUST_USE enum status paper_certificate(struct buffer *text, const struct policy *policy,
                                       const struct carry_record *carry, enum paper_erasure how,
                                       const char *note, struct error *error);

#endif
