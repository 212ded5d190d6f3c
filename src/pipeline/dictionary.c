/* dictionary: trains and loads zstd dictionaries. The content comes from vocabulary alone; zstd
 * adds entropy tables, which are statistics of many samples. */
#include "compress.h"
#include "vocabulary.h"
#include <stdlib.h>
#include <string.h>
#include <zdict.h>

#define WORDS_MINIMUM 512 /* bytes; with less in common nothing is gained */
#define TABLES_SIZE 512   /* bytes; zstd's header, at most */
#define EXAMPLE_COUNT 128 /* for the entropy tables: more do not make them better */
/* zstd analyses nothing longer than a small dictionary's window. */
#define EXAMPLE_SIZE ((size_t)8 * 1024)
#define EXAMPLE_MINIMUM 64
#define TRAINING_LEVEL 3

/* Pieces of evenly spaced samples, one after another. */
struct examples {
    unsigned char *data;
    size_t size; /* of each */
    size_t count;
};

static void examples_free(struct examples *examples)
{
    free(examples->data);
}

static enum status examples_take(struct examples *examples, const unsigned char *samples,
                                 size_t sample_size, size_t count, struct error *error)
{
    examples->size = sample_size < EXAMPLE_SIZE ? sample_size : EXAMPLE_SIZE;
    examples->count = count < EXAMPLE_COUNT ? count : EXAMPLE_COUNT;
    examples->data = malloc(examples->size * examples->count);
    if (examples->data == NULL) {
        return error_set_memory(error);
    }
    for (size_t i = 0; i < examples->count; i++) {
        memcpy(examples->data + i * examples->size,
               samples + i * count / examples->count * sample_size, examples->size);
    }
    return STATUS_OK;
}

static enum status finalize(struct buffer *bytes, const struct buffer *words,
                            const struct examples *examples, struct error *error)
{
    size_t sizes[EXAMPLE_COUNT];
    for (size_t i = 0; i < examples->count; i++) {
        sizes[i] = examples->size;
    }
    enum status status = buffer_reserve(bytes, DICTIONARY_LIMIT, error);
    if (status != STATUS_OK) {
        return status;
    }
    ZDICT_params_t parameters = {.compressionLevel = TRAINING_LEVEL};
    size_t size = ZDICT_finalizeDictionary(bytes->data + bytes->size, DICTIONARY_LIMIT, words->data,
                                           words->size, examples->data, sizes,
                                           (unsigned)examples->count, parameters);
    if (ZDICT_isError(size)) {
        return error_set(error, STATUS_FAILED, 0, _("a dictionary cannot be made: %s"),
                         ZDICT_getErrorName(size));
    }
    bytes->size += size;
    return STATUS_OK;
}

static void compressor_release(struct compressor **compressor)
{
    compressor_free(*compressor);
}

static void dictionary_release(struct dictionary **dictionary)
{
    dictionary_free(*dictionary);
}

static enum status examples_compress(size_t *size, const struct examples *examples,
                                     const struct dictionary *dictionary, struct error *error)
{
    CLEANUP(compressor_release) struct compressor *compressor = NULL;
    CLEANUP(buffer_free) struct buffer out = {0};
    enum status status = compressor_new(&compressor, TRAINING_LEVEL, error);
    *size = 0;
    for (size_t i = 0; i < examples->count && status == STATUS_OK; i++) {
        buffer_clear(&out);
        status = compressor_run(compressor, &out, examples->data + i * examples->size,
                                examples->size, dictionary, error);
        *size += out.size;
    }
    return status;
}

/* Does it save at least 1/32 of what is left without it? */
static enum status judge(bool *worth, const struct buffer *bytes, size_t begin,
                         const struct examples *examples, struct error *error)
{
    CLEANUP(dictionary_release) struct dictionary *dictionary = NULL;
    size_t with = 0;
    size_t without = 0;
    enum status status = dictionary_new(&dictionary, bytes->data + begin, bytes->size - begin,
                                        TRAINING_LEVEL, error);
    if (status == STATUS_OK) {
        status = examples_compress(&with, examples, dictionary, error);
    }
    if (status == STATUS_OK) {
        status = examples_compress(&without, examples, NULL, error);
    }
    *worth = with < without - without / 32;
    return status;
}

static enum status too_little(struct error *error)
{
    return error_set(error, STATUS_NOT_FOUND, 0, "%s",
                     _("the samples have too little in common for a dictionary"));
}

enum status dictionary_train(struct buffer *bytes, const unsigned char *samples, size_t sample_size,
                             size_t count, struct error *error)
{
    CLEANUP(buffer_free) struct buffer words = {0};
    CLEANUP(examples_free) struct examples examples = {0};
    if (count < VOCABULARY_SAMPLES || sample_size < EXAMPLE_MINIMUM) {
        return too_little(error);
    }
    enum status status = vocabulary_collect(&words, DICTIONARY_LIMIT - TABLES_SIZE, samples,
                                            sample_size, count, error);
    if (status != STATUS_OK) {
        return status;
    }
    if (words.size < WORDS_MINIMUM) {
        return too_little(error);
    }
    size_t begin = bytes->size;
    bool worth = false;
    status = examples_take(&examples, samples, sample_size, count, error);
    if (status == STATUS_OK) {
        status = finalize(bytes, &words, &examples, error);
    }
    if (status == STATUS_OK) {
        status = judge(&worth, bytes, begin, &examples, error);
    }
    if (status != STATUS_OK || !worth) {
        bytes->size = begin;
    }
    return status == STATUS_OK && !worth ? too_little(error) : status;
}

enum status dictionary_new(struct dictionary **dictionary, const void *bytes, size_t size,
                           int level, struct error *error)
{
    uint32_t id = size > DICTIONARY_LIMIT ? 0 : ZDICT_getDictID(bytes, size);
    CLEANUP(dictionary_release) struct dictionary *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return error_set_memory(error);
    }
    /* Without an id zstd would take any bytes for content, and frames would not name it. */
    if (id != 0) {
        made->id = id;
        made->compressing = ZSTD_createCDict(bytes, size, level);
        made->decompressing = ZSTD_createDDict(bytes, size);
    }
    if (made->compressing == NULL || made->decompressing == NULL) {
        return error_set(error, STATUS_CORRUPT, 0, "%s", _("a compression dictionary is damaged"));
    }
    *dictionary = made;
    made = NULL;
    return STATUS_OK;
}

uint32_t dictionary_id(const struct dictionary *dictionary)
{
    return dictionary->id;
}

void dictionary_free(struct dictionary *dictionary)
{
    if (dictionary != NULL) {
        ZSTD_freeCDict(dictionary->compressing);
        ZSTD_freeDDict(dictionary->decompressing);
        free(dictionary);
    }
}
