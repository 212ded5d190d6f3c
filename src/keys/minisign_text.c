/* minisign_text: reads and writes the lines of minisign's files as minisign itself understands
 * them, and no others: what two programs could read differently is refused.
 */
#include "minisign_text.h"
#include <sodium.h>
#include <string.h>

static bool line_at(const struct cursor *text, const char **line, size_t *size, size_t *used)
{
    if (text->left == 0) {
        return false;
    }
    const unsigned char *end = memchr(text->at, '\n', text->left);
    size_t length = end == NULL ? text->left : (size_t)(end - text->at);
    *used = end == NULL ? length : length + 1;
    if (end != NULL && length > 0 && text->at[length - 1] == '\r') {
        length--;
    }
    *line = (const char *)text->at;
    *size = length;
    return memchr(*line, '\0', length) == NULL && memchr(*line, '\r', length) == NULL;
}

static void advance(struct cursor *text, size_t used)
{
    text->at += used;
    text->left -= used;
}

/* The next line without its end ("\n", "\r\n", or the end of the text); false if the text has
 * ended, or if the line holds a zero byte or another carriage return, where minisign would end it.
 */
static bool take_line(struct cursor *text, const char **line, size_t *size)
{
    size_t used = 0;
    if (!line_at(text, line, size, &used)) {
        return false;
    }
    advance(text, used);
    return true;
}

bool minisign_take_comment(struct cursor *text, const char *start, const char **comment,
                           size_t *size)
{
    size_t used = 0;
    size_t start_size = strlen(start);
    if (!line_at(text, comment, size, &used) || *size < start_size ||
        memcmp(*comment, start, start_size) != 0) {
        return false;
    }
    *comment += start_size;
    *size -= start_size;
    advance(text, used);
    return true;
}

bool minisign_take_base64(struct cursor *text, void *target, size_t size)
{
    const char *line = NULL;
    size_t line_size = 0;
    size_t decoded = 0;
    return take_line(text, &line, &line_size) && text_ascii(line, line_size) &&
           sodium_base642bin(target, size, line, line_size, NULL, &decoded, NULL,
                             sodium_base64_VARIANT_ORIGINAL) == 0 &&
           decoded == size;
}

enum status minisign_append_line(struct buffer *text, const char *start, const char *rest,
                                 struct error *error)
{
    enum status status = buffer_append_text(text, start, error);
    if (status == STATUS_OK) {
        status = buffer_append_text(text, rest, error);
    }
    return status == STATUS_OK ? buffer_append_text(text, "\n", error) : status;
}
