/* vocabulary: finds the byte strings that many samples have in common, and promises that no other
 * bytes come out. A dictionary outlives the rows that it was made from: what identifies one
 * customer must not be in it, though each part of it (a surname, a dialling code) is common. So it
 * is not enough that all windows of a piece are frequent; the whole piece must be.
 *
 *   1. Look quickly which strings seem frequent, and cut the samples into the longest of them.
 *   2. Count the pieces in all samples, comparing all bytes; drop what is in too few.
 *   3. Choose what is used most.
 */
#include "vocabulary.h"
#include "frequent.h"
#include <stdlib.h>
#include <string.h>

#define PIECES_BITS 16
#define PIECES_SIZE ((size_t)1 << PIECES_BITS)
#define USES_MINIMUM 4
#define WINDOW 8
#define WINDOWS_BITS 19
#define RIVALS 16 /* at most so many pieces that begin alike are counted, to bound the time */

/* One string that the samples are cut into. */
struct piece {
    uint64_t hash;
    uint32_t at; /* its first place in the samples */
    uint32_t uses;
    uint16_t length; /* 0: a free slot */
    uint16_t last;   /* the last sample in which it was counted */
    uint16_t samples;
};

struct collection {
    struct samples samples;
    uint8_t *reach;
    struct piece *pieces;
    size_t used;
    uint32_t *first;   /* by hash of how a piece begins: its number plus one, 0: none */
    uint32_t *next;    /* by number plus one: another that begins so */
    uint32_t *windows; /* hashes of what is chosen already */
};

static void collection_free(struct collection *collection)
{
    free(collection->reach);
    free(collection->pieces);
    free(collection->first);
    free(collection->next);
    free(collection->windows);
}

static enum status collection_new(struct collection *collection, struct error *error)
{
    collection->reach = malloc(collection->samples.count * collection->samples.size);
    collection->pieces = calloc(PIECES_SIZE, sizeof *collection->pieces);
    collection->first = calloc(PIECES_SIZE, sizeof *collection->first);
    collection->next = calloc(PIECES_SIZE + 1, sizeof *collection->next);
    collection->windows = calloc((size_t)1 << WINDOWS_BITS, sizeof *collection->windows);
    if (collection->reach == NULL || collection->pieces == NULL || collection->first == NULL ||
        collection->next == NULL || collection->windows == NULL) {
        return error_set_memory(error);
    }
    return STATUS_OK;
}

static const unsigned char *piece_data(const struct collection *collection,
                                       const struct piece *piece)
{
    return collection->samples.data + piece->at;
}

static void piece_use(struct collection *collection, size_t at, size_t length)
{
    uint64_t hash = hash_bytes(collection->samples.data + at, length);
    size_t i = hash >> (64 - PIECES_BITS);
    for (; collection->pieces[i].length != 0; i = (i + 1) % PIECES_SIZE) {
        struct piece *piece = &collection->pieces[i];
        if (piece->hash == hash && piece->length == length) {
            piece->uses++;
            return;
        }
    }
    if (collection->used < PIECES_SIZE / 2) {
        collection->pieces[i] = (struct piece){.hash = hash,
                                               .at = (uint32_t)at,
                                               .length = (uint16_t)length,
                                               .last = UINT16_MAX,
                                               .uses = 1};
        collection->used++;
    }
}

/* The longest frequent strings; and each made longer while all of its windows are frequent, for the
 * lengths that were looked at are few. The count shows which of the two holds. */
static void cut_sample(struct collection *collection, size_t at, size_t end)
{
    while (at < end) {
        size_t length = collection->reach[at];
        if (length == 0 || (at + 1 < end && collection->reach[at + 1] > length)) {
            at++;
            continue;
        }
        size_t more = 0;
        while (more + 1 < length && at + more + 1 < end &&
               collection->reach[at + more + 1] >= length) {
            more++;
        }
        piece_use(collection, at, length);
        if (more > 0) {
            piece_use(collection, at, length + more);
        }
        at += length;
    }
}

static uint64_t piece_worth(const struct piece *piece)
{
    return piece->length == 0 ? 0
                              : (uint64_t)piece->uses * (piece->length - 4u) * 64 / piece->length;
}

static int compare_worth(const void *a, const void *b)
{
    const struct piece *left = a;
    const struct piece *right = b;
    uint64_t left_worth = piece_worth(left);
    uint64_t right_worth = piece_worth(right);
    if (left_worth != right_worth) {
        return left_worth > right_worth ? -1 : 1;
    }
    return left->at < right->at ? -1 : left->at > right->at;
}

/* Sorts the pieces by worth, and drops those of little use. */
static void sort_pieces(struct collection *collection)
{
    qsort(collection->pieces, PIECES_SIZE, sizeof *collection->pieces, compare_worth);
    size_t kept = 0;
    for (size_t i = 0; i < collection->used; i++) {
        if (collection->pieces[i].uses >= USES_MINIMUM) {
            collection->pieces[kept++] = collection->pieces[i];
        }
    }
    collection->used = kept;
}

static uint32_t *find_first(const struct collection *collection, const unsigned char *data)
{
    return &collection->first[hash_bytes(data, FREQUENT_SHORTEST) >> (64 - PIECES_BITS)];
}

static void link_pieces(struct collection *collection)
{
    for (uint32_t i = 0; i < collection->used; i++) {
        uint32_t *link = find_first(collection, piece_data(collection, &collection->pieces[i]));
        unsigned rivals = 0;
        while (*link != 0 && rivals < RIVALS) {
            link = &collection->next[*link];
            rivals++;
        }
        if (*link == 0) {
            *link = i + 1;
        }
    }
}

/* Counts in how many samples each piece occurs, by its bytes. */
static void count_pieces(struct collection *collection)
{
    const struct samples *samples = &collection->samples;
    for (size_t sample = 0; sample < samples->count; sample++) {
        const unsigned char *data = samples->data + sample * samples->size;
        for (size_t left = samples->size; left >= FREQUENT_SHORTEST; left--, data++) {
            for (uint32_t i = *find_first(collection, data); i != 0; i = collection->next[i]) {
                struct piece *piece = &collection->pieces[i - 1];
                if (piece->last != sample && piece->length <= left &&
                    memcmp(data, piece_data(collection, piece), piece->length) == 0) {
                    piece->last = (uint16_t)sample;
                    piece->samples++;
                }
            }
        }
    }
}

/* How many of the piece's windows are not in what is chosen; notes them if asked to. */
static size_t windows_new(struct collection *collection, const struct piece *piece, bool note)
{
    size_t fresh = 0;
    for (size_t i = 0; i + WINDOW <= piece->length; i++) {
        uint64_t hash = hash_bytes(piece_data(collection, piece) + i, WINDOW);
        uint32_t *window = &collection->windows[hash >> (64 - WINDOWS_BITS)];
        fresh += *window != (uint32_t)hash;
        if (note) {
            *window = (uint32_t)hash;
        }
    }
    return fresh;
}

/* Moves to the front, in the order of worth, what is vocabulary and brings something new. */
static void choose_pieces(struct collection *collection, size_t limit)
{
    size_t kept = 0;
    size_t size = 0;
    for (size_t i = 0; i < collection->used; i++) {
        struct piece *piece = &collection->pieces[i];
        /* Stops a record whose parts are common, or that shares a hash with a common string. */
        if (piece->samples < VOCABULARY_SAMPLES) {
            continue;
        }
        size_t windows = piece->length - WINDOW + 1u;
        if (size + piece->length <= limit && windows_new(collection, piece, false) * 2 >= windows) {
            windows_new(collection, piece, true);
            size += piece->length;
            collection->pieces[kept++] = *piece;
        }
    }
    collection->used = kept;
}

enum status vocabulary_collect(struct buffer *words, size_t limit, const unsigned char *samples,
                               size_t sample_size, size_t count, struct error *error)
{
    if (count >= UINT16_MAX || sample_size > UINT32_MAX / UINT16_MAX) {
        return error_set(error, STATUS_FAILED, 0, "%s", _("these are too many samples"));
    }
    CLEANUP(collection_free)
    struct collection collection = {
        .samples = {.data = samples, .size = sample_size, .count = count}};
    enum status status = collection_new(&collection, error);
    if (status == STATUS_OK) {
        status = frequent_find(collection.reach, &collection.samples, VOCABULARY_SAMPLES, error);
    }
    if (status != STATUS_OK) {
        return status;
    }
    for (size_t i = 0; i < count; i += FREQUENT_SAMPLE_STEP) {
        cut_sample(&collection, i * sample_size, (i + 1) * sample_size);
    }
    sort_pieces(&collection);
    link_pieces(&collection);
    count_pieces(&collection);
    choose_pieces(&collection, limit);
    for (size_t i = collection.used; i > 0 && status == STATUS_OK; i--) {
        const struct piece *piece = &collection.pieces[i - 1];
        status = buffer_append(words, piece_data(&collection, piece), piece->length, error);
    }
    return status;
}
