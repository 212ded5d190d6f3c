/* shared: small things that several files of the room need. */
#ifndef KURA_CARRY_SHARED_H
#define KURA_CARRY_SHARED_H

#include "kura/carry.h"

/* STATUS_REFUSED: "[rule] words". */
enum status carry_refuse(struct error *error, const char *rule, const char *words);

/* Lists of texts, NULL-terminated. NULL is an empty one. */
void carry_texts_free(char **texts);
/* As JSON; NULL if one is not valid UTF-8. */
json_t *carry_texts_json(char *const *texts);

/* Rules that are asked at the request or the approval, and again at the export. */
MUST_USE enum status carry_check_fields(char *const *fields, const struct policy *policy,
                                        struct error *error);
MUST_USE enum status carry_check_clock(const struct carry_ledger *ledger,
                                       const struct policy *policy, struct moment now,
                                       struct error *error);

#endif
