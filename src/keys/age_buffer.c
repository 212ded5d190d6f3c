/* age_buffer: whole age files in memory. What is opened as a secret never leaves secret memory.
 */
#include "age_private.h"
#include <stdlib.h>
#include <string.h>

#define SECRET_LIMIT 65536 /* bytes of a file with keys in it */

static void free_writer(struct age_writer **writer)
{
    age_writer_free(*writer);
}

static void free_reader(struct age_reader **reader)
{
    age_reader_free(*reader);
}

static enum status write_buffer(void *context, const void *data, size_t size, struct error *error)
{
    return buffer_append(context, data, size, error);
}

/* A piece of memory as a supply. */
struct memory {
    const unsigned char *at;
    size_t left;
};

static enum status read_memory(void *context, void *target, size_t size, size_t *got,
                               struct error *error)
{
    struct memory *memory = context;
    (void)error;
    *got = size < memory->left ? size : memory->left;
    if (*got > 0) {
        memcpy(target, memory->at, *got);
        memory->at += *got;
        memory->left -= *got;
    }
    return STATUS_OK;
}

static struct age_supply memory_supply(struct memory *memory)
{
    return (struct age_supply){.read = read_memory, .context = memory};
}

static enum status write_all(struct age_writer *writer, const void *data, size_t size,
                             struct error *error)
{
    enum status status = age_writer_write(writer, data, size, error);
    return status == STATUS_OK ? age_writer_finish(writer, error) : status;
}

enum status age_seal_buffer(struct buffer *sealed, const void *data, size_t size,
                            const struct age_recipient *recipients, size_t count,
                            const unsigned char *file_key, struct error *error)
{
    CLEANUP(free_writer) struct age_writer *writer = NULL;
    const struct age_sink sink = {.write = write_buffer, .context = sealed};
    enum status status = age_writer_open(&writer, sink, recipients, count, file_key, error);
    return status == STATUS_OK ? write_all(writer, data, size, error) : status;
}

enum status age_seal_armored(struct buffer *text, const struct secret_text *content,
                             const struct secret_text *passphrase, unsigned work_factor,
                             struct error *error)
{
    CLEANUP(free_writer) struct age_writer *writer = NULL;
    CLEANUP(buffer_free) struct buffer sealed = {0};
    const struct age_sink sink = {.write = write_buffer, .context = &sealed};
    enum status status = age_writer_open_passphrase(&writer, sink, passphrase, work_factor, error);
    if (status == STATUS_OK) {
        status = write_all(writer, content->text, content->size, error);
    }
    return status == STATUS_OK ? age_armor_append(text, sealed.data, sealed.size, error) : status;
}

/* To the end of the file, which must come within `limit` bytes; `target` has room for one more. */
static enum status read_all(unsigned char *target, size_t *size, size_t limit,
                            struct age_reader *reader, struct error *error)
{
    size_t got = 1;
    *size = 0;
    while (got > 0 && *size <= limit) {
        enum status status =
            age_reader_read(reader, target + *size, limit + 1 - *size, &got, error);
        if (status != STATUS_OK) {
            return status;
        }
        *size += got;
    }
    if (*size > limit) {
        return error_set(error, STATUS_CORRUPT, 0,
                         _("the sealed file holds more than the %zu bytes allowed"), limit);
    }
    return STATUS_OK;
}

enum status age_open_buffer(struct buffer *opened, const void *sealed, size_t size,
                            const struct age_identity *identities, size_t count, size_t limit,
                            struct error *error)
{
    CLEANUP(free_reader) struct age_reader *reader = NULL;
    struct memory memory = {.at = sealed, .left = size};
    /* What is sealed is never shorter than what it holds. Reserving all at once leaves no copies
     * behind in memory. */
    size_t most = size < limit ? size : limit;
    enum status status =
        age_reader_open(&reader, memory_supply(&memory), identities, count, NULL, error);
    if (status == STATUS_OK) {
        status = buffer_reserve(opened, most + 1, error);
    }
    if (status != STATUS_OK) {
        return status;
    }
    size_t added = 0;
    status = read_all(opened->data + opened->size, &added, most, reader, error);
    if (status == STATUS_OK) {
        opened->size += added;
    }
    return status;
}

enum status age_open_secret(struct secret_text *opened, const void *sealed, size_t size,
                            const struct age_keys *keys, struct error *error)
{
    CLEANUP(free_reader) struct age_reader *reader = NULL;
    struct memory memory = {.at = sealed, .left = size};
    enum status status = age_reader_open_keys(&reader, memory_supply(&memory), keys, error);
    if (status == STATUS_OK) {
        status = secret_text_new(opened, SECRET_LIMIT + 1, error);
    }
    if (status != STATUS_OK) {
        return status;
    }
    status = read_all((unsigned char *)opened->text, &opened->size, SECRET_LIMIT, reader, error);
    opened->text[opened->size] = '\0';
    return status;
}

enum status age_header_length(size_t *length, const void *sealed, size_t size, struct error *error)
{
    CLEANUP(memory_free) struct age_header *header = malloc(sizeof(*header));
    if (header == NULL) {
        return error_set_memory(error);
    }
    enum status status = age_header_parse(header, sealed, size, error);
    if (status == STATUS_OK) {
        *length = header->size;
    }
    return status;
}
