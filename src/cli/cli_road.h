/* cli_road: nothing personal is written where the table of roads (src/medium/README.md) does not
 * let it. A place is judged before its first byte, by the open descriptor, and again after the
 * last; what is refused ends the command with STATUS_REFUSED and the rule [road-…]. Every place
 * but a fixed disk, and every refusal, stands in the command's own record of the audit log: by
 * class and mount point, never by the name of a file. */
#ifndef KURA_CLI_ROAD_H
#define KURA_CLI_ROAD_H

#include "cli.h"
#include "kura/carry.h"

#define CLI_ROAD_PLACES 4

/* The policy by which this machine judges. */
enum cli_rules {
    CLI_RULES_UNREAD,
    CLI_RULES_NONE,    /* none is configured: a bare machine */
    CLI_RULES_SIGNED,  /* in force */
    CLI_RULES_UNKNOWN, /* one is configured but cannot be verified: its strictness holds, and it
                        * enrols nothing */
};

/* One road of one command; between its begin and end it may be used by any thread. */
struct cli_road {
    struct cli *cli;
    enum road road;
    const struct place_roots *roots;    /* NULL: the real ones */
    bool founding;                      /* init: nothing is in force yet, */
    const struct minisign_public *root; /* but a policy by this key, if there is one, counts */

    enum cli_rules rules;
    struct carry_policy policy; /* of CLI_RULES_SIGNED */
    struct error why;           /* of CLI_RULES_UNKNOWN */

    /* Who asks for an exception. */
    bool unlocked;
    const struct age_recipient *manager; /* NULL: the recovery kit */

    bool removable; /* a place that was admitted can be taken along */
    pthread_mutex_t lock;
    struct place places[CLI_ROAD_PLACES]; /* that were judged, and may be written to */
    size_t place_count;
};
void cli_road_begin(struct cli_road *road, struct cli *cli, enum road which);
void cli_road_end(struct cli_road *road);

/* An identity that opens the data is unlocked: --onto-removable is heard, as far as the policy
 * lets it. `kit`: it is that of the recovery kit. Borrowed. */
void cli_road_unlock(struct cli_road *road, const struct age_identity *identity, bool kit);
/* The same with the keys that a command opened a repository with. */
void cli_road_unlock_access(struct cli_road *road, const struct cli_access *access);

/* Whether --onto-removable overrules the refusal of a removable medium. */
MUST_USE enum status cli_road_check_exception(struct cli_road *road, struct error *error);

/* Whether a write to the path may be; before anything is made there. A folder of ROAD_STAGING and
 * ROAD_STORE is remembered, and looked at again by a second call. */
MUST_USE enum status cli_road_check_path(struct cli_road *road, const char *path,
                                         struct error *error);
/* Whether the open file or folder may be written to. Once it may, the same descriptor must still
 * be of the same mount and medium with every further call: [road-changed]. `road` is a struct
 * cli_road: for the callbacks of other rooms. */
MUST_USE enum status cli_road_check(void *road, int fd, struct error *error);
/* The same for a folder of a store, which is asked about before every object: a place that is
 * remembered is not judged anew. */
MUST_USE enum status cli_road_check_store(void *road, int fd, struct error *error);
/* Standard output: files, block devices and tapes are judged; pipes, sockets and terminals pass.
 * All are recorded. */
MUST_USE enum status cli_road_check_output(struct cli_road *road, struct error *error);

/* A database server is no path, and what its files lie on cannot be told from here: like a pipe it
 * passes, and is recorded. */
void cli_road_record_database(struct cli_road *road, const char *database);

/* The local folder of the store's address, or NULL if it is elsewhere. Borrowed. */
const char *cli_road_store_folder(const char *url);
/* A folder to restore into must not be, hold or lie in the local repository that is open: else
 * STATUS_USAGE. The target need not be there yet. */
MUST_USE enum status cli_check_apart(const struct cli_access *access, const char *target,
                                     struct error *error);
/* The path, or as much of it from its beginning as there is; to be freed. NULL: no memory. */
char *cli_nearest_existing(const char *path);
/* Makes the first folder for temporary files that may hold personal data that of all libraries;
 * before they are used. */
MUST_USE enum status cli_road_choose_temporary(struct cli *cli, struct error *error);

/* How many persons go there, where the places are removable media: as many as this machine's policy
 * allows, and none that were not counted. -1: nobody was counted. [road-persons] */
MUST_USE enum status cli_road_check_persons(void *road, int64_t persons, bool uncounted,
                                            struct error *error);
/* The configuration counts by the definition in the policy that it names, if that has one. A policy
 * that cannot be trusted: nobody is counted, and a warning says so. */
void cli_persons_choose(struct cli_road *road, struct config *config);

/* What the table and this machine's policy say of the place, without refusing anything. */
enum road_verdict cli_road_verdict(struct cli_road *road, const struct place *place);
/* Reads the policy, if that was not done. */
enum cli_rules cli_road_rules(struct cli_road *road);
const char *cli_place_title(enum place_class class); /* translated */

#endif
