// room: repo
/* The envelope of sealed objects and of chunks: any bytes are refused; any bytes under the right
 * seal give what the length in front of them says, and never more than there is. The first byte
 * chooses the kind. */
#include "../../src/repo/repo_private.h"
#include "../../src/repo/sealed.h"
#include "fuzz.h"

static const struct repo *repository(void)
{
    static struct repo repo;
    if (repo.secret == NULL) {
        repo.secret = secret_new(REPOSITORY_SECRET_SIZE);
        memset(repo.secret, 1, REPOSITORY_SECRET_SIZE);
    }
    return &repo;
}

static void open_bare(enum object_kind kind, const uint8_t *data, size_t size)
{
    struct error error = {0};
    struct buffer bytes = {0};
    struct buffer content = {0};
    fuzz_must(buffer_append(&bytes, data, size, &error) == STATUS_OK);
    fuzz_must(object_unseal(&content, repository(), kind, &bytes, &error) != STATUS_OK);
    buffer_free(&content);
    buffer_free(&bytes);
}

static void open_sealed(enum object_kind kind, const uint8_t *data, size_t size)
{
    struct error error = {0};
    struct buffer bytes = {0};
    struct buffer content = {0};
    unsigned char context[SEAL_CONTEXT_LIMIT];
    size_t context_size = seal_context(context, repository(), kind);
    unsigned char *key = seal_key(repository(), kind);
    fuzz_must(buffer_append(&bytes, "kura/1 seal\n", 12, &error) == STATUS_OK &&
              seal(&bytes, key, data, size, context, context_size, &error) == STATUS_OK);
    struct cursor cursor = {data, size};
    uint64_t length = 0;
    bool good = cursor_u64(&cursor, &length) && length <= cursor.left;
    enum status status = object_unseal(&content, repository(), kind, &bytes, &error);
    fuzz_must((status == STATUS_OK) == good);
    fuzz_must(!good || (content.size == length &&
                        (length == 0 || memcmp(content.data, data + 8, length) == 0)));
    /* An object in the place of one of another kind. */
    enum object_kind other = kind == OBJECT_INDEX ? OBJECT_STATEMENT : OBJECT_INDEX;
    fuzz_must(object_unseal(&content, repository(), other, &bytes, &error) == STATUS_CORRUPT ||
              size < 8);
    secret_free(key);
    buffer_free(&content);
    buffer_free(&bytes);
}

static void open_chunk(const uint8_t *data, size_t size)
{
    struct error error = {0};
    struct buffer plain = {0};
    struct buffer sealed = {0};
    const struct chunk_reference reference = {.key = {5}, .size = 1};
    unsigned char id[CHUNK_ID_SIZE];
    unsigned char context[CHUNK_CONTEXT_SIZE];
    chunk_reference_id(id, &reference);
    chunk_context(context, repo_id(repository()), id);
    fuzz_must(sealed_open(&plain, repository(), &reference, data, size, &error) == STATUS_CORRUPT);
    fuzz_must(seal(&sealed, reference.key, data, size, context, sizeof context, &error) ==
              STATUS_OK);
    enum status status =
        sealed_open(&plain, repository(), &reference, sealed.data, sealed.size, &error);
    bool good = sealed.size >= SEALED_CHUNK_MINIMUM && sealed.size <= SEALED_CHUNK_MAXIMUM;
    fuzz_must((status == STATUS_OK) == good);
    fuzz_must(!good || (plain.size == size && memcmp(plain.data, data, size) == 0));
    buffer_free(&plain);
    buffer_free(&sealed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum object_kind kinds[] = {OBJECT_STATEMENT, OBJECT_REFERENCES, OBJECT_INDEX};
    if (size == 0) {
        return 0;
    }
    fuzz_start();
    unsigned choice = data[0] & 3;
    if (choice == LENGTH(kinds)) {
        open_chunk(data + 1, size - 1);
    } else {
        open_bare(kinds[choice], data + 1, size - 1);
        open_sealed(kinds[choice], data + 1, size - 1);
    }
    return 0;
}
