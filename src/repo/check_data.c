/* check_data: packs read whole. Their bytes match their names, and their own directories say what
 * the indexes say. Needs no key that opens content. */
#include "check.h"
#include <stdlib.h>
#include <string.h>

struct pack_row {
    unsigned char id[OBJECT_ID_SIZE];
    uint64_t size;
};

struct sample {
    struct check *check;
    struct pack_row *rows;
    size_t count;
};

static enum status read_rows(struct sample *sample, uint64_t wanted, struct error *error)
{
    struct check *check = sample->check;
    sample->rows = calloc((size_t)wanted + 1, sizeof *sample->rows);
    if (sample->rows == NULL) {
        return error_set_memory(error);
    }
    CLEANUP(sql_finalize) sqlite3_stmt *choose = NULL;
    enum status status =
        sql_prepare(&choose, check->sets,
                    "SELECT id, size FROM pack WHERE seen = 2 ORDER BY random() LIMIT ?", error);
    if (status != STATUS_OK) {
        return status;
    }
    sql_bind_number(choose, 1, (int64_t)wanted);
    for (;;) {
        bool row = false;
        struct pack_row *next = &sample->rows[sample->count];
        status = sql_step(choose, &row, error);
        if (status != STATUS_OK || !row) {
            return status;
        }
        status = sql_blob(next->id, sizeof next->id, choose, 0, error);
        if (status != STATUS_OK) {
            return status;
        }
        next->size = (uint64_t)sqlite3_column_int64(choose, 1);
        check->total += next->size;
        sample->count++;
    }
}

static enum status choose_packs(struct sample *sample, struct error *error)
{
    struct check *check = sample->check;
    unsigned percent = check->options->read_percent;
    uint64_t there = 0;
    enum status status =
        check_number(&there, check, "SELECT count(*) FROM pack WHERE seen = 2", error);
    if (status != STATUS_OK) {
        return status;
    }
    uint64_t wanted = percent >= 100 ? there : (there * percent + 99) / 100;
    return read_rows(sample, wanted, error);
}

/* `digest` gets what the pack's own directory says. */
static enum status read_pack(struct buffer *bytes, const struct check *check, struct store *store,
                             const unsigned char id[OBJECT_ID_SIZE],
                             unsigned char digest[OBJECT_ID_SIZE], struct error *error)
{
    enum status status = object_get(bytes, check->repo, store, OBJECT_PACK, id, error);
    if (status != STATUS_OK) {
        return status;
    }
    struct index_pack pack = {0};
    status = pack_directory(&pack, check->repo, bytes, error);
    if (status == STATUS_OK) {
        check_directory_digest(digest, &pack);
    }
    free(pack.chunks);
    return status;
}

enum status check_whole_pack(struct buffer *bytes, struct check *check, struct store *store,
                             const unsigned char id[OBJECT_ID_SIZE], struct error *error)
{
    unsigned char digest[OBJECT_ID_SIZE];
    enum status status = read_pack(bytes, check, store, id, digest, error);
    bool local = problem_is_local(status, error);
    if (status != STATUS_OK) {
        buffer_clear(bytes);
    }
    if (status != STATUS_OK && !local) {
        return status;
    }
    pthread_mutex_lock(&check->lock);
    if (local) {
        const struct error damage = *error;
        status = check_tell_pack(check, id, &damage, error);
    } else {
        check->report->packs_read++;
        status = check_settle(check, id, digest, error);
    }
    pthread_mutex_unlock(&check->lock);
    return status;
}

static enum status check_one(void *context, struct store *store, size_t number, struct error *error)
{
    const struct sample *sample = context;
    struct check *check = sample->check;
    const struct pack_row *row = &sample->rows[number];
    CLEANUP(buffer_free) struct buffer bytes = {0};
    enum status status = check_whole_pack(&bytes, check, store, row->id, error);
    pthread_mutex_lock(&check->lock);
    check_progress(check, row->size);
    pthread_mutex_unlock(&check->lock);
    return status;
}

enum status check_data(struct check *check, struct error *error)
{
    struct sample sample = {.check = check};
    check->done = 0;
    check->total = 0;
    enum status status = choose_packs(&sample, error);
    if (status == STATUS_OK) {
        status = repo_parallel(check->repo, sample.count, check_one, &sample, error);
    }
    free(sample.rows);
    return status;
}
