/* sealed: opens chunks as they lie in packs. */
#ifndef REPO_SEALED_H
#define REPO_SEALED_H

#include "object.h"

/* `plain` gets the tagged form (compressed or raw). CORRUPT unless it was sealed under this very
 * reference in this very repository. */
MUST_USE enum status sealed_open(struct buffer *plain, const struct repo *repo,
                                 const struct chunk_reference *reference, const void *sealed,
                                 size_t size, struct error *error);

#endif
