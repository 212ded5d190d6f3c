/* login_key: an SSH key pair from a seed, so that a kit carries 32 bytes and not a file.
 *
 * The private key is the container that OpenSSH writes (PROTOCOL.key), without a passphrase:
 *
 *   "openssh-key-v1" 0 | string "none" | string "none" | string "" | uint32 1
 *   | string (string "ssh-ed25519" | string public)
 *   | string (uint32 check | uint32 check | string "ssh-ed25519" | string public
 *             | string seed+public | string comment | 1 2 3 … up to a multiple of 8)
 *
 * Integers are big-endian; a string is its length and its bytes. The same seed gives the same text:
 * `check` is taken from the public key.
 */
#include "sftp_wire.h"
#include "store_private.h"
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define KEY_TYPE "ssh-ed25519"
#define COMMENT "kura"
#define HEAD "-----BEGIN OPENSSH PRIVATE KEY-----\n"
#define TAIL "-----END OPENSSH PRIVATE KEY-----\n"
#define PUBLIC_BLOB_SIZE (4 + sizeof KEY_TYPE - 1 + 4 + crypto_sign_PUBLICKEYBYTES)
#define CONTAINER_LIMIT 512
#define LINE_SIZE 70

/* Bytes being written into memory that is known to suffice. */
struct writer {
    unsigned char *at;
    size_t size;
};

static void write_bytes(struct writer *writer, const void *data, size_t size)
{
    memcpy(writer->at + writer->size, data, size);
    writer->size += size;
}

static void write_u32(struct writer *writer, uint32_t value)
{
    unsigned char bytes[4];
    wire_put_u32(bytes, value);
    write_bytes(writer, bytes, sizeof bytes);
}

static void write_string(struct writer *writer, const void *data, size_t size)
{
    write_u32(writer, (uint32_t)size);
    write_bytes(writer, data, size);
}

static void write_public(struct writer *writer, const unsigned char *public_key)
{
    write_string(writer, KEY_TYPE, sizeof KEY_TYPE - 1);
    write_string(writer, public_key, crypto_sign_PUBLICKEYBYTES);
}

static void write_private(struct writer *writer, const unsigned char *public_key,
                          const unsigned char *secret_key)
{
    unsigned char check[crypto_generichash_BYTES_MIN];
    crypto_generichash(check, sizeof check, public_key, crypto_sign_PUBLICKEYBYTES, NULL, 0);
    size_t start = writer->size;
    write_u32(writer, 0); /* the length, known at the end */
    size_t content = writer->size;
    write_bytes(writer, check, 4);
    write_bytes(writer, check, 4);
    write_public(writer, public_key);
    write_string(writer, secret_key, crypto_sign_SECRETKEYBYTES);
    write_string(writer, COMMENT, sizeof COMMENT - 1);
    for (unsigned char pad = 1; (writer->size - content) % 8 != 0; pad++) {
        write_bytes(writer, &pad, 1);
    }
    size_t end = writer->size;
    writer->size = start;
    write_u32(writer, (uint32_t)(end - content));
    writer->size = end;
}

static enum status write_pem(struct secret_text *private_key, const struct writer *container,
                             struct error *error)
{
    size_t capacity = sodium_base64_ENCODED_LEN(CONTAINER_LIMIT, sodium_base64_VARIANT_ORIGINAL);
    CLEANUP(secret_free_pointer) char *text = secret_new(capacity);
    sodium_bin2base64(text, capacity, container->at, container->size,
                      sodium_base64_VARIANT_ORIGINAL);
    enum status status = secret_text_new(private_key, 2 * capacity, error);
    if (status == STATUS_OK) {
        status = secret_text_append(private_key, HEAD, sizeof HEAD - 1, error);
    }
    size_t left = strlen(text);
    for (const char *line = text; left > 0 && status == STATUS_OK;) {
        size_t size = left < LINE_SIZE ? left : LINE_SIZE;
        status = secret_text_append(private_key, line, size, error);
        if (status == STATUS_OK) {
            status = secret_text_append(private_key, "\n", 1, error);
        }
        line += size;
        left -= size;
    }
    if (status == STATUS_OK) {
        status = secret_text_append(private_key, TAIL, sizeof TAIL - 1, error);
    }
    if (status != STATUS_OK) {
        secret_text_free(private_key);
    }
    return status;
}

enum status store_login_key(struct secret_text *private_key, char public_line[128],
                            const unsigned char seed[32], struct error *error)
{
    unsigned char public_key[crypto_sign_PUBLICKEYBYTES];
    CLEANUP(secret_free_pointer) unsigned char *secret_key = secret_new(crypto_sign_SECRETKEYBYTES);
    if (crypto_sign_seed_keypair(public_key, secret_key, seed) != 0) {
        return error_set(error, STATUS_FAILED, 0, "%s", _("a login key cannot be made"));
    }
    unsigned char blob[PUBLIC_BLOB_SIZE];
    struct writer public_writer = {.at = blob};
    write_public(&public_writer, public_key);

    CLEANUP(secret_free_pointer) unsigned char *bytes = secret_new(CONTAINER_LIMIT);
    struct writer container = {.at = bytes};
    write_bytes(&container, "openssh-key-v1", sizeof "openssh-key-v1");
    write_string(&container, "none", 4);
    write_string(&container, "none", 4);
    write_string(&container, "", 0);
    write_u32(&container, 1);
    write_string(&container, blob, sizeof blob);
    write_private(&container, public_key, secret_key);

    char text[sodium_base64_ENCODED_LEN(sizeof blob, sodium_base64_VARIANT_ORIGINAL)];
    sodium_bin2base64(text, sizeof text, blob, sizeof blob, sodium_base64_VARIANT_ORIGINAL);
    snprintf(public_line, 128, KEY_TYPE " %s " COMMENT, text);
    return write_pem(private_key, &container, error);
}
