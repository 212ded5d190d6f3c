/* repo_pool: the connections of an opened repository. A thread takes one and gives it back; there
 * are never more than allowed, and they are used again, for setting one up costs many round trips.
 */
#include "repo_private.h"
#include <stdlib.h>
#include <string.h>

#define CONNECTIONS_NEAR 4
/* Over a long line an object costs round trips that nothing can be sent in: while some connections
 * wait for theirs, the others send. */
#define CONNECTIONS_DISTANT 8
#define CONNECTIONS_LOCAL 2

static unsigned usual_connections(const struct repo *repo, const struct store *store)
{
    if (store_host_key(store) == NULL) {
        return CONNECTIONS_LOCAL;
    }
    return repo->distant ? CONNECTIONS_DISTANT : CONNECTIONS_NEAR;
}

enum status repo_pool_open(struct repo **repo, const struct repo_access *access,
                           struct error *error)
{
    *repo = NULL;
    CLEANUP(repo_free_pointer) struct repo *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return error_set_memory(error);
    }
    made->access = *access;
    pthread_mutex_init(&made->lock, NULL);
    pthread_cond_init(&made->given, NULL);
    made->allowed = 1;
    struct store *store = NULL;
    enum status status = repo_take_store(&store, made, error);
    if (status != STATUS_OK) {
        return status;
    }
    made->distant = store_round_trip(store) > STORE_DISTANT;
    unsigned wanted =
        access->connections == 0 ? usual_connections(made, store) : access->connections;
    made->limit = wanted > CONNECTIONS_LIMIT ? CONNECTIONS_LIMIT : wanted;
    made->allowed = made->limit;
    repo_give_store(made, store);
    *repo = made;
    made = NULL;
    return STATUS_OK;
}

void repo_free(struct repo *repo)
{
    if (repo == NULL) {
        return;
    }
    for (unsigned i = 0; i < repo->idle_count; i++) {
        store_free(repo->idle[i]);
    }
    pthread_cond_destroy(&repo->given);
    pthread_mutex_destroy(&repo->lock);
    problems_free(&repo->problems);
    free(repo->hosts);
    for (size_t i = 0; i < repo->word_count; i++) {
        buffer_free(&repo->words[i].bytes);
    }
    free(repo->words);
    secret_free(repo->secret);
    free(repo);
}

void repo_free_pointer(struct repo **repo)
{
    repo_free(*repo);
}

unsigned repo_connections(const struct repo *repo)
{
    return repo->limit;
}

enum status repo_take_store(struct store **store, struct repo *repo, struct error *error)
{
    *store = NULL;
    pthread_mutex_lock(&repo->lock);
    for (;;) {
        if (repo->idle_count > 0) {
            *store = repo->idle[--repo->idle_count];
            break;
        }
        if (repo->open_count >= repo->allowed) {
            pthread_cond_wait(&repo->given, &repo->lock);
            continue;
        }
        repo->open_count++;
        pthread_mutex_unlock(&repo->lock);
        enum status status = store_open(store, &repo->access.store, error);
        pthread_mutex_lock(&repo->lock);
        if (status == STATUS_OK) {
            break;
        }
        *store = NULL;
        repo->open_count--;
        if (repo->open_count == 0) {
            pthread_cond_signal(&repo->given);
            pthread_mutex_unlock(&repo->lock);
            return status;
        }
        /* A server may allow fewer connections than we would like: go on with those we have. */
        repo->allowed = repo->open_count;
        error_clear(error);
    }
    pthread_mutex_unlock(&repo->lock);
    return STATUS_OK;
}

void repo_give_store(struct repo *repo, struct store *store)
{
    if (store == NULL) {
        return;
    }
    pthread_mutex_lock(&repo->lock);
    repo->idle[repo->idle_count++] = store;
    pthread_cond_signal(&repo->given);
    pthread_mutex_unlock(&repo->lock);
}

const unsigned char *repo_id(const struct repo *repo)
{
    return repo->id;
}

const struct host_key *repo_host(const struct repo *repo)
{
    return repo->access.host;
}

const struct age_identity *repo_identities(const struct repo *repo, size_t *count)
{
    *count = repo->access.identity_count;
    return repo->access.identities;
}
