/* check_snapshots: every catalogue that a statement names is there; when data is read, its payload
 * matches its name. */
#include "check.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One name of a catalogue: "snapshots/<id>.<random>". */
struct snapshot_name {
    unsigned char id[OBJECT_ID_SIZE];
    unsigned char random[RANDOM_NAME_DIGITS / 2];
};

struct snapshot_names {
    struct check *check;
    struct snapshot_name *items;
    size_t count;
    size_t capacity;
};

static void snapshot_names_free(struct snapshot_names *names)
{
    free(names->items);
}

static enum status note_name(void *context, const unsigned char id[OBJECT_ID_SIZE],
                             const struct store_entry *entry, struct error *error)
{
    struct snapshot_names *names = context;
    if (names->count == OBJECT_COUNT_LIMIT) {
        return error_set(error, STATUS_CORRUPT, 0,
                         _("the storage lists more objects in %s than a repository can have"),
                         object_folder(OBJECT_SNAPSHOT));
    }
    if (names->count == names->capacity) {
        size_t wanted = 2 * names->capacity + 64;
        struct snapshot_name *items = realloc(names->items, wanted * sizeof *items);
        if (items == NULL) {
            return error_set_memory(error);
        }
        names->items = items;
        names->capacity = wanted;
    }
    struct snapshot_name *name = &names->items[names->count];
    memcpy(name->id, id, OBJECT_ID_SIZE);
    const char *random = strrchr(entry->name, '.') + 1;
    /* An empty one is left of an upload that failed. */
    names->count +=
        hex_decode(name->random, sizeof name->random, random, strlen(random)) && entry->size > 0;
    return STATUS_OK;
}

static int compare_names(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct snapshot_name));
}

/* Position of the first name of the id; names->count if there is none. */
static size_t find_name(const struct snapshot_names *names, const unsigned char id[OBJECT_ID_SIZE])
{
    size_t low = 0;
    size_t high = names->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (memcmp(names->items[middle].id, id, OBJECT_ID_SIZE) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    bool found = low < names->count && memcmp(names->items[low].id, id, OBJECT_ID_SIZE) == 0;
    return found ? low : names->count;
}

/* Any name that verifies will do: a re-sealed header gives an old payload a second one. */
static enum status read_any(const struct snapshot_names *names, struct store *store,
                            const unsigned char id[OBJECT_ID_SIZE], struct error *error)
{
    CLEANUP(buffer_free) struct buffer bytes = {0};
    enum status status = STATUS_NOT_FOUND;
    for (size_t i = find_name(names, id);
         i < names->count && memcmp(names->items[i].id, id, OBJECT_ID_SIZE) == 0; i++) {
        char plain[OBJECT_NAME_SIZE];
        char digits[RANDOM_NAME_DIGITS + 1];
        char name[2 * OBJECT_NAME_SIZE];
        object_name(plain, OBJECT_SNAPSHOT, id);
        snprintf(name, sizeof name, "%s.%s", plain,
                 hex_encode(digits, names->items[i].random, sizeof names->items[i].random));
        status = object_read_verified(&bytes, store, OBJECT_SNAPSHOT, id, name, error);
        if (!problem_is_local(status, error)) {
            break;
        }
    }
    return status;
}

static enum status check_one(void *context, struct store *store, size_t number, struct error *error)
{
    struct snapshot_names *names = context;
    struct check *check = names->check;
    const struct statement *statement = &check->list.items[number];
    enum status status = STATUS_OK;
    if (find_name(names, statement->snapshot) == names->count) {
        char text[OBJECT_ID_TEXT_SIZE];
        char time[MOMENT_TEXT_SIZE];
        status = error_set(error, STATUS_NOT_FOUND, 0,
                           _("missing: the catalogue of snapshot %.8s of %s"),
                           hex_encode(text, statement->id, OBJECT_ID_SIZE),
                           moment_format_local(time, statement->time));
    } else if (check->options->read_percent > 0) {
        status = read_any(names, store, statement->snapshot, error);
    }
    if (problem_is_local(status, error)) {
        pthread_mutex_lock(&check->lock);
        check_tell(check, OBJECT_SNAPSHOT, statement->snapshot, error);
        pthread_mutex_unlock(&check->lock);
        error_clear(error);
        status = STATUS_OK;
    }
    return status;
}

enum status check_snapshots(struct check *check, struct error *error)
{
    CLEANUP(snapshot_names_free) struct snapshot_names names = {.check = check};
    struct store *store = NULL;
    enum status status = repo_take_store(&store, check->repo, error);
    if (status == STATUS_OK) {
        status = object_list(check->repo, store, OBJECT_SNAPSHOT, &check->report->problems,
                             note_name, &names, error);
    }
    repo_give_store(check->repo, store);
    if (status != STATUS_OK) {
        return status;
    }
    if (names.count > 0) {
        qsort(names.items, names.count, sizeof *names.items, compare_names);
    }
    return repo_parallel(check->repo, check->list.count, check_one, &names, error);
}
