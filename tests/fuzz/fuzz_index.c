// room: repo
/* An index of any bytes: whatever is visited is within its pack. */
#include "../../src/repo/object.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum status visit(void *context, const struct index_pack *pack, struct error *error)
{
    (void)context;
    (void)error;
    for (uint32_t i = 0; i < pack->count; i++) {
        if ((uint64_t)pack->chunks[i].offset + pack->chunks[i].size > pack->size) {
            abort();
        }
    }
    return STATUS_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error error;
    struct buffer content = {0};
    if (buffer_append(&content, data, size, &error) == STATUS_OK) {
        enum status status = index_decode(&content, visit, NULL, &error);
        if (status != STATUS_OK && status != STATUS_CORRUPT) {
            abort();
        }
    }
    buffer_free(&content);
    return 0;
}
