// room: source
/* Any text as the SQL of a data set: what comes out is the text that went in, but for the places of
 * the parameters, which are numbered in order and carry good names. */
#include "kura/postgres.h"
#include "fuzz.h"

/* Puts the names back in. */
static void undo(struct buffer *sql, const struct postgres_parameters *parameters)
{
    struct error error;
    size_t at = 0;
    for (size_t i = 0; i < parameters->count; i++) {
        const struct postgres_parameter *parameter = &parameters->items[i];
        char number[24];
        int size = snprintf(number, sizeof number, " $%zu", i + 1);
        fuzz_must(parameter->at >= at && parameter->size > 0);
        fuzz_must(strncmp((char *)parameters->text.data + parameter->at, number, (size_t)size) ==
                  0);
        fuzz_must(strcspn(parameter->name, "$:'\" \n;-/") >= parameter->size);
        fuzz_must(buffer_append(sql, parameters->text.data + at, parameter->at - at, &error) ==
                      STATUS_OK &&
                  buffer_append_u8(sql, ':', &error) == STATUS_OK &&
                  buffer_append(sql, parameter->name, parameter->size, &error) == STATUS_OK);
        at = parameter->at + (size_t)size;
    }
    fuzz_must(buffer_append_text(sql, (char *)parameters->text.data + at, &error) == STATUS_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error error;
    struct postgres_parameters parameters;
    struct buffer sql = {0};
    char *text = strndup((const char *)data, size);
    fuzz_must(text != NULL);
    if (postgres_parameters_read(&parameters, text, &error) == STATUS_OK) {
        undo(&sql, &parameters);
        fuzz_must(buffer_append_u8(&sql, 0, &error) == STATUS_OK &&
                  strcmp((char *)sql.data, text) == 0);
        postgres_parameters_free(&parameters);
    } else {
        fuzz_must(error.status == STATUS_USAGE);
    }
    buffer_free(&sql);
    free(text);
    return 0;
}
