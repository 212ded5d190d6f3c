/* age_reader: opens a file chunk by chunk with memory for one chunk, and hands out authentic bytes
 * only. That the file is complete is said once: by reading zero bytes at its end.
 */
#include "age_private.h"
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

struct age_reader {
    struct age_input input;
    struct age_stream stream;
    unsigned char *file_key; /* secret memory */
    unsigned char sealed[AGE_CHUNK_SIZE + AGE_TAG_SIZE];
    unsigned char *chunk; /* AGE_CHUNK_SIZE, secret memory */
    size_t chunk_at;
    size_t chunk_size;
    bool first;           /* no chunk has been opened yet */
    bool last;            /* the final chunk has been opened */
    struct error failure; /* stays, once there was one */
};

void age_reader_free(struct age_reader *reader)
{
    if (reader == NULL) {
        return;
    }
    age_stream_free(&reader->stream);
    secret_free(reader->file_key);
    secret_free(reader->chunk);
    free(reader);
}

static void free_pointer(struct age_reader **reader)
{
    age_reader_free(*reader);
}

static enum status no_fit(struct error *error)
{
    return error_set(error, STATUS_DENIED, 0, "%s", _("none of the keys given opens this file"));
}

/* ------------------------------------------------------------------ the file key */

static enum status open_with_passphrase(unsigned char *file_key, const struct age_stanza *stanza,
                                        const struct age_keys *keys, struct error *error)
{
    enum status status = age_scrypt_check(stanza, error);
    if (status != STATUS_OK) {
        return status;
    }
    if (keys->passphrase == NULL) {
        return error_set(error, STATUS_DENIED, 0, "%s",
                         _("the file is sealed with a passphrase, and none was given"));
    }
    CLEANUP(secret_text_free) struct secret_text passphrase = {0};
    bool opened = false;
    status = keys->passphrase->get(keys->passphrase->context, &passphrase, keys->what_for, error);
    if (status == STATUS_OK) {
        status = age_scrypt_unwrap(file_key, &opened, stanza, &passphrase, error);
    }
    if (status == STATUS_OK && !opened) {
        return error_set(error, STATUS_DENIED, 0, "%s", _("the passphrase is wrong"));
    }
    return status;
}

static enum status open_with_identities(unsigned char *file_key, const struct age_header *header,
                                        const struct age_keys *keys, struct error *error)
{
    for (size_t i = 0; i < header->count; i++) {
        const struct age_stanza *stanza = &header->stanzas[i];
        if (!age_stanza_is(stanza, "X25519")) {
            continue;
        }
        for (size_t j = 0; j < keys->count; j++) {
            bool opened = false;
            enum status status =
                age_recipient_unwrap(file_key, &opened, stanza, &keys->identities[j], error);
            if (status != STATUS_OK || opened) {
                return status;
            }
        }
    }
    return no_fit(error);
}

static enum status find_file_key(unsigned char *file_key, const struct age_header *header,
                                 const struct age_keys *keys, struct error *error)
{
    for (size_t i = 0; i < header->count; i++) {
        if (!age_stanza_is(&header->stanzas[i], "scrypt")) {
            continue;
        }
        /* Who opens with a passphrase trusts that only its owner sealed the file; another recipient
         * beside it would know the file key too. */
        if (header->count != 1) {
            return age_header_bad(error, _("a passphrase does not stand alone"));
        }
        return open_with_passphrase(file_key, &header->stanzas[i], keys, error);
    }
    return open_with_identities(file_key, header, keys, error);
}

/* ------------------------------------------------------------------ opening */

/* NULL without memory. */
static struct age_reader *reader_new(void)
{
    struct age_reader *made = calloc(1, sizeof(*made));
    if (made == NULL) {
        return NULL;
    }
    made->file_key = secret_new(AGE_FILE_KEY_SIZE);
    made->chunk = secret_new(AGE_CHUNK_SIZE);
    made->first = true;
    return made;
}

static enum status open_header(struct age_reader *reader, const struct age_keys *keys,
                               struct error *error)
{
    CLEANUP(buffer_free) struct buffer text = {0};
    CLEANUP(memory_free) struct age_header *header = malloc(sizeof(*header));
    if (header == NULL) {
        return error_set_memory(error);
    }
    enum status status = age_header_collect(&text, &reader->input, error);
    if (status == STATUS_OK) {
        status = age_header_parse(header, text.data, text.size, error);
    }
    if (status == STATUS_OK) {
        status = find_file_key(reader->file_key, header, keys, error);
    }
    if (status != STATUS_OK) {
        return status;
    }
    if (!age_header_verify(header, text.data, reader->file_key)) {
        return age_header_bad(error, _("it was changed after the file was sealed"));
    }
    return STATUS_OK;
}

enum status age_reader_open_keys(struct age_reader **reader, struct age_supply supply,
                                 const struct age_keys *keys, struct error *error)
{
    *reader = NULL;
    if (keys->count > AGE_IDENTITIES_LIMIT) {
        return error_set(error, STATUS_USAGE, 0, _("there are more than %d identities"),
                         AGE_IDENTITIES_LIMIT);
    }
    CLEANUP(free_pointer) struct age_reader *made = reader_new();
    unsigned char nonce[AGE_NONCE_SIZE];
    size_t got = 0;
    if (made == NULL) {
        return error_set_memory(error);
    }
    enum status status = age_input_open(&made->input, supply, error);
    if (status == STATUS_OK) {
        status = open_header(made, keys, error);
    }
    if (status == STATUS_OK) {
        status = age_input_read(&made->input, nonce, sizeof(nonce), &got, error);
    }
    if (status == STATUS_OK && got < sizeof(nonce)) {
        status = error_set(error, STATUS_CORRUPT, 0, "%s", _("the sealed file ends too early"));
    }
    if (status == STATUS_OK) {
        age_stream_start(&made->stream, made->file_key, nonce);
        *reader = made;
        made = NULL;
    }
    return status;
}

enum status age_reader_open(struct age_reader **reader, struct age_supply supply,
                            const struct age_identity *identities, size_t count,
                            const struct passphrase_source *passphrase, struct error *error)
{
    const struct age_keys keys = {.identities = identities,
                                  .count = count,
                                  .passphrase = passphrase,
                                  .what_for = _("the sealed file")};
    return age_reader_open_keys(reader, supply, &keys, error);
}

/* ------------------------------------------------------------------ reading */

/* A chunk that does not open as one with more behind it may be a full last one. */
static bool open_chunk(struct age_reader *reader, size_t size)
{
    reader->last = size < AGE_CHUNK_SIZE + AGE_TAG_SIZE;
    if (age_stream_open(&reader->stream, reader->chunk, reader->sealed, size, reader->last)) {
        return true;
    }
    if (reader->last) {
        return false;
    }
    reader->last = true;
    return age_stream_open(&reader->stream, reader->chunk, reader->sealed, size, true);
}

static enum status next_chunk(struct age_reader *reader, struct error *error)
{
    size_t size = 0;
    enum status status =
        age_input_read(&reader->input, reader->sealed, AGE_CHUNK_SIZE + AGE_TAG_SIZE, &size, error);
    if (status != STATUS_OK) {
        return status;
    }
    /* Cut off between two chunks: none of those there was the last. */
    if (size < AGE_TAG_SIZE) {
        return error_set(error, STATUS_CORRUPT, 0, "%s", _("the sealed file ends too early"));
    }
    /* An empty last chunk would be a second form of the same content. */
    if ((size == AGE_TAG_SIZE && !reader->first) || !open_chunk(reader, size)) {
        return error_set(error, STATUS_CORRUPT, 0, "%s",
                         _("the sealed file is damaged, or was changed after it was sealed"));
    }
    reader->first = false;
    reader->chunk_at = 0;
    reader->chunk_size = size - AGE_TAG_SIZE;
    return STATUS_OK;
}

/* Nothing may follow the last chunk: it would not be authenticated. */
static enum status check_end(struct age_reader *reader, struct error *error)
{
    unsigned char byte = 0;
    size_t got = 0;
    enum status status = age_input_read(&reader->input, &byte, 1, &got, error);
    if (status == STATUS_OK && got > 0) {
        return error_set(error, STATUS_CORRUPT, 0, "%s", _("something follows the sealed file"));
    }
    return status;
}

static enum status fail(struct age_reader *reader, size_t got, struct error *error)
{
    reader->failure = *error;
    /* What was authentic is handed out first; the error is said by the next call. */
    if (got > 0) {
        error_clear(error);
    }
    return error->status;
}

enum status age_reader_read(struct age_reader *reader, void *target, size_t size, size_t *got,
                            struct error *error)
{
    *got = 0;
    if (size == 0) {
        return error_set(error, STATUS_FAILED, 0, "%s", _("no room to read into"));
    }
    if (reader->failure.status != STATUS_OK) {
        *error = reader->failure;
        return error->status;
    }
    while (*got < size) {
        if (reader->chunk_at == reader->chunk_size) {
            enum status status =
                reader->last ? check_end(reader, error) : next_chunk(reader, error);
            if (status != STATUS_OK) {
                return fail(reader, *got, error);
            }
            if (reader->chunk_at == reader->chunk_size) {
                break;
            }
        }
        size_t rest = reader->chunk_size - reader->chunk_at;
        size_t part = size - *got < rest ? size - *got : rest;
        memcpy((unsigned char *)target + *got, reader->chunk + reader->chunk_at, part);
        reader->chunk_at += part;
        *got += part;
    }
    return STATUS_OK;
}

const unsigned char *age_reader_file_key(const struct age_reader *reader)
{
    return reader->file_key;
}
