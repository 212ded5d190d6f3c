/* source_recall: comparing with what the last night left, front to back, both sides in path order.
 */
#include "source_backup.h"
#include <stdlib.h>
#include <string.h>

static enum status next_record(struct source_backup *backup, struct error *error);

/* A damaged memory is a reason to read everything again, not to lose the night. */
static enum status judge(struct source_backup *backup, enum status status, struct error *error)
{
    return status == STATUS_CORRUPT ? writer_distrust(backup->journey->writer, NULL, error)
                                    : status;
}

static enum status read_hash(unsigned char hash[CHUNK_HASH_SIZE], struct source_backup *backup,
                             struct error *error)
{
    return judge(backup, memory_read_hash(hash, backup->old, error), error);
}

/* Without its dictionary nothing of the source that was compressed with it can be used any more. */
static enum status open_dictionary(struct buffer *bytes, struct source_backup *backup,
                                   struct error *error)
{
    struct writer *writer = backup->journey->writer;
    const struct chunk_reference *reference = &backup->record.dictionary.reference;
    enum status status = writer_open_chunk(writer, reference, bytes, error);
    if (!problem_is_local(status, error)) {
        return status;
    }
    error_add_context(error, _("the dictionary of %s is lost"), backup->source->name);
    return writer_distrust(writer, reference, error);
}

/* A dictionary is kept as long as the source is: chunks of many nights need it. */
static enum status keep_dictionary(struct source_backup *backup, struct error *error)
{
    struct catalogue_source *catalogue = backup->catalogue;
    unsigned char hash[CHUNK_HASH_SIZE];
    CLEANUP(buffer_free) struct buffer bytes = {0};
    enum status status = read_hash(hash, backup, error);
    if (status == STATUS_OK) {
        status = open_dictionary(&bytes, backup, error);
    }
    if (status != STATUS_OK) {
        return status;
    }
    struct catalogue_dictionary *grown =
        realloc(catalogue->dictionaries, (catalogue->dictionary_count + 1) * sizeof *grown);
    if (grown == NULL) {
        return error_set_memory(error);
    }
    grown[catalogue->dictionary_count++] = backup->record.dictionary;
    catalogue->dictionaries = grown;
    status = memory_write_dictionary(backup->memory, &backup->record.dictionary, error);
    if (status == STATUS_OK) {
        status = memory_write_hash(backup->memory, hash, error);
    }
    if (status == STATUS_OK && backup->dictionary == NULL) {
        status = dictionary_new(&backup->dictionary, bytes.data, bytes.size, backup->journey->level,
                                error);
    }
    return status;
}

static enum status drop_old_hashes(struct source_backup *backup, struct error *error)
{
    enum status status = STATUS_OK;
    unsigned char hash[CHUNK_HASH_SIZE];
    for (; status == STATUS_OK && backup->old_hashes > 0; backup->old_hashes--) {
        status = read_hash(hash, backup, error);
        if (status == STATUS_OK) {
            status = uses_drop(&backup->uses, hash, error);
        }
    }
    return status;
}

/* Drops what is left of the record, and goes on to the next entry. */
static enum status next_record(struct source_backup *backup, struct error *error)
{
    enum status status = drop_old_hashes(backup, error);
    memory_record_free(&backup->record);
    while (status == STATUS_OK) {
        status = judge(backup, memory_read(&backup->record, backup->old, error), error);
        backup->old_hashes = status == STATUS_OK ? backup->record.count : 0;
        if (status != STATUS_OK || backup->record.kind == 0) {
            return status;
        }
        if (backup->record.kind == MEMORY_ENTRY) {
            backup->had_entries |= backup->record.entry.entry.path[0] != '\0';
            return STATUS_OK;
        }
        if (backup->record.kind == MEMORY_DICTIONARY) {
            status = keep_dictionary(backup, error);
            backup->old_hashes = 0;
        } else {
            status = drop_old_hashes(backup, error);
        }
    }
    return status;
}

enum status recall_open(struct source_backup *backup, struct error *error)
{
    const char *folder = writer_memory(backup->journey->writer);
    if (folder == NULL) {
        return STATUS_OK;
    }
    struct memory_place place = {folder, backup->source->name, backup->journey->memory_key};
    enum status status = memory_reader_open(&backup->old, &place, error);
    if (status == STATUS_NOT_FOUND) {
        return STATUS_OK;
    }
    status = judge(backup, status, error);
    return status != STATUS_OK ? status : next_record(backup, error);
}

static bool same_text(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* The device number is left out: it changes with a reboot on some systems, while path, inode, size
 * and both times together do not come out the same for another content. */
static bool unchanged(const struct memory_entry *item, const struct entry *now)
{
    const struct entry *then = &item->entry;
    return !item->racy && then->type == now->type && then->mode == now->mode &&
           then->uid == now->uid && then->gid == now->gid && then->size == now->size &&
           then->inode == now->inode && then->device_number == now->device_number &&
           moment_compare(then->modified, now->modified) == 0 &&
           moment_compare(then->changed, now->changed) == 0 && same_text(then->link, now->link);
}

static enum status take_over(struct pending *pending, struct error *error)
{
    struct source_backup *backup = pending->owner;
    unsigned char hash[CHUNK_HASH_SIZE];
    enum status status = STATUS_OK;
    for (; status == STATUS_OK && backup->old_hashes > 0; backup->old_hashes--) {
        status = read_hash(hash, backup, error);
        if (status == STATUS_OK) {
            status = buffer_append(&pending->hashes, hash, sizeof hash, error);
        }
    }
    if (status != STATUS_OK) {
        return status;
    }
    pending->item = backup->record.entry;
    backup->record.entry = (struct memory_entry){0};
    return next_record(backup, error);
}

enum status recall_entry(struct pending *pending, bool *known, const struct entry *entry,
                         struct error *error)
{
    struct source_backup *backup = pending->owner;
    *known = false;
    while (backup->record.kind == MEMORY_ENTRY) {
        int order = entry_path_compare(backup->record.entry.entry.path, entry->path);
        if (order > 0) {
            return STATUS_OK;
        }
        if (order == 0 && backup->source->kind != SOURCE_TREE) {
            return STATUS_OK; /* always read; its hashes are compared place by place */
        }
        if (order == 0 && unchanged(&backup->record.entry, entry)) {
            *known = true;
            return take_over(pending, error);
        }
        enum status status = next_record(backup, error);
        if (status != STATUS_OK) {
            return status;
        }
    }
    return STATUS_OK;
}

enum status recall_compare(struct source_backup *backup, const unsigned char hash[CHUNK_HASH_SIZE],
                           struct error *error)
{
    bool by_place = backup->source->kind != SOURCE_TREE && backup->old_hashes > 0;
    if (by_place) {
        unsigned char before[CHUNK_HASH_SIZE];
        enum status status = read_hash(before, backup, error);
        if (status != STATUS_OK) {
            return status;
        }
        backup->old_hashes--;
        if (memcmp(before, hash, sizeof before) == 0) {
            return STATUS_OK;
        }
        status = uses_drop(&backup->uses, before, error);
        if (status != STATUS_OK) {
            return status;
        }
    }
    return uses_add(&backup->uses, hash, error);
}

enum status recall_finish(struct source_backup *backup, struct error *error)
{
    enum status status = STATUS_OK;
    while (status == STATUS_OK && backup->record.kind != 0) {
        status = next_record(backup, error);
    }
    return status;
}
