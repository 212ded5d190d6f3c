// room: repo
/* A pack of any bytes; and a directory of any content under the right seal: whatever is accepted
 * lies within the pack, one chunk after the other. */
#include "../../src/repo/repo_private.h"
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look(const struct repo *repo, const struct buffer *bytes)
{
    struct error error;
    struct index_pack pack = {0};
    if (pack_directory(&pack, repo, bytes, &error) == STATUS_OK) {
        uint64_t end = 0;
        for (uint32_t i = 0; i < pack.count; i++) {
            if (pack.chunks[i].offset != end) {
                abort();
            }
            end += pack.chunks[i].size;
        }
        if (pack.count == 0 || end > bytes->size) {
            abort();
        }
    }
    free(pack.chunks);
}

/* The first two bytes say how long the chunks are together; the rest is the directory. */
static void look_under_seal(const struct repo *repo, const uint8_t *data, size_t size)
{
    struct error error;
    struct buffer bytes = {0};
    uint32_t chunks = size < 2 ? 0 : data[0] + 256u * data[1];
    size_t skip = size < 2 ? size : 2;
    unsigned char context[SEAL_CONTEXT_LIMIT];
    size_t context_size = seal_context(context, repo, OBJECT_PACK);
    unsigned char *key = seal_key(repo, OBJECT_PACK);
    if (buffer_reserve(&bytes, chunks + size + 64, &error) == STATUS_OK) {
        memset(bytes.data, 0, chunks);
        bytes.size = chunks;
        if (seal(&bytes, key, data + skip, size - skip, context, context_size, &error) ==
                STATUS_OK &&
            buffer_append_u32(&bytes, chunks, &error) == STATUS_OK &&
            buffer_append(&bytes, "kura/1 pack\n", 12, &error) == STATUS_OK) {
            look(repo, &bytes);
        }
    }
    secret_free(key);
    buffer_free(&bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct repo repo;
    struct error error;
    if (repo.secret == NULL) {
        if (sodium_init() < 0) {
            abort();
        }
        repo.secret = secret_new(REPOSITORY_SECRET_SIZE);
        memset(repo.secret, 1, REPOSITORY_SECRET_SIZE);
    }
    struct buffer bytes = {0};
    if (buffer_append(&bytes, data, size, &error) == STATUS_OK) {
        look(&repo, &bytes);
    }
    buffer_free(&bytes);
    look_under_seal(&repo, data, size);
    return 0;
}
