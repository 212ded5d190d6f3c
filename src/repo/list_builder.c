/* list_builder: the chunk references of one file, as short as a leaf wants them. A long list is cut
 * into nodes while it grows, so memory is one node per level whatever the size of the file. */
#include "node.h"
#include <stdlib.h>

#define HEADER_SIZE 2 /* 'R' and the level of what is listed */

struct list_level {
    struct buffer node; /* header and items */
    uint32_t count;
    uint64_t bytes; /* of content */
};

struct list_builder {
    struct node_output output;
    struct list_level levels[NODE_LEVELS];
};

enum status list_builder_new(struct list_builder **builder, const struct node_output *output,
                             struct error *error)
{
    *builder = calloc(1, sizeof **builder);
    if (*builder == NULL) {
        return error_set_memory(error);
    }
    (*builder)->output = *output;
    return STATUS_OK;
}

void list_builder_free(struct list_builder *builder)
{
    if (builder == NULL) {
        return;
    }
    for (size_t i = 0; i < NODE_LEVELS; i++) {
        buffer_free(&builder->levels[i].node);
    }
    free(builder);
}

static void level_clear(struct list_level *level)
{
    buffer_clear(&level->node);
    level->count = 0;
    level->bytes = 0;
}

static enum status put(struct list_builder *builder, unsigned number, const struct buffer *item,
                       uint64_t bytes, struct error *error);

/* Stores the level's node and puts its reference into the level above. */
static enum status flush(struct list_builder *builder, unsigned number, struct error *error)
{
    struct list_level *level = &builder->levels[number];
    struct chunk_result result;
    enum status status = node_store(&result, &builder->output, &level->node, error);
    uint64_t bytes = level->bytes;
    level_clear(level);
    CLEANUP(buffer_free) struct buffer item = {0};
    status = status ? status : buffer_append(&item, result.reference.key, CHUNK_KEY_SIZE, error);
    status = status ? status : buffer_append_u32(&item, result.reference.size, error);
    status = status ? status : buffer_append_u64(&item, bytes, error);
    return status ? status : put(builder, number + 1, &item, bytes, error);
}

static enum status put(struct list_builder *builder, unsigned number, const struct buffer *item,
                       uint64_t bytes, struct error *error)
{
    if (number >= NODE_LEVELS) {
        return error_set(error, STATUS_UNSUPPORTED, 0, _("The file is too large"));
    }
    struct list_level *level = &builder->levels[number];
    enum status status = STATUS_OK;
    if (level->node.size == 0) {
        status = buffer_append_u8(&level->node, NODE_LIST, error);
        status = status ? status : buffer_append_u8(&level->node, (uint8_t)number, error);
    }
    status = status ? status : buffer_append(&level->node, item->data, item->size, error);
    if (status != STATUS_OK) {
        return status;
    }
    level->count++;
    level->bytes += bytes;
    bool full = level->node.size + LIST_NODE_SIZE > NODE_MAXIMUM;
    bool end = level->node.size >= NODE_MINIMUM &&
               node_ends(builder->output.key, item->data, item->size, item->size);
    return full || end ? flush(builder, number, error) : STATUS_OK;
}

enum status list_builder_add(struct list_builder *builder, const struct chunk_reference *reference,
                             struct error *error)
{
    CLEANUP(buffer_free) struct buffer item = {0};
    enum status status = buffer_append_u32(&item, reference->size, error);
    status = status ? status : buffer_append(&item, reference->key, CHUNK_KEY_SIZE, error);
    return status ? status : put(builder, 0, &item, reference->size, error);
}

enum status list_builder_hole(struct list_builder *builder, uint64_t size, struct error *error)
{
    if (size == 0) {
        return STATUS_OK;
    }
    CLEANUP(buffer_free) struct buffer item = {0};
    enum status status = buffer_append_u32(&item, 0, error);
    status = status ? status : buffer_append_u64(&item, size, error);
    return status ? status : put(builder, 0, &item, size, error);
}

static bool nothing_above(const struct list_builder *builder, unsigned number)
{
    for (unsigned i = number + 1; i < NODE_LEVELS; i++) {
        if (builder->levels[i].count > 0) {
            return false;
        }
    }
    return true;
}

enum status list_builder_finish(struct content *content, struct list_builder *builder,
                                struct error *error)
{
    *content = (struct content){0};
    unsigned number = 0;
    while (!nothing_above(builder, number) ||
           builder->levels[number].node.size > HEADER_SIZE + LIST_INLINE_LIMIT) {
        if (builder->levels[number].count > 0) {
            enum status status = flush(builder, number, error);
            if (status != STATUS_OK) {
                return status;
            }
        }
        number++;
    }
    struct list_level *top = &builder->levels[number];
    content->level = (uint8_t)number;
    content->count = top->count;
    content->size = top->bytes;
    enum status status = buffer_append_u8(&content->data, content->level, error);
    status = status ? status : buffer_append_u32(&content->data, content->count, error);
    if (status == STATUS_OK && top->count > 0) {
        status = buffer_append(&content->data, top->node.data + HEADER_SIZE,
                               top->node.size - HEADER_SIZE, error);
    }
    level_clear(top);
    if (status != STATUS_OK) {
        content_free(content);
    }
    return status;
}
