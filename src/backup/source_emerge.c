/* source_emerge: what comes out of the pipeline, in the order in which it went in: into the tree of
 * the snapshot, and into the memory for the next night. */
#include "source_backup.h"
#include <string.h>

enum status emerge_use(struct source_backup *backup, const unsigned char hash[CHUNK_HASH_SIZE],
                       struct error *error)
{
    enum status status = recall_compare(backup, hash, error);
    return status != STATUS_OK ? status : memory_write_hash(backup->memory, hash, error);
}

enum status emerge_chunk(void *context, const struct chunk_result *result, struct error *error)
{
    struct pending *pending = context;
    struct source_backup *backup = pending->owner;
    backup->emerging = pending;
    backup->journey->bytes_new += result->known ? 0 : result->reference.size;
    pending->item.hashes++;
    enum status status = emerge_use(backup, result->hash, error);
    return status != STATUS_OK ? status : list_builder_add(backup->list, &result->reference, error);
}

enum status emerge_list_node(void *context, const struct chunk_result *node, struct error *error)
{
    struct source_backup *backup = context;
    backup->emerging->item.hashes++;
    return emerge_use(backup, node->hash, error);
}

enum status emerge_tree_node(void *context, const struct chunk_result *node, struct error *error)
{
    struct source_backup *backup = context;
    enum status status = uses_add(&backup->uses, node->hash, error);
    return status != STATUS_OK
               ? status
               : buffer_append(&backup->node_hashes, node->hash, CHUNK_HASH_SIZE, error);
}

enum status emerge_hole(void *context, struct error *error)
{
    struct pending *pending = context;
    uint64_t size;
    memcpy(&size, pending->holes.data + pending->holes_emerged * sizeof size, sizeof size);
    pending->holes_emerged++;
    pending->owner->emerging = pending;
    return list_builder_hole(pending->owner->list, size, error);
}

static enum status add_to_tree(struct pending *pending, struct error *error)
{
    struct source_backup *backup = pending->owner;
    const struct entry *entry = &pending->item.entry;
    bool has_content = entry->type == ENTRY_FILE;
    backup->catalogue->words.entries++;
    backup->catalogue->words.bytes += has_content ? entry->size : 0;
    enum status status = memory_write_entry(backup->memory, &pending->item, error);
    return status != STATUS_OK
               ? status
               : tree_builder_add(backup->tree, entry, has_content ? &pending->item.content : NULL,
                                  error);
}

static enum status finish(struct pending *pending, enum status status)
{
    struct source_backup *backup = pending->owner;
    backup->queued--;
    backup->emerging = NULL;
    TAILQ_REMOVE(&backup->queue, pending, queue);
    pending_free(pending);
    return status;
}

enum status emerge_known(void *context, struct error *error)
{
    struct pending *pending = context;
    enum status status = STATUS_OK;
    for (size_t i = 0; status == STATUS_OK && i < pending->hashes.size; i += CHUNK_HASH_SIZE) {
        status = memory_write_hash(pending->owner->memory, pending->hashes.data + i, error);
    }
    if (status == STATUS_OK) {
        status = add_to_tree(pending, error);
    }
    return finish(pending, status);
}

/* The references that were collected, as the content; size and rotation are known already. */
static enum status collect_content(struct pending *pending, struct error *error)
{
    struct content *content = &pending->item.content;
    uint64_t size = content->size;
    uint32_t rotation = content->rotation;
    content_free(content);
    enum status status = list_builder_finish(content, pending->owner->list, error);
    content->size = size;
    content->rotation = rotation;
    return status;
}

enum status emerge_end(void *context, struct error *error)
{
    struct pending *pending = context;
    struct source_backup *backup = pending->owner;
    enum status status = STATUS_OK;
    backup->emerging = pending;
    if (pending->item.entry.type == ENTRY_FILE && !pending->item.content.inlined) {
        status = collect_content(pending, error);
    }
    if (status == STATUS_OK) {
        status = pending->failed ? memory_write_count(backup->memory, MEMORY_DROPPED,
                                                      pending->item.hashes, error)
                                 : add_to_tree(pending, error);
    }
    return finish(pending, status);
}
