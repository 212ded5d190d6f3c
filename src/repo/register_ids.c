/* register_ids: which entries there are, or must be. */
#include "register_private.h"
#include <stdlib.h>
#include <string.h>

static int compare_ids(const void *a, const void *b)
{
    return memcmp(a, b, ERASURE_ID_SIZE);
}

static void sort(struct erasure_ids *ids)
{
    size_t kept = 0;
    if (ids->count > 0) {
        qsort(ids->items, ids->count, ERASURE_ID_SIZE, compare_ids);
    }
    for (size_t i = 0; i < ids->count; i++) {
        if (kept == 0 || compare_ids(ids->items[kept - 1], ids->items[i]) != 0) {
            memmove(ids->items[kept++], ids->items[i], ERASURE_ID_SIZE);
        }
    }
    ids->count = kept;
}

static enum status reserve(struct erasure_ids *ids, size_t more, struct error *error)
{
    void *items = realloc(ids->items, (ids->count + more + 1) * ERASURE_ID_SIZE);
    if (items == NULL) {
        return error_set_memory(error);
    }
    ids->items = items;
    return STATUS_OK;
}

/* Nearly all statements name the same: only what is new takes memory. */
static enum status add_sworn(struct erasure_ids *ids, const struct statement *statement,
                             struct error *error)
{
    const struct erasure_ids known = *ids;
    size_t more = 0;
    for (size_t i = 0; i < statement->erasure_count; i++) {
        more += !register_ids_have(&known, statement->erasures[i]);
    }
    if (more == 0) {
        return STATUS_OK;
    }
    enum status status = reserve(ids, more, error);
    if (status != STATUS_OK) {
        return status;
    }
    const struct erasure_ids sorted = *ids;
    for (size_t i = 0; i < statement->erasure_count; i++) {
        if (!register_ids_have(&sorted, statement->erasures[i])) {
            memcpy(ids->items[ids->count++], statement->erasures[i], ERASURE_ID_SIZE);
        }
    }
    sort(ids);
    return STATUS_OK;
}

static enum status add_there(struct erasure_ids *ids, const struct erasure_register *entries,
                             struct error *error)
{
    enum status status = reserve(ids, entries->count + entries->settled_count, error);
    if (status != STATUS_OK) {
        return status;
    }
    for (size_t i = 0; i < entries->count; i++) {
        memcpy(ids->items[ids->count++], entries->items[i].id, ERASURE_ID_SIZE);
    }
    for (size_t i = 0; i < entries->settled_count; i++) {
        memcpy(ids->items[ids->count++], entries->settled[i].id, ERASURE_ID_SIZE);
    }
    sort(ids);
    return STATUS_OK;
}

enum status register_ids(struct erasure_ids *ids, const struct snapshot_list *list,
                         const struct erasure_register *entries, struct error *error)
{
    *ids = (struct erasure_ids){0};
    enum status status = STATUS_OK;
    for (size_t i = 0; status == STATUS_OK && i < list->count; i++) {
        status = add_sworn(ids, &list->items[i], error);
    }
    if (status == STATUS_OK && entries != NULL) {
        status = add_there(ids, entries, error);
    }
    if (status != STATUS_OK) {
        register_ids_free(ids);
    }
    return status;
}

void register_ids_free(struct erasure_ids *ids)
{
    free(ids->items);
    *ids = (struct erasure_ids){0};
}

bool register_ids_have(const struct erasure_ids *ids, const unsigned char id[ERASURE_ID_SIZE])
{
    return ids->count > 0 &&
           bsearch(id, ids->items, ids->count, ERASURE_ID_SIZE, compare_ids) != NULL;
}
