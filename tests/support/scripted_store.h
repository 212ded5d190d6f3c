/* scripted_store: a store that does one thing wrong, at a place that the test names. A driver over
 * any other store, which it opens itself: put it into struct store_options.
 *
 * Counted over all connections is what the deed can strike: every call and every opening for a
 * failure or a delay, every publication for one that is broken off, every piece that is read for
 * spoilt bytes, every told size, every entry of a listing, every listing for its order. So `at` =
 * 1, 2, ... until nothing was struck any more tries all places there are. */
#ifndef TESTS_SUPPORT_SCRIPTED_STORE_H
#define TESTS_SUPPORT_SCRIPTED_STORE_H

#include "kura/store.h"
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum deed {
    DEED_FAIL,     /* the call fails, and nothing was done */
    DEED_DENY_ACK, /* put: done whole, and said to have failed */
    DEED_PARTIAL,  /* put: half of the object gets the name, and it fails */
    DEED_LOSE,     /* put: confirmed, and nothing was stored */
    DEED_EMPTY,    /* put: confirmed, and an empty object has the name */
    DEED_SHORTEN,  /* put: confirmed, and half of the object has the name */
    DEED_TRUNCATE, /* get: the second half is not there */
    DEED_FLIP,     /* get: one bit in the middle is another */
    DEED_SIZE,     /* size, list: twice the size and one more */
    DEED_HIDE,     /* list: an entry is left out */
    DEED_REORDER,  /* list: the last entry comes first */
    DEED_DELAY,    /* the call takes so long */
};

enum span {
    SPAN_ONCE,
    SPAN_OBJECT, /* whenever the same name comes; names are counted, not calls */
    SPAN_LASTING /* and everything after it */
};

#define SCRIPT_NAMES 1024

struct script {
    enum deed deed;
    enum span span;
    enum status status; /* of failures */
    unsigned delay_ms;
    uint64_t at; /* from 1 */

    pthread_mutex_t lock; /* of what follows, as it was played */
    uint64_t count;
    uint64_t struck;
    size_t met_count; /* of SPAN_OBJECT */
    char met[SCRIPT_NAMES][224];
    char call[16];  /* what was struck first: "get" */
    char name[256]; /* "packs/3f/..." */
};

/* The driver comes first: it is what the options point at. */
struct scripted_driver {
    struct store_driver driver;
    struct script *script;
};

struct scripted_store {
    struct script *script;
    struct store *inner;
};

/* Whether the name comes for the first time. */
static inline bool script_meets(struct script *script, const char *name)
{
    for (size_t i = 0; i < script->met_count; i++) {
        if (strncmp(script->met[i], name, sizeof script->met[i] - 1) == 0) {
            return false;
        }
    }
    if (script->met_count == SCRIPT_NAMES) {
        abort(); /* too large a repository for such a script */
    }
    snprintf(script->met[script->met_count++], sizeof script->met[0], "%s", name);
    return true;
}

/* Counts one thing that the deed can strike; whether it is its turn. */
static inline bool script_strikes(struct script *script, const char *call, const char *name)
{
    pthread_mutex_lock(&script->lock);
    bool again = script->span == SPAN_OBJECT && !script_meets(script, name);
    script->count += again ? 0 : 1;
    bool strikes = !again && script->count == script->at;
    if (script->struck > 0) {
        strikes = script->span == SPAN_LASTING || (again && strcmp(name, script->name) == 0);
    }
    if (strikes && script->struck++ == 0) {
        snprintf(script->call, sizeof script->call, "%s", call);
        snprintf(script->name, sizeof script->name, "%s", name);
    }
    pthread_mutex_unlock(&script->lock);
    return strikes;
}

static inline enum status script_failure(const struct script *script, const char *name,
                                         struct error *error)
{
    error_set(error, script->status, 0, "%s: as the script says", name);
    error->os_error = script->status == STATUS_FAILED ? EIO : 0;
    return script->status;
}

/* What can strike any call, before it is done. */
static inline enum status script_before(struct script *script, const char *call, const char *name,
                                        struct error *error)
{
    if (script->deed == DEED_FAIL && script_strikes(script, call, name)) {
        return script_failure(script, name, error);
    }
    if (script->deed == DEED_DELAY && script_strikes(script, call, name)) {
        usleep(script->delay_ms * 1000);
    }
    return STATUS_OK;
}

static inline void scripted_close(void *self)
{
    struct scripted_store *scripted = self;
    store_free(scripted->inner);
    free(scripted);
}

static inline enum status scripted_open(void **self, const struct store_options *options,
                                        struct error *error)
{
    const struct scripted_driver *driver = (const struct scripted_driver *)options->driver;
    struct store_options inner = *options;
    inner.driver = NULL;
    enum status status = script_before(driver->script, "open", options->url, error);
    if (status != STATUS_OK) {
        return status;
    }
    struct scripted_store *scripted = calloc(1, sizeof *scripted);
    if (scripted == NULL) {
        return error_set_memory(error);
    }
    scripted->script = driver->script;
    status = store_open(&scripted->inner, &inner, error);
    if (status != STATUS_OK) {
        free(scripted);
        return status;
    }
    *self = scripted;
    return STATUS_OK;
}

static inline enum status scripted_make_folder(void *self, const char *name, struct error *error)
{
    struct scripted_store *scripted = self;
    enum status status = script_before(scripted->script, "make_folder", name, error);
    return status != STATUS_OK ? status : store_make_folder(scripted->inner, name, error);
}

/* A publication that the deed breaks. */
static inline enum status put_badly(struct scripted_store *scripted, const char *name,
                                    const void *data, size_t size, struct error *error)
{
    const struct script *script = scripted->script;
    enum status status = STATUS_OK;
    if (script->deed == DEED_PARTIAL || script->deed == DEED_SHORTEN) {
        size /= 2;
    }
    if (script->deed != DEED_LOSE) {
        status =
            store_put(scripted->inner, name, data, script->deed == DEED_EMPTY ? 0 : size, error);
    }
    bool admits = script->deed == DEED_DENY_ACK || script->deed == DEED_PARTIAL;
    return status == STATUS_OK && admits ? script_failure(script, name, error) : status;
}

static inline enum status scripted_put(void *self, const char *name, const void *data, size_t size,
                                       struct error *error)
{
    struct scripted_store *scripted = self;
    struct script *script = scripted->script;
    enum status status = script_before(script, "put", name, error);
    bool broken = script->deed >= DEED_DENY_ACK && script->deed <= DEED_SHORTEN;
    if (status == STATUS_OK && broken && script_strikes(script, "put", name)) {
        return put_badly(scripted, name, data, size, error);
    }
    return status != STATUS_OK ? status : store_put(scripted->inner, name, data, size, error);
}

static inline enum status scripted_get(void *self, const char *name, uint64_t offset, void *target,
                                       size_t size, size_t *got, struct error *error)
{
    struct scripted_store *scripted = self;
    struct script *script = scripted->script;
    enum status status = script_before(script, "get", name, error);
    if (status == STATUS_OK) {
        status = store_get(scripted->inner, name, offset, target, size, got, error);
    }
    bool spoils = script->deed == DEED_TRUNCATE || script->deed == DEED_FLIP;
    if (status != STATUS_OK || *got == 0 || !spoils || !script_strikes(script, "get", name)) {
        return status;
    }
    if (script->deed == DEED_TRUNCATE) {
        *got /= 2;
    } else {
        ((unsigned char *)target)[*got / 2] ^= 0x10;
    }
    return STATUS_OK;
}

static inline uint64_t script_size(struct script *script, const char *call, const char *name,
                                   uint64_t size)
{
    bool lies = script->deed == DEED_SIZE && script_strikes(script, call, name);
    return lies ? 2 * size + 1 : size;
}

static inline enum status scripted_size(void *self, const char *name, uint64_t *size,
                                        struct error *error)
{
    struct scripted_store *scripted = self;
    enum status status = script_before(scripted->script, "size", name, error);
    if (status == STATUS_OK) {
        status = store_size(scripted->inner, name, size, error);
    }
    if (status == STATUS_OK) {
        *size = script_size(scripted->script, "size", name, *size);
    }
    return status;
}

struct scripted_listing {
    struct script *script;
    store_visit visit;
    void *context;
};

static inline enum status scripted_entry(void *context, const struct store_entry *entry,
                                         struct error *error)
{
    const struct scripted_listing *listing = context;
    struct script *script = listing->script;
    if (script->deed == DEED_HIDE && script_strikes(script, "entry", entry->name)) {
        return STATUS_OK;
    }
    struct store_entry told = *entry;
    told.size = script_size(script, "entry", entry->name, entry->size);
    return listing->visit(listing->context, &told, error);
}

struct kept_listing {
    struct store_entry *entries;
    size_t count;
};

static inline enum status keep_entry(void *context, const struct store_entry *entry,
                                     struct error *error)
{
    struct kept_listing *kept = context;
    struct store_entry *more =
        realloc(kept->entries, (kept->count + 1) * sizeof(struct store_entry));
    if (more == NULL) {
        return error_set_memory(error);
    }
    kept->entries = more;
    kept->entries[kept->count] = *entry;
    kept->entries[kept->count++].name = strdup(entry->name);
    return STATUS_OK;
}

static inline enum status list_backwards(struct scripted_store *scripted, const char *name,
                                         store_visit visit, void *context, struct error *error)
{
    struct kept_listing kept = {0};
    enum status status = store_list_all(scripted->inner, name, keep_entry, &kept, error);
    while (kept.count > 0) {
        struct store_entry *entry = &kept.entries[--kept.count];
        status = status != STATUS_OK ? status : visit(context, entry, error);
        free((char *)(uintptr_t)entry->name);
    }
    free(kept.entries);
    return status;
}

static inline enum status scripted_list(void *self, const char *name, store_visit visit,
                                        void *context, struct error *error)
{
    struct scripted_store *scripted = self;
    struct scripted_listing listing = {scripted->script, visit, context};
    enum status status = script_before(scripted->script, "list", name, error);
    if (status == STATUS_OK && scripted->script->deed == DEED_REORDER &&
        script_strikes(scripted->script, "list", name)) {
        return list_backwards(scripted, name, visit, context, error);
    }
    return status != STATUS_OK
               ? status
               : store_list_all(scripted->inner, name, scripted_entry, &listing, error);
}

static inline double scripted_round_trip(const void *self)
{
    const struct scripted_store *scripted = self;
    return store_round_trip(scripted->inner);
}

static inline const char *scripted_host_key(const void *self)
{
    const struct scripted_store *scripted = self;
    return store_host_key(scripted->inner);
}

/* The script begins anew and plays in all stores that are opened with the driver. Both must outlive
 * them. */
static inline struct scripted_driver scripted_driver(struct script *script)
{
    script->count = 0;
    script->struck = 0;
    script->met_count = 0;
    script->call[0] = '\0';
    script->name[0] = '\0';
    return (struct scripted_driver){
        .driver = {.scheme = "scripted",
                   .open = scripted_open,
                   .close = scripted_close,
                   .make_folder = scripted_make_folder,
                   .put = scripted_put,
                   .get = scripted_get,
                   .size = scripted_size,
                   .list = scripted_list,
                   .round_trip = scripted_round_trip,
                   .host_key = scripted_host_key},
        .script = script,
    };
}

#endif
