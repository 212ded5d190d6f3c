/* line: one record as a line of text, and back. What is read was signed as a whole, and still none
 * of it is believed before its form is right: printable ASCII, one JSON object, no key twice, the
 * number of its place. */
#include "audit_private.h"
#include <stdlib.h>
#include <string.h>

#define PIECE ((size_t)256 * 1024)

/* ------------------------------------------------------------------ writing */

/* jansson leaves DEL as it is, although it is a control character. */
static int append_piece(const char *data, size_t size, void *context)
{
    struct error ignored;
    enum status status = STATUS_OK;
    while (size > 0 && status == STATUS_OK) {
        const char *del = memchr(data, 0x7f, size);
        size_t plain = del == NULL ? size : (size_t)(del - data);
        status = buffer_append(context, data, plain, &ignored);
        if (status == STATUS_OK && del != NULL) {
            status = buffer_append_text(context, "\\u007f", &ignored);
        }
        size_t used = plain + (del != NULL);
        data += used;
        size -= used;
    }
    return status == STATUS_OK ? 0 : -1;
}

static enum status refuse_facts(struct error *error)
{
    return error_set(error, STATUS_FAILED, 0, "%s", _("these facts cannot be recorded"));
}

static enum status join(json_t **json, const struct audit_record *record, const json_t *facts,
                        struct error *error)
{
    char time[MOMENT_TEXT_SIZE];
    json_auto_t *joined = facts == NULL ? json_object() : json_deep_copy(facts);
    if (joined == NULL) {
        return error_set_memory(error);
    }
    json_t *event = json_string(record->event);
    if (event == NULL || json_object_get(joined, "n") != NULL ||
        json_object_get(joined, "time") != NULL || json_object_get(joined, "event") != NULL) {
        json_decref(event);
        return refuse_facts(error);
    }
    int failed = json_object_set_new(joined, "event", event);
    failed |= json_object_set_new(joined, "n", json_integer((json_int_t)record->number));
    failed |= json_object_set_new(joined, "time", json_string(moment_format(time, record->time)));
    if (failed != 0) {
        return error_set_memory(error);
    }
    *json = json_incref(joined);
    return STATUS_OK;
}

enum status line_compose(struct buffer *line, const struct audit_record *record,
                         const json_t *facts, struct error *error)
{
    json_auto_t *json = NULL;
    size_t before = line->size;
    if (facts != NULL && !json_is_object(facts)) {
        return refuse_facts(error);
    }
    enum status status = join(&json, record, facts, error);
    if (status != STATUS_OK) {
        return status;
    }
    if (json_dump_callback(json, append_piece, line,
                           JSON_COMPACT | JSON_SORT_KEYS | JSON_ENSURE_ASCII) != 0) {
        return error_set_memory(error);
    }
    if (line->size - before > AUDIT_LINE_LIMIT) {
        line->size = before;
        return error_set(error, STATUS_FAILED, 0,
                         _("a record is longer than the %zu bytes allowed"), AUDIT_LINE_LIMIT);
    }
    return buffer_append_u8(line, '\n', error);
}

/* ------------------------------------------------------------------ reading */

static bool is_plain(const char *line, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        unsigned char byte = (unsigned char)line[i];
        if (byte < 0x20 || byte >= 0x7f) {
            return false;
        }
    }
    return true;
}

/* Only the one form that is written: local time could mean something else elsewhere. */
static bool take_time(struct moment *time, const json_t *json)
{
    char again[MOMENT_TEXT_SIZE];
    const char *text = json_string_value(json_object_get(json, "time"));
    return text != NULL && moment_parse(time, text) &&
           strcmp(moment_format(again, *time), text) == 0;
}

enum status line_parse(json_t **json, struct audit_record *record, uint64_t number,
                       const char *line, size_t size, struct error *error)
{
    json_error_t ignored;
    json_auto_t *read =
        is_plain(line, size) ? json_loadb(line, size, JSON_REJECT_DUPLICATES, &ignored) : NULL;
    const json_t *place = json_object_get(read, "n");
    *record = (struct audit_record){
        .number = number,
        .event = json_string_value(json_object_get(read, "event")),
        .json = read,
        .line = line,
    };
    if (record->event == NULL || !json_is_integer(place) || !take_time(&record->time, read)) {
        return error_set(error, STATUS_CORRUPT, 0, _("record %llu is damaged"),
                         (unsigned long long)number);
    }
    if (json_integer_value(place) != (json_int_t)number) {
        return error_set(error, STATUS_CORRUPT, 0,
                         _("where record %llu should be, stands number %lld: records were removed, "
                           "inserted or put in another order"),
                         (unsigned long long)number, (long long)json_integer_value(place));
    }
    *json = json_incref(read);
    return STATUS_OK;
}

/* ------------------------------------------------------------------ lines of a file */

struct window {
    int fd;
    uint64_t offset; /* of the next byte to read */
    struct buffer bytes;
    size_t used; /* at the front, taken already */
};

/* Takes up the next piece behind what is not used yet. *got 0: the end. */
static enum status window_fill(size_t *got, struct window *window, struct error *error)
{
    size_t rest = window->bytes.size - window->used;
    if (window->used > 0) {
        memmove(window->bytes.data, window->bytes.data + window->used, rest);
        window->bytes.size = rest;
        window->used = 0;
    }
    enum status status = buffer_reserve(&window->bytes, PIECE, error);
    if (status == STATUS_OK) {
        status = file_read_at(window->fd, window->bytes.data + rest, PIECE, window->offset, got,
                              "log", error);
    }
    if (status == STATUS_OK) {
        window->bytes.size += *got;
        window->offset += *got;
    }
    return status;
}

/* The next line, borrowed until the next call. */
static enum status window_line(const char **line, size_t *size, struct window *window,
                               uint64_t number, struct error *error)
{
    for (size_t looked = 0;;) {
        const char *at = (const char *)window->bytes.data + window->used;
        size_t left = window->bytes.size - window->used;
        const char *end = left > looked ? memchr(at + looked, '\n', left - looked) : NULL;
        size_t length = end == NULL ? left : (size_t)(end - at);
        if (length > AUDIT_LINE_LIMIT) {
            return error_set(error, STATUS_CORRUPT, 0, _("record %llu is too long"),
                             (unsigned long long)number);
        }
        if (end != NULL) {
            *line = at;
            *size = length;
            window->used += length + 1;
            return STATUS_OK;
        }
        looked = left;
        size_t got = 0;
        enum status status = window_fill(&got, window, error);
        if (status != STATUS_OK) {
            return status;
        }
        if (got == 0) {
            return error_set(error, STATUS_CORRUPT, 0,
                             _("it ends before record %llu, which was written and signed: it was "
                               "cut off"),
                             (unsigned long long)number);
        }
    }
}

enum status lines_each(uint64_t *end, int fd, uint64_t count,
                       enum status (*visit)(void *context, uint64_t number, const char *line,
                                            size_t size, struct error *error),
                       void *context, struct error *error)
{
    struct window window = {.fd = fd};
    enum status status = buffer_reserve(&window.bytes, PIECE, error);
    *end = 0;
    for (uint64_t number = 0; number < count && status == STATUS_OK; number++) {
        const char *line = NULL;
        size_t size = 0;
        status = window_line(&line, &size, &window, number, error);
        if (status == STATUS_OK) {
            *end += size + 1;
            status = visit(context, number, line, size, error);
        }
    }
    buffer_free(&window.bytes);
    return status;
}
