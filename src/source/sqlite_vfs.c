/* sqlite_vfs: a file system for SQLite that holds one file, a stream, and refuses every other, so
 * that nothing of the image can reach a disk. */
#include "sqlite_stream.h"
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#define VFS_NAME "kura-stream"
/* The largest cache that is still small: 64 KiB pages make 1 MiB of it. */
#define CACHE_PAGES "16"

struct stream_file {
    sqlite3_file base;
    struct sqlite_stream *stream;
};

/* The stream that sqlite_stream_open is opening in this thread: xOpen gets only a name. */
static _Thread_local struct sqlite_stream *opening;

static struct sqlite_stream *stream_of(sqlite3_file *file)
{
    return ((struct stream_file *)(void *)file)->stream;
}

static int file_close_stream(sqlite3_file *file)
{
    (void)file;
    return SQLITE_OK;
}

static int file_read_stream(sqlite3_file *file, void *target, int size, sqlite3_int64 offset)
{
    struct sqlite_stream *stream = stream_of(file);
    if ((uint64_t)offset >= stream->written) {
        memset(target, 0, (size_t)size);
        return SQLITE_IOERR_SHORT_READ;
    }
    return sqlite_stream_get(stream, target, (size_t)size, (uint64_t)offset) ? SQLITE_OK
                                                                             : SQLITE_IOERR_READ;
}

static int file_write_stream(sqlite3_file *file, const void *data, int size, sqlite3_int64 offset)
{
    return sqlite_stream_put(stream_of(file), data, (size_t)size, (uint64_t)offset)
               ? SQLITE_OK
               : SQLITE_IOERR_WRITE;
}

/* Nothing that was delivered can be taken back. */
static int file_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    return (uint64_t)size == stream_of(file)->written ? SQLITE_OK : SQLITE_IOERR_TRUNCATE;
}

static int file_flags(sqlite3_file *file, int flags)
{
    (void)file;
    (void)flags;
    return SQLITE_OK;
}

static int file_size(sqlite3_file *file, sqlite3_int64 *size)
{
    *size = (sqlite3_int64)stream_of(file)->written;
    return SQLITE_OK;
}

static int file_check_lock(sqlite3_file *file, int *locked)
{
    (void)file;
    *locked = 0;
    return SQLITE_OK;
}

static int file_control(sqlite3_file *file, int operation, void *argument)
{
    (void)file;
    (void)operation;
    (void)argument;
    return SQLITE_NOTFOUND;
}

static int file_sector_size(sqlite3_file *file)
{
    (void)file;
    return (int)SQLITE_PAGE_MINIMUM;
}

/* With this promise a page is written alone, never together with the others of its sector. */
static int file_characteristics(sqlite3_file *file)
{
    (void)file;
    return SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}

static const sqlite3_io_methods METHODS = {
    .iVersion = 1,
    .xClose = file_close_stream,
    .xRead = file_read_stream,
    .xWrite = file_write_stream,
    .xTruncate = file_truncate,
    .xSync = file_flags,
    .xFileSize = file_size,
    .xLock = file_flags,
    .xUnlock = file_flags,
    .xCheckReservedLock = file_check_lock,
    .xFileControl = file_control,
    .xSectorSize = file_sector_size,
    .xDeviceCharacteristics = file_characteristics,
};

static int vfs_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *base, int flags,
                    int *flags_out)
{
    (void)vfs;
    (void)name;
    struct stream_file *file = (struct stream_file *)(void *)base;
    *file = (struct stream_file){.stream = opening};
    /* A journal or a temporary file would hold plaintext. */
    if ((flags & SQLITE_OPEN_MAIN_DB) == 0 || opening == NULL) {
        return SQLITE_CANTOPEN;
    }
    file->base.pMethods = &METHODS;
    if (flags_out != NULL) {
        *flags_out = flags;
    }
    return SQLITE_OK;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *name, int sync)
{
    (void)vfs;
    (void)name;
    (void)sync;
    return SQLITE_OK;
}

static int vfs_access(sqlite3_vfs *vfs, const char *name, int flags, int *result)
{
    (void)vfs;
    (void)name;
    (void)flags;
    *result = 0;
    return SQLITE_OK;
}

static int vfs_full_name(sqlite3_vfs *vfs, const char *name, int size, char *target)
{
    (void)vfs;
    snprintf(target, (size_t)size, "%s", name);
    return SQLITE_OK;
}

static int vfs_randomness(sqlite3_vfs *vfs, int size, char *target)
{
    sqlite3_vfs *system = vfs->pAppData;
    return system->xRandomness(system, size, target);
}

static int vfs_sleep(sqlite3_vfs *vfs, int microseconds)
{
    sqlite3_vfs *system = vfs->pAppData;
    return system->xSleep(system, microseconds);
}

static int vfs_time(sqlite3_vfs *vfs, double *time)
{
    sqlite3_vfs *system = vfs->pAppData;
    return system->xCurrentTime(system, time);
}

static sqlite3_vfs stream_vfs = {
    .iVersion = 1,
    .szOsFile = sizeof(struct stream_file),
    .mxPathname = 64,
    .zName = VFS_NAME,
    .xOpen = vfs_open,
    .xDelete = vfs_delete,
    .xAccess = vfs_access,
    .xFullPathname = vfs_full_name,
    .xRandomness = vfs_randomness,
    .xSleep = vfs_sleep,
    .xCurrentTime = vfs_time,
};
static pthread_once_t registered = PTHREAD_ONCE_INIT;

static void vfs_register(void)
{
    stream_vfs.pAppData = sqlite3_vfs_find(NULL);
    if (stream_vfs.pAppData != NULL) {
        (void)sqlite3_vfs_register(&stream_vfs, 0);
    }
}

enum status sqlite_stream_open(sqlite3 **db, struct sqlite_stream *stream, struct error *error)
{
    uint32_t head =
        stream->page_size > SQLITE_STREAM_ALIGNMENT ? stream->page_size : SQLITE_STREAM_ALIGNMENT;
    stream->head_size = stream->size < head ? (uint32_t)stream->size : head;
    stream->position = stream->head_size;
    pthread_once(&registered, vfs_register);
    opening = stream;
    int code = sqlite3_open_v2("stream", db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, VFS_NAME);
    opening = NULL;
    if (code == SQLITE_OK) {
        /* No journal, no locks, no waiting; the cache small, so that pages leave it soon and in the
         * order in which they came. */
        code = sqlite3_exec(*db,
                            "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF;"
                            "PRAGMA locking_mode=EXCLUSIVE; PRAGMA temp_store=MEMORY;"
                            "PRAGMA cache_size=" CACHE_PAGES,
                            NULL, NULL, NULL);
    }
    if (code != SQLITE_OK) {
        sqlite3_close(*db);
        *db = NULL;
        return error_set(error, STATUS_FAILED, 0, _("SQLite cannot open a stream: %s"),
                         sqlite3_errstr(code));
    }
    return STATUS_OK;
}
