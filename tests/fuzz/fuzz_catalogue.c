// room: repo
/* Any bytes as a catalogue: what decodes is within its bounds and survives the way out and in. */
#include "../../src/repo/catalogue.h"
#include "../../src/repo/node.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_bounds(const struct catalogue *catalogue)
{
    for (size_t i = 0; i < catalogue->source_count; i++) {
        const struct catalogue_source *source = &catalogue->sources[i];
        if (source->words.name == NULL || source->root.level >= NODE_LEVELS ||
            source->root.reference.size > CHUNK_MAXIMUM ||
            source->dictionary_count > CATALOGUE_DICTIONARIES_LIMIT) {
            abort();
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error error = {0};
    struct catalogue catalogue;
    if (catalogue_decode(&catalogue, data, size, &error) != STATUS_OK) {
        return 0;
    }
    check_bounds(&catalogue);
    struct buffer text = {0};
    struct catalogue again;
    if (catalogue_encode(&text, &catalogue, &error) != STATUS_OK ||
        catalogue_decode(&again, text.data, text.size, &error) != STATUS_OK ||
        again.source_count != catalogue.source_count || again.sequence != catalogue.sequence) {
        abort();
    }
    catalogue_free(&again);
    catalogue_free(&catalogue);
    buffer_free(&text);
    return 0;
}
