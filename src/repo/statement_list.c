/* statement_list: all good statements and how they build on each other; what is wrong with the
 * others, each named once. A statement proves what it builds on, so that what was taken away from
 * between is missed. */
#include "statement_private.h"
#include <stdlib.h>
#include <string.h>

struct signature {
    unsigned char bytes[SIGN_SIZE];
};

struct gathering {
    struct repo *repo;
    const struct id_list *ids;
    pthread_mutex_t lock; /* of all below */
    struct snapshot_list *list;
    struct signature *signatures; /* of list->items, while they are not yet sorted */
    size_t capacity;
    struct id_list empty;
};

static enum status read_statement(struct statement *statement, struct signature *signature,
                                  struct gathering *gathering, struct store *store,
                                  const unsigned char id[OBJECT_ID_SIZE], struct error *error)
{
    CLEANUP(buffer_free) struct buffer bytes = {0};
    CLEANUP(buffer_free) struct buffer content = {0};
    struct repo *repo = gathering->repo;
    enum status status = object_get(&bytes, repo, store, OBJECT_STATEMENT, id, error);
    if (status == STATUS_OK) {
        status = object_unseal(&content, repo, OBJECT_STATEMENT, &bytes, error);
    }
    if (status == STATUS_OK) {
        status = statement_decode(statement, signature->bytes, repo->id, &content, error);
    }
    if (status == STATUS_OK) {
        memcpy(statement->id, id, OBJECT_ID_SIZE);
        status = statement_judge(statement, repo, error);
    }
    return status;
}

/* Takes the statement over. */
static enum status keep(struct gathering *gathering, struct statement *statement,
                        const struct signature *signature, struct error *error)
{
    struct snapshot_list *list = gathering->list;
    if (list->count == gathering->capacity) {
        size_t wanted = 2 * gathering->capacity + 64;
        struct statement *items = realloc(list->items, wanted * sizeof *items);
        if (items == NULL) {
            return error_set_memory(error);
        }
        list->items = items;
        struct signature *signatures = realloc(gathering->signatures, wanted * sizeof *signatures);
        if (signatures == NULL) {
            return error_set_memory(error);
        }
        gathering->signatures = signatures;
        gathering->capacity = wanted;
    }
    gathering->signatures[list->count] = *signature;
    list->items[list->count++] = *statement;
    *statement = (struct statement){0};
    return STATUS_OK;
}

/* A run that is killed while it publishes leaves an empty statement where nothing can be removed.
 * It is as good as none: one that was stored and then emptied is missed like one that was taken
 * away. */
static bool never_written(struct store *store, const char *name)
{
    uint64_t size = 0;
    struct error ignored = {0};
    return store_size(store, name, &size, &ignored) == STATUS_OK && size == 0;
}

static enum status gather(void *context, struct store *store, size_t number, struct error *error)
{
    struct gathering *gathering = context;
    const unsigned char *id = gathering->ids->ids[number];
    CLEANUP(statement_free) struct statement statement = {0};
    struct signature signature;
    enum status status = read_statement(&statement, &signature, gathering, store, id, error);
    bool local = problem_is_local(status, error);
    if (status != STATUS_OK && !local) {
        return status;
    }
    char name[OBJECT_NAME_SIZE];
    object_name(name, OBJECT_STATEMENT, id);
    bool empty = local && error->status == STATUS_CORRUPT && never_written(store, name);
    pthread_mutex_lock(&gathering->lock);
    if (empty) {
        error_clear(error);
        status = id_list_add(&gathering->empty, id, error);
    } else if (local) {
        problems_add(&gathering->list->problems, name, error);
        error_clear(error);
        status = STATUS_OK;
    } else {
        status = keep(gathering, &statement, &signature, error);
    }
    pthread_mutex_unlock(&gathering->lock);
    return status;
}

/* ---- what they say of each other ---- */

static int compare_ids(const void *a, const void *b)
{
    return memcmp(((const struct statement *)a)->id, ((const struct statement *)b)->id,
                  OBJECT_ID_SIZE);
}

static int compare_age(const void *a, const void *b)
{
    const struct statement *left = a;
    const struct statement *right = b;
    if (left->sequence != right->sequence) {
        return left->sequence < right->sequence ? -1 : 1;
    }
    int order = moment_compare(left->time, right->time);
    return order != 0 ? order : compare_ids(a, b);
}

/* Ids that some statement of the list builds on. */
static enum status collect_parents(struct id_list *parents, const struct snapshot_list *list,
                                   struct error *error)
{
    for (size_t i = 0; i < list->count; i++) {
        for (size_t j = 0; j < list->items[i].parent_count; j++) {
            enum status status = id_list_add(parents, list->items[i].parents[j], error);
            if (status != STATUS_OK) {
                return status;
            }
        }
    }
    id_list_sort(parents);
    return STATUS_OK;
}

struct twin {
    struct signature signature;
    size_t position;
    bool built_on;
};

static int compare_twins(const void *a, const void *b)
{
    const struct twin *left = a;
    const struct twin *right = b;
    int order = memcmp(left->signature.bytes, right->signature.bytes, SIGN_SIZE);
    if (order == 0 && left->built_on != right->built_on) {
        return left->built_on ? -1 : 1;
    }
    return order;
}

/* Who has the repository's secret, but no key to sign with, can seal an old statement anew and so
 * store it twice. The signature is the same; the one that others build on counts. */
static enum status drop_repetitions(struct snapshot_list *list, const struct signature *signatures,
                                    const struct id_list *parents, struct error *error)
{
    CLEANUP(memory_free) struct twin *twins = calloc(list->count + 1, sizeof *twins);
    if (twins == NULL) {
        return error_set_memory(error);
    }
    for (size_t i = 0; i < list->count; i++) {
        twins[i] = (struct twin){signatures[i], i, id_list_has(parents, list->items[i].id)};
    }
    qsort(twins, list->count, sizeof *twins, compare_twins);
    for (size_t i = 1; i < list->count; i++) {
        if (memcmp(&twins[i].signature, &twins[i - 1].signature, SIGN_SIZE) == 0) {
            struct statement *again = &list->items[twins[i].position];
            char name[OBJECT_NAME_SIZE];
            object_name(name, OBJECT_STATEMENT, again->id);
            struct error problem;
            error_set(&problem, STATUS_UNAUTHENTIC, 0, "%s",
                      _("this repeats another statement: somebody stored it a second time"));
            problems_add(&list->problems, name, &problem);
            statement_free(again);
        }
    }
    size_t kept = 0;
    for (size_t i = 0; i < list->count; i++) {
        if (list->items[i].sources != NULL) { /* what was read has them; what was freed has not */
            list->items[kept++] = list->items[i];
        }
    }
    list->count = kept;
    return STATUS_OK;
}

/* Names each statement that somebody builds on and that no object is there for. */
static void name_missing(struct snapshot_list *list, const struct id_list *parents,
                         const struct id_list *there)
{
    for (size_t i = 0; i < parents->count; i++) {
        if (id_list_has(there, parents->ids[i])) {
            continue;
        }
        const struct statement *child = NULL;
        for (size_t j = 0; child == NULL && j < list->count; j++) {
            for (size_t k = 0; k < list->items[j].parent_count; k++) {
                if (memcmp(list->items[j].parents[k], parents->ids[i], OBJECT_ID_SIZE) == 0) {
                    child = &list->items[j];
                }
            }
        }
        if (child == NULL) {
            continue; /* only a repetition built on it */
        }
        char name[OBJECT_NAME_SIZE];
        char text[OBJECT_ID_TEXT_SIZE];
        char time[MOMENT_TEXT_SIZE];
        object_name(name, OBJECT_STATEMENT, parents->ids[i]);
        struct error problem;
        error_set(&problem, STATUS_NOT_FOUND, 0,
                  _("missing: a snapshot that %.8s of %s builds on was removed or is withheld"),
                  hex_encode(text, child->id, OBJECT_ID_SIZE),
                  moment_format_local(time, child->time));
        problems_add(&list->problems, name, &problem);
    }
}

static enum status find_heads(struct snapshot_list *list, const struct id_list *parents,
                              struct error *error)
{
    list->heads = calloc(list->count + 1, sizeof *list->heads);
    if (list->heads == NULL) {
        return error_set_memory(error);
    }
    for (size_t i = 0; i < list->count; i++) {
        if (!id_list_has(parents, list->items[i].id)) {
            list->heads[list->head_count++] = i;
        }
    }
    return STATUS_OK;
}

static void leave_out(struct id_list *ids, struct id_list *which)
{
    id_list_sort(which);
    size_t kept = 0;
    for (size_t i = 0; i < ids->count; i++) {
        if (!id_list_has(which, ids->ids[i])) {
            memmove(ids->ids[kept++], ids->ids[i], OBJECT_ID_SIZE);
        }
    }
    ids->count = kept;
}

static enum status gather_all(struct snapshot_list *list, struct repo *repo, struct id_list *there,
                              struct error *error)
{
    enum status status = problems_copy(&list->problems, &repo->problems, error);
    if (status == STATUS_OK) {
        status = object_list_ids(there, repo, &list->problems, OBJECT_STATEMENT, error);
    }
    if (status != STATUS_OK) {
        return status;
    }
    struct gathering gathering = {repo, there, PTHREAD_MUTEX_INITIALIZER, list, NULL, 0, {0}};
    CLEANUP(id_list_free) struct id_list parents = {0};
    status = repo_parallel(repo, there->count, gather, &gathering, error);
    if (status == STATUS_OK) {
        status = collect_parents(&parents, list, error);
    }
    if (status == STATUS_OK) {
        status = drop_repetitions(list, gathering.signatures, &parents, error);
    }
    leave_out(there, &gathering.empty);
    id_list_free(&gathering.empty);
    free(gathering.signatures);
    pthread_mutex_destroy(&gathering.lock);
    return status;
}

enum status repo_list(struct snapshot_list *list, struct repo *repo, struct error *error)
{
    *list = (struct snapshot_list){0};
    CLEANUP(id_list_free) struct id_list there = {0};
    CLEANUP(id_list_free) struct id_list parents = {0};
    enum status status = gather_all(list, repo, &there, error);
    if (status == STATUS_OK) {
        status = collect_parents(&parents, list, error);
    }
    if (status == STATUS_OK) {
        if (list->count > 0) {
            qsort(list->items, list->count, sizeof *list->items, compare_age);
        }
        name_missing(list, &parents, &there);
        status = find_heads(list, &parents, error);
    }
    if (status != STATUS_OK) {
        snapshot_list_free(list);
        return status;
    }
    problems_sort(&list->problems);
    return STATUS_OK;
}

void snapshot_list_free(struct snapshot_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        statement_free(&list->items[i]);
    }
    free(list->items);
    free(list->heads);
    problems_free(&list->problems);
    *list = (struct snapshot_list){0};
}
