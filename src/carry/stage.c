/* stage: see stage.h. data set → container → age → STATE/carry/ID/artefact, hashed on its way. */
#include "stage_private.h"
#include "shared.h"
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void artefact_close(struct artefact *artefact)
{
    file_close(&artefact->fd);
    if (artefact->partial != NULL) {
        unlink(artefact->partial); /* gone already when it was published */
    }
    free(artefact->partial);
    free(artefact->path);
}

static void staging_end(struct staging *staging)
{
    container_free(staging->container);
    age_writer_free(staging->age);
    artefact_close(&staging->artefact);
    buffer_wipe(&staging->listing);
    sodium_memzero(staging->piece, sizeof staging->piece);
}

void staged_free(struct staged *staged)
{
    persons_free(&staged->persons);
    carry_texts_free(staged->fields);
    carry_texts_free(staged->recipients);
    free(staged->sealed_passphrase);
    *staged = (struct staged){0};
}

/* ------------------------------------------------------------------ the artefact */

static enum status artefact_open(struct artefact *artefact, const char *folder, struct error *error)
{
    enum status status = path_join(&artefact->path, folder, "artefact", error);
    if (status == STATUS_OK) {
        status = path_join(&artefact->partial, folder, "artefact.partial", error);
    }
    if (status != STATUS_OK) {
        return status;
    }
    artefact->fd =
        open(artefact->partial, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (artefact->fd < 0) {
        return error_set_errno(error, errno, _("cannot make %s"), artefact->partial);
    }
    crypto_generichash_init(&artefact->hash, NULL, 0, DIGEST_SIZE);
    return STATUS_OK;
}

static enum status artefact_write(void *context, const void *data, size_t size, struct error *error)
{
    struct artefact *artefact = context;
    crypto_generichash_update(&artefact->hash, data, size);
    artefact->size += size;
    return file_write_all(artefact->fd, data, size, artefact->partial, error);
}

static enum status artefact_publish(struct artefact *artefact, const char *folder,
                                    struct staged *staged, struct error *error)
{
    if (fsync(artefact->fd) != 0 || rename(artefact->partial, artefact->path) != 0) {
        return error_set_errno(error, errno, _("cannot write %s"), artefact->path);
    }
    crypto_generichash_final(&artefact->hash, staged->digest, DIGEST_SIZE);
    staged->size = artefact->size;
    return file_sync_folder(folder, error);
}

static enum status age_write(void *context, const void *data, size_t size, struct error *error)
{
    struct staging *staging = context;
    return age_writer_write(staging->age, data, size, error);
}

/* ------------------------------------------------------------------ recipients */

/* The readers at the destination, and every data manager: what left can always be looked at. */
static enum status collect_recipients(struct staged *staged, struct age_recipient **recipients,
                                      size_t *count, const struct stage_options *options,
                                      struct error *error)
{
    size_t most = options->policy->people_count;
    for (char **item = options->destination->recipients; *item != NULL; item++) {
        most++;
    }
    staged->recipients = calloc(most + 1, sizeof *staged->recipients);
    *recipients = calloc(most + 1, sizeof **recipients);
    if (staged->recipients == NULL || *recipients == NULL) {
        return error_set_memory(error);
    }
    const char **texts = calloc(most + 1, sizeof *texts);
    size_t wanted = 0;
    for (char **item = options->destination->recipients; texts != NULL && *item != NULL; item++) {
        texts[wanted++] = *item;
    }
    for (size_t i = 0; texts != NULL && i < options->policy->people_count; i++) {
        const struct policy_person *person = &options->policy->people[i];
        if ((person->roles & ROLE_DATA_MANAGER) != 0) {
            texts[wanted++] = person->recipient;
        }
    }
    enum status status = texts == NULL ? error_set_memory(error) : STATUS_OK;
    for (size_t i = 0; i < wanted && status == STATUS_OK; i++) {
        status = age_recipient_parse(&(*recipients)[i], texts[i], error);
        staged->recipients[i] = status == STATUS_OK ? strdup(texts[i]) : NULL;
        *count = i + 1;
    }
    free(texts);
    return status;
}

/* ------------------------------------------------------------------ all */

enum status stage_add_text(struct staging *staging, const char *name, const struct buffer *text,
                           struct error *error)
{
    enum status status = container_begin(staging->container, name, text->size, error);
    if (status == STATUS_OK) {
        status = container_write(staging->container, text->data, text->size, error);
    }
    return status == STATUS_OK ? container_end(staging->container, error) : status;
}

static enum status seal_passphrase(char **sealed, const struct secret_text *passphrase,
                                   const struct age_recipient *recipients, size_t count,
                                   struct error *error)
{
    CLEANUP(buffer_free) struct buffer age = {0};
    CLEANUP(buffer_free) struct buffer text = {0};
    enum status status =
        age_seal_buffer(&age, passphrase->text, passphrase->size, recipients, count, NULL, error);
    if (status == STATUS_OK) {
        status = age_armor_append(&text, age.data, age.size, error);
    }
    if (status == STATUS_OK) {
        *sealed = strndup((const char *)text.data, text.size);
        status = *sealed == NULL ? error_set_memory(error) : STATUS_OK;
    }
    return status;
}

static enum status open_container(struct staging *staging, const struct age_recipient *recipients,
                                  size_t count, struct error *error)
{
    CLEANUP(secret_text_free) struct secret_text passphrase = {0};
    const struct container_sink direct = {artefact_write, &staging->artefact};
    const struct container_sink sealed = {age_write, staging};
    const char *name = staging->options->carry;
    if (!staging->options->zip) {
        const struct age_sink sink = {artefact_write, &staging->artefact};
        enum status status = age_writer_open(&staging->age, sink, recipients, count, NULL, error);
        return status == STATUS_OK ? container_open(&staging->container, sealed, name, NULL, error)
                                   : status;
    }
    enum status status = passphrase_generate(&passphrase, error);
    if (status == STATUS_OK) {
        status = seal_passphrase(&staging->staged->sealed_passphrase, &passphrase, recipients,
                                 count, error);
    }
    return status == STATUS_OK
               ? container_open(&staging->container, direct, name, &passphrase, error)
               : status;
}

static enum status fill(struct staging *staging, const struct data_set *set, struct error *error)
{
    enum status status = stage_add_text(staging, "data.csv", &set->csv, error);
    if (status == STATUS_OK && staging->options->documents) {
        status = stage_add_documents(staging, set, error);
    }
    if (status == STATUS_OK) {
        status = container_finish(staging->container, error);
    }
    if (status == STATUS_OK && staging->age != NULL) {
        status = age_writer_finish(staging->age, error);
    }
    return status;
}

static enum status seal(struct staging *staging, struct data_set *set, struct error *error)
{
    CLEANUP(memory_free) struct age_recipient *recipients = NULL;
    size_t count = 0;
    enum status status =
        collect_recipients(staging->staged, &recipients, &count, staging->options, error);
    if (status == STATUS_OK) {
        status = artefact_open(&staging->artefact, staging->options->folder, error);
    }
    if (status == STATUS_OK) {
        status = open_container(staging, recipients, count, error);
    }
    return status == STATUS_OK ? fill(staging, set, error) : status;
}

enum status carry_stage(struct staged *staged, const struct stage_options *options,
                        struct error *error)
{
    *staged = (struct staged){0};
    CLEANUP(data_set_free) struct data_set set = {0};
    CLEANUP(staging_end)
    struct staging staging = {.options = options, .staged = staged, .artefact = {.fd = -1}};
    enum status status = data_set_read(&set, options, error);
    if (status == STATUS_OK) {
        status = seal(&staging, &set, error);
    }
    if (status == STATUS_OK) {
        status = artefact_publish(&staging.artefact, options->folder, staged, error);
    }
    if (status != STATUS_OK) {
        staged_free(staged);
        return status;
    }
    staged->rows = set.rows;
    staged->persons = set.persons;
    staged->fields = set.fields;
    set.persons = (struct persons){0};
    set.fields = NULL;
    return STATUS_OK;
}
