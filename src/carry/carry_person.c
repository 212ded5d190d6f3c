/* carry_person: who is in a carry that was made. */
#include "kura/carry.h"
#include "persons.h"
#include <stdio.h>
#include <stdlib.h>

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
