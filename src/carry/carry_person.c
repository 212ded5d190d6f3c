/* carry_person: who is in a carry that was made, and which carry a file is. */
#include "gate_write.h"
#include "kura/carry.h"
#include "persons.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

const struct carry_record *carry_find_container(const struct carry_ledger *ledger, const char *path)
{
    unsigned char digest[DIGEST_SIZE];
    struct error ignored = {0};
    struct stat facts;
    /* A pipe could not be read twice. */
    if (ledger->count == 0 || stat(path, &facts) != 0 || !S_ISREG(facts.st_mode) ||
        gate_digest(digest, path, &ignored) != STATUS_OK) {
        return NULL;
    }
    for (size_t i = 0; i < ledger->count; i++) {
        if (memcmp(ledger->carries[i].artefact, digest, DIGEST_SIZE) == 0) {
            return &ledger->carries[i];
        }
    }
    return NULL;
}

/* A set that cannot be read, or has another number of persons than the log says, answers nothing.
 */
enum carry_holds carry_holds_person(const struct carry_record *carry, const char *state,
                                    const struct host_key *host,
                                    const unsigned char person[PERSON_SIZE])
{
    CLEANUP(memory_free) char *path = NULL;
    CLEANUP(persons_free) struct persons persons = {0};
    struct error ignored = {0};
    if (asprintf(&path, "%s/carry/%s/persons", state, carry->id) < 0) {
        path = NULL;
        return CARRY_HOLDS_UNKNOWN;
    }
    if (persons_read(&persons, path, host, carry->id, &ignored) != STATUS_OK ||
        persons_count(&persons) != carry->persons) {
        return CARRY_HOLDS_UNKNOWN;
    }
    return persons_has(&persons, person) ? CARRY_HOLDS : CARRY_HOLDS_NOT;
}
