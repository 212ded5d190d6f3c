/* tree_builder: the entries of one source as a tree of nodes, made while they come. A change of one
 * entry changes its leaf and the nodes above it; all others are chunks that are known already. */
#include "node.h"
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

struct tree_level {
    struct buffer node;
    char *first; /* path of the first entry below */
    uint64_t entries;
    uint32_t count;
    struct tree_root stored; /* the node that went out last: the root, if it stays the only one */
};

struct tree_builder {
    struct node_output output;
    char *last; /* path of the last entry */
    struct tree_level levels[NODE_LEVELS];
};

enum status tree_builder_new(struct tree_builder **builder, const struct node_output *output,
                             struct error *error)
{
    *builder = calloc(1, sizeof **builder);
    if (*builder == NULL) {
        return error_set_memory(error);
    }
    (*builder)->output = *output;
    return STATUS_OK;
}

static void level_clear(struct tree_level *level)
{
    buffer_clear(&level->node);
    free(level->first);
    level->first = NULL;
    level->entries = 0;
    level->count = 0;
}

void tree_builder_free(struct tree_builder *builder)
{
    if (builder == NULL) {
        return;
    }
    for (size_t i = 0; i < NODE_LEVELS; i++) {
        level_clear(&builder->levels[i]);
        buffer_free(&builder->levels[i].node);
    }
    free(builder->last);
    free(builder);
}

static enum status put(struct tree_builder *builder, unsigned number, const char *path,
                       const struct buffer *item, uint64_t entries, struct error *error);

static enum status store_node(struct tree_builder *builder, unsigned number, struct error *error)
{
    struct tree_level *level = &builder->levels[number];
    struct chunk_result result;
    enum status status = node_store(&result, &builder->output, &level->node, error);
    if (status != STATUS_OK) {
        return status;
    }
    /* A root is the only node of its level: the digests of others are not asked for. */
    const bool first = !level->stored.present;
    level->stored = (struct tree_root){.present = true,
                                       .reference = result.reference,
                                       .level = (uint8_t)number,
                                       .entries = level->entries};
    if (first) {
        crypto_generichash(level->stored.digest, sizeof level->stored.digest, level->node.data,
                           level->node.size, NULL, 0);
    }
    return STATUS_OK;
}

/* Stores the level's node and puts a child into the level above. */
static enum status flush(struct tree_builder *builder, unsigned number, struct error *error)
{
    struct tree_level *level = &builder->levels[number];
    enum status status = store_node(builder, number, error);
    if (status != STATUS_OK) {
        return status;
    }
    CLEANUP(memory_free) char *first = level->first;
    level->first = NULL;
    level_clear(level);
    const struct tree_root *stored = &level->stored;
    CLEANUP(buffer_free) struct buffer item = {0};
    status = buffer_append(&item, stored->reference.key, CHUNK_KEY_SIZE, error);
    status = status ? status : buffer_append_u32(&item, stored->reference.size, error);
    status = status ? status : buffer_append_u64(&item, stored->entries, error);
    status = status ? status : buffer_append_u16(&item, (uint16_t)strlen(first), error);
    status = status ? status : buffer_append_text(&item, first, error);
    return status ? status : put(builder, number + 1, first, &item, stored->entries, error);
}

/* An inner node has at least two children, except at the very end: so that each level is shorter
 * than the one below even if the paths are as long as nodes. */
static bool may_end(const struct tree_level *level, unsigned number)
{
    return level->count >= (number == 0 ? 1u : 2u);
}

static enum status append_item(struct tree_level *level, unsigned number, const char *path,
                               const struct buffer *item, struct error *error)
{
    enum status status = STATUS_OK;
    if (level->count == 0) {
        level->first = strdup(path);
        if (level->first == NULL) {
            return error_set_memory(error);
        }
        status = buffer_append_u8(&level->node, number == 0 ? NODE_LEAF : NODE_INNER, error);
    }
    if (status == STATUS_OK && number == 0) {
        status = buffer_append_u32(&level->node, (uint32_t)item->size, error);
    }
    return status ? status : buffer_append(&level->node, item->data, item->size, error);
}

static enum status put(struct tree_builder *builder, unsigned number, const char *path,
                       const struct buffer *item, uint64_t entries, struct error *error)
{
    if (number >= NODE_LEVELS) {
        return error_set(error, STATUS_UNSUPPORTED, 0, _("There are too many files"));
    }
    struct tree_level *level = &builder->levels[number];
    enum status status = STATUS_OK;
    if (may_end(level, number) && level->node.size + 4 + item->size > NODE_MAXIMUM) {
        status = flush(builder, number, error);
    }
    status = status ? status : append_item(level, number, path, item, error);
    if (status != STATUS_OK) {
        return status;
    }
    level->count++;
    level->entries += entries;
    bool end = may_end(level, number) && level->node.size >= NODE_MINIMUM &&
               node_ends(builder->output.key, path, strlen(path), item->size);
    return end ? flush(builder, number, error) : STATUS_OK;
}

enum status tree_builder_add(struct tree_builder *builder, const struct entry *entry,
                             const struct content *content, struct error *error)
{
    if (!entry_path_valid(entry->path)) {
        return error_set(error, STATUS_UNSUPPORTED, 0, _("%s: such a path cannot be kept"),
                         entry->path);
    }
    if (builder->last != NULL && entry_path_compare(builder->last, entry->path) >= 0) {
        return error_set(error, STATUS_FAILED, 0, _("%s: the entries are out of order"),
                         entry->path);
    }
    CLEANUP(buffer_free) struct buffer record = {0};
    enum status status = entry_encode(&record, entry, content, error);
    status = status ? status : put(builder, 0, entry->path, &record, 1, error);
    if (status != STATUS_OK) {
        return status;
    }
    free(builder->last);
    builder->last = strdup(entry->path);
    return builder->last == NULL ? error_set_memory(error) : STATUS_OK;
}

static bool nothing_above(const struct tree_builder *builder, unsigned number)
{
    for (unsigned i = number + 1; i < NODE_LEVELS; i++) {
        if (builder->levels[i].count > 0) {
            return false;
        }
    }
    return true;
}

enum status tree_builder_finish(struct tree_root *root, struct tree_builder *builder,
                                struct error *error)
{
    *root = (struct tree_root){0};
    for (unsigned number = 0;; number++) {
        struct tree_level *level = &builder->levels[number];
        bool top = nothing_above(builder, number);
        if (top && level->count == 0) {
            return STATUS_OK;
        }
        if (top && number > 0 && level->count == 1) {
            *root = builder->levels[number - 1].stored;
            return STATUS_OK;
        }
        enum status status = level->count == 0 ? STATUS_OK : flush(builder, number, error);
        if (status != STATUS_OK) {
            return status;
        }
    }
}
