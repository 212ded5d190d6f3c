/* The tree is RFC 6962's: the published roots of its reference trees, and its definition word by
 * word for every size. */
#include "../../../src/audit/audit_private.h"
#include "audit_test.h"

static void test_reference_trees(void **state)
{
    (void)state;
    struct error error = {0};
    struct tree tree = {0};
    static const struct {
        const char *leaf;
        const char *root; /* of the tree that ends with it */
    } steps[] = {
        {"", "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"},
        {"00", "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"},
        {"10", "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"},
        {"2021", "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"},
        {"3031", "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4"},
        {"40414243", "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef"},
        {"5051525354555657", "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c"},
        {"606162636465666768696a6b6c6d6e6f",
         "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"},
    };
    unsigned char root[AUDIT_ROOT_SIZE];
    char text[2 * AUDIT_ROOT_SIZE + 1];
    tree_root(root, &tree, 0);
    assert_string_equal(hex_encode(text, root, sizeof root),
                        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    for (size_t i = 0; i < LENGTH(steps); i++) {
        unsigned char leaf[16];
        size_t size = strlen(steps[i].leaf) / 2;
        assert_true(hex_decode(leaf, size, steps[i].leaf, 2 * size));
        assert_ok(tree_add(&tree, leaf, size, &error));
        tree_root(root, &tree, i + 1);
        assert_string_equal(hex_encode(text, root, sizeof root), steps[i].root);
    }
    tree_free(&tree);
}

static void hash_pair(unsigned char *hash, unsigned char prefix, const void *a, size_t a_size,
                      const void *b, size_t b_size)
{
    crypto_hash_sha256_state state;
    crypto_hash_sha256_init(&state);
    crypto_hash_sha256_update(&state, &prefix, 1);
    crypto_hash_sha256_update(&state, a, a_size);
    crypto_hash_sha256_update(&state, b, b_size);
    crypto_hash_sha256_final(&state, hash);
}

/* MTH of the leaves from `first` on, as the RFC defines it; leaf i is the text of i. */
static void definition(unsigned char root[AUDIT_ROOT_SIZE], unsigned first, unsigned count)
{
    unsigned char halves[2][AUDIT_ROOT_SIZE];
    char leaf[16];
    if (count == 1) {
        int size = snprintf(leaf, sizeof leaf, "%u", first);
        hash_pair(root, 0, leaf, (size_t)size, "", 0);
        return;
    }
    unsigned k = 1;
    while (2 * k < count) {
        k *= 2;
    }
    definition(halves[0], first, k);
    definition(halves[1], first + k, count - k);
    hash_pair(root, 1, halves[0], AUDIT_ROOT_SIZE, halves[1], AUDIT_ROOT_SIZE);
}

static void test_every_size_is_as_defined(void **state)
{
    (void)state;
    struct error error = {0};
    struct tree tree = {0};
    unsigned char root[AUDIT_ROOT_SIZE];
    unsigned char wanted[AUDIT_ROOT_SIZE];
    for (unsigned size = 1; size <= 130; size++) {
        char leaf[16];
        int length = snprintf(leaf, sizeof leaf, "%u", size - 1);
        assert_ok(tree_add(&tree, leaf, (size_t)length, &error));
        assert_true(tree_holds(&tree, size - 1, leaf, (size_t)length));
        assert_false(tree_holds(&tree, size, leaf, (size_t)length));
        assert_false(tree_holds(&tree, size - 1, "x", 1));
    }
    for (unsigned size = 1; size <= 130; size++) { /* earlier ones out of the large one */
        definition(wanted, 0, size);
        tree_root(root, &tree, size);
        assert_memory_equal(root, wanted, sizeof root);
    }
    for (unsigned size = 129; size > 0; size--) { /* and when it was cut */
        tree_cut(&tree, size);
        assert_int_equal(tree_size(&tree), size);
        definition(wanted, 0, size);
        tree_root(root, &tree, size);
        assert_memory_equal(root, wanted, sizeof root);
    }
    tree_free(&tree);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reference_trees),
        cmocka_unit_test(test_every_size_is_as_defined),
    };
    return cmocka_run_group_tests(tests, in_fresh_folder, leave_folder);
}
