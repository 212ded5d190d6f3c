/* fragments: a dump whose rows change all over it. A chunk of it is hardly ever the same the next
 * night, but most of what is in it is. So the stream is cut into fragments of a row or two, by
 * their content; each is known by its mark, a keyed hash. Those that the last backup had are taken
 * from the chunks that hold them; only the others go into the pipeline and make new chunks.
 *
 *   bytes -> [cut] -> fragment -> mark -> [window over the last backup] -> part of an old chunk
 *                                                 |
 *                                                 +-> not there -> pipeline -> part of a new chunk
 *
 * What is gone from a chunk that is still used in part stays openable with it: a remnant. It is
 * counted for each chunk how much of it is used, and when that was all for the last time; when it
 * is as many days ago as the configuration allows, the chunk is used no more, and its other parts
 * are stored anew.
 *
 * Two more files of the memory (memory.h), sealed and read in the same way. <source>.fragments is
 * the last dump, in records of 18 bytes; the second kind says where those lie that follow it:
 *
 *     u16 size | mark 16
 *     u16 0 | u32 number of the chunk | u32 offset in it | zeros 8
 *
 * <source>.chunks is the table of those chunks, and the fragments that are anchors:
 *
 *     i64 seconds of that backup | u32 chunks | u32 anchors
 *     per chunk: content hash 32 | u32 size | i64 when it was whole for the last time, 0: it is
 *     per anchor: mark 16 | u64 number of the fragment
 */
#ifndef BACKUP_FRAGMENTS_H
#define BACKUP_FRAGMENTS_H

#include "memory.h"

#define MARK_SIZE 16

struct fragment {
    unsigned char mark[MARK_SIZE];
    uint32_t size;   /* bytes, 1..65535 */
    uint32_t chunk;  /* its number in the table */
    uint32_t offset; /* in the chunk */
};

/* A chunk that fragments lie in. The same one twice, if its content came up again: so no byte of a
 * record is used more than once, and what is used of it can be summed up. */
struct fragment_chunk {
    unsigned char hash[CHUNK_HASH_SIZE];
    struct chunk_reference reference; /* of a remembered one the key is not known at first */
    int64_t since;                    /* seconds: when it was whole for the last time; 0: it is */
    uint32_t used;                    /* bytes */
};

/* A fragment by which a place far away in the stream is found again. */
struct fragment_anchor {
    unsigned char mark[MARK_SIZE];
    uint64_t number; /* in the stream */
};

/* ---- the cutting (fragment_cut.c) ---- */
struct fragment_cutter;
MUST_USE enum status fragment_cutter_new(struct fragment_cutter **cutter, const unsigned char *key,
                                         struct error *error);
/* Length of the fragment that begins at `data`, or 0 if its end is not within `size` bytes. *row:
 * where the row begins that is to be looked at next; 0 at the start of each fragment. */
size_t fragment_cut(const struct fragment_cutter *cutter, const unsigned char *data, size_t size,
                    size_t *row);
void fragment_cutter_free(struct fragment_cutter *cutter);

/* ---- what is written (fragment_memory.c) ---- */
struct fragment_output;
MUST_USE enum status fragment_output_open(struct fragment_output **output,
                                          const struct memory_place *place, struct error *error);
MUST_USE enum status fragment_output_add(struct fragment_output *output,
                                         const struct fragment *fragment, struct error *error);
/* Writes the table, whose order is that of the numbers in the fragments. */
MUST_USE enum status fragment_output_finish(struct fragment_output *output, int64_t time,
                                            const struct fragment_chunk *chunks, uint32_t count,
                                            struct error *error);
void fragment_output_free(struct fragment_output *output);

/* ---- what is read ---- */
struct fragment_input;
struct fragment_table {
    int64_t time; /* seconds: of the backup that this is of */
    struct fragment_chunk *chunks;
    uint32_t chunk_count;
    struct fragment_anchor *anchors; /* in the order of the stream */
    uint32_t anchor_count;
};
/* NOT_FOUND: nothing is remembered. */
MUST_USE enum status fragment_input_open(struct fragment_input **input,
                                         struct fragment_table *table,
                                         const struct memory_place *place, struct error *error);
/* *got is false at the end. */
MUST_USE enum status fragment_input_next(struct fragment_input *input, struct fragment *fragment,
                                         bool *got, struct error *error);
void fragment_input_free(struct fragment_input *input);
void fragment_table_free(struct fragment_table *table);

/* ---- the search (fragment_window.c) ---- */
/* A window moves over the remembered stream as the new one does. Nothing in it is found twice. */
struct fragment_window;
MUST_USE enum status fragment_window_new(struct fragment_window **window,
                                         struct fragment_input *input,
                                         const struct fragment_table *table, struct error *error);
/* The remembered fragment with this mark, or NULL. Borrowed until the next call. */
MUST_USE enum status fragment_window_find(const struct fragment **found,
                                          struct fragment_window *window,
                                          const unsigned char mark[MARK_SIZE], uint32_t size,
                                          struct error *error);
void fragment_window_free(struct fragment_window *window);
bool fragment_is_anchor(const unsigned char mark[MARK_SIZE]);

#endif
