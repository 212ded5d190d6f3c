/* writer_recipients: whoever is to open the backups must also be able to open the repository. The
 * host has its secret, so a recipient who was added to the configuration later gets it with the
 * next backup, in one more object of keys/. */
#include "writer_private.h"
#include <stdlib.h>
#include <string.h>

static bool is_covered(const struct buffer *covered, const struct age_recipient *recipient)
{
    for (size_t at = 0; at + AGE_KEY_SIZE <= covered->size; at += AGE_KEY_SIZE) {
        if (memcmp(covered->data + at, recipient->public_key, AGE_KEY_SIZE) == 0) {
            return true;
        }
    }
    return false;
}

static enum status seal_secret(struct writer *writer, const struct age_recipient *recipients,
                               size_t count, struct error *error)
{
    CLEANUP(buffer_free) struct buffer object = {0};
    struct store *store = NULL;
    enum status status = age_seal_buffer(&object, repo_secret(writer->repo), REPOSITORY_SECRET_SIZE,
                                         recipients, count, NULL, error);
    status = status ? status : repo_take_store(&store, writer->repo, error);
    status = status ? status : object_put(writer->repo, store, OBJECT_KEYS, NULL, &object, error);
    repo_give_store(writer->repo, store);
    return status;
}

enum status recipients_cover(struct writer *writer, struct error *error)
{
    CLEANUP(buffer_free) struct buffer covered = {0};
    CLEANUP(memory_free)
    struct age_recipient *fresh = calloc(writer->recipient_count, sizeof *fresh);
    size_t count = 0;
    if (fresh == NULL) {
        return error_set_memory(error);
    }
    enum status status = state_get_recipients(writer->state, &covered, error);
    for (size_t i = 0; status == STATUS_OK && i < writer->recipient_count; i++) {
        if (!is_covered(&covered, &writer->recipients[i])) {
            fresh[count++] = writer->recipients[i];
            status = buffer_append(&covered, writer->recipients[i].public_key, AGE_KEY_SIZE, error);
        }
    }
    if (status != STATUS_OK || count == 0) {
        return status;
    }
    status = seal_secret(writer, fresh, count, error);
    return status ? status : state_set_recipients(writer->state, &covered, error);
}
