/* parallel: many small fetches at once, each thread on its own connection, so that the round trips
 * overlap. */
#include "repo_private.h"
#include <string.h>

struct crew {
    thread_work work;
    void *context;
    pthread_mutex_t lock; /* of all below */
    enum status status;
    struct error error;
};

static void *run(void *argument)
{
    struct crew *crew = argument;
    struct error error = {0};
    enum status status = crew->work(crew->context, &error);
    pthread_mutex_lock(&crew->lock);
    if (status != STATUS_OK && crew->status == STATUS_OK) {
        crew->status = status;
        crew->error = error;
    }
    pthread_mutex_unlock(&crew->lock);
    return NULL;
}

enum status threads_run(size_t count, thread_work work, void *context, struct error *error)
{
    struct crew crew = {work, context, PTHREAD_MUTEX_INITIALIZER, STATUS_OK, {0}};
    pthread_t threads[CONNECTIONS_LIMIT];
    size_t wanted = count < CONNECTIONS_LIMIT ? count : CONNECTIONS_LIMIT;
    size_t started = 0;
    struct error fewer = {0};
    while (started < wanted && thread_start(&threads[started], run, &crew, &fewer) == STATUS_OK) {
        started++;
    }
    if (started == 0 && wanted > 0) {
        run(&crew);
    }
    for (size_t i = 0; i < started; i++) {
        pthread_join(threads[i], NULL);
    }
    pthread_mutex_destroy(&crew.lock);
    if (crew.status != STATUS_OK) {
        *error = crew.error;
    }
    return crew.status;
}

struct numbers {
    struct repo *repo;
    size_t count;
    parallel_job job;
    void *context;
    pthread_mutex_t lock; /* of all below */
    size_t next;
    bool stopped;
};

static bool next_number(struct numbers *numbers, size_t *number)
{
    pthread_mutex_lock(&numbers->lock);
    bool more = !numbers->stopped && numbers->next < numbers->count;
    if (more) {
        *number = numbers->next++;
    }
    pthread_mutex_unlock(&numbers->lock);
    return more;
}

static enum status do_numbers(void *context, struct error *error)
{
    struct numbers *numbers = context;
    struct store *store = NULL;
    enum status status = repo_take_store(&store, numbers->repo, error);
    size_t number = 0;
    while (status == STATUS_OK && next_number(numbers, &number)) {
        status = numbers->job(numbers->context, store, number, error);
    }
    repo_give_store(numbers->repo, store);
    if (status != STATUS_OK) {
        pthread_mutex_lock(&numbers->lock);
        numbers->stopped = true;
        pthread_mutex_unlock(&numbers->lock);
    }
    return status;
}

enum status repo_parallel(struct repo *repo, size_t count, parallel_job job, void *context,
                          struct error *error)
{
    struct numbers numbers = {repo, count, job, context, PTHREAD_MUTEX_INITIALIZER, 0, false};
    size_t threads = count < repo->limit ? count : repo->limit;
    enum status status = threads_run(threads, do_numbers, &numbers, error);
    pthread_mutex_destroy(&numbers.lock);
    return status;
}
