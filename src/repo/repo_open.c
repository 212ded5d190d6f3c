/* repo_open: from an address and keys to a repository that is known to be the right one. Nothing
 * that the storage says is believed without the recovery key's signature, where one can be checked.
 */
#include "repository.h"
#include <stdlib.h>
#include <string.h>

/* ---- hosts/ ---- */

enum status repo_take_host(struct repo *repo, const struct buffer *object, struct error *error)
{
    struct host_record record;
    enum status status =
        host_record_decode(&record, object->data, object->size, repo->id, repo->trusted, error);
    if (status != STATUS_OK) {
        return status;
    }
    struct host_record *hosts = realloc(repo->hosts, (repo->host_count + 1) * sizeof *hosts);
    if (hosts == NULL) {
        return error_set_memory(error);
    }
    repo->hosts = hosts;
    hosts[repo->host_count++] = record;
    return STATUS_OK;
}

static enum status note_host(void *context, const struct buffer *object, struct error *error)
{
    return repo_take_host(context, object, error);
}

static enum status read_hosts(struct repo *repo, struct error *error)
{
    struct small_objects objects = {
        .repo = repo, .read = note_host, .context = repo, .words = true};
    enum status status = small_objects_read(&objects, OBJECT_HOST, error);
    name_list_free(&objects.names);
    if (status == STATUS_OK && repo->host_count == 0) {
        /* Not fatal: whoever has the recovery key can vouch again. */
        struct error problem;
        error_set(&problem, STATUS_UNAUTHENTIC, 0, "%s",
                  _("the recovery key vouches for no host key here"));
        error_set_hint(
            &problem, "%s",
            _("If the storage has lost hosts/: the next kura backup of a machine that "
              "backed up here stores it again. A restore goes on without proof of origin "
              "with --untrusted."));
        repo->proved = !repo->access.untrusted;
        problems_add(&repo->problems, object_folder(OBJECT_HOST), &problem);
    }
    return status;
}

/* ---- the secret ---- */

struct secret_search {
    struct repo *repo;
    const struct identification *found;
    struct candidates candidates; /* where the repository's description is lost */
};

static void take_secret(struct repo *repo, const unsigned char *secret)
{
    if (repo->secret == NULL) {
        repo->secret = secret_new(REPOSITORY_SECRET_SIZE);
        memcpy(repo->secret, secret, REPOSITORY_SECRET_SIZE);
    }
}

static enum status try_secret(void *context, const struct buffer *object, struct error *error)
{
    struct secret_search *search = context;
    struct repo *repo = search->repo;
    CLEANUP(buffer_wipe) struct buffer opened = {0};
    enum status status =
        age_open_buffer(&opened, object->data, object->size, repo->access.identities,
                        repo->access.identity_count, REPOSITORY_SECRET_SIZE, error);
    if (status != STATUS_OK) {
        return status;
    }
    bool fits = opened.size == REPOSITORY_SECRET_SIZE;
    if (fits && search->found->lost) {
        return candidates_add(&search->candidates, opened.data, error);
    }
    /* Anybody who can write there can seal some secret to our recipients. */
    if (!fits || !is_the_secret(search->found, opened.data)) {
        return error_set(error, STATUS_UNAUTHENTIC, 0, "%s",
                         _("it holds another secret than the one of this repository"));
    }
    take_secret(repo, opened.data);
    return STATUS_OK;
}

static enum status no_secret(const struct small_objects *keys, size_t names, struct error *error)
{
    if (names == 0) {
        return error_set(error, STATUS_CORRUPT, 0, "%s",
                         _("the repository's sealed secret is missing: keys/ is empty"));
    }
    *error = keys->first;
    error_add_context(error, "%s", _("the repository's secret cannot be opened"));
    return error_set_hint(error, "%s", _("Use an identity to which this repository is sealed."));
}

static enum status secret_from_keys(struct repo *repo, const struct identification *found,
                                    struct error *error)
{
    if (repo->access.identity_count == 0) {
        return error_set(error, STATUS_DENIED, 0, "%s",
                         _("neither a host key nor an identity was given to open the repository"));
    }
    struct secret_search search = {.repo = repo, .found = found};
    struct small_objects objects = {.repo = repo, .read = try_secret, .context = &search};
    enum status status = small_objects_read(&objects, OBJECT_KEYS, error);
    size_t names = objects.names.count;
    name_list_free(&objects.names);
    bool witnessed = repo->secret != NULL;
    bool tried = status == STATUS_OK && search.candidates.count > 0;
    if (tried) {
        status = witness_secret(&witnessed, repo, &search.candidates, error);
    }
    candidates_free(&search.candidates);
    if (status != STATUS_OK || witnessed) {
        return status;
    }
    return tried || (found->lost && names == 0) ? identify_nothing(found, error)
                                                : no_secret(&objects, names, error);
}

static enum status secret_from_host(struct repo *repo, const struct identification *found,
                                    struct error *error)
{
    const unsigned char *secret = repo->access.host->secret;
    CLEANUP(candidates_free) struct candidates candidates = {0};
    bool known = !found->lost && is_the_secret(found, secret);
    if (found->lost) {
        enum status status = candidates_add(&candidates, secret, error);
        status = status ? status : witness_secret(&known, repo, &candidates, error);
        if (status != STATUS_OK || !known) {
            return status != STATUS_OK ? status : identify_nothing(found, error);
        }
    }
    if (!known) {
        return error_set(error, STATUS_UNAUTHENTIC, 0, "%s",
                         _("the host key holds another secret than the one of this repository"));
    }
    take_secret(repo, secret);
    return STATUS_OK;
}

static enum status choose_roots(struct repo *repo, const unsigned char **expected,
                                struct error *error)
{
    const struct repo_access *access = &repo->access;
    const unsigned char *trusted = access->trusted;
    *expected = access->repository;
    if (access->host != NULL) {
        if (*expected != NULL &&
            memcmp(*expected, access->host->repository, REPOSITORY_ID_SIZE) != 0) {
            return error_set(error, STATUS_UNAUTHENTIC, 0, "%s",
                             _("the host key is of another repository"));
        }
        *expected = access->host->repository;
        trusted = trusted != NULL ? trusted : access->host->trusted;
    }
    if (trusted != NULL) {
        repo->proved = true;
        memcpy(repo->trusted, trusted, SIGN_PUBLIC_SIZE);
    }
    return STATUS_OK;
}

enum status repo_open(struct repo **repo, const struct repo_access *access, struct error *error)
{
    *repo = NULL;
    CLEANUP(repo_free_pointer) struct repo *made = NULL;
    enum status status = repo_pool_open(&made, access, error);
    if (status != STATUS_OK) {
        return status;
    }
    struct identification found = {.repo = made};
    status = choose_roots(made, &found.expected, error);
    if (status == STATUS_OK) {
        status = identify(&found, error);
    }
    if (status == STATUS_OK && made->proved) {
        status = read_hosts(made, error);
    }
    if (status == STATUS_OK) {
        status = access->host != NULL ? secret_from_host(made, &found, error)
                                      : secret_from_keys(made, &found, error);
    }
    identification_free(&found);
    if (status == STATUS_OK) {
        *repo = made;
        made = NULL;
    }
    return status;
}
