/* decompress: the way back from a tagged form. Nothing is allocated by what the frame says and
 * nothing is written beyond the expected size, whatever it holds. */
#include "compress.h"
#include <stdlib.h>
#include <string.h>

struct decompressor {
    ZSTD_DCtx *context;
};

enum status decompressor_new(struct decompressor **decompressor, struct error *error)
{
    struct decompressor *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return error_set_memory(error);
    }
    made->context = ZSTD_createDCtx();
    if (made->context == NULL) {
        free(made);
        return error_set_memory(error);
    }
    *decompressor = made;
    return STATUS_OK;
}

void decompressor_free(struct decompressor *decompressor)
{
    if (decompressor != NULL) {
        ZSTD_freeDCtx(decompressor->context);
        free(decompressor);
    }
}

uint32_t compressed_dictionary_id(const void *tagged, size_t size)
{
    const unsigned char *bytes = tagged;
    return size < 1 || bytes[0] != TAG_ZSTD ? 0 : ZSTD_getDictID_fromFrame(bytes + 1, size - 1);
}

static enum status damaged(struct error *error)
{
    return error_set(error, STATUS_CORRUPT, 0, "%s",
                     _("a chunk's content is damaged: it does not decompress to its size"));
}

enum status decompressor_run(struct decompressor *decompressor, void *target, size_t expected,
                             const void *tagged, size_t size, const struct dictionary *dictionary,
                             struct error *error)
{
    const unsigned char *bytes = tagged;
    if (size < 1) {
        return damaged(error);
    }
    if (bytes[0] == TAG_RAW && size - 1 == expected) {
        memcpy(target, bytes + 1, expected);
        return STATUS_OK;
    }
    /* One frame and nothing behind it: no bytes can hide in a second or a skippable one. */
    if (bytes[0] != TAG_ZSTD || ZSTD_findFrameCompressedSize(bytes + 1, size - 1) != size - 1) {
        return damaged(error);
    }
    size_t got =
        dictionary == NULL
            ? ZSTD_decompressDCtx(decompressor->context, target, expected, bytes + 1, size - 1)
            : ZSTD_decompress_usingDDict(decompressor->context, target, expected, bytes + 1,
                                         size - 1, dictionary->decompressing);
    if (ZSTD_isError(got) || got != expected) {
        return damaged(error);
    }
    return STATUS_OK;
}
