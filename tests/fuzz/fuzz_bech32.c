// room: keys
/* Any bytes as Bech32: what decodes has no second text. */
#include "../../src/keys/age_bech32.h"
#include "kura/keys.h"
#include <ctype.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void encode_again(const char *text, size_t size, const unsigned char *decoded,
                         size_t decoded_size, size_t prefix_size)
{
    char *prefix = strndup(text, prefix_size);
    char *again = malloc(size);
    if (prefix == NULL || again == NULL || BECH32_TEXT_SIZE(prefix_size, decoded_size) != size) {
        abort();
    }
    bech32_encode(again, prefix, decoded, decoded_size);
    for (size_t i = 0; i < size; i++) {
        if (tolower((unsigned char)again[i]) != tolower((unsigned char)text[i])) {
            abort();
        }
    }
    free(prefix);
    free(again);
}

/* Bytes as data under a prefix: they come back. */
static void round_trip(const uint8_t *data, size_t size)
{
    char text[BECH32_TEXT_SIZE(3, 200)];
    unsigned char decoded[200];
    size_t decoded_size = 0;
    size_t prefix_size = 0;
    size = size < sizeof(decoded) ? size : sizeof(decoded);
    bech32_encode(text, "age", data, size);
    if (!bech32_decode(decoded, sizeof(decoded), &decoded_size, &prefix_size, text,
                       BECH32_TEXT_SIZE(3, size)) ||
        decoded_size != size || (size > 0 && memcmp(decoded, data, size) != 0)) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    unsigned char decoded[64];
    size_t decoded_size = 0;
    size_t prefix_size = 0;
    struct error error = {0};
    struct age_identity identity = {0};
    if (sodium_init() < 0) {
        abort();
    }
    if (bech32_decode(decoded, sizeof(decoded), &decoded_size, &prefix_size, (const char *)data,
                      size)) {
        encode_again((const char *)data, size, decoded, decoded_size, prefix_size);
    }
    round_trip(data, size);
    if (age_identity_parse(&identity, (const char *)data, size, &error) == STATUS_OK) {
        age_identity_free(&identity);
    }
    return 0;
}
