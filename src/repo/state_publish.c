/* state_publish: the uses of chunks, and the one step in which the state follows a publication. */
#include "state_private.h"
#include <stdio.h>
#include <string.h>

enum status state_use(struct state *state, const unsigned char hash[CHUNK_HASH_SIZE], int change,
                      struct error *error)
{
    sqlite3_stmt *statement;
    enum status status = state_query(&statement, state, QUERY_USE, error);
    if (status != STATUS_OK) {
        return status;
    }
    sql_bind(statement, 1, hash, CHUNK_HASH_SIZE);
    sql_bind_number(statement, 2, change);
    return state_note(state, sql_once(statement, error));
}

enum status state_each_reference(struct state *state, enum state_references which,
                                 state_id_visit visit, void *context, struct error *error)
{
    static const enum state_query queries[] = {
        [STATE_ADDED] = QUERY_ADDED, [STATE_REMOVED] = QUERY_REMOVED, [STATE_ALL] = QUERY_ALL};
    CLEANUP(sql_reset) sqlite3_stmt *statement;
    enum status status = state_query(&statement, state, queries[which], error);
    bool row = true;
    while (status == STATUS_OK) {
        struct chunk_reference reference = {.size = 0};
        unsigned char id[CHUNK_ID_SIZE];
        status = state_note(state, sql_step(statement, &row, error));
        if (status != STATUS_OK || !row) {
            return status;
        }
        status = state_note(state, sql_blob(reference.key, CHUNK_KEY_SIZE, statement, 0, error));
        if (status == STATUS_OK) {
            chunk_reference_id(id, &reference);
            status = visit(context, id, error);
        }
    }
    return status;
}

enum status state_uses_plausible(struct state *state, bool *plausible, struct error *error)
{
    CLEANUP(sql_reset) sqlite3_stmt *statement;
    enum status status = state_query(&statement, state, QUERY_IMPLAUSIBLE, error);
    if (status != STATUS_OK) {
        return status;
    }
    bool row = false;
    status = state_note(state, sql_step(statement, &row, error));
    *plausible = !row;
    return status;
}

/* ------------------------------------------------------------------ the base */

enum status state_get_base(struct state *state, struct state_base *base, struct error *error)
{
    *base = (struct state_base){0};
    CLEANUP(buffer_free) struct buffer value = {0};
    enum status status = state_get_meta(state, "base", &value, error);
    if (status != STATUS_OK) {
        return status;
    }
    struct cursor cursor = {.at = value.data, .left = value.size};
    base->present = value.size > 0;
    uint64_t flag;
    if (base->present &&
        (!cursor_u64(&cursor, &flag) || !cursor_u64(&cursor, &base->sequence) ||
         !cursor_u64(&cursor, &base->depth) ||
         !cursor_copy(&cursor, base->statement, OBJECT_ID_SIZE) ||
         !cursor_copy(&cursor, base->memory, MEMORY_NAME_SIZE) || cursor.left != 0 ||
         memchr(base->memory, '\0', MEMORY_NAME_SIZE) == NULL)) {
        error_set(error, STATUS_CORRUPT, 0, _("%s is damaged"), state->path);
        return state_note(state, STATUS_CORRUPT);
    }
    base->present = base->present && flag == 1;
    return STATUS_OK;
}

static enum status set_base(struct state *state, const struct state_base *base, struct error *error)
{
    CLEANUP(buffer_free) struct buffer value = {0};
    enum status status = buffer_append_u64(&value, base->present ? 1 : 0, error);
    status = status ? status : buffer_append_u64(&value, base->sequence, error);
    status = status ? status : buffer_append_u64(&value, base->depth, error);
    status = status ? status : buffer_append(&value, base->statement, OBJECT_ID_SIZE, error);
    status = status ? status : buffer_append(&value, base->memory, MEMORY_NAME_SIZE, error);
    return status ? status : state_set_meta(state, "base", value.data, value.size, error);
}

/* The sequence outlives the base: a storage that was rolled back must not make numbers come twice.
 * "sweep" says that rows may be without use that no delta and no fresh pack names. */
enum status state_forget_base_within(struct state *state, struct error *error)
{
    struct state_base base;
    enum status status = state_get_base(state, &base, error);
    struct state_base empty = {.sequence = base.sequence};
    status = status ? status : set_base(state, &empty, error);
    status = status ? status : state_set_meta(state, "sweep", "1", 1, error);
    return status ? status
                  : state_note(state, sql_run(state->database, "UPDATE chunk SET uses=0", error));
}

enum status state_forget_base(struct state *state, struct error *error)
{
    enum status status = state_run(state, QUERY_BEGIN, error);
    if (status != STATUS_OK) {
        return status;
    }
    return state_finish(state, state_forget_base_within(state, error), error);
}

static enum status forget_all_within(struct state *state, struct error *error)
{
    static const char forget[] = "DELETE FROM chunk; DELETE FROM pack; DELETE FROM index_object";
    enum status status = state_forget_base_within(state, error);
    return status ? status : state_note(state, sql_run(state->database, forget, error));
}

enum status state_forget_all(struct state *state, struct error *error)
{
    enum status status = state_run(state, QUERY_BEGIN, error);
    if (status != STATUS_OK) {
        return status;
    }
    return state_finish(state, forget_all_within(state, error), error);
}

enum status state_get_recipients(struct state *state, struct buffer *keys, struct error *error)
{
    return state_get_meta(state, "recipients", keys, error);
}

enum status state_set_recipients(struct state *state, const struct buffer *keys,
                                 struct error *error)
{
    return state_set_meta(state, "recipients", keys->data, keys->size, error);
}

enum status state_get_sealed_secret(struct state *state, struct buffer *told, struct error *error)
{
    return state_get_meta(state, "sealed secret", told, error);
}

enum status state_set_sealed_secret(struct state *state, const struct buffer *told,
                                    struct error *error)
{
    return state_set_meta(state, "sealed secret", told->data, told->size, error);
}

/* ------------------------------------------------------------------ copies of small objects */

#define COPY "copy "
#define COPY_NAME_SIZE (sizeof COPY + OBJECT_NAME_SIZE)

enum status state_keep_copy(struct state *state, const char *name, const struct buffer *bytes,
                            struct error *error)
{
    char key[COPY_NAME_SIZE];
    CLEANUP(buffer_free) struct buffer kept = {0};
    snprintf(key, sizeof key, COPY "%s", name);
    enum status status = state_get_meta(state, key, &kept, error);
    bool same = kept.size == bytes->size && memcmp(kept.data, bytes->data, kept.size) == 0;
    return status != STATUS_OK || same
               ? status
               : state_set_meta(state, key, bytes->data, bytes->size, error);
}

/* The first copy after `key`, which becomes its key. */
static enum status next_copy(struct state *state, char key[COPY_NAME_SIZE], struct buffer *bytes,
                             bool *found, struct error *error)
{
    CLEANUP(sql_reset) sqlite3_stmt *statement;
    enum status status = state_query(&statement, state, QUERY_NEXT_COPY, error);
    if (status != STATUS_OK) {
        return status;
    }
    (void)sqlite3_bind_text(statement, 1, key, -1, SQLITE_TRANSIENT);
    status = state_note(state, sql_step(statement, found, error));
    if (status != STATUS_OK || !*found) {
        return status;
    }
    snprintf(key, COPY_NAME_SIZE, "%s", (const char *)sqlite3_column_text(statement, 0));
    buffer_clear(bytes);
    return buffer_append(bytes, sqlite3_column_blob(statement, 1),
                         (size_t)sqlite3_column_bytes(statement, 1), error);
}

enum status state_each_copy(struct state *state, state_copy_visit visit, void *context,
                            struct error *error)
{
    char key[COPY_NAME_SIZE] = "";
    CLEANUP(buffer_free) struct buffer bytes = {0};
    bool found = true;
    enum status status = STATUS_OK;
    while (status == STATUS_OK && found) {
        status = next_copy(state, key, &bytes, &found, error);
        if (status == STATUS_OK && found) {
            status = visit(context, key + strlen(COPY), &bytes, error);
        }
    }
    return status;
}

/* ------------------------------------------------------------------ publication */

/* The next pack whose chunks were not part of a publication yet; *no 0: none is left. */
static enum status next_fresh(struct state *state, int64_t *no, struct buffer *hashes,
                              struct error *error)
{
    CLEANUP(sql_reset) sqlite3_stmt *statement;
    enum status status = state_query(&statement, state, QUERY_NEXT_FRESH, error);
    if (status != STATUS_OK) {
        return status;
    }
    sql_bind_number(statement, 1, *no);
    bool row;
    status = state_note(state, sql_step(statement, &row, error));
    *no = status == STATUS_OK && row ? sqlite3_column_int64(statement, 0) : 0;
    if (*no == 0) {
        return status;
    }
    buffer_clear(hashes);
    return buffer_append(hashes, sqlite3_column_blob(statement, 1),
                         (size_t)sqlite3_column_bytes(statement, 1), error);
}

static enum status remove_fresh_unused(struct state *state, struct error *error)
{
    CLEANUP(buffer_free) struct buffer hashes = {0};
    int64_t no = 0;
    for (;;) {
        enum status status = next_fresh(state, &no, &hashes, error);
        if (status != STATUS_OK || no == 0) {
            return status;
        }
        sqlite3_stmt *statement;
        status = state_query(&statement, state, QUERY_REMOVE_UNUSED, error);
        for (size_t at = 0; status == STATUS_OK && at + CHUNK_HASH_SIZE <= hashes.size;
             at += CHUNK_HASH_SIZE) {
            sql_bind(statement, 1, hashes.data + at, CHUNK_HASH_SIZE);
            status = state_note(state, sql_once(statement, error));
        }
        if (status != STATUS_OK) {
            return status;
        }
    }
}

static enum status remove_unused(struct state *state, struct error *error)
{
    CLEANUP(buffer_free) struct buffer sweep = {0};
    enum status status = state_get_meta(state, "sweep", &sweep, error);
    if (status == STATUS_OK && sweep.size == 1 && sweep.data[0] == '1') {
        status = sql_run(state->database, "DELETE FROM chunk WHERE uses=0", error);
        return status ? status : state_set_meta(state, "sweep", "0", 1, error);
    }
    status = status ? status : remove_fresh_unused(state, error);
    static const char touched[] =
        "DELETE FROM chunk WHERE uses=0 AND hash IN (SELECT hash FROM delta)";
    return status ? status : sql_run(state->database, touched, error);
}

static enum status publish_within(struct state *state, const struct state_base *base,
                                  struct error *error)
{
    static const char apply[] = "UPDATE chunk SET uses=uses+"
                                "(SELECT change FROM delta WHERE delta.hash=chunk.hash)"
                                " WHERE hash IN (SELECT hash FROM delta)";
    static const char settle[] = "UPDATE index_object SET published=1 WHERE published=0;"
                                 "UPDATE pack SET hashes=NULL WHERE hashes IS NOT NULL;"
                                 "DELETE FROM delta;";
    enum status status = sql_run(state->database, apply, error);
    status = status ? status : remove_unused(state, error);
    status = status ? status : sql_run(state->database, settle, error);
    return status ? status : set_base(state, base, error);
}

enum status state_publish(struct state *state, const struct state_base *base, struct error *error)
{
    enum status status = sql_run(state->database, "PRAGMA synchronous=FULL", error);
    status = status ? status : state_run(state, QUERY_BEGIN, error);
    if (status != STATUS_OK) {
        return state_note(state, status);
    }
    status = state_note(state, publish_within(state, base, error));
    status = state_finish(state, status, error);
    if (status == STATUS_OK) {
        /* What was forgotten is to be gone from the log of changes, too. It is done by the next
         * opening at the latest, so a failure here changes nothing. */
        struct error ignored;
        (void)!sql_run(state->database, "PRAGMA wal_checkpoint(TRUNCATE)", &ignored);
    }
    return status;
}
