/* pack_search: packs that no index names, by what their own directories say. So an index that is
 * lost takes no chunk with it. */
#include "repo_private.h"
#include <stdlib.h>
#include <string.h>

struct found_pack {
    unsigned char id[OBJECT_ID_SIZE];
    uint64_t size;
};

struct searching {
    struct repo *repo;
    const struct pack_search *search;
    pthread_mutex_t lock; /* of the search's functions, and of what follows */
    struct found_pack *found;
    size_t count;
    size_t capacity;
};

static enum status add(struct searching *searching, const unsigned char id[OBJECT_ID_SIZE],
                       uint64_t size, struct error *error)
{
    if (searching->count == OBJECT_COUNT_LIMIT) {
        return error_set(error, STATUS_CORRUPT, 0,
                         _("the storage lists more objects in %s than a repository can have"),
                         object_folder(OBJECT_PACK));
    }
    if (searching->count == searching->capacity) {
        size_t capacity = searching->capacity == 0 ? 64 : 2 * searching->capacity;
        struct found_pack *grown = realloc(searching->found, capacity * sizeof *grown);
        if (grown == NULL) {
            return error_set_memory(error);
        }
        searching->found = grown;
        searching->capacity = capacity;
    }
    struct found_pack *added = &searching->found[searching->count++];
    memcpy(added->id, id, OBJECT_ID_SIZE);
    added->size = size;
    return STATUS_OK;
}

static enum status see(void *context, const unsigned char id[OBJECT_ID_SIZE],
                       const struct store_entry *entry, struct error *error)
{
    struct searching *searching = context;
    bool known = false;
    pthread_mutex_lock(&searching->lock);
    enum status status = searching->search->is_known(searching->search->context, id, &known, error);
    if (status == STATUS_OK && !known) {
        status = add(searching, id, entry->size, error);
    }
    pthread_mutex_unlock(&searching->lock);
    return status;
}

static enum status list_folder(void *context, struct store *store, size_t number,
                               struct error *error)
{
    return object_list_folder(store, OBJECT_PACK, (unsigned)number, NULL, NULL, see, context,
                              error);
}

/* One that cannot be read or is no pack holds nothing that anybody could use. */
static enum status read_one(void *context, struct store *store, size_t number, struct error *error)
{
    struct searching *searching = context;
    const struct found_pack *found = &searching->found[number];
    struct index_pack pack = {.size = found->size};
    memcpy(pack.id, found->id, OBJECT_ID_SIZE);
    enum status status = pack_fetch_directory(&pack, searching->repo, store, error);
    if (problem_is_local(status, error)) {
        error_clear(error);
        return STATUS_OK;
    }
    if (status == STATUS_OK) {
        pthread_mutex_lock(&searching->lock);
        status = searching->search->visit(searching->search->context, &pack, error);
        pthread_mutex_unlock(&searching->lock);
    }
    free(pack.chunks);
    return status;
}

enum status pack_search(struct repo *repo, const struct pack_search *search, struct error *error)
{
    struct searching searching = {repo, search, PTHREAD_MUTEX_INITIALIZER, NULL, 0, 0};
    enum status status =
        repo_parallel(repo, object_folder_count(OBJECT_PACK), list_folder, &searching, error);
    status = status ? status : repo_parallel(repo, searching.count, read_one, &searching, error);
    free(searching.found);
    pthread_mutex_destroy(&searching.lock);
    return status;
}
