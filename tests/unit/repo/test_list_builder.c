/* A file's list of chunks, short or very long, comes back piece by piece; a change stays local. */
#include "../../../src/repo/node.h"
#include "../../../src/repo/snapshot_private.h"
#include "backup_world.h"

struct expected {
    size_t next;
    size_t count;
    uint64_t position;
    uint64_t size;
    uint32_t rotation;
    unsigned salt; /* of the changed reference */
};

/* The i'th reference of a synthetic file; every 1000th is a hole. */
static struct chunk_reference reference_of(size_t i, unsigned salt)
{
    struct chunk_reference reference = {.size = 10000 + (uint32_t)(i % 7)};
    unsigned char name[12] = {0};
    memcpy(name, &i, sizeof i);
    name[8] = (unsigned char)salt;
    crypto_generichash(reference.key, CHUNK_KEY_SIZE, name, sizeof name, NULL, 0);
    return reference;
}

static bool is_hole(size_t i)
{
    return i % 1000 == 999;
}

static void build(struct content *content, struct night *night, size_t count, size_t changed)
{
    struct error error = {0};
    for (size_t i = 0; i < count; i++) {
        struct chunk_reference reference = reference_of(i, i == changed);
        assert_good(is_hole(i) ? list_builder_hole(night->list, 5000000000, &error)
                               : list_builder_add(night->list, &reference, &error));
    }
    assert_good(list_builder_finish(content, night->list, &error));
}

static enum status check_piece(void *context, const struct piece *piece, struct error *error)
{
    (void)error;
    struct expected *expected = context;
    assert_true(expected->next < expected->count);
    struct chunk_reference reference = reference_of(expected->next, 0);
    bool hole = is_hole(expected->next++);
    assert_int_equal(piece->size, hole ? 5000000000 : reference.size);
    assert_int_equal(piece->offset, (expected->position + expected->rotation) % expected->size);
    assert_int_equal(piece->reference == NULL, hole);
    if (!hole) {
        assert_memory_equal(piece->reference->key, reference.key, CHUNK_KEY_SIZE);
    }
    expected->position += piece->size;
    return STATUS_OK;
}

/* Publishes one file with the list and walks it as a reader does. */
static void check_walk(const struct world *world, struct night *night, struct content *content,
                       struct expected *expected)
{
    struct error error = {0};
    struct entry entry = {.type = ENTRY_FILE, .path = (char[]){"db"}};
    expected->size = content->size;
    content->rotation = expected->rotation;
    assert_good(tree_builder_add(night->tree, &entry, content, &error));
    struct statement statement;
    assert_good(night_publish(&statement, night, &error));
    struct repo_access access = identity_access(world);
    struct repo *repo;
    struct snapshot *snapshot;
    assert_good(repo_open(&repo, &access, &error));
    assert_good(snapshot_open(&snapshot, repo, &statement, &error));
    struct content found;
    struct entry found_entry;
    assert_good(
        snapshot_find(&found_entry, &found, snapshot, snapshot_source(snapshot, 0), "db", &error));
    assert_int_equal(found.size, content->size);
    assert_good(content_walk(snapshot, &found, check_piece, expected, &error));
    assert_int_equal(expected->next, expected->count);
    struct expected far = {
        .count = expected->count, .size = found.size, .rotation = expected->rotation};
    snapshot->repo->distant = true; /* its lists are fetched ahead */
    assert_good(content_walk(snapshot, &found, check_piece, &far, &error));
    assert_int_equal(far.next, far.count);
    /* A list that is shorter than it says is found out. */
    found.size++;
    struct expected again = {
        .count = expected->count, .size = found.size, .rotation = expected->rotation};
    assert_int_equal(content_walk(snapshot, &found, check_piece, &again, &error), STATUS_CORRUPT);
    content_free(&found);
    entry_free(&found_entry);
    snapshot_free(snapshot);
    repo_free(repo);
    statement_free(&statement);
}

static void test_short_list_stays_with_the_entry(void **state)
{
    struct night night;
    struct content content;
    night_open(&night, *state);
    build(&content, &night, 50, SIZE_MAX);
    assert_int_equal(content.level, 0);
    assert_int_equal(content.count, 50);
    assert_int_equal(night.hashes.size, 0); /* no node was stored */
    struct expected expected = {.count = 50, .rotation = 10000};
    check_walk(*state, &night, &content, &expected);
    content_free(&content);
    night_close(&night);
}

static void test_empty_list(void **state)
{
    struct night night;
    struct content content;
    night_open(&night, *state);
    build(&content, &night, 0, SIZE_MAX);
    assert_int_equal(content.size, 0);
    assert_int_equal(content.count, 0);
    content_free(&content);
    night_close(&night);
}

static void test_long_list_becomes_a_tree(void **state)
{
    struct night night;
    struct content content;
    night_open(&night, *state);
    build(&content, &night, 300000, SIZE_MAX); /* 10.8 MB of references */
    assert_true(content.level >= 2);
    assert_true(content.data.size <= LIST_INLINE_LIMIT + 5);
    size_t nodes = night.hashes.size / CHUNK_HASH_SIZE;
    assert_in_range(nodes, 300000u * 36 / (90 * 1024), 300000u * 36 / (45 * 1024));
    struct expected expected = {.count = 300000};
    check_walk(*state, &night, &content, &expected);
    content_free(&content);
    night_close(&night);
}

static void test_change_stays_local(void **state)
{
    struct night night;
    struct content content;
    night_open(&night, *state);
    build(&content, &night, 60000, SIZE_MAX);
    content_free(&content);
    size_t nodes = night.hashes.size / CHUNK_HASH_SIZE;
    assert_int_equal(night.known, 0);
    build(&content, &night, 60000, 30000);
    content_free(&content);
    size_t fresh = night.hashes.size / CHUNK_HASH_SIZE - nodes - night.known;
    assert_true(nodes > 20);
    assert_in_range(fresh, 1, 4);
    night_close(&night);
}

/* Parts of three chunks in turns, in order and back again; every fourth chunk is whole. */
static struct piece part_of(size_t i, struct chunk_reference *reference)
{
    *reference = reference_of(i % 4 + i / 3000 * 4, 0);
    uint32_t round = (uint32_t)(i % 3000 / 4);
    bool whole = i % 4 == 3;
    return (struct piece){.reference = reference,
                          .size = whole ? reference->size : 9,
                          .skip = whole ? 0 : round % 700 * 13};
}

static enum status check_part(void *context, const struct piece *piece, struct error *error)
{
    (void)error;
    struct expected *expected = context;
    struct chunk_reference reference;
    struct piece part = part_of(expected->next++, &reference);
    assert_int_equal(piece->size, part.size);
    assert_int_equal(piece->skip, part.skip);
    assert_int_equal(piece->offset, expected->position);
    assert_int_equal(piece->reference->size, reference.size);
    assert_memory_equal(piece->reference->key, reference.key, CHUNK_KEY_SIZE);
    expected->position += piece->size;
    return STATUS_OK;
}

static void check_parts(struct night *night, size_t count)
{
    struct error error = {0};
    struct content content;
    for (size_t i = 0; i < count; i++) {
        struct chunk_reference reference;
        struct piece part = part_of(i, &reference);
        assert_good(
            list_builder_add_part(night->list, &reference, part.skip, (uint32_t)part.size, &error));
    }
    assert_good(list_builder_finish(&content, night->list, &error));
    struct cursor cursor = {content.data.data + 5, content.data.size - 5};
    if (content.level == 0) {
        struct list_names names = {.count = 0};
        struct expected expected = {.count = count};
        while (cursor.left > 0) {
            struct list_item item;
            assert_true(list_item_read(&item, &cursor, 0, &names));
            struct piece piece = {expected.position, item.bytes, &item.reference, item.skip, NULL};
            assert_good(check_part(&expected, &piece, &error));
        }
        assert_int_equal(expected.next, count);
    }
    content_free(&content);
}

static void test_parts_come_back(void **state)
{
    struct night night;
    struct content content;
    struct error error = {0};
    night_open(&night, *state);
    check_parts(&night, 300);
    size_t count = 100000;
    for (size_t i = 0; i < count; i++) {
        struct chunk_reference reference;
        struct piece part = part_of(i, &reference);
        assert_good(
            list_builder_add_part(night.list, &reference, part.skip, (uint32_t)part.size, &error));
    }
    assert_good(list_builder_finish(&content, night.list, &error));
    assert_true(content.level > 0);
    struct entry entry = {.type = ENTRY_FILE, .path = (char[]){"db"}};
    assert_good(tree_builder_add(night.tree, &entry, &content, &error));
    content_free(&content);
    struct statement statement;
    assert_good(night_publish(&statement, &night, &error));
    struct repo_access access = identity_access(*state);
    struct repo *repo;
    struct snapshot *snapshot;
    struct entry found_entry;
    assert_good(repo_open(&repo, &access, &error));
    assert_good(snapshot_open(&snapshot, repo, &statement, &error));
    assert_good(snapshot_find(&found_entry, &content, snapshot, snapshot_source(snapshot, 0), "db",
                              &error));
    struct expected expected = {.count = count};
    assert_good(content_walk(snapshot, &content, check_part, &expected, &error));
    assert_int_equal(expected.next, count);
    content_free(&content);
    entry_free(&found_entry);
    snapshot_free(snapshot);
    repo_free(repo);
    statement_free(&statement);
    night_close(&night);
}

static void test_parts_beyond_their_chunk(void **state)
{
    (void)state;
    const unsigned char key[CHUNK_KEY_SIZE] = {1};
    const struct {
        uint32_t head, skip, size;
        bool good;
    } lists[] = {
        {LIST_PART | 9, 91, 100, true},          {LIST_PART | 9, 92, 100, false},
        {LIST_PART | 9, UINT32_MAX, 100, false}, {LIST_PART | 0, 1, 100, false},
        {LIST_PART | 100, 0, 100, false}, /* that is no part */
        {LIST_PART | 101, 0, 100, false},        {LIST_PART | 9, 0, CHUNK_MAXIMUM + 1, false},
    };
    for (size_t i = 0; i < LENGTH(lists); i++) {
        struct error error;
        struct list_item item;
        struct list_names names = {.count = 0};
        CLEANUP(buffer_free) struct buffer bytes = {0};
        assert_good(buffer_append_u32(&bytes, lists[i].head, &error));
        assert_good(buffer_append_u32(&bytes, lists[i].skip, &error));
        assert_good(buffer_append_u32(&bytes, lists[i].size, &error));
        assert_good(buffer_append(&bytes, key, sizeof key, &error));
        assert_good(buffer_append_u32(&bytes, LIST_AGAIN | 5, &error)); /* 5 more, at its end */
        assert_good(buffer_append_u16(&bytes, 0, &error));
        struct cursor cursor = {bytes.data, bytes.size};
        assert_int_equal(list_item_read(&item, &cursor, 0, &names), lists[i].good);
        assert_false(lists[i].good && list_item_read(&item, &cursor, 0, &names));
        cursor = (struct cursor){bytes.data + bytes.size - 6, 6};
        assert_false(list_item_read(&item, &cursor, 0, &(struct list_names){.count = 0}));
    }
}

int main(void)
{
#define WORLD(test) cmocka_unit_test_setup_teardown(test, world_setup, world_teardown)
    const struct CMUnitTest tests[] = {
        WORLD(test_short_list_stays_with_the_entry),
        WORLD(test_empty_list),
        WORLD(test_long_list_becomes_a_tree),
        WORLD(test_change_stays_local),
        WORLD(test_parts_come_back),
        cmocka_unit_test(test_parts_beyond_their_chunk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
