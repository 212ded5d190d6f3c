/* catalogue: the sealed heart of a snapshot as JSON: its sources, where their trees begin, and
 * which dictionaries their chunks need. */
#ifndef REPO_CATALOGUE_H
#define REPO_CATALOGUE_H

#include "kura/repo.h"

#define CATALOGUE_SOURCES_LIMIT 10000
#define CATALOGUE_DICTIONARIES_LIMIT 64 /* of one source */

struct catalogue {
    unsigned char repository[REPOSITORY_ID_SIZE];
    unsigned char host[SIGN_PUBLIC_SIZE];
    uint64_t sequence;
    struct moment time; /* whole seconds */
    struct catalogue_source *sources;
    size_t source_count;
};
MUST_USE enum status catalogue_encode(struct buffer *text, const struct catalogue *catalogue,
                                      struct error *error);
/* Trusts nothing. A root's entries and digest are those of the source's words. */
MUST_USE enum status catalogue_decode(struct catalogue *catalogue, const void *text, size_t size,
                                      struct error *error);
void catalogue_free(struct catalogue *catalogue);

#endif
