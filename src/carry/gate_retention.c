/* gate_retention: what lies beside the log goes when it serves nothing any more: what the log does
 * not know of, artefacts that cannot be exported any more, pseudonyms that no limit looks at. */
#include "gate_private.h"
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What cannot be removed now is tried again with the next step. */
static void drop(const struct gate *gate, const char *carry, const char *const *files)
{
    for (; *files != NULL; files++) {
        CLEANUP(memory_free) char *path = NULL;
        struct error ignored = {0};
        if (gate_path(&path, gate, carry, *files, &ignored) == STATUS_OK) {
            unlink(path);
        }
    }
}

void gate_drop_folder(const struct gate *gate, const char *carry)
{
    static const char *const all[] = {"artefact", "artefact.partial", "attestation", "persons",
                                      NULL};
    CLEANUP(memory_free) char *folder = NULL;
    struct error ignored = {0};
    drop(gate, carry, all);
    if (gate_path(&folder, gate, carry, NULL, &ignored) == STATUS_OK) {
        rmdir(folder);
    }
}

/* An approval may still come, as long as the date of return has not passed. */
static bool may_be_exported(const struct carry_record *carry, struct moment now)
{
    return (carry->state == CARRY_REQUESTED || carry->state == CARRY_APPROVED) &&
           moment_compare(now, carry->due) < 0;
}

static bool is_counted(const struct carry_record *carry, const struct policy *policy,
                       struct moment now)
{
    struct moment end = carry->reserved;
    end.seconds += (int64_t)policy->limits.rolling_days * 86400;
    return carry_is_out(carry) || (carry->reserved.seconds != 0 && moment_compare(now, end) < 0);
}

static void clear_carry(const struct gate *gate, const char *id, struct moment now)
{
    static const char *const staged[] = {"artefact", "artefact.partial", NULL};
    static const char *const pseudonyms[] = {"persons", NULL};
    const struct carry_record *carry = carry_find(&gate->ledger, id);
    if (carry == NULL) {
        gate_drop_folder(gate, id);
    } else if (!may_be_exported(carry, now)) {
        drop(gate, id, staged);
        if (!is_counted(carry, &gate->policy.policy, now)) {
            drop(gate, id, pseudonyms);
        }
    }
}

void gate_clear(const struct gate *gate)
{
    CLEANUP(memory_free) char *path = NULL;
    struct error ignored = {0};
    const struct moment now = moment_now();
    if (gate_path(&path, gate, ".", NULL, &ignored) != STATUS_OK) {
        return;
    }
    DIR *listing = opendir(path);
    for (struct dirent *item = listing == NULL ? NULL : readdir(listing); item != NULL;
         item = readdir(listing)) {
        if (item->d_name[0] == 'C' && strlen(item->d_name) < CARRY_ID_SIZE) {
            clear_carry(gate, item->d_name, now);
        }
    }
    if (listing != NULL) {
        closedir(listing);
    }
}
