/* References: encoded, decoded, and never believed about their own length. */
#include "repo_world.h"

static void make(struct references *references, struct buffer *content, size_t added,
                 size_t removed)
{
    struct error error = {0};
    *references = (struct references){.added_count = added, .removed_count = removed};
    randombytes_buf(references->base, sizeof references->base);
    references->added = calloc(added + 1, CHUNK_ID_SIZE);
    references->removed = calloc(removed + 1, CHUNK_ID_SIZE);
    assert_non_null(references->added);
    assert_non_null(references->removed);
    randombytes_buf(references->added, added * CHUNK_ID_SIZE);
    randombytes_buf(references->removed, removed * CHUNK_ID_SIZE);
    assert_good(references_encode(content, references, &error));
}

static void test_round_trip(void **state)
{
    (void)state;
    static const size_t counts[][2] = {{0, 0}, {1, 0}, {0, 1}, {1000, 3}};
    for (size_t i = 0; i < LENGTH(counts); i++) {
        struct error error = {0};
        struct references made;
        struct references back;
        struct buffer content = {0};
        make(&made, &content, counts[i][0], counts[i][1]);
        assert_int_equal(content.size, 32 + 8 + 16 * (counts[i][0] + counts[i][1]));
        assert_good(references_decode(&back, &content, &error));
        assert_memory_equal(back.base, made.base, OBJECT_ID_SIZE);
        assert_int_equal(back.added_count, made.added_count);
        assert_int_equal(back.removed_count, made.removed_count);
        assert_memory_equal(back.added, made.added, made.added_count * CHUNK_ID_SIZE);
        assert_memory_equal(back.removed, made.removed, made.removed_count * CHUNK_ID_SIZE);
        references_free(&made);
        references_free(&back);
        buffer_free(&content);
    }
}

static void test_wrong_lengths(void **state)
{
    (void)state;
    struct error error = {0};
    struct references made;
    struct references back;
    struct buffer content = {0};
    make(&made, &content, 3, 2);
    size_t whole = content.size;
    for (content.size = 0; content.size < whole; content.size++) {
        assert_int_equal(references_decode(&back, &content, &error), STATUS_CORRUPT);
        assert_null(back.added);
    }
    assert_good(buffer_append_u8(&content, 0, &error));
    assert_int_equal(references_decode(&back, &content, &error), STATUS_CORRUPT);
    content.size--;
    memset(content.data + 32, 0xff, 4); /* four thousand million ids */
    assert_int_equal(references_decode(&back, &content, &error), STATUS_CORRUPT);
    references_free(&made);
    buffer_free(&content);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_wrong_lengths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
