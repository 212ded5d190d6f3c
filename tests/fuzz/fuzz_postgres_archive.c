// room: source
/* Any bytes as what a program that is called pg_dump writes: it is judged the same in whatever
 * pieces it comes, and never runs on. */
#include "../../src/source/postgres.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct postgres_archive whole = {.fields = NULL};
    struct postgres_archive pieces = {.fields = NULL};
    postgres_archive_feed(&whole, data, size);
    for (size_t at = 0, piece = 1; at < size; at += piece, piece = piece % 7 + 1) {
        piece = piece < size - at ? piece : size - at;
        postgres_archive_feed(&pieces, data + at, piece);
    }
    if (postgres_archive_is_complete(&whole) != postgres_archive_is_complete(&pieces) ||
        whole.blocks != pieces.blocks || whole.broken != pieces.broken) {
        abort();
    }
    return 0;
}
