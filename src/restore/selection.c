/* selection: what of a snapshot is meant. */
#include "kura/restore.h"
#include <fnmatch.h>
#include <sodium.h>
#include <string.h>

bool selection_has_source(const struct selection *selection, const char *name)
{
    if (selection->sources == NULL) {
        return true;
    }
    for (size_t i = 0; selection->sources[i] != NULL; i++) {
        if (strcmp(selection->sources[i], name) == 0) {
            return true;
        }
    }
    return false;
}

static void hash_words(crypto_generichash_state *hash, const char *const *words)
{
    for (size_t i = 0; words != NULL && words[i] != NULL; i++) {
        crypto_generichash_update(hash, (const unsigned char *)words[i], strlen(words[i]) + 1);
    }
    crypto_generichash_update(hash, (const unsigned char *)"", 1);
}

bool selection_digest(unsigned char digest[OBJECT_ID_SIZE], const struct selection *selection)
{
    crypto_generichash_state hash;
    crypto_generichash_init(&hash, NULL, 0, OBJECT_ID_SIZE);
    hash_words(&hash, selection->sources);
    hash_words(&hash, selection->includes);
    crypto_generichash_final(&hash, digest, OBJECT_ID_SIZE);
    return selection->sources != NULL || selection->includes != NULL;
}

/* Whether this path itself is meant, whatever it lies in: by its name, by a pattern for it or by
 * one for its last component. */
static bool is_meant(const struct selection *selection, const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash == NULL ? path : slash + 1;
    for (size_t i = 0; selection->includes[i] != NULL; i++) {
        const char *include = selection->includes[i];
        bool is_pattern = strpbrk(include, "*?[") != NULL;
        if (strcmp(path, include) == 0 ||
            (is_pattern && (fnmatch(include, path, 0) == 0 || fnmatch(include, name, 0) == 0))) {
            return true;
        }
    }
    return false;
}

/* How much of both paths is the same, in whole components. */
static size_t shared_size(const char *a, const char *b)
{
    size_t shared = 0;
    for (size_t i = 0;; i++) {
        if ((a[i] == '/' || a[i] == '\0') && (b[i] == '/' || b[i] == '\0')) {
            shared = i;
        }
        if (a[i] != b[i] || a[i] == '\0') {
            return shared;
        }
    }
}

/* Asks about each folder of the trail's path that is longer than `known`, and about itself. */
static void ask_rest(struct selection_trail *trail, const struct selection *selection, size_t known)
{
    size_t end = known;
    while (trail->meant == 0 && trail->path[end] != '\0') {
        end += end > 0; /* the slash */
        end += strcspn(trail->path + end, "/");
        char cut = trail->path[end];
        trail->path[end] = '\0';
        trail->meant = is_meant(selection, trail->path) ? end : 0;
        trail->path[end] = cut;
    }
}

bool selection_has_path(const struct selection *selection, struct selection_trail *trail,
                        const char *path)
{
    size_t size = strlen(path);
    if (selection->includes == NULL) {
        return true;
    }
    if (size == 0 || size > ENTRY_PATH_MAX) {
        return size == 0 && is_meant(selection, path);
    }
    size_t known = shared_size(trail->path, path);
    memcpy(trail->path + known, path + known, size - known + 1);
    if (trail->meant == 0 || trail->meant > known) {
        trail->meant = 0;
        ask_rest(trail, selection, known);
    }
    return trail->meant > 0;
}
