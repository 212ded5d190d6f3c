/* tree: the Merkle tree of RFC 6962 §2.1 with SHA-256: leaf = H(00 | line), node = H(01 | left |
 * right), empty = H(""). Level k holds the roots of the whole subtrees of 2^k leaves, in order. */
#include "audit_private.h"
#include <sodium.h>
#include <string.h>

#define HASH AUDIT_ROOT_SIZE

static void hash_leaf(unsigned char hash[HASH], const void *line, size_t size)
{
    static const unsigned char prefix = 0;
    crypto_hash_sha256_state state;
    crypto_hash_sha256_init(&state);
    crypto_hash_sha256_update(&state, &prefix, 1);
    crypto_hash_sha256_update(&state, line, size);
    crypto_hash_sha256_final(&state, hash);
}

static void hash_node(unsigned char hash[HASH], const unsigned char *left,
                      const unsigned char *right)
{
    unsigned char content[1 + 2 * HASH] = {1};
    memcpy(content + 1, left, HASH);
    memcpy(content + 1 + HASH, right, HASH);
    crypto_hash_sha256(hash, content, sizeof content);
}

uint64_t tree_size(const struct tree *tree)
{
    return tree->levels[0].size / HASH;
}

enum status tree_add(struct tree *tree, const void *line, size_t size, struct error *error)
{
    unsigned char hash[HASH];
    uint64_t before = tree_size(tree);
    hash_leaf(hash, line, size);
    enum status status = buffer_append(&tree->levels[0], hash, HASH, error);
    for (size_t level = 0; status == STATUS_OK && level + 1 < TREE_LEVELS; level++) {
        const struct buffer *full = &tree->levels[level];
        if (full->size % (2 * (size_t)HASH) != 0) {
            break;
        }
        hash_node(hash, full->data + full->size - 2 * (size_t)HASH, full->data + full->size - HASH);
        status = buffer_append(&tree->levels[level + 1], hash, HASH, error);
    }
    if (status != STATUS_OK) {
        tree_cut(tree, before);
    }
    return status;
}

void tree_cut(struct tree *tree, uint64_t size)
{
    for (size_t level = 0; level < TREE_LEVELS; level++) {
        size_t wanted = (size_t)(size >> level) * HASH;
        struct buffer *hashes = &tree->levels[level];
        hashes->size = hashes->size < wanted ? hashes->size : wanted;
    }
}

/* From the right: the smallest whole subtree at the end is joined to ever larger ones before it. */
void tree_root(unsigned char root[HASH], const struct tree *tree, uint64_t size)
{
    bool begun = false;
    for (size_t level = 0; level < TREE_LEVELS && size >> level != 0; level++) {
        if ((size >> level & 1) == 0) {
            continue;
        }
        const unsigned char *left = tree->levels[level].data + ((size >> level) - 1) * HASH;
        if (begun) {
            hash_node(root, left, root);
        } else {
            memcpy(root, left, HASH);
        }
        begun = true;
    }
    if (!begun) {
        crypto_hash_sha256(root, NULL, 0);
    }
}

bool tree_holds(const struct tree *tree, uint64_t number, const void *line, size_t size)
{
    unsigned char hash[HASH];
    hash_leaf(hash, line, size);
    return number < tree_size(tree) &&
           memcmp(hash, tree->levels[0].data + number * HASH, HASH) == 0;
}

void tree_free(struct tree *tree)
{
    for (size_t level = 0; level < TREE_LEVELS; level++) {
        buffer_free(&tree->levels[level]);
    }
}
