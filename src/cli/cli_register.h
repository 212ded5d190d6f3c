/* cli_register: what the commands that give data back have to do with persons who asked to be
 * erased, and whose signature overrules that. */
#ifndef KURA_CLI_REGISTER_H
#define KURA_CLI_REGISTER_H

#include "cli.h"
#include "cli_person.h"
#include "kura/policy.h"
#include "kura/restore.h"

/* A signing key of the data manager or deputy. Empty is {0}. */
struct cli_manager {
    bool unlocked;
    struct minisign_secret key;
    char person[POLICY_NAME_SIZE]; /* the policy's id of who has it; empty without a policy */
};
/* Where a signed policy is in force, --key must be the key of one of its data managers or deputies:
 * STATUS_REFUSED [manager-key] otherwise. Elsewhere it is taken if it is given. */
MUST_USE enum status cli_manager_unlock(struct cli_manager *manager, struct cli *cli,
                                        struct error *error);
void cli_manager_free(struct cli_manager *manager);

/* All entries as the repository at hand has them; what is wrong with any is told. The list is that
 * of the snapshots, the caller's to free in any case. */
MUST_USE enum status cli_register_read(struct erasure_register *entries, struct snapshot_list *list,
                                       struct cli *cli, struct cli_access *access,
                                       struct error *error);
/* Whom an entry is about, why (--reason), and who makes it; the texts are the erasure's. */
MUST_USE enum status cli_register_words(struct erasure *erasure, const struct cli *cli,
                                        const struct cli_person *person,
                                        const struct cli_manager *manager, struct error *error);
/* Seals the entry to the configuration's recipients, and stores it; signed by the manager, too, if
 * one was unlocked. */
MUST_USE enum status cli_register_write(struct erasure *erasure, const struct cli_access *access,
                                        const struct cli_manager *manager, struct error *error);

/* What a command obeys. Empty is {0}. */
struct cli_register {
    struct erasure_register entries;
    bool as_it_was;
};
/* --as-it-was: needs --reason and the manager's key, says so, and puts it into the facts. */
MUST_USE enum status cli_take_as_it_was(struct cli *cli, struct error *error);
/* Whether a carry that this machine made may be opened here: STATUS_REFUSED [erased] if somebody in
 * it asked any machine of the repository to be erased, or may be in it: its list of persons is
 * gone, and somebody asked since it was made. Another file is not refused. Whatever could not be
 * asked (a damaged log, a storage out of reach) is told. --as-it-was overrules it. */
MUST_USE enum status cli_register_check_container(struct cli *cli, const char *path,
                                                  struct error *error);
/* Reads the register and tells what is wrong with it. An entry that is missing or cannot be opened
 * is STATUS_CORRUPT or STATUS_DENIED: nothing can be given back without somebody who asked to be
 * erased. --as-it-was obeys nothing: it needs --reason and the manager's key, and is recorded. */
MUST_USE enum status cli_register_open(struct cli_register *obeyed, struct cli *cli,
                                       const struct cli_access *access,
                                       const struct snapshot_list *list, struct error *error);
/* Tells if nobody can be erased from what a source of kind command gives, though somebody asked. */
void cli_register_check_command(const struct cli_register *obeyed, struct cli *cli,
                                const struct catalogue_source *source);
/* That, too, and tells if somebody who asked to be erased is in a source that no rule erases from,
 * by the catalogue's list of persons. */
void cli_register_check_source(const struct cli_register *obeyed, struct cli *cli,
                               struct snapshot *snapshot, const struct catalogue_source *source);
/* Where erasing from the source failed: tells if the rules are another host's than the snapshot,
 * which may have another database under the same name. */
void cli_register_tell_hosts(const struct cli_register *obeyed, const struct statement *statement,
                             const char *source);
void cli_register_free(struct cli_register *obeyed);
/* For restore and dump; NULL: all as it was. */
const struct erasure_register *cli_register_entries(const struct cli_register *obeyed);
/* Says in how far it was obeyed, and puts it into the facts for the log; `object` (may be NULL)
 * gets the same for programs. */
void cli_register_tell(const struct cli_register *obeyed, struct cli *cli,
                       const struct restore_erased *erased, json_t *object);

#endif
