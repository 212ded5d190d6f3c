/* postgres_archive: is this an archive of pg_dump (--format=custom), and is it all there? Somebody
 * may have named a script in place of pg_dump, whose pipe loses the end and the exit code.
 *
 *     head, contents (one entry for each object), then a block for each entry that has data
 *
 * Looked at is what holds it together, not what it says: who wrote every block to its end wrote
 * everything that it announced. Formats 1.14 (PostgreSQL 12) to 1.16 (18) are known; of a newer one
 * the head must do. */
#include "postgres.h"
#include <string.h>

/* N a number; T a text: its size, -1 for none, and itself; L texts up to one that is none; O where
 * data lies; C the count of entries; D whether the entry has data; B a byte. */
#define HEAD_REST                                                                                  \
    "NNNNNNN"                                                                                      \
    "TTT"                                                                                          \
    "C"
#define ENTRY_FRONT                                                                                \
    "ND"                                                                                           \
    "TTTT"                                                                                         \
    "N"                                                                                            \
    "TTTTTT"
#define ENTRY_BACK                                                                                 \
    "TT"                                                                                           \
    "L"                                                                                            \
    "O"
/* K the kind of a block; P a piece of data: its size, 0 for the end, and itself; I the number of a
 * large object, 0 for the end. */
#define BLOCK "K"

enum { FORMAT_CUSTOM = 1, BLOCK_DATA = 1, BLOCK_LARGE_OBJECTS = 3 };
enum { AT_MAJOR = 5, AT_MINOR = 6, AT_INT_SIZE = 8, AT_OFFSET_SIZE = 9, AT_FORMAT = 10, HEAD = 11 };

static const char *entry_fields(const struct postgres_archive *archive)
{
    return archive->minor >= 16 ? ENTRY_FRONT "N" ENTRY_BACK : ENTRY_FRONT ENTRY_BACK;
}

static size_t size_of(const struct postgres_archive *archive)
{
    switch (archive->fields == NULL ? 'H' : archive->fields[0]) {
    case 'H':
        return HEAD;
    case 'B':
    case 'K':
        return 1;
    case 'O':
        return 1 + (size_t)archive->offset_size;
    default:
        return 1 + (size_t)archive->int_size;
    }
}

/* A sign, and the least byte first. */
static int64_t number(const struct postgres_archive *archive)
{
    uint64_t value = 0;
    for (size_t i = archive->int_size; i > 0; i--) {
        value = value << 8 | archive->part[i];
    }
    return archive->part[0] == 0 ? (int64_t)(value & INT64_MAX) : -(int64_t)(value & INT64_MAX);
}

static void take_head(struct postgres_archive *archive)
{
    const unsigned char *head = archive->part;
    archive->minor = head[AT_MINOR];
    archive->int_size = head[AT_INT_SIZE];
    archive->offset_size = head[AT_OFFSET_SIZE];
    archive->broken = memcmp(head, "PGDMP", AT_MAJOR) != 0 || head[AT_FORMAT] != FORMAT_CUSTOM ||
                      archive->int_size < 1 || archive->int_size > 8 || archive->offset_size > 8;
    archive->unknown = head[AT_MAJOR] != 1 || archive->minor < 14 || archive->minor > 16;
    archive->fields = archive->minor >= 15 ? "B" HEAD_REST : "N" HEAD_REST;
}

static void skip(struct postgres_archive *archive, int64_t size)
{
    archive->skipped = size > 0 ? (uint64_t)size : 0;
}

static void end_block(struct postgres_archive *archive)
{
    archive->blocks++;
    archive->fields = BLOCK;
}

/* Of a block: what comes next depends on what is there. */
static void take_of_block(struct postgres_archive *archive, char field)
{
    int64_t size = field == 'K' ? 0 : number(archive);
    switch (field) {
    case 'K':
        archive->large_objects = archive->part[0] == BLOCK_LARGE_OBJECTS;
        archive->broken = !archive->large_objects && archive->part[0] != BLOCK_DATA;
        archive->fields = archive->large_objects ? "NI" : "NP";
        break;
    case 'I':
        archive->fields = "P";
        if (size == 0) {
            end_block(archive);
        }
        break;
    default:
        archive->broken = size < 0;
        skip(archive, size);
        if (size == 0 && archive->large_objects) {
            archive->fields = "I";
        } else if (size == 0) {
            end_block(archive);
        }
    }
}

static void take_field(struct postgres_archive *archive)
{
    const char field = archive->fields[0];
    if (strchr("KIP", field) != NULL) {
        take_of_block(archive, field);
        return;
    }
    int64_t value = strchr("BO", field) != NULL ? 0 : number(archive);
    switch (field) {
    case 'T':
    case 'L':
        skip(archive, value);
        break;
    case 'C':
        archive->broken = value < 0;
        archive->entries = value;
        break;
    case 'D':
        archive->announced += value != 0;
        break;
    default:
        break;
    }
    archive->fields += field != 'L' || value < 0;
    if (archive->fields[0] == '\0') {
        archive->fields = archive->entries > 0 ? entry_fields(archive) : BLOCK;
        archive->entries--;
    }
}

void postgres_archive_feed(struct postgres_archive *archive, const unsigned char *data, size_t size)
{
    while (size > 0 && !archive->broken && !archive->unknown) {
        const bool skipping = archive->skipped > 0;
        const uint64_t wanted = skipping ? archive->skipped : size_of(archive) - archive->part_size;
        const size_t taken = wanted < size ? (size_t)wanted : size;
        if (skipping) {
            archive->skipped -= taken;
        } else {
            memcpy(archive->part + archive->part_size, data, taken);
            archive->part_size += taken;
        }
        data += taken;
        size -= taken;
        if (skipping || taken < wanted) {
            continue;
        }
        archive->part_size = 0;
        if (archive->fields == NULL) {
            take_head(archive);
        } else {
            take_field(archive);
        }
    }
}

bool postgres_archive_is_complete(const struct postgres_archive *archive)
{
    if (archive->broken || archive->unknown || archive->fields == NULL) {
        return archive->unknown && !archive->broken;
    }
    return archive->fields[0] == 'K' && archive->part_size == 0 && archive->skipped == 0 &&
           archive->blocks == archive->announced;
}
