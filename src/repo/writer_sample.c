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

static bool is_first_of_pack(const struct writer *writer, unsigned number)
{
    const struct sample *samples = writer->samples;
    for (unsigned i = 0; i < number; i++) {
        if (samples[i].damage.status != STATUS_OK &&
            samples[i].chunk.pack == samples[number].chunk.pack) {
            return false;
        }
    }
    return true;
}

/* Forgets the packs of the samples that did not open. *damaged: one of them is there, and looks
 * sound in any listing. */
static enum status drop_spoilt(struct writer *writer, bool *damaged, const struct error **worst,
                               struct error *error)
{
    enum status status = STATUS_OK;
    for (unsigned i = 0; status == STATUS_OK && i < writer->sample_count; i++) {
        const struct sample *sample = &writer->samples[i];
        if (sample->damage.status == STATUS_OK || !is_first_of_pack(writer, i)) {
            continue;
        }
        char name[OBJECT_NAME_SIZE];
        object_name(name, OBJECT_PACK, sample->pack);
        problems_add(&writer->problems, name, &sample->damage);
        *worst = &sample->damage;
        *damaged |= sample->damage.status == STATUS_CORRUPT;
        status = state_drop_pack(writer->state, sample->chunk.pack, error);
    }
    return status;
}

/* One lost pack is rarely alone: the base is forgotten, so that the next run looks for all of them.
 * What is damaged in place no listing shows, and a few samples would not meet every other such
 * pack: then nothing of the map is believed, rather than a snapshot published that lacks
 * something. */
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
