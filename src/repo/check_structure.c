/* check_structure: statements, references and indexes fit together: whatever a snapshot needs is in
 * a pack that an index names.
 *
 * A snapshot's chunks are those of the one it is based on, plus what was added, less what was
 * removed. So all are located if whatever any snapshot ever added is, and no set of a whole
 * snapshot need be put together. */
#include "check.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct structure {
    struct check *check;
    struct id_list listed;     /* indexes in the listing */
    struct id_list good;       /* indexes that could be read */
    struct id_list statements; /* ids of the list */
    struct wanted_references *wanted;
    size_t wanted_count;
    const unsigned char *index; /* that is being read */
    uint64_t *missing;          /* chunks in no index, for each snapshot of the list */
};

struct wanted_references {
    const unsigned char *id;
    size_t snapshot; /* position in the list */
};

static void structure_free(struct structure *structure)
{
    id_list_free(&structure->listed);
    id_list_free(&structure->good);
    id_list_free(&structure->statements);
    free(structure->wanted);
    free(structure->missing);
}

/* "snapshot 1a2b3c4d of 2026-11-22 02:00:00 +0900" */
#define SNAPSHOT_WORDS_SIZE 128
static const char *snapshot_words(char words[SNAPSHOT_WORDS_SIZE], const struct check *check,
                                  size_t position)
{
    const struct statement *statement = &check->list.items[position];
    char text[OBJECT_ID_TEXT_SIZE];
    char time[MOMENT_TEXT_SIZE];
    snprintf(words, SNAPSHOT_WORDS_SIZE, _("snapshot %.8s of %s"),
             hex_encode(text, statement->id, OBJECT_ID_SIZE),
             moment_format_local(time, statement->time));
    return words;
}

/* ---- the chain ---- */

/* The statement of the id; sought from `near` on to the older ones first, for there it should be.
 */
static const struct statement *find_statement(const struct check *check, size_t near,
                                              const unsigned char id[OBJECT_ID_SIZE])
{
    const struct snapshot_list *list = &check->list;
    for (size_t i = 0; i < list->count; i++) {
        const struct statement *statement = &list->items[(near + list->count - i) % list->count];
        if (memcmp(statement->id, id, OBJECT_ID_SIZE) == 0) {
            return statement;
        }
    }
    return NULL;
}

/* Sequences that do not rise would let a revoked host's statement pass as an old one. */
static void check_chain(struct check *check)
{
    for (size_t i = 0; i < check->list.count; i++) {
        const struct statement *child = &check->list.items[i];
        for (size_t j = 0; j < child->parent_count; j++) {
            const struct statement *parent = find_statement(check, i, child->parents[j]);
            if (parent != NULL && parent->sequence >= child->sequence) {
                struct error problem;
                error_set(&problem, STATUS_CORRUPT, 0, "%s",
                          _("its sequence is not above that of the snapshot that it builds on"));
                check_tell(check, OBJECT_STATEMENT, child->id, &problem);
                break;
            }
        }
    }
}

/* ---- indexes ---- */

static uint64_t count_problems(const struct check *check)
{
    return check->report->problems.count + check->report->problems.dropped;
}

static enum status add_pack(void *context, const struct index_pack *pack, struct error *error)
{
    const struct structure *structure = context;
    return check_add_pack(structure->check, structure->index, pack, error);
}

static enum status note_index(void *context, const unsigned char id[OBJECT_ID_SIZE],
                              const struct buffer *content, struct error *error)
{
    struct structure *structure = context;
    structure->index = id;
    enum status status = index_decode(content, add_pack, structure, error);
    return status == STATUS_OK ? id_list_add(&structure->good, id, error) : status;
}

/* Divides what is listed into what a statement names and what none does. */
static enum status divide_indexes(struct id_list *named, struct id_list *others,
                                  const struct structure *structure, struct error *error)
{
    const struct snapshot_list *list = &structure->check->list;
    CLEANUP(id_list_free) struct id_list wanted = {0};
    enum status status = STATUS_OK;
    for (size_t i = 0; i < list->count; i++) {
        for (size_t j = 0; status == STATUS_OK && j < list->items[i].index_count; j++) {
            status = id_list_add(&wanted, list->items[i].indexes[j], error);
        }
    }
    id_list_sort(&wanted);
    for (size_t i = 0; status == STATUS_OK && i < structure->listed.count; i++) {
        const unsigned char *id = structure->listed.ids[i];
        status = id_list_add(id_list_has(&wanted, id) ? named : others, id, error);
    }
    return status;
}

/* Bytes under an index's name that do not verify, and that no statement names, are what an
 * interrupted run left where nothing can be removed: nobody needs them, and they are no problem. */
static enum status read_indexes(struct structure *structure, struct error *error)
{
    struct check *check = structure->check;
    struct problems *problems = &check->report->problems;
    CLEANUP(id_list_free) struct id_list named = {0};
    CLEANUP(id_list_free) struct id_list others = {0};
    struct index_reading first = {
        .ids = &named, .problems = problems, .visit = note_index, .context = structure};
    struct index_reading then = first;
    then.ids = &others;
    then.only_whole = true;
    enum status status =
        object_list_ids(&structure->listed, check->repo, problems, OBJECT_INDEX, error);
    status = status ? status : divide_indexes(&named, &others, structure, error);
    status = status ? status : index_read_each(check->repo, &first, error);
    status = status ? status : index_read_each(check->repo, &then, error);
    id_list_sort(&structure->good);
    return status;
}

static enum status check_indexes(struct structure *structure, struct error *error)
{
    struct check *check = structure->check;
    enum status status = read_indexes(structure, error);
    CLEANUP(id_list_free) struct id_list told = {0};
    for (size_t i = 0; status == STATUS_OK && i < check->list.count; i++) {
        const struct statement *statement = &check->list.items[i];
        for (size_t j = 0; status == STATUS_OK && j < statement->index_count; j++) {
            const unsigned char *id = statement->indexes[j];
            if (id_list_has(&structure->listed, id) || id_list_has(&told, id)) {
                continue; /* a damaged one has been told */
            }
            struct error problem;
            char words[SNAPSHOT_WORDS_SIZE];
            error_set(&problem, STATUS_NOT_FOUND, 0, _("missing: an index that %s wrote"),
                      snapshot_words(words, check, i));
            error_set_hint(&problem, "%s",
                           _("What it said is sought in the packs' own directories, by a restore, "
                             "too."));
            check_tell(check, OBJECT_INDEX, id, &problem);
            status = id_list_add(&told, id, error);
            id_list_sort(&told);
        }
    }
    return status;
}

/* ---- packs that a lost index named ---- */

static enum status is_indexed(void *context, const unsigned char id[OBJECT_ID_SIZE], bool *known,
                              struct error *error)
{
    return check_has_pack(context, id, known, error);
}

static enum status add_found(void *context, const struct index_pack *pack, struct error *error)
{
    static const unsigned char none[OBJECT_ID_SIZE];
    struct check *check = context;
    check->report->found_packs++;
    return check_add_pack(check, none, pack, error);
}

/* As a restore does. Without a lost index whatever is needed is in the others. */
static enum status search_packs(struct check *check, uint64_t problems, struct error *error)
{
    const struct pack_search search = {is_indexed, add_found, check};
    return count_problems(check) == problems ? STATUS_OK : pack_search(check->repo, &search, error);
}

/* ---- references ---- */

static enum status collect_wanted(struct structure *structure, struct error *error)
{
    const struct snapshot_list *list = &structure->check->list;
    size_t count = 0;
    for (size_t i = 0; i < list->count; i++) {
        count += list->items[i].reference_count;
    }
    structure->missing = calloc(list->count + 1, sizeof *structure->missing);
    structure->wanted = calloc(count + 1, sizeof *structure->wanted);
    if (structure->missing == NULL || structure->wanted == NULL) {
        return error_set_memory(error);
    }
    for (size_t i = 0; i < list->count; i++) {
        const struct statement *statement = &list->items[i];
        for (size_t j = 0; j < statement->reference_count; j++) {
            structure->wanted[structure->wanted_count++] =
                (struct wanted_references){statement->references[j], i};
        }
        enum status status = id_list_add(&structure->statements, statement->id, error);
        if (status != STATUS_OK) {
            return status;
        }
    }
    id_list_sort(&structure->statements);
    return STATUS_OK;
}

static enum status look_up(struct structure *structure, const struct wanted_references *wanted,
                           const struct references *references, struct error *error)
{
    static const unsigned char none[OBJECT_ID_SIZE];
    struct check *check = structure->check;
    enum status status = STATUS_OK;
    for (size_t i = 0; status == STATUS_OK && i < references->added_count; i++) {
        bool located = false;
        status = check_need_chunk(check, references->added[i], wanted->snapshot, &located, error);
        structure->missing[wanted->snapshot] += !located;
    }
    if (status == STATUS_OK && memcmp(references->base, none, OBJECT_ID_SIZE) != 0 &&
        !id_list_has(&structure->statements, references->base)) {
        status = error_set(error, STATUS_NOT_FOUND, 0, "%s",
                           _("it is a difference to a snapshot that is not there, or not to be "
                             "trusted"));
    }
    return status;
}

static enum status check_one(void *context, struct store *store, size_t number, struct error *error)
{
    struct structure *structure = context;
    struct check *check = structure->check;
    const struct wanted_references *wanted = &structure->wanted[number];
    CLEANUP(buffer_free) struct buffer bytes = {0};
    CLEANUP(buffer_free) struct buffer content = {0};
    CLEANUP(references_free) struct references references = {0};
    enum status status =
        object_get(&bytes, check->repo, store, OBJECT_REFERENCES, wanted->id, error);
    if (status == STATUS_OK) {
        status = object_unseal(&content, check->repo, OBJECT_REFERENCES, &bytes, error);
    }
    if (status == STATUS_OK) {
        status = references_decode(&references, &content, error);
    }
    pthread_mutex_lock(&check->lock);
    if (status == STATUS_OK) {
        status = look_up(structure, wanted, &references, error);
    }
    if (problem_is_local(status, error)) {
        char words[SNAPSHOT_WORDS_SIZE];
        error_add_context(error, "%s", snapshot_words(words, check, wanted->snapshot));
        check_tell(check, OBJECT_REFERENCES, wanted->id, error);
        error_clear(error);
        status = STATUS_OK;
    }
    pthread_mutex_unlock(&check->lock);
    return status;
}

static void tell_missing(const struct structure *structure)
{
    struct check *check = structure->check;
    for (size_t i = 0; i < check->list.count; i++) {
        uint64_t missing = structure->missing[i];
        if (missing > 0) {
            struct error problem;
            error_set(&problem, STATUS_NOT_FOUND, 0,
                      ngettext("%llu chunk that this snapshot added is in no readable index",
                               "%llu chunks that this snapshot added are in no readable index",
                               (unsigned long)missing),
                      (unsigned long long)missing);
            check_tell(check, OBJECT_STATEMENT, check->list.items[i].id, &problem);
        }
    }
}

enum status check_structure(struct check *check, struct error *error)
{
    struct structure structure = {.check = check};
    check_chain(check);
    uint64_t problems = count_problems(check);
    enum status status = check_indexes(&structure, error);
    if (status == STATUS_OK) {
        status = search_packs(check, problems, error);
    }
    if (status == STATUS_OK) {
        status = collect_wanted(&structure, error);
    }
    if (status == STATUS_OK) {
        status = repo_parallel(check->repo, structure.wanted_count, check_one, &structure, error);
    }
    if (status == STATUS_OK) {
        tell_missing(&structure);
    }
    structure_free(&structure);
    return status;
}
