/* repo_witness: a repository whose description the storage has lost, or somebody removed. Who knows
 * which repository it is (a host, a kit) does not need it: the secret is the one that opens a
 * statement, by a host for which the recovery key vouches. */
#include "repository.h"
#include "statement_private.h"
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

void candidates_free(struct candidates *candidates)
{
    secret_free(candidates->secrets);
    *candidates = (struct candidates){0};
}

enum status candidates_add(struct candidates *candidates, const unsigned char *secret,
                           struct error *error)
{
    size_t count = candidates->count;
    for (size_t i = 0; i < count; i++) {
        if (sodium_memcmp(candidates->secrets + i * REPOSITORY_SECRET_SIZE, secret,
                          REPOSITORY_SECRET_SIZE) == 0) {
            return STATUS_OK;
        }
    }
    if (count == SMALL_COUNT_LIMIT) {
        return error_set(error, STATUS_UNAUTHENTIC, 0, "%s",
                         _("there are more such objects than a repository can have"));
    }
    if (count == candidates->capacity) {
        size_t capacity = count == 0 ? 4 : 4 * count;
        unsigned char *grown = secret_new(capacity * REPOSITORY_SECRET_SIZE);
        if (count > 0) {
            memcpy(grown, candidates->secrets, count * REPOSITORY_SECRET_SIZE);
            secret_free(candidates->secrets);
        }
        candidates->secrets = grown;
        candidates->capacity = capacity;
    }
    memcpy(candidates->secrets + count * REPOSITORY_SECRET_SIZE, secret, REPOSITORY_SECRET_SIZE);
    candidates->count++;
    return STATUS_OK;
}

/* The words about hosts may be lost, too: this host's own key is known without them, and where
 * there is none at all, nothing that the repository says is trusted anyway. */
static bool is_vouched(struct statement *statement, const struct repo *repo)
{
    struct error ignored;
    const struct host_key *host = repo->access.host;
    return repo->host_count == 0 || statement_judge(statement, repo, &ignored) == STATUS_OK ||
           (host != NULL &&
            memcmp(host->signing.public_key, statement->host, SIGN_PUBLIC_SIZE) == 0);
}

/* With the candidate as the repository's secret. */
static bool opens(const struct repo *repo, const struct buffer *bytes)
{
    CLEANUP(buffer_free) struct buffer content = {0};
    CLEANUP(statement_free) struct statement statement = {0};
    unsigned char signature[SIGN_SIZE];
    struct error ignored;
    return object_unseal(&content, repo, OBJECT_STATEMENT, bytes, &ignored) == STATUS_OK &&
           statement_decode(&statement, signature, repo->id, &content, &ignored) == STATUS_OK &&
           is_vouched(&statement, repo);
}

static bool try_all(struct repo *repo, const struct candidates *candidates,
                    const struct buffer *statement)
{
    for (size_t i = 0; i < candidates->count; i++) {
        memcpy(repo->secret, candidates->secrets + i * REPOSITORY_SECRET_SIZE,
               REPOSITORY_SECRET_SIZE);
        if (opens(repo, statement)) {
            return true;
        }
    }
    return false;
}

static enum status try_statements(bool *found, struct repo *repo, struct store *store,
                                  const struct candidates *candidates, const struct id_list *ids,
                                  struct error *error)
{
    *found = false;
    enum status status = STATUS_OK;
    for (size_t i = 0; status == STATUS_OK && !*found && i < ids->count; i++) {
        CLEANUP(buffer_free) struct buffer statement = {0};
        status = object_get(&statement, repo, store, OBJECT_STATEMENT, ids->ids[i], error);
        *found = status == STATUS_OK && try_all(repo, candidates, &statement);
        status = problem_is_local(status, error) ? STATUS_OK : status;
    }
    return status;
}

enum status witness_secret(bool *found, struct repo *repo, const struct candidates *candidates,
                           struct error *error)
{
    CLEANUP(id_list_free) struct id_list ids = {0};
    struct store *store = NULL;
    *found = false;
    repo->secret = secret_new(REPOSITORY_SECRET_SIZE);
    enum status status = object_list_ids(&ids, repo, NULL, OBJECT_STATEMENT, error);
    status = status ? status : repo_take_store(&store, repo, error);
    status = status ? status : try_statements(found, repo, store, candidates, &ids, error);
    repo_give_store(repo, store);
    if (!*found) {
        secret_free(repo->secret);
        repo->secret = NULL;
    }
    return status;
}
