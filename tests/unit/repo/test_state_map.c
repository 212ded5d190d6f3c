/* The local state: what it says is what was told to it, after any ending; what is damaged or
 * foreign is removed and never believed. */
#include "../../../src/repo/state_private.h"
#include "repo_world.h"

static const unsigned char REPOSITORY[REPOSITORY_ID_SIZE] = {1, 2, 3};

struct box {
    char folder[64];
    struct state *state;
    struct problems problems;
};

static enum status reopen(struct box *box, const unsigned char *repository, struct error *error)
{
    state_free(box->state);
    box->state = NULL;
    return state_open(&box->state, box->folder, repository, &box->problems, error);
}

static int setup(void **state)
{
    struct error error = {0};
    assert_good(base_start(&error));
    struct box *box = calloc(1, sizeof *box);
    strcpy(box->folder, "/tmp/kura-state-XXXXXX");
    assert_non_null(mkdtemp(box->folder));
    assert_good(reopen(box, REPOSITORY, &error));
    *state = box;
    return 0;
}

static int teardown(void **state)
{
    struct box *box = *state;
    state_free(box->state);
    problems_free(&box->problems);
    nftw(box->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    free(box);
    return 0;
}

/* Chunk `number` of a pack, all of it made from the two numbers. */
static struct state_chunk chunk_of(unsigned pack, unsigned number)
{
    struct state_chunk chunk = {.reference.size = 1000 + number};
    unsigned char name[2] = {(unsigned char)pack, (unsigned char)number};
    crypto_generichash(chunk.hash, CHUNK_HASH_SIZE, name, 2, NULL, 0);
    crypto_generichash(chunk.reference.key, CHUNK_KEY_SIZE, chunk.hash, CHUNK_HASH_SIZE, NULL, 0);
    return chunk;
}

#define CHUNKS 5u
static int64_t add_pack(struct box *box, unsigned number, bool stored)
{
    struct error error = {0};
    struct state_chunk chunks[CHUNKS];
    const struct state_chunk *pointers[CHUNKS];
    struct index_chunk places[CHUNKS];
    struct index_pack pack = {.size = 100000 + number, .chunks = places, .count = CHUNKS};
    memset(pack.id, (int)number, OBJECT_ID_SIZE);
    for (unsigned i = 0; i < CHUNKS; i++) {
        chunks[i] = chunk_of(number, i);
        pointers[i] = &chunks[i];
        places[i] = (struct index_chunk){.offset = i * 2000, .size = 1000 + i};
        chunk_reference_id(places[i].id, &chunks[i].reference);
    }
    int64_t no = 0;
    assert_good(state_add_pack(box->state, &pack, pointers, stored, &no, &error));
    return no;
}

static bool knows(struct box *box, unsigned pack, unsigned number)
{
    struct error error = {0};
    struct state_chunk wanted = chunk_of(pack, number);
    struct state_chunk found;
    bool known = false;
    assert_good(state_find(box->state, wanted.hash, &found, &known, &error));
    if (known) {
        assert_memory_equal(found.reference.key, wanted.reference.key, CHUNK_KEY_SIZE);
        assert_int_equal(found.reference.size, wanted.reference.size);
        assert_int_equal(found.offset, number * 2000);
        assert_int_equal(found.sealed, 1000 + number);
    }
    return known;
}

static void use(struct box *box, unsigned pack, unsigned number, int change)
{
    struct error error = {0};
    struct state_chunk chunk = chunk_of(pack, number);
    assert_good(state_use(box->state, chunk.hash, change, &error));
}

static enum status count_id(void *context, const unsigned char id[CHUNK_ID_SIZE],
                            struct error *error)
{
    (void)id;
    (void)error;
    (*(unsigned *)context)++;
    return STATUS_OK;
}

static unsigned count(struct box *box, enum state_references which)
{
    struct error error = {0};
    unsigned number = 0;
    assert_good(state_each_reference(box->state, which, count_id, &number, &error));
    return number;
}

static void publish(struct box *box, unsigned night)
{
    struct error error = {0};
    struct state_base base = {.present = true, .sequence = night, .depth = 3};
    memset(base.statement, (int)night, OBJECT_ID_SIZE);
    strcpy(base.memory, "memory-1");
    assert_good(state_publish(box->state, &base, &error));
}

static void test_finds_after_reopening(void **state)
{
    struct box *box = *state;
    struct error error = {0};
    int64_t no = add_pack(box, 1, true);
    add_pack(box, 2, false);
    assert_good(reopen(box, REPOSITORY, &error));
    assert_true(knows(box, 1, 0));
    assert_true(knows(box, 2, 4));
    assert_false(knows(box, 3, 0));
    struct state_pack pack;
    assert_good(state_get_pack(box->state, no, &pack, &error));
    assert_int_equal(pack.size, 100001);
    assert_true(pack.stored);
    struct state_chunk wanted = chunk_of(2, 3);
    struct state_chunk found;
    bool known = false;
    assert_good(state_find_reference(box->state, &wanted.reference, &found, &known, &error));
    assert_true(known);
    assert_memory_equal(found.hash, wanted.hash, CHUNK_HASH_SIZE);
    assert_int_equal(box->problems.count, 0);
    struct stat facts;
    assert_int_equal(stat(box->state->path, &facts), 0);
    assert_int_equal(facts.st_mode & 07777, 0600);
}

static void test_uses_become_references(void **state)
{
    struct box *box = *state;
    struct error error = {0};
    bool plausible;
    add_pack(box, 1, true);
    use(box, 1, 0, 1);
    use(box, 1, 0, 1);
    use(box, 1, 1, 1);
    use(box, 1, 2, 1);
    use(box, 1, 2, -1);
    assert_int_equal(count(box, STATE_ADDED), 2);
    assert_int_equal(count(box, STATE_REMOVED), 0);
    assert_int_equal(count(box, STATE_ALL), 2);
    publish(box, 1);
    /* What nothing uses is forgotten. */
    assert_true(knows(box, 1, 0));
    assert_true(knows(box, 1, 1));
    assert_false(knows(box, 1, 2));
    assert_false(knows(box, 1, 3));
    use(box, 1, 0, -1);
    assert_int_equal(count(box, STATE_REMOVED), 0);
    use(box, 1, 0, -1);
    assert_int_equal(count(box, STATE_REMOVED), 1);
    assert_int_equal(count(box, STATE_ALL), 1);
    assert_good(state_uses_plausible(box->state, &plausible, &error));
    assert_true(plausible);
    publish(box, 2);
    assert_false(knows(box, 1, 0));
    assert_true(knows(box, 1, 1));
}

static void test_deltas_of_an_unpublished_run_are_gone(void **state)
{
    struct box *box = *state;
    struct error error = {0};
    add_pack(box, 1, true);
    use(box, 1, 0, 1);
    assert_good(reopen(box, REPOSITORY, &error));
    assert_int_equal(count(box, STATE_ADDED), 0);
    assert_true(knows(box, 1, 0));
}

static void test_impossible_uses_are_seen(void **state)
{
    struct box *box = *state;
    struct error error = {0};
    bool plausible = true;
    add_pack(box, 1, true);
    use(box, 1, 0, -1);
    assert_good(state_uses_plausible(box->state, &plausible, &error));
    assert_false(plausible);
    use(box, 1, 0, 1);
    assert_good(state_uses_plausible(box->state, &plausible, &error));
    assert_true(plausible);
    use(box, 9, 0, 1); /* nobody knows it */
    assert_good(state_uses_plausible(box->state, &plausible, &error));
    assert_false(plausible);
}

static void test_base_is_kept_and_forgotten(void **state)
{
    struct box *box = *state;
    struct error error = {0};
    struct state_base base;
    assert_good(state_get_base(box->state, &base, &error));
    assert_false(base.present);
    add_pack(box, 1, true);
    use(box, 1, 0, 1);
    publish(box, 7);
    assert_good(reopen(box, REPOSITORY, &error));
    assert_good(state_get_base(box->state, &base, &error));
    assert_true(base.present);
    assert_int_equal(base.sequence, 7);
    assert_int_equal(base.depth, 3);
    assert_int_equal(base.statement[31], 7);
    assert_string_equal(base.memory, "memory-1");
    /* Forgotten: the map stays, uses and memory go, the number does not come again. */
    assert_good(state_forget_base(box->state, &error));
    assert_good(state_get_base(box->state, &base, &error));
    assert_false(base.present);
    assert_int_equal(base.sequence, 7);
    assert_true(knows(box, 1, 0));
    assert_int_equal(count(box, STATE_ALL), 0);
    add_pack(box, 2, true);
    use(box, 2, 0, 1);
    publish(box, 8);
    assert_false(knows(box, 1, 0)); /* swept, though no delta names it */
    assert_true(knows(box, 2, 0));
}

static void test_dropping_a_used_pack_forgets_the_base(void **state)
{
    struct box *box = *state;
    struct error error = {0};
    struct state_base base;
    int64_t used = add_pack(box, 1, true);
    use(box, 1, 0, 1);
    publish(box, 1);
    int64_t unused = add_pack(box, 2, true);
    assert_good(state_drop_pack(box->state, unused, &error));
    assert_good(state_get_base(box->state, &base, &error));
    assert_true(base.present);
    assert_false(knows(box, 2, 0));
    assert_good(state_drop_pack(box->state, used, &error));
    assert_good(state_get_base(box->state, &base, &error));
    assert_false(base.present);
    assert_false(knows(box, 1, 0));
}

/* numbers[0] counts, and they follow. */
static enum status note_number(void *numbers, const struct state_pack *pack, struct error *unused)
{
    (void)unused;
    int64_t *list = numbers;
    list[++list[0]] = pack->no;
    return STATUS_OK;
}

static void test_indexes(void **state)
{
    struct box *box = *state;
    struct error error = {0};
    struct buffer directories = {0};
    uint32_t packs;
    int64_t last;
    for (unsigned i = 1; i <= 3; i++) {
        add_pack(box, i, i != 2);
    }
    assert_good(state_unindexed(box->state, 0, 1, &directories, &packs, &last, &error));
    assert_int_equal(packs, 1); /* the limit is one byte: the first, no more */
    buffer_clear(&directories);
    assert_good(state_unindexed(box->state, 0, 1 << 20, &directories, &packs, &last, &error));
    assert_int_equal(packs, 2); /* the second waits */
    assert_int_equal(directories.size, 2 * (OBJECT_ID_SIZE + 12 + CHUNKS * 24));
    unsigned char id[OBJECT_ID_SIZE] = {9};
    assert_good(state_indexed(box->state, id, 0, last, &error));
    buffer_clear(&directories);
    assert_good(state_unindexed(box->state, 0, 1 << 20, &directories, &packs, &last, &error));
    assert_int_equal(packs, 0);
    assert_good(state_pack_stored(box->state, 2, &error));
    assert_good(state_unindexed(box->state, 0, 1 << 20, &directories, &packs, &last, &error));
    assert_int_equal(packs, 1);
    unsigned char(*ids)[OBJECT_ID_SIZE] = NULL;
    size_t number = 0;
    assert_good(state_indexes(box->state, true, &ids, &number, &error));
    assert_int_equal(number, 1);
    assert_memory_equal(ids[0], id, OBJECT_ID_SIZE);
    free(ids);
    use(box, 1, 0, 1);
    publish(box, 1);
    assert_good(state_indexes(box->state, true, &ids, &number, &error));
    assert_int_equal(number, 0);
    free(ids);
    assert_good(state_lose_index(box->state, id, &error));
    assert_true(knows(box, 1, 0));
    assert_good(state_indexes(box->state, false, &ids, &number, &error));
    assert_int_equal(number, 0);
    free(ids);
    struct index_chunk chunk = {.size = 100};
    struct index_pack told = {.chunks = &chunk, .count = 1};
    int64_t unnamed[4] = {0};
    assert_good(state_each_unnamed_pack(box->state, note_number, unnamed, &error));
    assert_int_equal(unnamed[0], 2);
    for (int64_t i = 1; i <= unnamed[0]; i++) {
        assert_good(state_set_directory(box->state, unnamed[i], &told, &error));
    }
    unnamed[0] = 0;
    assert_good(state_each_unnamed_pack(box->state, note_number, unnamed, &error));
    assert_int_equal(unnamed[0], 0);
    assert_good(state_unindexed(box->state, 0, 1 << 20, &directories, &packs, &last, &error));
    assert_int_equal(packs, 3);
    buffer_free(&directories);
}

/* Nothing is left in the folder but the new state: no copy of the old one's keys. */
static void only_state_is_left(const struct box *box)
{
    DIR *folder = opendir(box->folder);
    for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        const char *name = entry->d_name;
        assert_true(name[0] == '.' || strcmp(name, "state.db") == 0 ||
                    strcmp(name, "state.db-wal") == 0);
    }
    closedir(folder);
}

static void test_foreign_state_is_removed(void **state)
{
    struct box *box = *state;
    struct error error = {0};
    static const unsigned char other[REPOSITORY_ID_SIZE] = {9};
    add_pack(box, 1, true);
    assert_good(reopen(box, other, &error));
    assert_int_equal(box->problems.count, 1);
    only_state_is_left(box);
    assert_false(knows(box, 1, 0));
}

static void test_newer_state_is_removed(void **state)
{
    struct box *box = *state;
    struct error error = {0};
    add_pack(box, 1, true);
    assert_good(sql_run(box->state->database, "PRAGMA user_version=2", &error));
    assert_good(reopen(box, REPOSITORY, &error));
    assert_int_equal(box->problems.count, 1);
    only_state_is_left(box);
    assert_false(knows(box, 1, 0));
}

static void test_garbage_is_removed(void **state)
{
    struct box *box = *state;
    struct error error = {0};
    char path[128];
    snprintf(path, sizeof path, "%s/state.db", box->folder);
    state_free(box->state);
    box->state = NULL;
    assert_good(file_write(path, "this is no database, and it is long enough to be looked at", 57,
                           0600, FILE_REPLACE_EXISTING, &error));
    assert_good(reopen(box, REPOSITORY, &error));
    assert_int_equal(box->problems.count, 1);
    assert_int_equal(box->problems.items[0].status, STATUS_CORRUPT);
    add_pack(box, 1, true);
    assert_true(knows(box, 1, 0));
}

/* A bit that changed in a row leaves the database well-formed: the row's proof finds it, this run
 * ends, and the next begins with an empty map. */
static void test_changed_row_is_never_an_answer(void **state)
{
    struct box *box = *state;
    struct error error = {0};
    add_pack(box, 1, true);
    assert_good(sql_run(box->state->database, "UPDATE chunk SET offset=offset+1", &error));
    struct state_chunk wanted = chunk_of(1, 0);
    struct state_chunk found;
    bool known;
    assert_int_equal(state_find(box->state, wanted.hash, &found, &known, &error), STATUS_CORRUPT);
    assert_true(error.hint[0] != '\0');
    assert_good(reopen(box, REPOSITORY, &error));
    only_state_is_left(box);
    assert_false(knows(box, 1, 0));
}

int main(void)
{
#define BOX(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        BOX(test_finds_after_reopening),
        BOX(test_uses_become_references),
        BOX(test_deltas_of_an_unpublished_run_are_gone),
        BOX(test_impossible_uses_are_seen),
        BOX(test_base_is_kept_and_forgotten),
        BOX(test_dropping_a_used_pack_forgets_the_base),
        BOX(test_indexes),
        BOX(test_foreign_state_is_removed),
        BOX(test_newer_state_is_removed),
        BOX(test_garbage_is_removed),
        BOX(test_changed_row_is_never_an_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
