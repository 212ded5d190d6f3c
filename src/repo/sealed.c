/* sealed: from a chunk as it lies in a pack to its tagged form. */
#include "sealed.h"
#include "repo_private.h"

enum status sealed_open(struct buffer *plain, const struct repo *repo,
                        const struct chunk_reference *reference, const void *sealed, size_t size,
                        struct error *error)
{
    if (size < SEALED_CHUNK_MINIMUM || size > SEALED_CHUNK_MAXIMUM) {
        return error_set(error, STATUS_CORRUPT, 0, _("a chunk has an impossible size"));
    }
    unsigned char id[CHUNK_ID_SIZE];
    unsigned char context[CHUNK_CONTEXT_SIZE];
    chunk_reference_id(id, reference);
    chunk_context(context, repo_id(repo), id);
    buffer_clear(plain);
    enum status status = buffer_reserve(plain, size, error);
    if (status != STATUS_OK) {
        return status;
    }
    status = seal_open(plain->data, reference->key, sealed, size, context, sizeof context, error);
    plain->size = status == STATUS_OK ? size - SEAL_OVERHEAD : 0;
    return status;
}
