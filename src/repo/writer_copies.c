/* writer_copies: the recovery key's words, on what repository this is and on who may write into it,
 * are kept by each host as the objects that they are. When the storage has lost one, the next
 * backup stores it again: nobody but the recovery key could make it anew (repo_describe). */
#include "repository.h"
#include "writer_private.h"
#include <stdio.h>
#include <string.h>

static bool is_there(const struct repo *repo, const struct buffer *copy)
{
    for (size_t i = 0; i < repo->word_count; i++) {
        const struct buffer *bytes = &repo->words[i].bytes;
        if (bytes->size == copy->size && memcmp(bytes->data, copy->data, copy->size) == 0) {
            return true;
        }
    }
    return false;
}

/* What is damaged here heals nothing. */
static bool is_a_word(enum object_kind *kind, struct repo *repo, const char *name,
                      const struct buffer *copy)
{
    struct error ignored;
    struct repository_record record;
    size_t folder = strcspn(name, "/");
    if (strncmp(name, object_folder(OBJECT_HOST), folder) == 0) {
        *kind = OBJECT_HOST;
        return repo_take_host(repo, copy, &ignored) == STATUS_OK;
    }
    *kind = OBJECT_REPOSITORY;
    return repository_decode(&record, copy, repo->trusted, &ignored) == STATUS_OK &&
           memcmp(record.id, repo->id, sizeof record.id) == 0;
}

static enum status heal(void *context, const char *name, const struct buffer *copy,
                        struct error *error)
{
    struct writer *writer = context;
    enum object_kind kind;
    if (is_there(writer->repo, copy) || !is_a_word(&kind, writer->repo, name, copy)) {
        return STATUS_OK;
    }
    char stored[OBJECT_NAME_SIZE];
    struct store *store = NULL;
    enum status status = repo_take_store(&store, writer->repo, error);
    status = status ? status : object_put_nameless(stored, writer->repo, store, kind, copy, error);
    repo_give_store(writer->repo, store);
    if (status != STATUS_OK) {
        return status;
    }
    if (kind == OBJECT_REPOSITORY && writer->repo->anchor[0] == '\0') {
        snprintf(writer->repo->anchor, sizeof writer->repo->anchor, "%s", stored);
    }
    struct error problem;
    error_set(&problem, STATUS_NOT_FOUND, 0,
              _("It was missing or damaged, and this backup stored it again as %s"), stored);
    problems_add(&writer->problems, name, &problem);
    return STATUS_OK;
}

/* With none of the recovery key's words there, and not what this host published last either, it is
 * another place, such as the folder below a disk that is not mounted: nothing is healed there. */
static enum status check_place(struct writer *writer, struct error *error)
{
    struct state_base base;
    struct store *store = NULL;
    CLEANUP(buffer_free) struct buffer statement = {0};
    enum status status = state_get_base(writer->state, &base, error);
    if (status != STATUS_OK || !base.present || writer->repo->word_count > 0) {
        return status;
    }
    status = repo_take_store(&store, writer->repo, error);
    status = status ? status
                    : object_get(&statement, writer->repo, store, OBJECT_STATEMENT, base.statement,
                                 error);
    repo_give_store(writer->repo, store);
    if (!problem_is_local(status, error)) {
        return status;
    }
    error_set(error, STATUS_UNREACHABLE, 0, "%s",
              _("neither the repository's description nor the last backup of this machine is "
                "there"));
    return error_set_hint(error, "%s",
                          _("Is its disk mounted? If nearly all of it is lost: move the host key "
                            "away and make a new repository at another address with kura init; "
                            "what is left here stays readable with the old key and kit."));
}

enum status copies_settle(struct writer *writer, struct error *error)
{
    const struct repo *repo = writer->repo;
    size_t there = repo->word_count;
    enum status status = check_place(writer, error);
    status = status ? status : state_each_copy(writer->state, heal, writer, error);
    for (size_t i = 0; status == STATUS_OK && i < there; i++) {
        status = state_keep_copy(writer->state, repo->words[i].name, &repo->words[i].bytes, error);
    }
    return status;
}
