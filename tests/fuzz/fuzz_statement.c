// room: repo
/* What is under the seal of a statements/ object: any bytes, and any JSON under the signature of
 * the host that it names. What is read can be written and read again. */
#include "../../src/repo/statement_private.h"
#include "fuzz_keys.h"

static const unsigned char repository[REPOSITORY_ID_SIZE] = {1, 2, 3};

static void write_and_read(const struct statement *statement)
{
    struct error error;
    struct statement again;
    json_t *json = statement_to_json(statement);
    fuzz_must(json != NULL && statement_from_json(&again, json, &error) == STATUS_OK &&
              again.sequence == statement->sequence &&
              again.source_count == statement->source_count &&
              again.parent_count == statement->parent_count &&
              memcmp(again.snapshot, statement->snapshot, OBJECT_ID_SIZE) == 0);
    statement_free(&again);
    json_decref(json);
}

/* Host key and signature in front of the JSON. */
static void wrap(struct buffer *content, const uint8_t *data, size_t size)
{
    const struct signing_key *key = fuzz_signer();
    struct error error;
    struct buffer message = {0};
    unsigned char signature[SIGN_SIZE];
    fuzz_must(statement_signed_bytes(&message, repository, data, size, &error) == STATUS_OK &&
              sign(signature, key, STATEMENT_DOMAIN, message.data, message.size, &error) ==
                  STATUS_OK &&
              buffer_append(content, key->public_key, SIGN_PUBLIC_SIZE, &error) == STATUS_OK &&
              buffer_append(content, signature, SIGN_SIZE, &error) == STATUS_OK &&
              buffer_append(content, data, size, &error) == STATUS_OK);
    buffer_free(&message);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error error;
    struct buffer content = {0};
    struct statement statement;
    unsigned char signature[SIGN_SIZE];
    fuzz_start();
    fuzz_must(buffer_append(&content, data, size, &error) == STATUS_OK);
    fuzz_must(statement_decode(&statement, signature, repository, &content, &error) != STATUS_OK);
    buffer_clear(&content);
    wrap(&content, data, size);
    if (statement_decode(&statement, signature, repository, &content, &error) == STATUS_OK) {
        write_and_read(&statement);
        statement_free(&statement);
    }
    buffer_free(&content);
    return 0;
}
