/* age_armor: strict PEM (RFC 7468, figure 3) around an age file. White space may stand around it
 * and lines may end in CR LF; beyond that each file has one form only, so that nobody can vary an
 * armored file unnoticed.
 */
#include "age_private.h"
#include <sodium.h>
#include <string.h>

#define SPACE_LIMIT 1024 /* bytes of white space in front and behind */

static enum status bad_armor(struct error *error, const char *reason)
{
    return error_set(error, STATUS_CORRUPT, 0, _("the sealed text is damaged: %s"), reason);
}

static bool is_space(int byte)
{
    return byte == ' ' || byte == '\n' || byte == '\r' || byte == '\t';
}

struct armor_line {
    char text[AGE_LINE_LENGTH + 2];
    size_t size;
};

/* One line without its end. */
static enum status read_line(struct armor_line *line, struct age_input *input, struct error *error)
{
    line->size = 0;
    int byte = 0;
    while (true) {
        enum status status = age_input_raw_byte(input, &byte, error);
        if (status != STATUS_OK) {
            return status;
        }
        if (byte < 0 && line->size == 0) {
            return bad_armor(error, _("its end is missing"));
        }
        if (byte < 0 || byte == '\n') {
            break;
        }
        if (line->size == sizeof(line->text)) {
            return bad_armor(error, _("a line is too long"));
        }
        line->text[line->size++] = (char)byte;
    }
    if (line->size > 0 && line->text[line->size - 1] == '\r') {
        line->size--;
    }
    return STATUS_OK;
}

static bool line_is(const struct armor_line *line, const char *text)
{
    return line->size == strlen(text) && memcmp(line->text, text, line->size) == 0;
}

enum status age_armor_begin(struct age_input *input, struct error *error)
{
    bool line_start = true;
    size_t skipped = 0;
    while (input->raw_at < input->raw_size && is_space(input->raw[input->raw_at])) {
        line_start = input->raw[input->raw_at] == '\n';
        input->raw_at++;
        skipped++;
    }
    struct armor_line line;
    enum status status = read_line(&line, input, error);
    if (status != STATUS_OK && status != STATUS_CORRUPT) {
        return status;
    }
    if (status != STATUS_OK || skipped > SPACE_LIMIT || !line_start ||
        !line_is(&line, AGE_ARMOR_BEGIN)) {
        return error_set(error, STATUS_CORRUPT, 0, "%s", _("this is not an age file"));
    }
    return STATUS_OK;
}

/* Nothing but white space may follow: what follows would not be authenticated. */
static enum status end(struct age_input *input, struct error *error)
{
    input->armor_ended = true;
    for (size_t count = 0; count <= SPACE_LIMIT; count++) {
        int byte = 0;
        enum status status = age_input_raw_byte(input, &byte, error);
        if (status != STATUS_OK || byte < 0) {
            return status;
        }
        if (!is_space(byte)) {
            break;
        }
    }
    return bad_armor(error, _("something follows its end"));
}

enum status age_armor_next(struct age_input *input, struct error *error)
{
    struct armor_line line;
    enum status status = read_line(&line, input, error);
    if (status != STATUS_OK) {
        return status;
    }
    input->line_at = 0;
    input->line_size = 0;
    if (line_is(&line, AGE_ARMOR_END)) {
        return end(input, error);
    }
    if (line.size == 0 || line.size > AGE_LINE_LENGTH || !text_ascii(line.text, line.size) ||
        sodium_base642bin(input->line, sizeof(input->line), line.text, line.size, NULL,
                          &input->line_size, NULL, sodium_base64_VARIANT_ORIGINAL) != 0) {
        input->line_size = 0;
        return bad_armor(error, _("a line is not as it should be"));
    }
    if (input->line_size == AGE_LINE_SIZE) {
        return STATUS_OK;
    }
    /* Only the last line may be shorter. */
    status = read_line(&line, input, error);
    if (status != STATUS_OK) {
        return status;
    }
    if (!line_is(&line, AGE_ARMOR_END)) {
        return bad_armor(error, _("a line is too short"));
    }
    return end(input, error);
}

enum status age_armor_append(struct buffer *text, const void *data, size_t size,
                             struct error *error)
{
    const unsigned char *at = data;
    enum status status = buffer_append_text(text, AGE_ARMOR_BEGIN "\n", error);
    while (status == STATUS_OK && size > 0) {
        size_t part = size < AGE_LINE_SIZE ? size : AGE_LINE_SIZE;
        char line[AGE_LINE_LENGTH + 2];
        sodium_bin2base64(line, sizeof(line), at, part, sodium_base64_VARIANT_ORIGINAL);
        status = buffer_append_text(text, line, error);
        if (status == STATUS_OK) {
            status = buffer_append_text(text, "\n", error);
        }
        at += part;
        size -= part;
    }
    return status == STATUS_OK ? buffer_append_text(text, AGE_ARMOR_END "\n", error) : status;
}

bool age_armor_find(const char **armor, size_t *armor_size, const char *text, size_t size)
{
    const char *begin = memmem(text, size, AGE_ARMOR_BEGIN, strlen(AGE_ARMOR_BEGIN));
    if (begin == NULL) {
        return false;
    }
    size_t left = size - (size_t)(begin - text);
    const char *last = memmem(begin, left, AGE_ARMOR_END, strlen(AGE_ARMOR_END));
    if (last == NULL) {
        return false;
    }
    *armor = begin;
    *armor_size = (size_t)(last - begin) + strlen(AGE_ARMOR_END);
    return true;
}

bool age_base64_decode(unsigned char *target, size_t size, const char *text, size_t text_size)
{
    size_t decoded = 0;
    return text_ascii(text, text_size) &&
           sodium_base642bin(target, size, text, text_size, NULL, &decoded, NULL,
                             sodium_base64_VARIANT_ORIGINAL_NO_PADDING) == 0 &&
           decoded == size;
}

enum status age_base64_append(struct buffer *text, const unsigned char *data, size_t size,
                              struct error *error)
{
    char line[AGE_LINE_LENGTH + 1];
    sodium_bin2base64(line, sizeof(line), data, size, sodium_base64_VARIANT_ORIGINAL_NO_PADDING);
    return buffer_append_text(text, line, error);
}
