/* writer_recipients: whoever is to open the backups must also be able to open the repository. The
 * host has its secret, so a recipient who was added to the configuration later gets it with the
 * next backup, in one more object of keys/; and so does everybody when the storage has lost the
 * last one. */
#include "writer_private.h"
#include <stdio.h>
#include <string.h>

/* The object that this host stored last: its digits and the hash of its bytes. */
#define KEPT_SIZE (RANDOM_NAME_DIGITS + OBJECT_ID_SIZE)

static bool is_covered(const struct buffer *covered, const struct age_recipient *recipient)
{
    for (size_t at = 0; at + AGE_KEY_SIZE <= covered->size; at += AGE_KEY_SIZE) {
        if (memcmp(covered->data + at, recipient->public_key, AGE_KEY_SIZE) == 0) {
            return true;
        }
    }
    return false;
}

static bool all_covered(const struct writer *writer, const struct buffer *covered)
{
    bool all = true;
    for (size_t i = 0; i < writer->recipient_count; i++) {
        all = all && is_covered(covered, &writer->recipients[i]);
    }
    return all;
}

/* Nobody else would miss it before the day of need: the host itself never opens it. */
static enum status look_at_kept(bool *intact, struct writer *writer, struct store *store,
                                const struct buffer *kept, struct error *error)
{
    char name[OBJECT_NAME_SIZE];
    CLEANUP(buffer_free) struct buffer object = {0};
    snprintf(name, sizeof name, "%s/%.*s", object_folder(OBJECT_KEYS), RANDOM_NAME_DIGITS,
             (const char *)kept->data);
    enum status status = object_read_limited(&object, store, name, SMALL_OBJECT_LIMIT, error);
    unsigned char hash[OBJECT_ID_SIZE];
    object_hash(hash, object.data, object.size);
    *intact =
        status == STATUS_OK && memcmp(hash, kept->data + RANDOM_NAME_DIGITS, OBJECT_ID_SIZE) == 0;
    if (*intact || (status != STATUS_OK && !problem_is_local(status, error))) {
        return status;
    }
    error_set(error, status == STATUS_OK ? STATUS_CORRUPT : status, 0, "%s",
              _("The repository's sealed secret, without which no recovery kit opens anything, is "
                "missing or damaged"));
    error_set_hint(error, "%s", _("What is missing is stored again by this backup."));
    problems_add(&writer->problems, name, error);
    error_clear(error);
    return STATUS_OK;
}

static enum status seal_secret(struct writer *writer, struct store *store, struct error *error)
{
    CLEANUP(buffer_free) struct buffer object = {0};
    CLEANUP(buffer_free) struct buffer kept = {0};
    char name[OBJECT_NAME_SIZE];
    unsigned char hash[OBJECT_ID_SIZE];
    enum status status = age_seal_buffer(&object, repo_secret(writer->repo), REPOSITORY_SECRET_SIZE,
                                         writer->recipients, writer->recipient_count, NULL, error);
    status = status ? status
                    : object_put_nameless(name, writer->repo, store, OBJECT_KEYS, &object, error);
    object_hash(hash, object.data, object.size);
    status =
        status ? status : buffer_append(&kept, strchr(name, '/') + 1, RANDOM_NAME_DIGITS, error);
    status = status ? status : buffer_append(&kept, hash, sizeof hash, error);
    return status ? status : state_set_sealed_secret(writer->state, &kept, error);
}

static enum status remember_covered(struct writer *writer, struct error *error)
{
    CLEANUP(buffer_free) struct buffer covered = {0};
    enum status status = STATUS_OK;
    for (size_t i = 0; status == STATUS_OK && i < writer->recipient_count; i++) {
        status = buffer_append(&covered, writer->recipients[i].public_key, AGE_KEY_SIZE, error);
    }
    return status ? status : state_set_recipients(writer->state, &covered, error);
}

static enum status cover(struct writer *writer, struct store *store, struct error *error)
{
    CLEANUP(buffer_free) struct buffer covered = {0};
    CLEANUP(buffer_free) struct buffer kept = {0};
    bool intact = false;
    enum status status = state_get_recipients(writer->state, &covered, error);
    status = status ? status : state_get_sealed_secret(writer->state, &kept, error);
    if (status == STATUS_OK && kept.size == KEPT_SIZE) {
        status = look_at_kept(&intact, writer, store, &kept, error);
    }
    if (status != STATUS_OK || (intact && all_covered(writer, &covered))) {
        return status;
    }
    status = seal_secret(writer, store, error);
    return status ? status : remember_covered(writer, error);
}

enum status recipients_cover(struct writer *writer, struct error *error)
{
    struct store *store = NULL;
    enum status status = repo_take_store(&store, writer->repo, error);
    status = status ? status : cover(writer, store, error);
    repo_give_store(writer->repo, store);
    return status;
}
