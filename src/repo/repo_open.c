/* repo_open: from an address and keys to a repository that is known to be the right one. Nothing
 * that the storage says is believed without the recovery key's signature, where one can be checked.
 */
#include "repository.h"
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One object with a random name: what it says is noted, or why it is set aside. */
typedef enum status (*small_read)(void *context, const struct buffer *object, struct error *error);

struct small_objects {
    struct repo *repo;
    struct name_list names;
    small_read read;
    void *context;
    pthread_mutex_t lock; /* of the context, the problems and what follows */
    size_t good;
    struct error first; /* why the first one was set aside */
    bool newer;         /* one is of a newer format */
    bool words;         /* they are the recovery key's, and kept */
};

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

/* The problems found are also the repo's. */
static enum status read_all_small(struct small_objects *objects, enum object_kind kind,
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
    if (status == STATUS_OK) {
        status = repo_parallel(repo, objects->names.count, read_small, objects, error);
    }
    pthread_mutex_destroy(&objects->lock);
    return status;
}

/* ---- repository/ ---- */

#define WITNESSES 8

struct identification {
    struct repo *repo;
    const unsigned char *expected; /* or NULL */
    struct repository_record record;
    unsigned char (*checks)[SUBKEY_SIZE]; /* of all good objects */
    size_t count;
    struct buffer statements[WITNESSES]; /* where no object is good */
    size_t statement_count;
};

static void identification_free(struct identification *found)
{
    free(found->checks);
    for (size_t i = 0; i < found->statement_count; i++) {
        buffer_free(&found->statements[i]);
    }
}

static enum status note_repository(void *context, const struct buffer *object, struct error *error)
{
    struct identification *found = context;
    const struct repo *repo = found->repo;
    struct repository_record record;
    enum status status =
        repository_decode(&record, object, repo->proved ? repo->trusted : NULL, error);
    if (status != STATUS_OK) {
        return status;
    }
    const unsigned char *expected = found->count > 0 ? found->record.id : found->expected;
    if (expected != NULL && memcmp(expected, record.id, sizeof record.id) != 0) {
        return error_set(error, STATUS_UNAUTHENTIC, 0, "%s",
                         _("it describes another repository than the one expected here"));
    }
    void *checks = realloc(found->checks, (found->count + 1) * SUBKEY_SIZE);
    if (checks == NULL) {
        return error_set_memory(error);
    }
    found->checks = checks;
    memcpy(found->checks[found->count++], record.check, SUBKEY_SIZE);
    found->record = record;
    return STATUS_OK;
}

/* ---- without repository/ ---- */

static enum status take_statement(void *context, const unsigned char id[OBJECT_ID_SIZE],
                                  const struct store_entry *entry, struct error *error)
{
    struct id_list *ids = context;
    (void)entry;
    return ids->count < WITNESSES ? id_list_add(ids, id, error) : STATUS_OK;
}

/* What the storage lost, or somebody removed, need not be known to who knows which repository it
 * is: the secret is then the one that opens a statement. Where there is none there is no
 * repository, but a disk that is not mounted, or another address. */
static enum status call_witnesses(struct identification *found, struct error *error)
{
    struct repo *repo = found->repo;
    CLEANUP(id_list_free) struct id_list ids = {0};
    struct store *store = NULL;
    enum status status = repo_take_store(&store, repo, error);
    status = status ? status
                    : object_list(repo, store, OBJECT_STATEMENT, NULL, take_statement, &ids, error);
    for (size_t i = 0; status == STATUS_OK && i < ids.count; i++) {
        struct buffer *statement = &found->statements[found->statement_count];
        status = object_get(statement, repo, store, OBJECT_STATEMENT, ids.ids[i], error);
        found->statement_count += status == STATUS_OK;
        status = problem_is_local(status, error) ? STATUS_OK : status;
    }
    repo_give_store(repo, store);
    return status;
}

static void tell_lost(struct repo *repo)
{
    struct error problem;
    error_set(&problem, STATUS_NOT_FOUND, 0, "%s",
              _("the description of this repository is missing or damaged"));
    error_set_hint(&problem, "%s",
                   _("The next kura backup of a machine that backs up here stores it again."));
    problems_add(&repo->problems, object_folder(OBJECT_REPOSITORY), &problem);
}

static enum status no_repository(const struct repo *repo, struct error *error)
{
    error_set(error, STATUS_NOT_FOUND, 0, _("there is no repository at %s"),
              repo->access.store.url);
    return error_set_hint(error, "%s",
                          _("Check the address; \"kura init\" makes a new repository."));
}

static enum status identify(struct identification *found, struct error *error)
{
    struct repo *repo = found->repo;
    struct small_objects objects = {
        .repo = repo, .read = note_repository, .context = found, .words = true};
    enum status status = read_all_small(&objects, OBJECT_REPOSITORY, error);
    size_t names = objects.names.count;
    name_list_free(&objects.names);
    if (status != STATUS_OK) {
        return status;
    }
    /* A newer format is refused as a whole: half of its meaning would be lost unseen. */
    if (objects.newer) {
        *error = objects.first;
        return error->status;
    }
    if (objects.good > 0) {
        memcpy(repo->id, found->record.id, sizeof repo->id);
        return STATUS_OK;
    }
    if (found->expected != NULL) {
        status = call_witnesses(found, error);
    }
    if (status == STATUS_OK && found->statement_count > 0) {
        memcpy(repo->id, found->expected, sizeof repo->id);
        tell_lost(repo);
        return STATUS_OK;
    }
    if (status == STATUS_OK && names > 0) {
        *error = objects.first;
        return error->status;
    }
    return status == STATUS_OK ? no_repository(repo, error) : status;
}

static bool opens_a_statement(const struct identification *found, const unsigned char *secret)
{
    struct repo holder = {.secret = (unsigned char *)(uintptr_t)secret};
    memcpy(holder.id, found->expected, sizeof holder.id);
    for (size_t i = 0; i < found->statement_count; i++) {
        CLEANUP(buffer_free) struct buffer content = {0};
        struct error ignored;
        if (object_unseal(&content, &holder, OBJECT_STATEMENT, &found->statements[i], &ignored) ==
            STATUS_OK) {
            return true;
        }
    }
    return false;
}

static bool is_the_secret(const struct identification *found, const unsigned char *secret)
{
    if (found->count == 0) {
        return opens_a_statement(found, secret);
    }
    unsigned char check[SUBKEY_SIZE];
    repository_secret_check(check, secret);
    for (size_t i = 0; i < found->count; i++) {
        if (sodium_memcmp(check, found->checks[i], sizeof check) == 0) {
            return true;
        }
    }
    return false;
}

/* ---- hosts/ ---- */

enum status repo_take_host(struct repo *repo, const struct buffer *object, struct error *error)
{
    struct host_record record;
    enum status status =
        host_record_decode(&record, object->data, object->size, repo->id, repo->trusted, error);
    if (status != STATUS_OK) {
        return status;
    }
    struct host_record *hosts = realloc(repo->hosts, (repo->host_count + 1) * sizeof *hosts);
    if (hosts == NULL) {
        return error_set_memory(error);
    }
    repo->hosts = hosts;
    hosts[repo->host_count++] = record;
    return STATUS_OK;
}

static enum status note_host(void *context, const struct buffer *object, struct error *error)
{
    return repo_take_host(context, object, error);
}

static enum status read_hosts(struct repo *repo, struct error *error)
{
    struct small_objects objects = {
        .repo = repo, .read = note_host, .context = repo, .words = true};
    enum status status = read_all_small(&objects, OBJECT_HOST, error);
    name_list_free(&objects.names);
    if (status == STATUS_OK && repo->host_count == 0) {
        /* Not fatal: whoever has the recovery key can vouch again. */
        struct error problem;
        error_set(&problem, STATUS_UNAUTHENTIC, 0, "%s",
                  _("the recovery key vouches for no host key here"));
        problems_add(&repo->problems, object_folder(OBJECT_HOST), &problem);
    }
    return status;
}

/* ---- the secret ---- */

struct secret_search {
    struct repo *repo;
    const struct identification *found;
};

static enum status try_secret(void *context, const struct buffer *object, struct error *error)
{
    struct secret_search *search = context;
    struct repo *repo = search->repo;
    CLEANUP(buffer_wipe) struct buffer opened = {0};
    enum status status =
        age_open_buffer(&opened, object->data, object->size, repo->access.identities,
                        repo->access.identity_count, REPOSITORY_SECRET_SIZE, error);
    if (status != STATUS_OK) {
        return status;
    }
    /* Anybody who can write there can seal some secret to our recipients. */
    if (opened.size != REPOSITORY_SECRET_SIZE || !is_the_secret(search->found, opened.data)) {
        return error_set(error, STATUS_UNAUTHENTIC, 0, "%s",
                         _("it holds another secret than the one of this repository"));
    }
    if (repo->secret == NULL) {
        repo->secret = secret_new(REPOSITORY_SECRET_SIZE);
        memcpy(repo->secret, opened.data, REPOSITORY_SECRET_SIZE);
    }
    return STATUS_OK;
}

static enum status secret_from_keys(struct repo *repo, const struct identification *found,
                                    struct error *error)
{
    if (repo->access.identity_count == 0) {
        return error_set(error, STATUS_DENIED, 0, "%s",
                         _("neither a host key nor an identity was given to open the repository"));
    }
    struct secret_search search = {repo, found};
    struct small_objects objects = {.repo = repo, .read = try_secret, .context = &search};
    enum status status = read_all_small(&objects, OBJECT_KEYS, error);
    size_t names = objects.names.count;
    name_list_free(&objects.names);
    if (status != STATUS_OK || repo->secret != NULL) {
        return status;
    }
    if (names == 0) {
        return error_set(error, STATUS_CORRUPT, 0, "%s",
                         _("the repository's sealed secret is missing: keys/ is empty"));
    }
    *error = objects.first;
    error_add_context(error, "%s", _("the repository's secret cannot be opened"));
    return error_set_hint(error, "%s", _("Use an identity to which this repository is sealed."));
}

static enum status secret_from_host(struct repo *repo, const struct identification *found,
                                    struct error *error)
{
    if (!is_the_secret(found, repo->access.host->secret)) {
        return error_set(error, STATUS_UNAUTHENTIC, 0, "%s",
                         _("the host key holds another secret than the one of this repository"));
    }
    repo->secret = secret_new(REPOSITORY_SECRET_SIZE);
    memcpy(repo->secret, repo->access.host->secret, REPOSITORY_SECRET_SIZE);
    return STATUS_OK;
}

static enum status choose_roots(struct repo *repo, const unsigned char **expected,
                                struct error *error)
{
    const struct repo_access *access = &repo->access;
    const unsigned char *trusted = access->trusted;
    *expected = access->repository;
    if (access->host != NULL) {
        if (*expected != NULL &&
            memcmp(*expected, access->host->repository, REPOSITORY_ID_SIZE) != 0) {
            return error_set(error, STATUS_UNAUTHENTIC, 0, "%s",
                             _("the host key is of another repository"));
        }
        *expected = access->host->repository;
        trusted = trusted != NULL ? trusted : access->host->trusted;
    }
    if (trusted != NULL) {
        repo->proved = true;
        memcpy(repo->trusted, trusted, SIGN_PUBLIC_SIZE);
    }
    return STATUS_OK;
}

enum status repo_open(struct repo **repo, const struct repo_access *access, struct error *error)
{
    *repo = NULL;
    CLEANUP(repo_free_pointer) struct repo *made = NULL;
    enum status status = repo_pool_open(&made, access, error);
    if (status != STATUS_OK) {
        return status;
    }
    struct identification found = {.repo = made};
    status = choose_roots(made, &found.expected, error);
    if (status == STATUS_OK) {
        status = identify(&found, error);
    }
    if (status == STATUS_OK && made->proved) {
        status = read_hosts(made, error);
    }
    if (status == STATUS_OK) {
        status = access->host != NULL ? secret_from_host(made, &found, error)
                                      : secret_from_keys(made, &found, error);
    }
    identification_free(&found);
    if (status == STATUS_OK) {
        *repo = made;
        made = NULL;
    }
    return status;
}
