/* repo_create: a new repository. All folders are made now, for a write-once store denies it later;
 * the object in repository/ comes last, and before it is there, there is no repository. */
#include "repository.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum status check_creation(const struct repo_creation *creation, struct error *error)
{
    const struct host_key *host = creation->host;
    if (memcmp(host->trusted, creation->recovery->public_key, SIGN_PUBLIC_SIZE) != 0) {
        return error_set(error, STATUS_USAGE, 0, "%s",
                         _("the host key trusts another recovery key than the one given"));
    }
    for (size_t i = 0; i < creation->recipient_count; i++) {
        if (memcmp(creation->recipients[i].public_key, host->recovery.public_key, AGE_KEY_SIZE) ==
            0) {
            return STATUS_OK;
        }
    }
    return error_set(error, STATUS_USAGE, 0, "%s",
                     _("the recovery recipient is not among the recipients: the recovery kit could "
                       "not open this repository"));
}

static enum status found_one(void *context, const struct store_entry *entry, struct error *error)
{
    (void)context;
    return error_set(error, STATUS_EXISTS, 0, _("there is a repository already: %s"), entry->name);
}

static enum status check_empty(struct store *store, struct error *error)
{
    static const enum object_kind kinds[] = {OBJECT_REPOSITORY, OBJECT_STATEMENT, OBJECT_SNAPSHOT,
                                             OBJECT_INDEX};
    /* A local folder that is yet to be made would count as a disk that is away. */
    enum status made = store_make_folder(store, object_folder(OBJECT_REPOSITORY), error);
    if (made != STATUS_OK) {
        return made;
    }
    for (size_t i = 0; i < LENGTH(kinds); i++) {
        enum status status = store_list(store, object_folder(kinds[i]), found_one, NULL, error);
        if (status != STATUS_OK && status != STATUS_NOT_FOUND) {
            return status;
        }
    }
    error_clear(error);
    return STATUS_OK;
}

static enum status make_folders(struct store *store, struct error *error)
{
    static const char *const folders[] = {"repository", "hosts",      "keys",     "statements",
                                          "snapshots",  "references", "index",    "packs",
                                          "forgotten",  "marks",      "register", "audit"};
    enum status status = STATUS_OK;
    for (size_t i = 0; status == STATUS_OK && i < LENGTH(folders); i++) {
        status = store_make_folder(store, folders[i], error);
    }
    for (unsigned shard = 0; status == STATUS_OK && shard < 256; shard++) {
        char name[16];
        snprintf(name, sizeof name, "packs/%02x", shard);
        status = store_make_folder(store, name, error);
    }
    return status;
}

static enum status describe(struct buffer *description, const struct repo_creation *creation,
                            struct error *error)
{
    enum status status = repository_encode(description, creation, error);
    if (status == STATUS_OK && description->size > SMALL_OBJECT_LIMIT) {
        status = error_set(error, STATUS_USAGE, 0, "%s", _("there are too many recipients"));
    }
    return status;
}

static enum status put_first_objects(struct repo *repo, struct store *store,
                                     const struct repo_creation *creation, struct error *error)
{
    const struct host_key *host = creation->host;
    struct host_record record = {.verdict = HOST_ADDED, .time = moment_now()};
    memcpy(record.public_key, host->signing.public_key, SIGN_PUBLIC_SIZE);
    snprintf(record.name, sizeof record.name, "%s", creation->host_name);
    CLEANUP(buffer_free) struct buffer keys = {0};
    CLEANUP(buffer_free) struct buffer vouching = {0};
    CLEANUP(buffer_free) struct buffer description = {0};
    enum status status =
        age_seal_buffer(&keys, host->secret, REPOSITORY_SECRET_SIZE, creation->recipients,
                        creation->recipient_count, NULL, error);
    if (status == STATUS_OK) {
        status =
            host_record_encode(&vouching, &record, host->repository, creation->recovery, error);
    }
    if (status == STATUS_OK) {
        status = describe(&description, creation, error);
    }
    if (status == STATUS_OK) {
        status = object_put(repo, store, OBJECT_KEYS, NULL, &keys, error);
    }
    if (status == STATUS_OK) {
        status = object_put(repo, store, OBJECT_HOST, NULL, &vouching, error);
    }
    return status == STATUS_OK
               ? object_put(repo, store, OBJECT_REPOSITORY, NULL, &description, error)
               : status;
}

enum status repo_create(const struct repo_creation *creation, struct error *error)
{
    enum status status = check_creation(creation, error);
    if (status != STATUS_OK) {
        return status;
    }
    struct repo_access access = {.store = creation->store, .connections = 1};
    CLEANUP(repo_free_pointer) struct repo *repo = NULL;
    status = repo_pool_open(&repo, &access, error);
    if (status != STATUS_OK) {
        return status;
    }
    struct store *store = NULL;
    status = repo_take_store(&store, repo, error);
    if (status == STATUS_OK) {
        status = check_empty(store, error);
    }
    if (status == STATUS_OK) {
        status = make_folders(store, error);
    }
    if (status == STATUS_OK) {
        status = put_first_objects(repo, store, creation, error);
    }
    repo_give_store(repo, store);
    return status;
}

static enum status check_recovery_key(const struct repo *repo, const struct signing_key *recovery,
                                      struct error *error)
{
    if (!repo->proved || memcmp(repo->trusted, recovery->public_key, SIGN_PUBLIC_SIZE) != 0) {
        return error_set(error, STATUS_UNAUTHENTIC, 0, "%s",
                         _("this is not the recovery key that is trusted for this repository"));
    }
    return STATUS_OK;
}

/* Without any word about hosts the secret may be one that the storage made up: signing it would
 * make it the repository's for good. */
bool repo_can_describe(const struct repo *repo)
{
    return repo->anchor[0] == '\0' && repo->host_count > 0;
}

enum status repo_describe(struct repo *repo, const struct repo_creation *creation,
                          struct error *error)
{
    CLEANUP(buffer_free) struct buffer description = {0};
    char name[OBJECT_NAME_SIZE];
    struct store *store = NULL;
    enum status status = check_recovery_key(repo, creation->recovery, error);
    status = status ? status : check_creation(creation, error);
    status = status ? status : describe(&description, creation, error);
    status = status ? status : repo_take_store(&store, repo, error);
    status = status
                 ? status
                 : object_put_nameless(name, repo, store, OBJECT_REPOSITORY, &description, error);
    repo_give_store(repo, store);
    if (status == STATUS_OK) {
        snprintf(repo->anchor, sizeof repo->anchor, "%s", name);
    }
    return status;
}

enum status repo_vouch(struct repo *repo, const struct host_record *record,
                       const struct signing_key *recovery, struct error *error)
{
    enum status status = check_recovery_key(repo, recovery, error);
    if (status != STATUS_OK) {
        return status;
    }
    struct host_record *hosts = realloc(repo->hosts, (repo->host_count + 1) * sizeof *hosts);
    if (hosts == NULL) {
        return error_set_memory(error);
    }
    repo->hosts = hosts;
    CLEANUP(buffer_free) struct buffer object = {0};
    status = host_record_encode(&object, record, repo->id, recovery, error);
    struct store *store = NULL;
    if (status == STATUS_OK) {
        status = repo_take_store(&store, repo, error);
    }
    if (status == STATUS_OK) {
        status = object_put(repo, store, OBJECT_HOST, NULL, &object, error);
    }
    repo_give_store(repo, store);
    if (status == STATUS_OK) {
        hosts[repo->host_count++] = *record;
    }
    return status;
}
