// room: repo
/* What is under the seal of a register/ object: any bytes; any head under the signature of the host
 * that it names; and any words under the recipients' seal. What is read can be written and read
 * again, and its patterns can be asked. */
#include "../../src/repo/register_private.h"
#include "fuzz_keys.h"

static const unsigned char repository[REPOSITORY_ID_SIZE] = {1, 2, 3};

/* Host key and signature in front of all that is not the sealed part. The first two bytes say how
 * long the head is. */
static void wrap(struct buffer *content, const uint8_t *data, size_t size)
{
    const struct signing_key *key = fuzz_signer();
    struct error error;
    struct buffer message = {0};
    unsigned char signature[SIGN_SIZE];
    size_t head = size < 2 ? 0 : (size_t)(data[0] | data[1] << 8);
    size_t left = size < 2 ? 0 : size - 2;
    head = head > left ? left : head;
    fuzz_must(buffer_append(&message, repository, sizeof repository, &error) == STATUS_OK &&
              buffer_append_u32(&message, (uint32_t)head, &error) == STATUS_OK &&
              buffer_append(&message, data + 2, head, &error) == STATUS_OK &&
              buffer_append_u32(&message, 0, &error) == STATUS_OK);
    fuzz_must(
        sign(signature, key, ERASURE_DOMAIN, message.data, message.size, &error) == STATUS_OK &&
        buffer_append(content, key->public_key, SIGN_PUBLIC_SIZE, &error) == STATUS_OK &&
        buffer_append(content, signature, SIGN_SIZE, &error) == STATUS_OK &&
        buffer_append(content, message.data + sizeof repository, message.size - sizeof repository,
                      &error) == STATUS_OK &&
        buffer_append(content, data + (size < 2 ? 0 : 2) + head, left - head, &error) == STATUS_OK);
    buffer_free(&message);
}

static void read_words(const uint8_t *data, size_t size)
{
    struct error error;
    struct erasure erasure = {0}, again = {0};
    struct buffer text = {0};
    if (erasure_words_decode(&erasure, data, size, &error) != STATUS_OK) {
        fuzz_must(erasure.rules == NULL && erasure.value == NULL);
        return;
    }
    const struct erasure_register entries = {.items = &erasure, .count = 1};
    (void)register_erases_path(&entries, "documents", "scans/4711/a.tif");
    (void)register_erases_rows(&entries, "customers");
    fuzz_must(erasure_words_encode(&text, &erasure, &error) == STATUS_OK);
    if (text.size <= SMALL_OBJECT_LIMIT) {
        fuzz_must(erasure_words_decode(&again, text.data, text.size, &error) == STATUS_OK &&
                  again.rule_count == erasure.rule_count &&
                  strcmp(again.value, erasure.value) == 0);
    }
    erasure_free(&erasure);
    erasure_free(&again);
    buffer_free(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error error;
    struct buffer content = {0};
    struct erasure erasure;
    struct cursor sealed;
    fuzz_start();
    fuzz_must(buffer_append(&content, data, size, &error) == STATUS_OK);
    fuzz_must(erasure_decode(&erasure, &sealed, repository, &content, &error) != STATUS_OK);
    buffer_clear(&content);
    wrap(&content, data, size);
    if (erasure_decode(&erasure, &sealed, repository, &content, &error) == STATUS_OK) {
        fuzz_must(!erasure.approved && erasure.rules == NULL);
    }
    read_words(data, size);
    buffer_free(&content);
    return 0;
}
