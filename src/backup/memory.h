/* memory: what the host remembers of its last backup of one source, so that unchanged files are not
 * read again and the uses of chunks can be counted by what changed alone.
 *
 * Two files in a folder of the state, each sealed (secretstream) under a subkey of the repository
 * secret, read and written from front to back only:
 *
 *   <source>.entries   records: u32 length | u8 kind | bytes
 *   <source>.hashes    the content hashes that the records speak of, 32 bytes each, in their order
 *
 * They hold for the published backup whose folder they lie in; publication switches folders. */
#ifndef BACKUP_MEMORY_H
#define BACKUP_MEMORY_H

#include "kura/repo.h"

enum memory_kind {
    MEMORY_DICTIONARY = 'D', /* u32 zstd's id, reference; 1 hash */
    MEMORY_ENTRY = 'E',      /* struct memory_entry; its own number of hashes */
    MEMORY_DROPPED = 'X',    /* u64 n: hashes that were stored for an entry that failed */
    MEMORY_PERSONS = 'P',    /* u64 n: hashes of the list of persons */
    MEMORY_NODES = 'N',      /* u64 n: hashes of the tree's nodes; the last record */
};

struct memory_entry {
    struct entry entry;
    struct content content;
    uint64_t hashes;
    bool racy; /* changed so shortly before it was read that its times prove nothing */
};
void memory_entry_free(struct memory_entry *entry);

struct memory_place {
    const char *folder;
    const char *source;
    const unsigned char *key; /* SUBKEY_SIZE */
};

struct memory_writer;
MUST_USE enum status memory_writer_open(struct memory_writer **writer,
                                        const struct memory_place *place, struct error *error);
MUST_USE enum status memory_write_hash(struct memory_writer *writer,
                                       const unsigned char hash[CHUNK_HASH_SIZE],
                                       struct error *error);
MUST_USE enum status memory_write_entry(struct memory_writer *writer,
                                        const struct memory_entry *entry, struct error *error);
MUST_USE enum status memory_write_dictionary(struct memory_writer *writer,
                                             const struct catalogue_dictionary *dictionary,
                                             struct error *error);
MUST_USE enum status memory_write_count(struct memory_writer *writer, enum memory_kind kind,
                                        uint64_t count, struct error *error);
MUST_USE enum status memory_writer_finish(struct memory_writer *writer, struct error *error);
void memory_writer_free(struct memory_writer *writer);

struct memory_reader;
/* NOT_FOUND: nothing is remembered of this source. */
MUST_USE enum status memory_reader_open(struct memory_reader **reader,
                                        const struct memory_place *place, struct error *error);
/* The next record, whichever it is; *kind is 0 at the end. What belongs to the kind is filled. */
struct memory_record {
    enum memory_kind kind;
    struct memory_entry entry;
    struct catalogue_dictionary dictionary;
    uint64_t count; /* of hashes, for every kind */
};
MUST_USE enum status memory_read(struct memory_record *record, struct memory_reader *reader,
                                 struct error *error);
MUST_USE enum status memory_read_hash(unsigned char hash[CHUNK_HASH_SIZE],
                                      struct memory_reader *reader, struct error *error);
void memory_reader_free(struct memory_reader *reader);
void memory_record_free(struct memory_record *record);

#endif
