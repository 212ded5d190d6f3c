// room: repo
/* The JSON of a statement and of a repository/ object, past the signature: what is read can be
 * written and read again. */
#include "../../src/repo/repository.h"
#include "../../src/repo/statement_private.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_and_read(const struct statement *statement)
{
    struct error error;
    struct statement again;
    json_t *json = statement_to_json(statement);
    if (json == NULL || statement_from_json(&again, json, &error) != STATUS_OK ||
        again.sequence != statement->sequence || again.source_count != statement->source_count) {
        abort();
    }
    statement_free(&again);
    json_decref(json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error error;
    struct statement statement = {0};
    json_t *json = NULL;
    if (json_parse(&json, data, size, STATEMENT_JSON_LIMIT, &error) == STATUS_OK &&
        statement_from_json(&statement, json, &error) == STATUS_OK) {
        write_and_read(&statement);
    }
    statement_free(&statement);
    json_decref(json);

    struct repository_record record;
    struct buffer object = {0};
    static const unsigned char signature[SIGN_SIZE];
    if (buffer_append(&object, signature, sizeof signature, &error) == STATUS_OK &&
        buffer_append(&object, data, size, &error) == STATUS_OK) {
        (void)!repository_decode(&record, &object, NULL, &error);
    }
    buffer_free(&object);
    return 0;
}
