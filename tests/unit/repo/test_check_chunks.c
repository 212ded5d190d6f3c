/* The check that opens every chunk, on real backups. */
#include "backup_world.h"

#define FILE_SIZE ((size_t)1536 * 1024) /* fits into one pack */

static struct check_report check_with(const struct world *world, unsigned read_percent)
{
    struct error error = {0};
    struct repo_access access = identity_access(world);
    struct repo *repo = NULL;
    struct check_report report;
    struct check_options options = {.read_percent = read_percent, .open_chunks = true};
    assert_good(repo_open(&repo, &access, &error));
    assert_good(repo_check(&report, repo, &options, &error));
    repo_free(repo);
    return report;
}

struct largest {
    char name[OBJECT_NAME_SIZE];
    uint64_t size;
};

static enum status note_largest(void *context, const unsigned char id[OBJECT_ID_SIZE],
                                const struct store_entry *entry, struct error *error)
{
    (void)id;
    (void)error;
    struct largest *largest = context;
    if (entry->size > largest->size) {
        largest->size = entry->size;
        snprintf(largest->name, sizeof largest->name, "%s", entry->name);
    }
    return STATUS_OK;
}

static struct largest largest_pack(const struct world *world)
{
    struct error error = {0};
    struct largest largest = {.size = 0};
    assert_good(
        object_list(world->repo, world->direct, OBJECT_PACK, NULL, note_largest, &largest, &error));
    assert_true(largest.size > FILE_SIZE);
    return largest;
}

static void test_each_chunk_once(void **state)
{
    const struct world *world = *state;
    unsigned char *bytes = random_bytes(FILE_SIZE);
    const struct test_file files[] = {{"a", bytes, FILE_SIZE}, {"b", bytes, 10}};
    struct statement first = back_up(world, files, 2);
    struct check_report report = check_with(world, 0);
    assert_int_equal(report.problems.count, 0);
    uint64_t opened = report.chunks_opened;
    assert_true(opened > 0);
    check_report_free(&report);
    struct statement second = back_up(world, files, 2);
    report = check_with(world, 100);
    assert_int_equal(report.problems.count, 0);
    assert_int_equal(report.snapshots, 2);
    assert_int_equal(report.chunks_opened, opened);
    check_report_free(&report);
    statement_free(&first);
    statement_free(&second);
    free(bytes);
}

static void test_damaged_chunk(void **state)
{
    const struct world *world = *state;
    unsigned char *bytes = random_bytes(FILE_SIZE);
    const struct test_file files[] = {{"a", bytes, FILE_SIZE}};
    struct statement statement = back_up(world, files, 1);
    struct largest pack = largest_pack(world);
    struct check_report whole = check_with(world, 0);
    flip_byte(world, pack.name, pack.size / 2);
    for (unsigned percent = 0; percent <= 100; percent += 100) {
        struct check_report report = check_with(world, percent);
        print_problems(&report.problems);
        assert_int_equal(report.problems.count, 1); /* once, though both ways show it */
        assert_string_equal(report.problems.items[0].object, pack.name);
        assert_int_equal(report.problems.items[0].status, STATUS_CORRUPT);
        assert_int_equal(report.chunks_opened, whole.chunks_opened - 1);
        check_report_free(&report);
    }
    check_report_free(&whole);
    statement_free(&statement);
    free(bytes);
}

static void test_damaged_catalogue(void **state)
{
    const struct world *world = *state;
    unsigned char *bytes = random_bytes(FILE_SIZE);
    const struct test_file files[] = {{"a", bytes, FILE_SIZE}};
    struct statement first = back_up(world, files, 1);
    char name[OBJECT_NAME_SIZE];
    only_object(name, world, "snapshots");
    struct statement second = back_up(world, files, 1);
    struct buffer catalogue = {0};
    read_object(&catalogue, world, name);
    flip_byte(world, name, catalogue.size - 1);
    buffer_free(&catalogue);
    struct check_report report = check_with(world, 0);
    char expected[OBJECT_NAME_SIZE];
    object_name(expected, OBJECT_SNAPSHOT, first.snapshot);
    assert_int_equal(report.problems.count, 1);
    assert_string_equal(report.problems.items[0].object, expected);
    assert_true(report.chunks_opened > 0); /* those of the other snapshot */
    check_report_free(&report);
    statement_free(&first);
    statement_free(&second);
    free(bytes);
}

static void test_missing_pack(void **state)
{
    const struct world *world = *state;
    unsigned char *bytes = random_bytes(FILE_SIZE);
    const struct test_file files[] = {{"a", bytes, FILE_SIZE}};
    struct statement statement = back_up(world, files, 1);
    struct largest pack = largest_pack(world);
    remove_object(world, pack.name);
    struct check_report report = check_with(world, 100);
    const struct problem *problem = find_problem(&report.problems, pack.name);
    assert_non_null(problem);
    assert_int_equal(problem->status, STATUS_NOT_FOUND);
    check_report_free(&report);
    statement_free(&statement);
    free(bytes);
}

/* Stores a pack that says that it holds the chunk, and an index that says so, too. */
static void make_up(char index[OBJECT_NAME_SIZE], char made_up[OBJECT_NAME_SIZE],
                    const struct world *world, const struct index_chunk *chunk)
{
    struct error error = {0};
    struct buffer packed = {0};
    struct buffer content = {0};
    struct index_chunk said = *chunk;
    struct index_pack pack = {.chunks = &said, .count = 1};
    unsigned char id[OBJECT_ID_SIZE];
    unsigned char *bytes = random_bytes(chunk->size);
    const unsigned char *sealed = bytes;
    assert_good(pack_build(&packed, &pack, world->repo, &sealed, &error));
    assert_good(object_put(world->repo, world->direct, OBJECT_PACK, pack.id, &packed, &error));
    assert_good(buffer_append_u32(&content, 1, &error));
    assert_good(index_pack_encode(&content, &pack, &error));
    put_sealed(id, world, OBJECT_INDEX, &content);
    object_name(index, OBJECT_INDEX, id);
    object_name(made_up, OBJECT_PACK, pack.id);
    buffer_free(&packed);
    buffer_free(&content);
    free(bytes);
}

static void expect_liar(const struct world *world, const char *index, uint64_t opened)
{
    struct check_report report = check_with(world, 100);
    if (report.problems.count != 1) {
        print_problems(&report.problems);
    }
    assert_int_equal(report.problems.count, 1);
    assert_string_equal(report.problems.items[0].object, index);
    assert_int_equal(report.problems.items[0].status, STATUS_UNAUTHENTIC);
    assert_non_null(strstr(report.problems.items[0].message, "lies"));
    assert_int_equal(report.chunks_opened, opened);
    check_report_free(&report);
}

/* Index and pack agree, and where a chunk should be, of a file or of the tree, is something else:
 * made up by whoever has a host key. */
static void test_an_index_whose_pack_holds_something_else(void **state)
{
    const struct world *world = *state;
    struct error error = {0};
    unsigned char *bytes = random_bytes(FILE_SIZE);
    const struct test_file files[] = {{"a", bytes, FILE_SIZE}};
    struct statement statement = back_up(world, files, 1);
    struct check_report whole = check_with(world, 100);
    struct buffer true_pack = {0};
    struct index_pack directory = {0};
    read_object(&true_pack, world, largest_pack(world).name);
    assert_good(pack_directory(&directory, world->repo, &true_pack, &error));
    assert_int_equal(whole.problems.count, 0);
    for (uint32_t i = 0; i < directory.count; i++) {
        char index[OBJECT_NAME_SIZE];
        char pack[OBJECT_NAME_SIZE];
        make_up(index, pack, world, &directory.chunks[i]);
        expect_liar(world, index, whole.chunks_opened);
        remove_object(world, index);
        remove_object(world, pack);
    }
    check_report_free(&whole);
    statement_free(&statement);
    free(directory.chunks);
    buffer_free(&true_pack);
    free(bytes);
}

static void test_without_an_identity(void **state)
{
    const struct world *world = *state;
    struct error error = {0};
    struct check_report report;
    struct check_options options = {.open_chunks = true};
    assert_int_equal(repo_check(&report, world->repo, &options, &error), STATUS_DENIED);
}

int main(void)
{
#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, world_setup, world_teardown)
    const struct CMUnitTest tests[] = {
        IN_WORLD(test_each_chunk_once),     IN_WORLD(test_damaged_chunk),
        IN_WORLD(test_damaged_catalogue),   IN_WORLD(test_missing_pack),
        IN_WORLD(test_without_an_identity), IN_WORLD(test_an_index_whose_pack_holds_something_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
