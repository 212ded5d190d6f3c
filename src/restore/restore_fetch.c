/* restore_fetch: the plan, pack by pack, on as many connections as the store allows. */
#include "restore_private.h"
#include <stdlib.h>
#include <string.h>

/* Unpacking and writing go on in some while others wait for the store. */
#define THREADS_LEAST 4u
#define THREADS_LIMIT 64u
#define BATCH 2048 /* wishes of one pack that a thread takes at once */

struct fetch {
    struct restore *restore;
    pthread_mutex_t lock;
    struct error error; /* the first that ended it */
    bool stopped;
};

static bool is_stopped(struct fetch *fetch)
{
    pthread_mutex_lock(&fetch->lock);
    bool stopped = fetch->stopped;
    pthread_mutex_unlock(&fetch->lock);
    return stopped;
}

static void stop(struct fetch *fetch, const struct error *error)
{
    pthread_mutex_lock(&fetch->lock);
    if (!fetch->stopped) {
        fetch->stopped = true;
        fetch->error = *error;
    }
    pthread_mutex_unlock(&fetch->lock);
}

/* A file of which a piece failed is gone: its other pieces are of no use. */
static bool is_given_up(struct restore *restore, uint64_t number)
{
    uint32_t left;
    pthread_mutex_lock(&restore->lock);
    memcpy(&left, restore->left.data + number * sizeof left, sizeof left);
    pthread_mutex_unlock(&restore->lock);
    return left == PIECES_FAILED;
}

/* Counts one piece of a file down. True: it was the last, or the first that failed. */
static bool count_down(struct restore *restore, uint64_t number, bool failed)
{
    uint32_t left;
    unsigned char *place = restore->left.data + number * sizeof left;
    pthread_mutex_lock(&restore->lock);
    memcpy(&left, place, sizeof left);
    bool turn = false;
    if (left != PIECES_FAILED) {
        left = failed ? PIECES_FAILED : left - 1;
        turn = failed || left == 0;
        memcpy(place, &left, sizeof left);
    }
    pthread_mutex_unlock(&restore->lock);
    return turn;
}

static enum status finish_file(struct restore *restore, uint64_t number, const struct error *damage,
                               struct error *error)
{
    struct entry entry = {0};
    size_t source;
    enum status status = plan_get_entry(&source, &entry, restore->plan, number, error);
    if (status != STATUS_OK) {
        return status;
    }
    const struct catalogue_source *from = snapshot_source(restore->snapshot, source);
    const char *name = from->words.name;
    if (damage != NULL) {
        restore_fail(restore, name, entry.path, damage);
        target_drop_file(restore->target, number);
    } else {
        struct error problem = {0};
        status = restore_finish_file(restore, number, source, &entry, &problem);
        restore_settle(restore, name, entry.path, status, &problem);
        status = status == STATUS_NO_SPACE ? status : STATUS_OK;
        if (status != STATUS_OK) {
            *error = problem;
        }
    }
    entry_free(&entry);
    return status;
}

struct batch {
    struct fetch *fetch;
    struct plan_wish plan[BATCH];
    struct chunk_wish wishes[BATCH];
    size_t count;
};

static enum status place_chunk(void *context, const struct chunk_wish *wish,
                               const unsigned char *content, const struct error *damage,
                               struct error *error)
{
    struct batch *batch = context;
    struct restore *restore = batch->fetch->restore;
    const struct plan_wish *plan = &batch->plan[wish->tag];
    enum status status = restore_check_cancelled(restore, error);
    if (status != STATUS_OK || is_given_up(restore, plan->number)) {
        return status;
    }
    if (content != NULL) {
        status = target_write_file(restore->target, plan->number, plan->offset,
                                   content + plan->skip, plan->bytes, error);
        atomic_fetch_add(&restore->bytes_done, plan->bytes);
    }
    if (status == STATUS_OK && count_down(restore, plan->number, content == NULL)) {
        status = finish_file(restore, plan->number, content == NULL ? damage : NULL, error);
    }
    return status;
}

static void make_wishes(struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        const struct plan_wish *plan = &batch->plan[i];
        batch->wishes[i] = (struct chunk_wish){
            .reference = plan->reference,
            .location = plan->location,
            .source = snapshot_source(batch->fetch->restore->snapshot, plan->source),
            .tag = i,
        };
    }
}

static enum status fetch_batches(struct batch *batch, struct chunk_reader *reader,
                                 struct error *error)
{
    struct fetch *fetch = batch->fetch;
    enum status status = STATUS_OK;
    while (status == STATUS_OK && !is_stopped(fetch)) {
        status = plan_next_wishes(batch->plan, BATCH, &batch->count, fetch->restore->plan, error);
        if (status != STATUS_OK || batch->count == 0) {
            break;
        }
        make_wishes(batch);
        status =
            chunk_reader_get_many(reader, batch->wishes, batch->count, place_chunk, batch, error);
    }
    return status;
}

static enum status work(struct fetch *fetch, struct error *error)
{
    struct chunk_reader *reader = NULL;
    CLEANUP(memory_free) struct batch *batch = malloc(sizeof *batch);
    if (batch == NULL) {
        return error_set_memory(error);
    }
    batch->fetch = fetch;
    enum status status = chunk_reader_new(&reader, fetch->restore->snapshot, error);
    if (status == STATUS_OK) {
        status = fetch_batches(batch, reader, error);
    }
    chunk_reader_free(reader);
    return status;
}

static void *run(void *argument)
{
    struct fetch *fetch = argument;
    struct error error = {0};
    if (work(fetch, &error) != STATUS_OK) {
        stop(fetch, &error);
    }
    return NULL;
}

enum status restore_fetch(struct restore *restore, struct error *error)
{
    struct fetch fetch = {.restore = restore, .lock = PTHREAD_MUTEX_INITIALIZER};
    pthread_t threads[THREADS_LIMIT];
    size_t wanted = snapshot_connections(restore->snapshot);
    wanted = wanted < THREADS_LEAST ? THREADS_LEAST : wanted;
    wanted = wanted > THREADS_LIMIT ? THREADS_LIMIT : wanted;
    size_t started = 0;
    enum status status = STATUS_OK;
    while (status == STATUS_OK && started < wanted) {
        status = thread_start(&threads[started], run, &fetch, error);
        started += status == STATUS_OK;
    }
    if (status != STATUS_OK) {
        stop(&fetch, error);
    }
    for (size_t i = 0; i < started; i++) {
        pthread_join(threads[i], NULL);
    }
    if (fetch.stopped) {
        *error = fetch.error;
        return error->status;
    }
    return STATUS_OK;
}
