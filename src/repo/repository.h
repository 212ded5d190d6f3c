/* repository: the objects in repository/, the recovery key's word on what repository this is. */
#ifndef REPO_REPOSITORY_H
#define REPO_REPOSITORY_H

#include "repo_private.h"

/* What a repository/ object says. `check` commits to the repository secret, so that of several
 * objects in keys/ the right one is known without trusting the storage. */
struct repository_record {
    unsigned char id[REPOSITORY_ID_SIZE];
    unsigned char check[SUBKEY_SIZE];
};
void repository_secret_check(unsigned char check[SUBKEY_SIZE], const unsigned char *secret);
MUST_USE enum status repository_encode(struct buffer *object, const struct repo_creation *creation,
                                       struct error *error);
/* trusted: NULL where the signature cannot be proved. */
MUST_USE enum status repository_decode(struct repository_record *record,
                                       const struct buffer *object, const unsigned char *trusted,
                                       struct error *error);

#endif
