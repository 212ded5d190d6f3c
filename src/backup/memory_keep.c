/* memory_keep: what is remembered of sources that this backup did not read. */
#include "journey.h"
#include "uses.h"
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const parts[] = {"entries", "hashes", "fragments", "chunks"};

/* With nothing remembered of earlier, nothing is carried over. */
static enum status carry_part(const struct journey *journey, const char *source, const char *part,
                              struct error *error)
{
    const char *memory = writer_memory(journey->writer);
    CLEANUP(memory_free) char *from = NULL;
    CLEANUP(memory_free) char *to = NULL;
    if (asprintf(&from, "%s/%s.%s", memory == NULL ? "" : memory, source, part) < 0) {
        from = NULL;
        return error_set_memory(error);
    }
    if (asprintf(&to, "%s/%s.%s", writer_new_memory(journey->writer), source, part) < 0) {
        to = NULL;
        return error_set_memory(error);
    }
    /* What a failed attempt left there is replaced. */
    if (unlink(to) != 0 && errno != ENOENT) {
        return error_set_errno(error, errno, _("%s cannot be removed"), to);
    }
    if (memory != NULL && link(from, to) != 0 && errno != ENOENT) {
        return error_set_errno(error, errno, _("%s cannot be made"), to);
    }
    return STATUS_OK;
}

enum status memory_carry_over(struct journey *journey, const char *source, struct error *error)
{
    enum status status = STATUS_OK;
    for (size_t i = 0; status == STATUS_OK && i < LENGTH(parts); i++) {
        status = carry_part(journey, source, parts[i], error);
    }
    return status;
}

static enum status forget_record(struct journey *journey, struct memory_reader *reader,
                                 uint64_t hashes, struct error *error)
{
    enum status status = STATUS_OK;
    unsigned char hash[CHUNK_HASH_SIZE];
    for (uint64_t i = 0; status == STATUS_OK && i < hashes; i++) {
        status = memory_read_hash(hash, reader, error);
        if (status == STATUS_OK) {
            status = writer_use(journey->writer, hash, -1, error);
        }
    }
    return status;
}

static enum status forget_source(struct journey *journey, const char *source, struct error *error)
{
    struct memory_reader *reader = NULL;
    struct memory_place place = {writer_memory(journey->writer), source, journey->memory_key};
    enum status status = memory_reader_open(&reader, &place, error);
    while (status == STATUS_OK) {
        struct memory_record record;
        status = memory_read(&record, reader, error);
        enum memory_kind kind = record.kind;
        uint64_t hashes = record.count;
        memory_record_free(&record);
        if (status != STATUS_OK || kind == 0) {
            break;
        }
        status = forget_record(journey, reader, hashes, error);
    }
    memory_reader_free(reader);
    /* What it still counts would never be forgotten. */
    return status == STATUS_CORRUPT ? writer_distrust(journey->writer, NULL, error) : status;
}

enum status memory_forget_absent(struct journey *journey, struct error *error)
{
    const char *folder = writer_memory(journey->writer);
    if (folder == NULL) {
        return STATUS_OK;
    }
    DIR *listing = opendir(folder);
    if (listing == NULL) {
        return error_set_errno(error, errno, _("cannot read %s"), folder);
    }
    enum status status = STATUS_OK;
    struct dirent *file;
    while (status == STATUS_OK && (errno = 0, file = readdir(listing)) != NULL) {
        char *ending = strrchr(file->d_name, '.');
        if (ending == NULL || strcmp(ending, ".entries") != 0) {
            continue;
        }
        *ending = '\0';
        if (config_find_source(journey->options->config, file->d_name) == NULL) {
            status = forget_source(journey, file->d_name, error);
        }
    }
    if (status == STATUS_OK && errno != 0) {
        status = error_set_errno(error, errno, _("cannot read %s"), folder);
    }
    closedir(listing);
    return status;
}
