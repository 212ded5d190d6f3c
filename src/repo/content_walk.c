/* content_walk: the pieces of one file in the order in which they were read, each with its place in
 * the file. What a list says of its sizes is held against itself at every level. */
#include "snapshot_private.h"

struct piece_walk {
    struct snapshot *snapshot;
    piece_visit visit;
    void *context;
    uint64_t size;
    uint32_t rotation;
    uint64_t position;       /* in the stream */
    struct node_ahead ahead; /* of the lowest lists */
};

static enum status malformed(struct error *error)
{
    return error_set(error, STATUS_CORRUPT, 0, _("A file's list of chunks is damaged"));
}

/* Position p of the stream is position (p + rotation) mod size of the file. */
static enum status visit_piece(struct piece_walk *walk, struct piece *piece, struct error *error)
{
    if (piece->size > walk->size - walk->position) {
        return malformed(error);
    }
    uint64_t front = walk->size - walk->rotation; /* of the stream, before it wraps */
    bool wrapped = walk->rotation > 0 && walk->position >= front;
    if (!wrapped && walk->rotation > 0 && piece->size > front - walk->position) {
        return malformed(error);
    }
    piece->offset = wrapped ? walk->position - front : walk->position + walk->rotation;
    walk->position += piece->size;
    return walk->visit(walk->context, piece, error);
}

static enum status walk_items(struct piece_walk *walk, struct cursor cursor, unsigned level,
                              struct error *error);

static enum status walk_node(struct piece_walk *walk, const struct list_item *item, unsigned level,
                             struct error *error)
{
    CLEANUP(buffer_free) struct buffer node = {0};
    enum status status = node_ahead_take(&node, &walk->ahead, &item->reference)
                             ? STATUS_OK
                             : snapshot_node(&node, walk->snapshot, NULL, &item->reference, error);
    status = status ? status : snapshot_tell_node(walk->snapshot, &item->reference, error);
    if (status != STATUS_OK) {
        return status;
    }
    struct cursor cursor = {.at = node.data, .left = node.size};
    uint8_t kind = 0;
    uint8_t found = 0;
    if (!cursor_u8(&cursor, &kind) || !cursor_u8(&cursor, &found) || kind != NODE_LIST ||
        found != level) {
        return malformed(error);
    }
    uint64_t before = walk->position;
    status = walk_items(walk, cursor, level, error);
    if (status == STATUS_OK && walk->position - before != item->bytes) {
        return malformed(error);
    }
    return status;
}

/* The lists that follow. Returns how many. */
static size_t fetch_ahead(struct piece_walk *walk, struct cursor cursor)
{
    struct node_ahead *ahead = &walk->ahead;
    ahead->count = 0;
    struct list_item item;
    while (ahead->count < NODE_AHEAD_LIMIT && cursor.left > 0 &&
           list_item_read(&item, &cursor, 1, NULL)) {
        ahead->nodes[ahead->count++].reference = item.reference;
    }
    if (ahead->count > 1) {
        node_ahead_fetch(ahead, walk->snapshot, NULL);
    }
    return ahead->count;
}

static enum status walk_items(struct piece_walk *walk, struct cursor cursor, unsigned level,
                              struct error *error)
{
    enum status status = STATUS_OK;
    struct list_names names;
    names.count = 0;
    size_t covered = level == 1 && node_ahead_pays(walk->snapshot) ? 0 : SIZE_MAX;
    while (status == STATUS_OK && cursor.left > 0) {
        covered = covered == 0 ? fetch_ahead(walk, cursor) : covered;
        covered -= covered > 0 ? 1 : 0;
        struct list_item item;
        if (!list_item_read(&item, &cursor, level, &names)) {
            return malformed(error);
        }
        if (level > 0) {
            status = walk_node(walk, &item, level - 1, error);
        } else {
            struct piece piece = {.size = item.bytes,
                                  .skip = item.skip,
                                  .reference = item.hole ? NULL : &item.reference};
            status = visit_piece(walk, &piece, error);
        }
    }
    return status;
}

enum status content_walk(struct snapshot *snapshot, const struct content *content,
                         piece_visit visit, void *context, struct error *error)
{
    struct piece_walk walk = {.snapshot = snapshot,
                              .visit = visit,
                              .context = context,
                              .size = content->size,
                              .rotation = content->rotation};
    if (content->rotation > 0 && content->rotation >= content->size) {
        return malformed(error);
    }
    if (content->inlined) {
        if (content->data.size != content->size || content->rotation != 0) {
            return malformed(error);
        }
        struct piece piece = {.size = content->size, .inlined = content->data.data};
        return content->size == 0 ? STATUS_OK : visit_piece(&walk, &piece, error);
    }
    struct cursor cursor = {.at = content->data.data, .left = content->data.size};
    uint8_t level = 0;
    uint32_t count = 0;
    if (!cursor_u8(&cursor, &level) || !cursor_u32(&cursor, &count) || level >= NODE_LEVELS) {
        return malformed(error);
    }
    enum status status = walk_items(&walk, cursor, level, error);
    node_ahead_free(&walk.ahead);
    return status == STATUS_OK && walk.position != walk.size ? malformed(error) : status;
}
