// room: keys
/* Any bytes as an object of hosts/, and any JSON under the right signature: unsigned it is refused,
 * signed it is bounded and says the same when it is written again. */
#include "fuzz_keys.h"

static const unsigned char repository[REPOSITORY_ID_SIZE] = {1, 2, 3};

static void write_again(const struct host_record *record)
{
    struct error error = {0};
    struct buffer object = {0};
    struct host_record again = {0};
    fuzz_must(memchr(record->name, '\0', sizeof record->name) != NULL &&
              record->from_sequence <= INT64_MAX &&
              host_record_encode(&object, record, repository, fuzz_signer(), &error) == STATUS_OK);
    /* What JSON escapes is longer than the bytes it came from, but never beyond the limit. */
    fuzz_must(host_record_decode(&again, object.data, object.size, repository,
                                 fuzz_signer()->public_key, &error) == STATUS_OK &&
              memcmp(again.public_key, record->public_key, SIGN_PUBLIC_SIZE) == 0 &&
              again.verdict == record->verdict && again.from_sequence == record->from_sequence &&
              again.time.seconds == record->time.seconds && strcmp(again.name, record->name) == 0);
    buffer_free(&object);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error error = {0};
    struct buffer object = {0};
    struct host_record record = {0};
    unsigned char signature[SIGN_SIZE];
    fuzz_start();
    fuzz_must(host_record_decode(&record, data, size, repository, fuzz_signer()->public_key,
                                 &error) != STATUS_OK);
    fuzz_must(sign(signature, fuzz_signer(), "kura/1 host", data, size, &error) == STATUS_OK &&
              buffer_append(&object, signature, sizeof signature, &error) == STATUS_OK &&
              buffer_append(&object, data, size, &error) == STATUS_OK);
    if (host_record_decode(&record, object.data, object.size, repository, fuzz_signer()->public_key,
                           &error) == STATUS_OK) {
        write_again(&record);
    }
    buffer_free(&object);
    return 0;
}
