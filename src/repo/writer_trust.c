/* writer_trust: what the local state believes is held against the repository before anything is
 * built on it. A storage that lost objects, or was rolled back to an older state, makes the night
 * longer; it never makes a snapshot that names chunks which are not there. */
#include "writer_private.h"
#include <stdlib.h>
#include <string.h>

static void tell(struct writer *writer, const char *object, enum status status, const char *text)
{
    struct error problem = {0};
    error_set(&problem, status, 0, "%s", text);
    error_set_hint(&problem, "%s", _("What is missing is stored again by this backup."));
    problems_add(&writer->problems, object, &problem);
}

/* ------------------------------------------------------------------ indexes */

static enum status drop_missing_indexes(struct writer *writer, struct error *error)
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
            status = state_drop_index(writer->state, ids[i], error);
        }
    }
    return status;
}

/* ------------------------------------------------------------------ packs */

struct pack_check {
    struct writer *writer;
    struct id_list there;
};

static enum status check_pack(void *context, const struct state_pack *pack, struct error *error)
{
    struct pack_check *check = context;
    if (!pack->stored || id_list_has(&check->there, pack->id)) {
        return STATUS_OK;
    }
    char name[OBJECT_NAME_SIZE];
    object_name(name, OBJECT_PACK, pack->id);
    tell(check->writer, name, STATUS_NOT_FOUND,
         _("A pack that was stored is missing from the repository"));
    return state_drop_pack(check->writer->state, pack->no, error);
}

static enum status drop_missing_packs(struct writer *writer, struct error *error)
{
    struct pack_check check = {.writer = writer};
    enum status status = object_list_ids(&check.there, writer->repo, NULL, OBJECT_PACK, error);
    status = status ? status : state_each_pack(writer->state, false, check_pack, &check, error);
    id_list_free(&check.there);
    return status;
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
    writer->sequence = last + 1;
    return STATUS_OK;
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
    enum status status = drop_missing_packs(writer, error);
    return status ? status : state_forget_base(writer->state, error);
}

enum status trust_check(struct writer *writer, struct error *error)
{
    CLEANUP(snapshot_list_free) struct snapshot_list list = {0};
    enum status status = repo_list(&list, writer->repo, error);
    status = status ? status : state_get_base(writer->state, &writer->base, error);
    status = status ? status : take_heads(writer, &list, error);
    status = status ? status : check_base(writer, &list, error);
    status = status ? status : drop_missing_indexes(writer, error);
    /* Dropping may have forgotten the base. */
    return status ? status : state_get_base(writer->state, &writer->base, error);
}
