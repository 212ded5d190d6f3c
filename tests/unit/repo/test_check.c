/* The check without keys to content: whatever is damaged or missing is named, once, and whatever is
 * whole is not. */
#include "repo_world.h"

#define SNAPSHOTS 3

struct stored {
    unsigned char statement[OBJECT_ID_SIZE];
    unsigned char snapshot[OBJECT_ID_SIZE];
    unsigned char references[OBJECT_ID_SIZE];
    unsigned char index[OBJECT_ID_SIZE];
    unsigned char pack[OBJECT_ID_SIZE];
};

static void put_catalogue(unsigned char id[OBJECT_ID_SIZE], const struct world *world)
{
    struct error error = {0};
    size_t header = 0;
    struct buffer sealed = {0};
    assert_good(
        age_seal_buffer(&sealed, "catalogue", 9, &world->identity.recipient, 1, NULL, &error));
    assert_good(age_header_length(&header, sealed.data, sealed.size, &error));
    object_hash(id, sealed.data + header, sealed.size - header);
    assert_good(object_put(world->repo, world->direct, OBJECT_SNAPSHOT, id, &sealed, &error));
    buffer_free(&sealed);
}

/* With `unlisted`, one chunk of the pack is kept from the index. */
static void put_chunks(struct stored *stored, const struct world *world, const struct stored *base,
                       bool unlisted)
{
    struct error error = {0};
    struct buffer bytes = {0};
    struct buffer index = {0};
    struct buffer encoded = {0};
    struct index_pack pack;
    make_pack(&bytes, &pack, world);
    memcpy(stored->pack, pack.id, OBJECT_ID_SIZE);
    assert_good(object_put(world->repo, world->direct, OBJECT_PACK, pack.id, &bytes, &error));

    struct references references = {.added_count = pack.count};
    references.added = calloc(pack.count, CHUNK_ID_SIZE);
    assert_non_null(references.added);
    for (uint32_t i = 0; i < pack.count; i++) {
        memcpy(references.added[i], pack.chunks[i].id, CHUNK_ID_SIZE);
    }
    if (base != NULL) {
        memcpy(references.base, base->statement, OBJECT_ID_SIZE);
    }
    assert_good(references_encode(&encoded, &references, &error));
    put_sealed(stored->references, world, OBJECT_REFERENCES, &encoded);
    references_free(&references);

    pack.count -= unlisted;
    assert_good(buffer_append_u32(&index, 1, &error));
    assert_good(index_pack_encode(&index, &pack, &error));
    put_sealed(stored->index, world, OBJECT_INDEX, &index);
    free(pack.chunks);
    buffer_free(&bytes);
    buffer_free(&index);
    buffer_free(&encoded);
}

static void put_snapshot(struct stored *stored, const struct world *world, uint64_t sequence,
                         const struct stored *base, bool unlisted)
{
    struct error error = {0};
    put_catalogue(stored->snapshot, world);
    put_chunks(stored, world, base, unlisted);
    struct statement statement = make_statement(sequence, base == NULL ? NULL : base->statement);
    memcpy(statement.snapshot, stored->snapshot, OBJECT_ID_SIZE);
    memcpy(statement.references[0], stored->references, OBJECT_ID_SIZE);
    memcpy(statement.indexes[0], stored->index, OBJECT_ID_SIZE);
    statement.reference_count = 1;
    statement.index_count = 1;
    assert_good(statement_write(&statement, world->repo, world->direct, &error));
    memcpy(stored->statement, statement.id, OBJECT_ID_SIZE);
    statement_free(&statement);
}

static void put_snapshots(struct stored stored[SNAPSHOTS], const struct world *world)
{
    for (uint64_t i = 0; i < SNAPSHOTS; i++) {
        put_snapshot(&stored[i], world, i + 1, i == 0 ? NULL : &stored[i - 1], false);
    }
}

static struct check_report check(const struct world *world, unsigned read_percent)
{
    struct error error = {0};
    struct check_report report;
    struct check_options options = {.read_percent = read_percent};
    assert_good(repo_check(&report, world->repo, &options, &error));
    return report;
}

static void expect_one(const struct world *world, unsigned read_percent, enum object_kind kind,
                       const unsigned char id[OBJECT_ID_SIZE], enum status expected)
{
    char name[OBJECT_NAME_SIZE];
    object_name(name, kind, id);
    struct check_report report = check(world, read_percent);
    const struct problem *problem = find_problem(&report.problems, name);
    if (problem == NULL || report.problems.count != 1) {
        print_problems(&report.problems);
        fail_msg("%s should be the only problem", name);
        return;
    }
    assert_int_equal(problem->status, expected);
    check_report_free(&report);
}

static void expect_none(const struct world *world, unsigned read_percent)
{
    struct check_report report = check(world, read_percent);
    print_problems(&report.problems);
    assert_int_equal(report.problems.count, 0);
    check_report_free(&report);
}

struct progress {
    uint64_t calls;
    uint64_t done;
    uint64_t total;
};

static void note_progress(void *context, uint64_t done, uint64_t total)
{
    struct progress *progress = context;
    assert_true(done > progress->done);
    *progress = (struct progress){progress->calls + 1, done, total};
}

static void test_whole(void **state)
{
    const struct world *world = *state;
    struct stored stored[SNAPSHOTS];
    struct error error = {0};
    put_snapshots(stored, world);
    struct progress progress = {0};
    struct check_options options = {
        .read_percent = 100, .progress = note_progress, .context = &progress};
    struct check_report report;
    assert_good(repo_check(&report, world->repo, &options, &error));
    print_problems(&report.problems);
    assert_int_equal(report.problems.count, 0);
    assert_int_equal(report.snapshots, SNAPSHOTS);
    assert_int_equal(report.packs, SNAPSHOTS);
    assert_int_equal(report.packs_read, SNAPSHOTS);
    assert_int_equal(report.chunks, SNAPSHOTS * WORLD_CHUNKS);
    assert_int_equal(report.unused_packs, 0);
    assert_int_equal(progress.calls, SNAPSHOTS);
    assert_int_equal(progress.done, report.bytes);
    assert_int_equal(progress.total, report.bytes);
    check_report_free(&report);

    report = check(world, 34);
    assert_int_equal(report.packs_read, 2);
    check_report_free(&report);
    report = check(world, 0);
    assert_int_equal(report.packs_read, 0);
    check_report_free(&report);
}

static void test_nothing_stored(void **state)
{
    const struct world *world = *state;
    struct check_report report = check(world, 100);
    assert_int_equal(report.problems.count + report.snapshots + report.packs, 0);
    check_report_free(&report);
}

static void test_unused_packs_are_counted(void **state)
{
    const struct world *world = *state;
    struct stored stored[SNAPSHOTS];
    put_snapshots(stored, world);
    struct error error = {0};
    struct buffer bytes = {0};
    struct index_pack pack;
    make_pack(&bytes, &pack, world);
    assert_good(object_put(world->repo, world->direct, OBJECT_PACK, pack.id, &bytes, &error));
    struct check_report report = check(world, 100);
    assert_int_equal(report.problems.count, 0);
    assert_int_equal(report.unused_packs, 1);
    check_report_free(&report);
    free(pack.chunks);
    buffer_free(&bytes);
}

static void test_missing_objects(void **state)
{
    const struct world *world = *state;
    struct stored stored[SNAPSHOTS];
    char name[OBJECT_NAME_SIZE];
    put_snapshots(stored, world);
    const struct {
        enum object_kind kind;
        const unsigned char *id;
    } cases[] = {{OBJECT_PACK, stored[1].pack}, {OBJECT_REFERENCES, stored[1].references}};
    for (size_t i = 0; i < LENGTH(cases); i++) {
        struct buffer bytes = {0};
        object_name(name, cases[i].kind, cases[i].id);
        read_object(&bytes, world, name);
        remove_object(world, name);
        expect_one(world, 0, cases[i].kind, cases[i].id, STATUS_NOT_FOUND);
        expect_one(world, 100, cases[i].kind, cases[i].id, STATUS_NOT_FOUND);
        write_object(world, name, bytes.data, bytes.size);
        buffer_free(&bytes);
    }
    expect_none(world, 100);
}

/* The chunks are found by their packs, unless those are gone, too. */
static void test_missing_index_and_its_chunks(void **state)
{
    const struct world *world = *state;
    struct stored stored[SNAPSHOTS];
    char index[OBJECT_NAME_SIZE];
    char statement[OBJECT_NAME_SIZE];
    put_snapshots(stored, world);
    object_name(index, OBJECT_INDEX, stored[1].index);
    object_name(statement, OBJECT_STATEMENT, stored[1].statement);
    remove_object(world, index);
    struct check_report report = check(world, 100);
    assert_int_equal(report.problems.count, 1);
    assert_int_equal(find_problem(&report.problems, index)->status, STATUS_NOT_FOUND);
    assert_int_equal(report.found_packs, 1);
    assert_int_equal(report.unused_packs, 0);
    assert_int_equal(report.packs_read, report.packs);
    check_report_free(&report);

    char pack[OBJECT_NAME_SIZE];
    object_name(pack, OBJECT_PACK, stored[1].pack);
    remove_object(world, pack);
    report = check(world, 0);
    assert_int_equal(report.problems.count, 2);
    assert_int_equal(find_problem(&report.problems, index)->status, STATUS_NOT_FOUND);
    assert_int_equal(find_problem(&report.problems, statement)->status, STATUS_NOT_FOUND);
    assert_non_null(strstr(find_problem(&report.problems, statement)->message, "5 chunks"));
    assert_int_equal(report.found_packs, 0);
    check_report_free(&report);
}

static void test_chunk_in_no_index(void **state)
{
    const struct world *world = *state;
    struct stored stored;
    put_snapshot(&stored, world, 1, NULL, true);
    expect_one(world, 0, OBJECT_STATEMENT, stored.statement, STATUS_NOT_FOUND);
    /* Reading the pack also shows that the index does not say what its directory says. */
    struct check_report report = check(world, 100);
    assert_int_equal(report.problems.count, 2);
    check_report_free(&report);
}

static void test_flips(void **state)
{
    const struct world *world = *state;
    struct stored stored[SNAPSHOTS];
    put_snapshots(stored, world);
    char name[OBJECT_NAME_SIZE];
    struct buffer bytes = {0};

    object_name(name, OBJECT_PACK, stored[2].pack);
    read_object(&bytes, world, name);
    for (size_t at = 0; at < bytes.size; at += 97) {
        flip_byte(world, name, at);
        expect_one(world, 100, OBJECT_PACK, stored[2].pack, STATUS_CORRUPT);
        expect_none(world, 0);
        write_object(world, name, bytes.data, bytes.size);
    }
    /* A cut is seen in the listing, and told once when it is read, too. */
    write_object(world, name, bytes.data, bytes.size - 1);
    expect_one(world, 0, OBJECT_PACK, stored[2].pack, STATUS_CORRUPT);
    expect_one(world, 100, OBJECT_PACK, stored[2].pack, STATUS_CORRUPT);
    write_object(world, name, bytes.data, bytes.size);

    object_name(name, OBJECT_REFERENCES, stored[0].references);
    flip_byte(world, name, 50);
    expect_one(world, 0, OBJECT_REFERENCES, stored[0].references, STATUS_CORRUPT);
    flip_byte(world, name, 50);
    expect_none(world, 100);
    buffer_free(&bytes);
}

static void test_the_words_name_who_needs_a_pack(void **state)
{
    const struct world *world = *state;
    struct stored stored[SNAPSHOTS];
    char name[OBJECT_NAME_SIZE];
    char text[OBJECT_ID_TEXT_SIZE];
    put_snapshots(stored, world);
    object_name(name, OBJECT_PACK, stored[1].pack);
    remove_object(world, name);
    struct check_report report = check(world, 0);
    hex_encode(text, stored[1].statement, OBJECT_ID_SIZE);
    text[8] = '\0';
    assert_int_equal(report.problems.count, 1);
    assert_non_null(strstr(report.problems.items[0].message, text));
    check_report_free(&report);
}

static void test_catalogues(void **state)
{
    const struct world *world = *state;
    struct stored stored;
    char name[OBJECT_NAME_SIZE];
    struct buffer bytes = {0};
    put_snapshot(&stored, world, 1, NULL, false);
    only_object(name, world, "snapshots");
    read_object(&bytes, world, name);
    flip_byte(world, name, bytes.size - 1);
    expect_none(world, 0); /* present is all that is asked without reading */
    expect_one(world, 1, OBJECT_SNAPSHOT, stored.snapshot, STATUS_CORRUPT);
    char second[2 * OBJECT_NAME_SIZE];
    object_name(name, OBJECT_SNAPSHOT, stored.snapshot);
    snprintf(second, sizeof second, "%s.00000000000000000000000000000000", name);
    write_object(world, second, bytes.data, bytes.size);
    expect_none(world, 100);
    remove_object(world, second);
    only_object(name, world, "snapshots");
    write_object(world, name, "", 0);
    expect_one(world, 0, OBJECT_SNAPSHOT, stored.snapshot, STATUS_NOT_FOUND);
    buffer_free(&bytes);
}

static void test_retry_name_of_a_pack(void **state)
{
    const struct world *world = *state;
    struct stored stored;
    char name[OBJECT_NAME_SIZE];
    char second[2 * OBJECT_NAME_SIZE];
    struct buffer bytes = {0};
    put_snapshot(&stored, world, 1, NULL, false);
    object_name(name, OBJECT_PACK, stored.pack);
    snprintf(second, sizeof second, "%s.00000000000000000000000000000000", name);
    read_object(&bytes, world, name);
    write_object(world, second, bytes.data, bytes.size);
    write_object(world, name, bytes.data, 40); /* the upload that broke off */
    expect_none(world, 100);
    buffer_free(&bytes);
}

static void test_base_that_is_gone(void **state)
{
    const struct world *world = *state;
    struct stored stored[SNAPSHOTS];
    char statement[OBJECT_NAME_SIZE];
    char references[OBJECT_NAME_SIZE];
    put_snapshots(stored, world);
    object_name(statement, OBJECT_STATEMENT, stored[0].statement);
    object_name(references, OBJECT_REFERENCES, stored[1].references);
    remove_object(world, statement);
    struct check_report report = check(world, 0);
    assert_int_equal(report.problems.count, 2);
    assert_int_equal(find_problem(&report.problems, statement)->status, STATUS_NOT_FOUND);
    assert_int_equal(find_problem(&report.problems, references)->status, STATUS_NOT_FOUND);
    assert_int_equal(report.snapshots, 2);
    check_report_free(&report);
}

static void test_sequence_that_does_not_rise(void **state)
{
    const struct world *world = *state;
    struct stored stored[2];
    put_snapshot(&stored[0], world, 5, NULL, false);
    put_snapshot(&stored[1], world, 5, &stored[0], false);
    expect_one(world, 0, OBJECT_STATEMENT, stored[1].statement, STATUS_CORRUPT);
}

static void test_indexes_that_contradict_each_other(void **state)
{
    const struct world *world = *state;
    struct error error = {0};
    struct stored stored;
    struct buffer bytes = {0};
    struct buffer content = {0};
    struct index_pack pack = {0};
    unsigned char id[OBJECT_ID_SIZE];
    put_snapshot(&stored, world, 1, NULL, false);
    assert_good(object_get(&bytes, world->repo, world->direct, OBJECT_PACK, stored.pack, &error));
    assert_good(pack_directory(&pack, world->repo, &bytes, &error));
    memcpy(pack.id, stored.pack, OBJECT_ID_SIZE);
    pack.size++;
    assert_good(buffer_append_u32(&content, 1, &error));
    assert_good(index_pack_encode(&content, &pack, &error));
    put_sealed(id, world, OBJECT_INDEX, &content);
    expect_one(world, 0, OBJECT_INDEX, id, STATUS_CORRUPT); /* one of the two */
    expect_one(world, 100, OBJECT_INDEX, id, STATUS_UNAUTHENTIC);
    free(pack.chunks);
    buffer_free(&bytes);
    buffer_free(&content);
}

/* The thief of a host key can sign for his index, too. Whichever is read first, his is named, and
 * not the pack, nor the index that tells the truth of it. */
static void test_an_index_that_lies_and_is_signed_for(void **state)
{
    const struct world *world = *state;
    struct error error = {0};
    for (unsigned turn = 0; turn < 6; turn++) {
        struct stored stored;
        struct stored thief;
        struct buffer bytes = {0};
        struct buffer content = {0};
        struct index_pack pack = {0};
        world_clear(state);
        put_snapshot(&stored, world, 1, NULL, false);
        assert_good(
            object_get(&bytes, world->repo, world->direct, OBJECT_PACK, stored.pack, &error));
        assert_good(pack_directory(&pack, world->repo, &bytes, &error));
        memcpy(pack.id, stored.pack, OBJECT_ID_SIZE);
        unsigned char first[CHUNK_ID_SIZE];
        memcpy(first, pack.chunks[0].id, CHUNK_ID_SIZE);
        memcpy(pack.chunks[0].id, pack.chunks[1].id, CHUNK_ID_SIZE);
        memcpy(pack.chunks[1].id, first, CHUNK_ID_SIZE);
        assert_good(buffer_append_u32(&content, 1, &error));
        assert_good(index_pack_encode(&content, &pack, &error));
        thief = stored;
        put_sealed(thief.index, world, OBJECT_INDEX, &content);
        struct statement statement = make_statement(2, stored.statement);
        memcpy(statement.snapshot, stored.snapshot, OBJECT_ID_SIZE);
        memcpy(statement.references[0], stored.references, OBJECT_ID_SIZE);
        memcpy(statement.indexes[0], thief.index, OBJECT_ID_SIZE);
        statement.reference_count = 1;
        statement.index_count = 1;
        assert_good(statement_write(&statement, world->repo, world->direct, &error));
        expect_one(world, 100, OBJECT_INDEX, thief.index, STATUS_UNAUTHENTIC);
        statement_free(&statement);
        free(pack.chunks);
        buffer_free(&bytes);
        buffer_free(&content);
    }
}

int main(void)
{
#define IN_WORLD(test) cmocka_unit_test_setup(test, world_clear)
    const struct CMUnitTest tests[] = {
        IN_WORLD(test_whole),
        IN_WORLD(test_nothing_stored),
        IN_WORLD(test_unused_packs_are_counted),
        IN_WORLD(test_missing_objects),
        IN_WORLD(test_missing_index_and_its_chunks),
        IN_WORLD(test_chunk_in_no_index),
        IN_WORLD(test_flips),
        IN_WORLD(test_the_words_name_who_needs_a_pack),
        IN_WORLD(test_catalogues),
        IN_WORLD(test_retry_name_of_a_pack),
        IN_WORLD(test_base_that_is_gone),
        IN_WORLD(test_sequence_that_does_not_rise),
        IN_WORLD(test_indexes_that_contradict_each_other),
        IN_WORLD(test_an_index_that_lies_and_is_signed_for),
    };
    return cmocka_run_group_tests(tests, world_setup, world_teardown);
}
