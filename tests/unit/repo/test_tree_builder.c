/* Entries go in in order and come out in order, all or from a path on; a change stays local. */
#include "../../../src/repo/node.h"
#include "backup_world.h"

#define COUNT 20000u

/* In the order of entries: the folder's files follow it. */
static void path_of(char path[64], unsigned i)
{
    snprintf(path, 64, i % 100 == 0 ? "%03u" : "%03u/scan %05u.pdf", i / 100, i);
}

static enum status add(struct night *night, unsigned i, unsigned changed, struct error *error)
{
    char path[64];
    path_of(path, i);
    struct entry entry = {.type = i % 100 == 0 ? ENTRY_FOLDER : ENTRY_FILE,
                          .path = path,
                          .mode = i == changed ? 0600 : 0644,
                          .user = (char[]){"shop"}};
    struct content content = {.inlined = true};
    return tree_builder_add(night->tree, &entry, i % 100 == 0 ? NULL : &content, error);
}

struct seen {
    unsigned next;
    unsigned count;
};

static enum status check_entry(void *context, const struct entry *entry,
                               const struct content *content, struct error *error)
{
    (void)content;
    (void)error;
    struct seen *seen = context;
    char path[64];
    path_of(path, seen->next++);
    assert_string_equal(entry->path, path);
    seen->count++;
    return STATUS_OK;
}

static void walk(struct snapshot *snapshot, const char *path, unsigned first, unsigned count)
{
    struct error error = {0};
    struct seen seen = {.next = first};
    struct walk options = {.path = path, .visit = check_entry, .context = &seen};
    assert_good(snapshot_walk(snapshot, snapshot_source(snapshot, 0), &options, &error));
    assert_int_equal(seen.count, count);
}

static void find(struct snapshot *snapshot, const char *path, enum status expected)
{
    struct error error = {0};
    struct entry entry;
    struct content content;
    assert_int_equal(
        snapshot_find(&entry, &content, snapshot, snapshot_source(snapshot, 0), path, &error),
        expected);
    if (expected == STATUS_OK) {
        assert_string_equal(entry.path, path);
        entry_free(&entry);
        content_free(&content);
    }
}

static void check_reading(const struct world *world, const struct statement *statement)
{
    struct error error = {0};
    struct repo_access access = identity_access(world);
    struct repo *repo;
    struct snapshot *snapshot;
    assert_good(repo_open(&repo, &access, &error));
    assert_good(snapshot_open(&snapshot, repo, statement, &error));
    assert_true(snapshot_source(snapshot, 0)->root.level >= 1);
    walk(snapshot, "", 0, COUNT);
    walk(snapshot, "000", 0, 100);
    walk(snapshot, "123", 12300, 100);
    walk(snapshot, "199", 19900, 100);
    walk(snapshot, "199/scan 19999.pdf", 19999, 1);
    walk(snapshot, "12", 0, 0);
    walk(snapshot, "200", 0, 0);
    for (unsigned i = 0; i < COUNT; i += 997) {
        char path[64];
        path_of(path, i);
        find(snapshot, path, STATUS_OK);
        strcat(path, "x");
        find(snapshot, path, STATUS_NOT_FOUND);
    }
    find(snapshot, "", STATUS_NOT_FOUND);
    assert_null(snapshot_find_source(snapshot, "nothing"));
    assert_non_null(snapshot_find_source(snapshot, "documents"));
    snapshot_free(snapshot);
    repo_free(repo);
}

static void test_tree_comes_back(void **state)
{
    struct error error = {0};
    struct night night;
    night_open(&night, *state);
    for (unsigned i = 0; i < COUNT; i++) {
        assert_good(add(&night, i, COUNT, &error));
    }
    struct statement statement;
    assert_good(night_publish(&statement, &night, &error));
    assert_int_equal(statement.sources[0].entries, COUNT);
    night_close(&night);
    check_reading(*state, &statement);
    statement_free(&statement);
}

static void test_change_stays_local(void **state)
{
    struct error error = {0};
    struct night night;
    struct tree_root one, two;
    night_open(&night, *state);
    for (unsigned i = 0; i < COUNT; i++) {
        assert_good(add(&night, i, COUNT, &error));
    }
    assert_good(tree_builder_finish(&one, night.tree, &error));
    size_t nodes = night.hashes.size / CHUNK_HASH_SIZE;
    tree_builder_free(night.tree);
    const struct node_output output = night_nodes(&night);
    assert_good(tree_builder_new(&night.tree, &output, &error));
    for (unsigned i = 0; i < COUNT; i++) {
        assert_good(add(&night, i, 7777, &error));
    }
    assert_good(tree_builder_finish(&two, night.tree, &error));
    size_t fresh = night.hashes.size / CHUNK_HASH_SIZE - nodes - night.known;
    assert_in_range(nodes, 12, 60);
    assert_int_equal(fresh, one.level + 1); /* its leaf and what is above */
    assert_memory_not_equal(one.digest, two.digest, sizeof one.digest);
    night_close(&night);
}

static void test_one_entry_and_none(void **state)
{
    struct error error = {0};
    struct night night;
    struct tree_root root;
    night_open(&night, *state);
    assert_good(tree_builder_finish(&root, night.tree, &error));
    assert_false(root.present);
    assert_good(add(&night, 0, COUNT, &error));
    assert_good(tree_builder_finish(&root, night.tree, &error));
    assert_true(root.present);
    assert_int_equal(root.level, 0);
    assert_int_equal(root.entries, 1);
    night_close(&night);
}

static void test_disorder_is_refused(void **state)
{
    struct error error = {0};
    struct night night;
    night_open(&night, *state);
    assert_good(add(&night, 7, COUNT, &error));
    assert_int_equal(add(&night, 7, COUNT, &error), STATUS_FAILED);
    assert_int_equal(add(&night, 6, COUNT, &error), STATUS_FAILED);
    struct entry bad = {.type = ENTRY_FOLDER, .path = (char[]){"../x"}};
    assert_int_equal(tree_builder_add(night.tree, &bad, NULL, &error), STATUS_UNSUPPORTED);
    night_close(&night);
}

/* Paths as long as nodes: each inner node still has two children, so the tree ends. */
static void test_long_paths_do_not_make_endless_levels(void **state)
{
    struct error error = {0};
    struct night night;
    static char path[ENTRY_PATH_MAX + 1];
    night_open(&night, *state);
    for (size_t i = 0; i < 60000; i++) {
        path[i] = i % 200 == 199 ? '/' : 'x';
    }
    for (unsigned i = 0; i < 9; i++) {
        snprintf(path + 60000, 8, "%u", i);
        struct entry entry = {.type = ENTRY_FOLDER, .path = path};
        assert_good(tree_builder_add(night.tree, &entry, NULL, &error));
    }
    struct tree_root root;
    assert_good(tree_builder_finish(&root, night.tree, &error));
    assert_int_equal(root.entries, 9);
    assert_in_range(root.level, 1, 4);
    night_close(&night);
}

int main(void)
{
#define WORLD(test) cmocka_unit_test_setup_teardown(test, world_setup, world_teardown)
    const struct CMUnitTest tests[] = {
        WORLD(test_tree_comes_back),
        WORLD(test_change_stays_local),
        WORLD(test_one_entry_and_none),
        WORLD(test_disorder_is_refused),
        WORLD(test_long_paths_do_not_make_endless_levels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
