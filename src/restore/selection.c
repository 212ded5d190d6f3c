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

static bool lies_in(const char *path, const char *folder)
{
    size_t size = strlen(folder);
    return strncmp(path, folder, size) == 0 && (path[size] == '/' || path[size] == '\0');
}

/* The pattern is tried on the path, on each folder that it lies in, and on the last component of
 * each of these: what is in a folder that matches is meant, too. */
static bool matches(const char *path, const char *pattern)
{
    char part[ENTRY_PATH_MAX + 1];
    size_t size = strlen(path);
    if (size >= sizeof part) {
        return false;
    }
    memcpy(part, path, size + 1);
    for (;;) {
        const char *slash = strrchr(part, '/');
        const char *name = slash == NULL ? part : slash + 1;
        if (fnmatch(pattern, part, 0) == 0 || fnmatch(pattern, name, 0) == 0) {
            return true;
        }
        if (slash == NULL) {
            return false;
        }
        part[slash - part] = '\0';
    }
}

bool selection_has_path(const struct selection *selection, const char *path)
{
    if (selection->includes == NULL) {
        return true;
    }
    for (size_t i = 0; selection->includes[i] != NULL; i++) {
        const char *include = selection->includes[i];
        bool is_pattern = strpbrk(include, "*?[") != NULL;
        if (lies_in(path, include) || (is_pattern && matches(path, include))) {
            return true;
        }
    }
    return false;
}
