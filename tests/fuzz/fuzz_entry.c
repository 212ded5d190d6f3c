// room: repo
/* Any bytes as an entry's record: what decodes is well-formed and encodes to the same bytes. */
#include "../../src/repo/node.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error error = {0};
    struct entry entry;
    struct content content;
    if (entry_decode(&entry, &content, data, size, &error) != STATUS_OK) {
        return 0;
    }
    struct buffer again = {0};
    if (!entry_path_valid(entry.path) ||
        entry_encode(&again, &entry, &content, &error) != STATUS_OK) {
        abort();
    }
    /* The size of what is no file is not kept twice, so only files are the same to the byte. */
    if (entry.type == ENTRY_FILE && (again.size != size || memcmp(again.data, data, size) != 0)) {
        abort();
    }
    buffer_free(&again);
    entry_free(&entry);
    content_free(&content);
    return 0;
}
