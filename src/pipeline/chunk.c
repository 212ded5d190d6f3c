/* chunk: where a stream is cut. Fixed sizes for databases, whose pages stay where they are; content
 * defined boundaries for all else, so that an insertion moves the boundaries near it only.
 *
 * The content-defined cutter is FastCDC (Xia et al., USENIX ATC 2016): the gear hash
 *     hash = (hash << 1) + table[byte]
 * sees the last 64 bytes; a chunk ends behind the byte at which it falls below a threshold. Nothing
 * is looked at before the minimum; up to the average the threshold is 4 times harder than the
 * average asks for, behind it 4 times easier, so that lengths stay near the average.
 */
#include "kura/pipeline.h"
#include <sodium.h>
#include <stdlib.h>

/* Measured on a shop's document tree (522 MB, 3,179 files, of it a scan of 51 MB; a day changes
 * parts of that and adds 20 files of 1.5 MB), zstd -3, 140 bytes for each chunk's key, index and
 * sealing; means over four keys, of the day also the least and the most:
 *
 *     minimum/average/maximum   chunks   first backup   the day
 *           4 /  16 /   64 K    25,595     418.0 MB     2.0 MB (2.0-2.1)
 *          16 /  64 /  256 K     8,548     415.8 MB     2.2 MB (2.1-2.3)
 *          32 / 128 /  512 K     5,688     415.6 MB     2.3 MB (2.1-2.6)
 *          64 / 256 / 1024 K     4,281     415.4 MB     2.4 MB (2.2-2.9)
 *         128 / 512 / 2048 K     3,616     415.3 MB     3.6 MB (3.0-4.7)
 *         256 /1024 / 4096 K     3,319     415.3 MB     5.8 MB (4.3-7.3)
 *
 * 256 K has half the references of 64 K for a tenth more on the day; behind it the day grows fast.
 */
const struct chunking CHUNKING_CONTENT = {
    .minimum = 64 * 1024, .average = 256 * 1024, .maximum = 1024 * 1024};
/* A multiple of SQLite's page sizes up to 32 KiB. Measured with a shop of 604 MB, of it a database
 * of 152 MB, zstd -3; the mean of two days that each change 1 % of its rows and bring 1.3 MB of
 * documents; the time of a first backup into a local folder, on two cores:
 *
 *     size    with a dictionary                none
 *     16 K    459.1 MB   11.9 MB   1.74 s
 *     32 K    457.7      13.8      1.62        463.3 MB   15.3 MB   1.45 s
 *     64 K    457.4      18.1      1.63        461.1      19.2      1.44
 *
 * Beyond 32 K the days grow by more than the first backup shrinks. */
const struct chunking CHUNKING_DATABASE = {
    .minimum = 32 * 1024, .average = 32 * 1024, .maximum = 32 * 1024};
/* Of whole chunks. A row that PostgreSQL updates moves to another page, so that a dump loses it in
 * one place and gains it in another: large chunks are nearly all new the next night. Measured by
 * tests/bench/dump-chunks with zstd -3: pgbench (dump of 203 MB; then transactions on 0.5 % of the
 * accounts, at random) and a shop's customers and work orders (88 MB; 1 % changed, the newest
 * mostly, 0.3 % more):
 *
 *     average   first   new chunks   night      first    new chunks   night
 *               pgbench                         shop
 *         4 K   12.9 MB     45 %    7.2 MB     34.2 MB      8 %       3.3 MB
 *         8 K    7.4        65 %    5.8        29.7        13 %       4.3
 *        16 K    4.6        87 %    4.9        26.9        21 %       6.1
 *        32 K    3.4        97 %    4.2        25.6        34 %       9.6
 *        64 K    2.9       100 %    3.7        25.2        52 %      14.1
 *       128 K    2.7       100 %    3.4        26.7        73 %      20.6
 *
 * pgbench's rows are blanks: what its nights cost is the chunks' own overhead. 8 K sends a third
 * less for the shop, but needs twice the map of contents and the time (9.0 s for 615 MB against 5.1
 * s at 16 K, 3.9 s at 32 K). A dictionary saves 7 % of the first backup at 4 K, 2 % at 8 K, and
 * loses from 16 K on: none is made. */
const struct chunking CHUNKING_DUMP = {
    .minimum = 4 * 1024, .average = 16 * 1024, .maximum = 64 * 1024};

/* Where parts of chunks are used, nights hardly depend on their size. */
const struct chunking CHUNKING_PARTED = {
    .minimum = 32 * 1024, .average = 64 * 1024, .maximum = 256 * 1024};

#define TABLE_DOMAIN "kura/1 chunker table"
#define NORMALISATION 4

struct chunker {
    uint64_t table[256];
    uint64_t hard; /* a boundary before the average: hash below this */
    uint64_t easy; /* a boundary behind the average */
    size_t minimum;
    size_t average;
    size_t maximum;
};

static void table_derive(uint64_t table[256], const unsigned char key[CHUNK_KEY_SIZE])
{
    unsigned char stream_key[crypto_stream_chacha20_ietf_KEYBYTES];
    static const unsigned char nonce[crypto_stream_chacha20_ietf_NONCEBYTES];
    unsigned char bytes[256 * 8];
    crypto_generichash(stream_key, sizeof stream_key, (const unsigned char *)TABLE_DOMAIN,
                       sizeof TABLE_DOMAIN - 1, key, CHUNK_KEY_SIZE);
    crypto_stream_chacha20_ietf(bytes, sizeof bytes, nonce, stream_key);
    for (size_t i = 0; i < 256; i++) {
        table[i] = 0;
        for (size_t j = 0; j < 8; j++) {
            table[i] |= (uint64_t)bytes[8 * i + j] << (8 * j);
        }
    }
    sodium_memzero(bytes, sizeof bytes);
    sodium_memzero(stream_key, sizeof stream_key);
}

enum status chunker_new(struct chunker **chunker, const unsigned char key[CHUNK_KEY_SIZE],
                        struct chunking chunking, struct error *error)
{
    if (chunking.minimum == 0 || chunking.minimum > chunking.average ||
        chunking.average > chunking.maximum || chunking.maximum > CHUNK_MAXIMUM ||
        (chunking.minimum != chunking.maximum && chunking.average < 4 * NORMALISATION)) {
        return error_set(error, STATUS_FAILED, 0, _("no chunks can be cut to %u, %u, %u bytes"),
                         chunking.minimum, chunking.average, chunking.maximum);
    }
    struct chunker *made = malloc(sizeof *made);
    if (made == NULL) {
        return error_set_memory(error);
    }
    table_derive(made->table, key);
    made->hard = UINT64_MAX / chunking.average / NORMALISATION;
    made->easy = UINT64_MAX / chunking.average * NORMALISATION;
    made->minimum = chunking.minimum;
    made->average = chunking.average;
    made->maximum = chunking.maximum;
    *chunker = made;
    return STATUS_OK;
}

void chunker_free(struct chunker *chunker)
{
    if (chunker != NULL) {
        sodium_memzero(chunker, sizeof *chunker);
        free(chunker);
    }
}

/* Scans [from, to) and returns the position behind the boundary, or 0. */
static size_t scan(const uint64_t table[static 256], const unsigned char *data, size_t from,
                   size_t to, uint64_t threshold, uint64_t *hash)
{
    uint64_t rolling = *hash;
    for (size_t i = from; i < to; i++) {
        rolling = (rolling << 1) + table[data[i]];
        if (rolling < threshold) {
            return i + 1;
        }
    }
    *hash = rolling;
    return 0;
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

size_t chunker_cut(const struct chunker *chunker, const unsigned char *data, size_t size,
                   struct chunker_state *state)
{
    if (chunker->minimum == chunker->maximum) {
        return size >= chunker->maximum ? chunker->maximum : 0;
    }
    size_t at = state->scanned < chunker->minimum ? chunker->minimum : state->scanned;
    size_t end = smaller(size, chunker->maximum);
    size_t middle = smaller(end, chunker->average);
    if (at < middle) {
        size_t found = scan(chunker->table, data, at, middle, chunker->hard, &state->hash);
        if (found != 0) {
            return found;
        }
        at = middle;
    }
    if (at < end) {
        size_t found = scan(chunker->table, data, at, end, chunker->easy, &state->hash);
        if (found != 0) {
            return found;
        }
        at = end;
    }
    state->scanned = at;
    return size >= chunker->maximum ? chunker->maximum : 0;
}
