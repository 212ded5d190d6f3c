/* cli_json: JSON on standard output, and whether standard output takes it: a full disk behind a
 * redirection must not look like success. */
#include "cli.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

void cli_json_set_bytes(json_t *object, const char *key, const char *bytes)
{
    json_t *text = json_string(bytes);
    if (text != NULL) {
        json_object_set_new(object, key, text);
        return;
    }
    size_t size = strlen(bytes);
    CLEANUP(memory_free) char *escaped = malloc(4 * size + 1);
    CLEANUP(memory_free) char *hex = malloc(2 * size + 1);
    char hex_key[64];
    snprintf(hex_key, sizeof hex_key, "%s_hex", key);
    if (escaped != NULL && hex != NULL) {
        json_object_set_new(object, key, json_string(text_printable(escaped, 4 * size + 1, bytes)));
        json_object_set_new(object, hex_key, json_string(hex_encode(hex, bytes, size)));
    }
}

void cli_json_set_moment(json_t *object, const char *key, struct moment moment)
{
    char text[MOMENT_TEXT_SIZE];
    json_object_set_new(object, key, json_string(moment_format(text, moment)));
}

void cli_json_set_id(json_t *object, const char *key, const void *id, size_t size)
{
    CLEANUP(memory_free) char *text = malloc(2 * size + 1);
    if (text != NULL) {
        json_object_set_new(object, key, json_string(hex_encode(text, id, size)));
    }
}

void cli_json_set_count(json_t *object, const char *key, uint64_t count)
{
    json_object_set_new(object, key, json_integer((json_int_t)count));
}

void cli_json_set_words(json_t *object, const char *key, const struct cli_words *words)
{
    json_t *array = words->count == 0 ? NULL : json_array();
    for (size_t i = 0; i < words->count && array != NULL; i++) {
        char text[512];
        json_array_append_new(array,
                              json_string(text_printable(text, sizeof text, words->items[i])));
    }
    if (array != NULL) {
        json_object_set_new(object, key, array);
    }
}

static enum status output_error(struct error *error, int reason)
{
    return error_set_errno(error, reason == 0 ? EIO : reason, "%s",
                           _("cannot write to standard output"));
}

enum status cli_check_output(struct error *error)
{
    return ferror(stdout) != 0 ? output_error(error, errno) : STATUS_OK;
}

enum status cli_flush_output(struct error *error)
{
    errno = 0;
    return ferror(stdout) != 0 || fflush(stdout) != 0 ? output_error(error, errno) : STATUS_OK;
}

static enum status dump(json_t *value, const char *before, struct error *error)
{
    if (value == NULL) {
        return error_set_memory(error);
    }
    fputs(before, stdout);
    if (json_dumpf(value, stdout, JSON_COMPACT | JSON_PRESERVE_ORDER | JSON_ENCODE_ANY) != 0) {
        json_decref(value);
        return output_error(error, errno);
    }
    json_decref(value);
    return cli_check_output(error);
}

enum status cli_json_print(json_t *value, struct error *error)
{
    enum status status = dump(value, "", error);
    fputc('\n', stdout);
    return status;
}

enum status cli_json_add(struct cli_json_array *array, json_t *item, struct error *error)
{
    const char *before = array->begun ? ",\n" : "[\n";
    array->begun = true;
    return dump(item, before, error);
}

enum status cli_json_end(struct cli_json_array *array, struct error *error)
{
    fputs(array->begun ? "\n]\n" : "[]\n", stdout);
    return cli_check_output(error);
}
