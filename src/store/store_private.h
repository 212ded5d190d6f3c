/* What the files of this room share: the drivers, and the rule for names. */
#ifndef STORE_PRIVATE_H
#define STORE_PRIVATE_H

#include "kura/store.h"

#define STORE_NAME_LIMIT 200
/* What an upload is called until it is whole: no object has such a name. */
#define STORE_TEMPORARY_SUFFIX ".tmp"

extern const struct store_driver store_local_driver;
extern const struct store_driver store_sftp_driver;

/* Whether `name` fits the rule of kura/store.h. */
bool store_name_valid(const char *name);

/* Whether a name out of a listing, a path in the store or one component of it, fits the rule, be
 * it but for the suffix of an unfinished upload. */
bool store_listed_valid(const char *name, bool *unfinished);
bool store_component_valid(const char *name);

#endif
