/* writer_sample: chunks of earlier backups that are fetched and opened each night, and indexes that
 * are read. What is reused is not sent again, so this is how damage off-site is met before the day
 * it is needed. */
#include "range.h"
#include "sealed.h"
#include "writer_private.h"
#include <sodium.h>
#include <string.h>

/* The newest one, which nobody has read yet, and one of all: without its index no chunk of a pack
 * is found, and a listing shows nothing of its bytes. */
static enum status draw_indexes(struct writer *writer, struct error *error)
{
    CLEANUP(memory_free) unsigned char(*ids)[OBJECT_ID_SIZE] = NULL;
    size_t count = 0;
    enum status status = state_indexes(writer->state, false, &ids, &count, error);
    for (unsigned i = 0; status == STATUS_OK && i < INDEX_SAMPLES && i < count; i++) {
        struct sample *sample = &writer->samples[writer->sample_count++];
        size_t number = count - 1;
        if (i > 0) {
            number = randombytes_uniform((uint32_t)count - 1);
        }
        sample->kind = OBJECT_INDEX;
        memcpy(sample->object, ids[number], OBJECT_ID_SIZE);
    }
    return status;
}

static enum status draw_chunks(struct writer *writer, struct error *error)
{
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
        sample->kind = OBJECT_PACK;
        memcpy(sample->object, pack.id, OBJECT_ID_SIZE);
        writer->sample_count += pack.stored ? 1 : 0;
    }
    return STATUS_OK;
}

enum status samples_draw(struct writer *writer, struct error *error)
{
    if (!writer->base.present) {
        return STATUS_OK;
    }
    enum status status = draw_chunks(writer, error);
    return status ? status : draw_indexes(writer, error);
}

enum status sample_try(const struct sample *sample, struct writer *writer, struct store *store,
                       struct error *error)
{
    CLEANUP(buffer_wipe) struct buffer bytes = {0};
    return sample->kind == OBJECT_INDEX
               ? object_get(&bytes, writer->repo, store, OBJECT_INDEX, sample->object, error)
               : sealed_fetch(&bytes, writer->repo, store, sample->object, &sample->chunk, error);
}

static bool is_first_of_object(const struct writer *writer, unsigned number)
{
    const struct sample *samples = writer->samples;
    for (unsigned i = 0; i < number; i++) {
        if (samples[i].damage.status != STATUS_OK &&
            memcmp(samples[i].object, samples[number].object, OBJECT_ID_SIZE) == 0) {
            return false;
        }
    }
    return true;
}

/* Forgets the objects of the samples that did not open. *damaged: a pack is there, and looks sound
 * in any listing, though it cannot be read or opened. */
static enum status drop_spoilt(struct writer *writer, bool *damaged, const struct error **worst,
                               struct error *error)
{
    enum status status = STATUS_OK;
    for (unsigned i = 0; status == STATUS_OK && i < writer->sample_count; i++) {
        const struct sample *sample = &writer->samples[i];
        if (sample->damage.status == STATUS_OK || !is_first_of_object(writer, i)) {
            continue;
        }
        char name[OBJECT_NAME_SIZE];
        object_name(name, sample->kind, sample->object);
        problems_add(&writer->problems, name, &sample->damage);
        *worst = &sample->damage;
        if (sample->kind == OBJECT_INDEX) {
            status = state_lose_index(writer->state, sample->object, error);
        } else {
            *damaged |= sample->damage.status != STATUS_NOT_FOUND;
            status = state_drop_pack(writer->state, sample->chunk.pack, error);
        }
    }
    return status;
}

/* One lost object is rarely alone: the base is forgotten, so that the next run looks for all of
 * them. But no listing shows a pack that is damaged in place, and a few samples would not meet
 * every other such pack: then nothing of the map is believed, rather than a snapshot published that
 * lacks something. */
enum status samples_judge(struct writer *writer, struct error *error)
{
    bool damaged = false;
    const struct error *worst = NULL;
    enum status status = drop_spoilt(writer, &damaged, &worst, error);
    if (status != STATUS_OK || worst == NULL) {
        return status;
    }
    status =
        damaged ? state_forget_all(writer->state, error) : state_forget_base(writer->state, error);
    if (status != STATUS_OK) {
        return status;
    }
    writer->distrusted = true;
    *error = *worst;
    error->status = STATUS_CORRUPT;
    error_add_context(error, "%s", _("A sample of what earlier backups stored is damaged"));
    return error_set_hint(error, "%s",
                          _("Run the backup again: it stores anew what was lost. Then run "
                            "`kura check` to see which older backups are concerned."));
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
