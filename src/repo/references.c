/* references: the chunk ids that a snapshot needs, as a difference to another's (FORMAT.md). */
#include "repo_private.h"
#include <stdlib.h>
#include <string.h>

static enum status append_ids(struct buffer *content, unsigned char (*ids)[CHUNK_ID_SIZE],
                              size_t count, struct error *error)
{
    if (count > OBJECT_LIMIT / CHUNK_ID_SIZE) {
        return error_set(error, STATUS_FAILED, 0, "%s", _("an object would be too long"));
    }
    enum status status = buffer_append_u32(content, (uint32_t)count, error);
    if (status == STATUS_OK && count > 0) {
        status = buffer_append(content, ids, count * CHUNK_ID_SIZE, error);
    }
    return status;
}

enum status references_encode(struct buffer *content, const struct references *references,
                              struct error *error)
{
    enum status status = buffer_append(content, references->base, OBJECT_ID_SIZE, error);
    if (status == STATUS_OK) {
        status = append_ids(content, references->added, references->added_count, error);
    }
    if (status == STATUS_OK) {
        status = append_ids(content, references->removed, references->removed_count, error);
    }
    return status;
}

/* A count that lies must not make us allocate: it is held against the bytes that are there. */
static bool take_ids(const unsigned char **ids, size_t *count, struct cursor *cursor)
{
    uint32_t number = 0;
    if (!cursor_u32(cursor, &number) || number > cursor->left / CHUNK_ID_SIZE) {
        return false;
    }
    *count = number;
    return cursor_take(cursor, ids, (size_t)number * CHUNK_ID_SIZE);
}

static enum status copy_ids(unsigned char (**ids)[CHUNK_ID_SIZE], const unsigned char *from,
                            size_t count, struct error *error)
{
    *ids = calloc(count + 1, CHUNK_ID_SIZE);
    if (*ids == NULL) {
        return error_set_memory(error);
    }
    memcpy(*ids, from, count * CHUNK_ID_SIZE);
    return STATUS_OK;
}

enum status references_decode(struct references *references, const struct buffer *content,
                              struct error *error)
{
    *references = (struct references){0};
    struct cursor cursor = {content->data, content->size};
    const unsigned char *added = NULL;
    const unsigned char *removed = NULL;
    if (!cursor_copy(&cursor, references->base, OBJECT_ID_SIZE) ||
        !take_ids(&added, &references->added_count, &cursor) ||
        !take_ids(&removed, &references->removed_count, &cursor) || cursor.left != 0) {
        *references = (struct references){0};
        return error_set(error, STATUS_CORRUPT, 0, "%s",
                         _("a list of references is not put together as it should be"));
    }
    enum status status = copy_ids(&references->added, added, references->added_count, error);
    if (status == STATUS_OK) {
        status = copy_ids(&references->removed, removed, references->removed_count, error);
    }
    if (status != STATUS_OK) {
        references_free(references);
    }
    return status;
}

void references_free(struct references *references)
{
    free(references->added);
    free(references->removed);
    *references = (struct references){0};
}
