/* repo_identify: which repository is there, and whether a secret is its. The storage is not
 * believed: the recovery key has signed it. */
#include "repository.h"
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void identification_free(struct identification *found)
{
    free(found->checks);
}

static enum status note_repository(void *context, const struct buffer *object, struct error *error)
{
    struct identification *found = context;
    const struct repo *repo = found->repo;
    struct repository_record record;
    enum status status =
        repository_decode(&record, object, repo->proved ? repo->trusted : NULL, error);
    if (status != STATUS_OK) {
        return status;
    }
    const unsigned char *expected = found->count > 0 ? found->record.id : found->expected;
    if (expected != NULL && memcmp(expected, record.id, sizeof record.id) != 0) {
        return error_set(error, STATUS_UNAUTHENTIC, 0, "%s",
                         _("it describes another repository than the one expected here"));
    }
    void *checks = realloc(found->checks, (found->count + 1) * SUBKEY_SIZE);
    if (checks == NULL) {
        return error_set_memory(error);
    }
    found->checks = checks;
    memcpy(found->checks[found->count++], record.check, SUBKEY_SIZE);
    found->record = record;
    return STATUS_OK;
}

static void tell_lost(struct repo *repo)
{
    struct error problem;
    error_set(&problem, STATUS_NOT_FOUND, 0, "%s",
              _("the description of this repository is missing or damaged"));
    error_set_hint(&problem, "%s",
                   _("The next kura backup of a machine that backed up here before stores it "
                     "again. Where there is no such machine, kura host add with the recovery kit "
                     "makes it anew."));
    problems_add(&repo->problems, object_folder(OBJECT_REPOSITORY), &problem);
}

static enum status found_one(void *context, const struct store_entry *entry, struct error *error)
{
    *(bool *)context = true;
    return error_set(error, STATUS_EXISTS, 0, "%s", entry->name);
}

/* Whether backups lie there all the same: then nobody is told to make a new repository. */
static bool has_remains(struct repo *repo)
{
    static const enum object_kind kinds[] = {OBJECT_STATEMENT, OBJECT_SNAPSHOT, OBJECT_INDEX};
    struct error ignored;
    struct store *store = NULL;
    bool found = false;
    enum status status = repo_take_store(&store, repo, &ignored);
    for (size_t i = 0; status == STATUS_OK && i < LENGTH(kinds); i++) {
        (void)!store_list(store, object_folder(kinds[i]), found_one, &found, &ignored);
    }
    repo_give_store(repo, store);
    return found;
}

static const char *way_out(struct repo *repo)
{
    if (has_remains(repo)) {
        return _("There are backups, but not what says of which repository. If the address is "
                 "right: kura backup on a machine that backs up here stores it again.");
    }
    return repo->access.host != NULL
               ? _("This machine has backed up into it. Is its disk mounted, and the address "
                   "right?")
               : _("Check the address; \"kura init\" makes a new repository.");
}

enum status identify_nothing(const struct identification *found, struct error *error)
{
    struct repo *repo = found->repo;
    if (found->reason.status != STATUS_OK) {
        *error = found->reason;
        return error->status;
    }
    error_set(error, STATUS_NOT_FOUND, 0, _("there is no repository at %s"),
              repo->access.store.url);
    return error_set_hint(error, "%s", way_out(repo));
}

enum status identify(struct identification *found, struct error *error)
{
    struct repo *repo = found->repo;
    struct small_objects objects = {
        .repo = repo, .read = note_repository, .context = found, .words = true};
    enum status status = small_objects_read(&objects, OBJECT_REPOSITORY, error);
    name_list_free(&objects.names);
    if (status != STATUS_OK) {
        return status;
    }
    /* A newer format is refused as a whole: half of its meaning would be lost unseen. */
    if (objects.newer) {
        *error = objects.first;
        return error->status;
    }
    if (objects.good > 0) {
        memcpy(repo->id, found->record.id, sizeof repo->id);
        snprintf(repo->anchor, sizeof repo->anchor, "%s", repo->words[0].name);
        return STATUS_OK;
    }
    found->reason = objects.first;
    found->lost = found->expected != NULL;
    if (!found->lost) {
        return identify_nothing(found, error);
    }
    memcpy(repo->id, found->expected, sizeof repo->id);
    tell_lost(repo);
    return STATUS_OK;
}

bool is_the_secret(const struct identification *found, const unsigned char *secret)
{
    unsigned char check[SUBKEY_SIZE];
    repository_secret_check(check, secret);
    for (size_t i = 0; i < found->count; i++) {
        if (sodium_memcmp(check, found->checks[i], sizeof check) == 0) {
            return true;
        }
    }
    return false;
}
