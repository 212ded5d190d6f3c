/* list_builder: the chunk references of one file, as short as a leaf wants them. A long list is cut
 * into nodes while it grows, so memory is one node per level whatever the size of the file. */
#include "node.h"
#include <stdlib.h>
#include <string.h>

#define HEADER_SIZE 2 /* 'R' and the level of what is listed */

struct list_level {
    struct buffer node; /* header and items */
    uint32_t count;
    uint64_t bytes; /* of content */
};

struct list_builder {
    struct node_output output;
    struct list_level levels[NODE_LEVELS];
    struct list_names names; /* of the list at level 0 */
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
    builder->names.count = number == 0 ? 0 : builder->names.count;
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

/* How many names ago the chunk was named, if the part can be told by that; or LIST_NAMES. */
static uint32_t find_name(struct list_names *names, const struct chunk_reference *reference,
                          uint32_t skip, uint32_t size)
{
    const struct list_name *name;
    for (uint32_t back = 0; (name = list_names_find(names, back)) != NULL; back++) {
        if (memcmp(name->reference.key, reference->key, CHUNK_KEY_SIZE) == 0) {
            return skip >= name->end && skip - name->end <= UINT16_MAX && size < LIST_AGAIN_LIMIT
                       ? back
                       : LIST_NAMES;
        }
    }
    return LIST_NAMES;
}

static enum status put_again(struct list_builder *builder, uint32_t back, uint32_t skip,
                             uint32_t size, struct error *error)
{
    struct list_name *name = list_names_find(&builder->names, back);
    CLEANUP(buffer_free) struct buffer item = {0};
    enum status status = buffer_append_u32(&item, LIST_AGAIN | back << 24 | size, error);
    status = status ? status : buffer_append_u16(&item, (uint16_t)(skip - name->end), error);
    name->end = skip + size;
    return status ? status : put(builder, 0, &item, size, error);
}

enum status list_builder_add_part(struct list_builder *builder,
                                  const struct chunk_reference *reference, uint32_t skip,
                                  uint32_t size, struct error *error)
{
    if (size == reference->size) {
        return list_builder_add(builder, reference, error);
    }
    uint32_t back = find_name(&builder->names, reference, skip, size);
    if (back < LIST_NAMES) {
        return put_again(builder, back, skip, size, error);
    }
    CLEANUP(buffer_free) struct buffer item = {0};
    enum status status = buffer_append_u32(&item, LIST_PART | size, error);
    status = status ? status : buffer_append_u32(&item, skip, error);
    status = status ? status : buffer_append_u32(&item, reference->size, error);
    status = status ? status : buffer_append(&item, reference->key, CHUNK_KEY_SIZE, error);
    list_names_add(&builder->names, reference, skip + size);
    return status ? status : put(builder, 0, &item, size, error);
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
    builder->names.count = 0;
    if (status != STATUS_OK) {
        content_free(content);
    }
    return status;
}
