/* fragment_cut: where fragments end. A dump is rows, and rows are what changes: so a fragment ends
 * behind a row, and which rows end one, their own content decides. What has long rows is cut within
 * them as any other content is. */
#include "fragments.h"
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

/* Bytes of a fragment of short rows. Measured by tests/bench/dump-nights: pgbench (186 MB as text;
 * 1 % of the accounts a night, at random; what changed makes 0.48 MB by itself) and a shop's
 * customers and work orders (83 MB; 1.3 % a night), MB that three nights sent, and what they are
 * remembered by:
 *
 *     average       first   nights            memory    first   nights            memory
 *        96 B        2.95   0.69  0.76  0.82    41       25.4   0.28  0.23  0.23    11
 *       192          2.95   0.94  1.12  1.25    26       25.4   0.31  0.27  0.27     9
 *       400          2.95   1.19  1.46  1.66    16       25.4   0.45  0.43  0.44     5
 *     whole chunks   4.28   4.69  5.15  5.55     3       26.8   6.12  6.22  6.25     1
 */
#define AVERAGE 192u
#define LONG (4 * 1024u)

static const struct chunking WITHIN_LONG = {.minimum = 256, .average = 1024, .maximum = LONG};

struct fragment_cutter {
    struct chunker *chunker; /* of long rows */
    unsigned char key[crypto_shorthash_KEYBYTES];
};

enum status fragment_cutter_new(struct fragment_cutter **cutter, const unsigned char *key,
                                struct error *error)
{
    struct fragment_cutter *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return error_set_memory(error);
    }
    crypto_generichash(made->key, sizeof made->key, (const unsigned char *)"kura/1 rows", 11, key,
                       SUBKEY_SIZE);
    enum status status = chunker_new(&made->chunker, key, WITHIN_LONG, error);
    if (status != STATUS_OK) {
        free(made);
        return status;
    }
    *cutter = made;
    return STATUS_OK;
}

void fragment_cutter_free(struct fragment_cutter *cutter)
{
    if (cutter != NULL) {
        chunker_free(cutter->chunker);
        sodium_memzero(cutter, sizeof *cutter);
        free(cutter);
    }
}

/* In proportion to its length, so that fragments are of the same average whatever rows are. */
static bool row_ends_fragment(const struct fragment_cutter *cutter, const unsigned char *row,
                              size_t size)
{
    unsigned char digest[crypto_shorthash_BYTES];
    crypto_shorthash(digest, row, size, cutter->key);
    uint32_t draw = digest[0] | (uint32_t)digest[1] << 8;
    return draw * AVERAGE < size << 16;
}

size_t fragment_cut(const struct fragment_cutter *cutter, const unsigned char *data, size_t size,
                    size_t *row)
{
    size_t end = size < LONG ? size : LONG;
    const unsigned char *found = NULL;
    while (*row < end && (found = memchr(data + *row, '\n', end - *row)) != NULL) {
        size_t next = (size_t)(found - data) + 1;
        bool ends = row_ends_fragment(cutter, data + *row, next - *row);
        *row = next;
        if (ends) {
            return next;
        }
    }
    struct chunker_state state = {0};
    return size < LONG ? 0 : chunker_cut(cutter->chunker, data, size, &state);
}
