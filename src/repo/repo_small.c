/* repo_small: the objects with random names (repository/, hosts/, keys/), read all at once. What
 * one of them says is noted, or why it is set aside. */
#include "repository.h"
#include <stdio.h>
#include <stdlib.h>

static enum status keep_word(struct small_objects *objects, const char *name, struct buffer *object,
                             struct error *error)
{
    struct repo *repo = objects->repo;
    if (!objects->words) {
        return STATUS_OK;
    }
    struct word *words = realloc(repo->words, (repo->word_count + 1) * sizeof *words);
    if (words == NULL) {
        return error_set_memory(error);
    }
    repo->words = words;
    struct word *word = &words[repo->word_count++];
    snprintf(word->name, sizeof word->name, "%s", name);
    word->bytes = *object;
    *object = (struct buffer){0};
    return STATUS_OK;
}

static enum status read_small(void *context, struct store *store, size_t number,
                              struct error *error)
{
    struct small_objects *objects = context;
    const char *name = objects->names.names[number];
    CLEANUP(buffer_free) struct buffer object = {0};
    enum status status = object_read_limited(&object, store, name, SMALL_OBJECT_LIMIT, error);
    if (status != STATUS_OK && !problem_is_local(status, error)) {
        return status;
    }
    pthread_mutex_lock(&objects->lock);
    bool fetched = status == STATUS_OK;
    if (fetched) {
        status = objects->read(objects->context, &object, error);
    }
    if (status == STATUS_OK) {
        objects->good++;
        status = keep_word(objects, name, &object, error);
    } else if (problem_is_local(status, error)) {
        /* A key object that is sealed to others is nothing wrong. */
        if (!fetched || status != STATUS_DENIED) {
            if (error->hint[0] == '\0') {
                error_set_hint(error, "%s",
                               _("Where another one is good, whoever runs the storage can remove "
                                 "this one."));
            }
            problems_add(&objects->repo->problems, name, error);
        }
        error_add_context(error, "%s", name);
        if (objects->first.status == STATUS_OK || status == STATUS_UNSUPPORTED) {
            objects->first = *error;
        }
        objects->newer = objects->newer || status == STATUS_UNSUPPORTED;
        error_clear(error);
        status = STATUS_OK;
    }
    pthread_mutex_unlock(&objects->lock);
    return status;
}

enum status small_objects_read(struct small_objects *objects, enum object_kind kind,
                               struct error *error)
{
    struct repo *repo = objects->repo;
    pthread_mutex_init(&objects->lock, NULL);
    struct store *store = NULL;
    enum status status = repo_take_store(&store, repo, error);
    if (status == STATUS_OK) {
        status = object_list_names(&objects->names, repo, store, &repo->problems, kind, error);
    }
    repo_give_store(repo, store);
    /* A folder that cannot be read holds nothing; what follows from it, the caller says. */
    if (problem_is_local(status, error) && objects->names.count == 0) {
        problems_add_folder(&repo->problems, object_folder(kind), error);
        objects->first = *error;
        error_clear(error);
        status = STATUS_OK;
    }
    if (status == STATUS_OK) {
        status = repo_parallel(repo, objects->names.count, read_small, objects, error);
    }
    pthread_mutex_destroy(&objects->lock);
    return status;
}
