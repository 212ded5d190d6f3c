/* node: the decision where nodes end, storing them, and the items of lists and inner nodes. */
#include "node.h"
#include <sodium.h>
#include <string.h>

/* After the minimum, an item ends the node with a probability in proportion to its bytes, so that
 * nodes are NODE_AVERAGE long whatever the size of their items. */
bool node_ends(const unsigned char *node_key, const void *name, size_t name_size, size_t item_size)
{
    unsigned char digest[16];
    crypto_generichash(digest, sizeof digest, name, name_size, node_key, SUBKEY_SIZE);
    uint64_t draw = 0;
    for (unsigned i = 0; i < 4; i++) {
        draw |= (uint64_t)digest[i] << (8 * i);
    }
    return draw * (NODE_AVERAGE - NODE_MINIMUM) < (uint64_t)item_size << 32;
}

enum status node_store(struct chunk_result *result, const struct node_output *output,
                       const struct buffer *node, struct error *error)
{
    enum status status =
        pipeline_store(output->pipeline, node->data, node->size, NULL, result, error);
    return status == STATUS_OK ? output->stored(output->context, result, error) : status;
}

static bool read_chunk_or_hole(struct list_item *item, struct cursor *cursor)
{
    if (!cursor_u32(cursor, &item->reference.size)) {
        return false;
    }
    item->hole = item->reference.size == 0;
    if (item->hole) {
        return cursor_u64(cursor, &item->bytes) && item->bytes > 0;
    }
    item->bytes = item->reference.size;
    return item->reference.size <= CHUNK_MAXIMUM &&
           cursor_copy(cursor, item->reference.key, CHUNK_KEY_SIZE);
}

bool list_item_read(struct list_item *item, struct cursor *cursor, unsigned level)
{
    if (level == 0) {
        return read_chunk_or_hole(item, cursor);
    }
    item->hole = false;
    return cursor_copy(cursor, item->reference.key, CHUNK_KEY_SIZE) &&
           cursor_u32(cursor, &item->reference.size) && cursor_u64(cursor, &item->bytes) &&
           item->reference.size > 0 && item->reference.size <= NODE_MAXIMUM && item->bytes > 0;
}

bool tree_child_read(struct tree_child *child, struct cursor *cursor, unsigned level)
{
    uint16_t size;
    const unsigned char *path;
    *child = (struct tree_child){.level = level, .counted = true};
    if (!cursor_copy(cursor, child->reference.key, CHUNK_KEY_SIZE) ||
        !cursor_u32(cursor, &child->reference.size) || !cursor_u64(cursor, &child->entries) ||
        !cursor_u16(cursor, &size) || !cursor_take(cursor, &path, size) ||
        memchr(path, '\0', size) != NULL || child->reference.size == 0 || child->entries == 0 ||
        child->reference.size > (level == 0 ? CHUNK_MAXIMUM : NODE_MAXIMUM)) {
        return false;
    }
    child->first = strndup((const char *)path, size);
    return child->first != NULL && entry_path_valid(child->first);
}
