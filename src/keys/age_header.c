/* age_header: the text in front of an age file.
 *
 *     age-encryption.org/v1 LF
 *     -> TYPE ARGUMENT … LF           one stanza for each who may open
 *     base64 of the body LF           lines of 64, the last one shorter, maybe empty
 *     --- base64 of the MAC LF
 *
 * It is parsed as strictly as the specification allows: one form only for each header, so that what
 * the MAC covers is what was understood.
 */
#include "age_private.h"
#include "hkdf.h"
#include <sodium.h>
#include <string.h>

#define VERSION_PREFIX "age-encryption.org/"
#define VERSION_LINE VERSION_PREFIX "v1"
#define MAC_MARK "---"

enum status age_header_bad(struct error *error, const char *reason)
{
    return error_set(error, STATUS_CORRUPT, 0, _("the header of the sealed file is damaged: %s"),
                     reason);
}

static bool starts_with(const char *text, size_t size, const char *start)
{
    return size >= strlen(start) && memcmp(text, start, strlen(start)) == 0;
}

static bool all_visible(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (text[i] < 33 || text[i] > 126) {
            return false;
        }
    }
    return size > 0;
}

/* One line without its end. */
static bool next_line(struct cursor *cursor, const char **line, size_t *size)
{
    const unsigned char *end = cursor->left == 0 ? NULL : memchr(cursor->at, '\n', cursor->left);
    if (end == NULL) {
        return false;
    }
    *line = (const char *)cursor->at;
    *size = (size_t)(end - cursor->at);
    const unsigned char *skipped = NULL;
    return cursor_take(cursor, &skipped, *size + 1);
}

/* ------------------------------------------------------------------ reading */

static enum status collect_line(struct buffer *text, struct age_input *input, struct error *error)
{
    unsigned char byte = 0;
    do {
        size_t got = 0;
        enum status status = age_input_read(input, &byte, 1, &got, error);
        if (status == STATUS_OK && got == 0) {
            status = age_header_bad(error, _("it ends too early"));
        } else if (status == STATUS_OK && text->size == AGE_HEADER_LIMIT) {
            status = age_header_bad(error, _("it is too long"));
        } else if (status == STATUS_OK) {
            status = buffer_append_u8(text, byte, error);
        }
        if (status != STATUS_OK) {
            return status;
        }
    } while (byte != '\n');
    return STATUS_OK;
}

enum status age_header_collect(struct buffer *text, struct age_input *input, struct error *error)
{
    size_t start = 0;
    do {
        start = text->size;
        enum status status = collect_line(text, input, error);
        if (status != STATUS_OK) {
            return status;
        }
    } while (!starts_with((const char *)text->data + start, text->size - start, MAC_MARK));
    return STATUS_OK;
}

static enum status parse_version(struct cursor *cursor, struct error *error)
{
    const char *line = NULL;
    size_t size = 0;
    size_t prefix_size = strlen(VERSION_PREFIX);
    if (!next_line(cursor, &line, &size) || !starts_with(line, size, VERSION_PREFIX) ||
        !all_visible(line + prefix_size, size - prefix_size)) {
        return error_set(error, STATUS_CORRUPT, 0, "%s", _("this is not an age file"));
    }
    if (size != strlen(VERSION_LINE) || memcmp(line, VERSION_LINE, size) != 0) {
        return error_set(error, STATUS_UNSUPPORTED, 0, "%s",
                         _("the file is of a version of age that is not known here"));
    }
    return STATUS_OK;
}

static enum status parse_arguments(struct age_stanza *stanza, const char *line, size_t size,
                                   struct error *error)
{
    if (!starts_with(line, size, "-> ")) {
        return age_header_bad(error, _("a line is not as it should be"));
    }
    stanza->arguments = line + 3;
    stanza->arguments_size = size - 3;
    stanza->argument_count = 0;
    const char *at = stanza->arguments;
    const char *end = at + stanza->arguments_size;
    while (at <= end) {
        const char *space = at < end ? memchr(at, ' ', (size_t)(end - at)) : NULL;
        const char *after = space == NULL ? end : space;
        if (!all_visible(at, (size_t)(after - at))) {
            return age_header_bad(error, _("a line is not as it should be"));
        }
        stanza->argument_count++;
        at = after + 1;
    }
    return STATUS_OK;
}

static enum status parse_body(struct age_stanza *stanza, struct cursor *cursor, struct error *error)
{
    size_t size = AGE_LINE_LENGTH;
    stanza->body_size = 0;
    while (size == AGE_LINE_LENGTH) {
        const char *line = NULL;
        unsigned char bytes[AGE_LINE_SIZE];
        size_t decoded = 0;
        if (!next_line(cursor, &line, &size) || size > AGE_LINE_LENGTH || !text_ascii(line, size) ||
            sodium_base642bin(bytes, sizeof(bytes), line, size, NULL, &decoded, NULL,
                              sodium_base64_VARIANT_ORIGINAL_NO_PADDING) != 0) {
            return age_header_bad(error, _("a line is not as it should be"));
        }
        size_t room = stanza->body_size < AGE_BODY_SIZE ? AGE_BODY_SIZE - stanza->body_size : 0;
        size_t part = decoded < room ? decoded : room;
        memcpy(stanza->body + AGE_BODY_SIZE - room, bytes, part);
        stanza->body_size += decoded;
    }
    return STATUS_OK;
}

static enum status parse_stanzas(struct age_header *header, struct cursor *cursor,
                                 struct error *error)
{
    const char *line = NULL;
    size_t size = 0;
    while (cursor->left > 0 && cursor->at[0] == '-' &&
           !starts_with((const char *)cursor->at, cursor->left, MAC_MARK)) {
        if (header->count == AGE_STANZAS_LIMIT) {
            return age_header_bad(error, _("it names too many recipients"));
        }
        struct age_stanza *stanza = &header->stanzas[header->count];
        if (!next_line(cursor, &line, &size)) {
            return age_header_bad(error, _("it ends too early"));
        }
        enum status status = parse_arguments(stanza, line, size, error);
        if (status == STATUS_OK) {
            status = parse_body(stanza, cursor, error);
        }
        if (status != STATUS_OK) {
            return status;
        }
        header->count++;
    }
    return header->count > 0 ? STATUS_OK : age_header_bad(error, _("it names no recipients"));
}

enum status age_header_parse(struct age_header *header, const void *text, size_t size,
                             struct error *error)
{
    size_t limited = size < AGE_HEADER_LIMIT ? size : AGE_HEADER_LIMIT;
    struct cursor cursor = {.at = text, .left = limited};
    header->count = 0;
    enum status status = parse_version(&cursor, error);
    if (status == STATUS_OK) {
        status = parse_stanzas(header, &cursor, error);
    }
    if (status != STATUS_OK) {
        return status;
    }
    header->covered = limited - cursor.left + strlen(MAC_MARK);
    const char *line = NULL;
    size_t line_size = 0;
    const size_t mark_size = strlen(MAC_MARK) + 1;
    if (!next_line(&cursor, &line, &line_size) || !starts_with(line, line_size, MAC_MARK " ") ||
        !age_base64_decode(header->mac, sizeof(header->mac), line + mark_size,
                           line_size - mark_size)) {
        return age_header_bad(error, _("its last line is not as it should be"));
    }
    header->size = limited - cursor.left;
    return STATUS_OK;
}

bool age_stanza_argument(const struct age_stanza *stanza, size_t index, const char **argument,
                         size_t *size)
{
    const char *at = stanza->arguments;
    const char *end = at + stanza->arguments_size;
    for (; index > 0; index--) {
        const char *space = at < end ? memchr(at, ' ', (size_t)(end - at)) : NULL;
        if (space == NULL) {
            return false;
        }
        at = space + 1;
    }
    const char *space = at < end ? memchr(at, ' ', (size_t)(end - at)) : NULL;
    *argument = at;
    *size = (size_t)((space == NULL ? end : space) - at);
    return true;
}

bool age_stanza_is(const struct age_stanza *stanza, const char *type)
{
    const char *argument = NULL;
    size_t size = 0;
    return age_stanza_argument(stanza, 0, &argument, &size) && size == strlen(type) &&
           memcmp(argument, type, size) == 0;
}

/* ------------------------------------------------------------------ writing */

enum status age_header_start(struct buffer *text, struct error *error)
{
    return buffer_append_text(text, VERSION_LINE "\n", error);
}

enum status age_header_append_stanza(struct buffer *text, const char *arguments,
                                     const unsigned char body[AGE_BODY_SIZE], struct error *error)
{
    enum status status = buffer_append_text(text, "-> ", error);
    if (status == STATUS_OK) {
        status = buffer_append_text(text, arguments, error);
    }
    if (status == STATUS_OK) {
        status = buffer_append_text(text, "\n", error);
    }
    if (status == STATUS_OK) {
        status = age_base64_append(text, body, AGE_BODY_SIZE, error);
    }
    return status == STATUS_OK ? buffer_append_text(text, "\n", error) : status;
}

static void authenticate(unsigned char mac[AGE_MAC_SIZE], const void *text, size_t size,
                         const unsigned char *file_key)
{
    CLEANUP(secret_free_pointer) unsigned char *key = secret_new(AGE_KEY_SIZE);
    hkdf_sha256(key, AGE_KEY_SIZE,
                &(struct hkdf_input){.key = file_key,
                                     .key_size = AGE_FILE_KEY_SIZE,
                                     .info = "header",
                                     .info_size = strlen("header")});
    crypto_auth_hmacsha256(mac, text, size, key);
}

enum status age_header_finish(struct buffer *text, const unsigned char *file_key,
                              struct error *error)
{
    unsigned char mac[AGE_MAC_SIZE];
    enum status status = buffer_append_text(text, MAC_MARK, error);
    if (status != STATUS_OK) {
        return status;
    }
    authenticate(mac, text->data, text->size, file_key);
    status = buffer_append_text(text, " ", error);
    if (status == STATUS_OK) {
        status = age_base64_append(text, mac, sizeof(mac), error);
    }
    return status == STATUS_OK ? buffer_append_text(text, "\n", error) : status;
}

bool age_header_verify(const struct age_header *header, const void *text,
                       const unsigned char *file_key)
{
    unsigned char mac[AGE_MAC_SIZE];
    authenticate(mac, text, header->covered, file_key);
    return sodium_memcmp(mac, header->mac, sizeof(mac)) == 0;
}
