/* register_settle: an entry that was made by mistake is taken back by another one. Neither is
 * removed: statements go on swearing to both, so a storage cannot pick. */
#include "register_private.h"
#include <stdlib.h>
#include <string.h>

static struct erasure *find(const struct erasure_register *entries,
                            const struct erasure *withdrawal)
{
    for (size_t i = 0; i < entries->count; i++) {
        struct erasure *erasure = &entries->items[i];
        if (!erasure->withdrawal &&
            memcmp(erasure->id, withdrawal->withdraws, ERASURE_ID_SIZE) == 0 &&
            memcmp(erasure->person, withdrawal->person, PERSON_SIZE) == 0) {
            return erasure;
        }
    }
    return NULL;
}

/* A bare machine has no policy that says whose keys count: it takes the word of the key that signed
 * before. So a thief of a host key cannot bring back whom a manager had erased. */
bool erasure_may_be_withdrawn(const struct erasure *erasure, bool approved,
                              const struct minisign_public *manager)
{
    return !erasure->approved ||
           (approved && memcmp(manager, &erasure->manager, sizeof *manager) == 0);
}

static void refuse(struct erasure_register *entries, const struct erasure *withdrawal)
{
    char name[OBJECT_NAME_SIZE], text[2 * ERASURE_ID_SIZE + 1];
    struct error problem = {0};
    snprintf(name, sizeof name, "%s: %s", object_folder(OBJECT_REGISTER),
             hex_encode(text, withdrawal->id, ERASURE_ID_SIZE));
    error_set(&problem, STATUS_UNAUTHENTIC, 0, "%s",
              _("this takes back an erasure that a manager signed, and is not signed with the same "
                "key; it is not obeyed"));
    problems_add(&entries->problems, name, &problem);
}

/* Marks in `settled`, by position, what is obeyed no more. */
static void judge(bool *settled, struct erasure_register *entries)
{
    for (size_t i = 0; i < entries->count; i++) {
        const struct erasure *withdrawal = &entries->items[i];
        if (!withdrawal->withdrawal) {
            continue;
        }
        settled[i] = true;
        const struct erasure *erasure = find(entries, withdrawal);
        if (erasure == NULL) {
            continue; /* it is missing, which is told, or of somebody else */
        }
        if (erasure_may_be_withdrawn(erasure, withdrawal->approved, &withdrawal->manager)) {
            settled[erasure - entries->items] = true;
        } else {
            refuse(entries, withdrawal);
        }
    }
}

enum status register_settle(struct erasure_register *entries, struct error *error)
{
    CLEANUP(memory_free) bool *settled = calloc(entries->count + 1, sizeof *settled);
    entries->settled = calloc(entries->count + 1, sizeof *entries->settled);
    if (settled == NULL || entries->settled == NULL) {
        return error_set_memory(error);
    }
    judge(settled, entries);
    size_t kept = 0;
    for (size_t i = 0; i < entries->count; i++) {
        if (settled[i]) {
            entries->settled[entries->settled_count++] = entries->items[i];
        } else {
            entries->unopened += entries->items[i].opened ? 0 : 1;
            entries->items[kept++] = entries->items[i];
        }
    }
    entries->count = kept;
    return STATUS_OK;
}
