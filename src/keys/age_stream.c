/* age_stream: the payload's chunks, sealed and opened in their order. A chunk cannot be dropped,
 * doubled, moved or taken from another file, nor the end cut off: its number and whether it is the
 * last are in its nonce, its file in its key.
 */
#include "age_private.h"
#include "hkdf.h"
#include <sodium.h>
#include <string.h>

_Static_assert(sizeof(((struct age_stream *)0)->nonce) ==
                   crypto_aead_chacha20poly1305_IETF_NPUBBYTES,
               "the nonce must fit the AEAD");

void age_stream_start(struct age_stream *stream, const unsigned char *file_key,
                      const unsigned char nonce[AGE_NONCE_SIZE])
{
    *stream = (struct age_stream){.key = secret_new(AGE_KEY_SIZE)};
    hkdf_sha256(stream->key, AGE_KEY_SIZE,
                &(struct hkdf_input){.key = file_key,
                                     .key_size = AGE_FILE_KEY_SIZE,
                                     .salt = nonce,
                                     .salt_size = AGE_NONCE_SIZE,
                                     .info = "payload",
                                     .info_size = strlen("payload")});
}

void age_stream_free(struct age_stream *stream)
{
    secret_free(stream->key);
    *stream = (struct age_stream){0};
}

/* 2^88 chunks are more than any file has; the counter cannot come round. */
static void count(struct age_stream *stream)
{
    for (size_t i = sizeof(stream->nonce) - 1; i-- > 0;) {
        if (++stream->nonce[i] != 0) {
            return;
        }
    }
}

void age_stream_seal(struct age_stream *stream, unsigned char *target, const unsigned char *chunk,
                     size_t size, bool last)
{
    stream->nonce[sizeof(stream->nonce) - 1] = last;
    crypto_aead_chacha20poly1305_ietf_encrypt(target, NULL, chunk, size, NULL, 0, NULL,
                                              stream->nonce, stream->key);
    count(stream);
}

bool age_stream_open(struct age_stream *stream, unsigned char *target, const unsigned char *sealed,
                     size_t size, bool last)
{
    stream->nonce[sizeof(stream->nonce) - 1] = last;
    if (crypto_aead_chacha20poly1305_ietf_decrypt(target, NULL, NULL, sealed, size, NULL, 0,
                                                  stream->nonce, stream->key) != 0) {
        return false;
    }
    count(stream);
    return true;
}
