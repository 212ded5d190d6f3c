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

void list_names_add(struct list_names *names, const struct chunk_reference *reference, uint32_t end)
{
    names->ring[names->count++ % LIST_NAMES] = (struct list_name){*reference, end};
}

struct list_name *list_names_find(struct list_names *names, uint32_t back)
{
    return back < LIST_NAMES && back < names->count
               ? &names->ring[(names->count - 1 - back) % LIST_NAMES]
               : NULL;
}

static bool is_part(const struct list_item *item)
{
    return item->bytes > 0 && item->bytes < item->reference.size &&
           item->skip <= item->reference.size - item->bytes;
}

/* Of a chunk that was named: behind its last part, and what lies between. */
static bool read_again(struct list_item *item, struct cursor *cursor, uint32_t head,
                       struct list_names *names)
{
    struct list_name *name = list_names_find(names, head >> 24 & (LIST_NAMES - 1));
    uint16_t gap;
    if (name == NULL || !cursor_u16(cursor, &gap)) {
        return false;
    }
    item->bytes = head & (LIST_AGAIN_LIMIT - 1);
    item->reference = name->reference;
    item->skip = name->end + gap;
    name->end = item->skip + (uint32_t)item->bytes;
    return is_part(item);
}

static bool read_part(struct list_item *item, struct cursor *cursor, uint32_t head,
                      struct list_names *names)
{
    item->bytes = head & ~LIST_PART;
    bool good = cursor_u32(cursor, &item->skip) && cursor_u32(cursor, &item->reference.size) &&
                cursor_copy(cursor, item->reference.key, CHUNK_KEY_SIZE) &&
                item->reference.size <= CHUNK_MAXIMUM && is_part(item);
    if (good) {
        list_names_add(names, &item->reference, item->skip + (uint32_t)item->bytes);
    }
    return good;
}

static bool read_content(struct list_item *item, struct cursor *cursor, struct list_names *names)
{
    uint32_t head;
    if (!cursor_u32(cursor, &head)) {
        return false;
    }
    if ((head & LIST_AGAIN) == LIST_AGAIN) {
        return read_again(item, cursor, head, names);
    }
    if ((head & LIST_PART) != 0) {
        return read_part(item, cursor, head, names);
    }
    item->hole = head == 0;
    if (item->hole) {
        return cursor_u64(cursor, &item->bytes) && item->bytes > 0;
    }
    item->reference.size = head;
    item->bytes = head;
    return head <= CHUNK_MAXIMUM && cursor_copy(cursor, item->reference.key, CHUNK_KEY_SIZE);
}

bool list_item_read(struct list_item *item, struct cursor *cursor, unsigned level,
                    struct list_names *names)
{
    item->hole = false;
    item->skip = 0;
    if (level == 0) {
        return read_content(item, cursor, names);
    }
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
