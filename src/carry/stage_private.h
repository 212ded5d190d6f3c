/* stage, private: a data set on its way into the artefact. */
#ifndef KURA_CARRY_STAGE_PRIVATE_H
#define KURA_CARRY_STAGE_PRIVATE_H

#include "container.h"
#include "data_set.h"
#include <sodium.h>

/* Where the sealed bytes go. */
struct artefact {
    int fd;
    char *partial, *path;
    crypto_generichash_state hash;
    uint64_t size;
};

struct staging {
    const struct stage_options *options;
    struct staged *staged;
    struct artefact artefact;
    struct age_writer *age; /* NULL for a zip */
    struct container *container;
    struct buffer listing; /* documents.csv */
    unsigned char piece[65536];
    const char *folder;   /* of documents, now */
    struct error problem; /* the first thing that could not be read */
};

MUST_USE enum status stage_add_text(struct staging *staging, const char *name,
                                    const struct buffer *text, struct error *error);
/* What is beneath the folders of the set, and documents.csv. */
MUST_USE enum status stage_add_documents(struct staging *staging, const struct data_set *set,
                                         struct error *error);

#endif
