/* cli_person: the person that a command is about. */
#ifndef KURA_CLI_PERSON_H
#define KURA_CLI_PERSON_H

#include "cli.h"
#include "kura/carry.h"
#include "kura/register.h"

struct cli_person {
    const char *id; /* as it was given; never in a log */
    const char *domain;
    unsigned char pseudonym[PERSON_SIZE];
    char text[2 * PERSON_SIZE + 1]; /* of the pseudonym */
};
/* The operand, and --domain, or the only domain that the configuration knows (NULL: none is at
 * hand). Puts the pseudonym into the facts for the log. */
MUST_USE enum status cli_person_take(struct cli_person *person, struct cli *cli,
                                     const struct config *config,
                                     const unsigned char secret[REPOSITORY_SECRET_SIZE],
                                     struct error *error);

/* Asks every database that counts persons of the domain how the id stands there. Another spelling
 * that nobody registered, an id that nobody has, and a database that cannot be asked are warnings.
 */
struct cli_road;
void cli_person_check_spelling(struct cli *cli, struct cli_road *road, struct config *config,
                               const struct cli_person *person,
                               const struct erasure_register *entries,
                               const unsigned char secret[REPOSITORY_SECRET_SIZE]);

/* A medium that is out, and holds the person or may hold it. */
struct cli_person_carry {
    struct carry_record *record; /* borrowed from the ledger */
    bool certain;
};
struct cli_person_carries {
    struct carry_ledger ledger;
    struct cli_person_carry *items;
    size_t count;
};
/* By the log and the pseudonyms of this machine: STATUS_NOT_FOUND if it has no log. */
MUST_USE enum status cli_person_carries_find(struct cli_person_carries *carries,
                                             const struct cli *cli, const struct cli_person *person,
                                             struct error *error);
void cli_person_carries_free(struct cli_person_carries *carries);
/* One line for each on standard output, or an array. */
void cli_person_carries_print(const struct cli_person_carries *carries);
json_t *cli_person_carries_json(const struct cli_person_carries *carries);

#endif
