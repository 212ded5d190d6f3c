/* key_lines: the lines of which key files are made. One form only: fixed names in a fixed order,
 * one space, a newline at each end, nothing else.
 */
#include "key_lines.h"
#include <string.h>

bool key_lines_take(struct key_lines *lines, const char *name, const char **value, size_t *size)
{
    const char *end = lines->left == 0 ? NULL : memchr(lines->at, '\n', lines->left);
    if (end == NULL) {
        return false;
    }
    size_t length = (size_t)(end - lines->at);
    size_t skipped = 0;
    if (name != NULL) {
        skipped = strlen(name) + 2;
        if (length < skipped || memcmp(lines->at, name, skipped - 2) != 0 ||
            memcmp(lines->at + skipped - 2, ": ", 2) != 0) {
            return false;
        }
    }
    *value = lines->at + skipped;
    *size = length - skipped;
    lines->at = end + 1;
    lines->left -= length + 1;
    return true;
}

bool key_lines_take_hex(struct key_lines *lines, const char *name, void *target, size_t size)
{
    const char *value = NULL;
    size_t value_size = 0;
    return key_lines_take(lines, name, &value, &value_size) &&
           hex_decode(target, size, value, value_size);
}

bool key_lines_ended(const struct key_lines *lines)
{
    return lines->left == 0;
}

enum status key_lines_version(struct key_lines *lines, const char *kind, struct error *error)
{
    const char *line = NULL;
    size_t size = 0;
    size_t kind_size = strlen(kind);
    if (!key_lines_take(lines, NULL, &line, &size) || size < kind_size + 2 ||
        memcmp(line, kind, kind_size) != 0 || line[kind_size] != ' ') {
        return error_set(error, STATUS_CORRUPT, 0, _("it does not start with \"%s\""), kind);
    }
    if (size != kind_size + 2 || line[kind_size + 1] != '1') {
        return error_set(error, STATUS_UNSUPPORTED, 0, "%s",
                         _("it is of a version that is not known here"));
    }
    return STATUS_OK;
}

enum status key_lines_add(struct secret_text *text, const char *name, const char *value,
                          size_t size, struct error *error)
{
    enum status status = secret_text_append(text, name, strlen(name), error);
    if (status == STATUS_OK) {
        status = secret_text_append(text, ": ", 2, error);
    }
    if (status == STATUS_OK) {
        status = secret_text_append(text, value, size, error);
    }
    return status == STATUS_OK ? secret_text_append(text, "\n", 1, error) : status;
}

enum status key_lines_add_hex(struct secret_text *text, const char *name, const void *data,
                              size_t size, struct error *error)
{
    CLEANUP(secret_free_pointer) char *hex = secret_new(2 * size + 1);
    hex_encode(hex, data, size);
    return key_lines_add(text, name, hex, 2 * size, error);
}
