/* json: strict reading and canonical writing of the repository's JSON. */
#include "statement_private.h"
#include <stdlib.h>
#include <string.h>

enum status json_parse(json_t **json, const void *text, size_t size, size_t limit,
                       struct error *error)
{
    json_error_t ignored;
    *json = size > limit ? NULL : json_loadb(text, size, JSON_REJECT_DUPLICATES, &ignored);
    if (!json_is_object(*json)) {
        json_decref(*json);
        *json = NULL;
        return error_set(error, STATUS_CORRUPT, 0, "%s", _("its JSON cannot be read"));
    }
    return STATUS_OK;
}

bool json_take_text(const char **text, const json_t *json, const char *key)
{
    *text = json_string_value(json_object_get(json, key));
    return *text != NULL;
}

bool json_take_count(uint64_t *value, const json_t *json, const char *key)
{
    const json_t *member = json_object_get(json, key);
    json_int_t number = json_integer_value(member);
    *value = (uint64_t)number;
    return json_is_integer(member) && number >= 0;
}

bool json_take_hex(void *target, size_t size, const json_t *json, const char *key)
{
    const char *text = NULL;
    return json_take_text(&text, json, key) && hex_decode(target, size, text, strlen(text));
}

bool json_take_moment(struct moment *moment, const json_t *json, const char *key)
{
    const char *text = NULL;
    char again[MOMENT_TEXT_SIZE];
    /* Only the one form that kura writes: local time, or the 31st of February, could mean something
     * else elsewhere. */
    return json_take_text(&text, json, key) && moment_parse(moment, text) &&
           strcmp(moment_format(again, *moment), text) == 0;
}

json_t *json_new_text(const char *text)
{
    json_t *json = json_string(text);
    if (json == NULL) {
        size_t size = 4 * strlen(text) + 1;
        char *printable = malloc(size);
        if (printable != NULL) {
            json = json_string(text_printable(printable, size, text));
        }
        free(printable);
    }
    return json;
}

json_t *json_new_hex(const void *data, size_t size)
{
    char *text = malloc(2 * size + 1);
    json_t *json = text == NULL ? NULL : json_string(hex_encode(text, data, size));
    free(text);
    return json;
}

json_t *json_new_moment(struct moment moment)
{
    char text[MOMENT_TEXT_SIZE];
    return json_string(moment_format(text, moment));
}

enum status json_check_version(const json_t *json, struct error *error)
{
    uint64_t version = 0;
    if (!json_take_count(&version, json, "version") || version == 0) {
        return error_set(error, STATUS_CORRUPT, 0, "%s", _("it does not say its version"));
    }
    if (version > FORMAT_VERSION) {
        error_set(error, STATUS_UNSUPPORTED, 0,
                  _("it is of version %llu of the format, and this kura knows only version %d"),
                  (unsigned long long)version, FORMAT_VERSION);
        return error_set_hint(error, "%s", _("Install a newer kura."));
    }
    return STATUS_OK;
}

static int append_piece(const char *data, size_t size, void *context)
{
    struct error ignored;
    return buffer_append(context, data, size, &ignored) == STATUS_OK ? 0 : -1;
}

enum status json_print(struct buffer *text, const json_t *json, struct error *error)
{
    if (json_dump_callback(json, append_piece, text, JSON_COMPACT | JSON_SORT_KEYS) != 0) {
        return error_set_memory(error);
    }
    return STATUS_OK;
}
