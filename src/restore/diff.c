/* diff: two snapshots side by side. The entries of the first go into a temporary database in their
 * order; the second is walked against them. */
#include "kura/restore.h"
#include "record.h"
#include <sodium.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

struct diff {
    const char *source;
    sqlite3 *database;
    sqlite3_stmt *add;
    sqlite3_stmt *next;
    bool has_next;
    struct entry entry; /* of the first snapshot, the next in order */
    unsigned char content[32];
    difference_visit visit;
    void *context;
};

static enum status failed(struct diff *diff, struct error *error)
{
    return error_set(error, STATUS_FAILED, 0,
                     _("the temporary database of the comparison failed: %s"),
                     sqlite3_errmsg(diff->database));
}

static void hash_content(unsigned char hash[32], const struct content *content)
{
    memset(hash, 0, 32);
    if (content != NULL) {
        crypto_generichash(hash, 32, content->data.data, content->data.size,
                           (const unsigned char *)&content->rotation, sizeof content->rotation);
    }
}

static enum status keep(void *context, const struct entry *entry, const struct content *content,
                        struct error *error)
{
    struct diff *diff = context;
    unsigned char hash[32];
    CLEANUP(buffer_free) struct buffer record = {0};
    enum status status = record_encode(&record, entry, error);
    if (status != STATUS_OK) {
        return status;
    }
    hash_content(hash, content);
    sqlite3_bind_blob64(diff->add, 1, record.data, record.size, SQLITE_STATIC);
    sqlite3_bind_blob(diff->add, 2, hash, sizeof hash, SQLITE_STATIC);
    status = sqlite3_step(diff->add) == SQLITE_DONE ? STATUS_OK : failed(diff, error);
    sqlite3_reset(diff->add);
    return status;
}

static enum status advance(struct diff *diff, struct error *error)
{
    entry_free(&diff->entry);
    int code = sqlite3_step(diff->next);
    diff->has_next = code == SQLITE_ROW;
    if (code == SQLITE_DONE) {
        return STATUS_OK;
    }
    if (code != SQLITE_ROW) {
        return failed(diff, error);
    }
    memcpy(diff->content, sqlite3_column_blob(diff->next, 1), sizeof diff->content);
    enum status status = record_decode(&diff->entry, sqlite3_column_blob(diff->next, 0),
                                       (size_t)sqlite3_column_bytes(diff->next, 0), error);
    return status;
}

static bool same_text(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool same_attributes(const struct entry *a, const struct entry *b)
{
    if (a->attribute_count != b->attribute_count) {
        return false;
    }
    for (size_t i = 0; i < a->attribute_count; i++) {
        const struct entry_attribute *left = &a->attributes[i];
        const struct entry_attribute *right = &b->attributes[i];
        if (strcmp(left->name, right->name) != 0 || left->size != right->size ||
            memcmp(left->value, right->value, left->size) != 0) {
            return false;
        }
    }
    return true;
}

static bool same_metadata(const struct entry *a, const struct entry *b)
{
    return a->mode == b->mode && a->uid == b->uid && a->gid == b->gid &&
           moment_compare(a->modified, b->modified) == 0 && same_attributes(a, b);
}

static enum status compare(struct diff *diff, const struct entry *entry,
                           const struct content *content, struct error *error)
{
    unsigned char hash[32];
    const struct entry *before = &diff->entry;
    hash_content(hash, content);
    if (before->type != entry->type || !same_text(before->link, entry->link) ||
        before->device_number != entry->device_number || memcmp(hash, diff->content, 32) != 0) {
        return diff->visit(diff->context, diff->source, DIFFERENCE_CONTENT, entry, error);
    }
    if (!same_metadata(before, entry)) {
        return diff->visit(diff->context, diff->source, DIFFERENCE_METADATA, entry, error);
    }
    return STATUS_OK;
}

/* Tells the entries of the first snapshot before `path` (NULL: all that are left) as removed. */
static enum status tell_removed(struct diff *diff, const char *path, struct error *error)
{
    enum status status = STATUS_OK;
    while (status == STATUS_OK && diff->has_next &&
           (path == NULL || entry_path_compare(diff->entry.path, path) < 0)) {
        status = diff->visit(diff->context, diff->source, DIFFERENCE_REMOVED, &diff->entry, error);
        if (status == STATUS_OK) {
            status = advance(diff, error);
        }
    }
    return status;
}

static enum status meet(void *context, const struct entry *entry, const struct content *content,
                        struct error *error)
{
    struct diff *diff = context;
    enum status status = tell_removed(diff, entry->path, error);
    if (status != STATUS_OK) {
        return status;
    }
    if (!diff->has_next || strcmp(diff->entry.path, entry->path) != 0) {
        return diff->visit(diff->context, diff->source, DIFFERENCE_ADDED, entry, error);
    }
    status = compare(diff, entry, content, error);
    return status != STATUS_OK ? status : advance(diff, error);
}

static enum status open_database(struct diff *diff, struct error *error)
{
    bool good =
        sqlite3_open_v2("", &diff->database, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL) ==
            SQLITE_OK &&
        sqlite3_exec(diff->database,
                     "PRAGMA journal_mode=OFF; PRAGMA cache_size=-4096;"
                     "CREATE TABLE entry(number INTEGER PRIMARY KEY, record BLOB, content BLOB);"
                     "BEGIN",
                     NULL, NULL, NULL) == SQLITE_OK &&
        sqlite3_prepare_v2(diff->database, "INSERT INTO entry(record, content) VALUES(?1, ?2)", -1,
                           &diff->add, NULL) == SQLITE_OK &&
        sqlite3_prepare_v2(diff->database, "SELECT record, content FROM entry ORDER BY number", -1,
                           &diff->next, NULL) == SQLITE_OK;
    return good ? STATUS_OK : failed(diff, error);
}

static enum status diff_source(struct diff *diff, struct snapshot *a, struct snapshot *b,
                               const struct catalogue_source *before,
                               const struct catalogue_source *after, struct error *error)
{
    struct walk keeping = {.path = "", .visit = keep, .context = diff};
    struct walk meeting = {.path = "", .visit = meet, .context = diff};
    enum status status = open_database(diff, error);
    if (status == STATUS_OK && before != NULL) {
        status = snapshot_walk(a, before, &keeping, error);
    }
    if (status == STATUS_OK) {
        status = advance(diff, error);
    }
    if (status == STATUS_OK && after != NULL) {
        status = snapshot_walk(b, after, &meeting, error);
    }
    if (status == STATUS_OK) {
        status = tell_removed(diff, NULL, error);
    }
    entry_free(&diff->entry);
    sqlite3_finalize(diff->add);
    sqlite3_finalize(diff->next);
    sqlite3_close(diff->database);
    return status;
}

enum status restore_diff(struct snapshot *a, struct snapshot *b, difference_visit visit,
                         void *context, struct error *error)
{
    enum status status = STATUS_OK;
    for (size_t i = 0; status == STATUS_OK && i < snapshot_source_count(b); i++) {
        const struct catalogue_source *after = snapshot_source(b, i);
        struct diff diff = {.source = after->words.name, .visit = visit, .context = context};
        status = diff_source(&diff, a, b, snapshot_find_source(a, after->words.name), after, error);
    }
    for (size_t i = 0; status == STATUS_OK && i < snapshot_source_count(a); i++) {
        const struct catalogue_source *before = snapshot_source(a, i);
        struct diff diff = {.source = before->words.name, .visit = visit, .context = context};
        if (snapshot_find_source(b, before->words.name) == NULL) {
            status = diff_source(&diff, a, b, before, NULL, error);
        }
    }
    return status;
}
