/* register_read: all entries, each verified, and none missed that a statement swears to. What is
 * not to be believed is never applied: its rules would run in every restored database. */
#include "register_private.h"
#include <stdlib.h>
#include <string.h>

struct reading {
    struct repo *repo;
    const struct snapshot_list *list;
    const struct name_list *names;
    struct erasure_ids sworn; /* by any statement of the list */
    pthread_mutex_t lock;     /* of what follows */
    struct erasure_register *entries;
};

void erasure_register_free(struct erasure_register *entries)
{
    for (size_t i = 0; i < entries->count; i++) {
        erasure_free(&entries->items[i]);
    }
    for (size_t i = 0; i < entries->settled_count; i++) {
        erasure_free(&entries->settled[i]);
    }
    free(entries->items);
    free(entries->settled);
    problems_free(&entries->problems);
    *entries = (struct erasure_register){0};
}

/* ------------------------------------------------------------------ one entry */

/* A revoked host could have signed its entries any time; those that stood in a trusted statement
 * were there before it was stolen, or somebody trusted built on them. */
static enum status judge(const struct erasure *erasure, const struct reading *reading,
                         struct error *error)
{
    const struct repo *repo = reading->repo;
    bool added = !repo->proved, revoked = false;
    for (size_t i = 0; i < repo->host_count; i++) {
        const struct host_record *record = &repo->hosts[i];
        if (memcmp(record->public_key, erasure->host, SIGN_PUBLIC_SIZE) == 0) {
            added = added || record->verdict == HOST_ADDED;
            revoked = revoked || record->verdict == HOST_REVOKED;
        }
    }
    char host[2 * SIGN_PUBLIC_SIZE + 1];
    hex_encode(host, erasure->host, SIGN_PUBLIC_SIZE);
    if (!added) {
        return error_set(error, STATUS_UNAUTHENTIC, 0,
                         _("this erasure is signed by the host key %.16s…, for which the recovery "
                           "key does not vouch; it is not obeyed"),
                         host);
    }
    if (revoked && !register_ids_have(&reading->sworn, erasure->id)) {
        return error_set(
            error, STATUS_UNAUTHENTIC, 0,
            _("this erasure is signed by the host key %.16s…, which was revoked, and no "
              "trusted backup knows it; it is not obeyed"),
            host);
    }
    return STATUS_OK;
}

static enum status open_words(struct erasure *erasure, const struct repo *repo,
                              const struct cursor *sealed, struct error *error)
{
    unsigned char person[PERSON_SIZE];
    CLEANUP(buffer_wipe) struct buffer words = {0};
    const struct repo_access *access = &repo->access;
    if (access->identity_count == 0) {
        return STATUS_OK;
    }
    enum status status = age_open_buffer(&words, sealed->at, sealed->left, access->identities,
                                         access->identity_count, SMALL_OBJECT_LIMIT, error);
    if (status == STATUS_DENIED) {
        error_clear(error);
        return STATUS_OK;
    }
    if (status == STATUS_OK) {
        status = erasure_words_decode(erasure, words.data, words.size, error);
    }
    if (status != STATUS_OK) {
        return status;
    }
    person_pseudonym(person, repo->secret, erasure->domain, erasure->value, strlen(erasure->value));
    erasure->opened = memcmp(person, erasure->person, PERSON_SIZE) == 0;
    return erasure->opened ? STATUS_OK
                           : error_set(error, STATUS_CORRUPT, 0, "%s",
                                       _("this erasure is about another person than it says"));
}

/* Takes the erasure over. */
static enum status keep(struct erasure_register *entries, struct erasure *erasure,
                        struct error *error)
{
    struct erasure *items = realloc(entries->items, (entries->count + 1) * sizeof *items);
    if (items == NULL) {
        return error_set_memory(error);
    }
    entries->items = items;
    items[entries->count++] = *erasure;
    *erasure = (struct erasure){0};
    return STATUS_OK;
}

static enum status read_entry(struct erasure *erasure, const struct reading *reading,
                              struct store *store, const char *name, bool *empty,
                              struct error *error)
{
    struct cursor sealed;
    CLEANUP(buffer_free) struct buffer bytes = {0};
    CLEANUP(buffer_free) struct buffer content = {0};
    struct repo *repo = reading->repo;
    enum status status = object_read_limited(&bytes, store, name, SMALL_OBJECT_LIMIT, error);
    /* Killed while it was written, where nothing can be removed. */
    *empty = status == STATUS_OK && bytes.size == 0;
    if (status != STATUS_OK || *empty) {
        return status;
    }
    status = object_unseal(&content, repo, OBJECT_REGISTER, &bytes, error);
    if (status == STATUS_OK) {
        status = erasure_decode(erasure, &sealed, repo->id, &content, error);
    }
    if (status == STATUS_OK) {
        status = judge(erasure, reading, error);
    }
    return status == STATUS_OK ? open_words(erasure, repo, &sealed, error) : status;
}

static enum status read_one(void *context, struct store *store, size_t number, struct error *error)
{
    struct reading *reading = context;
    const char *name = reading->names->names[number];
    CLEANUP(erasure_free) struct erasure erasure = {0};
    bool empty = false;
    enum status status = read_entry(&erasure, reading, store, name, &empty, error);
    if (status != STATUS_OK && !problem_is_local(status, error)) {
        return status;
    }
    pthread_mutex_lock(&reading->lock);
    if (status != STATUS_OK) {
        problems_add(&reading->entries->problems, name, error);
        error_clear(error);
        status = STATUS_OK;
    } else if (!empty) {
        status = keep(reading->entries, &erasure, error);
    }
    pthread_mutex_unlock(&reading->lock);
    return status;
}

/* ------------------------------------------------------------------ what lacks */

/* The newest statement that names it; there is one. */
static const struct statement *who_knows(const struct snapshot_list *list,
                                         const unsigned char id[ERASURE_ID_SIZE])
{
    for (size_t i = list->count; i-- > 0;) {
        const struct statement *statement = &list->items[i];
        for (size_t j = 0; j < statement->erasure_count; j++) {
            if (memcmp(statement->erasures[j], id, ERASURE_ID_SIZE) == 0) {
                return statement;
            }
        }
    }
    return NULL;
}

static void tell_missing(struct erasure_register *entries, const struct statement *statement,
                         const unsigned char id[ERASURE_ID_SIZE])
{
    char name[OBJECT_NAME_SIZE];
    char text[OBJECT_ID_TEXT_SIZE];
    char time[MOMENT_TEXT_SIZE];
    struct error problem;
    snprintf(name, sizeof name, "%s: %s", object_folder(OBJECT_REGISTER),
             hex_encode(text, id, ERASURE_ID_SIZE));
    error_set(
        &problem, STATUS_NOT_FOUND, 0,
        _("an erasure is missing that snapshot %.8s of %s knows of: it was removed, is damaged "
          "or is withheld, and the person would come back"),
        hex_encode(text, statement->id, OBJECT_ID_SIZE),
        moment_format_local(time, statement->time));
    problems_add(&entries->problems, name, &problem);
}

static enum status find_missing(struct erasure_register *entries, const struct reading *reading,
                                struct error *error)
{
    const struct snapshot_list none = {0};
    struct erasure_ids held = {0};
    enum status status = register_ids(&held, &none, entries, error);
    for (size_t i = 0; status == STATUS_OK && i < reading->sworn.count; i++) {
        const unsigned char *id = reading->sworn.items[i];
        if (register_ids_have(&held, id)) {
            continue;
        }
        entries->missing++;
        if (entries->problems.count < PROBLEMS_LIMIT) {
            tell_missing(entries, who_knows(reading->list, id), id);
        } else {
            entries->problems.dropped++;
        }
    }
    register_ids_free(&held);
    return status;
}

static int compare_age(const void *a, const void *b)
{
    const struct erasure *left = a, *right = b;
    int order = moment_compare(left->time, right->time);
    return order != 0 ? order : memcmp(left->id, right->id, ERASURE_ID_SIZE);
}

/* Oldest first. The same entry under two names counts once. */
static void put_in_order(struct erasure_register *entries)
{
    size_t kept = 0;
    if (entries->count > 0) {
        qsort(entries->items, entries->count, sizeof *entries->items, compare_age);
    }
    for (size_t i = 0; i < entries->count; i++) {
        struct erasure *erasure = &entries->items[i];
        if (kept > 0 && memcmp(entries->items[kept - 1].id, erasure->id, ERASURE_ID_SIZE) == 0) {
            erasure_free(erasure);
        } else {
            entries->items[kept++] = *erasure;
        }
    }
    entries->count = kept;
}

/* A folder that cannot be listed whole (somebody floods it, it cannot be read) must stop no backup,
 * and nobody may obey a part of it. */
static enum status list_names(struct name_list *names, const struct reading *reading,
                              struct error *error)
{
    struct store *store = NULL;
    struct repo *repo = reading->repo;
    struct erasure_register *entries = reading->entries;
    enum status status = repo_take_store(&store, repo, error);
    if (status != STATUS_OK) {
        return status;
    }
    status = object_list_names(names, repo, store, &entries->problems, OBJECT_REGISTER, error);
    repo_give_store(repo, store);
    if (problem_is_local(status, error)) {
        problems_add_folder(&entries->problems, object_folder(OBJECT_REGISTER), error);
        error_clear(error);
        entries->unread = true;
        return STATUS_OK;
    }
    return status;
}

static enum status read_all(struct reading *reading, const struct name_list *names,
                            struct error *error)
{
    struct erasure_register *entries = reading->entries;
    enum status status = repo_parallel(reading->repo, names->count, read_one, reading, error);
    if (status == STATUS_OK) {
        put_in_order(entries);
        status = register_settle(entries, error);
    }
    return status == STATUS_OK ? find_missing(entries, reading, error) : status;
}

enum status register_read(struct erasure_register *entries, struct repo *repo,
                          const struct snapshot_list *list, struct error *error)
{
    *entries = (struct erasure_register){0};
    CLEANUP(name_list_free) struct name_list names = {0};
    struct reading reading = {.repo = repo,
                              .list = list,
                              .names = &names,
                              .lock = PTHREAD_MUTEX_INITIALIZER,
                              .entries = entries};
    enum status status = register_ids(&reading.sworn, list, NULL, error);
    if (status == STATUS_OK) {
        status = list_names(&names, &reading, error);
    }
    if (status == STATUS_OK && !entries->unread) {
        status = read_all(&reading, &names, error);
    }
    if (status == STATUS_OK) {
        problems_sort(&entries->problems);
    } else {
        erasure_register_free(entries);
    }
    pthread_mutex_destroy(&reading.lock);
    register_ids_free(&reading.sworn);
    return status;
}
