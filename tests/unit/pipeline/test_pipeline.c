/* The threads: everything comes out once, in order, on the caller's thread, and can be opened; a
 * failure stops everything; and the pipeline can be freed at any moment. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "kura/pipeline.h"
#include <pthread.h>
#include <signal.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <sys/resource.h>

#define KEPT 8192

static const unsigned char KEY[CHUNK_KEY_SIZE] = {3};
static const struct chunking SMALL = {.minimum = 2048, .average = 8192, .maximum = 32768};

/* A keeper in memory. */
struct kept {
    unsigned char hash[CHUNK_HASH_SIZE];
    struct chunk_reference reference;
    struct buffer sealed;
};

struct keeper {
    pthread_mutex_t lock;
    struct kept kept[KEPT];
    size_t count;
    size_t stored;
    size_t fail_at; /* the store that fails; 0: none */
    bool forget;    /* recognises nothing and keeps nothing */
    bool signals_open;
};

/* What came out, in order. */
struct record {
    struct keeper *keeper;
    struct decompressor *decompressor;
    pthread_t thread;
    struct buffer content; /* opened again */
    size_t chunks;
    size_t known;
    size_t marks;
    size_t content_at_mark;
    size_t fail_at; /* the chunk at which the callback fails; 0: none */
};

static struct kept *find(struct keeper *keeper, const unsigned char hash[CHUNK_HASH_SIZE])
{
    for (size_t i = 0; i < keeper->count; i++) {
        if (memcmp(keeper->kept[i].hash, hash, CHUNK_HASH_SIZE) == 0) {
            return &keeper->kept[i];
        }
    }
    return NULL;
}

static enum status recognise(void *context, const unsigned char hash[CHUNK_HASH_SIZE],
                             uint32_t size, struct chunk_reference *reference, bool *known,
                             struct error *error)
{
    struct keeper *keeper = context;
    (void)error;
    sigset_t blocked;
    pthread_sigmask(SIG_SETMASK, NULL, &blocked);
    pthread_mutex_lock(&keeper->lock);
    keeper->signals_open = keeper->signals_open || sigismember(&blocked, SIGTERM) == 0;
    struct kept *kept = keeper->forget ? NULL : find(keeper, hash);
    *known = kept != NULL;
    if (kept == NULL) {
        kept = &keeper->kept[keeper->forget ? 0 : keeper->count++];
        memcpy(kept->hash, hash, CHUNK_HASH_SIZE);
        chunk_key_derive(kept->reference.key, KEY, keeper->count);
        kept->reference.size = size;
    }
    *reference = kept->reference;
    pthread_mutex_unlock(&keeper->lock);
    return STATUS_OK;
}

static enum status store(void *context, const unsigned char hash[CHUNK_HASH_SIZE],
                         const struct chunk_reference *reference, const void *sealed,
                         size_t sealed_size, struct error *error)
{
    struct keeper *keeper = context;
    (void)reference;
    enum status status = STATUS_OK;
    pthread_mutex_lock(&keeper->lock);
    keeper->stored++;
    if (keeper->stored == keeper->fail_at) {
        status = error_set(error, STATUS_NO_SPACE, 0, "the disk is full");
    } else if (!keeper->forget) {
        status = buffer_append(&find(keeper, hash)->sealed, sealed, sealed_size, error);
    }
    pthread_mutex_unlock(&keeper->lock);
    return status;
}

/* A known chunk may come out while the one that it equals is still being sealed. */
static void await_sealed(struct keeper *keeper, const struct kept *kept)
{
    size_t size = 0;
    while (size == 0) {
        pthread_mutex_lock(&keeper->lock);
        size = kept->sealed.size;
        pthread_mutex_unlock(&keeper->lock);
    }
}

static void open_again(struct record *record, const struct chunk_result *result)
{
    struct error error;
    unsigned char id[CHUNK_ID_SIZE];
    unsigned char context[CHUNK_CONTEXT_SIZE];
    pthread_mutex_lock(&record->keeper->lock);
    const struct kept *kept = find(record->keeper, result->hash);
    pthread_mutex_unlock(&record->keeper->lock);
    await_sealed(record->keeper, kept);
    CLEANUP(memory_free) unsigned char *tagged = malloc(kept->sealed.size);
    chunk_reference_id(id, &result->reference);
    chunk_context(context, (const unsigned char *)"0123456789abcdef", id);
    assert_int_equal(seal_open(tagged, result->reference.key, kept->sealed.data, kept->sealed.size,
                               context, sizeof context, &error),
                     STATUS_OK);
    size_t size = result->reference.size;
    assert_int_equal(buffer_reserve(&record->content, size, &error), STATUS_OK);
    assert_int_equal(decompressor_run(record->decompressor,
                                      record->content.data + record->content.size, size, tagged,
                                      kept->sealed.size - SEAL_OVERHEAD, NULL, &error),
                     STATUS_OK);
    record->content.size += size;
}

static enum status on_chunk(void *context, const struct chunk_result *result, struct error *error)
{
    struct record *record = context;
    assert_true(pthread_equal(pthread_self(), record->thread));
    record->chunks++;
    record->known += result->known;
    if (record->chunks == record->fail_at) {
        return error_set(error, STATUS_CANCELLED, 0, "enough");
    }
    if (!record->keeper->forget) {
        open_again(record, result);
    }
    return STATUS_OK;
}

static enum status on_mark(void *context, struct error *error)
{
    struct record *record = context;
    (void)error;
    assert_true(pthread_equal(pthread_self(), record->thread));
    record->marks++;
    record->content_at_mark = record->content.size;
    return STATUS_OK;
}

struct fixture {
    struct keeper keeper;
    struct record record;
    struct pipeline *pipeline;
    struct error error;
};

static struct fixture *fixture_new(unsigned workers, size_t memory)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    pthread_mutex_init(&fixture->keeper.lock, NULL);
    fixture->record.keeper = &fixture->keeper;
    fixture->record.thread = pthread_self();
    struct pipeline_options options = {.keeper = {&fixture->keeper, recognise, store},
                                       .repository = "0123456789abcde",
                                       .hash_key = KEY,
                                       .chunker_key = KEY,
                                       .level = 3,
                                       .workers = workers,
                                       .memory = memory};
    options.repository[15] = 'f';
    assert_int_equal(decompressor_new(&fixture->record.decompressor, &fixture->error), STATUS_OK);
    assert_int_equal(pipeline_open(&fixture->pipeline, &options, &fixture->error), STATUS_OK);
    return fixture;
}

static void fixture_free(struct fixture *fixture)
{
    pipeline_free(fixture->pipeline);
    for (size_t i = 0; i < KEPT; i++) {
        buffer_free(&fixture->keeper.kept[i].sealed);
    }
    decompressor_free(fixture->record.decompressor);
    buffer_free(&fixture->record.content);
    pthread_mutex_destroy(&fixture->keeper.lock);
    free(fixture);
}

static enum status begin(struct fixture *fixture, struct chunking chunking)
{
    struct pipeline_stream stream = {chunking, NULL, on_chunk, &fixture->record};
    return pipeline_stream_begin(fixture->pipeline, &stream, &fixture->error);
}

/* In uneven pieces of at most `piece` bytes. */
static enum status feed(struct fixture *fixture, const unsigned char *data, size_t size,
                        size_t piece)
{
    enum status status = STATUS_OK;
    size_t at = 0;
    while (at < size && status == STATUS_OK) {
        unsigned char *space;
        size_t room;
        status = pipeline_space(fixture->pipeline, &space, &room, &fixture->error);
        if (status == STATUS_OK) {
            size_t count = piece < room ? piece : room;
            count = count < size - at ? count : size - at;
            memcpy(space, data + at, count);
            at += count;
            piece = piece % 65521 * 3 + 1;
            status = pipeline_advance(fixture->pipeline, count, &fixture->error);
        }
    }
    return status;
}

static unsigned char *noise(size_t size, unsigned char number)
{
    unsigned char seed[randombytes_SEEDBYTES] = {number};
    unsigned char *data = malloc(size);
    randombytes_buf_deterministic(data, size, seed);
    return data;
}

static void expect_content(const struct fixture *fixture, const unsigned char *data, size_t size)
{
    assert_int_equal(fixture->record.content.size, size);
    assert_memory_equal(fixture->record.content.data, data, size);
}

static void run_through(unsigned workers, size_t memory, struct chunking chunking, size_t size)
{
    struct fixture *fixture = fixture_new(workers, memory);
    CLEANUP(memory_free) unsigned char *data = noise(size, (unsigned char)workers);
    memcpy(data + size / 2, data, size / 4); /* some of it twice */
    assert_int_equal(begin(fixture, chunking), STATUS_OK);
    assert_int_equal(feed(fixture, data, size, 7), STATUS_OK);
    assert_int_equal(pipeline_stream_end(fixture->pipeline, &fixture->error), STATUS_OK);
    assert_int_equal(pipeline_drain(fixture->pipeline, &fixture->error), STATUS_OK);
    expect_content(fixture, data, size);
    assert_int_equal(fixture->keeper.stored + fixture->record.known, fixture->record.chunks);
    assert_false(fixture->keeper.signals_open);
    fixture_free(fixture);
}

static void test_content_comes_out_in_order(void **state)
{
    (void)state;
    run_through(1, 0, SMALL, 3000000);
    run_through(4, 0, SMALL, 9000000);
    run_through(0, 0, CHUNKING_CONTENT, 20000000);
    run_through(3, 0, CHUNKING_DATABASE, 20000000);
}

static void test_little_memory_is_enough(void **state)
{
    (void)state;
    const struct chunking huge = {CHUNK_MAXIMUM / 2, CHUNK_MAXIMUM, CHUNK_MAXIMUM};
    run_through(2, 1, SMALL, 5000000);
    run_through(2, 1, huge, 20000000);
    run_through(2, 0, huge, 30000000);
}

static void test_chunks_never_span_streams(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_new(2, 0);
    CLEANUP(memory_free) unsigned char *data = noise(600000, 9);
    size_t at = 0;
    size_t streams = 0;
    while (at < 600000) {
        size_t size = 1 + at % 911;
        size = size < 600000 - at ? size : 600000 - at;
        assert_int_equal(begin(fixture, streams % 7 == 0 ? SMALL : CHUNKING_CONTENT), STATUS_OK);
        assert_int_equal(feed(fixture, data + at, size, 5000), STATUS_OK);
        assert_int_equal(pipeline_stream_end(fixture->pipeline, &fixture->error), STATUS_OK);
        at += size;
        streams++;
        assert_int_equal(
            pipeline_mark(fixture->pipeline, on_mark, &fixture->record, &fixture->error),
            STATUS_OK);
    }
    assert_int_equal(pipeline_drain(fixture->pipeline, &fixture->error), STATUS_OK);
    assert_int_equal(fixture->record.chunks, streams);
    assert_int_equal(fixture->record.marks, streams);
    assert_int_equal(fixture->record.content_at_mark, 600000);
    expect_content(fixture, data, 600000);
    fixture_free(fixture);
}

struct ordered {
    struct fixture *fixture;
    size_t expected;
    size_t *calls;
};

static enum status on_ordered(void *context, struct error *error)
{
    const struct ordered *ordered = context;
    (void)error;
    assert_int_equal(ordered->fixture->record.content.size, ordered->expected);
    ++*ordered->calls;
    return STATUS_OK;
}

static void test_marks_keep_their_place(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_new(3, 0);
    CLEANUP(memory_free) unsigned char *data = noise(3000000, 10);
    static struct ordered marks[3000];
    size_t calls = 0;
    assert_int_equal(begin(fixture, SMALL), STATUS_OK);
    for (size_t i = 0; i < LENGTH(marks); i++) {
        assert_int_equal(feed(fixture, data + i * 1000, 1000, 1000), STATUS_OK);
        assert_int_equal(pipeline_cut(fixture->pipeline, &fixture->error), STATUS_OK);
        marks[i] = (struct ordered){fixture, (i + 1) * 1000, &calls};
        assert_int_equal(pipeline_mark(fixture->pipeline, on_ordered, &marks[i], &fixture->error),
                         STATUS_OK);
    }
    assert_int_equal(pipeline_stream_end(fixture->pipeline, &fixture->error), STATUS_OK);
    assert_int_equal(pipeline_drain(fixture->pipeline, &fixture->error), STATUS_OK);
    assert_int_equal(calls, LENGTH(marks));
    assert_int_equal(fixture->record.chunks, LENGTH(marks));
    expect_content(fixture, data, 3000000);
    fixture_free(fixture);
}

static void test_marks_alone_are_at_once_and_cheap(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_new(1, 0);
    clock_t from = clock();
    for (size_t i = 1; i <= 1000000; i++) {
        assert_int_equal(
            pipeline_mark(fixture->pipeline, on_mark, &fixture->record, &fixture->error),
            STATUS_OK);
        assert_true(fixture->record.marks == i);
    }
    assert_true(clock() - from < 3 * CLOCKS_PER_SEC); /* 0.02 s without sanitizers */
    fixture_free(fixture);
}

static void test_a_full_queue_of_marks(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_new(2, 0);
    CLEANUP(memory_free) unsigned char *data = noise(4000000, 11);
    assert_int_equal(begin(fixture, CHUNKING_CONTENT), STATUS_OK);
    assert_int_equal(feed(fixture, data, 4000000, 4000000), STATUS_OK);
    assert_int_equal(pipeline_cut(fixture->pipeline, &fixture->error), STATUS_OK);
    for (size_t i = 0; i < 10000; i++) {
        assert_int_equal(
            pipeline_mark(fixture->pipeline, on_mark, &fixture->record, &fixture->error),
            STATUS_OK);
    }
    assert_int_equal(pipeline_stream_end(fixture->pipeline, &fixture->error), STATUS_OK);
    assert_int_equal(pipeline_drain(fixture->pipeline, &fixture->error), STATUS_OK);
    assert_int_equal(fixture->record.marks, 10000);
    expect_content(fixture, data, 4000000);
    fixture_free(fixture);
}

static enum status feed_until_failure(struct fixture *fixture)
{
    CLEANUP(memory_free) unsigned char *data = noise(8000000, 12);
    enum status status = begin(fixture, SMALL);
    for (int i = 0; i < 20 && status == STATUS_OK; i++) {
        status = feed(fixture, data, 8000000, 100000);
    }
    if (status == STATUS_OK) {
        status = pipeline_drain(fixture->pipeline, &fixture->error);
    }
    return status;
}

static void test_a_keepers_failure_stops_everything(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_new(3, 0);
    fixture->keeper.fail_at = 50;
    assert_int_equal(feed_until_failure(fixture), STATUS_NO_SPACE);
    assert_string_equal(fixture->error.message, "the disk is full");
    assert_true(fixture->record.chunks < 50);
    size_t chunks = fixture->record.chunks;
    struct pipeline *pipeline = fixture->pipeline;
    struct error error = {0};
    struct chunk_result result;
    unsigned char *space;
    size_t room;
    assert_int_equal(pipeline_space(pipeline, &space, &room, &error), STATUS_NO_SPACE);
    assert_int_equal(pipeline_cut(pipeline, &error), STATUS_NO_SPACE);
    assert_int_equal(pipeline_stream_end(pipeline, &error), STATUS_NO_SPACE);
    assert_int_equal(begin(fixture, SMALL), STATUS_NO_SPACE);
    assert_int_equal(pipeline_mark(pipeline, on_mark, &fixture->record, &error), STATUS_NO_SPACE);
    assert_int_equal(pipeline_drain(pipeline, &error), STATUS_NO_SPACE);
    assert_int_equal(pipeline_store(pipeline, "x", 1, NULL, &result, &error), STATUS_NO_SPACE);
    assert_string_equal(error.message, "the disk is full");
    assert_int_equal(fixture->record.chunks, chunks);
    assert_int_equal(fixture->record.marks, 0);
    fixture_free(fixture);
}

static void test_a_callbacks_failure_stops_everything(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_new(2, 0);
    fixture->record.fail_at = 20;
    assert_int_equal(feed_until_failure(fixture), STATUS_CANCELLED);
    assert_int_equal(fixture->record.chunks, 20);
    assert_int_equal(pipeline_drain(fixture->pipeline, &fixture->error), STATUS_CANCELLED);
    assert_int_equal(fixture->record.chunks, 20);
    fixture_free(fixture);
}

static void test_free_at_any_moment(void **state)
{
    (void)state;
    CLEANUP(memory_free) unsigned char *data = noise(4000000, 13);
    for (size_t size = 0; size <= 4000000; size += 160000) {
        struct fixture *fixture = fixture_new(2, 2000000);
        fixture->keeper.forget = true;
        assert_int_equal(begin(fixture, SMALL), STATUS_OK);
        assert_int_equal(feed(fixture, data, size, 300000), STATUS_OK);
        fixture_free(fixture);
    }
    pipeline_free(NULL);
}

static enum status store_node(void *context, const struct chunk_result *result, struct error *error)
{
    struct fixture *fixture = context;
    struct chunk_result node;
    return pipeline_store(fixture->pipeline, result->hash, CHUNK_HASH_SIZE, NULL, &node, error);
}

static void test_store_at_once(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_new(2, 0);
    struct chunk_result first;
    struct chunk_result second;
    assert_int_equal(pipeline_store(fixture->pipeline, "node", 4, NULL, &first, &fixture->error),
                     STATUS_OK);
    assert_false(first.known);
    assert_int_equal(first.reference.size, 4);
    open_again(&fixture->record, &first);
    expect_content(fixture, (const unsigned char *)"node", 4);
    assert_int_equal(pipeline_store(fixture->pipeline, "node", 4, NULL, &second, &fixture->error),
                     STATUS_OK);
    assert_true(second.known);
    assert_memory_equal(first.reference.key, second.reference.key, CHUNK_KEY_SIZE);
    /* From within a callback, while others are under way. */
    CLEANUP(memory_free) unsigned char *data = noise(3000000, 14);
    struct pipeline_stream stream = {SMALL, NULL, store_node, fixture};
    assert_int_equal(pipeline_stream_begin(fixture->pipeline, &stream, &fixture->error), STATUS_OK);
    assert_int_equal(feed(fixture, data, 3000000, 3000000), STATUS_OK);
    assert_int_equal(pipeline_stream_end(fixture->pipeline, &fixture->error), STATUS_OK);
    assert_int_equal(pipeline_drain(fixture->pipeline, &fixture->error), STATUS_OK);
    assert_int_equal(fixture->keeper.stored % 2, 1); /* the first node; a chunk and a node each */
    assert_true(fixture->keeper.stored > 100);
    fixture_free(fixture);
}

static void test_memory_stays_flat(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_new(2, 4000000);
    fixture->keeper.forget = true;
    CLEANUP(memory_free) unsigned char *data = noise(8000000, 15);
    struct rusage before;
    struct rusage after;
    assert_int_equal(begin(fixture, CHUNKING_CONTENT), STATUS_OK);
    assert_int_equal(feed(fixture, data, 8000000, 1000000), STATUS_OK);
    getrusage(RUSAGE_SELF, &before);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(feed(fixture, data, 8000000, 1000000), STATUS_OK);
    }
    getrusage(RUSAGE_SELF, &after);
    assert_true(after.ru_maxrss - before.ru_maxrss < 12000);
    fixture_free(fixture);
}

static void test_bad_options_are_refused(void **state)
{
    (void)state;
    struct error error;
    struct pipeline *none;
    struct pipeline_options options = {.hash_key = KEY, .chunker_key = KEY, .level = 77};
    assert_int_equal(pipeline_open(&none, &options, &error), STATUS_USAGE);
    struct fixture *fixture = fixture_new(1, 0);
    assert_int_equal(begin(fixture, (struct chunking){0, 0, 0}), STATUS_FAILED);
    assert_int_equal(begin(fixture, SMALL), STATUS_OK);
    assert_int_equal(pipeline_stream_end(fixture->pipeline, &fixture->error), STATUS_OK);
    fixture_free(fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_content_comes_out_in_order),
        cmocka_unit_test(test_little_memory_is_enough),
        cmocka_unit_test(test_chunks_never_span_streams),
        cmocka_unit_test(test_marks_keep_their_place),
        cmocka_unit_test(test_marks_alone_are_at_once_and_cheap),
        cmocka_unit_test(test_a_full_queue_of_marks),
        cmocka_unit_test(test_a_keepers_failure_stops_everything),
        cmocka_unit_test(test_a_callbacks_failure_stops_everything),
        cmocka_unit_test(test_free_at_any_moment),
        cmocka_unit_test(test_store_at_once),
        cmocka_unit_test(test_memory_stays_flat),
        cmocka_unit_test(test_bad_options_are_refused),
    };
    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
