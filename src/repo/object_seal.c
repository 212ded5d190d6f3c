/* object_seal: sealed objects, as FORMAT.md draws them, and the subkeys of the repository. */
#include "repo_private.h"
#include <sodium.h>
#include <stdio.h>
#include <string.h>

static const char MAGIC[] = "kura/1 seal\n";
#define MAGIC_SIZE (sizeof MAGIC - 1)
#define LENGTH_SIZE 8

void repo_subkey(unsigned char key[SUBKEY_SIZE], const struct repo *repo, const char *use)
{
    char label[128];
    snprintf(label, sizeof label, "kura/1 %s", use);
    key_derive(key, repo->secret, REPOSITORY_SECRET_SIZE, label);
}

static const char *seal_word(enum object_kind kind)
{
    return kind == OBJECT_STATEMENT    ? "statement"
           : kind == OBJECT_REFERENCES ? "references"
           : kind == OBJECT_INDEX      ? "index"
           : kind == OBJECT_REGISTER   ? "register"
                                       : "pack";
}

unsigned char *seal_key(const struct repo *repo, enum object_kind kind)
{
    char use[32];
    snprintf(use, sizeof use, "seal %s", seal_word(kind));
    unsigned char *key = secret_new(SUBKEY_SIZE);
    repo_subkey(key, repo, use);
    return key;
}

size_t seal_context(unsigned char context[SEAL_CONTEXT_LIMIT], const struct repo *repo,
                    enum object_kind kind)
{
    int written = snprintf((char *)context, SEAL_CONTEXT_LIMIT - REPOSITORY_ID_SIZE, "kura/1 %s\n",
                           seal_word(kind));
    memcpy(context + written, repo->id, REPOSITORY_ID_SIZE);
    return (size_t)written + REPOSITORY_ID_SIZE;
}

enum status object_seal(struct buffer *bytes, const struct repo *repo, enum object_kind kind,
                        const struct buffer *content, struct error *error)
{
    uint64_t bare = MAGIC_SIZE + SEAL_OVERHEAD + LENGTH_SIZE + (uint64_t)content->size;
    uint64_t padded = padme(bare);
    if (content->size > OBJECT_LIMIT || padded > OBJECT_LIMIT) {
        return error_set(error, STATUS_FAILED, 0, "%s", _("an object would be too long"));
    }
    CLEANUP(buffer_free) struct buffer plain = {0};
    size_t plain_size = (size_t)padded - MAGIC_SIZE - SEAL_OVERHEAD;
    buffer_clear(bytes);
    enum status status = buffer_reserve(&plain, plain_size, error);
    if (status == STATUS_OK) {
        status = buffer_append_u64(&plain, content->size, error);
    }
    if (status == STATUS_OK) {
        status = buffer_append(&plain, content->data, content->size, error);
    }
    if (status == STATUS_OK) {
        memset(plain.data + plain.size, 0, plain_size - plain.size);
        status = buffer_reserve(bytes, (size_t)padded, error);
    }
    if (status == STATUS_OK) {
        status = buffer_append(bytes, MAGIC, MAGIC_SIZE, error);
    }
    if (status != STATUS_OK) {
        return status;
    }
    unsigned char context[SEAL_CONTEXT_LIMIT];
    size_t context_size = seal_context(context, repo, kind);
    CLEANUP(secret_free_pointer) unsigned char *key = seal_key(repo, kind);
    return seal(bytes, key, plain.data, plain_size, context, context_size, error);
}

enum status object_unseal(struct buffer *content, const struct repo *repo, enum object_kind kind,
                          const struct buffer *bytes, struct error *error)
{
    if (bytes->size < MAGIC_SIZE + SEAL_OVERHEAD + LENGTH_SIZE || bytes->size > OBJECT_LIMIT) {
        return error_set(error, STATUS_CORRUPT, 0, "%s",
                         _("this is too short or too long for a sealed object"));
    }
    if (memcmp(bytes->data, MAGIC, MAGIC_SIZE) != 0) {
        return error_set(error, STATUS_UNSUPPORTED, 0, "%s",
                         _("this is not a sealed object of this version of the format"));
    }
    size_t sealed_size = bytes->size - MAGIC_SIZE;
    size_t plain_size = sealed_size - SEAL_OVERHEAD;
    buffer_clear(content);
    enum status status = buffer_reserve(content, plain_size, error);
    if (status != STATUS_OK) {
        return status;
    }
    /* Bound to the kind and the repository: an object cannot be put in another's place. */
    unsigned char context[SEAL_CONTEXT_LIMIT];
    size_t context_size = seal_context(context, repo, kind);
    CLEANUP(secret_free_pointer) unsigned char *key = seal_key(repo, kind);
    status = seal_open(content->data, key, bytes->data + MAGIC_SIZE, sealed_size, context,
                       context_size, error);
    if (status != STATUS_OK) {
        return error_set(error, STATUS_CORRUPT, 0, "%s",
                         _("this was not sealed with the secret of this repository, or not as an "
                           "object of this kind"));
    }
    struct cursor cursor = {content->data, plain_size};
    uint64_t length = 0;
    if (!cursor_u64(&cursor, &length) || length > cursor.left) {
        return error_set(error, STATUS_CORRUPT, 0, "%s",
                         _("a sealed object says that it is longer than it is"));
    }
    memmove(content->data, cursor.at, (size_t)length);
    content->size = (size_t)length;
    return STATUS_OK;
}
