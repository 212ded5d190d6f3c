// room: keys
/* Any bytes as a token, and as what a token says. The first byte chooses. A token has one text:
 * what verifies is exactly what signing its payload again gives. */
#include "fuzz_keys.h"
#include "kura/signed.h"

#define IMPLICIT "carry-v1|host|digest"

static void read_token(const char *token, size_t size)
{
    struct error error = {0};
    struct buffer payload = {0};
    struct buffer again = {0};
    struct buffer peeked = {0};
    char id[PASERK_ID_SIZE];
    char own[PASERK_ID_SIZE];
    enum status named = paseto_key_id(id, token, size, &error);
    fuzz_must(named != STATUS_OK || strlen(id) == PASERK_ID_SIZE - 1);
    enum status seen = paseto_peek(&peeked, token, size, &error);
    fuzz_must(peeked.size <= size && (seen != STATUS_OK || peeked.data[peeked.size] == '\0'));
    if (paseto_verify(&payload, token, size, fuzz_signer()->public_key, IMPLICIT, &error) ==
        STATUS_OK) {
        paserk_id(own, fuzz_signer()->public_key);
        fuzz_must(seen == STATUS_OK && peeked.size == payload.size &&
                  memcmp(peeked.data, payload.data, payload.size) == 0);
        fuzz_must(named == STATUS_OK && strcmp(id, own) == 0 &&
                  payload.data[payload.size] == '\0' &&
                  paseto_sign(&again, fuzz_signer(), payload.data, payload.size, IMPLICIT,
                              &error) == STATUS_OK &&
                  again.size == size && memcmp(again.data, token, size) == 0);
    }
    buffer_free(&payload);
    buffer_free(&again);
    buffer_free(&peeked);
}

/* Signed, it comes back; with one character changed, it does not. */
static void round_trip(const uint8_t *data, size_t size)
{
    struct error error = {0};
    struct buffer token = {0};
    struct buffer payload = {0};
    fuzz_must(paseto_sign(&token, fuzz_signer(), data, size, IMPLICIT, &error) == STATUS_OK &&
              paseto_verify(&payload, (const char *)token.data, token.size,
                            fuzz_signer()->public_key, IMPLICIT, &error) == STATUS_OK &&
              payload.size == size && (size == 0 || memcmp(payload.data, data, size) == 0));
    size_t at = size == 0 ? 0 : (data[0] * 251u + size) % token.size;
    token.data[at] ^= 1;
    fuzz_must(paseto_verify(&payload, (const char *)token.data, token.size,
                            fuzz_signer()->public_key, IMPLICIT, &error) != STATUS_OK);
    buffer_free(&token);
    buffer_free(&payload);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_start();
    if (size == 0) {
        return 0;
    }
    if ((data[0] & 1) != 0) {
        round_trip(data + 1, size - 1);
    } else {
        read_token((const char *)data + 1, size - 1);
    }
    return 0;
}
