/* statement_read: one statement, and whether it is to be believed. */
#include "statement_private.h"
#include <string.h>

enum status statement_decode(struct statement *statement, unsigned char signature[SIGN_SIZE],
                             const unsigned char repository[REPOSITORY_ID_SIZE],
                             const struct buffer *content, struct error *error)
{
    *statement = (struct statement){0};
    struct cursor cursor = {content->data, content->size};
    unsigned char host[SIGN_PUBLIC_SIZE];
    if (!cursor_copy(&cursor, host, sizeof host) || !cursor_copy(&cursor, signature, SIGN_SIZE) ||
        cursor.left > STATEMENT_JSON_LIMIT) {
        return error_set(error, STATUS_CORRUPT, 0, "%s",
                         _("this is too short or too long for a statement"));
    }
    CLEANUP(buffer_free) struct buffer message = {0};
    enum status status =
        statement_signed_bytes(&message, repository, cursor.at, cursor.left, error);
    if (status != STATUS_OK) {
        return status;
    }
    if (!sign_verify(signature, host, STATEMENT_DOMAIN, message.data, message.size)) {
        return error_set(error, STATUS_UNAUTHENTIC, 0, "%s",
                         _("the signature on this statement is wrong: it was altered, or written "
                           "for another repository"));
    }
    json_auto_t *json = NULL;
    status = json_parse(&json, cursor.at, cursor.left, STATEMENT_JSON_LIMIT, error);
    if (status == STATUS_OK) {
        status = statement_from_json(statement, json, error);
    }
    if (status == STATUS_OK) {
        memcpy(statement->host, host, sizeof host);
    }
    return status;
}

enum status statement_judge(struct statement *statement, const struct repo *repo,
                            struct error *error)
{
    statement->standing = repo->proved ? STANDING_TRUSTED : STANDING_UNPROVED;
    if (!repo->proved) {
        return STATUS_OK;
    }
    const struct host_record *added = NULL;
    const struct host_record *revoked = NULL;
    for (size_t i = 0; i < repo->host_count; i++) {
        const struct host_record *record = &repo->hosts[i];
        if (memcmp(record->public_key, statement->host, SIGN_PUBLIC_SIZE) != 0) {
            continue;
        }
        if (record->verdict == HOST_ADDED) {
            added = record;
        } else if (statement->sequence >= record->from_sequence) {
            /* Final: an old word that added the key, stored again, does not bring it back. */
            revoked = record;
        }
    }
    char host[2 * SIGN_PUBLIC_SIZE + 1];
    hex_encode(host, statement->host, SIGN_PUBLIC_SIZE);
    if (revoked != NULL && revoked->name[0] == '\0') {
        return error_set(error, STATUS_UNAUTHENTIC, 0,
                         _("this statement is signed by the host key %.16s…, which was revoked "
                           "from sequence %llu on; its own sequence is %llu"),
                         host, (unsigned long long)revoked->from_sequence,
                         (unsigned long long)statement->sequence);
    }
    if (revoked != NULL) {
        return error_set(error, STATUS_UNAUTHENTIC, 0,
                         _("this statement is signed by the host key of %s, which was revoked from "
                           "sequence %llu on; its own sequence is %llu"),
                         revoked->name, (unsigned long long)revoked->from_sequence,
                         (unsigned long long)statement->sequence);
    }
    if (added == NULL) {
        return error_set(error, STATUS_UNAUTHENTIC, 0,
                         _("this statement is signed by the host key %.16s…, for which the "
                           "recovery key does not vouch"),
                         host);
    }
    return STATUS_OK;
}
