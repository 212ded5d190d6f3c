/* store: chooses the driver by the address, and lets no name reach it that could mean another place
 * or that a listing would hide. */
#include "store_private.h"
#include <stdlib.h>
#include <string.h>

struct store {
    const struct store_driver *driver;
    void *self;
};

static const struct store_driver *const drivers[] = {
    &store_local_driver,
    &store_sftp_driver,
};

bool store_name_valid(const char *name)
{
    size_t size = strlen(name);
    if (size == 0 || size > STORE_NAME_LIMIT) {
        return false;
    }
    if (strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789./_-") != size) {
        return false;
    }
    const char *part = name;
    for (;;) {
        size_t length = strcspn(part, "/");
        /* An empty component, and ".", ".." or anything hidden: the way out of the store. */
        if (length == 0 || part[0] == '.') {
            return false;
        }
        size_t suffix = strlen(STORE_TEMPORARY_SUFFIX);
        if (length >= suffix &&
            memcmp(part + length - suffix, STORE_TEMPORARY_SUFFIX, suffix) == 0) {
            return false;
        }
        if (part[length] == '\0') {
            return true;
        }
        part += length + 1;
    }
}

bool store_listed_valid(const char *name, bool *unfinished)
{
    char whole[STORE_NAME_LIMIT + 1];
    size_t size = strlen(name);
    size_t suffix = strlen(STORE_TEMPORARY_SUFFIX);
    *unfinished = size > suffix && strcmp(name + size - suffix, STORE_TEMPORARY_SUFFIX) == 0;
    size -= *unfinished ? suffix : 0;
    if (size >= sizeof whole) {
        return false;
    }
    memcpy(whole, name, size);
    whole[size] = '\0';
    return store_name_valid(whole);
}

bool store_component_valid(const char *name)
{
    bool unfinished;
    return strchr(name, '/') == NULL && store_listed_valid(name, &unfinished);
}

static enum status check_name(const char *name, struct error *error)
{
    if (!store_name_valid(name)) {
        return error_set(error, STATUS_USAGE, 0, _("%s is not a name that a store can hold"), name);
    }
    return STATUS_OK;
}

static const struct store_driver *driver_of(const char *url)
{
    const char *mark = strstr(url, "://");
    if (mark == NULL) {
        return &store_local_driver;
    }
    size_t size = (size_t)(mark - url);
    for (size_t i = 0; i < LENGTH(drivers); i++) {
        if (strlen(drivers[i]->scheme) == size && strncmp(drivers[i]->scheme, url, size) == 0) {
            return drivers[i];
        }
    }
    return NULL;
}

enum status store_open(struct store **store, const struct store_options *options,
                       struct error *error)
{
    *store = NULL;
    if (options->url == NULL || options->url[0] == '\0') {
        return error_set(error, STATUS_USAGE, 0, "%s", _("the address of the store is empty"));
    }
    const struct store_driver *driver =
        options->driver != NULL ? options->driver : driver_of(options->url);
    if (driver == NULL) {
        error_set(error, STATUS_USAGE, 0, _("%s is not an address of a store that is known here"),
                  options->url);
        return error_set_hint(error, "%s",
                              _("Write sftp://user@host/folder, or the path of a folder."));
    }
    CLEANUP(memory_free) struct store *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return error_set_memory(error);
    }
    made->driver = driver;
    enum status status = driver->open(&made->self, options, error);
    if (status == STATUS_OK) {
        *store = made;
        made = NULL;
    }
    return status;
}

void store_free(struct store *store)
{
    if (store != NULL) {
        store->driver->close(store->self);
        free(store);
    }
}

enum status store_make_folder(struct store *store, const char *name, struct error *error)
{
    enum status status = check_name(name, error);
    return status == STATUS_OK ? store->driver->make_folder(store->self, name, error) : status;
}

enum status store_put(struct store *store, const char *name, const void *data, size_t size,
                      struct error *error)
{
    enum status status = check_name(name, error);
    return status == STATUS_OK ? store->driver->put(store->self, name, data, size, error) : status;
}

enum status store_get(struct store *store, const char *name, uint64_t offset, void *target,
                      size_t size, size_t *got, struct error *error)
{
    *got = 0;
    enum status status = check_name(name, error);
    if (status == STATUS_OK && (offset > INT64_MAX || size > INT64_MAX - offset)) {
        /* Past every file's end, and past what the drivers can count. */
        return error_set(error, STATUS_USAGE, 0, _("%s is asked for beyond any possible end"),
                         name);
    }
    return status == STATUS_OK
               ? store->driver->get(store->self, name, offset, target, size, got, error)
               : status;
}

enum status store_size(struct store *store, const char *name, uint64_t *size, struct error *error)
{
    *size = 0;
    enum status status = check_name(name, error);
    return status == STATUS_OK ? store->driver->size(store->self, name, size, error) : status;
}

enum status store_list_all(struct store *store, const char *name, store_visit visit, void *context,
                           struct error *error)
{
    enum status status = check_name(name, error);
    return status == STATUS_OK ? store->driver->list(store->self, name, visit, context, error)
                               : status;
}

struct listing {
    store_visit visit;
    void *context;
};

static enum status visit_finished(void *context, const struct store_entry *entry,
                                  struct error *error)
{
    const struct listing *listing = context;
    return entry->unfinished ? STATUS_OK : listing->visit(listing->context, entry, error);
}

enum status store_list(struct store *store, const char *name, store_visit visit, void *context,
                       struct error *error)
{
    struct listing listing = {visit, context};
    return store_list_all(store, name, visit_finished, &listing, error);
}

double store_round_trip(const struct store *store)
{
    return store->driver->round_trip(store->self);
}

const char *store_host_key(const struct store *store)
{
    return store->driver->host_key(store->self);
}
