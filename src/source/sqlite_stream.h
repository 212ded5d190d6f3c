/* sqlite_stream: what sqlite_vfs needs of the stream. */
#ifndef SOURCE_SQLITE_STREAM_H
#define SOURCE_SQLITE_STREAM_H

#include "sqlite_vfs.h"

/* Takes one page. False: stream->error says why. */
MUST_USE bool sqlite_stream_put(struct sqlite_stream *stream, const void *page, size_t size,
                                uint64_t offset);
/* Reads back what is still in memory. False: that is gone, stream->error says so. */
MUST_USE bool sqlite_stream_get(struct sqlite_stream *stream, void *target, size_t size,
                                uint64_t offset);

#endif
