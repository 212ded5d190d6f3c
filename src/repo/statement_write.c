/* statement_write: what the host says of a snapshot, signed, sealed and published. */
#include "statement_private.h"
#include <sodium.h>
#include <string.h>

enum status statement_signed_bytes(struct buffer *bytes,
                                   const unsigned char repository[REPOSITORY_ID_SIZE],
                                   const void *json, size_t size, struct error *error)
{
    enum status status = buffer_append(bytes, repository, REPOSITORY_ID_SIZE, error);
    return status == STATUS_OK ? buffer_append(bytes, json, size, error) : status;
}

/* Host public key | signature | JSON. */
static enum status encode(struct buffer *content, const struct statement *statement,
                          const struct repo *repo, struct error *error)
{
    json_auto_t *json = statement_to_json(statement);
    if (json == NULL) {
        return error_set_memory(error);
    }
    CLEANUP(buffer_free) struct buffer text = {0};
    CLEANUP(buffer_free) struct buffer message = {0};
    unsigned char signature[SIGN_SIZE];
    enum status status = json_print(&text, json, error);
    if (status == STATUS_OK && text.size > STATEMENT_JSON_LIMIT) {
        status = error_set(error, STATUS_FAILED, 0, "%s", _("a statement would be too long"));
    }
    if (status == STATUS_OK) {
        status = statement_signed_bytes(&message, repo->id, text.data, text.size, error);
    }
    if (status == STATUS_OK) {
        status = sign(signature, &repo->access.host->signing, STATEMENT_DOMAIN, message.data,
                      message.size, error);
    }
    if (status == STATUS_OK) {
        status = buffer_append(content, statement->host, SIGN_PUBLIC_SIZE, error);
    }
    if (status == STATUS_OK) {
        status = buffer_append(content, signature, SIGN_SIZE, error);
    }
    return status == STATUS_OK ? buffer_append(content, text.data, text.size, error) : status;
}

enum status statement_write(struct statement *statement, struct repo *repo, struct store *store,
                            struct error *error)
{
    if (repo->access.host == NULL) {
        return error_set(error, STATUS_DENIED, 0, "%s",
                         _("only with the host key can a statement be signed"));
    }
    memcpy(statement->host, repo->access.host->signing.public_key, SIGN_PUBLIC_SIZE);
    /* The format has whole seconds: what was said and what will be read are the same. */
    statement->time.nanoseconds = 0;
    statement->due.nanoseconds = 0;
    CLEANUP(buffer_free) struct buffer content = {0};
    CLEANUP(buffer_free) struct buffer bytes = {0};
    enum status status = encode(&content, statement, repo, error);
    if (status == STATUS_OK) {
        status = statement_judge(statement, repo, error);
    }
    if (status == STATUS_OK) {
        status = object_seal(&bytes, repo, OBJECT_STATEMENT, &content, error);
    }
    if (status != STATUS_OK) {
        return status;
    }
    object_hash(statement->id, bytes.data, bytes.size);
    return object_put(repo, store, OBJECT_STATEMENT, statement->id, &bytes, error);
}
