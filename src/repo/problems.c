/* problems: what was set aside, in bounded memory. */
#include "repo_private.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void free_item(struct problem *item)
{
    free(item->object);
    free(item->message);
    free(item->hint);
}

static bool add(struct problems *problems, const struct problem *problem)
{
    struct problem copy = {problem->status, strdup(problem->object), strdup(problem->message),
                           strdup(problem->hint)};
    struct problem *items = NULL;
    if (copy.object != NULL && copy.message != NULL && copy.hint != NULL) {
        items = realloc(problems->items, (problems->count + 1) * sizeof *items);
    }
    if (items == NULL) {
        free_item(&copy);
        return false;
    }
    problems->items = items;
    items[problems->count++] = copy;
    problems->loss_items += problem_is_loss(&copy);
    return true;
}

/* Doubles at each power of two: what it has room for needs no word of its own. */
static bool make_room(struct problems *problems)
{
    size_t count = problems->loss_count;
    if (problems->losses != NULL && (count & (count - 1)) != 0) {
        return true;
    }
    struct loss *losses =
        reallocarray(problems->losses, count == 0 ? 1 : 2 * count, sizeof *losses);
    problems->losses = losses != NULL ? losses : problems->losses;
    return losses != NULL;
}

/* Problems of one object mostly come one after another. */
static void add_loss(struct problems *problems, const char *object, uint64_t count)
{
    struct loss *last =
        problems->loss_count == 0 ? NULL : problems->losses + problems->loss_count - 1;
    if (last != NULL && strcmp(last->object, object) == 0) {
        last->count += count;
        return;
    }
    char *copy = problems->loss_count < LOSSES_LIMIT ? strdup(object) : NULL;
    if (copy == NULL || !make_room(problems)) {
        free(copy);
        problems->losses_cut = true;
        return;
    }
    problems->losses[problems->loss_count++] = (struct loss){copy, count};
}

/* Beyond the limit. Whoever accepts losses accepts these, too. */
static void count_only(struct problems *problems, const struct problem *problem)
{
    problems->dropped++;
    if (problem_is_loss(problem)) {
        add_loss(problems, problem->object, 1);
    }
}

/* A loss yields to what is no loss: it may be one of many that were accepted, and its name is kept
 * all the same. */
static bool has_room(struct problems *problems, const struct problem *problem)
{
    bool full = problems->count >= PROBLEMS_LIMIT;
    if (!full || problems->loss_items == 0 || problem_is_loss(problem)) {
        return !full;
    }
    size_t last = problems->count - 1;
    while (!problem_is_loss(&problems->items[last])) {
        last--;
    }
    count_only(problems, &problems->items[last]);
    problems_remove(problems, last);
    return true;
}

void problems_add(struct problems *problems, const char *object, const struct error *error)
{
    char printable[2 * OBJECT_NAME_SIZE];
    struct error copy = *error;
    struct problem problem = {copy.status, text_printable(printable, sizeof printable, object),
                              copy.message, copy.hint};
    if (!has_room(problems, &problem) || !add(problems, &problem)) {
        count_only(problems, &problem);
    }
}

void problems_add_folder(struct problems *problems, const char *folder, const struct error *error)
{
    if (problems->count == PROBLEMS_LIMIT && problems->loss_items == 0) {
        count_only(problems, &problems->items[PROBLEMS_LIMIT - 1]);
        problems_remove(problems, PROBLEMS_LIMIT - 1);
    }
    problems_add(problems, folder, error);
}

void problems_remove(struct problems *problems, size_t number)
{
    problems->loss_items -= problem_is_loss(&problems->items[number]);
    free_item(&problems->items[number]);
    problems->count--;
    memmove(problems->items + number, problems->items + number + 1,
            (problems->count - number) * sizeof *problems->items);
}

void problems_free(struct problems *problems)
{
    for (size_t i = 0; i < problems->count; i++) {
        free_item(&problems->items[i]);
    }
    free(problems->items);
    for (size_t i = 0; i < problems->loss_count; i++) {
        free(problems->losses[i].object);
    }
    free(problems->losses);
    *problems = (struct problems){0};
}

enum status problems_copy(struct problems *to, const struct problems *from, struct error *error)
{
    for (size_t i = 0; i < from->count; i++) {
        if (!has_room(to, &from->items[i])) {
            count_only(to, &from->items[i]);
        } else if (!add(to, &from->items[i])) {
            return error_set_memory(error);
        }
    }
    to->dropped += from->dropped;
    for (size_t i = 0; i < from->loss_count; i++) {
        add_loss(to, from->losses[i].object, from->losses[i].count);
    }
    to->losses_cut = to->losses_cut || from->losses_cut;
    return STATUS_OK;
}

bool problem_is_loss(const struct problem *problem)
{
    static const enum object_kind kinds[] = {OBJECT_STATEMENT, OBJECT_REFERENCES, OBJECT_INDEX,
                                             OBJECT_PACK};
    unsigned char id[OBJECT_ID_SIZE];
    bool object = false;
    for (size_t i = 0; i < LENGTH(kinds); i++) {
        object = object || object_name_parse(id, kinds[i], problem->object);
    }
    /* A missing snapshot is told by its id alone. */
    object = object || strncmp(problem->object, "snapshots/", strlen("snapshots/")) == 0;
    return object && problem->status == STATUS_NOT_FOUND;
}

static int compare(const void *a, const void *b)
{
    const struct problem *left = a;
    const struct problem *right = b;
    int order = strcmp(left->object, right->object);
    return order != 0 ? order : strcmp(left->message, right->message);
}

void problems_sort(struct problems *problems)
{
    if (problems->count > 0) {
        qsort(problems->items, problems->count, sizeof *problems->items, compare);
    }
}

/* What a file system answers for a bad sector, and for structures or checksums of its own that are
 * damaged there. SFTP has one answer for all of it, which is taken for EIO. */
static bool is_bad_place(int os_error)
{
    return os_error == EIO || os_error == EUCLEAN || os_error == EBADMSG;
}

bool problem_is_local(enum status status, const struct error *error)
{
    switch (status) {
    case STATUS_CORRUPT:
    case STATUS_UNAUTHENTIC:
    case STATUS_NOT_FOUND:
    case STATUS_UNSUPPORTED:
    case STATUS_DENIED:
        return true;
    case STATUS_FAILED: /* one bad sector must not hide all other objects */
        return is_bad_place(error->os_error);
    default:
        return false;
    }
}
