/* object_name: how objects are called, and which names in a listing are an object's. */
#include "repo_private.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const FOLDERS[] = {
    [OBJECT_REPOSITORY] = "repository",
    [OBJECT_HOST] = "hosts",
    [OBJECT_KEYS] = "keys",
    [OBJECT_STATEMENT] = "statements",
    [OBJECT_SNAPSHOT] = "snapshots",
    [OBJECT_REFERENCES] = "references",
    [OBJECT_INDEX] = "index",
    [OBJECT_PACK] = "packs",
    [OBJECT_REGISTER] = "register",
};

const char *object_folder(enum object_kind kind)
{
    return FOLDERS[kind];
}

bool object_is_nameless(enum object_kind kind)
{
    return kind == OBJECT_REPOSITORY || kind == OBJECT_HOST || kind == OBJECT_KEYS ||
           kind == OBJECT_REGISTER;
}

size_t object_limit(enum object_kind kind)
{
    if (object_is_nameless(kind)) {
        return SMALL_OBJECT_LIMIT;
    }
    return kind == OBJECT_PACK       ? PACK_LIMIT
           : kind == OBJECT_SNAPSHOT ? SNAPSHOT_OBJECT_LIMIT
                                     : OBJECT_LIMIT;
}

void object_name(char name[OBJECT_NAME_SIZE], enum object_kind kind,
                 const unsigned char id[OBJECT_ID_SIZE])
{
    char text[OBJECT_ID_TEXT_SIZE];
    hex_encode(text, id, OBJECT_ID_SIZE);
    if (kind == OBJECT_PACK) {
        snprintf(name, OBJECT_NAME_SIZE, "packs/%.2s/%s", text, text);
    } else {
        snprintf(name, OBJECT_NAME_SIZE, "%s/%s", FOLDERS[kind], text);
    }
}

static bool is_random_name(const char *text)
{
    unsigned char ignored[RANDOM_NAME_DIGITS / 2];
    return hex_decode(ignored, sizeof ignored, text, strlen(text));
}

bool object_name_parse(unsigned char id[OBJECT_ID_SIZE], enum object_kind kind, const char *name)
{
    memset(id, 0, OBJECT_ID_SIZE);
    size_t folder = strlen(FOLDERS[kind]);
    if (strncmp(name, FOLDERS[kind], folder) != 0 || name[folder] != '/') {
        return false;
    }
    const char *base = name + folder + 1;
    if (object_is_nameless(kind)) {
        return is_random_name(base);
    }
    const char *shard = base;
    if (kind == OBJECT_PACK) {
        if (strlen(base) < 3 || base[2] != '/') {
            return false;
        }
        base += 3;
    }
    size_t digits = strcspn(base, ".");
    if (!hex_decode(id, OBJECT_ID_SIZE, base, digits) ||
        (kind == OBJECT_PACK && memcmp(shard, base, 2) != 0)) {
        return false;
    }
    return base[digits] == '\0' ? kind != OBJECT_SNAPSHOT : is_random_name(base + digits + 1);
}

unsigned object_folder_count(enum object_kind kind)
{
    return kind == OBJECT_PACK ? 256 : 1;
}

struct listing {
    enum object_kind kind;
    struct problems *problems;
    struct unfinished *unfinished;
    object_visit visit;
    void *context;
};

static void count_unfinished(struct unfinished *unfinished, const struct store_entry *entry)
{
    unfinished->files++;
    if (__builtin_add_overflow(unfinished->bytes, entry->size, &unfinished->bytes)) {
        unfinished->bytes = UINT64_MAX; /* whatever a storage says */
    }
}

/* By its size no object of recovery key or secret, however many of them somebody puts there. */
static bool is_hopeless(enum object_kind kind, uint64_t size)
{
    bool small = kind == OBJECT_REPOSITORY || kind == OBJECT_HOST || kind == OBJECT_KEYS;
    return small && (size == 0 || size > SMALL_OBJECT_LIMIT);
}

static enum status tell_hopeless(const struct listing *listing, const struct store_entry *entry)
{
    if (listing->problems != NULL) {
        struct error problem;
        error_set(&problem, STATUS_CORRUPT, 0, "%s",
                  entry->size == 0 ? _("it is damaged: it is empty")
                                   : _("it is damaged: it is longer than such an object can be"));
        error_set_hint(&problem, "%s",
                       _("Where another one is good, whoever runs the storage can remove this "
                         "one."));
        problems_add(listing->problems, entry->name, &problem);
    }
    return STATUS_OK;
}

static enum status visit_name(void *context, const struct store_entry *entry, struct error *error)
{
    const struct listing *listing = context;
    unsigned char id[OBJECT_ID_SIZE];
    if (entry->unfinished) {
        if (listing->unfinished != NULL) {
            count_unfinished(listing->unfinished, entry);
        }
        return STATUS_OK;
    }
    if (strlen(entry->name) < OBJECT_NAME_SIZE &&
        object_name_parse(id, listing->kind, entry->name)) {
        if (is_hopeless(listing->kind, entry->size)) {
            return tell_hopeless(listing, entry);
        }
        return listing->visit(listing->context, id, entry, error);
    }
    if (listing->problems != NULL) {
        struct error problem;
        error_set(&problem, STATUS_CORRUPT, 0, "%s",
                  _("this is not the name of an object; kura did not put it there"));
        problems_add(listing->problems, entry->name, &problem);
    }
    return STATUS_OK;
}

/* The rest helps itself when such a folder cannot be read. What cannot be told to be complete, the
 * list of snapshots and the register above all, is no list. */
static bool can_do_without(enum object_kind kind)
{
    return kind == OBJECT_PACK || kind == OBJECT_INDEX || kind == OBJECT_REPOSITORY;
}

enum status object_list_folder(struct store *store, enum object_kind kind, unsigned shard,
                               struct problems *problems, struct unfinished *unfinished,
                               object_visit visit, void *context, struct error *error)
{
    char folder[OBJECT_NAME_SIZE];
    if (kind == OBJECT_PACK) {
        snprintf(folder, sizeof folder, "packs/%02x", shard);
    } else {
        snprintf(folder, sizeof folder, "%s", FOLDERS[kind]);
    }
    struct listing listing = {kind, problems, unfinished, visit, context};
    enum status status = store_list_all(store, folder, visit_name, &listing, error);
    /* What lacks is also missed by whoever needs it, so the others need not stop for it. */
    if (status == STATUS_NOT_FOUND || (can_do_without(kind) && problem_is_local(status, error))) {
        if (status == STATUS_NOT_FOUND) {
            error_set(error, STATUS_NOT_FOUND, 0, "%s",
                      _("this folder of the repository is missing"));
        }
        if (problems != NULL) {
            problems_add_folder(problems, folder, error);
        }
        error_clear(error);
        return STATUS_OK;
    }
    return status;
}

enum status object_list(struct repo *repo, struct store *store, enum object_kind kind,
                        struct problems *problems, object_visit visit, void *context,
                        struct error *error)
{
    (void)repo;
    for (unsigned shard = 0; shard < object_folder_count(kind); shard++) {
        enum status status =
            object_list_folder(store, kind, shard, problems, NULL, visit, context, error);
        if (status != STATUS_OK) {
            return status;
        }
    }
    return STATUS_OK;
}

/* ---- collecting ---- */

void id_list_free(struct id_list *list)
{
    free(list->ids);
    *list = (struct id_list){0};
}

void name_list_free(struct name_list *list)
{
    free(list->names);
    *list = (struct name_list){0};
}

/* Room for one more item of `size` bytes; NULL if memory ran out. */
static void *grow(void *items, size_t count, size_t *capacity, size_t size)
{
    if (count < *capacity) {
        return items;
    }
    size_t wanted = *capacity == 0 ? 64 : 2 * *capacity;
    void *grown = realloc(items, wanted * size);
    if (grown != NULL) {
        *capacity = wanted;
    }
    return grown;
}

/* `name`: of one of them. */
static enum status too_many(const char *name, struct error *error)
{
    error_set(error, STATUS_CORRUPT, 0,
              _("the storage lists more objects in %.*s than a repository can have"),
              (int)strcspn(name, "/"), name);
    return error_set_hint(error, "%s",
                          _("Somebody put them there. Whoever runs the storage can remove what "
                            "does not belong, such as all that came at that one time."));
}

enum status id_list_add(struct id_list *list, const unsigned char id[OBJECT_ID_SIZE],
                        struct error *error)
{
    void *ids = grow(list->ids, list->count, &list->capacity, sizeof *list->ids);
    if (ids == NULL) {
        return error_set_memory(error);
    }
    list->ids = ids;
    memcpy(list->ids[list->count++], id, OBJECT_ID_SIZE);
    return STATUS_OK;
}

static int compare_ids(const void *a, const void *b)
{
    return memcmp(a, b, OBJECT_ID_SIZE);
}

void id_list_sort(struct id_list *list)
{
    if (list->count == 0) {
        return;
    }
    qsort(list->ids, list->count, sizeof *list->ids, compare_ids);
    size_t kept = 1;
    for (size_t i = 1; i < list->count; i++) {
        if (memcmp(list->ids[i], list->ids[kept - 1], OBJECT_ID_SIZE) != 0) {
            memmove(list->ids[kept++], list->ids[i], OBJECT_ID_SIZE);
        }
    }
    list->count = kept;
}

bool id_list_has(const struct id_list *list, const unsigned char id[OBJECT_ID_SIZE])
{
    return list->count > 0 &&
           bsearch(id, list->ids, list->count, sizeof *list->ids, compare_ids) != NULL;
}

static enum status collect_id(void *context, const unsigned char id[OBJECT_ID_SIZE],
                              const struct store_entry *entry, struct error *error)
{
    (void)entry;
    struct id_list *list = context;
    return list->count == OBJECT_COUNT_LIMIT ? too_many(entry->name, error)
                                             : id_list_add(list, id, error);
}

enum status object_list_ids(struct id_list *list, struct repo *repo, struct problems *problems,
                            enum object_kind kind, struct error *error)
{
    struct store *store = NULL;
    enum status status = repo_take_store(&store, repo, error);
    if (status == STATUS_OK) {
        status = object_list(repo, store, kind, problems, collect_id, list, error);
    }
    repo_give_store(repo, store);
    id_list_sort(list);
    return status;
}

struct name_collection {
    struct name_list *list;
    size_t limit;
};

static enum status collect_name(void *context, const unsigned char id[OBJECT_ID_SIZE],
                                const struct store_entry *entry, struct error *error)
{
    (void)id;
    const struct name_collection *collection = context;
    struct name_list *list = collection->list;
    if (list->count == collection->limit) {
        return too_many(entry->name, error);
    }
    void *names = grow(list->names, list->count, &list->capacity, sizeof *list->names);
    if (names == NULL) {
        return error_set_memory(error);
    }
    list->names = names;
    snprintf(list->names[list->count++], OBJECT_NAME_SIZE, "%s", entry->name);
    return STATUS_OK;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(a, b);
}

enum status object_list_names(struct name_list *list, struct repo *repo, struct store *store,
                              struct problems *problems, enum object_kind kind, struct error *error)
{
    struct name_collection collection = {list, kind == OBJECT_REGISTER ? REGISTER_COUNT_LIMIT
                                                                       : SMALL_COUNT_LIMIT};
    enum status status = object_list(repo, store, kind, problems, collect_name, &collection, error);
    if (list->count > 0) {
        qsort(list->names, list->count, sizeof *list->names, compare_names);
    }
    return status;
}
