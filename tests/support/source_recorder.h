/* A sink that remembers what a source delivers and checks the rules of the sink while it does.
 *
 * It fails the test when entries are out of order, when content comes without a file, when sizes do
 * not add up, and when anything is called after a call that returned a failure. */
#ifndef KURA_TESTS_SOURCE_RECORDER_H
#define KURA_TESTS_SOURCE_RECORDER_H

#include "kura/source.h"
#include <stdlib.h>
#include <string.h>

#define RECORDER_PIECE 5000           /* bytes of space given at a time; no power of two */
#define RECORDER_HOLE_SHOWN (1 << 20) /* longer holes are only counted */

struct recorded {
    struct entry entry;
    struct buffer content; /* short holes as zeros */
    uint64_t holes;
    bool known;
    bool ended;
    struct source_outcome outcome;
};

struct recorded_warning {
    char *path;
    char message[512];
};

struct recorder {
    struct recorded *entries;
    size_t count;
    size_t capacity;
    struct recorded_warning *warnings;
    size_t warning_count;
    size_t calls;   /* of functions that can fail */
    size_t fail_at; /* this call (from 1) fails; 0: none */
    bool failed;
    bool know_all;
    bool open;          /* a file was begun and not ended */
    uint64_t delivered; /* of it */
    size_t room;        /* given by space and not used */
    size_t row_calls;
    size_t sample_calls;
    unsigned char piece[RECORDER_PIECE];
    /* Called when the source delivers the entry, to change things under its hands. */
    void (*on_entry)(struct recorder *recorder, const struct entry *entry);
    void (*on_known)(struct recorder *recorder, const struct entry *entry);
    void (*on_advance)(struct recorder *recorder);
    void *test;
};

static inline enum status recorder_call(struct recorder *recorder, struct error *error)
{
    assert_false(recorder->failed); /* the source must pass a failure on at once */
    if (++recorder->calls == recorder->fail_at) {
        recorder->failed = true;
        return error_set(error, STATUS_CANCELLED, 0, "stopped at call %zu", recorder->calls);
    }
    return STATUS_OK;
}

static inline struct recorded *recorder_add(struct recorder *recorder, const struct entry *entry)
{
    struct error error;
    assert_false(recorder->open);
    assert_true(entry_path_valid(entry->path));
    if (recorder->count > 0) {
        const char *before = recorder->entries[recorder->count - 1].entry.path;
        assert_true(entry_path_compare(before, entry->path) < 0);
    }
    if (recorder->count == recorder->capacity) {
        recorder->capacity = recorder->capacity == 0 ? 16 : 2 * recorder->capacity;
        recorder->entries =
            realloc(recorder->entries, recorder->capacity * sizeof *recorder->entries);
        assert_non_null(recorder->entries);
    }
    struct recorded *recorded = &recorder->entries[recorder->count++];
    *recorded = (struct recorded){0};
    assert_int_equal(entry_copy(&recorded->entry, entry, &error), STATUS_OK);
    return recorded;
}

static inline enum status recorder_known(void *context, const struct entry *entry, bool *known,
                                         struct error *error)
{
    struct recorder *recorder = context;
    if (recorder_call(recorder, error) != STATUS_OK) {
        return error->status;
    }
    assert_int_equal(entry->attribute_count, 0);
    *known = recorder->know_all;
    if (*known) {
        recorder_add(recorder, entry)->known = true;
    }
    if (recorder->on_known != NULL) {
        recorder->on_known(recorder, entry);
    }
    return STATUS_OK;
}

static inline enum status recorder_entry(void *context, const struct entry *entry,
                                         struct error *error)
{
    struct recorder *recorder = context;
    if (recorder_call(recorder, error) != STATUS_OK) {
        return error->status;
    }
    recorder_add(recorder, entry);
    for (size_t i = 1; i < entry->attribute_count; i++) {
        assert_true(strcmp(entry->attributes[i - 1].name, entry->attributes[i].name) < 0);
    }
    recorder->open = entry->type == ENTRY_FILE;
    recorder->delivered = 0;
    recorder->room = 0;
    if (recorder->on_entry != NULL) {
        recorder->on_entry(recorder, entry);
    }
    return STATUS_OK;
}

static inline enum status recorder_space(void *context, unsigned char **data, size_t *size,
                                         struct error *error)
{
    struct recorder *recorder = context;
    if (recorder_call(recorder, error) != STATUS_OK) {
        return error->status;
    }
    assert_true(recorder->open);
    *data = recorder->piece;
    *size = recorder->room = sizeof recorder->piece;
    return STATUS_OK;
}

static inline enum status recorder_advance(void *context, size_t size, struct error *error)
{
    struct recorder *recorder = context;
    if (recorder_call(recorder, error) != STATUS_OK) {
        return error->status;
    }
    assert_true(recorder->open);
    assert_true(size > 0 && size <= recorder->room);
    struct recorded *recorded = &recorder->entries[recorder->count - 1];
    assert_int_equal(buffer_append(&recorded->content, recorder->piece, size, error), STATUS_OK);
    recorder->delivered += size;
    recorder->room = 0;
    if (recorder->on_advance != NULL) {
        recorder->on_advance(recorder);
    }
    return STATUS_OK;
}

static inline enum status recorder_hole(void *context, uint64_t size, struct error *error)
{
    struct recorder *recorder = context;
    if (recorder_call(recorder, error) != STATUS_OK) {
        return error->status;
    }
    assert_true(recorder->open);
    assert_true(size > 0);
    struct recorded *recorded = &recorder->entries[recorder->count - 1];
    recorded->holes += size;
    recorder->delivered += size;
    if (size <= RECORDER_HOLE_SHOWN) {
        assert_int_equal(buffer_reserve(&recorded->content, size, error), STATUS_OK);
        memset(recorded->content.data + recorded->content.size, 0, size);
        recorded->content.size += size;
    }
    return STATUS_OK;
}

static inline enum status recorder_cut(void *context, struct error *error)
{
    struct recorder *recorder = context;
    if (recorder_call(recorder, error) != STATUS_OK) {
        return error->status;
    }
    assert_true(recorder->open);
    return STATUS_OK;
}

static inline enum status recorder_end(void *context, const struct source_outcome *outcome,
                                       struct error *error)
{
    struct recorder *recorder = context;
    if (recorder_call(recorder, error) != STATUS_OK) {
        return error->status;
    }
    assert_true(recorder->open);
    recorder->open = false;
    struct recorded *recorded = &recorder->entries[recorder->count - 1];
    recorded->ended = true;
    recorded->outcome = *outcome;
    assert_true(outcome->size == recorder->delivered);
    return STATUS_OK;
}

static inline enum status recorder_sample(void *context, const unsigned char *samples,
                                          size_t sample_size, size_t count, struct error *error)
{
    struct recorder *recorder = context;
    if (recorder_call(recorder, error) != STATUS_OK) {
        return error->status;
    }
    assert_int_equal(recorder->count, 0); /* before the first entry */
    assert_non_null(samples);
    assert_true(sample_size > 0 && count > 0);
    recorder->sample_calls++;
    return STATUS_OK;
}

static inline enum status recorder_rows(void *context, const char *table, uint64_t rows,
                                        struct error *error)
{
    struct recorder *recorder = context;
    (void)rows;
    if (recorder_call(recorder, error) != STATUS_OK) {
        return error->status;
    }
    assert_non_null(table);
    recorder->row_calls++;
    return STATUS_OK;
}

static inline enum status recorder_waiting(void *context, struct error *error)
{
    return recorder_call(context, error);
}

static inline void recorder_warn(void *context, const char *path, const struct error *problem)
{
    struct recorder *recorder = context;
    assert_false(recorder->failed);
    assert_true(problem->message[0] != '\0');
    recorder->warnings =
        realloc(recorder->warnings, (recorder->warning_count + 1) * sizeof *recorder->warnings);
    assert_non_null(recorder->warnings);
    struct recorded_warning *warning = &recorder->warnings[recorder->warning_count++];
    warning->path = path == NULL ? NULL : strdup(path);
    memcpy(warning->message, problem->message, sizeof warning->message - 1);
    warning->message[sizeof warning->message - 1] = '\0';
}

static inline struct source_sink recorder_sink(struct recorder *recorder)
{
    return (struct source_sink){.context = recorder,
                                .known = recorder_known,
                                .entry = recorder_entry,
                                .space = recorder_space,
                                .advance = recorder_advance,
                                .hole = recorder_hole,
                                .cut = recorder_cut,
                                .end = recorder_end,
                                .sample = recorder_sample,
                                .rows = recorder_rows,
                                .waiting = recorder_waiting,
                                .warn = recorder_warn};
}

static inline void recorder_free(struct recorder *recorder)
{
    for (size_t i = 0; i < recorder->count; i++) {
        entry_free(&recorder->entries[i].entry);
        buffer_free(&recorder->entries[i].content);
    }
    for (size_t i = 0; i < recorder->warning_count; i++) {
        free(recorder->warnings[i].path);
    }
    free(recorder->entries);
    free(recorder->warnings);
}

/* NULL if no such entry came. */
static inline const struct recorded *recorder_find(const struct recorder *recorder,
                                                   const char *path)
{
    for (size_t i = 0; i < recorder->count; i++) {
        if (strcmp(recorder->entries[i].entry.path, path) == 0) {
            return &recorder->entries[i];
        }
    }
    return NULL;
}

static inline const struct recorded *recorder_get(const struct recorder *recorder, const char *path)
{
    const struct recorded *recorded = recorder_find(recorder, path);
    if (recorded == NULL) {
        fail_msg("no entry %s", path);
    }
    return recorded;
}

static inline bool recorder_warned(const struct recorder *recorder, const char *path,
                                   const char *part)
{
    for (size_t i = 0; i < recorder->warning_count; i++) {
        const struct recorded_warning *warning = &recorder->warnings[i];
        if (warning->path != NULL && strcmp(warning->path, path) == 0 &&
            strstr(warning->message, part) != NULL) {
            return true;
        }
    }
    return false;
}

#endif
