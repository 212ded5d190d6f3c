/* sqlite_vfs: a destination for SQLite's backup that is no file: its pages go to the sink.
 *
 *      file      | head (16 KiB or a page) | pages ascending ... [lock-byte page: zeros] ... |
 *      stream                              | pages ascending ...                             | head
 * |
 *
 * SQLite writes page 1 again at the very end (it counts the change), so the head of the file is
 * kept in memory and delivered last.
 */
#ifndef SOURCE_SQLITE_VFS_H
#define SOURCE_SQLITE_VFS_H

#include "kura/source.h"
#include <sqlite3.h>

/* Chunks of databases are cut at multiples of this; the head must not move them. */
#define SQLITE_STREAM_ALIGNMENT 16384u
#define SQLITE_PAGE_MINIMUM 512u
#define SQLITE_PAGE_MAXIMUM 65536u
/* Here lie SQLite's locks; the page that holds this byte is in no database. */
#define SQLITE_LOCK_BYTE ((uint64_t)1 << 30)

/* Set by the caller: sink, path, size, page_size, lock_byte; the rest is {0}. Large: not for the
 * stack. */
struct sqlite_stream {
    const struct source_sink *sink;
    const char *path;   /* of the source, for messages */
    uint64_t size;      /* of the whole image */
    uint32_t page_size; /* SQLITE_PAGE_MINIMUM..SQLITE_PAGE_MAXIMUM, a power of 2 */
    uint64_t lock_byte; /* SQLITE_LOCK_BYTE, but in tests */

    uint32_t head_size; /* bytes held back */
    unsigned char head[SQLITE_PAGE_MAXIMUM];
    bool head_written[SQLITE_STREAM_ALIGNMENT / SQLITE_PAGE_MINIMUM]; /* by page */
    uint64_t position;     /* in the file, of what comes */
    uint64_t written;      /* end of the last page */
    unsigned char *window; /* the sink's space */
    size_t window_size;
    size_t window_used;
    struct error error; /* what the sink said, or what was wrong with the order */
};

/* Opens an empty database whose file is the stream. Everything that SQLite writes to it goes to the
 * sink, in the order of the picture; anything out of that order fails and is told in stream->error.
 * No other file is ever made for it. Close it before sqlite_stream_finish. */
MUST_USE enum status sqlite_stream_open(sqlite3 **db, struct sqlite_stream *stream,
                                        struct error *error);
/* Delivers the head; fails if any page is missing. *rotation is that of struct source_outcome. */
MUST_USE enum status sqlite_stream_finish(uint32_t *rotation, struct sqlite_stream *stream,
                                          struct error *error);

#endif
