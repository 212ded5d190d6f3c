/* repo_identify: which repository is there, and whether a secret is its. The storage is not
 * believed: the recovery key has signed it, or a statement opens. */
#include "repository.h"
#include <sodium.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

void identification_free(struct identification *found)
{
    free(found->checks);
    for (size_t i = 0; i < found->statement_count; i++) {
        buffer_free(&found->statements[i]);
    }
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

/* ---- without repository/ ---- */

static enum status take_statement(void *context, const unsigned char id[OBJECT_ID_SIZE],
                                  const struct store_entry *entry, struct error *error)
{
    struct id_list *ids = context;
    (void)entry;
    return ids->count < WITNESSES ? id_list_add(ids, id, error) : STATUS_OK;
}

/* What the storage lost, or somebody removed, need not be known to who knows which repository it
 * is: the secret is then the one that opens a statement. Where there is none there is no
 * repository, but a disk that is not mounted, or another address. */
static enum status call_witnesses(struct identification *found, struct error *error)
{
    struct repo *repo = found->repo;
    CLEANUP(id_list_free) struct id_list ids = {0};
    struct store *store = NULL;
    enum status status = repo_take_store(&store, repo, error);
    status = status ? status
                    : object_list(repo, store, OBJECT_STATEMENT, NULL, take_statement, &ids, error);
    for (size_t i = 0; status == STATUS_OK && i < ids.count; i++) {
        struct buffer *statement = &found->statements[found->statement_count];
        status = object_get(statement, repo, store, OBJECT_STATEMENT, ids.ids[i], error);
        found->statement_count += status == STATUS_OK;
        status = problem_is_local(status, error) ? STATUS_OK : status;
    }
    repo_give_store(repo, store);
    return status;
}

static void tell_lost(struct repo *repo)
{
    struct error problem;
    error_set(&problem, STATUS_NOT_FOUND, 0, "%s",
              _("the description of this repository is missing or damaged"));
    error_set_hint(&problem, "%s",
                   _("The next kura backup of a machine that backs up here stores it again."));
    problems_add(&repo->problems, object_folder(OBJECT_REPOSITORY), &problem);
}

static enum status no_repository(const struct repo *repo, struct error *error)
{
    error_set(error, STATUS_NOT_FOUND, 0, _("there is no repository at %s"),
              repo->access.store.url);
    return error_set_hint(error, "%s",
                          _("Check the address; \"kura init\" makes a new repository."));
}

enum status identify(struct identification *found, struct error *error)
{
    struct repo *repo = found->repo;
    struct small_objects objects = {
        .repo = repo, .read = note_repository, .context = found, .words = true};
    enum status status = small_objects_read(&objects, OBJECT_REPOSITORY, error);
    size_t names = objects.names.count;
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
        return STATUS_OK;
    }
    if (found->expected != NULL) {
        status = call_witnesses(found, error);
    }
    if (status == STATUS_OK && found->statement_count > 0) {
        memcpy(repo->id, found->expected, sizeof repo->id);
        tell_lost(repo);
        return STATUS_OK;
    }
    if (status == STATUS_OK && names > 0) {
        *error = objects.first;
        return error->status;
    }
    return status == STATUS_OK ? no_repository(repo, error) : status;
}

static bool opens_a_statement(const struct identification *found, const unsigned char *secret)
{
    struct repo holder = {.secret = (unsigned char *)(uintptr_t)secret};
    memcpy(holder.id, found->expected, sizeof holder.id);
    for (size_t i = 0; i < found->statement_count; i++) {
        CLEANUP(buffer_free) struct buffer content = {0};
        struct error ignored;
        if (object_unseal(&content, &holder, OBJECT_STATEMENT, &found->statements[i], &ignored) ==
            STATUS_OK) {
            return true;
        }
    }
    return false;
}

bool is_the_secret(const struct identification *found, const unsigned char *secret)
{
    if (found->count == 0) {
        return opens_a_statement(found, secret);
    }
    unsigned char check[SUBKEY_SIZE];
    repository_secret_check(check, secret);
    for (size_t i = 0; i < found->count; i++) {
        if (sodium_memcmp(check, found->checks[i], sizeof check) == 0) {
            return true;
        }
    }
    return false;
}
