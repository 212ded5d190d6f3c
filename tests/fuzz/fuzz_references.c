// room: repo
/* References of any bytes: what decodes encodes to the same bytes. */
#include "../../src/repo/object.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error error;
    struct buffer content = {0};
    struct buffer again = {0};
    struct references references = {0};
    if (buffer_append(&content, data, size, &error) == STATUS_OK &&
        references_decode(&references, &content, &error) == STATUS_OK) {
        if (references_encode(&again, &references, &error) != STATUS_OK || again.size != size ||
            memcmp(again.data, data, size) != 0) {
            abort();
        }
    }
    references_free(&references);
    buffer_free(&content);
    buffer_free(&again);
    return 0;
}
