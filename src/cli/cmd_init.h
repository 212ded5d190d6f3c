/* cmd_init, private: the files of a new repository. They are made under other names and get their
 * own only when the repository is there, so that an interrupted init can be told from a finished
 * one:
 *
 *   KIT.unfinished, HOST_KEY.unfinished, no repository:  nothing depends on them; begin again
 *   HOST_KEY.unfinished and a repository:                only the names are missing; give them
 */
#ifndef KURA_CMD_INIT_H
#define KURA_CMD_INIT_H

#include "cli.h"

struct init_files {
    const char *kit;
    const char *host_key;
    char *kit_unfinished;
    char *host_unfinished;
    char *login; /* the line for the server's authorized_keys, beside the kit */
};

MUST_USE enum status init_files_name(struct init_files *files, const char *kit,
                                     const char *host_key, struct error *error);
void init_files_free(struct init_files *files);
/* Whether an earlier run was interrupted after the repository was made. */
bool init_files_left(const struct init_files *files);
/* Neither kit nor host key may be there; what an interrupted run left is removed. */
MUST_USE enum status init_files_begin(const struct init_files *files, struct error *error);
/* Gives the names. */
MUST_USE enum status init_files_finish(const struct init_files *files, struct error *error);

#endif
