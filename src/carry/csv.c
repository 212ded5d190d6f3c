/* csv: cells that a spreadsheet shows as they are. RFC 4180, and what OWASP says of CSV injection:
 * a cell that begins like a formula gets an apostrophe in front. */
#include "data_set.h"
#include <string.h>

static bool is_number(const char *text, size_t size)
{
    size_t digits = 0, points = 0;
    for (size_t i = text[0] == '-' ? 1 : 0; i < size; i++) {
        if (text[i] >= '0' && text[i] <= '9') {
            digits++;
        } else if (text[i] == '.' && points == 0) {
            points++;
        } else {
            return false;
        }
    }
    return digits > 0;
}

static bool looks_like_formula(const char *text, size_t size)
{
    return size > 0 && strchr("=+-@\t\r\n", text[0]) != NULL && text[0] != '\0' &&
           !is_number(text, size);
}

enum status csv_append(struct buffer *csv, const char *text, size_t size, struct error *error)
{
    const bool formula = looks_like_formula(text, size);
    bool quote = formula;
    for (size_t i = 0; i < size && !quote; i++) {
        quote = strchr("\",\r\n;\t", text[i]) != NULL;
    }
    if (!quote) {
        return buffer_append(csv, text, size, error);
    }
    enum status status = buffer_append_text(csv, formula ? "\"'" : "\"", error);
    size_t from = 0;
    for (size_t i = 0; i < size && status == STATUS_OK; i++) {
        if (text[i] == '"') { /* doubled */
            status = buffer_append(csv, text + from, i + 1 - from, error);
            from = i;
        }
    }
    if (status == STATUS_OK) {
        status = buffer_append(csv, text + from, size - from, error);
    }
    return status == STATUS_OK ? buffer_append_text(csv, "\"", error) : status;
}
