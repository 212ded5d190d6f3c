// room: repo
/* Any bytes as an object of repository/, unproved and under the recovery key's signature: both ways
 * say the same, and another key's signature is refused. */
#include "../../src/repo/repository.h"
#include "../../src/repo/statement_private.h"
#include "fuzz_keys.h"

static void check_signed(struct buffer *object, const struct repository_record *unproved)
{
    const struct signing_key *key = fuzz_signer();
    static const unsigned char other[SIGN_PUBLIC_SIZE] = {9};
    struct error error = {0};
    struct buffer message = {0};
    struct repository_record record = {0};
    fuzz_must(repository_decode(&record, object, key->public_key, &error) == STATUS_UNAUTHENTIC);
    fuzz_must(statement_signed_bytes(&message, unproved->id, object->data + SIGN_SIZE,
                                     object->size - SIGN_SIZE, &error) == STATUS_OK &&
              sign(object->data, key, "kura/1 repository", message.data, message.size, &error) ==
                  STATUS_OK);
    fuzz_must(repository_decode(&record, object, key->public_key, &error) == STATUS_OK &&
              memcmp(record.id, unproved->id, sizeof record.id) == 0 &&
              memcmp(record.check, unproved->check, sizeof record.check) == 0);
    fuzz_must(repository_decode(&record, object, other, &error) == STATUS_UNAUTHENTIC);
    buffer_free(&message);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error error = {0};
    struct buffer object = {0};
    struct repository_record record = {0};
    static const unsigned char signature[SIGN_SIZE];
    fuzz_start();
    fuzz_must(buffer_append(&object, signature, sizeof signature, &error) == STATUS_OK &&
              buffer_append(&object, data, size, &error) == STATUS_OK);
    if (repository_decode(&record, &object, NULL, &error) == STATUS_OK) {
        check_signed(&object, &record);
    }
    buffer_free(&object);
    return 0;
}
