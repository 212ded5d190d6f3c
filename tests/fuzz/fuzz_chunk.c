// room: pipeline
/* What is inside a sealed chunk: any bytes as its tagged form and as a dictionary. Nothing is
 * written beyond the expected size; and any bytes come back from their tagged form.
 *
 * The input: u16 expected size, u16 length of the dictionary, dictionary, tagged form. */
#include "fuzz.h"
#include "kura/pipeline.h"

static struct compressor *compressor;
static struct decompressor *decompressor;

static void start(void)
{
    struct error error = {0};
    fuzz_start();
    if (compressor == NULL) {
        fuzz_must(compressor_new(&compressor, 1, &error) == STATUS_OK &&
                  decompressor_new(&decompressor, &error) == STATUS_OK);
    }
}

/* A target of just the expected size, so that a byte too many is seen. */
static void decompress(struct cursor tagged, size_t expected, const struct dictionary *dictionary)
{
    struct error error = {0};
    unsigned char *target = malloc(expected + 1);
    fuzz_must(target != NULL);
    target[expected] = 77;
    (void)compressed_dictionary_id(tagged.at, tagged.left);
    enum status status = decompressor_run(decompressor, target, expected, tagged.at, tagged.left,
                                          dictionary, &error);
    fuzz_must((status == STATUS_OK || status == STATUS_CORRUPT) && target[expected] == 77);
    free(target);
}

static void round_trip(struct cursor content, const struct dictionary *dictionary)
{
    struct error error = {0};
    struct buffer tagged = {0};
    if (content.left == 0) {
        return;
    }
    unsigned char *target = malloc(content.left);
    fuzz_must(target != NULL &&
              compressor_run(compressor, &tagged, content.at, content.left, dictionary, &error) ==
                  STATUS_OK &&
              tagged.size <= content.left + 1 &&
              decompressor_run(decompressor, target, content.left, tagged.data, tagged.size,
                               dictionary, &error) == STATUS_OK &&
              memcmp(target, content.at, content.left) == 0);
    buffer_free(&tagged);
    free(target);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error error = {0};
    struct cursor cursor = {data, size};
    uint16_t expected = 0;
    uint16_t dictionary_size = 0;
    const unsigned char *bytes = NULL;
    struct dictionary *dictionary = NULL;
    if (!cursor_u16(&cursor, &expected) || !cursor_u16(&cursor, &dictionary_size) ||
        !cursor_take(&cursor, &bytes, dictionary_size)) {
        return 0;
    }
    start();
    if (dictionary_size > 0 &&
        dictionary_new(&dictionary, bytes, dictionary_size, 1, &error) == STATUS_OK) {
        fuzz_must(dictionary_id(dictionary) != 0);
    }
    decompress(cursor, expected, dictionary);
    round_trip(cursor, dictionary);
    dictionary_free(dictionary);
    return 0;
}
