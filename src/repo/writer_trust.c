/* writer_trust: what the local state believes is held against the repository before anything is
 * built on it. A storage that lost objects, or was rolled back to an older state, makes the night
 * longer; it never makes a snapshot that names chunks which are not there. */
#include "statement_private.h"
#include "writer_private.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void tell(struct writer *writer, const char *object, enum status status, const char *text)
{
    struct error problem = {0};
    error_set(&problem, status, 0, "%s", text);
    error_set_hint(&problem, "%s", _("What is missing is stored again by this backup."));
    problems_add(&writer->problems, object, &problem);
}

/* ------------------------------------------------------------------ indexes */

static enum status lose_missing_indexes(struct writer *writer, struct error *error)
{
    CLEANUP(memory_free) unsigned char(*ids)[OBJECT_ID_SIZE] = NULL;
    size_t count = 0;
    enum status status = state_indexes(writer->state, false, &ids, &count, error);
    if (status != STATUS_OK || count == 0) {
        return status;
    }
    CLEANUP(id_list_free) struct id_list there = {0};
    status = object_list_ids(&there, writer->repo, NULL, OBJECT_INDEX, error);
    for (size_t i = 0; status == STATUS_OK && i < count; i++) {
        if (!id_list_has(&there, ids[i])) {
            char name[OBJECT_NAME_SIZE];
            object_name(name, OBJECT_INDEX, ids[i]);
            tell(writer, name, STATUS_NOT_FOUND,
                 _("An index that was stored is missing from the repository"));
            status = state_lose_index(writer->state, ids[i], error);
        }
    }
    return status;
}

struct trial {
    struct writer *writer;
    unsigned char (*ids)[OBJECT_ID_SIZE];
    bool *damaged; /* each of them */
};

static enum status read_index(void *context, struct store *store, size_t number,
                              struct error *error)
{
    const struct trial *trial = context;
    CLEANUP(buffer_free) struct buffer bytes = {0};
    enum status status =
        object_get(&bytes, trial->writer->repo, store, OBJECT_INDEX, trial->ids[number], error);
    if (problem_is_local(status, error)) {
        trial->damaged[number] = true;
        error_clear(error);
        return STATUS_OK;
    }
    return status;
}

static enum status try_indexes(struct trial *trial, size_t count, struct error *error)
{
    struct writer *writer = trial->writer;
    enum status status = repo_parallel(writer->repo, count, read_index, trial, error);
    for (size_t i = 0; status == STATUS_OK && i < count; i++) {
        if (trial->damaged[i]) {
            char name[OBJECT_NAME_SIZE];
            object_name(name, OBJECT_INDEX, trial->ids[i]);
            tell(writer, name, STATUS_CORRUPT, _("An index that was stored is damaged"));
            status = state_lose_index(writer->state, trial->ids[i], error);
        }
    }
    return status;
}

/* What is damaged in place is in the listing like any other. */
enum status trust_indexes(struct writer *writer, struct error *error)
{
    CLEANUP(memory_free) unsigned char(*ids)[OBJECT_ID_SIZE] = NULL;
    size_t count = 0;
    enum status status = STATUS_OK;
    if (!writer->base.present) {
        status = state_indexes(writer->state, false, &ids, &count, error);
    }
    if (status != STATUS_OK || count == 0) {
        return status;
    }
    CLEANUP(memory_free) bool *damaged = calloc(count, sizeof *damaged);
    if (damaged == NULL) {
        return error_set_memory(error);
    }
    struct trial trial = {writer, ids, damaged};
    status = try_indexes(&trial, count, error);
    return status ? status : reindex_packs(writer, error);
}

/* ------------------------------------------------------------------ packs */

static enum status see_pack(void *context, const unsigned char id[OBJECT_ID_SIZE],
                            const struct store_entry *entry, struct error *error)
{
    struct writer *writer = context;
    pthread_mutex_lock(&writer->lock);
    enum status status = state_see_pack(writer->state, id, entry->size, error);
    pthread_mutex_unlock(&writer->lock);
    return status;
}

static enum status list_shard(void *context, struct store *store, size_t number,
                              struct error *error)
{
    return object_list_folder(store, OBJECT_PACK, (unsigned)number, NULL, NULL, see_pack, context,
                              error);
}

static enum status tell_pack(void *context, const struct state_pack *pack, struct error *error)
{
    (void)error;
    char name[OBJECT_NAME_SIZE];
    object_name(name, OBJECT_PACK, pack->id);
    tell(context, name, STATUS_NOT_FOUND,
         _("A pack that was stored is missing from the repository, or has another size"));
    return STATUS_OK;
}

/* A listing of all packs takes long over a slow line, so it is made only where there is no base to
 * draw samples of: after damage was met, and after a run that was interrupted before the first
 * publication. */
enum status trust_packs(struct writer *writer, struct error *error)
{
    bool any = false;
    enum status status = STATUS_OK;
    if (!writer->base.present) {
        status = state_has_stored_packs(writer->state, &any, error);
    }
    if (status != STATUS_OK || !any) {
        return status;
    }
    status =
        repo_parallel(writer->repo, object_folder_count(OBJECT_PACK), list_shard, writer, error);
    return status ? status : state_drop_unseen(writer->state, tell_pack, writer, error);
}

/* ------------------------------------------------------------------ statements */

static bool has_statement(const struct snapshot_list *list, const unsigned char *id)
{
    for (size_t i = 0; i < list->count; i++) {
        if (memcmp(list->items[i].id, id, OBJECT_ID_SIZE) == 0) {
            return true;
        }
    }
    return false;
}

/* All heads become parents: two backups at once are joined by the next one. The number is above all
 * that are known, by whichever host, so that numbers rise along every chain; one that this host has
 * used does not come again, not even after a roll-back. */
static enum status take_heads(struct writer *writer, const struct snapshot_list *list,
                              struct error *error)
{
    writer->parents = calloc(list->head_count + 1, OBJECT_ID_SIZE);
    if (writer->parents == NULL) {
        return error_set_memory(error);
    }
    for (size_t i = 0; i < list->head_count; i++) {
        memcpy(writer->parents[i], list->items[list->heads[i]].id, OBJECT_ID_SIZE);
    }
    writer->parent_count = list->head_count;
    uint64_t last = writer->base.sequence;
    for (size_t i = 0; i < list->count; i++) {
        last = list->items[i].sequence > last ? list->items[i].sequence : last;
    }
    if (last >= SEQUENCE_LIMIT) {
        error_set(error, STATUS_UNAUTHENTIC, 0, "%s",
                  _("A snapshot has the highest number that there is, so none can follow it: "
                    "somebody used a stolen host key"));
        return error_set_hint(error, "%s",
                              _("kura snapshots shows it; revoke the key with kura host revoke and "
                                "--from-sequence."));
    }
    writer->sequence = last + 1;
    return STATUS_OK;
}

/* Judged now, and not after hours of sending what nobody would believe. */
static enum status check_host(const struct writer *writer, struct error *error)
{
    struct statement own = {.sequence = writer->sequence};
    memcpy(own.host, repo_host(writer->repo)->signing.public_key, SIGN_PUBLIC_SIZE);
    enum status status = statement_judge(&own, writer->repo, error);
    if (status != STATUS_OK) {
        error_add_context(error, "%s", _("This machine may not back up into this repository"));
        error_set_hint(error, "%s",
                       _("With the recovery kit, kura host add makes it a new host key."));
    }
    return status;
}

static enum status check_base(struct writer *writer, const struct snapshot_list *list,
                              struct error *error)
{
    if (!writer->base.present || has_statement(list, writer->base.statement)) {
        return STATUS_OK;
    }
    char name[OBJECT_NAME_SIZE];
    object_name(name, OBJECT_STATEMENT, writer->base.statement);
    tell(writer, name, STATUS_NOT_FOUND,
         _("The last backup of this machine is missing from the repository"));
    return state_forget_base(writer->state, error);
}

/* An erasure that is gone is told, stored again if this machine made it, and demanded by every new
 * statement. */
static enum status take_register(struct writer *writer, const struct snapshot_list *list,
                                 struct error *error)
{
    enum status status = register_read(&writer->erased, writer->repo, list, error);
    status = status ? status : problems_copy(&writer->problems, &writer->erased.problems, error);
    status = status ? status : register_ids(&writer->erasures, list, &writer->erased, error);
    if (status != STATUS_OK) {
        return status;
    }
    register_ids_limit(&writer->erasures, STATEMENT_ERASURES_LIMIT, &writer->problems);
    return register_heal(writer->repo, writer->folder, &writer->erasures, &writer->erased, error);
}

#define REQUEST "look-at-everything" /* a file in the state folder */

enum status writer_ask_to_look(const char *state, struct error *error)
{
    CLEANUP(memory_free) char *path = NULL;
    enum status status = path_join(&path, state, REQUEST, error);
    return status ? status : file_write(path, "", 0, 0600, FILE_REPLACE_EXISTING, error);
}

static enum status take_request(struct writer *writer, struct error *error)
{
    CLEANUP(memory_free) char *path = NULL;
    enum status status = path_join(&path, writer->folder, REQUEST, error);
    if (status != STATUS_OK || access(path, F_OK) != 0) {
        return status;
    }
    status = state_forget_base(writer->state, error);
    if (status == STATUS_OK && unlink(path) != 0) {
        status = error_set_errno(error, errno, _("%s cannot be removed"), path);
    }
    return status;
}

enum status trust_check(struct writer *writer, struct error *error)
{
    CLEANUP(snapshot_list_free) struct snapshot_list list = {0};
    enum status status = repo_list(&list, writer->repo, error);
    status = status ? status : take_request(writer, error);
    status = status ? status : state_get_base(writer->state, &writer->base, error);
    status = status ? status : take_heads(writer, &list, error);
    status = status ? status : check_host(writer, error);
    status = status ? status : take_register(writer, &list, error);
    status = status ? status : check_base(writer, &list, error);
    status = status ? status : lose_missing_indexes(writer, error);
    status = status ? status : reindex_packs(writer, error);
    /* A pack that was dropped may have taken the base with it. */
    return status ? status : state_get_base(writer->state, &writer->base, error);
}
