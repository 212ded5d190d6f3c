/* sqlite_stream: takes pages in file order, holds the head back, fills the lock-byte page, and
 * fails rather than deliver a byte in the wrong place. */
#include "sqlite_stream.h"
#include <string.h>

static bool disorder(struct sqlite_stream *stream)
{
    error_set(&stream->error, STATUS_FAILED, 0,
              _("the image of %s cannot be read as a stream: SQLite did not write it in order"),
              stream->path);
    return false;
}

static bool flush(struct sqlite_stream *stream)
{
    size_t used = stream->window_used;
    stream->window_used = stream->window_size = 0;
    return used == 0 ||
           stream->sink->advance(stream->sink->context, used, &stream->error) == STATUS_OK;
}

/* `data` NULL: zeros. */
static bool deliver(struct sqlite_stream *stream, const unsigned char *data, size_t size)
{
    const struct source_sink *sink = stream->sink;
    while (size > 0) {
        if (stream->window_size == 0 &&
            sink->space(sink->context, &stream->window, &stream->window_size, &stream->error) !=
                STATUS_OK) {
            return false;
        }
        size_t left = stream->window_size - stream->window_used;
        size_t part = size < left ? size : left;
        if (data == NULL) {
            memset(stream->window + stream->window_used, 0, part);
        } else {
            memcpy(stream->window + stream->window_used, data, part);
            data += part;
        }
        stream->window_used += part;
        size -= part;
        if (stream->window_used == stream->window_size && !flush(stream)) {
            return false;
        }
    }
    return true;
}

static bool is_lock_page(const struct sqlite_stream *stream, uint64_t offset)
{
    return offset / stream->page_size == stream->lock_byte / stream->page_size;
}

/* The page of the lock byte is never written; it is zeros in the file. As data, not as a hole, so
 * that the chunks behind it stay where they are. */
static bool skip_lock_page(struct sqlite_stream *stream)
{
    if (stream->position < stream->size && is_lock_page(stream, stream->position)) {
        stream->position += stream->page_size;
        return deliver(stream, NULL, stream->page_size);
    }
    return true;
}

bool sqlite_stream_put(struct sqlite_stream *stream, const void *page, size_t size, uint64_t offset)
{
    if (size != stream->page_size || offset % size != 0 || offset >= stream->size) {
        return disorder(stream);
    }
    if (offset + size > stream->written) {
        stream->written = offset + size;
    }
    if (offset < stream->head_size) {
        memcpy(stream->head + offset, page, size);
        stream->head_written[offset / size] = true;
        return true;
    }
    if (!skip_lock_page(stream)) {
        return false;
    }
    if (offset != stream->position) {
        return disorder(stream);
    }
    stream->position += size;
    return deliver(stream, page, size);
}

bool sqlite_stream_get(struct sqlite_stream *stream, void *target, size_t size, uint64_t offset)
{
    if (offset > stream->head_size || size > stream->head_size - offset) {
        return disorder(stream);
    }
    memcpy(target, stream->head + offset, size);
    return true;
}

static bool head_complete(const struct sqlite_stream *stream)
{
    for (uint64_t at = 0; at < stream->head_size; at += stream->page_size) {
        if (!stream->head_written[at / stream->page_size] && !is_lock_page(stream, at)) {
            return false;
        }
    }
    return true;
}

static bool finish(struct sqlite_stream *stream)
{
    const struct source_sink *sink = stream->sink;
    if (!skip_lock_page(stream)) {
        return false;
    }
    if (stream->position != stream->size || !head_complete(stream)) {
        return disorder(stream);
    }
    bool rotated = stream->size > stream->head_size;
    if (rotated && !flush(stream)) {
        return false;
    }
    if (rotated && sink->cut != NULL && sink->cut(sink->context, &stream->error) != STATUS_OK) {
        return false;
    }
    return deliver(stream, stream->head, stream->head_size) && flush(stream);
}

enum status sqlite_stream_finish(uint32_t *rotation, struct sqlite_stream *stream,
                                 struct error *error)
{
    if (!finish(stream)) {
        *error = stream->error;
        return error->status;
    }
    *rotation = stream->size > stream->head_size ? stream->head_size : 0;
    return STATUS_OK;
}
