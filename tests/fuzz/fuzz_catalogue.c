// room: repo
/* A good catalogue, changed here and there as the input says, or any bytes: what decodes is within
 * its bounds and survives the way out and in. */
#include "../../src/repo/catalogue.h"
#include "../../src/repo/node.h"
#include <stdlib.h>
#include <string.h>

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
        const struct census *census = &source->census;
        if (source->words.persons >= 0 &&
            (census->kind_count == 0 || census->kind_count > CATALOGUE_KINDS_LIMIT ||
             census->list.size / PERSON_SIZE + census->unlinked !=
                 (uint64_t)source->words.persons ||
             (census->list.inlined && census->list.data.size != census->list.size))) {
            abort();
        }
    }
}

static void check(const void *text, size_t size)
{
    struct error error = {0};
    struct catalogue catalogue;
    if (catalogue_decode(&catalogue, text, size, &error) != STATUS_OK) {
        return;
    }
    check_bounds(&catalogue);
    struct buffer out = {0};
    struct catalogue again;
    if (catalogue_encode(&out, &catalogue, &error) != STATUS_OK ||
        catalogue_decode(&again, out.data, out.size, &error) != STATUS_OK ||
        again.source_count != catalogue.source_count || again.sequence != catalogue.sequence) {
        abort();
    }
    catalogue_free(&again);
    catalogue_free(&catalogue);
    buffer_free(&out);
}

static void make_good(struct buffer *text)
{
    struct error error = {0};
    struct statement_table table = {.name = (char[]){"customers"}, .rows = 7};
    struct catalogue_dictionary dictionary = {.id = 99, .reference.size = 1000};
    unsigned char pseudonyms[2 * PERSON_SIZE] = {1};
    struct person_kind kind = {(char[]){"customer"}, (char[]){"SELECT id FROM customers"}};
    struct catalogue_source source = {
        .words = {.name = (char[]){"documents"},
                  .kind = (char[]){"tree"},
                  .entries = 5,
                  .persons = 3,
                  .tables = &table,
                  .table_count = 1},
        .root = {.present = true, .level = 1, .reference.size = 4096},
        .dictionaries = &dictionary,
        .dictionary_count = 1,
        .census = {.kinds = &kind,
                   .kind_count = 1,
                   .unlinked = 1,
                   .list = {.size = sizeof pseudonyms,
                            .inlined = true,
                            .data = {pseudonyms, sizeof pseudonyms, 0}}},
    };
    struct catalogue catalogue = {.sequence = 7, .sources = &source, .source_count = 1};
    if (catalogue_encode(text, &catalogue, &error) != STATUS_OK) {
        abort();
    }
}

/* Each four bytes: where, how many are replaced, and by how many of the bytes that follow. */
static void edit(struct buffer *text, const uint8_t *data, size_t size)
{
    struct error error = {0};
    while (size >= 4 && text->size > 0) {
        size_t at = (data[0] | (size_t)data[1] << 8) % text->size;
        size_t gone = data[2] % 16 < text->size - at ? data[2] % 16 : text->size - at;
        size_t fresh = data[3] % 16 < size - 4 ? data[3] % 16 : size - 4;
        if (buffer_reserve(text, fresh, &error) != STATUS_OK) {
            abort();
        }
        memmove(text->data + at + fresh, text->data + at + gone, text->size - at - gone);
        memcpy(text->data + at, data + 4, fresh);
        text->size += fresh;
        text->size -= gone;
        data += 4 + fresh;
        size -= 4 + fresh;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check(data, size);
    struct buffer text = {0};
    make_good(&text);
    edit(&text, data, size);
    check(text.data, text.size);
    buffer_free(&text);
    return 0;
}
