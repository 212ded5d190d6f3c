/* publish_objects: what a snapshot is made of beside its packs: which pack holds which chunk, which
 * chunks it needs, and the catalogue. In this order, so that what is there never names what is not.
 */
#include "catalogue.h"
#include "writer_private.h"
#include <stdlib.h>
#include <string.h>

#define INDEX_TARGET ((size_t)2 * 1024 * 1024) /* bytes of content in one index object */
#define IDS_TARGET ((size_t)128 * 1024)        /* chunk ids in one references object */

static enum status seal_and_put(struct writer *writer, struct store *store, enum object_kind kind,
                                const struct buffer *content, unsigned char id[OBJECT_ID_SIZE],
                                struct error *error)
{
    CLEANUP(buffer_free) struct buffer bytes = {0};
    enum status status = object_seal(&bytes, writer->repo, kind, content, error);
    if (status != STATUS_OK) {
        return status;
    }
    object_hash(id, bytes.data, bytes.size);
    writer->written += bytes.size;
    return object_put(writer->repo, store, kind, id, &bytes, error);
}

/* ------------------------------------------------------------------ indexes */

static void put_count(struct buffer *content, uint32_t count)
{
    for (unsigned i = 0; i < 4; i++) {
        content->data[i] = (unsigned char)(count >> (8 * i));
    }
}

/* Also for packs that interrupted runs stored. Each object is recorded when it is off-site. */
enum status publish_indexes(struct writer *writer, struct store *store, struct error *error)
{
    CLEANUP(buffer_free) struct buffer content = {0};
    for (int64_t after = 0;;) {
        unsigned char id[OBJECT_ID_SIZE];
        uint32_t count;
        int64_t last;
        buffer_clear(&content);
        enum status status = buffer_append_u32(&content, 0, error);
        status = status ? status
                        : state_unindexed(writer->state, after, INDEX_TARGET, &content, &count,
                                          &last, error);
        if (status != STATUS_OK || count == 0) {
            return status;
        }
        put_count(&content, count);
        status = seal_and_put(writer, store, OBJECT_INDEX, &content, id, error);
        status = status ? status : state_indexed(writer->state, id, after, last, error);
        if (status != STATUS_OK) {
            return status;
        }
        after = last;
    }
}

/* ------------------------------------------------------------------ references */

struct batch {
    struct writer *writer;
    struct store *store;
    const unsigned char *base;
    struct buffer ids[2]; /* added, removed */
    unsigned filling;
    struct buffer objects; /* ids of those that are off-site */
};

static enum status batch_send(struct batch *batch, struct error *error)
{
    struct references references = {
        .added = (unsigned char(*)[CHUNK_ID_SIZE])batch->ids[0].data,
        .added_count = batch->ids[0].size / CHUNK_ID_SIZE,
        .removed = (unsigned char(*)[CHUNK_ID_SIZE])batch->ids[1].data,
        .removed_count = batch->ids[1].size / CHUNK_ID_SIZE,
    };
    memcpy(references.base, batch->base, OBJECT_ID_SIZE);
    CLEANUP(buffer_free) struct buffer content = {0};
    unsigned char id[OBJECT_ID_SIZE];
    enum status status = references_encode(&content, &references, error);
    status =
        status ? status
               : seal_and_put(batch->writer, batch->store, OBJECT_REFERENCES, &content, id, error);
    buffer_clear(&batch->ids[0]);
    buffer_clear(&batch->ids[1]);
    return status ? status : buffer_append(&batch->objects, id, sizeof id, error);
}

static enum status batch_add(void *context, const unsigned char id[CHUNK_ID_SIZE],
                             struct error *error)
{
    struct batch *batch = context;
    enum status status = buffer_append(&batch->ids[batch->filling], id, CHUNK_ID_SIZE, error);
    if (status == STATUS_OK &&
        batch->ids[0].size + batch->ids[1].size >= IDS_TARGET * CHUNK_ID_SIZE) {
        status = batch_send(batch, error);
    }
    return status;
}

static enum status fill(struct batch *batch, bool full, struct error *error)
{
    struct state *state = batch->writer->state;
    if (full) {
        return state_each_reference(state, STATE_ALL, batch_add, batch, error);
    }
    enum status status = state_each_reference(state, STATE_ADDED, batch_add, batch, error);
    batch->filling = 1;
    return status ? status : state_each_reference(state, STATE_REMOVED, batch_add, batch, error);
}

enum status publish_references(struct writer *writer, struct store *store,
                               struct statement *statement, bool *full, struct error *error)
{
    static const unsigned char none[OBJECT_ID_SIZE];
    *full = !writer->base.present || writer->base.depth + 1 >= FULL_REFERENCES_EVERY;
    struct batch batch = {
        .writer = writer, .store = store, .base = *full ? none : writer->base.statement};
    enum status status = fill(&batch, *full, error);
    bool rest = batch.ids[0].size + batch.ids[1].size > 0 || batch.objects.size == 0;
    if (status == STATUS_OK && rest) { /* at least one, for it names the base */
        status = batch_send(&batch, error);
    }
    buffer_free(&batch.ids[0]);
    buffer_free(&batch.ids[1]);
    if (status != STATUS_OK) {
        buffer_free(&batch.objects);
        return status;
    }
    statement->references = (unsigned char(*)[OBJECT_ID_SIZE])batch.objects.data;
    statement->reference_count = batch.objects.size / OBJECT_ID_SIZE;
    return STATUS_OK;
}

/* ------------------------------------------------------------------ the catalogue */

enum status publish_snapshot(struct writer *writer, struct store *store,
                             struct statement *statement, const struct publication *publication,
                             struct error *error)
{
    struct catalogue catalogue = {.sequence = writer->sequence,
                                  .time = publication->time,
                                  .persons = publication->persons,
                                  .sources = publication->sources,
                                  .source_count = publication->source_count};
    memcpy(catalogue.repository, repo_id(writer->repo), REPOSITORY_ID_SIZE);
    memcpy(catalogue.host, repo_host(writer->repo)->signing.public_key, SIGN_PUBLIC_SIZE);
    CLEANUP(buffer_wipe) struct buffer text = {0};
    CLEANUP(buffer_free) struct buffer sealed = {0};
    size_t header = 0;
    enum status status = catalogue_encode(&text, &catalogue, error);
    status = status ? status
                    : age_seal_buffer(&sealed, text.data, text.size, writer->recipients,
                                      writer->recipient_count, writer->keys->file, error);
    status = status ? status : age_header_length(&header, sealed.data, sealed.size, error);
    if (status != STATUS_OK) {
        return status;
    }
    if (sealed.size > SNAPSHOT_OBJECT_LIMIT) {
        return error_set(error, STATUS_UNSUPPORTED, 0, _("The catalogue would be too long"));
    }
    object_hash(statement->snapshot, sealed.data + header, sealed.size - header);
    writer->written += sealed.size;
    return object_put(writer->repo, store, OBJECT_SNAPSHOT, statement->snapshot, &sealed, error);
}
