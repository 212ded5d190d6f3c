/* Chunks come out whole and right, or not at all: one by one, many at once, past damage. */
#include "../../../src/repo/chunk_reader.h"
#include "backup_world.h"

#define COUNT 400u
#define SIZE 9000u

/* Chunks of one source, one of them under a dictionary, published and opened again. */
struct shelf {
    const struct world *world;
    struct chunk_result results[COUNT];
    unsigned char *content;
    struct statement statement;
    struct repo *repo;
    struct snapshot *snapshot;
    struct chunk_reader *reader;
    const struct catalogue_source *source;
};

/* Records of 64 bytes: a sentence of a common vocabulary, and some bytes that are their own. */
static void make_samples(struct buffer *samples)
{
    static char words[600][48];
    for (size_t i = 0; i < LENGTH(words); i++) {
        for (size_t k = 0; k < sizeof words[i]; k++) {
            words[i][k] = (char)('a' + randombytes_uniform(26));
        }
    }
    fill_random(samples, (size_t)COUNT * SIZE);
    for (size_t at = 0; at + 64 <= samples->size; at += 64) {
        memcpy(samples->data + at, words[randombytes_uniform(LENGTH(words))], sizeof words[0]);
    }
}

static void shelf_open(struct shelf *shelf)
{
    struct error error = {0};
    struct repo_access access = identity_access(shelf->world);
    assert_good(repo_open(&shelf->repo, &access, &error));
    assert_good(snapshot_open(&shelf->snapshot, shelf->repo, &shelf->statement, &error));
    assert_good(chunk_reader_new(&shelf->reader, shelf->snapshot, &error));
    shelf->source = snapshot_source(shelf->snapshot, 0);
}

static void shelf_close(struct shelf *shelf)
{
    chunk_reader_free(shelf->reader);
    snapshot_free(shelf->snapshot);
    repo_free(shelf->repo);
}

static void store_all(struct shelf *shelf, struct night *night, const struct dictionary *dictionary)
{
    struct error error = {0};
    for (unsigned i = 0; i < COUNT; i++) {
        assert_good(pipeline_store(night->pipeline, shelf->content + (size_t)i * SIZE, SIZE - i,
                                   dictionary, &shelf->results[i], &error));
        assert_good(count_chunk(night, &shelf->results[i], &error));
    }
}

static void shelf_fill(struct shelf *shelf, struct world *world)
{
    struct error error = {0};
    struct night night;
    struct buffer samples = {0};
    struct buffer bytes = {0};
    struct dictionary *dictionary = NULL;
    *shelf = (struct shelf){.world = world};
    make_samples(&samples);
    shelf->content = samples.data;
    night_open(&night, world);
    assert_good(dictionary_train(&bytes, samples.data, 3000, 3 * COUNT, &error));
    assert_good(dictionary_new(&dictionary, bytes.data, bytes.size, 3, &error));
    struct chunk_result stored;
    assert_good(pipeline_store(night.pipeline, bytes.data, bytes.size, NULL, &stored, &error));
    assert_good(count_chunk(&night, &stored, &error));
    store_all(shelf, &night, dictionary);
    struct catalogue_dictionary entry = {dictionary_id(dictionary), stored.reference};
    struct catalogue_source source = {
        .words = {.name = (char[]){"x"}, .kind = (char[]){"sqlite"}, .persons = -1},
        .dictionaries = &entry,
        .dictionary_count = 1};
    struct publication publication = {.sources = &source, .source_count = 1};
    assert_good(night_uses(&night, &error));
    assert_good(writer_publish(&shelf->statement, night.writer, &publication, &error));
    night_close(&night);
    dictionary_free(dictionary);
    buffer_free(&bytes);
    shelf_open(shelf);
}

static int setup(void **state)
{
    struct shelf *shelf = calloc(1, sizeof *shelf);
    void *world;
    world_setup(&world);
    shelf_fill(shelf, world);
    *state = shelf;
    return 0;
}

static int teardown(void **state)
{
    struct shelf *shelf = *state;
    void *world = (void *)(uintptr_t)shelf->world;
    shelf_close(shelf);
    statement_free(&shelf->statement);
    free(shelf->content);
    free(shelf);
    return world_teardown(&world);
}

static void check_one(struct shelf *shelf, unsigned i)
{
    struct error error = {0};
    unsigned char target[SIZE];
    assert_good(chunk_reader_get(shelf->reader, shelf->source, &shelf->results[i].reference, target,
                                 &error));
    assert_memory_equal(target, shelf->content + (size_t)i * SIZE, SIZE - i);
}

static void test_one_by_one(void **state)
{
    struct shelf *shelf = *state;
    for (unsigned i = 0; i < COUNT; i++) {
        check_one(shelf, i);
    }
    for (unsigned i = 0; i < COUNT; i += 7) {
        check_one(shelf, COUNT - 1 - i);
    }
}

static void test_dictionary_is_needed(void **state)
{
    struct shelf *shelf = *state;
    struct error error = {0};
    unsigned char target[SIZE];
    assert_int_equal(
        chunk_reader_get(shelf->reader, NULL, &shelf->results[3].reference, target, &error),
        STATUS_CORRUPT);
    assert_non_null(strstr(error.message, "packs/"));
}

struct counted {
    struct shelf *shelf;
    unsigned good;
    unsigned damaged;
    unsigned elsewhere; /* of the good ones */
};

static enum status take(void *context, const struct chunk_wish *wish, const unsigned char *content,
                        const struct error *damage, struct error *error)
{
    (void)error;
    struct counted *counted = context;
    if (content == NULL) {
        assert_true(damage->message[0] != '\0');
        counted->damaged++;
        return STATUS_OK;
    }
    counted->elsewhere += damage != NULL;
    assert_int_equal(wish->reference.size, SIZE - wish->tag);
    assert_memory_equal(content, counted->shelf->content + wish->tag * SIZE, SIZE - wish->tag);
    counted->good++;
    return STATUS_OK;
}

static struct counted get_many(struct shelf *shelf)
{
    struct error error = {0};
    static struct chunk_wish wishes[COUNT];
    for (unsigned i = 0; i < COUNT; i++) {
        wishes[i] = (struct chunk_wish){
            .reference = shelf->results[i].reference, .source = shelf->source, .tag = i};
        assert_good(
            snapshot_locate(&wishes[i].location, shelf->snapshot, &wishes[i].reference, &error));
    }
    struct counted counted = {.shelf = shelf};
    assert_good(chunk_reader_get_many(shelf->reader, wishes, COUNT, take, &counted, &error));
    return counted;
}

static void test_many_at_once(void **state)
{
    struct counted counted = get_many(*state);
    assert_int_equal(counted.good, COUNT);
    assert_int_equal(counted.damaged, 0);
    assert_int_equal(counted.elsewhere, 0);
}

static void pack_of(char name[OBJECT_NAME_SIZE], struct shelf *shelf, struct location *location)
{
    struct error error = {0};
    assert_good(snapshot_locate(location, shelf->snapshot, &shelf->results[5].reference, &error));
    object_name(name, OBJECT_PACK, location->pack);
}

static void test_damage_is_one_chunk_wide(void **state)
{
    struct shelf *shelf = *state;
    struct error error = {0};
    char name[OBJECT_NAME_SIZE];
    struct location location;
    unsigned char target[SIZE];
    pack_of(name, shelf, &location);
    flip_byte(shelf->world, name, location.offset + 30);
    shelf_close(shelf);
    shelf_open(shelf);
    assert_int_equal(chunk_reader_get(shelf->reader, shelf->source, &shelf->results[5].reference,
                                      target, &error),
                     STATUS_CORRUPT);
    assert_non_null(strstr(error.message, name));
    check_one(shelf, 6);
    struct counted counted = get_many(shelf);
    assert_int_equal(counted.good, COUNT - 1);
    assert_int_equal(counted.damaged, 1);
}

static void test_short_and_missing_packs(void **state)
{
    struct shelf *shelf = *state;
    struct error error = {0};
    char name[OBJECT_NAME_SIZE];
    struct location location;
    unsigned char target[SIZE];
    struct buffer bytes = {0};
    pack_of(name, shelf, &location);
    read_object(&bytes, shelf->world, name);
    write_object(shelf->world, name, bytes.data, location.offset + 10);
    assert_int_equal(chunk_reader_get(shelf->reader, shelf->source, &shelf->results[5].reference,
                                      target, &error),
                     STATUS_CORRUPT);
    remove_object(shelf->world, name);
    shelf_close(shelf);
    shelf_open(shelf);
    assert_int_equal(chunk_reader_get(shelf->reader, shelf->source, &shelf->results[5].reference,
                                      target, &error),
                     STATUS_NOT_FOUND);
    buffer_free(&bytes);
}

/* Garbage under the pack's own name, the pack under another: what verifies is taken. */
static void test_garbage_under_the_first_name(void **state)
{
    struct shelf *shelf = *state;
    char name[OBJECT_NAME_SIZE];
    char other[OBJECT_NAME_SIZE + 40];
    struct location location;
    struct buffer bytes = {0};
    pack_of(name, shelf, &location);
    read_object(&bytes, shelf->world, name);
    snprintf(other, sizeof other, "%s.0123456789abcdef0123456789abcdef", name);
    write_object(shelf->world, other, bytes.data, bytes.size);
    memset(bytes.data, 0x33, bytes.size);
    write_object(shelf->world, name, bytes.data, bytes.size);
    buffer_free(&bytes);
    check_one(shelf, 5);
    struct counted counted = get_many(shelf);
    assert_int_equal(counted.good, COUNT);
}

/* A second host stored the same content anew, so another pack holds a chunk of the same id. */
static void test_another_pack_with_the_chunk_is_tried(void **state)
{
    struct shelf *shelf = *state;
    struct error error = {0};
    char name[OBJECT_NAME_SIZE];
    struct location location;
    pack_of(name, shelf, &location);
    struct buffer bytes = {0};
    struct buffer packed = {0};
    struct buffer content = {0};
    read_object(&bytes, shelf->world, name);
    struct index_chunk chunk = {.size = location.size};
    chunk_reference_id(chunk.id, &shelf->results[5].reference);
    struct index_pack pack = {.chunks = &chunk, .count = 1};
    const unsigned char *sealed = bytes.data + location.offset;
    assert_good(pack_build(&packed, &pack, shelf->world->repo, &sealed, &error));
    assert_good(object_put(shelf->world->repo, shelf->world->direct, OBJECT_PACK, pack.id, &packed,
                           &error));
    assert_good(buffer_append_u32(&content, 1, &error));
    assert_good(index_pack_encode(&content, &pack, &error));
    unsigned char id[OBJECT_ID_SIZE];
    put_sealed(id, shelf->world, OBJECT_INDEX, &content);
    flip_byte(shelf->world, name, location.offset + 30);
    shelf_close(shelf);
    shelf_open(shelf);
    check_one(shelf, 5);
    buffer_free(&bytes);
    buffer_free(&packed);
    buffer_free(&content);
}

/* Stores an index that says of each chunk of the pack that it lies where another one does. */
static void put_lying_index(struct shelf *shelf, const char *name, const struct location *location)
{
    struct error error = {0};
    struct buffer bytes = {0};
    struct buffer content = {0};
    struct index_pack pack = {0};
    unsigned char id[OBJECT_ID_SIZE];
    read_object(&bytes, shelf->world, name);
    assert_good(pack_directory(&pack, shelf->world->repo, &bytes, &error));
    memcpy(pack.id, location->pack, OBJECT_ID_SIZE);
    assert_true(pack.count > 1);
    struct index_chunk first = pack.chunks[0];
    for (uint32_t i = 0; i + 1 < pack.count; i++) {
        pack.chunks[i].offset = pack.chunks[i + 1].offset;
        pack.chunks[i].size = pack.chunks[i + 1].size;
    }
    pack.chunks[pack.count - 1].offset = first.offset;
    pack.chunks[pack.count - 1].size = first.size;
    assert_good(buffer_append_u32(&content, 1, &error));
    assert_good(index_pack_encode(&content, &pack, &error));
    put_sealed(id, shelf->world, OBJECT_INDEX, &content);
    free(pack.chunks);
    buffer_free(&bytes);
    buffer_free(&content);
}

/* Whoever has the host's keys can store such an index; it must not cost what lies there still. */
static void test_an_index_that_points_at_other_chunks(void **state)
{
    struct shelf *shelf = *state;
    char name[OBJECT_NAME_SIZE];
    struct location location;
    pack_of(name, shelf, &location);
    put_lying_index(shelf, name, &location);
    shelf_close(shelf);
    shelf_open(shelf);
    for (unsigned i = 0; i < COUNT; i++) {
        check_one(shelf, i);
    }
    struct counted counted = get_many(shelf);
    assert_int_equal(counted.good, COUNT);
}

static void locate(struct location *location, struct shelf *shelf, unsigned i)
{
    struct error error = {0};
    assert_good(snapshot_locate(location, shelf->snapshot, &shelf->results[i].reference, &error));
}

/* However many there are. And each costs little: after a few chunks all are looked for at the right
 * place first. */
static void test_many_indexes_that_point_at_other_chunks(void **state)
{
    struct shelf *shelf = *state;
    char name[OBJECT_NAME_SIZE];
    struct location location;
    static struct location right[COUNT];
    for (unsigned i = 0; i < COUNT; i++) {
        locate(&right[i], shelf, i);
    }
    pack_of(name, shelf, &location);
    for (unsigned i = 0; i < 3 * PLACES_AT_ONCE; i++) {
        put_lying_index(shelf, name, &location);
    }
    shelf_close(shelf);
    shelf_open(shelf);
    for (unsigned i = 0; i < 4; i++) {
        check_one(shelf, i);
    }
    for (unsigned i = 0; i < COUNT; i++) {
        locate(&location, shelf, i);
        assert_int_equal(location.offset, right[i].offset);
        assert_memory_equal(location.pack, right[i].pack, OBJECT_ID_SIZE);
        check_one(shelf, i);
    }
    struct counted counted = get_many(shelf);
    assert_int_equal(counted.good, COUNT);
}

static void *read_all(void *context)
{
    struct shelf *shelf = context;
    struct error error = {0};
    struct chunk_reader *reader = NULL;
    unsigned char target[SIZE];
    if (chunk_reader_new(&reader, shelf->snapshot, &error) != STATUS_OK) {
        return shelf;
    }
    void *bad = NULL;
    for (unsigned i = 0; i < COUNT; i += 3) {
        if (chunk_reader_get(reader, shelf->source, &shelf->results[i].reference, target, &error) !=
                STATUS_OK ||
            memcmp(target, shelf->content + (size_t)i * SIZE, SIZE - i) != 0) {
            bad = shelf;
        }
    }
    chunk_reader_free(reader);
    return bad;
}

static void test_threads_share_a_snapshot(void **state)
{
    pthread_t threads[4];
    for (size_t i = 0; i < LENGTH(threads); i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, read_all, *state), 0);
    }
    for (size_t i = 0; i < LENGTH(threads); i++) {
        void *bad;
        assert_int_equal(pthread_join(threads[i], &bad), 0);
        assert_null(bad);
    }
}

static void test_unknown_chunk(void **state)
{
    struct shelf *shelf = *state;
    struct error error = {0};
    struct chunk_reference reference = {.size = 10};
    struct location location;
    unsigned char target[10];
    assert_int_equal(snapshot_locate(&location, shelf->snapshot, &reference, &error),
                     STATUS_NOT_FOUND);
    assert_int_equal(chunk_reader_get(shelf->reader, shelf->source, &reference, target, &error),
                     STATUS_NOT_FOUND);
}

int main(void)
{
#define SHELF(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        SHELF(test_one_by_one),
        SHELF(test_dictionary_is_needed),
        SHELF(test_many_at_once),
        SHELF(test_damage_is_one_chunk_wide),
        SHELF(test_short_and_missing_packs),
        SHELF(test_garbage_under_the_first_name),
        SHELF(test_another_pack_with_the_chunk_is_tried),
        SHELF(test_an_index_that_points_at_other_chunks),
        SHELF(test_many_indexes_that_point_at_other_chunks),
        SHELF(test_threads_share_a_snapshot),
        SHELF(test_unknown_chunk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
