// room: repo
/* Any bytes as a node of a tree or a list: every item is bounded, and reading ends. */
#include "../../src/repo/node.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_leaf(struct cursor cursor)
{
    uint32_t size;
    const unsigned char *record;
    while (cursor_u32(&cursor, &size) && cursor_take(&cursor, &record, size)) {
        struct error error = {0};
        struct entry entry;
        struct content content;
        if (entry_decode(&entry, &content, record, size, &error) == STATUS_OK) {
            entry_free(&entry);
            content_free(&content);
        }
    }
}

static void read_inner(struct cursor cursor, unsigned level)
{
    bool good = true;
    while (good) {
        struct tree_child child;
        good = tree_child_read(&child, &cursor, level);
        if (good && (child.reference.size > CHUNK_MAXIMUM || !entry_path_valid(child.first))) {
            abort();
        }
        free(child.first);
    }
}

static void read_list(struct cursor cursor, unsigned level)
{
    struct list_item item;
    struct list_names names = {.count = 0};
    while (list_item_read(&item, &cursor, level, &names)) {
        bool within = level > 0 || item.hole || item.skip + item.bytes <= item.reference.size;
        if (item.bytes == 0 || !within || (!item.hole && item.reference.size > CHUNK_MAXIMUM)) {
            abort();
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cursor cursor = {.at = data, .left = size};
    uint8_t kind = 0;
    uint8_t level = 0;
    if (!cursor_u8(&cursor, &kind)) {
        return 0;
    }
    if (kind == NODE_LEAF) {
        read_leaf(cursor);
    } else if (kind == NODE_INNER) {
        read_inner(cursor, 0);
        read_inner(cursor, 1);
    } else if (cursor_u8(&cursor, &level)) {
        read_list(cursor, level);
    }
    return 0;
}
