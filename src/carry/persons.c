/* persons: see persons.h. The sealed file:
 *
 *   nonce (24) | XChaCha20-Poly1305 of: unlinked (u64) | count (u64) | pseudonyms (16 each)
 *
 * under a subkey of the host's secret, with the carry's id as additional data. */
#include "persons.h"
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define LABEL_SEAL "kura/1 carry persons file"
#define CARRY_PERSONS_LIMIT 1000000
#define HEAD_SIZE 16 /* of the plaintext */
#define NONCE_SIZE crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define TAG_SIZE crypto_aead_xchacha20poly1305_ietf_ABYTES

enum status persons_write(const char *path, const struct persons *persons,
                          const struct host_key *host, const char *carry, struct error *error)
{
    CLEANUP(buffer_free) struct buffer plain = {0};
    CLEANUP(buffer_free) struct buffer sealed = {0};
    unsigned long long size = 0;
    enum status status = buffer_append_u64(&plain, persons->unlinked, error);
    if (status == STATUS_OK) {
        status = buffer_append_u64(&plain, persons->count, error);
    }
    if (status == STATUS_OK) {
        status = buffer_append(&plain, persons->ids, persons->count * PERSON_SIZE, error);
    }
    if (status == STATUS_OK) {
        status = buffer_reserve(&sealed, NONCE_SIZE + plain.size + TAG_SIZE, error);
    }
    if (status != STATUS_OK) {
        return status;
    }
    unsigned char *key = secret_new(SUBKEY_SIZE);
    key_derive(key, host->secret, REPOSITORY_SECRET_SIZE, LABEL_SEAL);
    randombytes_buf(sealed.data, NONCE_SIZE);
    crypto_aead_xchacha20poly1305_ietf_encrypt(sealed.data + NONCE_SIZE, &size, plain.data,
                                               plain.size, (const unsigned char *)carry,
                                               strlen(carry), NULL, sealed.data, key);
    secret_free(key);
    return file_write(path, sealed.data, NONCE_SIZE + (size_t)size, 0600, FILE_REPLACE_EXISTING,
                      error);
}

static enum status damaged(const char *path, struct error *error)
{
    return error_set(error, STATUS_CORRUPT, 0, _("the list of persons %s is damaged"), path);
}

static enum status take_plain(struct persons *persons, const struct buffer *plain, const char *path,
                              struct error *error)
{
    struct cursor cursor = {plain->data, plain->size};
    uint64_t count;
    if (!cursor_u64(&cursor, &persons->unlinked) || !cursor_u64(&cursor, &count) ||
        count > CARRY_PERSONS_LIMIT || cursor.left != count * PERSON_SIZE) {
        return damaged(path, error);
    }
    return persons_append(persons, cursor.at, (size_t)count, error);
}

enum status persons_read(struct persons *persons, const char *path, const struct host_key *host,
                         const char *carry, struct error *error)
{
    CLEANUP(buffer_free) struct buffer sealed = {0};
    CLEANUP(buffer_free) struct buffer plain = {0};
    unsigned long long size = 0;
    *persons = (struct persons){0};
    enum status status = file_read(
        &sealed, path,
        NONCE_SIZE + HEAD_SIZE + (size_t)CARRY_PERSONS_LIMIT * PERSON_SIZE + TAG_SIZE, error);
    if (status != STATUS_OK) {
        return status;
    }
    if (sealed.size < NONCE_SIZE + TAG_SIZE) {
        return damaged(path, error);
    }
    status = buffer_reserve(&plain, sealed.size, error);
    if (status != STATUS_OK) {
        return status;
    }
    unsigned char *key = secret_new(SUBKEY_SIZE);
    key_derive(key, host->secret, REPOSITORY_SECRET_SIZE, LABEL_SEAL);
    int opened = crypto_aead_xchacha20poly1305_ietf_decrypt(
        plain.data, &size, NULL, sealed.data + NONCE_SIZE, sealed.size - NONCE_SIZE,
        (const unsigned char *)carry, strlen(carry), sealed.data, key);
    secret_free(key);
    plain.size = (size_t)size;
    status = opened == 0 ? take_plain(persons, &plain, path, error) : damaged(path, error);
    if (status != STATUS_OK) {
        persons_free(persons);
    }
    return status;
}
