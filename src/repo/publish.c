/* publish: a backup becomes a snapshot. Everything that the statement names is off-site before it
 * is written, and the local state follows in one step afterwards. Whoever dies in between leaves
 * objects that nothing names, or a snapshot that the state does not know: the next backup is based
 * on what the state says and on what the repository has, so it is right in both cases. */
#include "writer_private.h"
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static enum status check_uses(struct writer *writer, struct error *error)
{
    bool plausible = false;
    enum status status = state_uses_plausible(writer->state, &plausible, error);
    if (status != STATUS_OK || plausible) {
        return status;
    }
    status = state_forget_base(writer->state, error);
    if (status != STATUS_OK) {
        return status;
    }
    writer->distrusted = true;
    error_set(error, STATUS_FAILED, 0,
              _("What this machine remembers of the last backup does not fit what was found"));
    return error_set_hint(error, "%s", _("Run the backup again: it reads everything anew."));
}

/* ------------------------------------------------------------------ the statement */

static enum status copy_words(struct statement *statement, const struct publication *publication,
                              struct error *error)
{
    statement->sources = calloc(publication->source_count + 1, sizeof *statement->sources);
    if (statement->sources == NULL) {
        return error_set_memory(error);
    }
    enum status status = STATUS_OK;
    for (size_t i = 0; status == STATUS_OK && i < publication->source_count; i++) {
        json_t *json = statement_source_to_json(&publication->sources[i].words);
        status = json == NULL ? error_set_memory(error)
                              : statement_source_from_json(&statement->sources[i], json, error);
        json_decref(json);
        statement->source_count += status == STATUS_OK ? 1 : 0;
    }
    return status;
}

static enum status fill(struct statement *statement, struct writer *writer,
                        const struct publication *publication, struct error *error)
{
    statement->time = publication->time;
    statement->due = publication->due;
    statement->persons = publication->persons;
    statement->audit_size = publication->audit_size;
    memcpy(statement->audit_root, publication->audit_root, sizeof statement->audit_root);
    statement->sequence = writer->sequence;
    statement->stored = writer->stored + writer->written;
    statement->parents = calloc(writer->parent_count + 1, OBJECT_ID_SIZE);
    if (statement->parents == NULL) {
        return error_set_memory(error);
    }
    if (writer->parent_count > 0) {
        memcpy(statement->parents, writer->parents, writer->parent_count * OBJECT_ID_SIZE);
    }
    statement->parent_count = writer->parent_count;
    statement->erasures = calloc(writer->erasures.count + 1, ERASURE_ID_SIZE);
    if (statement->erasures == NULL) {
        return error_set_memory(error);
    }
    memcpy(statement->erasures, writer->erasures.items, writer->erasures.count * ERASURE_ID_SIZE);
    statement->erasure_count = writer->erasures.count;
    enum status status = copy_words(statement, publication, error);
    return status ? status
                  : state_indexes(writer->state, true, &statement->indexes, &statement->index_count,
                                  error);
}

static enum status write_all(struct statement *statement, struct writer *writer,
                             struct store *store, const struct publication *publication, bool *full,
                             struct error *error)
{
    enum status status = publish_indexes(writer, store, error);
    status = status ? status : publish_references(writer, store, statement, full, error);
    status = status ? status : publish_snapshot(writer, store, statement, publication, error);
    status = status ? status : fill(statement, writer, publication, error);
    return status ? status : statement_write(statement, writer->repo, store, error);
}

/* ------------------------------------------------------------------ afterwards */

static enum status follow(struct writer *writer, const struct statement *statement, bool full,
                          struct error *error)
{
    struct state_base base = {.present = true, .sequence = statement->sequence};
    base.depth = full ? 0 : writer->base.depth + 1;
    memcpy(base.statement, statement->id, OBJECT_ID_SIZE);
    memcpy(base.memory, writer->new_memory_name, sizeof base.memory);
    enum status status = file_sync_folder(writer->folder, error);
    status = status ? status : state_publish(writer->state, &base, error);
    status = status ? status : expectation_write(writer->folder, writer->repo, statement, error);
    if (status != STATUS_OK) {
        return error_add_context(error, "%s",
                                 _("The backup is published, but not recorded on this machine"));
    }
    writer->published = true;
    /* What cannot be removed now is removed by the next backup. */
    struct error ignored;
    (void)!memory_sweep(writer, writer->new_memory_name, &ignored);
    return STATUS_OK;
}

enum status writer_publish(struct statement *statement, struct writer *writer,
                           const struct publication *publication, struct error *error)
{
    *statement = (struct statement){.sequence = 0};
    enum status status = writer_flush(writer, error);
    /* From here on nobody else touches the state. */
    uploaders_stop(writer);
    status = status ? status : samples_judge(writer, error);
    status = status ? status : check_uses(writer, error);
    if (status != STATUS_OK) {
        return status;
    }
    bool full = false;
    struct store *store = NULL;
    status = repo_take_store(&store, writer->repo, error);
    status = status ? status : repo_is_still_there(writer->repo, store, error);
    status = status ? status : write_all(statement, writer, store, publication, &full, error);
    repo_give_store(writer->repo, store);
    status = status ? status : follow(writer, statement, full, error);
    if (status != STATUS_OK) {
        statement_free(statement);
    }
    return status;
}
