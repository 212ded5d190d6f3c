/* sftp_keystream: AES-128 in counter mode for those who ask for one block at a time, as libssh2
 * before 1.11 does: it hands OpenSSL 16 bytes a call, and the call costs more than encrypting them.
 * Here the key stream is made by OpenSSL's own cipher, STREAM_SIZE bytes ahead, and a call takes
 * its bytes from there. The result is the same, byte for byte.
 *
 * It is a provider within this process that offers the cipher under its usual name and is preferred
 * for it. If it cannot be loaded, OpenSSL's own cipher serves as before. It offers this one cipher
 * only, which we propose first to a server: OpenSSL's random generator runs on AES-256.
 */
#include "sftp_session.h"
#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/provider.h>
#include <stdlib.h>
#include <string.h>

#define STREAM_SIZE 4096u
#define KEY_SIZE 16u
#define BLOCK_SIZE 16u
#define NAME "AES-128-CTR"
#define PROVIDER "kura"

struct keystream {
    EVP_CIPHER_CTX *maker;
    size_t used;
    unsigned char bytes[STREAM_SIZE];
};

static void keystream_free(void *context)
{
    struct keystream *stream = context;
    if (stream != NULL) {
        EVP_CIPHER_CTX_free(stream->maker);
        OPENSSL_cleanse(stream, sizeof *stream);
        free(stream);
    }
}

static void *keystream_new(void *provider)
{
    (void)provider;
    EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, NAME, "provider=default");
    struct keystream *stream = calloc(1, sizeof *stream);
    bool made = cipher != NULL && stream != NULL &&
                (stream->maker = EVP_CIPHER_CTX_new()) != NULL &&
                EVP_EncryptInit_ex2(stream->maker, cipher, NULL, NULL, NULL) == 1;
    EVP_CIPHER_free(cipher);
    if (!made) {
        keystream_free(stream);
        return NULL;
    }
    stream->used = STREAM_SIZE;
    return stream;
}

/* Encrypting and decrypting are the same. Key and counter may come one after the other. */
static int keystream_start(void *context, const unsigned char *key, size_t key_size,
                           const unsigned char *iv, size_t iv_size, const OSSL_PARAM params[])
{
    (void)params;
    struct keystream *stream = context;
    if ((key != NULL && key_size != KEY_SIZE) || (iv != NULL && iv_size != BLOCK_SIZE)) {
        return 0;
    }
    stream->used = STREAM_SIZE;
    return EVP_EncryptInit_ex2(stream->maker, NULL, key, iv, NULL);
}

static bool keystream_refill(struct keystream *stream)
{
    static const unsigned char zeros[STREAM_SIZE];
    int size = 0;
    stream->used = 0;
    return EVP_EncryptUpdate(stream->maker, stream->bytes, &size, zeros, STREAM_SIZE) == 1 &&
           size == (int)STREAM_SIZE;
}

/* `mask` is XORed to the bytes; they may lie in place. */
static inline void mix8(unsigned char *out, const unsigned char *in, const unsigned char *mask)
{
    uint64_t bytes;
    uint64_t key;
    memcpy(&bytes, in, sizeof bytes);
    memcpy(&key, mask, sizeof key);
    bytes ^= key;
    memcpy(out, &bytes, sizeof bytes);
}

static void mix(unsigned char *out, const unsigned char *in, const unsigned char *mask, size_t size)
{
    for (; size >= 8; size -= 8, out += 8, in += 8, mask += 8) {
        mix8(out, in, mask);
    }
    for (size_t i = 0; i < size; i++) {
        out[i] = in[i] ^ mask[i];
    }
}

static int run_any(struct keystream *stream, unsigned char *out, const unsigned char *in,
                   size_t size)
{
    while (size > 0) {
        if (stream->used == STREAM_SIZE && !keystream_refill(stream)) {
            return 0;
        }
        size_t left = STREAM_SIZE - stream->used;
        size_t take = size < left ? size : left;
        mix(out, in, stream->bytes + stream->used, take);
        stream->used += take;
        out += take;
        in += take;
        size -= take;
    }
    return 1;
}

static int keystream_run(void *context, unsigned char *out, size_t *out_size, size_t room,
                         const unsigned char *in, size_t size)
{
    struct keystream *stream = context;
    if (room < size) {
        return 0;
    }
    *out_size = size;
    if (size != BLOCK_SIZE || STREAM_SIZE - stream->used < BLOCK_SIZE) {
        return run_any(stream, out, in, size);
    }
    const unsigned char *mask = stream->bytes + stream->used;
    mix8(out, in, mask);
    mix8(out + 8, in + 8, mask + 8);
    stream->used += BLOCK_SIZE;
    return 1;
}

/* OpenSSL's prototype. NOLINTNEXTLINE(readability-non-const-parameter) */
static int keystream_end(void *context, unsigned char *out, size_t *out_size, size_t room)
{
    (void)context;
    (void)out;
    (void)room;
    *out_size = 0;
    return 1;
}

/* ------------------------------------------------------------------ what OpenSSL asks */

static int tell_size(OSSL_PARAM params[], const char *what, size_t value)
{
    OSSL_PARAM *param = OSSL_PARAM_locate(params, what);
    return param == NULL || OSSL_PARAM_set_size_t(param, value);
}

static int describe(OSSL_PARAM params[])
{
    OSSL_PARAM *mode = OSSL_PARAM_locate(params, OSSL_CIPHER_PARAM_MODE);
    return tell_size(params, OSSL_CIPHER_PARAM_KEYLEN, KEY_SIZE) &&
           tell_size(params, OSSL_CIPHER_PARAM_IVLEN, BLOCK_SIZE) &&
           tell_size(params, OSSL_CIPHER_PARAM_BLOCK_SIZE, 1) &&
           (mode == NULL || OSSL_PARAM_set_uint(mode, EVP_CIPH_CTR_MODE));
}

static int describe_context(void *context, OSSL_PARAM params[])
{
    (void)context;
    return describe(params);
}

#define FUNCTION(id, name)                                                                         \
    {                                                                                              \
        OSSL_FUNC_##id, (void (*)(void))(name)                                                     \
    }

static const OSSL_ALGORITHM *offer(void *provider, int operation, int *no_cache)
{
    static const OSSL_DISPATCH functions[] = {FUNCTION(CIPHER_NEWCTX, keystream_new),
                                              FUNCTION(CIPHER_FREECTX, keystream_free),
                                              FUNCTION(CIPHER_ENCRYPT_INIT, keystream_start),
                                              FUNCTION(CIPHER_DECRYPT_INIT, keystream_start),
                                              FUNCTION(CIPHER_UPDATE, keystream_run),
                                              FUNCTION(CIPHER_FINAL, keystream_end),
                                              FUNCTION(CIPHER_CIPHER, keystream_run),
                                              FUNCTION(CIPHER_GET_PARAMS, describe),
                                              FUNCTION(CIPHER_GET_CTX_PARAMS, describe_context),
                                              {0, NULL}};
    static const OSSL_ALGORITHM ciphers[] = {{NAME, "provider=" PROVIDER, functions, NULL},
                                             {NULL, NULL, NULL, NULL}};
    (void)provider;
    *no_cache = 0;
    return operation == OSSL_OP_CIPHER ? ciphers : NULL;
}

static int start_provider(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *core,
                          const OSSL_DISPATCH **functions, void **provider)
{
    static const OSSL_DISPATCH own[] = {FUNCTION(PROVIDER_QUERY_OPERATION, offer), {0, NULL}};
    static char nothing;
    (void)handle;
    (void)core;
    *functions = own;
    *provider = &nothing;
    return 1;
}

static OSSL_PROVIDER *loaded; /* until the process ends */

static void stop_provider(void)
{
    (void)OSSL_PROVIDER_unload(loaded);
}

void sftp_keystream_prefer(void)
{
    if (OSSL_PROVIDER_add_builtin(NULL, PROVIDER, start_provider) != 1) {
        return;
    }
    loaded = OSSL_PROVIDER_try_load(NULL, PROVIDER, 1);
    if (loaded != NULL) {
        (void)OPENSSL_atexit(stop_provider);
        (void)EVP_set_default_properties(NULL, "?provider=" PROVIDER);
    }
}
