/* register_write: one more person to be erased. The entry is one object, so that it is there whole
 * or not at all; nothing names it before the next statement does. */
#include "register_private.h"
#include <string.h>

static enum status too_long(struct error *error)
{
    error_set(
        error, STATUS_USAGE, 0, "%s",
        _("the erasure's rules and reason together are too long for an entry of the register"));
    return error_set_hint(error, "%s", _("Shorten the reason, or the rules in kura.yaml."));
}

enum status register_write(struct erasure *erasure, struct repo *repo,
                           const struct register_writing *writing, struct error *error)
{
    CLEANUP(buffer_wipe) struct buffer words = {0};
    CLEANUP(buffer_free) struct buffer sealed = {0};
    CLEANUP(buffer_free) struct buffer content = {0};
    CLEANUP(buffer_free) struct buffer bytes = {0};
    const struct host_key *host = repo_host(repo);
    const size_t size = strlen(erasure->value);
    if (host == NULL) {
        return error_set(error, STATUS_DENIED, 0, "%s",
                         _("only with the host key can an erasure be registered"));
    }
    if (size == 0 || size > ERASURE_VALUE_LIMIT) {
        return error_set(error, STATUS_USAGE, 0, "%s", _("a person's id has 1 to 1,024 bytes"));
    }
    erasure->time = (struct moment){.seconds = moment_now().seconds};
    person_pseudonym(erasure->person, host->secret, erasure->domain, erasure->value, size);
    enum status status = erasure_words_encode(&words, erasure, error);
    if (status == STATUS_OK && words.size > SMALL_OBJECT_LIMIT / 2) {
        status = too_long(error);
    }
    if (status == STATUS_OK) {
        status = age_seal_buffer(&sealed, words.data, words.size, writing->recipients,
                                 writing->recipient_count, NULL, error);
    }
    if (status == STATUS_OK) {
        status = erasure_encode(&content, erasure, &sealed, host, writing->manager, error);
    }
    if (status == STATUS_OK) {
        status = object_seal(&bytes, repo, OBJECT_REGISTER, &content, error);
    }
    if (status == STATUS_OK && bytes.size > SMALL_OBJECT_LIMIT) {
        status = too_long(error);
    }
    if (status != STATUS_OK) {
        return status;
    }
    struct store *store = NULL;
    status = repo_take_store(&store, repo, error);
    if (status == STATUS_OK) {
        status = object_put(repo, store, OBJECT_REGISTER, NULL, &bytes, error);
    }
    repo_give_store(repo, store);
    erasure->opened = status == STATUS_OK;
    if (status != STATUS_OK || writing->state == NULL) {
        return status;
    }
    status = register_keep_copy(writing->state, erasure->id, &bytes, error);
    return status == STATUS_OK
               ? status
               : error_add_context(error, "%s",
                                   _("the person is registered, but this machine keeps no copy"));
}
