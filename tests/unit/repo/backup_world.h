/* A small journey over a real repository: files in memory are backed up through the real pipeline,
 * published, opened and compared. */
#ifndef TEST_BACKUP_WORLD_H
#define TEST_BACKUP_WORLD_H

#include "repo_world.h"

#include "../../../src/repo/writer_private.h"

/* Where the error came in by pointer. */
#define assert_fine(call)                                                                          \
    do {                                                                                           \
        enum status fine_status = (call);                                                          \
        if (fine_status != STATUS_OK) {                                                            \
            fail_msg("%s: status %d: %s", #call, (int)fine_status, error->message);                \
        }                                                                                          \
    } while (0)

struct test_file {
    const char *path;
    const unsigned char *data;
    size_t size;
};

struct night {
    struct writer *writer;
    struct pipeline *pipeline;
    struct list_builder *list;
    struct tree_builder *tree;
    struct buffer hashes; /* every chunk that is used, as often as it is used */
    size_t known;
};

UNUSED static void state_folder(char *path, size_t size, const struct world *world)
{
    snprintf(path, size, "%s/state", world->folder);
}

UNUSED static struct writer_options night_options(const struct world *world, const char *state)
{
    return (struct writer_options){.state = state,
                                   .spool_limit = 64u * 1024 * 1024,
                                   .recipients = &world->identity.recipient,
                                   .recipient_count = 1};
}

static enum status count_chunk(void *context, const struct chunk_result *result,
                               struct error *error)
{
    struct night *night = context;
    night->known += result->known;
    return buffer_append(&night->hashes, result->hash, CHUNK_HASH_SIZE, error);
}

static enum status take_chunk(void *context, const struct chunk_result *result, struct error *error)
{
    struct night *night = context;
    enum status status = count_chunk(context, result, error);
    return status ? status : list_builder_add(night->list, &result->reference, error);
}

UNUSED static struct node_output night_nodes(struct night *night)
{
    return (struct node_output){.pipeline = night->pipeline,
                                .key = writer_node_key(night->writer),
                                .stored = count_chunk,
                                .context = night};
}

UNUSED static enum status night_open_with(struct night *night, struct repo *repo,
                                          const struct writer_options *options, struct error *error)
{
    *night = (struct night){0};
    enum status status = writer_open(&night->writer, repo, options, error);
    if (status != STATUS_OK) {
        return status;
    }
    struct pipeline_options pipeline = {.level = 1, .workers = 2};
    writer_pipeline(night->writer, &pipeline);
    assert_fine(pipeline_open(&night->pipeline, &pipeline, error));
    const struct node_output nodes = night_nodes(night);
    assert_fine(list_builder_new(&night->list, &nodes, error));
    assert_fine(tree_builder_new(&night->tree, &nodes, error));
    return STATUS_OK;
}

UNUSED static void night_open(struct night *night, const struct world *world)
{
    struct error error = {0};
    char state[256];
    state_folder(state, sizeof state, world);
    struct writer_options options = night_options(world, state);
    assert_good(night_open_with(night, world->repo, &options, &error));
}

UNUSED static void night_close(struct night *night)
{
    list_builder_free(night->list);
    tree_builder_free(night->tree);
    pipeline_free(night->pipeline);
    writer_free(night->writer);
    buffer_free(&night->hashes);
}

UNUSED static enum status stream_file(struct night *night, const unsigned char *bytes, size_t size,
                                      struct error *error)
{
    struct pipeline_stream stream = {
        .chunking = CHUNKING_CONTENT, .on_chunk = take_chunk, .context = night};
    enum status status = pipeline_stream_begin(night->pipeline, &stream, error);
    for (size_t at = 0; status == STATUS_OK && at < size;) {
        unsigned char *space;
        size_t room;
        status = pipeline_space(night->pipeline, &space, &room, error);
        if (status == STATUS_OK) {
            room = room < size - at ? room : size - at;
            memcpy(space, bytes + at, room);
            status = pipeline_advance(night->pipeline, room, error);
            at += room;
        }
    }
    status = status ? status : pipeline_stream_end(night->pipeline, error);
    return status ? status : pipeline_drain(night->pipeline, error);
}

UNUSED static enum status night_file(struct night *night, const struct test_file *file,
                                     struct error *error)
{
    struct content content = {.inlined = true};
    enum status status = STATUS_OK;
    if (file->size <= CONTENT_INLINE_LIMIT) {
        status = buffer_append(&content.data, file->data, file->size, error);
    } else {
        status = stream_file(night, file->data, file->size, error);
        status = status ? status : list_builder_finish(&content, night->list, error);
    }
    content.size = file->size;
    struct entry entry = {.type = ENTRY_FILE, .mode = 0644, .size = file->size};
    entry.path = strdup(file->path);
    status = status ? status : tree_builder_add(night->tree, &entry, &content, error);
    free(entry.path);
    content_free(&content);
    return status;
}

/* The uses, by difference to what the last night left in its memory. */
UNUSED static enum status night_uses(struct night *night, struct error *error)
{
    enum status status = STATUS_OK;
    for (size_t at = 0; status == STATUS_OK && at < night->hashes.size; at += CHUNK_HASH_SIZE) {
        status = writer_use(night->writer, night->hashes.data + at, 1, error);
    }
    char path[512];
    struct buffer before = {0};
    if (status == STATUS_OK && writer_memory(night->writer) != NULL) {
        snprintf(path, sizeof path, "%s/hashes", writer_memory(night->writer));
        assert_fine(file_read(&before, path, PACK_LIMIT, error));
    }
    for (size_t at = 0; status == STATUS_OK && at < before.size; at += CHUNK_HASH_SIZE) {
        status = writer_use(night->writer, before.data + at, -1, error);
    }
    buffer_free(&before);
    snprintf(path, sizeof path, "%s/hashes", writer_new_memory(night->writer));
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(night->hashes.data, 1, night->hashes.size, file), night->hashes.size);
    assert_int_equal(fclose(file), 0);
    return status;
}

UNUSED static enum status night_publish(struct statement *statement, struct night *night,
                                        struct error *error)
{
    struct catalogue_source source = {
        .words = {.name = (char[]){"documents"}, .kind = (char[]){"tree"}, .persons = -1}};
    enum status status = tree_builder_finish(&source.root, night->tree, error);
    status = status ? status : night_uses(night, error);
    source.words.entries = source.root.entries;
    memcpy(source.words.digest, source.root.digest, sizeof source.words.digest);
    struct publication publication = {
        .sources = &source, .source_count = 1, .time = {1763773200, 5}, .due = {1763859600, 0}};
    return status ? status : writer_publish(statement, night->writer, &publication, error);
}

/* All in one: back up the files, publish. */
UNUSED static struct statement back_up(const struct world *world, const struct test_file *files,
                                       size_t count)
{
    struct error error = {0};
    struct night night;
    struct statement statement;
    night_open(&night, world);
    for (size_t i = 0; i < count; i++) {
        assert_good(night_file(&night, &files[i], &error));
    }
    assert_good(night_publish(&statement, &night, &error));
    night_close(&night);
    return statement;
}

/* ---- reading back ---- */

struct reading {
    struct snapshot *snapshot;
    struct chunk_reader *reader;
    const struct catalogue_source *source;
    const struct test_file *files;
    size_t count;
    size_t seen;
    unsigned char *bytes; /* of the file being put together */
};

static enum status take_piece(void *context, const struct piece *piece, struct error *error)
{
    struct reading *reading = context;
    unsigned char *target = reading->bytes + piece->offset;
    if (piece->inlined != NULL) {
        memcpy(target, piece->inlined, piece->size);
        return STATUS_OK;
    }
    if (piece->reference == NULL) {
        memset(target, 0, piece->size);
        return STATUS_OK;
    }
    return chunk_reader_get(reading->reader, reading->source, piece->reference, target, error);
}

static enum status compare_entry(void *context, const struct entry *entry,
                                 const struct content *content, struct error *error)
{
    struct reading *reading = context;
    assert_true(reading->seen < reading->count);
    const struct test_file *file = &reading->files[reading->seen++];
    assert_string_equal(entry->path, file->path);
    assert_int_equal(content->size, file->size);
    reading->bytes = calloc(1, file->size + 1);
    assert_non_null(reading->bytes);
    enum status status = content_walk(reading->snapshot, content, take_piece, reading, error);
    if (status == STATUS_OK) {
        assert_memory_equal(reading->bytes, file->data, file->size);
    }
    free(reading->bytes);
    return status;
}

/* Opens the snapshot with the recovery identity and compares everything in it. */
UNUSED static enum status compare_snapshot(const struct world *world,
                                           const struct statement *statement,
                                           const struct test_file *files, size_t count,
                                           struct error *error)
{
    struct repo_access access = identity_access(world);
    struct repo *repo = NULL;
    struct reading reading = {.files = files, .count = count};
    assert_fine(repo_open(&repo, &access, error));
    enum status status = snapshot_open(&reading.snapshot, repo, statement, error);
    if (status == STATUS_OK) {
        reading.source = snapshot_source(reading.snapshot, 0);
        assert_fine(chunk_reader_new(&reading.reader, reading.snapshot, error));
        struct walk walk = {.path = "", .visit = compare_entry, .context = &reading};
        status = snapshot_walk(reading.snapshot, reading.source, &walk, error);
    }
    if (status == STATUS_OK) {
        assert_int_equal(reading.seen, count);
    }
    chunk_reader_free(reading.reader);
    snapshot_free(reading.snapshot);
    repo_free(repo);
    return status;
}

/* Nothing in the repository is wrong, down to every chunk of every snapshot. */
UNUSED static void check_all(const struct world *world, size_t snapshots)
{
    struct error error = {0};
    struct repo_access access = identity_access(world);
    struct repo *repo = NULL;
    struct check_report report = {0};
    struct check_options options = {.read_percent = 100, .open_chunks = true};
    assert_good(repo_open(&repo, &access, &error));
    assert_good(repo_check(&report, repo, &options, &error));
    print_problems(&report.problems);
    assert_int_equal(report.problems.count, 0);
    assert_int_equal(report.snapshots, snapshots);
    check_report_free(&report);
    repo_free(repo);
}

UNUSED static unsigned char *random_bytes(size_t size)
{
    unsigned char *bytes = malloc(size + 1);
    assert_non_null(bytes);
    randombytes_buf(bytes, size);
    return bytes;
}

#endif
