/* source_sqlite: a live SQLite database as one file: a consistent image while others write, the row
 * counts of that very state, and no plaintext copy on any disk, whenever we are interrupted.
 *
 *   look -> sample (raw) -> open as the owner, BEGIN, SELECT -> count rows and persons -> stream
 *   the backup
 *
 * It is never skipped for an unchanged time or size: a commit to the WAL changes neither. In
 * rollback journal mode writers wait while the image is read, so the sink should take it at the
 * speed of the disk.
 */
#include "owner.h"
#include "sqlite_counts.h"
#include "sqlite_persons.h"
#include "sqlite_query.h"
#include "sqlite_run.h"
#include "sqlite_vfs.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BUSY_MS 60000

struct image {
    uint64_t size;
    uint32_t page_size;
};

static void connection_close(sqlite3 **db)
{
    (void)sqlite3_close(*db);
    *db = NULL;
}

static enum status image_measure(struct image *image, const struct sqlite_database *database,
                                 struct error *error)
{
    int64_t pages = 0;
    int64_t page_size = 0;
    enum status status = sqlite_database_number(&page_size, database, "PRAGMA page_size", error);
    if (status == STATUS_OK) {
        status = sqlite_database_number(&pages, database, "PRAGMA page_count", error);
    }
    *image = (struct image){.size = (uint64_t)pages * (uint64_t)page_size,
                            .page_size = (uint32_t)page_size};
    return status;
}

/* All pages in one step: several steps would begin anew whenever somebody writes. */
static int image_copy(sqlite3 *target, sqlite3 *from)
{
    sqlite3_backup *backup = sqlite3_backup_init(target, "main", from, "main");
    if (backup == NULL) {
        return sqlite3_errcode(target);
    }
    int code = sqlite3_backup_step(backup, -1);
    int finished = sqlite3_backup_finish(backup);
    return code == SQLITE_DONE ? finished : code;
}

static enum status image_send(struct source_outcome *outcome,
                              const struct sqlite_database *database, struct sqlite_stream *stream,
                              struct error *error)
{
    CLEANUP(connection_close) sqlite3 *target = NULL;
    enum status status = sqlite_stream_open(&target, stream, error);
    if (status != STATUS_OK) {
        return status;
    }
    int code = image_copy(target, database->db);
    if (stream->error.status != STATUS_OK) {
        *error = stream->error;
        return error->status;
    }
    if (code != SQLITE_OK) {
        return sqlite_error(error, NULL, code, database->path);
    }
    connection_close(&target);
    outcome->size = stream->size;
    return sqlite_stream_finish(&outcome->rotation, stream, error);
}

static enum status content_send(const struct sqlite_database *database, const struct image *image,
                                const struct sqlite_options *options,
                                const struct source_sink *sink, struct error *error)
{
    struct source_outcome outcome = {0};
    if (image->size > 0) { /* SQLite would make a page out of an empty file */
        CLEANUP(memory_free) struct sqlite_stream *stream = calloc(1, sizeof *stream);
        if (stream == NULL) {
            return error_set_memory(error);
        }
        stream->sink = sink;
        stream->path = database->path;
        stream->size = image->size;
        stream->page_size = image->page_size;
        stream->lock_byte = options->lock_byte;
        enum status status = image_send(&outcome, database, stream, error);
        if (status != STATUS_OK) {
            return status;
        }
    }
    return sink->end(sink->context, &outcome, error);
}

static const char *file_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == NULL ? path : slash + 1;
}

static enum status entry_send(const struct sqlite_database *database, uint64_t size,
                              const struct source_sink *sink, struct error *error)
{
    const struct stat *facts = &database->facts;
    CLEANUP(owner_names_free) struct owner_names names = {0};
    CLEANUP(memory_free) char *path = strdup(file_name(database->path));
    if (path == NULL) {
        return error_set_memory(error);
    }
    struct entry entry = {
        .path = path,
        .user = owner_user(&names, facts->st_uid),
        .group = owner_group(&names, facts->st_gid),
        .type = ENTRY_FILE,
        .mode = facts->st_mode & 07777,
        .uid = facts->st_uid,
        .gid = facts->st_gid,
        .size = size,
        .modified = {facts->st_mtim.tv_sec, (uint32_t)facts->st_mtim.tv_nsec},
        .changed = {facts->st_ctim.tv_sec, (uint32_t)facts->st_ctim.tv_nsec},
        .inode = facts->st_ino,
        .device = facts->st_dev,
    };
    return sink->entry(sink->context, &entry, error);
}

static void warn_empty(const struct sqlite_database *database, const struct source_sink *sink)
{
    struct error problem;
    error_set(&problem, STATUS_NOT_FOUND, 0, _("the database %s is empty: it has no tables"),
              database->path);
    error_set_hint(&problem, _("If it should not be, check the path."));
    sink->warn(sink->context, file_name(database->path), &problem);
}

/* From the held state on. */
static enum status deliver_held(const struct sqlite_database *database,
                                const struct sqlite_options *options,
                                const struct source_sink *sink, struct error *error)
{
    struct image image = {0};
    enum status status = sqlite_counts_send(database, sink, file_name(database->path), error);
    if (status == STATUS_OK) {
        status =
            sqlite_persons_send(database, options->persons, options->person_count, sink, error);
    }
    if (status == STATUS_OK) {
        status = image_measure(&image, database, error);
    }
    if (status == STATUS_OK && image.size == 0) {
        warn_empty(database, sink);
    }
    if (status == STATUS_OK) {
        status = entry_send(database, image.size, sink, error);
    }
    return status == STATUS_OK ? content_send(database, &image, options, sink, error) : status;
}

enum status sqlite_source_run(const char *path, const struct sqlite_options *options,
                              const struct source_sink *sink, struct error *error)
{
    CLEANUP(sqlite_database_close) struct sqlite_database database = {0};
    enum status status = sqlite_database_look(&database, path, error);
    if (status == STATUS_OK) {
        status = sqlite_sample(&database, sink, error);
    }
    if (status == STATUS_OK) {
        status = sqlite_database_open(&database, options->busy_ms, error);
    }
    return status == STATUS_OK ? deliver_held(&database, options, sink, error) : status;
}

static struct sqlite_options usual_options(const struct config_source *source)
{
    return (struct sqlite_options){.busy_ms = BUSY_MS,
                                   .lock_byte = SQLITE_LOCK_BYTE,
                                   .persons = source->persons,
                                   .person_count = source->person_count};
}

static enum status run(const struct config_source *source, const struct source_sink *sink,
                       struct error *error)
{
    const struct sqlite_options options = usual_options(source);
    return sqlite_source_run(source->path, &options, sink, error);
}

/* ------------------------------------------------------------------ held before it is read */

/* The raw file must be closed before SQLite opens it, so the samples wait here. */
struct held {
    const struct config_source *source;
    struct sqlite_database database;
    struct buffer samples;
    size_t sample_size, sample_count;
};

static enum status keep_samples(void *context, const unsigned char *samples, size_t sample_size,
                                size_t count, struct error *error)
{
    struct held *held = context;
    held->sample_size = sample_size;
    held->sample_count = count;
    return buffer_append(&held->samples, samples, sample_size * count, error);
}

static void release(void *state)
{
    struct held *held = state;
    sqlite_database_close(&held->database);
    buffer_free(&held->samples);
    free(held);
}

static enum status hold(void **state, const struct config_source *source,
                        const struct source_sink *sink, struct error *error)
{
    (void)sink; /* SQLite waits at most BUSY_MS */
    struct held *held = calloc(1, sizeof *held);
    if (held == NULL) {
        return error_set_memory(error);
    }
    const struct source_sink keep = {.context = held, .sample = keep_samples};
    held->source = source;
    enum status status = sqlite_database_look(&held->database, source->path, error);
    if (status == STATUS_OK) {
        status = sqlite_sample(&held->database, &keep, error);
    }
    if (status == STATUS_OK) {
        status = sqlite_database_open(&held->database, BUSY_MS, error);
    }
    if (status != STATUS_OK) {
        release(held);
        return status;
    }
    *state = held;
    return STATUS_OK;
}

static enum status deliver(void *state, const struct source_sink *sink, struct error *error)
{
    struct held *held = state;
    const struct sqlite_options options = usual_options(held->source);
    enum status status = STATUS_OK;
    if (sink->sample != NULL && held->sample_count > 0) {
        status = sink->sample(sink->context, held->samples.data, held->sample_size,
                              held->sample_count, error);
    }
    buffer_free(&held->samples);
    return status == STATUS_OK ? deliver_held(&held->database, &options, sink, error) : status;
}

static enum status recount(const struct config_source *source, int fd,
                           const struct source_sink *sink, struct error *error)
{
    CLEANUP(sqlite_image_close)
    struct sqlite_database database = {.path = _("the restored database")};
    struct stat about;
    if (fstat(fd, &about) != 0) {
        return error_set_errno(error, errno, "%s", _("the restored database cannot be looked at"));
    }
    if (about.st_size == 0) { /* without tables, as it was */
        return STATUS_OK;
    }
    enum status status = sqlite_image_open(&database, fd, error);
    if (status == STATUS_OK) {
        status = sqlite_counts_send(&database, sink, NULL, error);
    }
    return status == STATUS_OK
               ? sqlite_persons_send(&database, source->persons, source->person_count, sink, error)
               : status;
}

const struct source_driver source_sqlite = {
    .kind = SOURCE_SQLITE,
    .run = run,
    .query = sqlite_query_run,
    .hold = hold,
    .deliver = deliver,
    .release = release,
    .recount = recount,
    .check_changes = sqlite_check_changes,
    .spellings = sqlite_spellings,
};
