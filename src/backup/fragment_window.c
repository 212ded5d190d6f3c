/* fragment_window: where the new stream is in the remembered one. Both go forward, and what stays
 * keeps its order, so a window of some MiB around the place that was reached last finds
 * nearly all. Where much was inserted, it waits; where much was deleted, two anchors in a row,
 * found far ahead, tell how far it has to go. Beyond that whole chunks are still recognised. */
#include "fragments.h"
#include <stdlib.h>
#include <string.h>

#define WINDOW 65536u       /* fragments, a power of 2 */
#define AHEAD (WINDOW / 2u) /* of the place that was reached */
#define HEADS 65536u
#define NEAR 64u       /* that are looked at one after another */
#define CANDIDATES 32u /* of one hash that are looked at */

struct kept {
    struct fragment fragment;
    uint32_t older; /* distance to the one before with the same hash; 0: none */
    bool used;
};

struct fragment_window {
    struct fragment_input *input;
    const struct fragment_table *table;
    uint32_t *by_mark;    /* the table's anchors, sorted by mark */
    uint32_t last_anchor; /* the one that was met last, far ahead; or anchor_count */
    struct kept ring[WINDOW];
    uint64_t heads[HEADS]; /* number of the newest with this hash, + 1; 0: none */
    uint64_t begin, end;   /* numbers that are in the ring */
    uint64_t place;        /* number of what is expected next */
    bool exhausted;
};

bool fragment_is_anchor(const unsigned char mark[MARK_SIZE])
{
    return mark[MARK_SIZE - 1] == 0;
}

static size_t hash_of(const unsigned char *mark)
{
    return mark[0] | (size_t)mark[1] << 8;
}

static int compare_marks(const void *a, const void *b, void *table)
{
    const struct fragment_anchor *anchors = ((const struct fragment_table *)table)->anchors;
    return memcmp(anchors[*(const uint32_t *)a].mark, anchors[*(const uint32_t *)b].mark,
                  MARK_SIZE);
}

static enum status sort_anchors(struct fragment_window *window, struct error *error)
{
    struct fragment_table table = *window->table;
    window->by_mark = calloc((size_t)table.anchor_count + 1, sizeof *window->by_mark);
    if (window->by_mark == NULL) {
        return error_set_memory(error);
    }
    for (uint32_t i = 0; i < table.anchor_count; i++) {
        window->by_mark[i] = i;
    }
    qsort_r(window->by_mark, table.anchor_count, sizeof *window->by_mark, compare_marks, &table);
    window->last_anchor = table.anchor_count;
    return STATUS_OK;
}

enum status fragment_window_new(struct fragment_window **window, struct fragment_input *input,
                                const struct fragment_table *table, struct error *error)
{
    struct fragment_window *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return error_set_memory(error);
    }
    made->input = input;
    made->table = table;
    enum status status = sort_anchors(made, error);
    if (status != STATUS_OK) {
        free(made);
        return status;
    }
    *window = made;
    return STATUS_OK;
}

void fragment_window_free(struct fragment_window *window)
{
    if (window != NULL) {
        free(window->by_mark);
        free(window);
    }
}

static struct kept *kept(struct fragment_window *window, uint64_t number)
{
    return &window->ring[number % WINDOW];
}

static enum status read_one(struct fragment_window *window, struct error *error)
{
    struct kept *fresh = kept(window, window->end);
    bool got = false;
    enum status status = fragment_input_next(window->input, &fresh->fragment, &got, error);
    window->exhausted = !got;
    if (status != STATUS_OK || !got) {
        return status;
    }
    uint64_t *head = &window->heads[hash_of(fresh->fragment.mark)];
    uint64_t distance = *head == 0 ? 0 : window->end + 1 - *head;
    fresh->older = distance < WINDOW ? (uint32_t)distance : 0;
    fresh->used = false;
    *head = ++window->end;
    window->begin = window->end > WINDOW ? window->end - WINDOW : 0;
    return STATUS_OK;
}

static enum status move_to(struct fragment_window *window, uint64_t place, struct error *error)
{
    enum status status = STATUS_OK;
    window->place = place;
    while (status == STATUS_OK && !window->exhausted && window->end < place + AHEAD) {
        status = read_one(window, error);
    }
    return status;
}

static bool is_it(const struct kept *candidate, const unsigned char *mark, uint32_t size)
{
    return !candidate->used && candidate->fragment.size == size &&
           memcmp(candidate->fragment.mark, mark, MARK_SIZE) == 0;
}

static bool find_ahead(uint64_t *number, struct fragment_window *window, const unsigned char *mark,
                       uint32_t size)
{
    uint64_t end = window->place + NEAR < window->end ? window->place + NEAR : window->end;
    for (*number = window->place; *number < end; (*number)++) {
        if (is_it(kept(window, *number), mark, size)) {
            return true;
        }
    }
    return false;
}

/* The only one with this mark: of several, none tells where the stream is, and the window would run
 * away after the farthest. */
static bool find_alone(uint64_t *number, struct fragment_window *window, const unsigned char *mark,
                       uint32_t size)
{
    unsigned found = 0, seen = 0;
    for (uint64_t at = window->heads[hash_of(mark)]; at > window->begin && found < 2; seen++) {
        const struct kept *candidate = kept(window, at - 1);
        if (seen == CANDIDATES) {
            return false;
        }
        if (is_it(candidate, mark, size)) {
            *number = at - 1;
            found++;
        }
        at = candidate->older == 0 ? 0 : at - candidate->older;
    }
    return found == 1;
}

static bool find_near(uint64_t *number, struct fragment_window *window, const unsigned char *mark,
                      uint32_t size)
{
    return find_ahead(number, window, mark, size) || find_alone(number, window, mark, size);
}

/* The only anchor with this mark, or anchor_count. */
static uint32_t find_anchor(const struct fragment_window *window, const unsigned char *mark)
{
    const struct fragment_table *table = window->table;
    uint32_t low = 0, high = table->anchor_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (memcmp(table->anchors[window->by_mark[middle]].mark, mark, MARK_SIZE) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    bool found = low < table->anchor_count &&
                 memcmp(table->anchors[window->by_mark[low]].mark, mark, MARK_SIZE) == 0;
    bool alone = low + 1 >= table->anchor_count ||
                 memcmp(table->anchors[window->by_mark[low + 1]].mark, mark, MARK_SIZE) != 0;
    return found && alone ? window->by_mark[low] : table->anchor_count;
}

/* One anchor far ahead may be there by chance: two that follow each other are not. */
static enum status look_far(struct fragment_window *window, const unsigned char *mark,
                            struct error *error)
{
    const struct fragment_table *table = window->table;
    uint32_t anchor = fragment_is_anchor(mark) ? find_anchor(window, mark) : table->anchor_count;
    if (anchor == table->anchor_count || table->anchors[anchor].number < window->end) {
        return STATUS_OK;
    }
    bool follows = anchor > 0 && anchor - 1 == window->last_anchor;
    window->last_anchor = anchor;
    return follows ? move_to(window, table->anchors[anchor].number, error) : STATUS_OK;
}

enum status fragment_window_find(const struct fragment **found, struct fragment_window *window,
                                 const unsigned char mark[MARK_SIZE], uint32_t size,
                                 struct error *error)
{
    *found = NULL;
    uint64_t number = 0;
    enum status status = move_to(window, window->place, error);
    if (status == STATUS_OK && !find_near(&number, window, mark, size)) {
        status = look_far(window, mark, error);
        if (status != STATUS_OK || !find_near(&number, window, mark, size)) {
            return status;
        }
    }
    if (status != STATUS_OK) {
        return status;
    }
    struct kept *hit = kept(window, number);
    hit->used = true;
    *found = &hit->fragment;
    /* What was expected may still come: a step back moves nothing. */
    window->place = number + 1 > window->place ? number + 1 : window->place;
    return STATUS_OK;
}
