/* catalogue: the sealed heart of a snapshot as JSON: its sources, where their trees begin, and
 * which dictionaries their chunks need. */
#ifndef REPO_CATALOGUE_H
#define REPO_CATALOGUE_H

#include "kura/repo.h"
#include <jansson.h>

#define CATALOGUE_SOURCES_LIMIT 10000
#define CATALOGUE_DICTIONARIES_LIMIT 64 /* of one source */
#define CATALOGUE_KINDS_LIMIT 1000      /* definitions of persons, of one source */

struct catalogue {
    unsigned char repository[REPOSITORY_ID_SIZE];
    unsigned char host[SIGN_PUBLIC_SIZE];
    uint64_t sequence;
    struct moment time; /* whole seconds */
    int64_t persons;    /* as in the statement */
    struct catalogue_source *sources;
    size_t source_count;
};
MUST_USE enum status catalogue_encode(struct buffer *text, const struct catalogue *catalogue,
                                      struct error *error);
/* Trusts nothing. A root's entries and digest are those of the source's words. */
MUST_USE enum status catalogue_decode(struct catalogue *catalogue, const void *text, size_t size,
                                      struct error *error);
void catalogue_free(struct catalogue *catalogue);

/* Who was counted, as JSON; null where nobody was. */
json_t *census_to_json(const struct catalogue_source *source);
/* Fills the census of a source whose words are known; they must agree. False: malformed. */
MUST_USE bool census_from_json(struct catalogue_source *source, const json_t *json);

#endif
