/* writer_reindex: packs whose index is lost get into the next one, by what their own directories
 * say. So nothing of them is sent again, and older snapshots need no search. */
#include "writer_private.h"
#include <stdlib.h>
#include <string.h>

struct reindexing {
    struct writer *writer;
    struct state_pack *packs;
    size_t count;
    size_t capacity;
};

static enum status collect(void *context, const struct state_pack *pack, struct error *error)
{
    struct reindexing *reindexing = context;
    if (reindexing->count == reindexing->capacity) {
        size_t capacity = reindexing->capacity == 0 ? 64 : 2 * reindexing->capacity;
        struct state_pack *grown = realloc(reindexing->packs, capacity * sizeof *grown);
        if (grown == NULL) {
            return error_set_memory(error);
        }
        reindexing->packs = grown;
        reindexing->capacity = capacity;
    }
    reindexing->packs[reindexing->count++] = *pack;
    return STATUS_OK;
}

/* A pack that does not say what is in it is lost with its index: its chunks are stored again. */
static enum status reindex(void *context, struct store *store, size_t number, struct error *error)
{
    struct reindexing *reindexing = context;
    struct writer *writer = reindexing->writer;
    const struct state_pack *stored = &reindexing->packs[number];
    struct index_pack pack = {.size = stored->size};
    memcpy(pack.id, stored->id, OBJECT_ID_SIZE);
    enum status status = pack_fetch_directory(&pack, writer->repo, store, error);
    bool lost = problem_is_local(status, error);
    if (status != STATUS_OK && !lost) {
        return status;
    }
    pthread_mutex_lock(&writer->lock);
    if (lost) {
        char name[OBJECT_NAME_SIZE];
        object_name(name, OBJECT_PACK, stored->id);
        problems_add(&writer->problems, name, error);
        status = state_drop_pack(writer->state, stored->no, error);
    } else {
        status = state_set_directory(writer->state, stored->no, &pack, error);
    }
    pthread_mutex_unlock(&writer->lock);
    free(pack.chunks);
    return status;
}

enum status reindex_packs(struct writer *writer, struct error *error)
{
    struct reindexing reindexing = {.writer = writer};
    enum status status = state_each_unnamed_pack(writer->state, collect, &reindexing, error);
    if (status == STATUS_OK && reindexing.count > 0) {
        status = repo_parallel(writer->repo, reindexing.count, reindex, &reindexing, error);
    }
    free(reindexing.packs);
    return status;
}
