/* owner: the names of users and groups by number, remembered: a lookup may ask a server. */
#ifndef KURA_SOURCE_OWNER_H
#define KURA_SOURCE_OWNER_H

#include "kura/base.h"

#define OWNER_SLOTS 256

struct owner_name {
    bool looked_up;
    uint32_t number;
    char *name; /* NULL: the number has none */
};

/* {0} is an empty one. */
struct owner_names {
    struct owner_name users[OWNER_SLOTS];
    struct owner_name groups[OWNER_SLOTS];
};

/* NULL if the number has no name. Borrowed until the next call of the same function, and not to
 * be changed. */
char *owner_user(struct owner_names *names, uint32_t number);
char *owner_group(struct owner_names *names, uint32_t number);
void owner_names_free(struct owner_names *names);

#endif
