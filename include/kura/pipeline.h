/* pipeline: from bytes to sealed chunks: cut, recognise, compress, seal; and the threads that join
 * these. No I/O of its own.
 *
 *   bytes -> [chunker] -> chunk -> [keyed BLAKE2b] -> known? -> [zstd] -> [XChaCha20-Poly1305]
 *
 * Opening (the way back) is here, too.
 */
#ifndef KURA_PIPELINE_H
#define KURA_PIPELINE_H

#include "kura/base.h"

#define CHUNK_ID_SIZE 16
#define CHUNK_KEY_SIZE 32
#define CHUNK_HASH_SIZE 32
#define CHUNK_MAXIMUM 4194304u /* 4 MiB, bytes of one chunk's content, a hard limit */

/* ------------------------------------------------------------------ references */

/* What a catalogue keeps of a chunk: it finds it (the id) and opens it (the key). The id is
 * BLAKE2b-128 keyed with the key of the text "kura/1 chunk id", so it says nothing of the content
 * and need not be stored. */
struct chunk_reference {
    unsigned char key[CHUNK_KEY_SIZE];
    uint32_t size; /* bytes of content, 1..CHUNK_MAXIMUM */
};
void chunk_reference_id(unsigned char id[CHUNK_ID_SIZE], const struct chunk_reference *reference);
/* The key of the number'th chunk that a backup stores, from that backup's chunk secret:
 * BLAKE2b-256 keyed with the secret of "kura/1 chunk key" | number, 8 bytes little-endian. */
void chunk_key_derive(unsigned char key[CHUNK_KEY_SIZE],
                      const unsigned char backup_secret[CHUNK_KEY_SIZE], uint64_t number);

/* ------------------------------------------------------------------ cutting */

struct chunking {
    uint32_t minimum; /* bytes; minimum == maximum: fixed size */
    uint32_t average;
    uint32_t maximum; /* <= CHUNK_MAXIMUM */
};
extern const struct chunking CHUNKING_CONTENT;  /* trees and commands */
extern const struct chunking CHUNKING_DATABASE; /* fixed, aligned to database pages */
extern const struct chunking CHUNKING_DUMP;     /* archives of pg_dump, of whole chunks */
extern const struct chunking CHUNKING_PARTED;   /* the same where parts of chunks are used */

/* A gear rolling hash whose table comes from `key`, so that boundaries tell nothing to who does not
 * have it. */
struct chunker;
MUST_USE enum status chunker_new(struct chunker **chunker, const unsigned char key[CHUNK_KEY_SIZE],
                                 struct chunking chunking, struct error *error);
/* How far the search for this chunk's end has come; {0} at the start of each chunk. */
struct chunker_state {
    size_t scanned;
    uint64_t hash;
};
/* Length of the chunk that begins at `data`, or 0 if its end is not within `size` bytes: then call
 * again with the same start, more bytes and the same state. */
size_t chunker_cut(const struct chunker *chunker, const unsigned char *data, size_t size,
                   struct chunker_state *state);
void chunker_free(struct chunker *chunker);

/* ------------------------------------------------------------------ compressing */

/* A zstd dictionary for the small chunks of one database. It is made only of byte strings that
 * occur in many different samples, so that it holds vocabulary and no person's record. Its zstd id
 * is in every frame that needs it. */
struct dictionary;
#define DICTIONARY_LIMIT 114688u /* 112 KiB */
/* `samples` are `count` pieces of `sample_size` bytes one after another. STATUS_NOT_FOUND if they
 * have too little in common to be worth one. The bytes can be stored; dictionary_new reads them. */
MUST_USE enum status dictionary_train(struct buffer *bytes, const unsigned char *samples,
                                      size_t sample_size, size_t count, struct error *error);
MUST_USE enum status dictionary_new(struct dictionary **dictionary, const void *bytes, size_t size,
                                    int level, struct error *error);
uint32_t dictionary_id(const struct dictionary *dictionary);
void dictionary_free(struct dictionary *dictionary);

/* A sealed chunk's plaintext: one byte, 0 raw or 1 zstd frame, and the bytes. */
struct compressor; /* one thread's */
MUST_USE enum status compressor_new(struct compressor **compressor, int level, struct error *error);
/* Appends the tagged form to `out`; raw where zstd does not save at least 1/128. dictionary may be
 * NULL. */
MUST_USE enum status compressor_run(struct compressor *compressor, struct buffer *out,
                                    const void *data, size_t size,
                                    const struct dictionary *dictionary, struct error *error);
void compressor_free(struct compressor *compressor);

struct decompressor; /* one thread's */
MUST_USE enum status decompressor_new(struct decompressor **decompressor, struct error *error);
/* The zstd id of the dictionary that a tagged form needs, 0: none. */
uint32_t compressed_dictionary_id(const void *tagged, size_t size);
/* Writes exactly `expected` bytes to target, or STATUS_CORRUPT. */
MUST_USE enum status decompressor_run(struct decompressor *decompressor, void *target,
                                      size_t expected, const void *tagged, size_t size,
                                      const struct dictionary *dictionary, struct error *error);
void decompressor_free(struct decompressor *decompressor);

/* ------------------------------------------------------------------ sealing */

#define SEAL_OVERHEAD 40 /* nonce 24, tag 16 */
/* XChaCha20-Poly1305 with a fresh random nonce: nonce | ciphertext | tag is appended to `out`. What
 * `context` holds is authenticated with it (format, repository, kind, id). */
MUST_USE enum status seal(struct buffer *out, const unsigned char key[CHUNK_KEY_SIZE],
                          const void *data, size_t size, const void *context, size_t context_size,
                          struct error *error);
/* Decrypts in one piece, target gets size - SEAL_OVERHEAD bytes; STATUS_CORRUPT if it is not what
 * was sealed. */
MUST_USE enum status seal_open(void *target, const unsigned char key[CHUNK_KEY_SIZE],
                               const void *sealed, size_t size, const void *context,
                               size_t context_size, struct error *error);
/* The context of a chunk: "kura/1 chunk" | repository id 16 | chunk id 16. */
#define CHUNK_CONTEXT_SIZE (12 + 16 + CHUNK_ID_SIZE)
void chunk_context(unsigned char context[CHUNK_CONTEXT_SIZE], const unsigned char repository[16],
                   const unsigned char id[CHUNK_ID_SIZE]);

/* PADMÉ: the size up to which `size` is padded; at most 12 % more, leaks O(log log size) bits.
 * (Nikitin et al., PETS 2019). */
uint64_t padme(uint64_t size);

/* ------------------------------------------------------------------ the threads */

/* What the pipeline asks of whoever keeps chunks. Called from worker threads: must be thread-safe.
 */
struct pipeline_keeper {
    void *context;
    /* Is this content known? If not, allots a key: *known = false, and exactly one caller is told
     * so for one hash; it then calls store. In both cases *reference is filled. */
    enum status (*recognise)(void *context, const unsigned char hash[CHUNK_HASH_SIZE],
                             uint32_t size, struct chunk_reference *reference, bool *known,
                             struct error *error);
    /* A sealed new chunk; `sealed` is borrowed for the call. */
    enum status (*store)(void *context, const unsigned char hash[CHUNK_HASH_SIZE],
                         const struct chunk_reference *reference, const void *sealed,
                         size_t sealed_size, struct error *error);
};

struct pipeline_options {
    struct pipeline_keeper keeper;
    unsigned char repository[16];
    const unsigned char *hash_key;    /* CHUNK_KEY_SIZE, for recognising content */
    const unsigned char *chunker_key; /* CHUNK_KEY_SIZE */
    int level;                        /* zstd */
    unsigned workers;                 /* 0: number of processors */
    size_t memory;                    /* bytes of content in flight at most; 0: 6 MiB */
};

struct chunk_result {
    unsigned char hash[CHUNK_HASH_SIZE];
    struct chunk_reference reference;
    bool known; /* was there before */
};

/* Called in the order in which chunks and marks went in, always on the thread that calls into the
 * pipeline (from within a pipeline_ function). It may call pipeline_store, and nothing else here.
 */
typedef enum status (*pipeline_on_chunk)(void *context, const struct chunk_result *result,
                                         struct error *error);
typedef enum status (*pipeline_on_mark)(void *context, struct error *error);

struct pipeline;
MUST_USE enum status pipeline_open(struct pipeline **pipeline,
                                   const struct pipeline_options *options, struct error *error);
/* Stops the workers; what was not finished is dropped. */
void pipeline_free(struct pipeline *pipeline);

/* A stream: bytes that are cut into chunks together. One at a time; streams need no waiting between
 * them: their chunks travel behind each other. */
struct pipeline_stream {
    struct chunking chunking;
    const struct dictionary *dictionary; /* must live until its chunks' results came; or NULL */
    pipeline_on_chunk on_chunk;
    void *context;
};
MUST_USE enum status pipeline_stream_begin(struct pipeline *pipeline,
                                           const struct pipeline_stream *stream,
                                           struct error *error);
/* Where the next bytes of the stream may be written, so that reading needs no copy: at least 1
 * byte, typically 256 KiB or more. */
MUST_USE enum status pipeline_space(struct pipeline *pipeline, unsigned char **data, size_t *size,
                                    struct error *error);
/* `size` bytes were written there. */
MUST_USE enum status pipeline_advance(struct pipeline *pipeline, size_t size, struct error *error);
/* Ends the current chunk here (before a hole, at the end). */
MUST_USE enum status pipeline_cut(struct pipeline *pipeline, struct error *error);
/* Cuts and ends the stream; after a failure, too, it is over. */
MUST_USE enum status pipeline_stream_end(struct pipeline *pipeline, struct error *error);
/* Calls on_mark after all that went in before it came out; at once if nothing is under way. Bytes
 * that are not cut yet do not count. */
MUST_USE enum status pipeline_mark(struct pipeline *pipeline, pipeline_on_mark on_mark,
                                   void *context, struct error *error);
/* Waits until everything that was cut came out. */
MUST_USE enum status pipeline_drain(struct pipeline *pipeline, struct error *error);
/* Hashes, recognises, compresses and stores one whole chunk at once, on the calling thread, outside
 * of any stream: for tree nodes. */
MUST_USE enum status pipeline_store(struct pipeline *pipeline, const void *data, size_t size,
                                    const struct dictionary *dictionary,
                                    struct chunk_result *result, struct error *error);

#endif
