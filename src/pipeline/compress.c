/* compress: the tagged form of a chunk: one byte, 0 raw or 1 zstd frame, and the bytes.
 *
 * The frames bear no checksum, for the sealing authenticates them, and no content size, for the
 * reference has it; they keep the id of their dictionary. */
#define ZSTD_STATIC_LINKING_ONLY /* for ZSTD_c_forceAttachDict alone */
#include "compress.h"
#include <stdlib.h>
#include <string.h>
#include <zstd_errors.h>

#define FAST_LEVEL 3 /* up to here zstd passes over incompressible data at the speed of memory */
#define PROBE_SIZE ((size_t)16 * 1024)

struct compressor {
    ZSTD_CCtx *context;
    int level;
};

static enum status failed(struct error *error, size_t code)
{
    return error_set(error, STATUS_FAILED, 0, _("the data cannot be compressed: %s"),
                     ZSTD_getErrorName(code));
}

enum status compressor_new(struct compressor **compressor, int level, struct error *error)
{
    if (level < 1 || level > 19) {
        return error_set(error, STATUS_USAGE, 0,
                         _("compression level %d does not exist; there are 1 to 19"), level);
    }
    struct compressor *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return error_set_memory(error);
    }
    made->context = ZSTD_createCCtx();
    if (made->context == NULL ||
        ZSTD_isError(ZSTD_CCtx_setParameter(made->context, ZSTD_c_contentSizeFlag, 0)) ||
        ZSTD_isError(ZSTD_CCtx_setParameter(made->context, ZSTD_c_checksumFlag, 0))) {
        compressor_free(made);
        return error_set_memory(error);
    }
    /* The dictionary's tables are looked up where they are, not copied for each chunk: a third of
     * what it costs at 32 KiB. A later zstd that does not know this any more is slower, that is
     * all. */
    (void)ZSTD_CCtx_setParameter(made->context, ZSTD_c_forceAttachDict, ZSTD_dictForceAttach);
    made->level = level;
    *compressor = made;
    return STATUS_OK;
}

void compressor_free(struct compressor *compressor)
{
    if (compressor != NULL) {
        ZSTD_freeCCtx(compressor->context);
        free(compressor);
    }
}

/* With a dictionary the level is the dictionary's. */
static size_t prepare(struct compressor *compressor, int level, const struct dictionary *dictionary)
{
    /* A frame that found too little room is still begun. */
    size_t code = ZSTD_CCtx_reset(compressor->context, ZSTD_reset_session_only);
    if (!ZSTD_isError(code)) {
        code = ZSTD_CCtx_refCDict(compressor->context,
                                  dictionary == NULL ? NULL : dictionary->compressing);
    }
    if (!ZSTD_isError(code)) {
        code = ZSTD_CCtx_setParameter(compressor->context, ZSTD_c_compressionLevel, level);
    }
    return code;
}

/* What may be used for the frame of `size` bytes so that it is worth it. Pictures often have 1 or
 * 2 % to gain, and finding out has cost its time by then. */
static size_t worthwhile(size_t size)
{
    return size - size / 128;
}

/* At the slow levels zstd searches long for matches even in what has none. A piece from the middle
 * shows whether there are some; if not, the whole gets the fast level, which can still find them.
 */
static size_t choose_level(struct compressor *compressor, int *level, unsigned char *target,
                           const unsigned char *data, size_t size)
{
    size_t code = prepare(compressor, 1, NULL);
    if (!ZSTD_isError(code)) {
        code = ZSTD_compress2(compressor->context, target, worthwhile(size),
                              data + (size - PROBE_SIZE) / 2, PROBE_SIZE);
    }
    if (!ZSTD_isError(code) && code > PROBE_SIZE - PROBE_SIZE / 32) {
        *level = FAST_LEVEL;
    }
    return code;
}

enum status compressor_form(struct compressor *compressor, struct buffer *room, const void *data,
                            size_t size, const struct dictionary *dictionary, struct form *form,
                            struct error *error)
{
    buffer_clear(room);
    enum status status = buffer_reserve(room, size, error);
    if (status != STATUS_OK) {
        return status;
    }
    int level = compressor->level;
    size_t used = 0;
    if (level > FAST_LEVEL && dictionary == NULL && size >= 2 * PROBE_SIZE) {
        used = choose_level(compressor, &level, room->data, data, size);
    }
    if (!ZSTD_isError(used)) {
        used = prepare(compressor, level, dictionary);
    }
    if (ZSTD_isError(used)) {
        return failed(error, used);
    }
    /* Too little room is how zstd says that it does not save enough. */
    used = ZSTD_compress2(compressor->context, room->data, worthwhile(size), data, size);
    if (ZSTD_isError(used) && ZSTD_getErrorCode(used) != ZSTD_error_dstSize_tooSmall) {
        return failed(error, used);
    }
    *form = ZSTD_isError(used) ? (struct form){TAG_RAW, data, size}
                               : (struct form){TAG_ZSTD, room->data, used};
    return STATUS_OK;
}

enum status compressor_run(struct compressor *compressor, struct buffer *out, const void *data,
                           size_t size, const struct dictionary *dictionary, struct error *error)
{
    CLEANUP(buffer_wipe) struct buffer room = {0};
    struct form form = {0};
    enum status status = compressor_form(compressor, &room, data, size, dictionary, &form, error);
    if (status == STATUS_OK) {
        status = buffer_append_u8(out, form.tag, error);
    }
    return status == STATUS_OK ? buffer_append(out, form.data, form.size, error) : status;
}
