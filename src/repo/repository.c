/* repository: the objects in repository/, signed JSON (FORMAT.md). */
#include "repository.h"
#include "statement_private.h"
#include <string.h>

#define DOMAIN "kura/1 repository"

void repository_secret_check(unsigned char check[SUBKEY_SIZE], const unsigned char *secret)
{
    key_derive(check, secret, REPOSITORY_SECRET_SIZE, "kura/1 secret check");
}

static json_t *recipients_to_json(const struct repo_creation *creation)
{
    json_auto_t *list = json_array();
    for (size_t i = 0; i < creation->recipient_count; i++) {
        char text[AGE_RECIPIENT_TEXT_SIZE];
        age_recipient_format(text, &creation->recipients[i]);
        if (json_array_append_new(list, json_string(text)) != 0) {
            return NULL;
        }
    }
    return json_incref(list);
}

static json_t *repository_to_json(const struct repo_creation *creation)
{
    unsigned char check[SUBKEY_SIZE];
    repository_secret_check(check, creation->host->secret);
    json_auto_t *json = json_object();
    int failed = json_object_set_new(json, "version", json_integer(FORMAT_VERSION));
    failed |= json_object_set_new(json, "repository",
                                  json_new_hex(creation->host->repository, REPOSITORY_ID_SIZE));
    failed |= json_object_set_new(json, "secret_check", json_new_hex(check, sizeof check));
    failed |= json_object_set_new(json, "recipients", recipients_to_json(creation));
    failed |= json_object_set_new(json, "time", json_new_moment(moment_now()));
    return failed != 0 ? NULL : json_incref(json);
}

enum status repository_encode(struct buffer *object, const struct repo_creation *creation,
                              struct error *error)
{
    json_auto_t *json = repository_to_json(creation);
    if (json == NULL) {
        return error_set_memory(error);
    }
    CLEANUP(buffer_free) struct buffer text = {0};
    CLEANUP(buffer_free) struct buffer message = {0};
    unsigned char signature[SIGN_SIZE];
    enum status status = json_print(&text, json, error);
    if (status == STATUS_OK) {
        status = statement_signed_bytes(&message, creation->host->repository, text.data, text.size,
                                        error);
    }
    if (status == STATUS_OK) {
        status = sign(signature, creation->recovery, DOMAIN, message.data, message.size, error);
    }
    if (status == STATUS_OK) {
        status = buffer_append(object, signature, sizeof signature, error);
    }
    return status == STATUS_OK ? buffer_append(object, text.data, text.size, error) : status;
}

static enum status verify(const struct buffer *object, const unsigned char *trusted,
                          const unsigned char id[REPOSITORY_ID_SIZE], struct error *error)
{
    CLEANUP(buffer_free) struct buffer message = {0};
    enum status status = statement_signed_bytes(&message, id, object->data + SIGN_SIZE,
                                                object->size - SIGN_SIZE, error);
    if (status == STATUS_OK &&
        !sign_verify(object->data, trusted, DOMAIN, message.data, message.size)) {
        status = error_set(error, STATUS_UNAUTHENTIC, 0, "%s",
                           _("it was altered, or is not signed by the recovery key of this "
                             "repository"));
    }
    return status;
}

enum status repository_decode(struct repository_record *record, const struct buffer *object,
                              const unsigned char *trusted, struct error *error)
{
    if (object->size <= SIGN_SIZE) {
        return error_set(error, STATUS_CORRUPT, 0, "%s",
                         _("it is too short to describe a repository"));
    }
    json_auto_t *json = NULL;
    enum status status = json_parse(&json, object->data + SIGN_SIZE, object->size - SIGN_SIZE,
                                    SMALL_OBJECT_LIMIT, error);
    if (status == STATUS_OK && !json_take_hex(record->id, REPOSITORY_ID_SIZE, json, "repository")) {
        status = error_set(error, STATUS_CORRUPT, 0, "%s",
                           _("it does not say which repository it is of"));
    }
    if (status == STATUS_OK && trusted != NULL) {
        status = verify(object, trusted, record->id, error);
    }
    if (status == STATUS_OK) {
        status = json_check_version(json, error);
    }
    if (status == STATUS_OK &&
        !json_take_hex(record->check, sizeof record->check, json, "secret_check")) {
        status = error_set(error, STATUS_CORRUPT, 0, "%s",
                           _("a member of its JSON is missing or of the wrong form"));
    }
    return status;
}
