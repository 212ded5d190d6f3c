/* writer_sample: chunks of earlier backups that are fetched and opened each night. What is reused
 * is not sent again, so this is how damage off-site is met before the day it is needed. */
#include "range.h"
#include "sealed.h"
#include "writer_private.h"
#include <string.h>

enum status samples_draw(struct writer *writer, struct error *error)
{
    if (!writer->base.present) {
        return STATUS_OK;
    }
    for (unsigned i = 0; i < SAMPLE_COUNT; i++) {
        struct sample *sample = &writer->samples[writer->sample_count];
        struct state_pack pack;
        bool found;
        enum status status = state_draw(writer->state, &sample->chunk, &found, error);
        if (status != STATUS_OK || !found) {
            return status;
        }
        status = state_get_pack(writer->state, sample->chunk.pack, &pack, error);
        if (status != STATUS_OK) {
            return status;
        }
        memcpy(sample->pack, pack.id, OBJECT_ID_SIZE);
        writer->sample_count += pack.stored ? 1 : 0;
    }
    return STATUS_OK;
}

enum status sealed_fetch(struct buffer *plain, struct repo *repo, struct store *store,
                         const unsigned char pack[OBJECT_ID_SIZE], const struct state_chunk *chunk,
                         struct error *error)
{
    struct range range = {.start = 0};
    enum status status =
        range_fetch(&range, store, pack, chunk->offset, chunk->sealed, RANGE_ALIGNMENT, error);
    status = status ? status
                    : sealed_open(plain, repo, &chunk->reference,
                                  range.bytes.data + (chunk->offset - range.start), chunk->sealed,
                                  error);
    buffer_free(&range.bytes);
    char name[OBJECT_NAME_SIZE];
    object_name(name, OBJECT_PACK, pack);
    return status ? error_add_context(error, "%s", name) : STATUS_OK;
}
