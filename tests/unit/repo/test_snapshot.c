/* What a reader believes: a catalogue that agrees with its statement, and a tree that holds
 * together. Hostile trees end, and damage is told and walked around. */
#include "../../../src/repo/node.h"
#include "../../../src/repo/snapshot_private.h"
#include "backup_world.h"

static void test_needs_an_identity(void **state)
{
    struct world *world = *state;
    struct error error = {0};
    struct test_file file = {"a", (const unsigned char *)"x", 1};
    struct statement statement = back_up(world, &file, 1);
    struct snapshot *snapshot;
    assert_int_equal(snapshot_open(&snapshot, world->repo, &statement, &error), STATUS_DENIED);
    assert_null(snapshot);
    statement_free(&statement);
}

static enum status open_it(const struct world *world, const struct statement *statement,
                           struct error *error)
{
    struct repo_access access = identity_access(world);
    struct repo *repo;
    struct snapshot *snapshot;
    assert_fine(repo_open(&repo, &access, error));
    enum status status = snapshot_open(&snapshot, repo, statement, error);
    snapshot_free(snapshot);
    repo_free(repo);
    return status;
}

static void test_catalogue_and_statement_must_agree(void **state)
{
    struct world *world = *state;
    struct error error = {0};
    struct test_file file = {"a", (const unsigned char *)"x", 1};
    struct statement one = back_up(world, &file, 1);
    struct statement two = back_up(world, &file, 1);
    assert_good(open_it(world, &one, &error));
    /* The catalogue of one night under the statement of another. */
    unsigned char own[OBJECT_ID_SIZE];
    memcpy(own, two.snapshot, OBJECT_ID_SIZE);
    memcpy(two.snapshot, one.snapshot, OBJECT_ID_SIZE);
    assert_int_equal(open_it(world, &two, &error), STATUS_UNAUTHENTIC);
    memcpy(two.snapshot, own, OBJECT_ID_SIZE);
    assert_good(open_it(world, &two, &error));
    two.sources[0].bytes++;
    assert_int_equal(open_it(world, &two, &error), STATUS_UNAUTHENTIC);
    two.sources[0].bytes--;
    two.time.seconds++;
    assert_int_equal(open_it(world, &two, &error), STATUS_UNAUTHENTIC);
    two.time.seconds--;
    two.snapshot[0] ^= 1;
    assert_int_equal(open_it(world, &two, &error), STATUS_NOT_FOUND);
    statement_free(&one);
    statement_free(&two);
}

static void test_damaged_catalogue(void **state)
{
    struct world *world = *state;
    struct error error = {0};
    struct test_file file = {"a", (const unsigned char *)"x", 1};
    struct statement statement = back_up(world, &file, 1);
    char name[OBJECT_NAME_SIZE];
    only_object(name, world, "snapshots");
    flip_byte(world, name, 400);
    assert_int_equal(open_it(world, &statement, &error), STATUS_CORRUPT);
    statement_free(&statement);
}

/* ------------------------------------------------------------------ hostile trees */

struct forge {
    struct night night;
    struct buffer node;
};

static void forge_child(struct forge *forge, const struct chunk_reference *reference,
                        uint64_t entries, const char *first)
{
    struct error error = {0};
    assert_good(buffer_append(&forge->node, reference->key, CHUNK_KEY_SIZE, &error));
    assert_good(buffer_append_u32(&forge->node, reference->size, &error));
    assert_good(buffer_append_u64(&forge->node, entries, &error));
    assert_good(buffer_append_u16(&forge->node, (uint16_t)strlen(first), &error));
    assert_good(buffer_append_text(&forge->node, first, &error));
}

static void forge_entry(struct forge *forge, const char *path)
{
    struct error error = {0};
    struct buffer record = {0};
    char copy[64];
    snprintf(copy, sizeof copy, "%s", path);
    struct entry entry = {.type = ENTRY_FOLDER, .path = copy};
    assert_good(entry_encode(&record, &entry, NULL, &error));
    assert_good(buffer_append_u32(&forge->node, (uint32_t)record.size, &error));
    assert_good(buffer_append(&forge->node, record.data, record.size, &error));
    buffer_free(&record);
}

static void forge_begin(struct forge *forge, char kind)
{
    struct error error = {0};
    buffer_clear(&forge->node);
    assert_good(buffer_append_u8(&forge->node, (uint8_t)kind, &error));
}

static struct tree_root forge_store(struct forge *forge, unsigned level)
{
    struct error error = {0};
    struct chunk_result result;
    assert_good(pipeline_store(forge->night.pipeline, forge->node.data, forge->node.size, NULL,
                               &result, &error));
    assert_good(count_chunk(&forge->night, &result, &error));
    struct tree_root root = {
        .present = true, .reference = result.reference, .level = (uint8_t)level, .entries = 2};
    crypto_generichash(root.digest, sizeof root.digest, forge->node.data, forge->node.size, NULL,
                       0);
    return root;
}

static struct tree_root forge_leaf(struct forge *forge, const char *a, const char *b)
{
    forge_begin(forge, NODE_LEAF);
    forge_entry(forge, a);
    forge_entry(forge, b);
    return forge_store(forge, 0);
}

static enum status count_visit(void *context, const struct entry *entry,
                               const struct content *content, struct error *error)
{
    (void)entry;
    (void)content;
    (void)error;
    (*(unsigned *)context)++;
    return STATUS_OK;
}

/* Publishes the forged root and walks it. */
static enum status walk_forged(const struct world *world, struct forge *forge,
                               struct tree_root root, unsigned *entries)
{
    struct error error = {0};
    struct catalogue_source source = {
        .words = {.name = (char[]){"x"}, .kind = (char[]){"tree"}, .entries = 2, .persons = -1},
        .root = root};
    memcpy(source.words.digest, root.digest, sizeof root.digest);
    struct publication publication = {.sources = &source, .source_count = 1};
    struct statement statement;
    assert_good(night_uses(&forge->night, &error));
    assert_good(writer_publish(&statement, forge->night.writer, &publication, &error));
    night_close(&forge->night);
    buffer_free(&forge->node);
    struct repo_access access = identity_access(world);
    struct repo *repo;
    struct snapshot *snapshot;
    assert_good(repo_open(&repo, &access, &error));
    assert_good(snapshot_open(&snapshot, repo, &statement, &error));
    *entries = 0;
    struct walk walk = {.path = "", .visit = count_visit, .context = entries};
    enum status status = snapshot_walk(snapshot, snapshot_source(snapshot, 0), &walk, &error);
    unsigned near = *entries;
    *entries = 0;
    snapshot->repo->distant = true; /* its nodes are fetched ahead, and believed no more for that */
    assert_int_equal(snapshot_walk(snapshot, snapshot_source(snapshot, 0), &walk, &error), status);
    assert_int_equal(*entries, near);
    snapshot_free(snapshot);
    repo_free(repo);
    statement_free(&statement);
    return status;
}

static void test_good_forgery_walks(void **state)
{
    struct forge forge = {0};
    unsigned entries;
    night_open(&forge.night, *state);
    struct tree_root one = forge_leaf(&forge, "a", "b");
    struct tree_root two = forge_leaf(&forge, "c", "d");
    forge_begin(&forge, NODE_INNER);
    forge_child(&forge, &one.reference, 2, "a");
    forge_child(&forge, &two.reference, 2, "c");
    struct tree_root root = forge_store(&forge, 1);
    forge_begin(&forge, NODE_INNER);
    forge_child(&forge, &root.reference, 4, "a");
    root = forge_store(&forge, 2);
    assert_int_equal(walk_forged(*state, &forge, root, &entries), STATUS_OK);
    assert_int_equal(entries, 4);
}

static void test_same_leaf_twice(void **state)
{
    struct forge forge = {0};
    unsigned entries;
    night_open(&forge.night, *state);
    struct tree_root leaf = forge_leaf(&forge, "a", "b");
    forge_begin(&forge, NODE_INNER);
    forge_child(&forge, &leaf.reference, 2, "a");
    forge_child(&forge, &leaf.reference, 2, "c"); /* it does not begin there */
    struct tree_root root = forge_store(&forge, 1);
    assert_int_equal(walk_forged(*state, &forge, root, &entries), STATUS_CORRUPT);
    assert_int_equal(entries, 2);
}

static void test_children_out_of_order(void **state)
{
    struct forge forge = {0};
    unsigned entries;
    night_open(&forge.night, *state);
    struct tree_root one = forge_leaf(&forge, "a", "b");
    struct tree_root two = forge_leaf(&forge, "c", "d");
    forge_begin(&forge, NODE_INNER);
    forge_child(&forge, &two.reference, 2, "c");
    forge_child(&forge, &one.reference, 2, "a");
    struct tree_root root = forge_store(&forge, 1);
    assert_int_equal(walk_forged(*state, &forge, root, &entries), STATUS_CORRUPT);
}

static void test_leaf_reaches_over_its_successor(void **state)
{
    struct forge forge = {0};
    unsigned entries;
    night_open(&forge.night, *state);
    struct tree_root one = forge_leaf(&forge, "a", "z");
    struct tree_root two = forge_leaf(&forge, "c", "d");
    forge_begin(&forge, NODE_INNER);
    forge_child(&forge, &one.reference, 2, "a");
    forge_child(&forge, &two.reference, 2, "c");
    struct tree_root root = forge_store(&forge, 1);
    assert_int_equal(walk_forged(*state, &forge, root, &entries), STATUS_CORRUPT);
}

static void test_wrong_level_and_wrong_count(void **state)
{
    struct forge forge = {0};
    unsigned entries;
    night_open(&forge.night, *state);
    struct tree_root leaf = forge_leaf(&forge, "a", "b");
    struct tree_root wrong = leaf;
    wrong.level = 3;
    assert_int_equal(walk_forged(*state, &forge, wrong, &entries), STATUS_CORRUPT);
    forge = (struct forge){0};
    night_open(&forge.night, *state);
    leaf = forge_leaf(&forge, "a", "b");
    forge_begin(&forge, NODE_INNER);
    forge_child(&forge, &leaf.reference, 3, "a");
    assert_int_equal(walk_forged(*state, &forge, forge_store(&forge, 1), &entries), STATUS_CORRUPT);
}

static void test_empty_nodes(void **state)
{
    struct forge forge = {0};
    unsigned entries;
    night_open(&forge.night, *state);
    forge_begin(&forge, NODE_LEAF);
    assert_int_equal(walk_forged(*state, &forge, forge_store(&forge, 0), &entries), STATUS_CORRUPT);
    forge = (struct forge){0};
    night_open(&forge.night, *state);
    forge_begin(&forge, NODE_INNER);
    assert_int_equal(walk_forged(*state, &forge, forge_store(&forge, 1), &entries), STATUS_CORRUPT);
}

static void test_another_root_than_the_statement_says(void **state)
{
    struct forge forge = {0};
    unsigned entries;
    night_open(&forge.night, *state);
    struct tree_root root = forge_leaf(&forge, "a", "b");
    root.digest[0] ^= 1;
    assert_int_equal(walk_forged(*state, &forge, root, &entries), STATUS_CORRUPT);
    assert_int_equal(entries, 0);
}

/* ------------------------------------------------------------------ damage */

struct told {
    unsigned entries;
    unsigned problems;
};

static enum status note_entry(void *context, const struct entry *entry,
                              const struct content *content, struct error *error)
{
    (void)entry;
    (void)content;
    (void)error;
    ((struct told *)context)->entries++;
    return STATUS_OK;
}

static void note_problem(void *context, const char *near_path, const struct error *error)
{
    assert_true(error->message[0] != '\0');
    assert_non_null(near_path);
    ((struct told *)context)->problems++;
}

/* The wanted nodes together; each is handed out once, and what is not to be had is left out. */
static void test_fetches_ahead(void **state)
{
    struct world *world = *state;
    struct error error = {0};
    struct forge forge = {0};
    night_open(&forge.night, world);
    struct tree_root leaf = forge_leaf(&forge, "a", "b");
    struct node_ahead ahead = {.count = 2};
    ahead.nodes[0].reference = ahead.nodes[1].reference = leaf.reference;
    ahead.nodes[0].reference.key[0] ^= 1; /* nobody stored it */
    struct catalogue_source source = {
        .words = {.name = (char[]){"x"}, .kind = (char[]){"tree"}, .persons = -1}, .root = leaf};
    memcpy(source.words.digest, leaf.digest, sizeof leaf.digest);
    struct publication publication = {.sources = &source, .source_count = 1};
    struct statement statement;
    assert_good(writer_publish(&statement, forge.night.writer, &publication, &error));
    night_close(&forge.night);

    struct repo_access access = identity_access(world);
    struct repo *repo;
    struct snapshot *snapshot;
    assert_good(repo_open(&repo, &access, &error));
    assert_good(snapshot_open(&snapshot, repo, &statement, &error));
    assert_false(node_ahead_pays(snapshot)); /* a folder of this machine */
    node_ahead_fetch(&ahead, snapshot, snapshot_source(snapshot, 0));
    struct buffer node = {0};
    assert_false(node_ahead_take(&node, &ahead, &ahead.nodes[0].reference));
    assert_true(node_ahead_take(&node, &ahead, &leaf.reference));
    assert_int_equal(node.size, forge.node.size);
    assert_memory_equal(node.data, forge.node.data, node.size);
    assert_false(node_ahead_take(&node, &ahead, &leaf.reference));
    buffer_free(&node);
    node_ahead_free(&ahead);
    snapshot_free(snapshot);
    repo_free(repo);
    statement_free(&statement);
    buffer_free(&forge.node);
}

static void test_walks_around_a_missing_node(void **state)
{
    struct world *world = *state;
    struct error error = {0};
    struct forge forge = {0};
    night_open(&forge.night, world);
    struct tree_root one = forge_leaf(&forge, "a", "b");
    struct tree_root two = one;
    struct tree_root three = forge_leaf(&forge, "e", "f");
    two.reference.key[0] ^= 1; /* nobody stored it */
    forge_begin(&forge, NODE_INNER);
    forge_child(&forge, &one.reference, 2, "a");
    forge_child(&forge, &two.reference, 2, "c");
    forge_child(&forge, &three.reference, 2, "e");
    struct tree_root root = forge_store(&forge, 1);
    struct catalogue_source source = {
        .words = {.name = (char[]){"x"}, .kind = (char[]){"tree"}, .persons = -1}, .root = root};
    memcpy(source.words.digest, root.digest, sizeof root.digest);
    struct publication publication = {.sources = &source, .source_count = 1};
    struct statement statement;
    assert_good(writer_publish(&statement, forge.night.writer, &publication, &error));
    night_close(&forge.night);
    buffer_free(&forge.node);

    struct repo_access access = identity_access(world);
    struct repo *repo;
    struct snapshot *snapshot;
    assert_good(repo_open(&repo, &access, &error));
    assert_good(snapshot_open(&snapshot, repo, &statement, &error));
    struct told told = {0};
    struct walk walk = {.path = "", .visit = note_entry, .problem = note_problem, .context = &told};
    /* The chunks were counted as used by nobody, so the indexes know them all the same. */
    assert_good(snapshot_walk(snapshot, snapshot_source(snapshot, 0), &walk, &error));
    assert_int_equal(told.entries, 4);
    assert_int_equal(told.problems, 1);
    snapshot->repo->distant = true;
    assert_good(snapshot_walk(snapshot, snapshot_source(snapshot, 0), &walk, &error));
    assert_int_equal(told.entries, 8);
    assert_int_equal(told.problems, 2);
    walk.problem = NULL;
    assert_int_equal(snapshot_walk(snapshot, snapshot_source(snapshot, 0), &walk, &error),
                     STATUS_NOT_FOUND);
    snapshot_free(snapshot);
    repo_free(repo);
    statement_free(&statement);
}

int main(void)
{
#define WORLD(test) cmocka_unit_test_setup_teardown(test, world_setup, world_teardown)
    const struct CMUnitTest tests[] = {
        WORLD(test_needs_an_identity),
        WORLD(test_catalogue_and_statement_must_agree),
        WORLD(test_damaged_catalogue),
        WORLD(test_good_forgery_walks),
        WORLD(test_same_leaf_twice),
        WORLD(test_children_out_of_order),
        WORLD(test_leaf_reaches_over_its_successor),
        WORLD(test_wrong_level_and_wrong_count),
        WORLD(test_empty_nodes),
        WORLD(test_another_root_than_the_statement_says),
        WORLD(test_fetches_ahead),
        WORLD(test_walks_around_a_missing_node),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
