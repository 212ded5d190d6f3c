/* age_writer: seals what it is given, chunk by chunk, with memory for one chunk. The final chunk,
 * without which a file does not open to its end, is written by age_writer_finish alone: a file
 * whose writing was broken off is never taken for a whole one.
 */
#include "age_private.h"
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

struct age_writer {
    struct age_sink sink;
    struct age_stream stream;
    unsigned char *file_key; /* secret memory */
    unsigned char *chunk;    /* AGE_CHUNK_SIZE, secret memory */
    size_t chunk_size;       /* bytes in it */
    unsigned char sealed[AGE_CHUNK_SIZE + AGE_TAG_SIZE];
    bool closed; /* finished, or failed: takes nothing more */
};

void age_writer_free(struct age_writer *writer)
{
    if (writer == NULL) {
        return;
    }
    age_stream_free(&writer->stream);
    secret_free(writer->file_key);
    secret_free(writer->chunk);
    free(writer);
}

static void free_pointer(struct age_writer **writer)
{
    age_writer_free(*writer);
}

/* NULL without memory. */
static struct age_writer *writer_new(struct age_sink sink, const unsigned char *file_key)
{
    struct age_writer *made = calloc(1, sizeof(*made));
    if (made == NULL) {
        return NULL;
    }
    made->sink = sink;
    made->file_key = secret_new(AGE_FILE_KEY_SIZE);
    made->chunk = secret_new(AGE_CHUNK_SIZE);
    if (file_key == NULL) {
        randombytes_buf(made->file_key, AGE_FILE_KEY_SIZE);
    } else {
        memcpy(made->file_key, file_key, AGE_FILE_KEY_SIZE);
    }
    return made;
}

/* Completes the header and sends it off, with the payload's nonce behind it. */
static enum status send_header(struct age_writer *writer, struct buffer *header,
                               struct error *error)
{
    unsigned char nonce[AGE_NONCE_SIZE];
    enum status status = age_header_finish(header, writer->file_key, error);
    if (status != STATUS_OK) {
        return status;
    }
    randombytes_buf(nonce, sizeof(nonce));
    age_stream_start(&writer->stream, writer->file_key, nonce);
    status = buffer_append(header, nonce, sizeof(nonce), error);
    return status == STATUS_OK
               ? writer->sink.write(writer->sink.context, header->data, header->size, error)
               : status;
}

enum status age_writer_open(struct age_writer **writer, struct age_sink sink,
                            const struct age_recipient *recipients, size_t count,
                            const unsigned char *file_key, struct error *error)
{
    *writer = NULL;
    if (count == 0 || count > AGE_STANZAS_LIMIT) {
        return error_set(error, STATUS_USAGE, 0, _("%zu recipients: there must be 1 to %d"), count,
                         AGE_STANZAS_LIMIT);
    }
    CLEANUP(free_pointer) struct age_writer *made = writer_new(sink, file_key);
    CLEANUP(buffer_free) struct buffer header = {0};
    if (made == NULL) {
        return error_set_memory(error);
    }
    enum status status = age_header_start(&header, error);
    for (size_t i = 0; status == STATUS_OK && i < count; i++) {
        status = age_recipient_wrap(&header, &recipients[i], made->file_key, error);
    }
    if (status == STATUS_OK) {
        status = send_header(made, &header, error);
    }
    if (status == STATUS_OK) {
        *writer = made;
        made = NULL;
    }
    return status;
}

enum status age_writer_open_passphrase(struct age_writer **writer, struct age_sink sink,
                                       const struct secret_text *passphrase, unsigned work_factor,
                                       struct error *error)
{
    *writer = NULL;
    CLEANUP(free_pointer) struct age_writer *made = writer_new(sink, NULL);
    CLEANUP(buffer_free) struct buffer header = {0};
    if (made == NULL) {
        return error_set_memory(error);
    }
    enum status status = age_header_start(&header, error);
    if (status == STATUS_OK) {
        status = age_scrypt_wrap(&header, passphrase, work_factor, made->file_key, error);
    }
    if (status == STATUS_OK) {
        status = send_header(made, &header, error);
    }
    if (status == STATUS_OK) {
        *writer = made;
        made = NULL;
    }
    return status;
}

static enum status send_chunk(struct age_writer *writer, bool last, struct error *error)
{
    age_stream_seal(&writer->stream, writer->sealed, writer->chunk, writer->chunk_size, last);
    enum status status = writer->sink.write(writer->sink.context, writer->sealed,
                                            writer->chunk_size + AGE_TAG_SIZE, error);
    writer->chunk_size = 0;
    writer->closed = last || status != STATUS_OK;
    return status;
}

static enum status refuse_closed(struct error *error)
{
    return error_set(error, STATUS_FAILED, 0, "%s",
                     _("the sealed file is closed already or could not be written"));
}

enum status age_writer_write(struct age_writer *writer, const void *data, size_t size,
                             struct error *error)
{
    const unsigned char *at = data;
    if (writer->closed) {
        return refuse_closed(error);
    }
    while (size > 0) {
        /* A full chunk waits until more comes: the last one must not be empty. */
        if (writer->chunk_size == AGE_CHUNK_SIZE) {
            enum status status = send_chunk(writer, false, error);
            if (status != STATUS_OK) {
                return status;
            }
        }
        size_t room = AGE_CHUNK_SIZE - writer->chunk_size;
        size_t part = size < room ? size : room;
        memcpy(writer->chunk + writer->chunk_size, at, part);
        writer->chunk_size += part;
        at += part;
        size -= part;
    }
    return STATUS_OK;
}

enum status age_writer_finish(struct age_writer *writer, struct error *error)
{
    return writer->closed ? refuse_closed(error) : send_chunk(writer, true, error);
}
