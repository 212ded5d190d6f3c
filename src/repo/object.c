/* object: whole objects in and out of the store. What comes out verifies, or does not come out;
 * what goes in has a name that nobody could occupy in advance with lasting effect. */
#include "repo_private.h"
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_READ (size_t)(64 * 1024)
#define COMPARE_SIZE (size_t)(1024 * 1024)
#define PUT_TRIES 4

void object_hash(unsigned char id[OBJECT_ID_SIZE], const void *bytes, size_t size)
{
    crypto_generichash(id, OBJECT_ID_SIZE, bytes, size, NULL, 0);
}

/* ---- reading ---- */

enum status object_read_limited(struct buffer *bytes, struct store *store, const char *name,
                                size_t limit, struct error *error)
{
    buffer_clear(bytes);
    size_t first = limit < FIRST_READ ? limit + 1 : FIRST_READ;
    size_t got = 0;
    uint64_t size = 0;
    enum status status = buffer_reserve(bytes, first, error);
    if (status == STATUS_OK) {
        status = store_get(store, name, 0, bytes->data, first, &got, error);
    }
    bytes->size = got;
    if (status != STATUS_OK || (got < first && got <= limit)) {
        return status;
    }
    status = store_size(store, name, &size, error);
    if (status != STATUS_OK) {
        return status;
    }
    if (size > limit || got > limit) {
        return error_set(error, STATUS_CORRUPT, 0, _("%s is longer than such an object can be"),
                         name);
    }
    if (size <= got) {
        return STATUS_OK;
    }
    size_t rest = (size_t)size - got;
    status = buffer_reserve(bytes, rest, error);
    if (status == STATUS_OK) {
        status = store_get(store, name, bytes->size, bytes->data + bytes->size, rest, &got, error);
        bytes->size += status == STATUS_OK ? got : 0;
    }
    return status;
}

/* Packs are long: their size is asked first, so that one request stream fetches all. */
static enum status read_pack(struct buffer *bytes, struct store *store, const char *name,
                             struct error *error)
{
    buffer_clear(bytes);
    uint64_t size = 0;
    size_t got = 0;
    enum status status = store_size(store, name, &size, error);
    if (status != STATUS_OK) {
        return status;
    }
    if (size > PACK_LIMIT) {
        return error_set(error, STATUS_CORRUPT, 0, _("%s is longer than such an object can be"),
                         name);
    }
    status = buffer_reserve(bytes, (size_t)size + 1, error);
    if (status == STATUS_OK) {
        status = store_get(store, name, 0, bytes->data, (size_t)size, &got, error);
        bytes->size = status == STATUS_OK ? got : 0;
    }
    return status;
}

enum status object_read_verified(struct buffer *bytes, struct store *store, enum object_kind kind,
                                 const unsigned char id[OBJECT_ID_SIZE], const char *name,
                                 struct error *error)
{
    enum status status = kind == OBJECT_PACK
                             ? read_pack(bytes, store, name, error)
                             : object_read_limited(bytes, store, name, object_limit(kind), error);
    if (status != STATUS_OK) {
        return status;
    }
    size_t start = 0;
    if (kind == OBJECT_SNAPSHOT) {
        status = age_header_length(&start, bytes->data, bytes->size, error);
        if (status != STATUS_OK) {
            error_add_context(error, "%s", name);
            error->status = STATUS_CORRUPT;
            return STATUS_CORRUPT;
        }
    }
    unsigned char found[OBJECT_ID_SIZE];
    object_hash(found, bytes->data + start, bytes->size - start);
    if (memcmp(found, id, OBJECT_ID_SIZE) != 0) {
        return error_set(error, STATUS_CORRUPT, 0,
                         _("%s is damaged: its content does not match its name"), name);
    }
    return STATUS_OK;
}

/* ---- every name of an id ---- */

struct name_search {
    enum object_kind kind;
    const unsigned char *id;
    const char *plain; /* already tried */
    struct name_list names;
};

/* More names of one id than these are somebody's mischief; the first ones are tried. */
#define NAMES_LIMIT 64

static enum status note_name(void *context, const struct store_entry *entry, struct error *error)
{
    struct name_search *search = context;
    unsigned char id[OBJECT_ID_SIZE];
    if (search->names.count == NAMES_LIMIT || strlen(entry->name) >= OBJECT_NAME_SIZE ||
        strcmp(entry->name, search->plain) == 0 ||
        !object_name_parse(id, search->kind, entry->name) ||
        memcmp(id, search->id, OBJECT_ID_SIZE) != 0) {
        return STATUS_OK;
    }
    if (search->names.names == NULL) {
        search->names.names = calloc(NAMES_LIMIT, OBJECT_NAME_SIZE);
        if (search->names.names == NULL) {
            return error_set_memory(error);
        }
    }
    snprintf(search->names.names[search->names.count++], OBJECT_NAME_SIZE, "%s", entry->name);
    return STATUS_OK;
}

/* The names of the id beside `plain`. A missing folder holds none. */
static enum status find_names(struct name_list *names, struct store *store, enum object_kind kind,
                              const unsigned char id[OBJECT_ID_SIZE], const char *plain,
                              struct error *error)
{
    char folder[OBJECT_NAME_SIZE];
    snprintf(folder, sizeof folder, "%s", plain);
    *strrchr(folder, '/') = '\0';
    struct name_search search = {kind, id, plain, {0}};
    enum status status = store_list(store, folder, note_name, &search, error);
    *names = search.names;
    if (status == STATUS_NOT_FOUND) {
        error_clear(error);
        status = STATUS_OK;
    }
    return status;
}

enum status object_get(struct buffer *bytes, struct repo *repo, struct store *store,
                       enum object_kind kind, const unsigned char id[OBJECT_ID_SIZE],
                       struct error *error)
{
    (void)repo;
    char plain[OBJECT_NAME_SIZE];
    object_name(plain, kind, id);
    struct error first = {0};
    enum status status = STATUS_NOT_FOUND;
    if (kind != OBJECT_SNAPSHOT) {
        status = object_read_verified(bytes, store, kind, id, plain, error);
        if (!problem_is_local(status, error)) {
            return status;
        }
        first = *error;
    }
    CLEANUP(name_list_free) struct name_list names = {0};
    enum status listed = find_names(&names, store, kind, id, plain, error);
    if (listed != STATUS_OK) {
        return listed;
    }
    for (size_t i = 0; i < names.count; i++) {
        enum status tried = object_read_verified(bytes, store, kind, id, names.names[i], error);
        if (!problem_is_local(tried, error)) {
            return tried;
        }
        /* Of several reasons the one that says most is told: unreadable or damaged, not absent. */
        if (status == STATUS_NOT_FOUND) {
            status = tried;
            first = *error;
        }
    }
    buffer_clear(bytes);
    if (status == STATUS_NOT_FOUND) {
        return error_set(error, STATUS_NOT_FOUND, 0, _("%s is missing from the repository"), plain);
    }
    *error = first;
    return status;
}

/* A whole pack ends so; a piece that does not and is short is of a partial upload. */
static bool ends_like_a_pack(const unsigned char *data, size_t size)
{
    static const char end[] = "kura/1 pack\n";
    return size >= sizeof end - 1 &&
           memcmp(data + size - (sizeof end - 1), end, sizeof end - 1) == 0;
}

enum status object_get_range(struct store *store, enum object_kind kind,
                             const unsigned char id[OBJECT_ID_SIZE], uint64_t offset, void *target,
                             size_t size, size_t *got, struct error *error)
{
    char plain[OBJECT_NAME_SIZE];
    object_name(plain, kind, id);
    enum status status = store_get(store, plain, offset, target, size, got, error);
    if (status == STATUS_OK && (*got == size || ends_like_a_pack(target, *got))) {
        return STATUS_OK;
    }
    if (status != STATUS_OK && !problem_is_local(status, error)) {
        return status;
    }
    struct error first = *error;
    size_t most = status == STATUS_OK ? *got : 0;
    const char *best = status == STATUS_OK ? plain : NULL;
    CLEANUP(name_list_free) struct name_list names = {0};
    enum status listed = find_names(&names, store, kind, id, plain, error);
    if (listed != STATUS_OK) {
        return listed;
    }
    for (size_t i = 0; i < names.count; i++) {
        enum status tried = store_get(store, names.names[i], offset, target, size, got, error);
        if (tried == STATUS_OK && *got == size) {
            return STATUS_OK;
        }
        if (tried != STATUS_OK && !problem_is_local(tried, error)) {
            return tried;
        }
        if (tried == STATUS_OK && (best == NULL || *got > most)) {
            most = *got;
            best = names.names[i];
        }
    }
    if (best != NULL) {
        return store_get(store, best, offset, target, size, got, error);
    }
    *error = first;
    return status;
}

/* ---- writing ---- */

/* Whether the object of this name has exactly these bytes. */
static enum status is_same(bool *same, struct store *store, const char *name,
                           const struct buffer *bytes, struct error *error)
{
    *same = false;
    uint64_t size = 0;
    enum status status = store_size(store, name, &size, error);
    if (status != STATUS_OK || size != bytes->size) {
        return status;
    }
    CLEANUP(buffer_free) struct buffer piece = {0};
    status = buffer_reserve(&piece, COMPARE_SIZE, error);
    for (size_t at = 0; status == STATUS_OK && at < bytes->size; at += COMPARE_SIZE) {
        size_t length = bytes->size - at < COMPARE_SIZE ? bytes->size - at : COMPARE_SIZE;
        size_t got = 0;
        status = store_get(store, name, at, piece.data, length, &got, error);
        if (status != STATUS_OK || got != length ||
            memcmp(piece.data, bytes->data + at, length) != 0) {
            return status;
        }
    }
    *same = status == STATUS_OK;
    return status;
}

static void random_digits(char digits[RANDOM_NAME_DIGITS + 1])
{
    unsigned char random[RANDOM_NAME_DIGITS / 2];
    randombytes_buf(random, sizeof random);
    hex_encode(digits, random, sizeof random);
}

enum status repo_is_still_there(const struct repo *repo, struct store *store, struct error *error)
{
    uint64_t size = 0;
    if (repo->anchor[0] == '\0' ||
        store_size(store, repo->anchor, &size, error) != STATUS_NOT_FOUND) {
        return STATUS_OK;
    }
    error_set(error, STATUS_UNREACHABLE, 0,
              _("the repository at %s was there, and is not any more"), repo->access.store.url);
    return error_set_hint(error, "%s", _("Is its disk still mounted?"));
}

/* A folder that the storage has lost comes back with the first object in it. */
static enum status put(const struct repo *repo, struct store *store, const char *name,
                       const struct buffer *bytes, struct error *error)
{
    enum status status = store_put(store, name, bytes->data, bytes->size, error);
    if (status != STATUS_NOT_FOUND) {
        return status;
    }
    char folder[OBJECT_NAME_SIZE];
    snprintf(folder, sizeof folder, "%.*s", (int)(strrchr(name, '/') - name), name);
    status = repo_is_still_there(repo, store, error);
    status = status ? status : store_make_folder(store, folder, error);
    return status ? status : store_put(store, name, bytes->data, bytes->size, error);
}

enum status object_put_nameless(char name[OBJECT_NAME_SIZE], const struct repo *repo,
                                struct store *store, enum object_kind kind,
                                const struct buffer *bytes, struct error *error)
{
    enum status status = STATUS_EXISTS;
    for (unsigned tries = 0; status == STATUS_EXISTS && tries < PUT_TRIES; tries++) {
        char digits[RANDOM_NAME_DIGITS + 1];
        random_digits(digits);
        snprintf(name, OBJECT_NAME_SIZE, "%s/%s", object_folder(kind), digits);
        status = put(repo, store, name, bytes, error);
    }
    return status;
}

enum status object_put(struct repo *repo, struct store *store, enum object_kind kind,
                       const unsigned char id[OBJECT_ID_SIZE], const struct buffer *bytes,
                       struct error *error)
{
    char plain[OBJECT_NAME_SIZE];
    if (object_is_nameless(kind)) {
        return object_put_nameless(plain, repo, store, kind, bytes, error);
    }
    object_name(plain, kind, id);
    enum status status = STATUS_EXISTS;
    for (unsigned tries = 0; status == STATUS_EXISTS && tries < PUT_TRIES; tries++) {
        char digits[RANDOM_NAME_DIGITS + 1];
        char name[2 * OBJECT_NAME_SIZE];
        random_digits(digits);
        if (tries == 0 && kind != OBJECT_SNAPSHOT) {
            snprintf(name, sizeof name, "%s", plain);
        } else {
            snprintf(name, sizeof name, "%s.%s", plain, digits);
        }
        status = put(repo, store, name, bytes, error);
        if (status == STATUS_EXISTS) {
            /* Taken by an earlier run, by a partial upload, or by garbage that somebody put there:
             * only the very bytes count as published. */
            bool same = false;
            struct error seen;
            if (is_same(&same, store, name, bytes, &seen) == STATUS_OK && same) {
                error_clear(error);
                return STATUS_OK;
            }
        }
    }
    return status;
}
