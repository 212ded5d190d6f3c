/* source_backup: one source from beginning to end. */
#include "source_backup.h"
#include <stdlib.h>
#include <string.h>

void journey_warn(struct journey *journey, const char *source, const char *path,
                  const struct error *problem)
{
    const struct backup_events *events = &journey->options->events;
    journey->warnings++;
    if (events->warn != NULL) {
        events->warn(events->context, source, path, problem);
    }
}

enum status source_add_dictionary(struct source_backup *backup, const struct chunk_result *stored,
                                  struct error *error)
{
    struct catalogue_source *catalogue = backup->catalogue;
    struct catalogue_dictionary *grown =
        realloc(catalogue->dictionaries, (catalogue->dictionary_count + 1) * sizeof *grown);
    if (grown == NULL) {
        return error_set_memory(error);
    }
    catalogue->dictionaries = grown;
    struct catalogue_dictionary *added = &grown[catalogue->dictionary_count++];
    *added = (struct catalogue_dictionary){dictionary_id(backup->dictionary), stored->reference};
    enum status status = uses_add(&backup->uses, stored->hash, error);
    if (status == STATUS_OK) {
        status = memory_write_dictionary(backup->memory, added, error);
    }
    return status != STATUS_OK ? status : memory_write_hash(backup->memory, stored->hash, error);
}

static enum status prepare(struct source_backup *backup, struct error *error)
{
    struct journey *journey = backup->journey;
    struct node_output nodes = {
        .pipeline = journey->pipeline, .key = writer_node_key(journey->writer), .context = backup};
    struct memory_place place = {writer_new_memory(journey->writer), backup->source->name,
                                 journey->memory_key};
    enum status status = uses_open(&backup->uses, place.folder, error);
    if (status == STATUS_OK) {
        status = memory_writer_open(&backup->memory, &place, error);
    }
    if (status == STATUS_OK) {
        nodes.stored = emerge_list_node;
        status = list_builder_new(&backup->list, &nodes, error);
    }
    if (status == STATUS_OK) {
        nodes.stored = emerge_tree_node;
        status = tree_builder_new(&backup->tree, &nodes, error);
    }
    if (status == STATUS_OK && backup->source->kind == SOURCE_POSTGRES &&
        backup->source->postgres.remnant_days > 0) {
        status = source_fragments_open(&backup->fragments, backup, error);
    }
    return status != STATUS_OK ? status : recall_open(backup, error);
}

static void clean_up(struct source_backup *backup)
{
    while (!TAILQ_EMPTY(&backup->queue)) {
        struct pending *pending = TAILQ_FIRST(&backup->queue);
        TAILQ_REMOVE(&backup->queue, pending, queue);
        pending_free(pending);
    }
    pending_free(backup->filling);
    memory_record_free(&backup->record);
    memory_reader_free(backup->old);
    memory_writer_free(backup->memory);
    uses_close(&backup->uses);
    buffer_free(&backup->node_hashes);
    list_builder_free(backup->list);
    tree_builder_free(backup->tree);
    dictionary_free(backup->dictionary);
    source_fragments_free(backup->fragments);
    source_persons_free(backup);
}

static enum status remember_nodes(struct source_backup *backup, struct error *error)
{
    const struct buffer *hashes = &backup->node_hashes;
    enum status status =
        memory_write_count(backup->memory, MEMORY_NODES, hashes->size / CHUNK_HASH_SIZE, error);
    for (size_t i = 0; status == STATUS_OK && i < hashes->size; i += CHUNK_HASH_SIZE) {
        status = memory_write_hash(backup->memory, hashes->data + i, error);
    }
    return status;
}

/* Everything came out; the source's part of the snapshot is complete. */
static enum status finish(struct source_backup *backup, struct error *error)
{
    struct tree_root *root = &backup->catalogue->root;
    enum status status = tree_builder_finish(root, backup->tree, error);
    if (status == STATUS_OK) {
        status = recall_finish(backup, error);
    }
    if (status == STATUS_OK) {
        status = source_persons_finish(backup, error);
    }
    if (status == STATUS_OK) {
        status = remember_nodes(backup, error);
    }
    if (status == STATUS_OK && backup->fragments != NULL) {
        status = source_fragments_finish(backup->fragments, error);
    }
    if (status == STATUS_OK) {
        status = memory_writer_finish(backup->memory, error);
    }
    if (status == STATUS_OK) {
        status = uses_apply(&backup->uses, backup->journey->writer, error);
    }
    memcpy(backup->catalogue->words.digest, root->digest, sizeof root->digest);
    return status;
}

static void describe(struct catalogue_source *catalogue, const struct config_source *source,
                     bool *complete)
{
    catalogue->words.name = strdup(source->name);
    catalogue->words.kind = strdup(source_kind_name(source->kind));
    catalogue->words.status = SOURCE_COMPLETE;
    catalogue->words.persons = -1;
    *complete = catalogue->words.name != NULL && catalogue->words.kind != NULL;
}

/* The failed source's words: nothing of it is in this snapshot. */
static enum status give_up(struct source_backup *backup, const struct error *problem,
                           struct error *error)
{
    struct statement_source *words = &backup->catalogue->words;
    for (size_t i = 0; i < words->table_count; i++) {
        free(words->tables[i].name);
    }
    free(words->tables);
    free(backup->catalogue->dictionaries);
    backup->catalogue->dictionaries = NULL;
    backup->catalogue->dictionary_count = 0;
    words->tables = NULL;
    words->table_count = 0;
    words->entries = 0;
    words->bytes = 0;
    words->remnants = 0;
    words->status = SOURCE_FAILED;
    backup->catalogue->root = (struct tree_root){0};
    memset(words->digest, 0, sizeof words->digest);
    words->problem = strdup(problem->message);
    return words->problem == NULL ? error_set_memory(error) : STATUS_OK;
}

/* Lets out of the pipeline what the source delivered, also when it failed half way. */
static enum status let_all_out(struct source_backup *backup, struct error *error)
{
    enum status status = source_sink_abandon(backup, error);
    return status != STATUS_OK ? status : pipeline_drain(backup->journey->pipeline, error);
}

static enum status read_source(const struct source_backup *backup, const struct source_sink *sink,
                               struct error *error)
{
    const struct preparation *preparation = backup->preparation;
    if (preparation != NULL && preparation->failure.status != STATUS_OK) {
        *error = preparation->failure;
        return error->status;
    }
    return preparation != NULL && preparation->held != NULL
               ? source_deliver(preparation->held, sink, error)
               : source_run(backup->source, sink, error);
}

/* More likely a disk that is not mounted than a shop without documents: it fails, so that the next
 * night remembers what there was, and tells it again. */
static enum status fail_if_emptied(const struct source_backup *backup, struct error *error)
{
    if (backup->source->kind != SOURCE_TREE || !backup->had_entries ||
        backup->catalogue->words.entries > 1) { /* the folder itself */
        return STATUS_OK;
    }
    error_set(error, STATUS_NOT_FOUND, 0, "%s",
              _("the folder is empty, and was not when it was backed up last"));
    return error_set_hint(
        error, "%s",
        _("Is its disk mounted? Earlier snapshots still have everything. If it is "
          "to be empty, take the source out of kura.yaml."));
}

/* One attempt. STATUS_OK with words.status == SOURCE_FAILED when only this source is lost. */
static enum status attempt(struct source_backup *backup, struct error *error)
{
    struct error problem = {0};
    struct source_sink sink;
    source_sink_fill(&sink, backup);
    TAILQ_INIT(&backup->queue);
    enum status status = prepare(backup, &problem);
    backup->fatal = status != STATUS_OK;
    if (status == STATUS_OK) {
        status = read_source(backup, &sink, &problem);
    }
    struct error behind = {0};
    if (!backup->fatal && let_all_out(backup, &behind) != STATUS_OK) {
        status = behind.status;
        problem = behind;
        backup->fatal = true;
    }
    if (status == STATUS_OK) {
        status = fail_if_emptied(backup, &problem);
    }
    if (status == STATUS_OK) {
        status = finish(backup, &problem);
        backup->fatal = status != STATUS_OK;
    }
    if (status == STATUS_OK || backup->fatal) {
        *error = problem;
        return status;
    }
    journey_warn(backup->journey, backup->source->name, NULL, &problem);
    return give_up(backup, &problem, error);
}

enum status backup_source(struct catalogue_source *catalogue, struct journey *journey,
                          const struct config_source *source, const struct preparation *preparation,
                          struct error *error)
{
    bool complete = false;
    *catalogue = (struct catalogue_source){0};
    describe(catalogue, source, &complete);
    if (!complete) {
        return error_set_memory(error);
    }
    atomic_store(&journey->source, source->name);
    struct source_backup backup = {
        .journey = journey, .source = source, .preparation = preparation, .catalogue = catalogue};
    enum status status = attempt(&backup, error);
    clean_up(&backup);
    if (status == STATUS_OK && catalogue->words.status == SOURCE_FAILED) {
        status = memory_carry_over(journey, source->name, error);
    }
    return status;
}
